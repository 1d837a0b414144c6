package main

import (
	"fmt"
	"testing"
	"time"
)

// spread is how far apart the tiles that are shown stand, in milliseconds of the recording's clock.
const spread = `(() => { const at = [...document.querySelectorAll('.player-tile:not([hidden]) video')].map(v => v.currentTime * 1000 + Number(v.dataset.from)); return Math.max(...at) - Math.min(...at) })()`

// TestBrowserPlayerKeepsAllTilesInStep plays the demonstration's recorded hearing: three files on one clock.
func TestBrowserPlayerKeepsAllTilesInStep(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	v := newVisitor(t, p.url, "plaintiff")
	v.signIn("zhangwei")
	v.open("/cases?stage=heard")
	v.open(evaluate[string](v, `document.querySelector('main a[href^="/cases/"]:not([href*=".csv"])').getAttribute('href')`))
	v.open(evaluate[string](v, `document.querySelector('a[href$="/recording"]').getAttribute('href')`))
	v.until("the player", `document.querySelectorAll('.player-tile').length === 3 && [...document.querySelectorAll('.player-tile video')].every(e => e.readyState >= 1)`, 30*time.Second)

	if n := evaluate[int](v, `document.querySelectorAll('.player-tile:not([hidden])').length`); n != 2 {
		t.Errorf("%d tiles before the late party came, want 2", n)
	}
	evaluate[bool](v, `(document.querySelector('.player-toggle').click(), true)`)
	for _, to := range []int{20_000, 41_500, 9_300} {
		evaluate[bool](v, fmt.Sprintf(`(window.__player.seek(%d), true)`, to))
		v.until(fmt.Sprintf("three tiles play from %d and are in step", to),
			fmt.Sprintf(`window.__player.time > %d && document.querySelectorAll('.player-tile:not([hidden])').length === 3 && [...document.querySelectorAll('.player-tile video')].every(e => !e.paused && !e.seeking) && %s < 100`, to+700, spread), 30*time.Second)
	}

	evaluate[bool](v, `(document.querySelectorAll('.player-lines button')[3].click(), true)`)
	v.until("a click on a line jumps to it", `document.querySelectorAll('.player-lines button')[3].getAttribute('aria-current') === 'true'`, 10*time.Second)
	press := func(key string) {
		evaluate[bool](v, fmt.Sprintf(`document.body.dispatchEvent(new KeyboardEvent('keydown', {key: %q, bubbles: true}))`, key))
	}
	press("k")
	v.until("k pauses", `[...document.querySelectorAll('.player-tile video')].every(e => e.paused)`, 10*time.Second)
	before := evaluate[float64](v, `window.__player.time`)
	press("l")
	if after := evaluate[float64](v, `window.__player.time`); after-before < 9_999 || after-before > 10_001 {
		t.Errorf("l went from %v to %v", before, after)
	}
	press("?")
	v.until("? shows the keys", `document.querySelector('dialog.player-help')?.open === true`, 10*time.Second)
	v.axe("help of the player")
	evaluate[bool](v, `(document.querySelector('dialog.player-help button').click(), true)`)
	if !evaluate[bool](v, `getComputedStyle(document.querySelector('.player-mark span'), '::before').content.includes('张伟') && document.querySelector('.player-stage').contains(document.querySelector('.player-mark')) && document.querySelector('.player-caption').innerText.includes('号')`) {
		t.Error("the picture lacks the viewer's name or the case number")
	}
	if evaluate[bool](v, `!!document.querySelector('a[href$="/copy"]')`) {
		t.Error("a party without leave is offered a copy")
	}
	v.shotAll("player")
	v.axe("player zh light")
	v.choose("/theme", "dark")
	v.choose("/language", "en")
	v.until("the English player", `document.querySelector('.player-toggle')?.innerText === 'Play'`, 30*time.Second)
	v.shotAll("player-dark-en")
	v.axe("player en dark")
}
