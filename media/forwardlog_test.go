package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// stretches keeps the newest word on each stretch, as a reader of Room.Forwardings does.
type stretches map[string]map[time.Time]Forwarding // by receiver and source

func (s stretches) take(list []Forwarding) {
	for _, f := range list {
		key := f.Receiver + " " + f.Track.Source
		if s[key] == nil {
			s[key] = map[time.Time]Forwarding{}
		}
		s[key][f.From] = f
	}
}

func (s stretches) packets(key string) (n int) {
	for _, f := range s[key] {
		n += int(f.Packets)
	}
	return n
}

// TestForwardings counts at the receivers what the list says, over a right that is lost and given again, a track that
// ends and the room's end.
func TestForwardings(t *testing.T) {
	sfu := newSFU(t)
	room := sfu.Room("r")
	sender := join(t, room, "sender", everything)
	loser := join(t, room, "loser", Permissions{Subscribe: true})
	by := join(t, room, "by", Permissions{Subscribe: true})
	sender.publish(webrtc.MimeTypeVP8)
	src := &source{c: sender}
	stop := src.run(t)
	for _, c := range []*client{loser, by} {
		eventually(t, "media flows", func() bool { return c.packets(KindVideo) > 10 && c.packets(KindAudio) > 10 })
	}
	stop()
	settled := func(c *client) int {
		last, since := -1, time.Now()
		eventually(t, "what was sent arrives", func() bool {
			if n := c.packets(KindVideo); n != last {
				last, since = n, time.Now()
			}
			return time.Since(since) > 300*time.Millisecond
		})
		return last
	}
	was := map[*client]int{loser: settled(loser), by: settled(by)}
	room.LogForwardings()
	began := time.Now()
	log := stretches{}
	if list := room.Forwardings(false); len(list) != 0 {
		t.Fatalf("the list begins with %v", list)
	}
	flow := func(d time.Duration) {
		stop := src.run(t)
		at := time.Now()
		eventually(t, "media flows", func() bool {
			log.take(room.Forwardings(false))
			return time.Since(at) > d
		})
		stop()
	}
	flow(500 * time.Millisecond)
	perm := everything
	perm.HiddenFrom = []string{"loser"}
	sender.peer.SetPermissions(perm)
	flow(500 * time.Millisecond)
	sender.peer.SetPermissions(everything)
	stop = src.run(t)
	eventually(t, "the loser gets the picture again", func() bool {
		log.take(room.Forwardings(false))
		return log["loser camera"] != nil && len(log["loser camera"]) == 2
	})
	stop()
	got := map[*client]int{loser: settled(loser), by: settled(by)}
	room.Close()
	log.take(room.Forwardings(true))
	if again := room.Forwardings(true); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
	if n := log.packets("by camera"); n != got[by]-was[by] {
		t.Errorf("%d packets noted, %d arrived", n, got[by]-was[by])
	}
	if n := len(log["by camera"]); n != 1 {
		t.Errorf("%d stretches of who kept the right: %v", n, log["by camera"])
	}
	if len(log["loser camera"]) != 2 || log.packets("loser camera") >= log.packets("by camera") || log.packets("loser camera") == 0 {
		t.Errorf("of who lost the right: %v", log["loser camera"])
	}
	for key, list := range log {
		for from, f := range list {
			if from.Before(began) || f.To.Before(from) || f.To.After(time.Now()) || f.Track.Peer != "sender" {
				t.Errorf("%s: %+v", key, f)
			}
		}
	}
}

// TestForwardingsCut: a cut begins a stretch of its own, and a receiver who left is told once more.
func TestForwardingsCut(t *testing.T) {
	room := newSFU(t).Room("r")
	sender := join(t, room, "sender", everything)
	by := join(t, room, "by", Permissions{Subscribe: true})
	sender.publish(webrtc.MimeTypeVP8)
	room.LogForwardings()
	t.Cleanup((&source{c: sender}).run(t))
	log := stretches{}
	for n := range 3 {
		eventually(t, "a stretch begins", func() bool { log.take(room.Forwardings(false)); return len(log["by camera"]) == n+1 })
		log.take(room.Forwardings(true))
	}
	eventually(t, "another begins", func() bool { log.take(room.Forwardings(false)); return len(log["by camera"]) == 4 })
	by.peer.Close()
	eventually(t, "nothing is told any more", func() bool {
		list := room.Forwardings(false)
		log.take(list)
		return len(list) == 0
	})
	if len(log["by camera"]) != 4 {
		t.Errorf("%v", log["by camera"])
	}
}
