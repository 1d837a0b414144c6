package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// space is a network namespace that reaches this machine by one link. It needs root, as make e2e in a container has.
type space struct {
	t          testing.TB
	ip         string // the program
	name, link string
	handle     int // of the namespace
	inside     string
}

// The addresses of a link's two ends.
const (
	courtEnd = "10.231.77.1"
	spaceEnd = "10.231.77.2"
)

// newSpace makes a space behind a link that can be squeezed.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := enclose(t)
	s.run("ip", "link", "add", s.link, "type", "veth", "peer", "name", s.inside, "netns", s.name)
	s.connect()
	return s
}

// newFarSpace makes a space behind a link that delays each packet by late, each way, and loses what distance says.
func newFarSpace(t testing.TB, late time.Duration) (*space, *distance) {
	t.Helper()
	s := enclose(t)
	d := &distance{late: late, done: make(chan struct{})}
	var err error
	if d.ends[0], err = tunnel(s.link); err != nil {
		t.Fatal(err)
	}
	if err := s.within(func() (err error) { d.ends[1], err = tunnel(s.inside); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	s.connect()
	d.start()
	return s, d
}

// enclose makes the namespace, without a link.
func enclose(t testing.TB) *space {
	t.Helper()
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Fatal(err)
	}
	s := &space{ip: ip, t: t, name: fmt.Sprintf("yunting%d", os.Getpid()), link: fmt.Sprintf("yu%d", os.Getpid())}
	s.inside = s.link + "i"
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", s.link).Run() // a tunnel goes with its process
		if out, err := exec.Command("ip", "netns", "del", s.name).CombinedOutput(); err != nil {
			t.Errorf("ip netns del: %v: %s", err, out)
		}
	})
	s.run("ip", "netns", "add", s.name)
	if s.handle, err = unix.Open("/run/netns/"+s.name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.handle) })
	return s
}

// connect gives the link's ends their addresses.
func (s *space) connect() {
	s.t.Helper()
	s.run("ip", "addr", "add", courtEnd+"/24", "dev", s.link)
	s.run("ip", "link", "set", s.link, "up")
	s.run("ip", "-n", s.name, "addr", "add", spaceEnd+"/24", "dev", s.inside)
	s.run("ip", "-n", s.name, "link", "set", s.inside, "up")
	s.run("ip", "-n", s.name, "link", "set", "lo", "up")
}

// move gives the space another address, as a telephone gets that leaves its WLAN.
func (s *space) move(address string) {
	s.t.Helper()
	s.run("ip", "-n", s.name, "addr", "flush", "dev", s.inside)
	s.run("ip", "-n", s.name, "addr", "add", address+"/24", "dev", s.inside)
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

// distance is the link of a far space: two tunnels and what lies between them.
type distance struct {
	late    time.Duration
	percent atomic.Int32 // of the packets lost, each way
	ends    [2]*os.File
	done    chan struct{}
	wg      sync.WaitGroup
}

// tunnel opens a TUN device of the caller's namespace.
func tunnel(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, errors.Join(fmt.Errorf("tun %s: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

func (d *distance) start() {
	for i := range d.ends {
		type late struct {
			packet []byte
			at     time.Time
		}
		road := make(chan late, 4096)
		d.wg.Go(func() {
			defer close(road)
			buf := make([]byte, 65536)
			for {
				n, err := d.ends[i].Read(buf)
				if err != nil {
					return
				}
				if rand.Int32N(100) < d.percent.Load() {
					continue
				}
				select {
				case road <- late{append([]byte(nil), buf[:n]...), time.Now().Add(d.late)}:
				default: // a queue that is full loses too
				}
			}
		})
		d.wg.Go(func() {
			for p := range road {
				select {
				case <-time.After(time.Until(p.at)):
				case <-d.done:
				}
				_, _ = d.ends[1-i].Write(p.packet) // a tunnel that is down takes nothing
			}
		})
	}
}

func (d *distance) close() {
	close(d.done)
	for _, f := range d.ends {
		f.Close()
	}
	d.wg.Wait()
}
