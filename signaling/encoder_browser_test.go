package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// drawnCamera takes the place of the camera: a drawing that moves, in the size of window.size, which may change under way.
const drawnCamera = `{
	window.size = [640, 360];
	navigator.mediaDevices.getUserMedia = (open => async (wanted) => {
		if (!wanted.video) return open.call(navigator.mediaDevices, wanted);
		const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
		let n = 0;
		setInterval(() => {
			if (canvas.width !== window.size[0]) [canvas.width, canvas.height] = window.size;
			pen.fillStyle = 'hsl(' + n++ * 7 + ' 80% 50%)';
			pen.fillRect(n * 3 % 500, 0, 120, 340);
		}, 50);
		[canvas.width, canvas.height] = window.size;
		return canvas.captureStream(20);
	})(navigator.mediaDevices.getUserMedia) }`

// swallowing has an encoder of a codec take pictures and give nothing, until window.mend() is called: what it makes is lost
// before it is sent.
func swallowing(codec string) string {
	return fmt.Sprintf(`{
	const worker = new Worker(URL.createObjectURL(new Blob(['let broken = true; onmessage = () => broken = false; onrtctransform = ({transformer: t}) => t.readable.pipeThrough(new TransformStream({transform: (f, to) => { if (!broken) to.enqueue(f) }})).pipeTo(t.writable)'])));
	window.mend = () => worker.postMessage('');
	const prefer = RTCRtpTransceiver.prototype.setCodecPreferences;
	RTCRtpTransceiver.prototype.setCodecPreferences = function (all) {
		if (all[0].mimeType === 'video/%s') this.sender.transform = new RTCRtpScriptTransform(worker);
		return prefer.call(this, all);
	} };`, codec)
}

// toldInToasts keeps in window.told what the page says by the way: it goes by itself after some seconds.
const toldInToasts = `window.told = []; new MutationObserver(all => all.forEach(m => m.addedNodes.forEach(n => n.matches?.('.toast') && window.told.push(n.textContent.trim()))))
	.observe(document.body, {subtree: true, childList: true})`

// TestBrowserEncoder: where a camera's encoder fails, the others see it by another codec, whose person is told so once.
// The judge's pictures grow beyond what an H264 encoder takes: Chromium then changes to VP8 within the stream, which
// nobody can follow. The clerk's VP9 encoder takes pictures from the beginning and nothing comes of it; a reload does not
// try it again. When VP8 fails too the page says what to do, the others that the camera is off, until pictures come.
func TestBrowserEncoder(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	enter := func(seat, lang, codec, script string) *tab {
		p := openTab(t, browser, site.URL+"/room?seat="+seat)
		p.run(fmt.Sprintf(`localStorage.setItem('yunting.devices', JSON.stringify({picture: 'small', codec: %q}))`, codec))
		p.do(chromedp.Navigate(site.URL + "/room?lang=" + lang + "&seat=" + seat))
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		p.run(script + toldInToasts)
		p.declare()
		return p
	}
	judge, clerk := enter("judge", "zh-CN", "H264", drawnCamera), enter("clerk", "en", "VP9", swallowing("VP9"))
	moves := func(p *tab, of string) {
		t.Helper()
		p.until("sees the "+of+" move", fmt.Sprintf(`await (async () => { const n = async () => (await __room.stats())[%q]?.framesDecoded ?? 0, before = await n();
			await new Promise(r => setTimeout(r, 1500)); return await n() > before + 5 })()`, c.people[of].Account))
	}
	sends := func(p *tab, codec string) {
		t.Helper()
		p.until("sends "+codec, fmt.Sprintf(`(all => all.length && all.every(l => l.codec === 'video/%s'))(await __room.sent())`, codec))
	}
	told := func(p *tab, what string) {
		t.Helper()
		p.until("is told", fmt.Sprintf(`window.told.some(x => x.includes(%q))`, what))
		if n := p.number(fmt.Sprintf(`window.told.filter(x => x.includes(%q)).length`, what)); n != 1 {
			t.Errorf("%s: told %v times", p.name, n)
		}
	}
	moves(clerk, "judge")
	sends(clerk, "VP8")
	moves(judge, "clerk")
	told(clerk, "makes no picture by VP9. Yours is now sent by VP8")

	sends(judge, "H264")
	judge.run(`window.size = [12000, 64]`)
	moves(clerk, "judge")
	sends(judge, "VP8")
	told(judge, "用 H264 编不出画面，已改用 VP8 发送")
	judge.run(`window.size = [640, 360]`)
	moves(clerk, "judge")
	judge.run(`document.querySelector('[data-act=devices]').click()`)
	judge.until("may not choose it again", `document.querySelector('dialog option[value=H264]:disabled')?.textContent.includes('编不出画面')`)
	judge.run(`document.querySelector('dialog .primary').click()`)
	if n := judge.number(`window.told.filter(x => x.includes('编不出')).length`); n != 1 {
		t.Errorf("told %v times that H264 failed", n)
	}

	clerk.do(chromedp.Navigate(site.URL + "/room?lang=en&seat=clerk")) // a reload
	clerk.until("is in again", `window.__room?.state.stage === 'admitted'`)
	clerk.until("sends VP8 at once", `(all => all.length && all.every(l => l.codec === 'video/VP8' && l.frames > 5))(await __room.sent())`)
	moves(judge, "clerk")
	clerk.run(swallowing("VP8"))
	clerk.run(`document.querySelector('[data-act=devices]').click()`)
	clerk.until("may choose another picture", `document.querySelector('dialog select[name=picture]')`)
	clerk.run(`{ const s = document.querySelector('dialog select[name=picture]'); s.value = 'large'; s.dispatchEvent(new Event('change', {bubbles: true})) } document.querySelector('dialog .primary').click()`) // which makes another connection
	unsent := `document.querySelector('.device-faults [data-fault="camera unsent"]')`
	camera := `__room.state.people.find(x => x.seat === 'clerk')?.camera`
	clerk.until("says what to do", unsent+`?.textContent.includes('restart the browser') && document.querySelector('[data-act=retry-camera]')`)
	judge.until("is told that the camera is off", camera+` === false`)
	clerk.look("encoder-unsent")
	clerk.run(`document.querySelector('[data-act=retry-camera]').click()`)
	clerk.until("still says what to do after another try", unsent)
	clerk.run(`window.mend()`)
	clerk.until("says so no more", `!`+unsent)
	judge.until("is told that the camera is on", camera)
}
