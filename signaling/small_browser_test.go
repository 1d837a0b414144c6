package signaling

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserSmallScreen goes through a hearing on old telephones, upright and turned, in English, whose words are the longer
// ones: at each step of the party, the clerk and the judge nothing is wider than the screen, and every control can be brought
// into sight, is free to touch, large enough, and says its whole word.
func TestBrowserSmallScreen(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	browser := startBrowser(t)
	open := func(page, seat string) *tab {
		p := openTab(t, browser, site.URL+"/")
		p.do(chromedp.EmulateViewport(360, 640, chromedp.EmulateMobile, chromedp.EmulateTouch)) // which panel is open at first depends on it
		p.do(chromedp.Navigate(site.URL + "/" + page + "?lang=en&seat=" + seat))
		p.name = page + " of " + seat
		return p
	}

	check := open("check", "plaintiff")
	check.until("the devices are checked", `document.querySelector('[data-check=camera].v-ok') && document.querySelector('[data-check=signal].v-ok') && document.querySelector('[data-check=mic].v-ok')`)
	check.fits("check")
	check.run(`location.replace('about:blank')`) // lets the camera go

	judge, clerk, party := open("room", "judge"), open("room", "clerk"), open("room", "plaintiff")
	for _, p := range []*tab{judge, clerk, party} {
		p.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	}
	party.run(`document.querySelector('[data-act=declare]').click()`) // without a tick: an error more to show
	party.fits("declaration")
	for _, p := range []*tab{judge, clerk, party} {
		p.declare()
	}
	party.until("waits in the lobby", `document.querySelector('.gate-card .pulse')`)
	party.fits("lobby")
	for _, p := range []*tab{judge, clerk} {
		p.until("is in", `__room.state.mediaState.pub === 'connected' && document.querySelector('[data-act=people]')`)
	}
	clerk.shows("people", ".waiting input")
	clerk.fits("admission")
	clerk.run(`document.querySelector('.waiting input').click()`)
	clerk.click(`[data-admit]:not(:disabled)`)
	party.until("is in", `__room.state.mediaState.pub === 'connected' && document.querySelector('[data-act=transcript]')`)
	party.fits("faces")

	judge.shows("control", "[data-phase=opening]")
	judge.fits("course")
	judge.click(`[data-phase=opening]`)
	judge.until("is asked", `document.querySelector('dialog [data-act=confirm]')`)
	judge.fits("opening asked")
	judge.click(`dialog [data-act=confirm]`)
	judge.click(`[data-phase=investigation]`)
	judge.until("may interrupt the recording", `document.querySelector('[data-act=pause]')`)
	judge.fits("course during the hearing")
	judge.shows("people", ".person")
	judge.fits("people of the judge")

	clerk.shows("transcript", "textarea[name=line]")
	clerk.fits("pen")
	clerk.do(chromedp.SendKeys(`textarea[name=line]`, "The plaintiff asks that the defendant pay the price of 100,000 yuan and bear the costs."))
	clerk.click(`[data-act=line]:not(:disabled)`)
	party.run(`document.querySelector('[data-act=hand]').click()`)
	party.shows("transcript", ".lines .line")
	party.fits("transcript")
	party.shows("people", "[data-act=own-devices]")
	party.fits("people of the party")
	party.click(`[data-act=own-devices]`)
	party.until("the choice of devices", `document.querySelector('dialog select[name=codec]')`)
	party.fits("devices")
	party.run(`document.querySelector('dialog').close()`)
	party.click(`[data-act=leave]`)
	party.until("leaving is asked", `document.querySelector('dialog .danger')`)
	party.fits("leaving")
	party.run(`document.querySelector('dialog').close()`)

	judge.shows("control", "[data-phase=recess]")
	judge.click(`[data-phase=recess]`)
	party.until("the recess", `document.querySelector('.rec-paused')`)
	party.fits("recess")
	for _, phase := range []string{"investigation", "debate", "final_statements", "closed"} {
		judge.click(fmt.Sprintf(`[data-phase=%s]:not(:disabled)`, phase))
	}
	judge.click(`dialog [data-act=confirm]`)
	party.until("can confirm", `document.querySelector('[data-act=confirm-transcript]')`)
	party.fits("confirmation")
	judge.until("the end", `__room.state.phase === 'closed'`)
	judge.fits("closed")
}

// click presses what the selector finds first, once it is there.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.until(selector+" is there", fmt.Sprintf(`document.querySelector(%q)`, selector))
	p.run(fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// shows opens a tab of the panel, where want is.
func (p *tab) shows(panel, want string) {
	p.t.Helper()
	p.run(fmt.Sprintf(`if (!document.querySelector('#tab-%[1]s.on')) (document.querySelector('#tab-%[1]s') ?? document.querySelector('[data-act=%[1]s]')).click()`, panel))
	p.until(want+" is shown", fmt.Sprintf(`document.querySelector(%q)`, want))
}

// fits tells what a person with a small screen could not read or touch.
func (p *tab) fits(step string) {
	p.t.Helper()
	for _, size := range []struct {
		width, height int64
		letters       string // of the page, which its user may have set larger
	}{{360, 640, "130%"}, {640, 360, ""}, {320, 568, ""}, {360, 640, ""}} {
		p.do(chromedp.EmulateViewport(size.width, size.height, chromedp.EmulateMobile, chromedp.EmulateTouch))
		p.run(fmt.Sprintf(`document.documentElement.style.fontSize = %q`, size.letters))
		p.number(`new Promise(r => setTimeout(r, 150, 0))`)
		p.shot(fmt.Sprintf("small-%s-%d%s", step, size.width, size.letters), size.width, size.height)
		for _, fault := range p.list(fmt.Sprintf(outOfReach, size.width, size.height)) {
			p.t.Errorf("%s, %s at %d×%d %s: %s", p.name, step, size.width, size.height, size.letters, fault)
		}
	}
}

// outOfReach lists controls that cannot be brought into sight, lie under something else, are smaller than 24 pixels (WCAG 2.2,
// 2.5.8) or cut their word, and words beyond the screen's edge.
const outOfReach = `(() => {
	const faults = [], wide = %d, high = %d, told = [...document.querySelectorAll('.toast')].map(e => e.getBoundingClientRect());
	if (innerWidth > wide) faults.push('the page was made smaller to show ' + innerWidth);
	const name = e => (e.getAttribute('aria-label') || e.innerText || e.name || e.className).trim().replace(/\s+/g, ' ').slice(0, 40) + ' <' + e.tagName.toLowerCase() + '.' + e.className + '>';
	if (document.documentElement.scrollWidth > wide) faults.push('the page is ' + document.documentElement.scrollWidth + ' wide');
	const root = [...document.querySelectorAll('dialog[open]')].pop() ?? document.body;
	for (const e of root.querySelectorAll('button, a[href], input, select, textarea, summary, [tabindex="0"]')) {
		if (!e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) || e.closest('.visually-hidden')) continue;
		e.scrollIntoView({ block: 'center', inline: 'center' });
		const target = e.closest('label') ?? e, r = target.getBoundingClientRect();
		if (r.left < -0.5 || r.right > wide + 0.5 || r.top < -0.5 && r.bottom < high || r.bottom > high + 0.5 && r.top > 0) faults.push(name(e) + ' is out of sight: ' + [r.left, r.top, r.right, r.bottom].map(Math.round));
		if (r.width < 24 || r.height < 24) faults.push(name(e) + ' is small: ' + Math.round(r.width) + ' × ' + Math.round(r.height));
		const x = Math.min(Math.max(r.left + r.width / 2, 1), wide - 1), y = Math.min(Math.max(r.top + r.height / 2, 1), high - 1);
		const top = document.elementFromPoint(x, y);
		if (!e.disabled && top && !target.contains(top)) faults.push(name(e) + ' lies under ' + name(top));
		if (e.tagName === 'BUTTON' && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) faults.push(name(e) + ' cuts its word: ' + e.scrollWidth + ' × ' + e.scrollHeight + ' in ' + e.clientWidth + ' × ' + e.clientHeight);
	}
	for (const e of root.querySelectorAll('.write :is(textarea, [type=submit]), .dock-button, .gate-card :is(button, input)')) {
		const r = e.getBoundingClientRect();
		if (told.some(m => m.left < r.right && m.right > r.left && m.top < r.bottom && m.bottom > r.top)) faults.push(name(e) + ' is covered by what is told');
	}
	const words = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
	for (let n; (n = words.nextNode());) {
		const e = n.parentElement;
		if (!n.data.trim() || !e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) || e.closest('.visually-hidden, option, script')) continue;
		const range = document.createRange();
		range.selectNodeContents(n);
		const r = range.getBoundingClientRect(), scroller = e.closest('.speakers');
		if (r.width && !scroller && (r.left < -0.5 || r.right > wide + 0.5) && getComputedStyle(e).textOverflow !== 'ellipsis') faults.push('“' + n.data.trim().slice(0, 40) + '” goes beyond the edge: ' + Math.round(r.left) + ' to ' + Math.round(r.right));
	}
	return faults;
})()`
