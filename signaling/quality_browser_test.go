package signaling

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserQuality has the server tell how connections fare, in both languages: another's tile has a mark with words for
// the eye and the screen reader while it is fair or weak; one's own is told once when it has become weak and once when it is
// good again, not whenever the score changes.
func TestBrowserQuality(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	clerk := c.enter(t, "clerk", nil)
	plaintiff := c.enter(t, "plaintiff", clerk)
	browser := startBrowser(t)
	for _, words := range []struct{ lang, fair, weak, told, over string }{
		{"zh-CN", "网络一般", "网络较差", "您的网络较差，画面和声音可能中断。", "您的网络已恢复良好。"},
		{"en", "Fair connection", "Weak connection", "Your connection is weak: picture and sound may break up.", "Your connection is good again."},
	} {
		t.Run(words.lang, func(t *testing.T) {
			judge := openTab(t, browser, site.URL+"/room?seat=judge&lang="+words.lang)
			judge.until("is asked for the declaration, or in", `document.querySelector('input[name=discipline], [data-act=leave]')`)
			judge.run(`if (document.querySelector('input[name=discipline]')) { for (const x of ['[name=discipline]', '[name=noRecording]', '[data-act=declare]']) document.querySelector(x).click() }`)
			judge.until("is in", `__room.state.stage === 'admitted' && __room.state.mediaState.pub === 'connected'`)

			other := clerk.sees(plaintiff)
			page := c.socketOf("judge")
			mark := fmt.Sprintf(`document.querySelector('[data-peer="%s"] .plate [class*=net-]')`, other.ID)
			for _, step := range []struct {
				quality     int
				class, says string
			}{{3, "net-fair", words.fair}, {2, "net-bad", words.weak}, {1, "net-bad", words.weak}, {4, "", ""}, {3, "net-fair", words.fair}, {0, "", ""}, {1, "net-bad", words.weak}} {
				other.Quality = step.quality
				page.send(&personReply{other})
				if step.class == "" {
					judge.until(fmt.Sprintf("has no mark for %d", step.quality), `!`+mark)
					continue
				}
				judge.until(fmt.Sprintf("has a mark for %d", step.quality), fmt.Sprintf(`(m => m?.classList.contains('plate-mark') && m.classList.contains(%q) && m.title === %q)(%s)`, step.class, step.says, mark))
			}
			judge.look("quality-" + words.lang)
			for _, size := range [][2]int64{{1440, 900}, {390, 844}} {
				check(t, chromedp.Do(judge.ctx, chromedp.EmulateViewport(size[0], size[1])))
				judge.until(fmt.Sprintf("the mark is seen and read at %d px", size[0]), fmt.Sprintf(`(m => { const sign = m.querySelector('svg'), text = m.querySelector('span'), box = sign.getBoundingClientRect(), tile = m.closest('.tile').getBoundingClientRect();
					return sign.getAttribute('aria-hidden') === 'true' && box.width > 10 && box.left >= tile.left && box.right <= tile.right && text.textContent === %q && text.checkVisibility() })(%s)`, words.weak, mark))
			}
			check(t, chromedp.Do(judge.ctx, chromedp.EmulateViewport(1440, 900)))

			// The server's own news of the judge's connection go on beside: what the page reads of it is set.
			judge.run(announcements)
			judge.run(fmt.Sprintf(`window.quality = 1; { const parse = JSON.parse; JSON.parse = function (text) { const m = parse.call(JSON, text); if (m?.type === 'person' && m.person.id === %q) m.person.quality = window.quality; return m } }`, c.people["judge"].Account))
			own := func(script string) {
				t.Helper()
				judge.run(script)
				page.send(&personReply{clerk.sees(&client{c: c, seat: "judge"})})
			}
			chip := func(word string) {
				t.Helper()
				judge.until("the status shows "+word, fmt.Sprintf(`document.querySelector('.chip.net').innerText.trim() === %q`, word))
			}
			own(`window.quality = 1`)
			chip(words.weak)
			judge.until("is told", `window.said.length`)
			for n := range 12 { // a restless link
				own(fmt.Sprintf(`window.quality = %d`, 1+n%5))
				judge.number(`new Promise(r => setTimeout(() => r(1), 500))`)
			}
			own(`window.quality = 5`)
			judge.until("is told that it is good", `window.said.length > 1`)
			for n := range 12 {
				own(fmt.Sprintf(`window.quality = %d`, 5-n%5))
				judge.number(`new Promise(r => setTimeout(() => r(1), 500))`)
			}
			said := judge.list(`window.said`)
			if got, want := strings.Join(said, "\n"), "status: "+words.told+"\nstatus: "+words.over; got != want {
				t.Errorf("said:\n%s\nwant:\n%s", got, want)
			}
			check(t, chromedp.Do(judge.ctx, chromedp.Navigate("about:blank")))
			eventually(t, "the page is gone", func() bool { return clerk.sees(&client{c: c, seat: "judge"}).Connection != ConnOnline })
		})
	}
}
