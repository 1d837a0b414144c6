package signaling

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestBrowserAnnouncements counts what a screen reader would say in a stretch of an ordinary hearing: who comes and goes,
// the phase, each line of the transcript once; not the running clock, not the speakers, not how good connections are.
func TestBrowserAnnouncements(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	clerk := c.enter(t, "clerk", nil)
	judge := openTab(t, startBrowser(t), site.URL+"/room?seat=judge&lang=en")
	judge.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	judge.declare()
	judge.until("is in", `__room.state.mediaState.pub === 'connected' && document.querySelector('[data-act=transcript]')`)
	judge.run(`document.querySelector('[data-phase=opening]').click()`)
	judge.until("the consequence is said", `document.querySelector('dialog [data-act=confirm]')`)
	judge.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	judge.until("the hearing is open", `document.querySelector('.rec-on .chip-time')`)
	judge.run(`document.querySelector('[data-act=transcript]').click()`)
	judge.until("the transcript", `document.querySelector('.transcript')`)
	judge.run(announcements)

	plaintiff := c.enter(t, "plaintiff", clerk)
	const lines, changes = 6, 30
	for n := range lines {
		clerk.must("line", map[string]any{"id": uuid.New(), "speaker": "原告", "text": fmt.Sprintf("第%d句陈述。", n+1)})
	}
	page := c.socketOf("judge")
	for n := range changes {
		page.send(&speakingReply{Peers: []string{[]string{clerk.id().String(), plaintiff.id().String()}[n%2]}, First: plaintiff.id().String()})
		other := clerk.sees(plaintiff)
		other.Quality = 1 + n%5
		page.send(&personReply{other})
	}
	plaintiff.must("hand", map[string]any{"raised": true})
	plaintiff.send("leave", nil)
	judge.until("all is drawn, and the time ran on", fmt.Sprintf(`document.querySelectorAll('.lines .line').length === %d && __room.state.people.find(p => p.seat === 'plaintiff')?.standing === 'left'
		&& performance.now() - window.saidSince > 8000`, lines))
	said := judge.list(`window.said`)
	all := strings.Join(said, "\n")
	t.Logf("%d announcements:\n%s", len(said), all)
	for _, want := range []string{"waits in the lobby", "is in the hearing", "raises a hand", "has left", "第1句陈述", fmt.Sprintf("第%d句陈述", lines)} {
		if n := strings.Count(all, want); n != 1 {
			t.Errorf("%q is said %d times, want once", want, n)
		}
	}
	for _, one := range said {
		if !strings.Contains(one, "句陈述") && regexp.MustCompile(`\d:\d\d`).MatchString(one) {
			t.Errorf("the running time is said: %q", one)
		}
	}
	if limit := lines + 12; len(said) > limit {
		t.Errorf("%d announcements, want at most %d", len(said), limit)
	}
}

// announcements keeps in window.said what live regions (WAI-ARIA 1.2, section 6.6.1) got: each piece of text that was added
// or changed in one and is not hidden from screen readers, pieces of one drawing together.
const announcements = `window.said = []; window.saidSince = performance.now();
	new MutationObserver(all => {
		const told = new Map();
		for (const m of all) {
			if (m.type === 'characterData' && m.oldValue === m.target.data) continue;
			for (const node of m.type === 'childList' ? m.addedNodes : [m.target]) {
				const at = node.nodeType === 1 ? node : node.parentElement;
				const region = at?.closest('[aria-live], [role=status], [role=alert], [role=log]');
				if (!region || region.getAttribute('aria-live') === 'off' || at.closest('[aria-hidden=true]') || !node.textContent.trim()) continue;
				told.set(region, [...(told.get(region) ?? []), node.textContent.trim()]);
			}
		}
		for (const [region, words] of told) window.said.push((region.getAttribute('role') ?? 'live') + ': ' + words.join(' '));
	}).observe(document.body, {subtree: true, childList: true, characterData: true, characterDataOldValue: true}); undefined`

// socketOf is the server's side of a person's socket.
func (c *court) socketOf(seat string) *conn {
	c.t.Helper()
	h := c.hub.Load()
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.conns {
		if s.seat == Seat(seat) {
			return s
		}
	}
	c.t.Fatalf("no socket of the %s", seat)
	return nil
}
