package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// TestBrowserWeakNetwork puts the clerk's browser behind a narrow link and squeezes it: the judge's picture is held
// back and the tile says so, the sound goes on, and the picture comes back by itself when the link is wide again.
func TestBrowserWeakNetwork(t *testing.T) {
	away := newSpace(t)
	p := startDemoOn(t, "0.0.0.0", "--no-participants", "--log-level", "warn")
	hearing := p.file().Hearing.String()
	enter := func(v *visitor, login string) {
		v.open("/login")
		for _, person := range p.file().People {
			if person.Login == login {
				v.fill(map[string]string{"login": login, "password": person.Password})
			}
		}
		v.submitForm("/login")
		v.open("/hearings/" + hearing + "/room")
		v.until("the declaration", `!!document.querySelector('[data-act=declare]')`, 30*time.Second)
		v.fill(map[string]string{"discipline": "yes", "noRecording": "yes"})
		v.press("确认并进入")
	}
	clerk := away.visitor(t, strings.TrimPrefix(p.url, "http://"))
	enter(newVisitor(t, p.url, "judge"), "linjing")
	enter(clerk, "wanglei")
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

// space is a network namespace that reaches this machine by one link. It needs root, as make e2e in a container has.
type space struct {
	t          testing.TB
	ip         string // the program
	name, link string
	handle     int // of the namespace
}

func newSpace(t testing.TB) *space {
	t.Helper()
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Fatal(err)
	}
	s := &space{ip: ip, t: t, name: fmt.Sprintf("yunting%d", os.Getpid()), link: fmt.Sprintf("yu%d", os.Getpid())}
	t.Cleanup(func() {
		for _, args := range [][]string{{"link", "del", s.link}, {"netns", "del", s.name}} {
			if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
				t.Errorf("ip %v: %v: %s", args, err, out)
			}
		}
	})
	inside := s.link + "i"
	s.run("ip", "netns", "add", s.name)
	s.run("ip", "link", "add", s.link, "type", "veth", "peer", "name", inside, "netns", s.name)
	s.run("ip", "addr", "add", "10.231.77.1/24", "dev", s.link)
	s.run("ip", "link", "set", s.link, "up")
	s.run("ip", "-n", s.name, "addr", "add", "10.231.77.2/24", "dev", inside)
	s.run("ip", "-n", s.name, "link", "set", inside, "up")
	s.run("ip", "-n", s.name, "link", "set", "lo", "up")
	if s.handle, err = unix.Open("/run/netns/"+s.name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.handle) })
	return s
}

func (s *space) run(name string, args ...string) {
	s.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %v (as root?): %v: %s", name, args, err, out)
	}
}

// squeeze lets so many kilobits a second into the space.
func (s *space) squeeze(kbps int) {
	s.t.Helper()
	s.run("tc", "qdisc", "replace", "dev", s.link, "root", "tbf", "rate", fmt.Sprintf("%dkbit", kbps), "burst", "4000", "latency", "300ms")
}

func (s *space) release() {
	s.t.Helper()
	s.run("tc", "qdisc", "del", "dev", s.link, "root")
}

// within does something in the space: sockets that it opens belong there.
func (s *space) within(do func() error) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Setns(s.handle, unix.CLONE_NEWNET)
		if err == nil {
			err = do()
		}
		ended <- err
	}()
	return <-ended
}

// visitor starts a browser in the space. Its pages come from the server at the given address by a way of their own,
// so that only the media run over the link.
func (s *space) visitor(t testing.TB, server string) *visitor {
	t.Helper()
	var pages net.Listener
	if err := s.within(func() (err error) { pages, err = net.Listen("tcp", "127.0.0.1:0"); return err }); err != nil {
		t.Fatal(err)
	}
	way := newCableOn(t, pages, server)
	enter := chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"ip", "netns", "exec", s.name, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = s.ip
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	})
	allocated, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(browserOptions(), enter)...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() { cancel(); cancelAllocator() })
	v := &visitor{t: t, name: "clerk far away", base: "http://" + way.listener.Addr().String(), ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		t.Fatalf("%s: new tab: %v", v.name, err)
	}
	return v
}
