package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserLayers: a camera has three encodings; what another receives of them follows the size at which it shows the
// picture, and beside the smallest only what is taken is sent.
func TestBrowserLayers(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	enter := func(seat string) *tab {
		p := openTab(t, browser, site.URL+"/room?seat="+seat)
		p.run(fmt.Sprintf(`localStorage.setItem('yunting.devices', JSON.stringify({picture: %q}))`, map[string]string{"judge": "large", "clerk": "small"}[seat]))
		p.do(chromedp.Navigate(site.URL + "/room?seat=" + seat))
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.declare()
		return p
	}
	judge, clerk := enter("judge"), enter("clerk")
	id := c.people["judge"].Account

	show := func(css string) {
		t.Helper()
		clerk.run(fmt.Sprintf(`document.querySelector('[data-peer="%s"] video').style.cssText = %q`, id, css))
	}
	encoded := func() float64 {
		return judge.number(`__room.sent().then(all => all.find(l => l.rid === 'q')?.frames ?? 0)`)
	}
	// gets waits until the picture has that height, and tells after how many milliseconds, how many of them frozen, and how
	// many frames the judge encoded in those: a machine that is too busy to encode is no fault of a switch.
	gets := func(height int) (ms, frozen, missed float64) {
		t.Helper()
		sent := encoded()
		before := clerk.number(fmt.Sprintf(`__room.stats().then(s => { window.since = performance.now(); return s[%q]?.frozenSeconds ?? 0 })`, id))
		clerk.until(fmt.Sprintf("the picture has %d lines", height), fmt.Sprintf(`(await __room.stats())[%q]?.height === %d`, id, height))
		ms = clerk.number(`performance.now() - window.since`)
		frozen = 1000 * (clerk.number(fmt.Sprintf(`__room.stats().then(s => s[%q].frozenSeconds)`, id)) - before)
		return ms, frozen, (encoded() - sent) * frozen / ms
	}
	clerk.until("sees the judge", fmt.Sprintf(`document.querySelector('[data-peer="%s"] video')`, id))
	smooth := 0
	const rounds = 2
	for range rounds {
		for _, step := range []struct {
			css    string
			height int
			sent   string
		}{
			{"width:1200px; height:675px", 720, "q 180, f 720"},
			{"width:500px; height:281px", 360, "q 180, h 360"},
			{"width:160px; height:90px", 180, "q 180"},
		} {
			show(step.css)
			ms, frozen, missed := gets(step.height)
			t.Logf("%d lines after %.0f ms, frozen for %.0f ms, in which %.0f frames were encoded", step.height, ms, frozen, missed)
			if missed >= 20 { // of 20 a second
				t.Errorf("the switch to %d lines froze the picture for %.0f ms", step.height, frozen)
			}
			if ms <= 5000 && frozen <= 500 {
				smooth++
			}
			judge.until("sends only "+step.sent, fmt.Sprintf("(await __room.sent()).filter(l => l.active && l.frames > 5).map(l => l.rid + ' ' + l.height).join(', ') === %q", step.sent))
		}
	}
	if smooth < rounds*3/2 {
		t.Errorf("only %d of %d switches were smooth", smooth, rounds*3)
	}

	show("display:none")
	count := fmt.Sprintf(`(async () => { const s = (await __room.stats())[%q]; return [s.videoPackets, s.audioPackets] })()`, id)
	clerk.until("an unseen picture is not sent, but its sound is", `await (async () => { const before = await `+count+`; await new Promise(r => setTimeout(r, 1000));
		const after = await `+count+`; return after[0] === before[0] && after[1] > before[1] + 20 })()`)
	show("width:1200px; height:675px")
	n := clerk.number(fmt.Sprintf(`__room.stats().then(s => s[%q].framesDecoded)`, id))
	clerk.until("the picture is back", fmt.Sprintf(`(await __room.stats())[%q].framesDecoded > %f`, id, n+5))
}
