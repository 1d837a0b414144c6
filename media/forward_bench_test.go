package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/bandwidth"
	"yunting/media/packet"
	"yunting/media/rewrite"
)

// sinkhole is a track writer that goes nowhere.
type sinkhole struct{ packets int }

func (s *sinkhole) WriteRTP(*rtp.Header, []byte) (int, error) { s.packets++; return 0, nil }
func (s *sinkhole) Write([]byte) (int, error)                 { s.packets++; return 0, nil }

// bench makes a subscription and one packet of its stream.
func bench(tb testing.TB) (*subscription, *buffer, *sinkhole) {
	t := &track{w: &worker{}, kind: webrtc.RTPCodecTypeVideo, format: formatVP8}
	l := &layer{track: t, ssrc: 7}
	t.layers = []*layer{l}
	s := &subscription{track: t, peer: &Peer{}}
	s.peer.down.estimator = bandwidth.New(bandwidth.Options{}, time.Now())
	s.numbers = make([]uint16, cacheSize(t.kind))
	s.mapper = rewrite.New(5)
	hole := &sinkhole{}
	s.bound.Store(&binding{out: hole, ssrc: 1, pt: 96, sequence: 3})
	s.allowed.Store(true)
	s.ready.Store(true)
	p := vp8Packet(1, 90, 3, true, true, true)
	p.SSRC = 7
	raw, err := p.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	b := &buffer{layer: l, arrived: time.Now(), key: true}
	b.n = copy(b.data[:], raw)
	if b.head, err = packet.Parse(b.data[:b.n]); err != nil {
		tb.Fatal(err)
	}
	if b.vp8, err = packet.ParseVP8(b.payload()); err != nil {
		tb.Fatal(err)
	}
	return s, b, hole
}

func TestForwardAllocatesNothing(t *testing.T) {
	s, b, hole := bench(t)
	run := []*buffer{b}
	if n := testing.AllocsPerRun(1000, func() { b.head.Seq++; s.forward(run, b.arrived) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	if hole.packets < 1000 {
		t.Errorf("%d packets forwarded", hole.packets)
	}
}

func BenchmarkForward(b *testing.B) {
	s, p, _ := bench(b)
	run := []*buffer{p}
	b.ReportAllocs()
	for b.Loop() {
		p.head.Seq++
		s.forward(run, p.arrived)
	}
}
