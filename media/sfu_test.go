package media

import (
	"testing"

	"github.com/pion/webrtc/v4"
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
