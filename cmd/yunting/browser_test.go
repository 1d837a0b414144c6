package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var browserOnce struct {
	sync.Mutex
	ctx    context.Context
	cancel []context.CancelFunc
}

// browserOptions starts Chromium with a synthetic camera and microphone that it may use unasked.
func browserOptions() []chromedp.ExecAllocatorOption {
	return append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox,
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("accept-lang", "zh-CN,zh"),
		chromedp.WindowSize(1440, 900),
	)
}

// chromium starts one browser for the package; each visitor gets a context (cookies, storage) of their own in it.
func chromium(t testing.TB) context.Context {
	t.Helper()
	browserOnce.Lock()
	defer browserOnce.Unlock()
	if browserOnce.ctx != nil {
		return browserOnce.ctx
	}
	allocated, cancelAllocator := chromedp.NewExecAllocator(context.Background(), browserOptions()...)
	ctx, cancel := chromedp.NewContext(allocated)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium: %v (make test installs it)", err)
	}
	browserOnce.ctx, browserOnce.cancel = ctx, []context.CancelFunc{cancel, cancelAllocator}
	return ctx
}

func closeBrowser() {
	browserOnce.Lock()
	defer browserOnce.Unlock()
	for _, cancel := range browserOnce.cancel {
		cancel()
	}
}

// visitor is one person at one browser.
type visitor struct {
	t    testing.TB
	name string
	base string
	ctx  context.Context

	words map[string]string // Chinese words of the pages → those of the language that this visitor reads; nil reads Chinese
}

// word is what the visitor's pages say for a Chinese word; what stands in no dictionary, a name or a number, stays.
func (v *visitor) word(chinese string) string {
	if w, ok := v.words[chinese]; ok {
		return w
	}
	return chinese
}

func newVisitor(t testing.TB, base, name string) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	v := &visitor{t: t, name: name, base: base, ctx: ctx}
	// The tab lives as long as the context of its first action: that one has no deadline.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		t.Fatalf("%s: new tab: %v", name, err)
	}
	return v
}

// do runs actions within a minute; the test fails with what the page shows when they do not succeed.
func (v *visitor) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		v.t.Fatalf("%s: %s: %v\n%s", v.name, what, err, v.glimpse())
	}
}

// evaluate runs JavaScript in the visitor's page and gives what it, or its promise, results in.
func evaluate[T any](v *visitor, js string) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %s: %v\n%s", v.name, js, err, v.glimpse())
	}
	return result
}

// glimpse is what the visitor sees, for failure messages; the picture goes to YUNTING_SHOTS when that is set.
func (v *visitor) glimpse() string {
	ctx, cancel := context.WithTimeout(v.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText.slice(0, 1500) : "") + (window.__room ? "\n" + JSON.stringify(window.__room.state.mediaState) + JSON.stringify(window.__room.state).slice(0, 1500) : "")`))
	if err != nil {
		return err.Error()
	}
	v.shot("failed-" + v.name)
	return text
}

func (v *visitor) open(path string) {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.base + path
	}
	v.do("open "+path, chromedp.Navigate(path))
}

// until polls the page until js is true there, also across navigations.
func (v *visitor) until(what, js string, limit time.Duration) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js, chromedp.EvalAwaitPromise))
		if err == nil && ok {
			return
		}
		if err != nil && ctx.Err() == nil {
			last = err // the page is changing, or the script is wrong: the deadline tells
		}
		select {
		case <-ctx.Done():
			v.t.Fatalf("%s: waited %v for %s (%v)\n%s", v.name, limit, what, last, v.glimpse())
		case <-tick.C:
		}
	}
}

// sees waits until the page shows text.
func (v *visitor) sees(text string) {
	v.t.Helper()
	text = v.word(text)
	v.until(fmt.Sprintf("the text %q", text), fmt.Sprintf(`document.body && document.body.innerText.includes(%s)`, quote(text)), 20*time.Second)
}

// fill sets form fields by their name attribute, as typing does.
func (v *visitor) fill(fields map[string]string) {
	v.t.Helper()
	for name, value := range fields {
		js := fmt.Sprintf(`(() => { const e = document.querySelector('[name=' + CSS.escape(%s) + ']:not([type=hidden])'); if (!e) return false;
			if (e.type === 'radio') { const o = document.querySelector('[name=' + CSS.escape(%[1]s) + '][value=' + CSS.escape(%[2]s) + ']'); if (!o) return false; o.click(); return true }
			if (e.type === 'checkbox') { if (e.checked !== (%[2]s !== '')) e.click(); return true }
			e.value = %[2]s; e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); return true })()`, quote(name), quote(value))
		if !evaluate[bool](v, js) {
			v.t.Fatalf("%s: no field %q\n%s", v.name, name, v.glimpse())
		}
	}
}

// press clicks the button or link that shows text and, for one that leads to another page, waits for that page.
func (v *visitor) press(text string) {
	v.t.Helper()
	text = v.word(text)
	v.until("the control "+text, fmt.Sprintf(`!!(%s)`, findControl(text)), 20*time.Second)
	evaluate[any](v, fmt.Sprintf(`(%s).click()`, findControl(text)))
}

// submit presses a control that leads to another page and waits until that is loaded.
func (v *visitor) submit(text string) {
	v.t.Helper()
	text = v.word(text)
	v.until("the control "+text, fmt.Sprintf(`!!(%s)`, findControl(text)), 20*time.Second)
	evaluate[any](v, fmt.Sprintf(`{ window.__before = true; (%s).click() }`, findControl(text)))
	v.until("the page after "+text, `window.__before !== true && document.readyState === 'complete'`, 30*time.Second)
}

func findControl(text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('main button, main a, main summary, main [role=button], #room button, #precheck button, #precheck a, button, a')].find(e =>
		(e.innerText || e.getAttribute('aria-label') || '').trim().includes(%s) && e.offsetParent !== null && !e.disabled)`, quote(text))
}

// at returns where the visitor is.
func (v *visitor) at() string {
	v.t.Helper()
	return evaluate[string](v, `location.pathname`)
}

// get fetches a file as the visitor, with their cookies.
func (v *visitor) get(path string) []byte {
	v.t.Helper()
	encoded := evaluate[string](v, fmt.Sprintf(`fetch(%s).then(r => { if (!r.ok) throw new Error('status ' + r.status); return r.arrayBuffer() }).then(b => {
		let s = ''; const u = new Uint8Array(b); for (let i = 0; i < u.length; i += 32768) s += String.fromCharCode(...u.subarray(i, i + 32768)); return btoa(s) })`, quote(path)))
	var data []byte
	if err := json.Unmarshal([]byte(`"`+encoded+`"`), &data); err != nil {
		v.t.Fatalf("%s: get %s: %v", v.name, path, err)
	}
	return data
}

// shot keeps a picture of the page under YUNTING_SHOTS, for people to look at.
func (v *visitor) shot(name string) {
	dir := os.Getenv("YUNTING_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, 20*time.Second)
	defer cancel()
	action := chromedp.FullScreenshot(100)
	if strings.Contains(name, "room") {
		action = chromedp.CaptureScreenshot()
	}
	png, err := chromedp.Run(ctx, action)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		v.t.Logf("shot %s: %v", name, err)
	}
}

// size sets the window.
func (v *visitor) size(width, height int64) { v.do("size", chromedp.EmulateViewport(width, height)) }

// quote writes s as a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// submitForm submits the form with that action (its first button) and waits for the page that follows.
func (v *visitor) submitForm(action string) {
	v.t.Helper()
	form := fmt.Sprintf(`[...document.forms].find(f => f.getAttribute('action') === %s)`, quote(action))
	v.until("the form "+action, `!!(`+form+`)`, 20*time.Second)
	v.leave(action, fmt.Sprintf(`{ const f = %s; f.requestSubmit(f.querySelector('button.primary') ?? undefined) }`, form))
}

// submitButton presses the page's own button with that text and waits for the page that follows.
func (v *visitor) submitButton(text string) {
	v.t.Helper()
	text = v.word(text)
	button := fmt.Sprintf(`[...document.querySelectorAll('main button:not(.visually-hidden)')].find(b => b.innerText.trim() === %s)`, quote(text))
	v.until("the button "+text, `!!(`+button+`)`, 20*time.Second)
	v.leave(text, button+`.click()`)
}

// leave runs what leads to another page and waits for that.
func (v *visitor) leave(what, js string) {
	v.t.Helper()
	evaluate[any](v, `window.__before = true`)
	evaluate[any](v, js)
	v.until("the page after "+what, `window.__before !== true && document.readyState === 'complete'`, 60*time.Second)
}

// selectText chooses the option that shows text.
func (v *visitor) selectText(name, text string) {
	v.t.Helper()
	js := fmt.Sprintf(`(() => { const s = document.querySelector('select[name=%s]'); const o = [...s.options].find(o => o.text.includes(%s)); if (!o) return false; s.value = o.value; return true })()`, name, quote(text))
	if !evaluate[bool](v, js) {
		v.t.Fatalf("%s: no option %q in %s", v.name, text, name)
	}
}

// waitReload loads path again and again until the page shows text: for what a job makes.
func (v *visitor) waitReload(path, text string, limit time.Duration) {
	v.t.Helper()
	text = v.word(text)
	v.waitReloadUntil(path, fmt.Sprintf(`document.body.innerText.includes(%s)`, quote(text)), limit)
}

func (v *visitor) waitReloadUntil(path, js string, limit time.Duration) {
	v.t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		v.open(path)
		if evaluate[bool](v, js) {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("%s: %s: waited %v for %s\n%s", v.name, path, limit, js, v.glimpse())
		}
		<-tick.C
	}
}

// shotAll keeps pictures at the three widths that pages are made for.
func (v *visitor) shotAll(name string) {
	if os.Getenv("YUNTING_SHOTS") == "" {
		return
	}
	for _, width := range []int64{390, 768, 1440} {
		v.size(width, 900)
		v.shot(fmt.Sprintf("%s-%d", name, width))
	}
	v.size(1440, 900)
}

// axe runs axe-core on the page; serious and critical violations fail the test.
func (v *visitor) axe(what string) {
	v.t.Helper()
	v.reads(what)
	source, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		v.t.Fatalf("axe-core: %v (make e2e installs it)", err)
	}
	evaluate[any](v, string(source)+"; undefined")
	found := evaluate[[]string](v, `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.filter(x => ['serious', 'critical'].includes(x.impact)).map(x => x.id + ': ' + x.help + ' ' + x.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')))`)
	for _, f := range found {
		v.t.Errorf("axe: %s: %s", what, f)
	}
}
