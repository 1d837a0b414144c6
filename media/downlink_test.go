package media

import (
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/webrtc/v4"
)

// narrow is a client's socket behind a bottleneck: what comes in waits in a
// queue of up to 300 ms and is dropped when that is full.
type narrow struct {
	net.PacketConn
	bps   atomic.Int64 // 0: as fast as it comes
	queue chan arrival
	done  chan struct{}
	wg    sync.WaitGroup
}

type arrival struct {
	data []byte
	from net.Addr
	at   time.Time
}

func newNarrow(t *testing.T) *narrow {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &narrow{PacketConn: c, queue: make(chan arrival, 4096), done: make(chan struct{})}
	n.wg.Go(n.pump)
	return n
}

func (n *narrow) pump() {
	free := time.Now()
	buf := make([]byte, 2048)
	for {
		size, from, err := n.PacketConn.ReadFrom(buf)
		if err != nil {
			close(n.queue)
			return
		}
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		if bps := n.bps.Load(); bps > 0 {
			if free.Sub(now) > 300*time.Millisecond {
				continue
			}
			free = free.Add(time.Duration(int64(size+28) * 8 * int64(time.Second) / bps))
		} else {
			free = now
		}
		select {
		case n.queue <- arrival{append([]byte(nil), buf[:size]...), from, free}:
		default:
		}
	}
}

func (n *narrow) ReadFrom(p []byte) (int, net.Addr, error) {
	a, ok := <-n.queue
	if !ok {
		return 0, nil, net.ErrClosed
	}
	t := time.NewTimer(time.Until(a.at))
	defer t.Stop()
	select {
	case <-t.C:
	case <-n.done:
		return 0, nil, net.ErrClosed
	}
	return copy(p, a.data), a.from, nil
}

func (n *narrow) Close() error {
	err := n.PacketConn.Close()
	select {
	case <-n.done:
	default:
		close(n.done)
	}
	n.wg.Wait()
	return err
}

// behind makes an API whose packets come in by n; full sends transport-wide
// feedback and takes RTX, as browsers do, else only reception reports.
func behind(t *testing.T, n *narrow, full bool) *webrtc.API {
	t.Helper()
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetSRTPReplayProtectionWindow(2048)
	mux := webrtc.NewICEUDPMux(nil, n)
	se.SetICEUDPMux(mux)
	t.Cleanup(func() { _ = mux.Close(); _ = n.Close() })
	var me *webrtc.MediaEngine
	var err error
	reg := &interceptor.Registry{}
	reports, err2 := report.NewReceiverInterceptor()
	if err2 != nil {
		t.Fatal(err2)
	}
	reg.Add(reports)
	if !full {
		me, err = mediaEngine()
	} else {
		me, err = subscribeEngine()
		feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(50 * time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		reg.Add(feedback)
	}
	if err != nil {
		t.Fatal(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(reg))
}

// squeezed joins a receiver behind a bottleneck to a publisher of one camera
// of about 215 kbps and a microphone of 28, wire included.
func squeezed(t *testing.T, full bool) (n *narrow, b *client, paused func() bool) {
	t.Helper()
	s := newSFU(t)
	room := s.Room("r")
	a := join(t, room, "a", everything)
	n = newNarrow(t)
	b = joinBy(t, room, "b", Permissions{Subscribe: true}, behind(t, n, full))
	var state atomic.Bool
	b.peer.mu.Lock()
	b.peer.events.Paused = func(ti TrackInfo, on bool) {
		if ti.Kind == KindVideo {
			state.Store(on)
		}
	}
	b.peer.mu.Unlock()
	a.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: a}).run(t))
	eventually(t, "media", func() bool { return b.packets(KindVideo) > 50 && b.packets(KindAudio) > 50 })
	return n, b, state.Load
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > d {
			t.Fatalf("%s: not within %v", what, d)
		}
		<-time.After(5 * time.Millisecond)
	}
	return time.Since(start)
}

func TestVideoPausesOnAWeakLinkAndAudioGoesOn(t *testing.T) {
	t.Parallel()
	n, b, paused := squeezed(t, true)
	if paused() {
		t.Fatal("paused on a link without bounds")
	}
	n.bps.Store(100_000)
	t.Logf("paused after %v", within(t, 15*time.Second, "pause", paused))
	audio := b.packets(KindAudio)
	within(t, 10*time.Second, "audio", func() bool { return b.packets(KindAudio) > audio+100 })
	if !paused() {
		t.Error("the pause did not hold")
	}
	if q := b.peer.down.available(); q > 250_000 {
		t.Errorf("the estimate of 100 kbps is %d", q)
	}
	n.bps.Store(0)
	t.Logf("went on after %v", within(t, 30*time.Second, "the way back", func() bool { return !paused() }))
	video := b.packets(KindVideo)
	within(t, 10*time.Second, "video", func() bool { return b.packets(KindVideo) > video+50 })
}

func TestReceptionReportsPauseVideoToo(t *testing.T) {
	t.Parallel()
	n, b, paused := squeezed(t, false)
	n.bps.Store(100_000)
	t.Logf("paused after %v", within(t, 30*time.Second, "pause", paused))
	audio := b.packets(KindAudio)
	within(t, 10*time.Second, "audio", func() bool { return b.packets(KindAudio) > audio+100 })
	n.bps.Store(0)
	t.Logf("went on after %v", within(t, 40*time.Second, "the way back", func() bool { return !paused() }))
}

// A layer that nobody takes is switched off; its cost must stay known, or
// nobody would ever be given it again.
func TestSwitchedOffLayersKeepTheirCost(t *testing.T) {
	tr := &track{}
	tr.rates[0].Store(100_000)
	tr.known[0].Store(100_000)
	tr.known[2].Store(1_200_000)
	bps := make([]int, rungs)
	if tr.costs(bps); bps[thinner] != 100_000 || bps[thinner+1] != 0 || bps[thinner+2] != 1_200_000 {
		t.Errorf("costs %v", bps)
	}
	tr.rates[0].Store(0)
	if tr.costs(bps); slices.Max(bps) != 0 {
		t.Errorf("a camera that is off costs %v", bps)
	}
}

// TestNothingStaysOfTracksThatWent: a receiver whose link was tried with padding of each track has no goroutine left of those that went.
func TestNothingStaysOfTracksThatWent(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	b := joinBy(t, room, "b", Permissions{Subscribe: true}, browserAPI())
	before := 0
	for n := range 4 {
		visit := &scope{TB: t}
		a := join(visit, room, "a", Permissions{PublishAudio: true, PublishVideo: true})
		a.publish(webrtc.MimeTypeVP8)
		visit.Cleanup((&source{c: a, every: 25}).run(visit))
		eventually(t, "a probe", func() bool { return b.tried() && b.packets(KindVideo) > 10 })
		visit.end()
		eventually(t, "nothing is left", func() bool { return len(room.Tracks()) == 0 && b.packets(KindVideo) == 0 })
		if n == 0 {
			before = least(t)
			continue
		}
		eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
	}
}

// tried begins what a probe of c's link begins and tells whether there was a track for it.
func (c *client) tried() bool {
	c.peer.sub.mu.Lock()
	defer c.peer.sub.mu.Unlock()
	return c.peer.sub.carrierLocked() != nil
}

// least is the number of goroutines once it no longer falls.
func least(t *testing.T) int {
	t.Helper()
	n, since := runtime.NumGoroutine(), time.Now()
	eventually(t, "goroutines settle", func() bool {
		if now := runtime.NumGoroutine(); now < n {
			n, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
	return n
}
