package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// TestHoles: what a report calls lost is counted without what was never sent; where too little is known nothing is.
func TestHoles(t *testing.T) {
	for _, tc := range []struct {
		what       string
		first      uint16
		step       uint16 // between the numbers sent
		late       bool   // those left out are sent after the others
		packets    int
		lose       int // of each ten that are sent
		want, give float64
	}{
		{"nothing lost", 1, 1, false, 500, 0, 0, 0},
		{"two of ten lost", 1, 1, false, 500, 2, 0.2, 0.01},
		{"half left out by the publisher", 100, 2, false, 1000, 0, 0, 0.01},
		{"half left out, three of ten lost besides", 100, 2, false, 1000, 3, 0.3, 0.02},
		{"nine of ten left out, over the wrap", 65000, 10, false, 200, 0, 0, 0.05},
		{"left out and sent later", 10, 2, true, 600, 0, 0, 0.01},
		{"more than is kept, and the publisher left out none", 1, 1, false, 6000, 1, 0.1, 0.01},
		{"jumps that tell nothing", 1, 5000, false, 100, 0, 0, 0},
	} {
		var h holes
		received, last := 0, tc.first
		take := func(seq uint16, n int) {
			h.sent(seq)
			if n%10 >= tc.lose {
				received++
			}
		}
		for n := range tc.packets {
			last = tc.first + uint16(n)*tc.step
			take(last, n)
		}
		if tc.late {
			for n := range tc.packets - 1 {
				take(tc.first+uint16(n)*tc.step+1, n)
			}
		}
		span := int(last-tc.first) + 1
		r := &rtcp.ReceptionReport{LastSequenceNumber: uint32(last), FractionLost: uint8(min(max(0, (span-received)*256/span), 255))}
		if got := h.lost(r); math.Abs(got-tc.want) > tc.give {
			t.Errorf("%s: %.3f lost, want %.3f", tc.what, got, tc.want)
		}
		if got := h.lost(r); got != 0 {
			t.Errorf("%s: the same report again: %.3f", tc.what, got)
		}
	}
}

// TestHolesAreCounted compares the count with a plain set, over random gaps, late packets and the wrap.
func TestHolesAreCounted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h holes
	sent := map[int]bool{} // by the number without the wrap
	begun, last := 60000, 60000
	for range 20000 {
		last += 1 + r.IntN(4)*r.IntN(60)/20
		late := max(begun, last-r.IntN(8)/7*r.IntN(30))
		for _, n := range []int{last, late} {
			h.sent(uint16(n))
			sent[n] = true
		}
		if r.IntN(50) > 0 || last < begun+2000 {
			continue
		}
		to := last - r.IntN(900)
		from, want := to-r.IntN(1000), 0
		for n := from + 1; n <= to; n++ {
			if !sent[n] {
				want++
			}
		}
		if got := h.between(uint16(from), uint16(to)); got != want {
			t.Fatalf("%d of the numbers after %d up to %d, want %d", got, from, to, want)
		}
	}
}

// TestSkippedNumbersPauseNobody: a publisher that leaves out two of four numbers costs a receiver that sends reception
// reports alone neither the picture nor its score.
func TestSkippedNumbersPauseNobody(t *testing.T) {
	t.Parallel()
	room := newSFU(t).Room("r")
	a := join(t, room, "a", everything)
	b := joinBy(t, room, "b", Permissions{Subscribe: true}, behind(t, newNarrow(t), false))
	a.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: a, skip: 2}).run(t))
	eventually(t, "the receiver's reports count", func() bool { return b.packets(KindVideo) > 50 && b.peer.down.reported.Load() })
	before := b.peer.down.estimator.TargetBps()
	packets := b.packets(KindVideo)
	within(t, 60*time.Second, "eight seconds of pictures and reports", func() bool { return b.packets(KindVideo) >= packets+8*100 })
	if now := b.peer.down.estimator.TargetBps(); now < before/2 { // a busy machine loses some of its own
		t.Errorf("the estimate fell from %d to %d bps", before, now)
	}
	quality, _ := b.peer.sub.measure(0)
	for _, q := range quality {
		if q.Paused || q.Lost*5 > q.Packets {
			t.Errorf("%+v", q)
		}
	}
}
