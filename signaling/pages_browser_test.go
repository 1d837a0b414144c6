package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

// TestBrowserTwoPages has the judge open the hearing in a second page: it takes over, the first says so, lets devices and
// sound go and stays away until it is asked to continue; the recording of the judge is one file over all of it.
func TestBrowserTwoPages(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	clerk := c.enter(t, "clerk", nil)
	clerk.join()
	other := &client{c: c, seat: "judge"}
	heardAgain := func() {
		t.Helper()
		before := clerk.hears(other)
		eventually(t, "the clerk hears the judge", func() bool { return clerk.hears(other) > before+50 })
	}
	open := func(first bool) *tab {
		p := openTab(t, browser, site.URL+"/room?seat=judge")
		if first {
			p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
			p.declare()
		}
		p.until("is in", `window.__room?.state.connection === 'online' && __room.state.mediaState.pub === 'connected'`)
		return p
	}
	replaced := func(p *tab) {
		t.Helper()
		p.until("says that another page took over", `__room.state.stage === 'ended' && document.querySelector('[role=alert] [data-act=again]')?.checkVisibility()`)
		p.until("neither plays nor sends", `__room.state.mediaState.pub === 'none' && __room.state.mediaState.sub === 'none' && !document.querySelector('video')`)
	}

	older := open(true)
	heardAgain()
	older.run(`document.querySelector('[data-phase=opening]').click()`)
	older.until("the consequence is said", `document.querySelector('dialog [data-act=confirm]')`)
	older.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	older.until("is recorded", `__room.state.recording`)
	newer := open(false)
	replaced(older)
	older.look("replaced")
	older.run(`dispatchEvent(new Event('online')); document.dispatchEvent(new Event('visibilitychange')); document.dispatchEvent(new Event('resume'))`)
	heardAgain()
	newer.until("stays in", `__room.state.connection === 'online' && __room.state.resumes === 0`)
	older.until("stays away", `__room.state.stage === 'ended'`)

	older.run(`document.querySelector('[data-act=again]').click()`)
	replaced(newer)
	older.until("is in again", `window.__room?.state.connection === 'online' && __room.state.mediaState.pub === 'connected'`)
	heardAgain()
	older.run(`document.querySelector('[data-phase=recess]').click()`)
	older.until("the closing is offered", `document.querySelector('[data-phase=closed]:not(:disabled)')`)
	older.run(`document.querySelector('[data-phase=closed]').click()`)
	older.until("the closing is asked", `document.querySelector('dialog [data-act=confirm]')`)
	older.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	list := c.recorded(t, 2)
	files := ""
	for _, r := range list {
		if r.Account == c.people["judge"].Account {
			files += fmt.Sprintf("%s from %s to %s\n%s\n", r.FileName, r.Started, r.Ended, r.Gaps)
		}
	}
	t.Logf("the judge's recording:\n%s", files)
	if len(list) != 2 {
		t.Errorf("%d recordings, want one each of judge and clerk", len(list))
	}
}
