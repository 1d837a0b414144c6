package packet

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

func TestParseAgreesWithPion(t *testing.T) {
	for name, h := range map[string]rtp.Header{
		"plain":     {Version: 2, PayloadType: 96, SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 9},
		"marker":    {Version: 2, Marker: true, PayloadType: 111, SSRC: 1},
		"csrc":      {Version: 2, CSRC: []uint32{1, 2, 3}},
		"extension": {Version: 2, Extension: true, ExtensionProfile: 0xbede, Extensions: nil},
	} {
		if name == "extension" {
			if err := h.SetExtension(1, []byte{0x8a}); err != nil {
				t.Fatal(err)
			}
			if err := h.SetExtension(4, []byte{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
		}
		p := rtp.Packet{Header: h, Payload: []byte("payload")}
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Seq != h.SequenceNumber || got.Timestamp != h.Timestamp || got.SSRC != h.SSRC || got.Marker != h.Marker ||
			got.PayloadType != h.PayloadType || string(b[got.Payload:got.End]) != "payload" {
			t.Errorf("%s: %+v", name, got)
		}
		if name == "extension" {
			if level, voice, ok := AudioLevel(got.Extension(b, 1)); !ok || level != 10 || !voice {
				t.Errorf("level %d %v %v", level, voice, ok)
			}
			if !bytes.Equal(got.Extension(b, 4), []byte{1, 2, 3}) || got.Extension(b, 5) != nil {
				t.Error("extension 4 or 5")
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":            {},
		"short":            make([]byte, 11),
		"version":          append([]byte{0x40}, make([]byte, 11)...),
		"csrc missing":     append([]byte{0x8f}, make([]byte, 20)...),
		"extension":        append([]byte{0x90}, make([]byte, 12)...),
		"extension length": append(append([]byte{0x90}, make([]byte, 11)...), 0xbe, 0xde, 0xff, 0xff),
		"no padding":       append([]byte{0xa0}, make([]byte, 12)...),
		"padding":          append(append([]byte{0xa0}, make([]byte, 11)...), 200),
	} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestVP8(t *testing.T) {
	key := []byte{0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0xe0, 1}
	for _, tc := range []struct {
		name string
		p    []byte
		want VP8
	}{
		{"bare key frame", append([]byte{0x10}, key...), VP8{Size: 1, Start: true, KeyFrame: true, Width: 640, Height: 480}},
		{"interframe", []byte{0x10, 0x01, 0, 0}, VP8{Size: 1, Start: true}},
		{"later packet", append([]byte{0x00}, key...), VP8{Size: 1}},
		{"7-bit picture", []byte{0x90, 0x80, 0x11, 1}, VP8{Size: 3, PictureIDAt: 2, PictureID: 17, Start: true}},
		{"all fields", []byte{0x90, 0xf0, 0x92, 0x34, 0x56, 0x80, 1},
			VP8{Size: 6, PictureIDAt: 2, PictureID: 0x1234, Long: true, TL0At: 4, TL0PicIdx: 0x56, Temporal: 2, Start: true}},
	} {
		got, err := ParseVP8(tc.p)
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", tc.name, got, err, tc.want)
		}
	}
	p := []byte{0x90, 0xf0, 0x92, 0x34, 0x56, 0x80, 1}
	d, err := ParseVP8(p)
	if err != nil {
		t.Fatal(err)
	}
	d.SetPicture(p, 0x7fff, 9)
	if d, err = ParseVP8(p); err != nil || d.PictureID != 0x7fff || d.TL0PicIdx != 9 {
		t.Errorf("after SetPicture: %+v, %v", d, err)
	}
	for _, p := range [][]byte{{}, {0x80}, {0x80, 0x80}, {0x80, 0x80, 0x80}, {0x80, 0x40}, {0x80, 0x20}} {
		if _, err := ParseVP8(p); err == nil {
			t.Errorf("%x was accepted", p)
		}
	}
}

// Sequence parameter sets of libx264: 1280 × 720 in high profile with emulation prevention, 320 × 180 cropped in
// constrained baseline.
var (
	sps720 = []byte{0x67, 0x64, 0x00, 0x1f, 0xac, 0xb2, 0x00, 0xa0, 0x0b, 0x76, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x01, 0x41, 0xe3, 0x06, 0x49}
	sps180 = []byte{0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x00, 0xa0, 0xf1, 0x42, 0xa4, 0x80}
)

func TestH264(t *testing.T) {
	stap := func(units ...[]byte) []byte {
		p := []byte{24}
		for _, u := range units {
			p = append(append(p, byte(len(u)>>8), byte(len(u))), u...)
		}
		return p
	}
	for _, tc := range []struct {
		name string
		p    []byte
		want H264
	}{
		{"IDR", []byte{0x65, 1}, H264{IDR: true}},
		{"slice", []byte{0x41, 1}, H264{}},
		{"SPS", sps720, H264{SPS: true, Width: 1280, Height: 720}},
		{"SPS cut off", sps720[:5], H264{SPS: true}},
		{"STAP-A of all", stap(sps180, []byte{0x68, 1}, []byte{0x65, 1}), H264{SPS: true, IDR: true, Width: 320, Height: 180}},
		{"STAP-A without SPS", stap([]byte{0x68, 1}, []byte{0x65, 1}), H264{IDR: true}},
		{"broken STAP-A", []byte{24, 0, 9, 0x68, 1}, H264{}},
		{"FU-A start", []byte{28, 0x85, 1}, H264{IDR: true}},
		{"FU-A middle", []byte{28, 0x05, 1}, H264{}},
		{"FU-A of a slice", []byte{28, 0x81, 1}, H264{}},
		{"empty", nil, H264{}},
	} {
		if got := ParseH264(tc.p); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestVP9(t *testing.T) {
	three := [MaxSpatial]Resolution{{320, 180}, {640, 360}, {1280, 720}}
	sizes := []byte{1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208}
	for _, tc := range []struct {
		name string
		p    []byte
		want VP9
		key  bool
	}{
		{"key", []byte{0x8c, 0x80, 1}, VP9{Size: 3, Start: true, End: true}, true},
		{"bare", []byte{0x08, 1}, VP9{Size: 1, Start: true}, true},
		{"inter", []byte{0xcc, 0x11, 1}, VP9{Size: 2, Start: true, End: true, Predicted: true}, false},
		{"not a start", []byte{0x84, 0x80, 1}, VP9{Size: 3, End: true}, false},
		{"upper layer", []byte{0xa8, 0x01, 0x43, 7, 0}, VP9{Size: 4, Start: true, Spatial: 1, Temporal: 2}, false},
		{"flexible", []byte{0xf8, 0x81, 0x02, 0x02, 0x03, 0x04, 0}, VP9{Size: 6, Start: true, Predicted: true, Spatial: 1}, false},
		{"structure", append([]byte{0x2a, 0, 0, 0x50}, sizes...), VP9{Size: 16, Start: true, Layers: 3, Sizes: three}, true},
		{"structure with a group", append(append([]byte{0x2a, 0, 0, 0x58}, sizes...), 2, 0x04, 1, 0x48, 1, 2), VP9{Size: 22, Start: true, Layers: 3, Sizes: three}, true},
	} {
		got, err := ParseVP9(tc.p)
		if err != nil || got != tc.want || got.KeyFrame() != tc.key {
			t.Errorf("%s: %+v %v, want %+v", tc.name, got, err, tc.want)
		}
	}
	for _, p := range [][]byte{{}, {0x80}, {0x80, 0x80}, {0x28, 0}, {0xf8, 1, 0, 3, 3, 3, 0}, {0x28, 0x06, 0}, {0x0a, 0x70}, {0x0a, 0x50, 1}, {0x0a, 0x08, 2, 0x0c, 1}} {
		if d, err := ParseVP9(p); err == nil {
			t.Errorf("%x was accepted: %+v", p, d)
		}
	}
}

// bitWriter writes what Bits reads.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(v uint32, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// descriptor is a dependency descriptor: of a key picture's first frame with the structure of three spatial layers of
// two temporal ones each (six templates, six decode targets, three chains), and with only some decode targets active.
func descriptor(active uint32, sizes bool) []byte {
	w := &bitWriter{}
	w.put(0b11, 2) // start, end
	w.put(5, 6)    // template 5: the first, for they are counted from 5
	w.put(777, 16)
	w.put(0b11000, 5)
	w.put(5, 6)                                       // offset
	w.put(5, 5)                                       // six targets
	for _, next := range []uint32{1, 2, 1, 2, 1, 3} { // temporal 0 and 1 of spatial 0, 1, 2
		w.put(next, 2)
	}
	for template := range uint32(6) {
		for target := range uint32(6) { // a target needs its own spatial layer, at its rate or below
			present := uint32(0)
			if template/2 == target/2 && template%2 <= target%2 {
				present = 2
			}
			w.put(present, 2)
		}
	}
	for template := range 6 {
		for range template % 3 { // so many distances
			w.put(1<<4|3, 5)
		}
		w.put(0, 1)
	}
	w.put(0b100, 3) // three chains: ns(7)
	for target := range uint32(6) {
		w.put([]uint32{0, 0b10, 0b11}[target/2], []int{1, 2, 2}[target/2]) // ns(3)
	}
	for range 6 * 3 {
		w.put(1, 4)
	}
	if !sizes {
		w.put(0, 1)
	} else {
		w.put(1, 1)
		for _, v := range []uint32{320, 180, 640, 360, 1280, 720} {
			w.put(v-1, 16)
		}
	}
	w.put(active, 6)
	return w.b
}

func TestDependency(t *testing.T) {
	var s Structure
	if _, err := s.Parse([]byte{0xc5, 0, 1}); err == nil {
		t.Error("a frame before its structure was accepted")
	}
	d, err := s.Parse(descriptor(0b111111, true))
	if want := (Dependency{Start: true, End: true, Number: 777, Begins: true, Up: 1, Leads: true, Chained: true, Chain: [MaxSpatial]uint8{1, 1, 1}}); err != nil || d != want || !d.KeyFrame() {
		t.Errorf("%+v %v, want %+v", d, err, want)
	}
	if want := [MaxSpatial]Resolution{{320, 180}, {640, 360}, {1280, 720}}; s.Layers != 3 || s.Sizes != want || s.Active() != 3 {
		t.Errorf("%d layers of %v, %d active", s.Layers, s.Sizes, s.Active())
	}
	for id, want := range map[byte]Dependency{5: {}, 6: {Temporal: 1, Back: 4}, 8: {Spatial: 1, Temporal: 1, Serves: 1}, 10: {Spatial: 2, Temporal: 1, Serves: 2, Back: 4}} {
		want.Number, want.Up, want.Leads, want.Chained, want.Chain = 9, 1, true, true, [MaxSpatial]uint8{1, 1, 1}
		if d, err := s.Parse([]byte{id, 0, 9}); err != nil || d != want {
			t.Errorf("template %d: %+v %v, want %+v", id, d, err, want)
		}
	}
	w := &bitWriter{} // a frame of the lowest layer that tells itself what it is to each target: all need it
	for _, f := range [][2]uint32{{5, 8}, {9, 16}, {0b00100, 5}, {0b101010101010, 12}} {
		w.put(f[0], int(f[1]))
	}
	if d, err := s.Parse(w.b); err != nil || d.Serves != 2 {
		t.Errorf("with indications of its own: %+v %v", d, err)
	}
	w = &bitWriter{} // one with distances of 5 and 300 frames, and chains of its own
	for _, f := range [][2]uint32{{7, 8}, {9, 16}, {0b00011, 5}, {1, 2}, {4, 4}, {3, 2}, {299, 12}, {0, 2}, {3, 8}, {200, 8}, {0, 8}} {
		w.put(f[0], int(f[1]))
	}
	if d, err := s.Parse(w.b); err != nil || d.Spatial != 1 || d.Back != 300 || d.Chain != [MaxSpatial]uint8{3, 200, 0} {
		t.Errorf("with distances and chains of its own: %+v %v", d, err)
	}
	for n := range w.b {
		if d, err := s.Parse(w.b[:n]); err == nil && n > 3 {
			t.Errorf("%d of its %d bytes were accepted: %+v", n, len(w.b), d)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, err = s.Parse(w.b) }); n != 0 || err != nil {
		t.Errorf("%v allocations a packet, %v", n, err)
	}
	for _, id := range []byte{4, 11, 63} {
		if d, err := s.Parse([]byte{id, 0, 9}); err == nil {
			t.Errorf("template %d was accepted: %+v", id, d)
		}
	}
	for active, layers := range map[uint32]int{0b001111: 2, 0b000001: 1, 0b100000: 3, 0: 0} {
		if _, err := s.Parse(descriptor(active, false)); err != nil || s.Active() != layers {
			t.Errorf("active %b: %d layers %v", active, s.Active(), err)
		}
		w := &bitWriter{}
		for _, f := range [][2]uint32{{5, 8}, {1, 16}, {0b01000, 5}, {0b000011, 6}} {
			w.put(f[0], int(f[1]))
		}
		if _, err := s.Parse(w.b); err != nil || s.Active() != 1 {
			t.Errorf("later only the lowest: %d layers %v", s.Active(), err)
		}
	}
	whole := descriptor(0b111111, true)
	for n := range len(whole) - 1 {
		var s Structure
		if _, err := s.Parse(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(whole))
		}
	}
}

func FuzzDependency(f *testing.F) {
	f.Add(descriptor(0b111111, true), []byte{5, 0, 9})
	f.Add(descriptor(1, false), []byte{9, 0, 9, 0x40, 0xff})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var s Structure
		for _, ext := range [][]byte{first, second} {
			d, err := s.Parse(ext)
			if err == nil && (int(d.Spatial) >= s.Layers || s.Layers > MaxSpatial) || s.Active() > s.Layers {
				t.Errorf("%+v of %d layers, %d active", d, s.Layers, s.Active())
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0x8a, 0, 0, 1, 2, 3})
	f.Add([]byte{0xb0, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x10, 0, 0, 1, 1, 2, 3, 4, 5, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			return
		}
		_ = b[h.Payload:h.End]
		for id := range 16 {
			h.Extension(b, uint8(id))
		}
		var p rtp.Packet
		if p.Unmarshal(b) == nil && len(p.Payload) != h.End-h.Payload {
			t.Errorf("payload of %d bytes, pion says %d", h.End-h.Payload, len(p.Payload))
		}
	})
}

func TestRED(t *testing.T) {
	two := []byte{0x80 | 111, 0x0f, 0x00, 3, 111, 'o', 'l', 'd', 'n', 'e', 'w'} // 960 ticks back, 3 bytes
	r, err := ParseRED(two)
	want := RED{N: 2, Blocks: [MaxBlocks]Block{{PayloadType: 111, Back: 960, Start: 5, End: 8}, {PayloadType: 111, Start: 8, End: 11}}}
	if err != nil || r != want {
		t.Errorf("%+v %v, want %+v", r, err, want)
	}
	SetREDPayloadType(two, 2, 96)
	if r, err = ParseRED(two); err != nil || r.Blocks[0].PayloadType != 96 || r.Primary().PayloadType != 96 || r.Blocks[0].Back != 960 {
		t.Errorf("with another payload type %+v %v", r, err)
	}
	if r, err = ParseRED([]byte{111}); err != nil || r.N != 1 || r.Primary().Start != 1 || r.Primary().End != 1 {
		t.Errorf("an empty primary: %+v %v", r, err)
	}
	for _, p := range [][]byte{{}, {0x80 | 111}, {0x80 | 111, 0, 0, 1}, {0x80 | 111, 0, 0, 2, 111, 1}, bytes.Repeat([]byte{0xef, 0, 0, 0}, MaxBlocks+1)} {
		if _, err := ParseRED(p); err == nil {
			t.Errorf("%x was accepted", p)
		}
	}
}

func TestOpusTicks(t *testing.T) {
	for _, tc := range []struct {
		p    []byte
		want uint32
	}{{nil, 0}, {[]byte{0x08}, 960}, {[]byte{0x18}, 2880}, {[]byte{0x60}, 480}, {[]byte{0x68}, 960}, {[]byte{0x80}, 120}, {[]byte{0xf8}, 960},
		{[]byte{0xf9}, 1920}, {[]byte{0xfb, 3}, 2880}, {[]byte{0xfb, 63}, 5760}, {[]byte{0xfb}, 960}} {
		if got := OpusTicks(tc.p); got != tc.want {
			t.Errorf("%x: %d, want %d", tc.p, got, tc.want)
		}
	}
}

func FuzzRED(f *testing.F) {
	f.Add([]byte{0x80 | 111, 0x0f, 0x00, 3, 111, 'o', 'l', 'd', 'n', 'e', 'w'})
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := ParseRED(p)
		if err != nil {
			return
		}
		if r.N < 1 || r.N > MaxBlocks || r.Primary().End != len(p) {
			t.Fatalf("%+v of %d bytes", r, len(p))
		}
		at := 4*r.N - 3
		for _, b := range r.Blocks[:r.N] {
			if b.Start != at || b.End < b.Start {
				t.Fatalf("%+v", r)
			}
			OpusTicks(p[b.Start:b.End])
			at = b.End
		}
		SetREDPayloadType(p, r.N, 96)
		again, err := ParseRED(p)
		for i := range r.N {
			r.Blocks[i].PayloadType = 96
		}
		if err != nil || again != r {
			t.Fatalf("%+v after %+v: %v", again, r, err)
		}
	})
}

func FuzzDescriptors(f *testing.F) {
	f.Add([]byte{0x90, 0xf0, 0x92, 0x34, 0x56, 0x80, 1})
	f.Add([]byte{24, 0, 2, 0x68, 1, 0, 2, 0x65, 1})
	f.Add([]byte{0x8c, 0x80, 1})
	f.Add([]byte{0x2a, 0, 0, 0x58, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208, 2, 4, 1, 0x48, 1, 2})
	f.Add(append([]byte{24, 0, byte(len(sps720))}, sps720...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h := ParseH264(b); !h.SPS && h.Width > 0 || (h.Width > 0) != (h.Height > 0) {
			t.Errorf("%+v", h)
		}
		if d, err := ParseVP9(b); err == nil {
			var p codecs.VP9Packet
			if d.Size > len(b) || d.Spatial >= MaxSpatial || d.Layers > MaxSpatial {
				t.Errorf("%+v", d)
			}
			if _, err := p.Unmarshal(b); err == nil && (p.B != d.Start || p.E != d.End || p.P != d.Predicted || p.SID != d.Spatial || p.TID != d.Temporal) {
				t.Errorf("%+v, pion says %+v", d, p)
			}
		}
		d, err := ParseVP8(b)
		if err != nil {
			return
		}
		var p codecs.VP8Packet
		if _, err := p.Unmarshal(b); err == nil && (p.PictureID != d.PictureID || p.TL0PICIDX != d.TL0PicIdx) {
			t.Errorf("picture %d %d, pion says %d %d", d.PictureID, d.TL0PicIdx, p.PictureID, p.TL0PICIDX)
		}
		c := bytes.Clone(b)
		d.SetPicture(c, 5, 6)
		if e, err := ParseVP8(c); err != nil || e.Size != d.Size || d.PictureIDAt > 0 && e.PictureID != 5 || d.TL0At > 0 && e.TL0PicIdx != 6 {
			t.Errorf("after SetPicture: %+v %v", e, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	p := append([]byte{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0x8a, 0, 0, 0x90, 0xf0, 0x92, 0x34, 0x56, 0x80}, make([]byte, 1100)...)
	b.ReportAllocs()
	for b.Loop() {
		h, err := Parse(p)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ParseVP8(p[h.Payload:h.End]); err != nil {
			b.Fatal(err)
		}
	}
}
