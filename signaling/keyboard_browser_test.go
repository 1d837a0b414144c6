package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserKeyboard works the room by keys alone: the judge chooses among the panel's tabs, opens the hearing, moves it on,
// closes and opens the panel, the clerk chooses who speaks. Wherever a button goes the focus is somewhere in its place.
func TestBrowserKeyboard(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	judge, clerk := openTab(t, browser, site.URL+"/room?seat=judge&lang=en"), openTab(t, browser, site.URL+"/room?seat=clerk&lang=en")
	for _, p := range []*tab{judge, clerk} {
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.declare()
		p.until("is in", `__room.state.mediaState.pub === 'connected' && document.querySelector('[data-act=transcript]')`)
	}

	judge.tabTo("[role=tab]")
	if n := judge.number(`document.querySelectorAll('[role=tab][tabindex="0"]').length`); n != 1 {
		t.Errorf("%v tabs are reached by Tab, want the chosen one", n)
	}
	for _, step := range []struct{ key, tab string }{
		{kb.ArrowRight, "transcript"}, {kb.ArrowRight, "people"}, {kb.ArrowRight, "control"}, {kb.ArrowLeft, "people"}, {kb.Home, "control"}, {kb.End, "people"}, {kb.Home, "control"},
	} {
		judge.press(step.key)
		judge.until("tab "+step.tab, fmt.Sprintf(`document.activeElement.id === 'tab-%[1]s' && document.activeElement.ariaSelected === 'true'
			&& document.getElementById('panel-body').getAttribute('aria-labelledby') === 'tab-%[1]s'`, step.tab))
	}

	judge.tabTo("[data-phase=opening]")
	judge.press(kb.Enter)
	judge.until("the dialog has the focus", `document.querySelector('dialog')?.contains(document.activeElement)`)
	judge.press(kb.Escape)
	judge.until("the button has it again", `!document.querySelector('dialog') && document.activeElement.matches('[data-phase=opening]')`)
	judge.press(kb.Enter)
	judge.tabTo("dialog [data-act=confirm]")
	judge.press(kb.Enter)
	judge.until("the focus is where the button was", `__room.state.phase === 'opening' && document.activeElement.matches('.control')`)
	judge.press(kb.Tab)
	judge.until("what comes next is a key away", `document.activeElement.matches('[data-phase=investigation]')`)
	judge.press(kb.Enter)
	judge.until("and so it is after that", `__room.state.phase === 'investigation' && document.activeElement.matches('.control')`)

	judge.tabTo(".panel-close")
	judge.press(kb.Enter)
	judge.until("the panel's opener has the focus", `!document.querySelector('.panel') && document.activeElement.matches('[data-act=control]')`)
	judge.press(kb.Enter)
	judge.until("the panel is open again", `document.querySelector('.panel .control') && document.activeElement.matches('[data-act=control]')`)

	clerk.until("all who may speak can be chosen", `document.querySelectorAll('[role=radio]').length === 4`)
	clerk.tabTo("[role=radio]")
	first := clerk.list(`[document.activeElement.textContent]`)[0]
	clerk.press(kb.ArrowRight)
	clerk.until("the other speaker is chosen", fmt.Sprintf(`document.activeElement.ariaChecked === 'true' && document.activeElement.textContent !== %q`, first))
	clerk.press(kb.Tab)
	clerk.until("one key to the pen", `document.activeElement.matches('textarea[name=line]')`)
	clerk.press("I open the hearing." + kb.Enter)
	clerk.until("who was chosen has said it", fmt.Sprintf(`__room.state.lines.length === 1 && __room.state.lines[0].text === 'I open the hearing.' && __room.state.lines[0].speaker !== %q`, first))
}

func (p *tab) press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// tabTo presses Tab until what the selector finds first has the focus.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	p.until(selector+" is there", fmt.Sprintf(`document.querySelector(%q)`, selector))
	for range 60 {
		if p.number(fmt.Sprintf(`+document.activeElement.matches(%q)`, selector)) == 1 {
			return
		}
		p.press(kb.Tab)
	}
	p.t.Fatalf("%s: 60 times Tab do not reach %s", p.name, selector)
}
