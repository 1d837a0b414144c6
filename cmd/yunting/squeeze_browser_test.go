package main

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestBrowserSqueezedLayers narrows the link to a browser that shows a large picture. Within five seconds it gets the
// encoding that the link has room for, and the picture does not stand still for longer than half a second.
func TestBrowserSqueezedLayers(t *testing.T) {
	away := newSpace(t)
	p := startDemoOn(t, "0.0.0.0", "--no-participants", "--log-level", "warn")
	judge, clerk := newVisitor(t, p.url, "judge"), away.visitor(t, p.url[len("http://"):])
	judge.open("/login")
	evaluate[any](judge, `localStorage.setItem('yunting.devices', JSON.stringify({picture: 'large'}))`)
	judge.enterRoom(p, "linjing")
	clerk.enterRoom(p, "wanglei")
	id := evaluate[string](judge, `__room.state.me.id`)
	clerk.until("the judge's picture", fmt.Sprintf(`!!document.querySelector('[data-peer="%s"] video')`, id), 60*time.Second)
	evaluate[any](clerk, fmt.Sprintf(`document.querySelector('[data-peer="%s"] video').style.cssText = 'width:1200px; height:675px'`, id))
	shows := func(lines string, limit time.Duration) {
		t.Helper()
		clerk.until(lines+" lines", fmt.Sprintf(`__room.stats().then(s => (h => h %s)(s[%q]?.height ?? 0))`, lines, id), limit)
	}
	frozen := func() float64 {
		return evaluate[float64](clerk, fmt.Sprintf(`__room.stats().then(s => s[%q].frozenSeconds)`, id))
	}
	shows("=== 720", 60*time.Second)
	clerk.settle(5 * time.Second)

	took, froze := math.Inf(1), math.Inf(1) // at best: a machine busy with other work says nothing of the switch
	for round := range 2 {
		before, begun := frozen(), time.Now()
		away.squeeze(700)
		shows("< 720", 30*time.Second)
		down := time.Since(begun)
		clerk.settle(6 * time.Second) // what the switch cost is counted when pictures have moved for a while
		still := frozen() - before
		lines := evaluate[float64](clerk, fmt.Sprintf(`__room.stats().then(s => s[%q].height)`, id))
		away.release()
		released := time.Now()
		shows("=== 720", 60*time.Second)
		t.Logf("round %d: %v lines %.1f s after the squeeze, still for %.2f s; 720 again %.1f s after the release", round+1, lines, down.Seconds(), still, time.Since(released).Seconds())
		took, froze = math.Min(took, down.Seconds()), math.Min(froze, still)
		clerk.settle(3 * time.Second)
	}
	if took > 5 || froze > 0.5 {
		t.Errorf("a lower layer only after %.1f s, still for %.2f s", took, froze)
	}
}
