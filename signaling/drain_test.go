package signaling

import (
	"net"
	"testing"
	"time"

	"yunting/docket"
)

// TestDrain stops a server that holds every kind of client: people with media, one at the device check, one who said
// nothing yet and one who reads nothing any more. All of it ends within the sockets' own deadlines; who reads is told,
// and comes back to a hearing that goes on, with media.
func TestDrain(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	judge.must("phase", map[string]any{"to": "opening"})
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	checking := c.dial(t, "observer")
	checking.send("ways", nil)
	silent := c.dial(t, "defendant")
	c.deaf(t, "plaintiff")

	begun := time.Now()
	c.stop()
	took := time.Since(begun)
	t.Logf("drained in %s", took.Round(time.Millisecond))
	if bound := writeTimeout + 2*drainTimeout + 10*time.Second; took > bound {
		t.Errorf("the drain took %s, bound %s", took, bound)
	}
	for _, p := range []*client{judge, clerk, checking, silent} {
		eventually(t, p.seat+" is told", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.drain.Reason == drainRestart && p.drain.RetryAfter > 0
		})
		eventually(t, p.seat+"'s socket ends", func() bool { return p.closeCode() == CloseRestart })
	}
	c.start()
	judge, clerk = c.connect(t, "judge", judge.token()), c.connect(t, "clerk", clerk.token())
	judge.join()
	clerk.join()
	eventually(t, "both are back", func() bool { return judge.standing() == StandPresent && judge.sees(clerk).Standing == StandPresent })
	eventually(t, "sound flows again", func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	if judge.phase() != docket.PhaseOpening || judge.light() != lightOn {
		t.Errorf("the hearing goes on in %s, its light %s", judge.phase(), judge.light())
	}
}

// deaf opens a socket, asks until its own buffers and the server's are full, and reads nothing of the answers.
func (c *court) deaf(t *testing.T, seat string) {
	t.Helper()
	p := c.raw(t, seat)
	if tcp, ok := p.UnderlyingConn().(*net.TCPConn); ok {
		check(t, tcp.SetReadBuffer(4<<10))
	}
	for range 12 { // of the messages that may come before hello, answered but never read
		check(t, p.WriteJSON(map[string]any{"type": "clock", "sent": 1}))
	}
}
