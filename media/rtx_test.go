package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestRepairsByRTX loses 10 % each way between publisher, server and receiver: what is missing is asked for and comes
// on RTX both ways, under the numbers that were lost.
func TestRepairsByRTX(t *testing.T) {
	t.Parallel()
	room := newSFU(t).Room("r")
	near, far := newFarAway(t, 10*time.Millisecond), newFarAway(t, 10*time.Millisecond)
	a := joinBy(t, room, "a", everything, mending(t, near))
	b := joinBy(t, room, "b", Permissions{Subscribe: true}, mending(t, far))
	a.publish(webrtc.MimeTypeVP8)
	stop := (&source{c: a}).run(t)
	defer stop()
	eventually(t, "media", func() bool { return b.packets(KindVideo) > 20 })
	near.percent.Store(10)
	far.percent.Store(10)
	was := b.packets(KindVideo)
	eventually(t, "media over bad ways", func() bool { return b.packets(KindVideo) > was+300 })
	near.percent.Store(0)
	far.percent.Store(0)

	up, down := trackOf(room, KindVideo), subscriptionOf(b.peer, KindVideo)
	var asked, wrapped uint16
	var lost, received uint64
	up.w.call(func() {
		asked, wrapped = down.rtx, uint16(len(down.wrapped))
		lost, received = up.layers[0].loss.Lost, up.layers[0].loss.Received
	})
	if asked < 10 || wrapped == 0 {
		t.Errorf("%d packets went to the receiver on RTX", asked)
	}
	if r := up.layers[0].remote; !r.HasRTX() || r.RtxSSRC() == 0 {
		t.Error("the publisher's RTX is not taken")
	}
	if lost*50 > received {
		t.Errorf("%d packets were not repaired on the way in, %d came", lost, received)
	}
	eventually(t, "repairs", func() bool {
		seen := map[uint16]bool{}
		ps := b.videoOf()
		for _, p := range ps {
			seen[p.SequenceNumber] = true
		}
		first, last := ps[0].SequenceNumber, ps[len(ps)-1].SequenceNumber
		missing := 0
		for n := first; n != last; n++ {
			if !seen[n] {
				missing++
			}
		}
		return missing*50 <= int(last-first)
	})
}

func trackOf(r *Room, kind string) *track {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tracks {
		if t.info.Kind == kind {
			return t
		}
	}
	return nil
}

func subscriptionOf(p *Peer, kind string) *subscription {
	p.sub.mu.Lock()
	defer p.sub.mu.Unlock()
	for t, s := range p.sub.forwards {
		if t.info.Kind == kind {
			return s
		}
	}
	return nil
}
