package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/loss"
	"yunting/media/packetcache"
	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// svcStream is one synthetic stream of three spatial layers. A payload tells its picture, layer and part.
type svcStream struct {
	layer       *layer
	seq         uint16
	ts          uint32
	picture     int
	count       int // how many layers are sent
	fresh       int // from this layer on the next picture needs no earlier one; 0: no layer
	description     // how the dependency descriptor tells of it
}

const svcParts = 2 // packets of a layer's part of a picture

// next is the next picture, all its layers.
func (v *svcStream) next(t *testing.T, at time.Time, key bool) (out []*buffer) {
	t.Helper()
	for spatial := range uint8(v.count) {
		anew := key || v.fresh > 0 && int(spatial) >= v.fresh
		v.frame(spatial, key, anew)
		for part := range uint8(svcParts) {
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: v.seq, Timestamp: v.ts, SSRC: v.layer.ssrc,
				Marker: int(spatial) == v.count-1 && part == svcParts-1}}
			head := []byte{0xa0, 0x80 | byte(v.picture>>8)&0x7f, byte(v.picture), spatial << 1, 0} // I, L; picture, layer, TL0
			if !anew {
				head[0] |= 0x40
			}
			if part == 0 {
				head[0] |= 0x08
			}
			if part == svcParts-1 {
				head[0] |= 0x04
			}
			if key && spatial == 0 && part == 0 {
				head[0] |= 0x02
				head = append(head, 0x50, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208)
			}
			flags := byte(0)
			if key {
				flags = 1
			}
			p.Payload = append(head, byte(v.picture>>8), byte(v.picture), spatial, part, flags)
			if v.mode != "" {
				p.ExtensionProfile, p.Extension = rtp.ExtensionProfileTwoByte, true
				if err := p.SetExtension(v.layer.track.ext[extDependency], v.descriptor(part == 0, part == svcParts-1, v.count)); err != nil {
					t.Fatal(err)
				}
			}
			out = append(out, v.layer.takes(t, p, at.Add(time.Duration(len(out)))))
			v.seq++
		}
	}
	v.ts, v.picture, v.fresh = v.ts+4500, v.picture+1, 0
	return out
}

// got is one packet as a receiver sees it.
type got struct {
	head          rtp.Header
	picture       int
	spatial, part uint8
	key, empty    bool
}

// viewer is a track writer that reads svcStream's payloads.
type viewer struct{ packets []got }

func (v *viewer) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	g := got{head: *h, empty: len(payload) == 0}
	if n := len(payload); !g.empty {
		g.picture, g.spatial, g.part, g.key = int(payload[n-5])<<8|int(payload[n-4]), payload[n-3], payload[n-2], payload[n-1] == 1
	}
	v.packets = append(v.packets, g)
	return len(payload), nil
}
func (v *viewer) Write(b []byte) (int, error) { return len(b), nil }

func svcTrack(t *testing.T, codec string) (*track, *svcStream, *subscription, *viewer) {
	t.Helper()
	p, err := newSFU(t).Room("r").Join("a", JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	all := codecs()
	c := all[slices.IndexFunc(all, func(c webrtc.RTPCodecParameters) bool { return c.MimeType == codec })]
	tr := &track{w: &worker{}, kind: webrtc.RTPCodecTypeVideo, format: formatOf(&c), peer: p, codec: c}
	tr.permitted.Store(true)
	l := &layer{track: tr, ssrc: 7, svc: true, cache: packetcache.New[*buffer](videoCache), loss: loss.New(loss.Options{})}
	tr.layers = []*layer{l}
	out := &viewer{}
	s := receive(tr, out)
	tr.ext[extDependency] = 5
	return tr, &svcStream{layer: l, seq: uint16(rand.Uint32()), ts: rand.Uint32(), picture: 1, count: simulcast.Max}, s, out
}

// TestSpatialLayersFollow lets what a receiver shows and what its link bears change at random: it gets every layer up
// to its own and none above, goes up at key pictures alone and down at any, has the marker at the end of each picture,
// and no hole in the numbers.
func TestSpatialLayersFollow(t *testing.T) {
	tr, stream, s, out := svcTrack(t, webrtc.MimeTypeVP9)
	r := rand.New(rand.NewPCG(7, 8))
	sizes := []simulcast.View{{Width: 320, Height: 180}, {Width: 640, Height: 360}, {Width: 1280, Height: 720}, {}, {Hidden: true}}
	now, changes := time.Now(), 0
	for n := 0; n < 3000; n++ {
		now = now.Add(50 * time.Millisecond)
		if n%12 == 0 {
			s.view.Store(&sizes[r.IntN(len(sizes))])
			s.limit.Store(int32(r.IntN(5)) - 1)
			changes++
		}
		key := stream.layer.wantKey && r.IntN(2) == 0
		s.forward(stream.layer.accept(stream.next(t, now, key)), now)
		tr.retarget(now)
		if sent := s.sent(); sent != simulcast.None && s.limit.Load() >= 0 && int32(sent) > s.limit.Load() && s.target != simulcast.None && n%12 > 1 {
			t.Fatalf("picture %d: layer %d is sent, the link has room up to %d", n, sent, s.limit.Load())
		}
	}
	if w := stream.layer.spatial[2].size.Width; w != 1280 {
		t.Errorf("the best layer is %d wide", w)
	}
	checkPictures(t, out.packets)
}

// checkPictures reads packets without loss as a decoder would.
func checkPictures(t *testing.T, packets []got) {
	t.Helper()
	ups, downs, before := 0, 0, -1
	for i := 0; i < len(packets); {
		first := packets[i]
		top, n := -1, 0
		for ; i < len(packets) && packets[i].head.Timestamp == first.head.Timestamp; i++ {
			p := packets[i]
			if p.empty || p.picture != first.picture || int(p.spatial) != n/svcParts || int(p.part) != n%svcParts {
				t.Fatalf("packet %d: %+v in picture %d, of which %d came", i, p, first.picture, n)
			}
			if i > 0 && p.head.SequenceNumber != packets[i-1].head.SequenceNumber+1 {
				t.Fatalf("packet %d: sequence %d after %d", i, p.head.SequenceNumber, packets[i-1].head.SequenceNumber)
			}
			top, n = int(p.spatial), n+1
			last := i+1 == len(packets) || packets[i+1].head.Timestamp != p.head.Timestamp
			if p.head.Marker != last {
				t.Fatalf("packet %d: marker %v, the picture's last: %v", i, p.head.Marker, last)
			}
		}
		if n%svcParts != 0 {
			t.Fatalf("picture %d: %d packets", first.picture, n)
		}
		switch {
		case top > before:
			if !first.key {
				t.Fatalf("picture %d: from layer %d up to %d without a key picture", first.picture, before, top)
			}
			ups++
		case top < before:
			downs++
		}
		before = top
	}
	if ups < 30 || downs < 30 {
		t.Errorf("only %d steps up and %d down", ups, downs)
	}
}

// TestKeyModeSendsOneLayer: where the layers need each other at key pictures alone a receiver gets every layer up to its
// own of those, and of the others its own alone; it changes at key pictures, which are asked for, and what comes late of
// another layer goes empty.
func TestKeyModeSendsOneLayer(t *testing.T) {
	tr, stream, s, out := svcTrack(t, webrtc.MimeTypeVP9)
	stream.mode = keyMode
	r := rand.New(rand.NewPCG(11, 12))
	now, changes := time.Now(), 0
	for n := range 2000 {
		now = now.Add(50 * time.Millisecond)
		if n%20 == 0 {
			s.limit.Store(int32(r.IntN(3)))
		}
		s.forward(stream.layer.accept(stream.next(t, now, stream.layer.wantKey)), now)
		tr.retarget(now)
		if n%20 > 3 && int32(s.sent()) > s.limit.Load() {
			t.Fatalf("picture %d: layer %d is still sent, the link has room up to %d", n, s.sent(), s.limit.Load())
		}
	}
	mine := uint8(0)
	for i, p := range out.packets {
		if i > 0 && p.head.SequenceNumber != out.packets[i-1].head.SequenceNumber+1 || p.empty {
			t.Fatalf("packet %d: %+v after %+v", i, p, out.packets[max(i-1, 0)])
		}
		last := i+1 == len(out.packets) || out.packets[i+1].picture != p.picture
		if p.head.Marker != last {
			t.Fatalf("packet %d: marker %v, the picture's last: %v", i, p.head.Marker, last)
		}
		switch {
		case p.key && last && p.spatial != mine:
			mine, changes = p.spatial, changes+1
		case !p.key && p.spatial != mine:
			t.Fatalf("packet %d: of layer %d, the receiver has %d", i, p.spatial, mine)
		}
	}
	if changes < 30 {
		t.Errorf("only %d changes", changes)
	}
	b := stream.next(t, now, false)[0]
	if payload, _ := b.shape(rewrite.Out{Layer: 2}); payload != nil {
		t.Error("a late packet of a layer that is not needed goes on")
	}
	if payload, _ := b.shape(rewrite.Out{Layer: 0}); payload == nil {
		t.Error("a packet of the receiver's own layer goes empty")
	}
}

// TestSpatialLayersWithLoss loses and delays packets on the way from the publisher, and changes layers meanwhile: each
// number goes out once, what comes late takes the place that was kept for it, and a NACK gets the same bytes again.
func TestSpatialLayersWithLoss(t *testing.T) {
	tr, stream, s, out := svcTrack(t, webrtc.MimeTypeVP9)
	r := rand.New(rand.NewPCG(9, 10))
	now := time.Now()
	way := &roughWay{r: r, one: 20}
	for n := range 2000 {
		now = now.Add(50 * time.Millisecond)
		if n%7 == 0 {
			s.limit.Store(int32(r.IntN(3)))
		}
		arrive := way.carry(stream.next(t, now, n%40 == 0))
		sent := len(out.packets)
		s.forward(stream.layer.accept(arrive), now)
		tr.retarget(now)
		if fresh := out.packets[sent:]; n > 0 && len(fresh) > 0 {
			again := fresh[r.IntN(len(fresh))]
			count := len(out.packets)
			s.resendOne(s.bound.Load(), again.head.SequenceNumber)
			if len(out.packets) != count+1 || !same(out.packets[count], again) {
				t.Fatalf("picture %d: sent again %+v, first %+v", n, out.packets[count:], again)
			}
			out.packets = out.packets[:count]
		}
	}
	seen, filled, empty := map[uint16]bool{}, 0, 0
	highest := out.packets[0].head.SequenceNumber
	for i, p := range out.packets {
		q := p.head.SequenceNumber
		if seen[q] {
			t.Fatalf("packet %d: sequence %d twice", i, q)
		}
		seen[q] = true
		delete(seen, q-10000)
		if d := int16(q - highest); d > 0 {
			highest = q
		} else if i > 0 {
			filled++
		}
		if p.empty {
			empty++
		}
	}
	if filled < 50 || empty < 10 {
		t.Errorf("%d late packets in their places, %d of them empty", filled, empty)
	}
}

// roughWay loses one of so many packets, and another comes a few pictures late.
type roughWay struct {
	r    *rand.Rand
	one  int
	late []*buffer
}

// carry is what arrives when a run was sent.
func (w *roughWay) carry(run []*buffer) (arrive []*buffer) {
	for _, b := range run {
		switch w.r.IntN(w.one) {
		case 0: // lost
		case 1:
			w.late = append(w.late, b)
		default:
			arrive = append(arrive, b)
		}
	}
	if w.r.IntN(4) == 0 {
		arrive, w.late = append(arrive, w.late...), nil
	}
	return arrive
}

func same(a, b got) bool {
	return a.head.SequenceNumber == b.head.SequenceNumber && a.head.Timestamp == b.head.Timestamp && a.head.Marker == b.head.Marker &&
		a.picture == b.picture && a.spatial == b.spatial && a.part == b.part && a.empty == b.empty
}

// TestSpatialRates: a layer costs what those below it cost too.
func TestSpatialRates(t *testing.T) {
	tr, stream, _, _ := svcTrack(t, webrtc.MimeTypeVP9)
	now := time.Now()
	w := &worker{tracks: []*track{tr}, rated: now}
	for n := range 10 {
		now = now.Add(50 * time.Millisecond)
		stream.layer.accept(stream.next(t, now, n == 0))
	}
	w.rate(now)
	one := tr.rates[0].Load()
	for i := range int64(simulcast.Max) {
		if got := tr.rates[i].Load(); got < (i+1)*one*9/10 || got > (i+1)*one*11/10 || one == 0 {
			t.Errorf("layer %d: %d bps, the lowest %d", i, got, one)
		}
	}
	stream.layer.active = 1 // the publisher says that it sends the lowest alone
	if layers, live := tr.layersNow(now); !live || layers[1].Live || !layers[0].Live || !layers[1].Known || layers[2].Width != 1280 {
		t.Errorf("%+v", layers)
	}
}
