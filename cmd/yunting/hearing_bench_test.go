package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// timings hold what was measured again and again, in milliseconds.
type timings []float64

// report prints the middle and what 19 of 20 did not exceed.
func (s timings) report(b *testing.B, what string) {
	slices.Sort(s)
	b.ReportMetric(s[len(s)/2], what+"-p50-ms")
	b.ReportMetric(s[min(len(s)*95/100, len(s)-1)], what+"-p95-ms")
}

// watchJoin notes in a page when its socket said hello, when the receiving connection was up, and when the first picture of
// another person was shown.
const watchJoin = `window.__join = {}; {
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (text) {
		if (JSON.parse(text).type === 'hello') __join.hello ??= performance.now();
		send.call(this, text);
	};
	window.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...all) {
			super(...all);
			let receives = false, up = 0;
			const note = () => { if (receives && up) __join.connected ??= up };
			this.addEventListener('track', () => { receives = true; note() });
			this.addEventListener('connectionstatechange', () => { if (this.connectionState === 'connected') { up ||= performance.now(); note() } });
		}
	};
	const seen = new WeakSet();
	const look = () => {
		for (const v of document.querySelectorAll('video')) {
			if (v.muted || !v.srcObject || seen.has(v)) continue;
			seen.add(v);
			v.requestVideoFrameCallback(now => { __join.picture ??= now });
		}
		requestAnimationFrame(look);
	};
	look();
}`

// BenchmarkLateJoiner has an observer open the room's page again and again, while judge and clerk see each other. The engine
// keeps no key frame: the picture is one that was asked for.
func BenchmarkLateJoiner(b *testing.B) {
	p := startDemo(b, "--no-participants", "--log-level", "warn")
	for _, login := range []string{"linjing", "wanglei"} {
		v := newVisitor(b, p.url, login)
		v.enterRoom(p, login)
	}
	late := newVisitor(b, p.url, "observer")
	late.enterRoom(p, "zhaomin")
	late.until("both pictures", `__room.stats().then(s => Object.values(s).filter(x => x.framesDecoded > 20).length === 2)`, time.Minute)
	late.before(watchJoin)
	var opened, joined, connected timings
	for b.Loop() {
		late.open(late.at())
		late.until("a picture", `__join.picture > 0 && __join.connected > 0`, time.Minute)
		t := evaluate[struct{ Hello, Connected, Picture float64 }](late, `({Hello: __join.hello, Connected: __join.connected, Picture: __join.picture})`)
		opened, joined, connected = append(opened, t.Picture), append(joined, t.Picture-t.Hello), append(connected, t.Picture-t.Connected)
	}
	b.ReportMetric(0, "ns/op")
	opened.report(b, "from-the-link")
	joined.report(b, "from-joining")
	connected.report(b, "from-connected")
}

// watchSound notes the longest time without a packet of sound, and whether it came without a gap for two seconds now. The
// browser counts packets anew about each 50 ms.
const watchSound = `{
	clearInterval(window.__listening);
	const s = window.__sound = {longest: 0, packets: 0, last: performance.now(), since: performance.now(),
		steady: () => performance.now() - s.last < 500 && s.last - s.since > 2000};
	window.__listening = setInterval(async () => {
		const n = Math.max(0, ...Object.values(await __room.stats()).map(x => x.audioPackets)), now = performance.now(), gap = now - s.last;
		if (n === s.packets) return;
		s.packets = n;
		if (n === 0) return;
		if (gap > 500) s.since = now;
		s.longest = Math.max(s.longest, gap);
		s.last = now;
	}, 20);
}; undefined`

// BenchmarkResume takes the clerk's socket away, and then socket and address together, as a telephone does that leaves its
// WLAN. How long there was no sound is told by the page that missed it longer.
func BenchmarkResume(b *testing.B) {
	away := newSpace(b)
	p := startDemoOn(b, "0.0.0.0", "--no-participants", "--log-level", "warn")
	judge, clerk := newVisitor(b, p.url, "judge"), away.visitor(b, p.url[len("http://"):])
	judge.enterRoom(p, "linjing")
	clerk.enterRoom(p, "wanglei")
	for _, v := range []*visitor{judge, clerk} {
		v.until("the other's picture and sound", `__room.stats().then(s => Object.values(s).some(x => x.framesDecoded > 20 && x.audioPackets > 100))`, time.Minute)
	}
	// lose has the clerk lose the socket and what do takes, and waits until both hear each other for two seconds again.
	lose := func(do func()) (socketMs, silentMs float64) {
		visitors := []*visitor{judge, clerk}
		for _, v := range visitors {
			evaluate[any](v, watchSound)
		}
		resumes := evaluate[int](clerk, `__room.state.resumes`)
		evaluate[any](clerk, `__room.dropSocket()`)
		do()
		clerk.until("the socket", fmt.Sprintf(`__room.state.resumes > %d && __room.state.connection === 'online'`, resumes), time.Minute)
		for _, v := range visitors {
			v.until("steady sound", `__sound.steady()`, time.Minute)
			silentMs = max(silentMs, evaluate[float64](v, `__sound.longest`))
		}
		return evaluate[float64](clerk, `__room.state.lastGapMs`), silentMs
	}
	n := 2
	for _, of := range []struct {
		name string
		do   func()
	}{{"socket", func() {}}, {"address", func() {
		n = n%200 + 3
		away.move(fmt.Sprintf("10.231.77.%d", n))
	}}} {
		b.Run(of.name, func(b *testing.B) {
			var socket, silent timings
			for b.Loop() {
				socketMs, silentMs := lose(of.do)
				socket, silent = append(socket, socketMs), append(silent, silentMs)
			}
			b.ReportMetric(0, "ns/op")
			socket.report(b, "socket")
			silent.report(b, "silent")
		})
	}
}
