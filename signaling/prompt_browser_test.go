package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// TestBrowserPrompt leaves the question for camera and microphone unanswered: the judge is in, sees and hears at once and
// reads where to click. Allowed later, they are seen and heard; with the permission taken back in the browser its tracks
// end, the page says so, and each device comes back once it is allowed again. A headless browser answers the question by
// itself, so getUserMedia waits here until it is asked on; permissions, tracks and their end are the browser's own.
func TestBrowserPrompt(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	b := startBrowser(t, chromedp.Flag("use-fake-ui-for-media-stream", false)) // permissions are real
	clerk := c.enter(t, "clerk", nil)
	clerk.join()
	judge := openTab(t, b, site.URL+"/room?seat=judge")
	other := &client{c: c, seat: "judge"}
	permit := func(setting browser.PermissionSetting) {
		t.Helper()
		for _, device := range []string{"camera", "microphone"} {
			command(judge, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: device}, Setting: setting})
		}
	}
	fault := func(name string) string {
		return fmt.Sprintf(`document.querySelector('.device-faults [data-fault="microphone %s"]')?.checkVisibility() && document.querySelector('.device-faults [data-fault="camera %[1]s"]')?.checkVisibility()`, name)
	}
	sends := func(what bool) {
		t.Helper()
		eventually(t, fmt.Sprintf("the clerk is told of devices: %v", what), func() bool {
			p := clerk.sees(other)
			return p.Standing == StandPresent && p.Microphone == what && p.Camera == what
		})
	}
	heard := func() int { return clerk.hears(other) }

	judge.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	judge.run(`{ const media = navigator.mediaDevices, open = media.getUserMedia.bind(media), answered = new Promise(yes => window.answer = yes);
		media.getUserMedia = async (wanted) => { await answered; return open(wanted) } }`)
	judge.declare()
	judge.until("hears the clerk while the browser asks", fmt.Sprintf(`(await __room.stats())[%q]?.audioPackets > 20`, clerk.id()))
	judge.until("says where to click", fault("asked"))
	sends(false)
	judge.look("prompt")
	permit(browser.PermissionSettingGranted)
	judge.run(`window.answer()`)
	sends(true)
	eventually(t, "the clerk hears the judge", func() bool { return heard() > 20 })
	judge.until("asks no more", `!document.querySelector('.device-fault')`)

	permit(browser.PermissionSettingDenied)
	judge.until("the permission was taken back", fault("denied"))
	sends(false)
	permit(browser.PermissionSettingGranted)
	sends(true)
	judge.until("says no fault", `!document.querySelector('.device-fault')`)
	before := heard()
	eventually(t, "the clerk hears the judge again", func() bool { return heard() > before+20 })
}
