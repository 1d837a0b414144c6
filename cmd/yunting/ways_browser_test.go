package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// relayOnly makes the page's connections use nothing but TURN.
const relayOnly = `window.RTCPeerConnection = class extends RTCPeerConnection { constructor(c) { super({...c, iceTransportPolicy: 'relay'}) } }; undefined`

// tcpOnly hides every UDP candidate from both sides, as a network without UDP does.
const tcpOnly = `{
	const drop = (sdp) => sdp.replace(/a=candidate:\S+ \d+ udp [^\r\n]*\r\n/gi, '');
	window.RTCPeerConnection = class extends RTCPeerConnection {
		addIceCandidate(c) { return / udp /i.test(c?.candidate ?? '') ? Promise.resolve() : super.addIceCandidate(c) }
		setRemoteDescription(d) { return super.setRemoteDescription({type: d.type, sdp: drop(d.sdp)}) }
	};
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (text) {
		const m = JSON.parse(text);
		if (m.type === 'candidate' && / udp /i.test(m.candidate.candidate)) return;
		if (m.sdp) m.sdp = drop(m.sdp);
		send.call(this, JSON.stringify(m));
	};
}; undefined`

// TestBrowserWaysIn lets the clerk in by TURN alone and the judge by TCP alone; each decodes the other. Then the server is
// asked to end: the pages say so, it ends with 0, and both come back by themselves, by the same ways, once it runs again.
func TestBrowserWaysIn(t *testing.T) {
	turn := freePort(t, "tcp")
	p := startDemo(t, "--no-participants", "--log-level", "warn", "--turn-port", fmt.Sprint(turn))
	hearing := p.file().Hearing.String()
	people := map[string]string{}
	for _, person := range p.file().People {
		people[person.Login] = person.Password
	}
	enter := func(login, constraint string) *visitor {
		v := newVisitor(t, p.url, login)
		v.open("/login")
		v.fill(map[string]string{"login": login, "password": people[login]})
		v.submitForm("/login")
		v.open("/hearings/" + hearing + "/room")
		v.until("the declaration", `!!document.querySelector('[data-act=declare]')`, 30*time.Second)
		evaluate[any](v, constraint)
		v.fill(map[string]string{"discipline": "yes", "noRecording": "yes"})
		v.press("确认并进入")
		return v
	}
	clerk, judge := enter("wanglei", relayOnly), enter("linjing", tcpOnly)
	decodes := func() {
		t.Helper()
		for _, v := range []*visitor{clerk, judge} {
			v.until("the other's pictures and sound", `__room.stats().then(s => Object.values(s).some(x => x.framesDecoded > 20 && x.audioPackets > 20))`, 60*time.Second)
		}
		clerk.until("the relay's way", `__room.ways().then(w => w.join() === 'relay,relay')`, 20*time.Second)
		judge.until("TCP's way", `__room.ways().then(w => w.join() === 'tcp,tcp')`, 20*time.Second)
	}
	decodes()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	clerk.until("the news of the restart", `__room.state.draining && __room.state.connection === 'lost' && document.querySelector('.lost').innerText.includes('重启')`, 20*time.Second)
	p.waitGone()
	t.Logf("ended in %v", time.Since(begun).Round(time.Millisecond))
	if took := time.Since(begun); took > 45*time.Second {
		t.Errorf("the end took %v", took)
	}
	for deadline := time.Now().Add(5 * time.Second); p.cmd.ProcessState == nil && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	if state := p.cmd.ProcessState; state == nil || state.ExitCode() != 0 {
		t.Errorf("the court ended with %v", state)
	}
	p.start()
	for _, v := range []*visitor{clerk, judge} {
		v.until("the return", `__room.state.connection === 'online' && !__room.state.draining`, 40*time.Second)
	}
	decodes()
}
