package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"yunting/docket"
)

// TestBrowserScreen shares a screen in Chromium: the other page decodes it at its natural size and shows it large, the
// judge ends it for both, it may be shared again, and the recording has it as a file of its own.
func TestBrowserScreen(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	enter := func(seat, lang string) *tab {
		p := openTab(t, browser, site.URL+"/room?lang="+lang+"&seat="+seat)
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.declare()
		p.until("is in", `document.querySelector('[data-act=screen]')`)
		return p
	}
	judge, clerk := enter("judge", "zh-CN"), enter("clerk", "en")
	judge.run(`document.querySelector('[data-phase=opening]').click()`)
	judge.until("the consequence is said", `document.querySelector('dialog [data-act=confirm]')`)
	judge.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	clerk.until("is recorded", `__room.state.recording`)
	sharer := c.people["clerk"].Account
	id := sharer.String() + ".screen"

	clerk.run(`document.querySelector('.panel-close').click()`)
	for range 2 {
		c.shareOnce(judge, clerk, sharer.String(), id)
	}
	clerk.run(`document.querySelector('[data-act=screen]').click()`)
	judge.until("sees the screen again", fmt.Sprintf(`(await __room.stats())[%q]?.framesDecoded > 3`, id))
	clerk.run(`window.shared.getVideoTracks()[0].dispatchEvent(new Event('ended'))`) // as the browser's own bar does
	judge.until("the sharer ended it", `__room.state.screen === '' && !document.querySelector('.tile.screen')`)
	c.recordedScreen(judge)
}

// shareOnce has the clerk share a screen and the judge end it.
func (c *court) shareOnce(judge, clerk *tab, sharer, id string) {
	c.t.Helper()
	clerk.run(`if (!window.shared) { const media = navigator.mediaDevices, open = media.getDisplayMedia.bind(media);
		media.getDisplayMedia = async (wanted) => { window.shared = await open(wanted); return window.shared; } }`)
	// What is told goes by itself after some seconds, and the pictures below may take longer.
	judge.run(`window.told = ''; window.telling ??= new MutationObserver(() => { window.told += document.querySelector('.toasts[aria-live]')?.textContent ?? '' });
		window.telling.observe(document.body, { childList: true, subtree: true, characterData: true })`)
	clerk.run(`document.querySelector('[data-act=screen]').click()`)
	judge.until("sees the screen", fmt.Sprintf(`(await __room.stats())[%q]?.framesDecoded > 3`, id))
	for name, p := range map[string]*tab{"judge": judge, "clerk": clerk} {
		p.until("shows the screen first", fmt.Sprintf(`document.querySelector('.stage article').dataset.peer === %q && document.querySelector('.tile.screen.front')`, id))
		p.look("screen-" + name)
	}
	judge.until("is told", `window.told.includes('王磊 正在共享屏幕')`)
	natural := clerk.number(`(s => 10000 * s.width + s.height)(window.shared.getVideoTracks()[0].getSettings())`)
	if natural == 0 {
		c.t.Fatal("the shared screen has no size")
	}
	judge.until("in its natural size", fmt.Sprintf(`(s => 10000 * s.width + s.height === %.0f)((await __room.stats())[%q])`, natural, id))

	judge.run(`document.querySelector('[data-act=people]').click()`)
	judge.until("may end it", fmt.Sprintf(`document.querySelector('[data-unshare="%s"]')`, sharer))
	judge.shots("screen-people")
	judge.run(fmt.Sprintf(`document.querySelector('[data-unshare="%s"]').click()`, sharer))
	judge.until("the stream is gone", fmt.Sprintf(`__room.state.screen === '' && !(await __room.stats())[%q] && !document.querySelector('.tile.screen')`, id))
	clerk.until("shares no more", `__room.state.screen === '' && window.shared.getTracks().every(t => t.readyState === 'ended') && !document.querySelector('.tile.screen')`)
	judge.run(`document.querySelector('[data-act=control]').click()`)
}

// recordedScreen closes the hearing and waits for the file of the screen.
func (c *court) recordedScreen(judge *tab) {
	c.t.Helper()
	judge.run(`document.querySelector('[data-phase=recess]').click()`)
	judge.until("the closing is offered", `document.querySelector('[data-phase=closed]:not(:disabled)')`)
	judge.run(`document.querySelector('[data-phase=closed]').click()`)
	judge.until("the closing is asked", `document.querySelector('dialog [data-act=confirm]')`)
	judge.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	eventually(c.t, "the screen is a file of its own", func() bool {
		list, err := c.docket.Recordings(c.t.Context(), c.hearing.ID)
		check(c.t, err)
		screens := 0
		for _, r := range list {
			if r.Source == docket.SourceScreen {
				screens++
			}
		}
		return screens == 1 && len(list) == 3
	})
	check(c.t, chromedp.Do(judge.ctx, chromedp.Navigate("about:blank")))
}
