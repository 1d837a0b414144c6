package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserBack has the judge follow a link out of the hearing and come back by the back button, to the page that the
// browser kept: meanwhile nothing of them is taken or sent, afterwards they are in again with picture and sound.
func TestBrowserBack(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	clerk := openTab(t, browser, site.URL+"/room?seat=clerk")
	clerk.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	clerk.declare()
	judge := openTab(t, browser, site.URL+"/room?seat=judge")
	judge.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	judge.run(`{ const media = navigator.mediaDevices, open = media.getUserMedia.bind(media); window.tracks = [];
		media.getUserMedia = async (wanted) => { const stream = await open(wanted); window.tracks.push(...stream.getTracks()); return stream };
		addEventListener('pagehide', (e) => { window.kept = e.persisted; window.live = window.tracks.filter(t => t.readyState === 'live').length + (__room.state.mediaState.pub !== 'none') }) }`)
	judge.declare()
	seen := fmt.Sprintf(`(s => s?.framesDecoded > 5 && s.audioPackets > 10)((await __room.stats())[%q])`, c.people["judge"].Account)
	clerk.until("sees and hears the judge", seen)

	judge.do(chromedp.Navigate(site.URL + "/"))
	clerk.until("the judge is away", `__room.state.people.find(x => x.seat === 'judge').connection === 'lost' && !(`+seen+`)`)
	judge.run(`history.back()`)
	judge.until("is in again", `window.__room?.state.connection === 'online' && __room.state.mediaState.pub === 'connected'`)
	judge.until("the page was kept, and let its devices go", `window.kept === true && window.live === 0`)
	clerk.until("sees and hears the judge again", seen)
	judge.until("sees and hears the clerk again", fmt.Sprintf(`(s => s?.framesDecoded > 5 && s.audioPackets > 10)((await __room.stats())[%q])`, c.people["clerk"].Account))
	judge.shot("back", 1440, 900)
}
