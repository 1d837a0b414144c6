package signaling

import (
	"encoding/json"
	"testing"
	"time"

	"yunting/media"
	"yunting/media/record"
)

// TestTakeoverIsListed: the plaintiff goes on in another page. The record has them in one file, and what is missing of them until
// that page sends is a gap of its own cause, not of somebody who was silent; the judge, who stayed, has none.
func TestTakeoverIsListed(t *testing.T) {
	c := newCourt(t)
	judge := c.enter(t, "judge", nil)
	clerk := c.enter(t, "clerk", nil)
	older := c.enter(t, "plaintiff", clerk)
	for _, p := range []*client{judge, clerk, older} {
		p.join()
	}
	judge.must("phase", map[string]any{"to": "opening"})
	speaks := func(p *client) {
		t.Helper()
		before := clerk.hears(p)
		eventually(t, p.seat+" is heard", func() bool { return clerk.hears(p) > before+50 })
	}
	speaks(older)
	newer := c.connect(t, "plaintiff", "")
	eventually(t, "the older page is told", func() bool { return older.closeCode() == CloseReplaced })
	speaks(judge) // a second without the plaintiff
	newer.join()
	speaks(newer)
	judge.must("phase", map[string]any{"to": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	for _, r := range c.recorded(t, 3) {
		var gaps []record.Gap
		check(t, json.Unmarshal(r.Gaps, &gaps))
		taken := 0
		for _, g := range gaps {
			if g.Cause == record.CauseTakeover && g.Track == media.SourceMic && g.To.Sub(g.From) > 500*time.Millisecond {
				taken++
			} else if g.Cause == record.CauseTakeover {
				t.Errorf("%s: %+v", r.Name, g)
			}
		}
		want := 0
		if r.Account == older.id() {
			want = 1
		}
		if taken != want {
			t.Errorf("%s: gaps %+v", r.Name, gaps)
		}
	}
}
