package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/loss"
	"yunting/media/packet"
	"yunting/media/packetcache"
	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// paper is a track writer that keeps what it is given.
type paper struct {
	format   format
	heads    []rtp.Header
	pictures []packet.VP8
}

func (p *paper) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	var d packet.VP8
	if p.format == formatVP8 {
		var err error
		if d, err = packet.ParseVP8(payload); err != nil {
			return 0, err
		}
	}
	head := *h
	head.Extensions = slices.Clone(h.Extensions) // the sender uses them again
	p.heads, p.pictures = append(p.heads, head), append(p.pictures, d)
	return len(payload), nil
}
func (p *paper) Write(b []byte) (int, error) { return len(b), nil }

// encoding is one synthetic simulcast layer: its numbers have nothing to do with those of the others.
type encoding struct {
	layer   *layer
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
	on      bool
}

func threeLayers(t *testing.T, codec webrtc.RTPCodecParameters) (*track, []*encoding) {
	t.Helper()
	s := newSFU(t)
	p, err := s.Room("r").Join("a", JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	tr := &track{w: &worker{}, kind: webrtc.RTPCodecTypeVideo, format: formatOf(&codec), peer: p, codec: codec}
	tr.permitted.Store(true)
	var all []*encoding
	for i := range uint8(3) {
		l := &layer{track: tr, index: i, ssrc: uint32(i) + 1, cache: packetcache.New[*buffer](videoCache), loss: loss.New(loss.Options{})}
		tr.layers = append(tr.layers, l)
		all = append(all, &encoding{layer: l, seq: uint16(rand.Uint32()), ts: rand.Uint32(), picture: uint16(rand.Uint32() & 0x7fff), tl0: uint8(rand.Uint32()), on: true})
	}
	return tr, all
}

// next is the encoding's next frame, of one packet.
func (e *encoding) next(t *testing.T, at time.Time, key bool) *buffer {
	t.Helper()
	frame := e.vp8(key)
	if e.layer.track.format == formatH264 {
		frame = h264Frame(e.layer.index, key)
	}
	b := e.layer.takes(t, &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: e.seq, Timestamp: e.ts, SSRC: e.layer.ssrc}, Payload: frame}, at)
	e.seq, e.ts, e.picture, e.tl0 = e.seq+1, e.ts+4500, (e.picture+1)&0x7fff, e.tl0+1
	return b
}

// takes reads a packet of a test's stream.
func (l *layer) takes(t *testing.T, p *rtp.Packet, at time.Time) *buffer {
	t.Helper()
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b := buffers.Get().(*buffer)
	if !l.parse(b, copy(b.data[:], raw)) {
		t.Fatal("our own packet is malformed")
	}
	b.arrived = at
	return b
}

func (e *encoding) vp8(key bool) []byte {
	frame := []byte{0x90, 0xe0, byte(e.picture>>8) | 0x80, byte(e.picture), e.tl0, 0, 0x01, 0, 0, 0x9d, 0x01, 0x2a, 64, 1, 180, 0}
	if key {
		frame[6] = 0
	}
	return frame
}

// h264Frame is a slice, or a STAP-A of an SPS that tells the layer's size, a PPS and an IDR slice.
func h264Frame(layer uint8, key bool) []byte {
	if !key {
		return []byte{0x41, 0x9a, 1, 2}
	}
	sps := [][]byte{ // of libx264, constrained baseline: 320 × 180, 640 × 360, 1280 × 720
		{0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x00, 0xa0, 0xf1, 0x42, 0xa4, 0x80},
		{0x67, 0x42, 0xc0, 0x16, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x0a, 0x0f, 0x16, 0x2e, 0x48},
		{0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x00, 0xa0, 0xf1, 0x83, 0x24, 0x80},
	}[layer]
	p := append([]byte{24, 0, byte(len(sps))}, sps...)
	return append(p, 0, 2, 0x68, 1, 0, 2, 0x65, 1)
}

// TestSwitchesAreContinuous lets what a receiver shows change at random, and layers fail, 200 times: to the decoder it is
// one stream, in which each change begins with a key frame.
func TestSwitchesAreContinuous(t *testing.T) {
	for _, c := range codecs()[:2] {
		t.Run(c.MimeType, func(t *testing.T) { switchAtRandom(t, c) })
	}
}

// subscribe has one receiver take the track, who has not told the size.
func subscribe(tr *track) (*subscription, *paper) {
	out := &paper{format: tr.format}
	return receive(tr, out), out
}

// receive makes out the track's only receiver, which shows the picture at its best.
func receive(tr *track, out webrtc.TrackLocalWriter) *subscription {
	s := &subscription{track: tr, peer: tr.peer}
	s.mapper = rewrite.New(5)
	s.bound.Store(&binding{out: out, ssrc: 9, pt: 96})
	s.allowed.Store(true)
	s.ready.Store(true)
	s.view.Store(&simulcast.View{})
	s.limit.Store(unlimited)
	s.numbers = make([]uint16, videoCache)
	subs := []*subscription{s}
	tr.subs.Store(&subs)
	return s
}

func switchAtRandom(t *testing.T, codec webrtc.RTPCodecParameters) {
	tr, all := threeLayers(t, codec)
	s, out := subscribe(tr)
	r := rand.New(rand.NewPCG(3, 4))
	sizes := []simulcast.View{{Width: 320, Height: 180}, {Width: 640, Height: 360}, {Width: 1280, Height: 720}, {}, {Hidden: true}}
	now, used, switches := time.Now(), int(simulcast.None), 0
	for frame := 0; switches < 200; frame++ {
		if frame > 200000 {
			t.Fatalf("only %d switches", switches)
		}
		now = now.Add(50 * time.Millisecond)
		if frame%12 == 0 {
			s.view.Store(&sizes[r.IntN(len(sizes))])
			s.limit.Store(int32(r.IntN(4)) - 1)
			all[r.IntN(3)].on = r.IntN(4) > 0
		}
		for _, e := range all {
			key := e.layer.wantKey && r.IntN(2) == 0
			if !e.on {
				continue
			}
			sent := len(out.heads)
			for _, b := range e.layer.accept([]*buffer{e.next(t, now, key)}) {
				s.forward([]*buffer{b}, now)
			}
			if len(out.heads) > sent && int(e.layer.index) != used {
				if !key {
					t.Fatalf("layer %d begins without a key frame", e.layer.index)
				}
				used, switches = int(e.layer.index), switches+1
			}
		}
		tr.retarget(now)
	}
	if w := tr.layers[2].spatial[0].size.Width; tr.format == formatH264 && w != 1280 {
		t.Errorf("the best layer is %d wide by its parameter sets", w)
	}
	for i := 1; i < len(out.heads); i++ {
		h, was, p, before := out.heads[i], out.heads[i-1], out.pictures[i], out.pictures[i-1]
		if h.SequenceNumber != was.SequenceNumber+1 || tr.format == formatVP8 && (p.PictureID != (before.PictureID+1)&0x7fff || p.TL0PicIdx != before.TL0PicIdx+1) {
			t.Fatalf("packet %d goes on with sequence %d after %d, picture %d after %d, TL0 %d after %d", i, h.SequenceNumber,
				was.SequenceNumber, p.PictureID, before.PictureID, p.TL0PicIdx, before.TL0PicIdx)
		}
		if d := int32(h.Timestamp - was.Timestamp); d <= 0 {
			t.Fatalf("packet %d: the timestamp goes by %d", i, d)
		}
	}
}

// TestDynacast: a layer is switched off when nobody took it for a while, and on again at once when somebody wants it.
func TestDynacast(t *testing.T) {
	tr, all := threeLayers(t, codecs()[0])
	now := time.Now()
	beat := func(taken [simulcast.Max]bool, after time.Duration) [simulcast.Max]bool {
		now = now.Add(after)
		for _, e := range all {
			e.layer.lastSeen, e.layer.spatial[0].lastSeen = now, now
		}
		layers, _ := tr.layersNow(now)
		tr.dynacast(&layers, taken, now)
		return tr.off
	}
	none, top := [simulcast.Max]bool{}, [simulcast.Max]bool{2: true}
	for i, step := range []struct {
		taken [simulcast.Max]bool
		after time.Duration
		off   [simulcast.Max]bool
	}{
		{none, 0, none}, {none, unneededFor - time.Millisecond, none}, {none, time.Millisecond, [simulcast.Max]bool{1: true, 2: true}},
		{top, time.Millisecond, [simulcast.Max]bool{1: true}}, {none, unneededFor - time.Millisecond, [simulcast.Max]bool{1: true}},
		{top, time.Millisecond, [simulcast.Max]bool{1: true}}, {none, unneededFor, [simulcast.Max]bool{1: true}},
		{none, unneededFor, [simulcast.Max]bool{1: true, 2: true}},
	} {
		if off := beat(step.taken, step.after); off != step.off {
			t.Errorf("step %d: off %v, want %v", i, off, step.off)
		}
	}
}

// TestNextLayerStandsIn: when the layer that a receiver shows stops coming, as on a weak uplink, the next one comes back
// though dynacast had stopped it, then the one below, and the best again when it does; a publisher that sends what it is
// asked for at once is never asked for more.
func TestNextLayerStandsIn(t *testing.T) {
	tr, all := threeLayers(t, codecs()[0])
	s, _ := subscribe(tr)
	now, fails := time.Now(), [simulcast.Max]bool{}
	run := func(length time.Duration) {
		for end := now.Add(length); now.Before(end); {
			now = now.Add(50 * time.Millisecond)
			for i, e := range all {
				if fails[i] || tr.off[i] { // a publisher does as it is told
					continue
				}
				for _, b := range e.layer.accept([]*buffer{e.next(t, now, e.layer.wantKey)}) {
					s.forward([]*buffer{b}, now)
				}
			}
			tr.retarget(now)
		}
	}
	large, small := simulcast.View{Width: 1280, Height: 720}, simulcast.View{Width: 160, Height: 90}
	for i, step := range []struct {
		view  simulcast.View
		fails [simulcast.Max]bool
		after time.Duration
		gets  uint8
		off   [simulcast.Max]bool
	}{
		{large, [simulcast.Max]bool{}, 2 * unneededFor, 2, [simulcast.Max]bool{1: true}},
		{large, [simulcast.Max]bool{2: true}, 2 * time.Second, 1, [simulcast.Max]bool{}},
		{large, [simulcast.Max]bool{2: true}, 3 * unneededFor, 1, [simulcast.Max]bool{}},
		{large, [simulcast.Max]bool{1: true, 2: true}, 2 * time.Second, 0, [simulcast.Max]bool{}},
		{large, [simulcast.Max]bool{}, 2 * unneededFor, 2, [simulcast.Max]bool{1: true}},
		{small, [simulcast.Max]bool{}, 2 * unneededFor, 0, [simulcast.Max]bool{1: true, 2: true}},
		{large, [simulcast.Max]bool{}, 500 * time.Millisecond, 2, [simulcast.Max]bool{1: true}},
		{large, [simulcast.Max]bool{}, 2 * time.Second, 2, [simulcast.Max]bool{1: true}},
		{large, [simulcast.Max]bool{true, true, true}, 5 * time.Second, 2, [simulcast.Max]bool{}}, // nothing comes: any may come back
		{large, [simulcast.Max]bool{}, 2 * unneededFor, 2, [simulcast.Max]bool{1: true}},
	} {
		s.view.Store(&step.view)
		fails = step.fails
		run(step.after)
		if s.sent() != step.gets || tr.off != step.off {
			t.Errorf("step %d: gets layer %d, want %d; stopped %v, want %v", i, s.sent(), step.gets, tr.off, step.off)
		}
	}
}
