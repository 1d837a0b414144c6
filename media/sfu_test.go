package media

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/packet"
)

func TestJoinPublishSubscribeLeave(t *testing.T) {
	s := newSFU(t)
	room := s.Room("hearing")
	a := join(t, room, "judge", everything)
	b := join(t, room, "party", everything)
	a.publish(webrtc.MimeTypeVP8)
	b.publish(webrtc.MimeTypeVP8)
	stopA, stopB := (&source{c: a}).run(t), (&source{c: b}).run(t)
	defer stopA()
	defer stopB()
	for _, c := range []*client{a, b} {
		eventually(t, c.id+" receives", func() bool { return c.packets(KindVideo) > 50 && c.packets(KindAudio) > 20 })
	}
	late := join(t, room, "late", Permissions{Subscribe: true})
	eventually(t, "late joiner receives", func() bool { return late.packets(KindVideo) > 50 && late.packets(KindAudio) > 40 })

	b.peer.Close()
	eventually(t, "the leaver's tracks go", func() bool { late.mu.Lock(); defer late.mu.Unlock(); return len(late.tracks) == 2 })
	if n := len(room.Tracks()); n != 2 {
		t.Errorf("%d tracks, want 2", n)
	}
}

// TestLateJoinerSeesAtOnce: the publisher sends a key frame only when asked; whoever joins later begins with one, soon.
func TestLateJoinerSeesAtOnce(t *testing.T) {
	room := newSFU(t).Room("hearing")
	a := join(t, room, "judge", everything)
	a.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: a}).run(t))
	eventually(t, "a track", func() bool { return len(room.Tracks()) == 2 })
	for n := range 3 {
		begun := time.Now()
		late := join(t, room, fmt.Sprintf("late-%d", n), Permissions{Subscribe: true})
		within(t, 5*time.Second, "a picture", func() bool { return late.packets(KindVideo) > 0 })
		t.Logf("first picture after %v", time.Since(begun).Round(time.Millisecond))
		if d, err := packet.ParseVP8(late.videoOf()[0].Payload); err != nil || !d.KeyFrame {
			t.Errorf("begins with %+v, %v: no key frame", d, err)
		}
	}
}
