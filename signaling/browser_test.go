package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// TestBrowser plays a hearing in four Chromium tabs with camera and microphone: device check,
// declaration, lobby, admission, opening, transcript, a lost socket, closing, confirmation.
// YUNTING_SHOTS names a directory for screenshots to look at.
func TestBrowser(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)

	check := openTab(t, browser, site.URL+"/check?seat=plaintiff")
	check.until("the device check finds everything in order", `document.querySelector('[data-check=camera].v-ok') && document.querySelector('[data-check=signal].v-ok') && document.querySelector('[data-check=mic].v-ok')`)
	check.shots("check")

	tabs := map[string]*tab{}
	for _, seat := range []string{"clerk", "judge", "plaintiff", "defendant"} {
		tabs[seat] = openTab(t, browser, site.URL+"/room?seat="+seat)
		tabs[seat].until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
		if seat == "plaintiff" {
			tabs[seat].look("declare")
		}
		tabs[seat].declare()
	}
	clerk, judge, plaintiff, defendant := tabs["clerk"], tabs["judge"], tabs["plaintiff"], tabs["defendant"]
	plaintiff.until("waits in the lobby", `document.querySelector('.gate-card .pulse')`)
	plaintiff.look("lobby")
	clerk.until("the clerk is in", `document.querySelector('[data-act=people]')`)
	clerk.run(`document.querySelector('[data-act=people]').click()`)
	clerk.until("both wait", `document.querySelectorAll('.waiting').length === 2`)
	clerk.look("admission")
	clerk.run(`document.querySelectorAll('.waiting input').forEach(x => x.click())`)
	clerk.until("both can be admitted", `document.querySelectorAll('[data-admit]:not(:disabled)').length === 2`)
	clerk.run(`document.querySelectorAll('[data-admit]').forEach(x => x.click())`)
	for _, a := range tabs {
		for seat, b := range tabs {
			if a != b {
				a.until("decodes "+seat, fmt.Sprintf(`(await __room.stats())[%q]?.framesDecoded > 20 && (await __room.stats())[%q]?.audioPackets > 20`, c.people[seat].Account, c.people[seat].Account))
			}
		}
	}
	c.session(judge, clerk, plaintiff, defendant)
}

// session is the hearing itself, from opening to the confirmed transcript.
func (c *court) session(judge, clerk, plaintiff, defendant *tab) {
	judge.run(`document.querySelector('[data-phase=opening]').click()`)
	judge.until("the consequence is said", `document.querySelector('dialog [data-act=confirm]')`)
	judge.shots("opening")
	judge.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	defendant.until("the recording light is on", `__room.state.recording && document.querySelector('.rec-on')`)
	judge.until("the next phase is offered", `document.querySelector('[data-phase=investigation]')`)
	judge.run(`document.querySelector('[data-phase=investigation]').click()`)
	clerk.until("investigation", `__room.state.phase === 'investigation'`)
	clerk.run(`document.querySelector('[data-act=transcript]').click()`)
	for _, said := range []string{"现在开庭。今天审理原告张伟诉被告李娜买卖合同纠纷一案。", "请求判令被告支付货款100000元，并承担本案诉讼费用。", "对合同真实性没有异议，但部分货物存在质量问题。"} {
		clerk.until("the pen is free", `document.querySelector('textarea[name=line]')?.value === ''`)
		clerk.do(chromedp.SendKeys(`textarea[name=line]`, said))
		clerk.run(`document.querySelector('[data-act=line]').click()`)
	}
	for _, p := range []*tab{judge, clerk, plaintiff, defendant} {
		p.until("reads the transcript", `__room.state.lines.length === 3 && __room.state.lines[2].text.startsWith('对合同真实性')`)
	}
	defendant.run(`document.querySelector('[data-act=hand]').click()`)
	judge.until("sees the hand", `document.querySelector('.tile-hand')`)
	for name, p := range map[string]*tab{"judge": judge, "clerk": clerk, "plaintiff": plaintiff} {
		p.shots("room-" + name)
	}
	plaintiff.run(`document.querySelector('.panel-close').click()`)
	plaintiff.shots("room-faces")
	plaintiff.run(`document.querySelector('[data-act=transcript]').click()`)
	c.reconnecting(plaintiff)
	c.comeBack(plaintiff)
	plaintiff.until("still decodes the judge", fmt.Sprintf(`(window.before ??= (await __room.stats())[%q]?.framesDecoded) && (await __room.stats())[%q]?.framesDecoded > window.before + 10`, c.people["judge"].Account, c.people["judge"].Account))
	c.rest(judge, plaintiff)
	c.sendOut(judge, defendant)
	for _, phase := range []string{"debate", "final_statements", "closed"} {
		judge.until(phase+" is offered", fmt.Sprintf(`document.querySelector('[data-phase=%s]:not(:disabled)')`, phase))
		judge.run(fmt.Sprintf(`document.querySelector('[data-phase=%s]').click()`, phase))
	}
	judge.until("the closing is asked", `document.querySelector('dialog [data-act=confirm]')`)
	judge.run(`document.querySelector('dialog [data-act=confirm]').click()`)
	plaintiff.until("can confirm", `document.querySelector('[data-act=confirm-transcript]')`)
	plaintiff.look("closed")
	plaintiff.run(`document.querySelector('[data-act=confirm-transcript]').click()`)
	clerk.until("sees the confirmation", `__room.state.answers.length === 1 && __room.state.answers[0].confirmed`)
}

// reconnecting looks at a page whose socket is cut for a while.
func (c *court) reconnecting(p *tab) {
	c.t.Helper()
	p.run(`window.real = WebSocket; WebSocket = function () { return {close() {}, send() {}} }; __room.dropSocket()`)
	p.until("says that it is cut off", `document.querySelector('.lost[role=alert]')`)
	p.look("reconnecting")
	p.run(`WebSocket = window.real; dispatchEvent(new Event('online'))`)
	p.until("is online", `__room.state.connection === 'online' && !document.querySelector('.lost')`)
}

// rest looks at a page during a recess.
func (c *court) rest(judge, p *tab) {
	c.t.Helper()
	judge.run(`document.querySelector('[data-phase=recess]').click()`)
	p.until("the recess", `__room.state.phase === 'recess' && document.querySelector('.rec-paused')`)
	p.look("recess")
	judge.look("recess-judge")
	judge.until("may go on", `document.querySelector('[data-phase=investigation]:not(:disabled)')`)
	judge.run(`document.querySelector('[data-phase=investigation]').click()`)
	p.until("goes on", `__room.state.phase === 'investigation'`)
}

// sendOut removes a person from the hearing and looks at what they see.
func (c *court) sendOut(judge, p *tab) {
	c.t.Helper()
	judge.run(`document.querySelector('[data-act=people]').click()`)
	button := fmt.Sprintf(`document.querySelector('[data-remove="%s"]')`, c.people["defendant"].Account)
	judge.until("may send out", button)
	judge.run(button + `.click()`)
	judge.until("is asked why", `document.querySelector('dialog[open] input')`)
	judge.look("remove-dialog")
	judge.do(chromedp.SendKeys(`dialog input`, "扰乱法庭秩序"))
	judge.run(`document.querySelector('[data-act=remove]').click()`)
	p.until("is out", `__room.state.stage === 'ended' && document.querySelector('.gate-card[role=alert]')`)
	p.look("removed")
	judge.run(`document.querySelector('[data-act=control]').click()`)
}

// comeBack breaks the socket three times. The best gap counts: a machine busy with other tests says
// nothing of the client, but a client that waits too long is late every time.
func (c *court) comeBack(p *tab) {
	c.t.Helper()
	best := 1e9
	for n := 1; n <= 3; n++ {
		p.run(`__room.dropSocket()`)
		p.until("is back", fmt.Sprintf(`__room.state.resumes >= %d && __room.state.connection === 'online'`, n))
		best = min(best, p.number(`__room.state.lastGapMs`))
	}
	if best > 3000 {
		c.t.Errorf("back after %v ms at best", best)
	}
}

// bundle builds the browser's side into a directory of its own.
func bundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "tool", "esbuild", "web/src/room/main.tsx", "web/src/precheck/main.tsx", "--bundle", "--format=esm", "--splitting",
		"--jsx=automatic", "--jsx-import-source=preact", "--target=es2020", "--outbase=web/src", "--entry-names=[dir]", "--outdir="+dir, "--log-level=warning")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	return dir
}

// pages are the two shells of web/src/room/README.md and the socket.
func (c *court) pages(dist string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/static/dist/", http.StripPrefix("/static/dist/", http.FileServer(http.Dir(dist))))
	mux.Handle("/static/css/", http.StripPrefix("/static/css/", http.FileServer(http.Dir("../web/static/css"))))
	mux.HandleFunc("/socket", c.serve)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>the case</title>")
	})
	for page, mount := range map[string]string{"check": "precheck", "room": "room"} {
		mux.HandleFunc("/"+page, func(w http.ResponseWriter, r *http.Request) {
			seat := r.URL.Query().Get("seat")
			locale := r.URL.Query().Get("lang")
			if locale == "" {
				locale = "zh-CN"
			}
			config, err := json.Marshal(map[string]any{
				"hearing": c.hearing.ID, "socket": "/socket?seat=" + seat, "room": "/room?seat=" + seat, "check": "/check?seat=" + seat,
				"home": "/", "locale": locale, "court": "北京云庭法院", "caseNumber": c.hearing.CaseNumber, "title": c.hearing.CaseTitle,
				"start": c.hearing.Start, "me": map[string]any{"account": c.people[seat].Account, "name": c.people[seat].Name, "seat": seat}})
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="%s"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover"><title>云庭</title>
<link rel="stylesheet" href="/static/css/tokens.css"><link rel="stylesheet" href="/static/css/components.css"><link rel="stylesheet" href="/static/css/room.css"></head>
<body class="%s-page"><div id="%s" data-config="%s"></div><script type="module" src="/static/dist/%s.js"></script></body></html>`,
				locale, mount, mount, html.EscapeString(string(config)), mount)
		})
	}
	return mux
}

// startBrowser starts the one Chromium that may run on the machine at a time.
func startBrowser(t *testing.T, other ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "yunting-chromium.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	check(t, err)
	check(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.NoSandbox, chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("mute-audio", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, other...)...)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		stop()
		lock.Close() // which lets the lock go
	})
	check(t, chromedp.Do(browser, chromedp.Navigate("about:blank")))
	return browser
}

// tab is one page of the browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	name string
}

func openTab(t *testing.T, browser context.Context, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	check(t, chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url)))
	return &tab{t, ctx, url[strings.LastIndex(url, "/"):]}
}

func (p *tab) do(a chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

func (p *tab) run(js string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](js))
}

// declare makes the declaration that the page asks for before it lets anybody in.
func (p *tab) declare() {
	p.t.Helper()
	p.run(`document.querySelector('input[name=discipline]').click(); document.querySelector('input[name=noRecording]').click(); document.querySelector('[data-act=declare]').click()`)
}

func (p *tab) number(js string) float64 {
	p.t.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](js, chromedp.EvalAwaitPromise))
	check(p.t, err)
	return n
}

// until polls inside the page: four tabs starve on a machine that is busy with other tests.
func (p *tab) until(what, js string) {
	p.t.Helper()
	poll := `(async () => { const end = performance.now() + ` + strconv.FormatInt(patience.Milliseconds(), 10) + `; for (;;) { if (` + js + `) return true; if (performance.now() > end) return false; await new Promise(r => setTimeout(r, 50)); } })()`
	held, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, what, err)
	}
	if !held {
		p.shot("failed", 1440, 900)
		state, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`JSON.stringify(window.__room?.state)`))
		p.t.Fatalf("%s: not in time: %s\n%s %v", p.name, what, state, err)
	}
}

// shots takes the page as a desk and a telephone show it.
func (p *tab) shots(name string) {
	p.t.Helper()
	if os.Getenv("YUNTING_SHOTS") == "" {
		return
	}
	p.shot(name+"-390", 390, 844)
	p.shot(name+"-1440", 1440, 900)
}

func (p *tab) shot(name string, width, height int64) {
	p.t.Helper()
	dir := os.Getenv("YUNTING_SHOTS")
	if dir == "" {
		return
	}
	check(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height)))
	p.run(`new Promise(r => setTimeout(r, 300))`)
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	check(p.t, err)
	check(p.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
}

// command sends the browser a command of its debugging protocol.
func command[P any](p *tab, c cdp.Command[P, cdp.Empty], params P) {
	p.t.Helper()
	p.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, c, params)
		return chromedp.Void{}, err
	})
}
