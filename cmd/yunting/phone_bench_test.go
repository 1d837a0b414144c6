package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// An old phone on a slow network: a sixth of this machine's speed, 400 kbit/s both ways, 400 ms to the first byte.
const (
	phoneSlowdown   = 6
	phoneThroughput = 400_000 / 8 // bytes a second
	phoneLatencyMs  = 400
)

// onAPhone narrows the visitor's browser to an old phone. cold opens pages without a cache.
func (v *visitor) onAPhone(cold bool) {
	v.size(390, 844)
	v.do("an old phone", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: phoneSlowdown}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: cold}); err != nil {
			return err
		}
		slow := &network.Conditions{Latency: phoneLatencyMs, DownloadThroughput: phoneThroughput, UploadThroughput: phoneThroughput}
		_, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{slow}})
		return err
	}))
}

// phoneTimes is what a page needed, from the tap on its link.
type phoneTimes struct {
	Painted float64 // ms to the first text or picture
	Ready   float64 // ms until it can be used: its own sign is there, and the last task over 50 ms is done
	Busy    float64 // ms that tasks over 50 ms held the page up
	KiB     float64 // over the network
	Largest string  // what weighs most
}

// BenchmarkPhone opens three pages as the plaintiff on an old phone, without and with what an earlier page left in the cache.
func BenchmarkPhone(b *testing.B) {
	p := startDemo(b, "--no-participants", "--log-level", "warn")
	desk := newVisitor(b, p.url, "plaintiff")
	desk.signIn("zhangwei")
	desk.open("/cases")
	kase := evaluate[string](desk, `document.querySelector('main a[href^="/cases/"]').getAttribute('href')`)
	desk.open("/")
	desk.submitForm("/cases") // a new complaint
	filing := desk.at()
	for _, page := range []struct{ name, path, ready string }{
		{"filing", filing, `document.querySelector('[data-tus]:not([hidden])') !== null`},
		{"case", kase, `document.querySelector('#record .timeline li') !== null`},
		{"room", "/hearings/" + p.file().Hearing.String() + "/room", `document.querySelector('[data-act=declare]') !== null`},
	} {
		for _, cold := range []bool{true, false} {
			name := page.name + "/cached"
			if cold {
				name = page.name + "/cold"
			}
			b.Run(name, func(b *testing.B) {
				var sum phoneTimes
				for range b.N {
					v := newVisitor(b, p.url, name)
					v.signIn("zhangwei")
					if !cold {
						v.open(page.path)
						v.until("the page", page.ready, time.Minute)
					}
					v.onAPhone(cold)
					one := v.times(page.path, page.ready)
					sum.Painted, sum.Ready, sum.Busy, sum.KiB, sum.Largest = sum.Painted+one.Painted, sum.Ready+one.Ready, sum.Busy+one.Busy, sum.KiB+one.KiB, one.Largest
				}
				n := float64(b.N)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(sum.Painted/n, "painted-ms")
				b.ReportMetric(sum.Ready/n, "ready-ms")
				b.ReportMetric(sum.Busy/n, "busy-ms")
				b.ReportMetric(sum.KiB/n, "KiB")
				b.Logf("%s: heaviest %s", name, sum.Largest)
			})
		}
	}
}

// times opens a page and measures it by the browser's own Performance entries. A page is at rest when no task of over 50 ms
// ended in the last two seconds.
func (v *visitor) times(path, ready string) phoneTimes {
	watch := fmt.Sprintf(`window.__long = []; window.__readyAt = 0;
		new PerformanceObserver(l => { for (const e of l.getEntries()) window.__long.push([e.startTime, e.duration]) }).observe({type: 'longtask', buffered: true});
		const look = () => { if (document.body && (%s)) { window.__readyAt = performance.now() } else requestAnimationFrame(look) }; look()`, ready)
	v.before(watch)
	v.open(path)
	v.until("the page at rest", `(() => { const ends = window.__long.map(([at, d]) => at + d); return window.__readyAt > 0 && document.readyState === 'complete'
		&& performance.now() - Math.max(window.__readyAt, ...ends) > 2000 })()`, time.Minute)
	return evaluate[phoneTimes](v, `(() => {
		const all = [performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')];
		const heavy = all.sort((a, b) => b.transferSize - a.transferSize).slice(0, 4).map(e => new URL(e.name).pathname.slice(-40) + ' ' + (e.transferSize / 1024).toFixed(0) + ' KiB');
		return {Painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
			Ready: Math.max(window.__readyAt, ...window.__long.filter(([at]) => at < window.__readyAt + 5000).map(([at, d]) => at + d)),
			Busy: window.__long.reduce((sum, [, d]) => sum + d, 0), KiB: all.reduce((sum, e) => sum + e.transferSize, 0) / 1024, Largest: heavy.join(', ')} })()`)
}

// before runs a script in every page that the visitor opens from now on, ahead of the page's own.
func (v *visitor) before(script string) {
	v.t.Helper()
	v.do("a script before the page", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}
