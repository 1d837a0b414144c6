package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

// TestBrowserLostDescriptions loses the judge's first offer and the clerk's first answer on their way: neither page waits
// for ever, each begins its media afresh.
func TestBrowserLostDescriptions(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	enter := func(seat, loses string) *tab {
		p := openTab(t, browser, site.URL+"/room?seat="+seat)
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.run(fmt.Sprintf(`{ const send = WebSocket.prototype.send;
			WebSocket.prototype.send = function (text) {
				if (!window.__lost && JSON.parse(text).type === %q) window.__lost = true;
				else send.call(this, text);
			} }`, loses))
		p.declare()
		return p
	}
	judge, clerk := enter("judge", "publish"), enter("clerk", "subscribed")
	for seat, p := range map[string]*tab{"clerk": judge, "judge": clerk} {
		p.until("a description is lost", `window.__lost`)
		p.until("the other is seen and heard all the same", fmt.Sprintf(`(await __room.stats())[%q]?.framesDecoded > 20 && (await __room.stats())[%[1]q]?.audioPackets > 20`, c.people[seat].Account))
	}
}
