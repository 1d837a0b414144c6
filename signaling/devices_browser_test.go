package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

// TestBrowserDevices has the judge's microphone and camera refused, unplugged, busy and held by a telephone call: the page
// says so and how to mend it for as long as it lasts, the others see it, and each device comes back by itself.
func TestBrowserDevices(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	clerk := openTab(t, browser, site.URL+"/room?seat=clerk")
	clerk.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	clerk.declare()
	p := openTab(t, browser, site.URL+"/room?seat=judge")
	p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	p.run(`{ const media = navigator.mediaDevices, open = media.getUserMedia.bind(media); window.tracks = {};
		media.getUserMedia = async (wanted) => { if (window.failing) throw new DOMException('', window.failing);
			const stream = await open(wanted); for (const t of stream.getTracks()) window.tracks[t.kind] = t; return stream } }
		window.failing = 'NotAllowedError'`)
	p.declare()
	fault := func(name string) string {
		return fmt.Sprintf(`document.querySelector('.device-faults [data-fault=%q]')?.checkVisibility()`, name)
	}
	sends := func(microphone, camera bool) {
		t.Helper()
		clerk.until(fmt.Sprintf("is told: microphone %v, camera %v", microphone, camera), fmt.Sprintf(`(j => j?.standing === 'present' && j.microphone === %v && j.camera === %v)(__room.state.people.find(x => x.seat === 'judge'))`, microphone, camera))
	}
	p.until("permission is refused", fault("microphone denied")+`&&`+fault("camera denied"))
	sends(false, false)
	p.look("devices-denied")
	p.run(`window.failing = ''; document.querySelector('[data-act=retry-microphone]').click(); document.querySelector('[data-act=retry-camera]').click()`)
	sends(true, true)
	p.until("says no fault", `!document.querySelector('.device-fault')`)
	clerk.until("sees and hears the judge", fmt.Sprintf(`(s => s?.framesDecoded > 5 && s.audioPackets > 10)((await __room.stats())[%q])`, c.people["judge"].Account))

	p.run(`window.failing = 'NotFoundError'; window.tracks.audio.dispatchEvent(new Event('ended'))`)
	p.until("the microphone is gone", fault("microphone missing"))
	sends(false, true)
	p.run(`window.failing = ''; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))`)
	sends(true, true)
	p.until("says that it is back", `document.querySelector('.toasts').textContent.includes('麦克风已恢复')`)

	p.run(`window.failing = 'NotReadableError'; window.tracks.video.dispatchEvent(new Event('ended'))`)
	p.until("the camera is busy", fault("camera busy"))
	sends(true, false)
	p.run(`window.failing = ''; document.dispatchEvent(new Event('visibilitychange'))`)
	sends(true, true)

	p.run(`Object.defineProperty(window.tracks.audio, 'muted', {value: true, configurable: true}); window.tracks.audio.dispatchEvent(new Event('mute'))`)
	p.until("a call holds the microphone", fault("microphone held"))
	sends(false, true)
	p.run(`delete window.tracks.audio.muted; window.tracks.audio.dispatchEvent(new Event('unmute'))`)
	sends(true, true)
	p.until("says no fault", `!document.querySelector('.device-fault')`)
}
