package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yunting/media/packet"
	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// tape is a sink that keeps the packets.
type tape struct {
	t        *testing.T
	heads    []packet.Header
	pictures []packet.VP8
}

func (s *tape) RTP(pkt []byte, _ time.Time) {
	h, err := packet.Parse(pkt)
	if err != nil {
		s.t.Error(err)
		return
	}
	p, err := packet.ParseVP8(pkt[h.Payload:h.End])
	if err != nil {
		s.t.Error(err)
	}
	s.heads, s.pictures = append(s.heads, h), append(s.pictures, p)
}
func (s *tape) SenderReport(uint64, uint32, time.Time) {}
func (s *tape) Close()                                 {}

// TestRecordingTakesTheBestLayer: while a picture is recorded its publisher is never told to stop the best layer, nor,
// where that fails, the next, though nobody watches or somebody shows a thumbnail; the best that arrives is recorded, in
// one continuous stream whatever layers fail; and once the recording has stopped the publisher saves what nobody takes.
func TestRecordingTakesTheBestLayer(t *testing.T) {
	tr, encodings := threeLayers(t, codecs()[0])
	type uplink struct {
		*encoding
		works bool
	}
	var all []*uplink
	for _, e := range encodings {
		all = append(all, &uplink{e, true})
	}
	out := &tape{t: t}
	tr.feeds = []*feed{{sink: out, track: tr, mapper: &rewrite.Mapper{}}}
	thumbnail := &subscription{track: tr, peer: tr.peer}
	thumbnail.mapper = rewrite.New(5)
	thumbnail.bound.Store(&binding{out: &paper{}, ssrc: 9, pt: 96})
	thumbnail.allowed.Store(true)
	thumbnail.ready.Store(true)
	thumbnail.view.Store(&simulcast.View{Width: 160, Height: 90})
	thumbnail.limit.Store(unlimited)
	thumbnail.numbers = make([]uint16, videoCache)

	r, now := rand.New(rand.NewPCG(5, 6)), time.Now()
	used, switches, steady := int(simulcast.None), 0, 0
	frame := func() {
		now = now.Add(50 * time.Millisecond)
		for _, e := range all {
			if !e.works || tr.off[e.layer.index] { // a publisher does as it is told
				continue
			}
			key := e.layer.wantKey && r.IntN(2) == 0
			before := len(out.heads)
			for _, b := range e.layer.accept([]*buffer{e.next(t, now, key)}) {
				thumbnail.forward([]*buffer{b}, now)
			}
			if len(out.heads) > before && int(e.layer.index) != used {
				if !key {
					t.Fatalf("the record goes to layer %d without a key frame", e.layer.index)
				}
				used, switches, steady = int(e.layer.index), switches+1, 0
			}
		}
		tr.retarget(now)
		steady++
	}
	for n := 0; switches < 200; n++ {
		if n > 100_000 {
			t.Fatalf("only %d switches", switches)
		}
		if n%100 == 0 {
			subs := []*subscription{thumbnail}
			tr.subs.Store(&subs)
			if n%200 == 0 { // nobody watches
				tr.subs.Store(nil)
			}
			all[r.IntN(3)].works = r.IntN(3) > 0
			steady = 0
		}
		frame()
		best := slices.IndexFunc([]bool{all[2].works, all[1].works, all[0].works}, func(on bool) bool { return on })
		if steady < 80 || best < 0 { // a layer that was off takes a look and a key frame to come
			continue
		}
		if used != 2-best || tr.off[2] || tr.off[2-best] {
			t.Fatalf("layer %d is recorded, layer %d could be; stopped: %v", used, 2-best, tr.off)
		}
	}
	oneStream(t, out)

	tr.feeds = nil
	for _, e := range all {
		e.works = true
	}
	for range int(2*unneededFor/(50*time.Millisecond)) + 20 {
		frame()
	}
	if tr.off != [simulcast.Max]bool{1: true, 2: true} {
		t.Errorf("after the recording %v are off", tr.off)
	}
}

// oneStream checks that a recorded picture is one stream to a decoder.
func oneStream(t *testing.T, out *tape) {
	t.Helper()
	for i := 1; i < len(out.heads); i++ {
		h, was, p, before := out.heads[i], out.heads[i-1], out.pictures[i], out.pictures[i-1]
		if h.Seq != was.Seq+1 || p.PictureID != (before.PictureID+1)&0x7fff || p.TL0PicIdx != before.TL0PicIdx+1 {
			t.Fatalf("packet %d goes on with sequence %d after %d, picture %d after %d, TL0 %d after %d", i, h.Seq, was.Seq,
				p.PictureID, before.PictureID, p.TL0PicIdx, before.TL0PicIdx)
		}
		if d := int32(h.Timestamp - was.Timestamp); d <= 0 || d > 90000*5 {
			t.Fatalf("packet %d: the timestamp goes by %d", i, d)
		}
	}
}
