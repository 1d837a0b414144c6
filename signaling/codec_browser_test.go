package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserCodec: a camera is sent with the codec that its person chose; layers of one stream follow the size shown as
// separate encodings do, and those that nobody takes are not sent.
func TestBrowserCodec(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	enter := func(seat, codec string) *tab {
		p := openTab(t, browser, site.URL+"/room?seat="+seat)
		p.run(fmt.Sprintf(`localStorage.setItem('yunting.devices', JSON.stringify({picture: 'small', codec: %q}))`, codec))
		p.do(chromedp.Navigate(site.URL + "/room?lang=en&seat=" + seat))
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.declare()
		return p
	}
	judge, clerk := enter("judge", "AV1"), enter("clerk", "H264")
	shown := func(of string) string { return fmt.Sprintf(`(await __room.stats())[%q]`, c.people[of].Account) }
	judge.until("gets the clerk's picture", shown("clerk")+`?.framesDecoded > 10`)
	clerk.until("gets the judge's picture", shown("judge")+`?.framesDecoded > 10`)
	clerk.until("sends H264", `(await __room.sent()).every(l => l.codec === 'video/H264')`)
	judge.until("sends AV1 in one stream of two layers", `(await __room.sent()).map(l => l.codec + l.mode).join() === 'video/AV1L2T3_KEY'`)
	judge.run(`document.querySelector('[data-act=devices]').click()`)
	judge.until("may choose the codec", `document.querySelector('dialog[open] select[name=codec]')`)
	judge.look("devices")
	judge.run(`document.querySelector('dialog .primary').click()`)
	for _, size := range []struct {
		css    string
		height int
	}{{"width:160px; height:90px", 180}, {"width:1200px; height:675px", 360}} {
		began := time.Now()
		clerk.run(fmt.Sprintf(`document.querySelector('[data-peer="%s"] video').style.cssText = %q`, c.people["judge"].Account, size.css))
		clerk.until(fmt.Sprintf("the picture has %d lines", size.height), fmt.Sprintf(`%s?.height === %d`, shown("judge"), size.height))
		there := time.Since(began)
		judge.until("sends what is taken", fmt.Sprintf(`(await __room.sent()).map(l => l.height).join() === '%d'`, size.height))
		t.Logf("%d lines after %v, sent alone after %v", size.height, there, time.Since(began))
	}
}
