package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBrowserWeakNetwork puts the clerk's browser behind a narrow link and squeezes it: the judge's picture is held
// back and the tile says so, the sound goes on, and the picture comes back by itself when the link is wide again.
func TestBrowserWeakNetwork(t *testing.T) {
	away := newSpace(t)
	p := startDemoOn(t, "0.0.0.0", "--no-participants", "--log-level", "warn")
	clerk := away.visitor(t, strings.TrimPrefix(p.url, "http://"))
	newVisitor(t, p.url, "judge").enterRoom(p, "linjing")
	clerk.enterRoom(p, "wanglei")
	clerk.until("the judge's picture and sound", `__room.stats().then(s => Object.values(s).some(x => x.framesDecoded > 60 && x.audioPackets > 100))`, 60*time.Second)
	if evaluate[bool](clerk, `!!document.querySelector('.weak-tile')`) {
		t.Fatal("a picture is held back on a wide link")
	}

	away.squeeze(60)
	squeezed := time.Now()
	clerk.until("the tile says that the picture is held back", `!!document.querySelector('.weak-tile .tile-why[role=status]')?.innerText.includes('网络较弱')`, 20*time.Second)
	t.Logf("held back %v after the squeeze", time.Since(squeezed).Round(100*time.Millisecond))
	if took := time.Since(squeezed); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	clerk.shot("weak-network")
	heard := func(over time.Duration) float64 {
		t.Helper()
		return evaluate[float64](clerk, fmt.Sprintf(`(async () => {
			const now = async () => Math.max(...Object.values(await __room.stats()).map(x => x.audioPackets));
			const before = await now();
			await new Promise(r => setTimeout(r, %d));
			return await now() - before })()`, over.Milliseconds()))
	}
	if n := heard(6 * time.Second); n < 240 { // of 300
		t.Errorf("%v of 300 packets of sound came while the link was narrow", n)
	}
	if !evaluate[bool](clerk, `!!document.querySelector('.weak-tile')`) {
		t.Error("the picture did not stay away")
	}

	away.release()
	released := time.Now()
	clerk.until("the picture again", `!document.querySelector('.weak-tile')`, 40*time.Second)
	t.Logf("shown again %v after the release", time.Since(released).Round(100*time.Millisecond))
	clerk.until("moving pictures", `__room.stats().then(s => { const n = Math.max(...Object.values(s).map(x => x.framesDecoded)); window.__was ??= n; return n > window.__was + 20 })`, 20*time.Second)
}

// enterRoom logs in and goes to the open hearing's room.
func (v *visitor) enterRoom(p *process, login string) {
	v.t.Helper()
	v.open("/login")
	for _, person := range p.file().People {
		if person.Login == login {
			v.fill(map[string]string{"login": login, "password": person.Password})
		}
	}
	v.submitForm("/login")
	v.open("/hearings/" + p.file().Hearing.String() + "/room")
	v.until("the declaration", `!!document.querySelector('[data-act=declare]')`, 30*time.Second)
	v.fill(map[string]string{"discipline": "yes", "noRecording": "yes"})
	v.press("确认并进入")
}
