package signaling

import (
	"fmt"
	"os"

	"github.com/chromedp/chromedp"
)

// look has axe-core judge the page as it stands, whose serious and critical findings fail the test, measures that no word of
// the bar is cut or broken at any width, and keeps pictures for people to look at.
func (p *tab) look(name string) {
	p.t.Helper()
	source, err := os.ReadFile("../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		p.t.Fatalf("axe-core: %v (make check installs it)", err)
	}
	p.run(string(source) + "; undefined")
	for _, f := range p.list(`axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.filter(x => ['serious', 'critical'].includes(x.impact)).map(x => x.id + ': ' + x.help + ' ' + x.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')))`) {
		p.t.Errorf("axe: %s (%s): %s", name, p.name, f)
	}
	for _, width := range []int64{390, 1024, 1280, 1440} {
		check(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 800)))
		for _, f := range p.list(`[...document.querySelectorAll('.dock-button')].filter(b => b.offsetParent).flatMap(b => { const box = b.getBoundingClientRect(), w = document.createRange(); w.selectNodeContents(b.querySelector('span')); const word = w.getBoundingClientRect();
			return w.getClientRects().length > 1 && innerWidth >= 900 || word.left < Math.max(0, box.left - 0.5) || word.right > Math.min(innerWidth, box.right + 0.5) ? [b.innerText + ' ' + Math.round(word.width) + '×' + Math.round(word.height) + ' in ' + Math.round(box.width)] : [] })`) {
			p.t.Errorf("%s (%s) at %d px: a word of the bar is cut or broken: %s", name, p.name, width, f)
		}
		p.shot(fmt.Sprintf("%s-%d", name, width), width, 800)
	}
	check(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(1440, 900)))
}

func (p *tab) list(js string) []string {
	p.t.Helper()
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](js, chromedp.EvalAwaitPromise))
	check(p.t, err)
	return found
}
