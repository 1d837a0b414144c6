package media

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestTenThousandComeAndGo is the whole measure; it wants a machine without other tests.
func TestTenThousandComeAndGo(t *testing.T) { comeAndGo(t, 10_000, 0) }

// TestHundredsComeAndGo is the same where the race detector watches. What a few kilobytes a visitor would come to in ten
// thousand cannot be told here from what runtime and tests keep.
func TestHundredsComeAndGo(t *testing.T) { comeAndGo(t, 250, 1<<20) }

// comeAndGo lets so many peers join and leave a room in which one publishes, and watches, all the while. Of each hundred,
// 94 join, have an offer of a camera and a microphone answered, are offered what there is, and leave before any connection
// is up; four do the same by WHIP, with DELETE; two meet, with three others, and leave once each has pictures and sound of
// all the others, or was told that a picture is held back. Afterwards there are as many goroutines as before, and the memory
// in use is the same within 5 % and so many bytes.
func comeAndGo(t *testing.T, total int, more uint64) {
	s := newSFU(t)
	s.cfg.StartBps = 100_000_000 // nothing is held back: the clients tell nothing of their way
	v := &visitors{t: t, room: s.Room("r")}
	v.stays = join(t, v.room, "stays", Permissions{PublishAudio: true, PublishVideo: true})
	v.stays.publish(webrtc.MimeTypeVP8)
	src := &source{c: v.stays, every: 50}
	for range videoCache { // what keeps a stream's last packets is full from now on
		src.frame(false)
		<-time.After(time.Millisecond)
	}
	t.Cleanup(src.run(t))

	pattern := &client{t: t, id: "pattern", api: loopbackAPI()}
	pattern.encoder(webrtc.MimeTypeVP8)
	v.offer = gatheredOffer(t, pattern.pub, false)
	t.Cleanup(func() { _ = pattern.pub.GracefulClose() })
	v.whip = s.WHIP("/whip/", func(_ *http.Request, _, stream string, _ bool) (Grant, error) { return Grant{Peer: stream}, nil })

	// What is kept for ever, such as pools and tables, is there after these. They take longer than the five seconds for which
	// pion's socket remembers who left, in a table that grows with how many leave in that time and never becomes smaller.
	v.come(max(500, total/4))
	goroutines, memory := v.settled(0, 0)
	begun := time.Now()
	v.come(total)
	took := time.Since(begun)
	most := memory + memory/20 + more
	goroutinesAfter, memoryAfter := v.settled(goroutines, most)
	t.Logf("%d came and went in %v; goroutines %d, then %d; memory in use %.2f MiB, then %.2f MiB", total, took.Round(time.Millisecond),
		goroutines, goroutinesAfter, float64(memory)/(1<<20), float64(memoryAfter)/(1<<20))
	if goroutinesAfter > goroutines {
		if err := pprof.Lookup("goroutine").WriteTo(os.Stderr, 1); err != nil {
			t.Error(err)
		}
		t.Errorf("%d goroutines more than before", goroutinesAfter-goroutines)
	}
	if memoryAfter > most {
		t.Errorf("%d bytes in use, %d before", memoryAfter, memory)
	}
}

// visitors are those who come and go.
type visitors struct {
	t     *testing.T
	room  *Room
	stays *client
	whip  http.Handler
	offer string // of a camera and a microphone
	names atomic.Int64
}

// come lets so many come and go, some at once; total is a multiple of 250.
func (v *visitors) come(total int) {
	v.t.Helper()
	const atOnce = 32
	var wg sync.WaitGroup
	work := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for n := range work {
				if n%25 == 0 {
					v.byWHIP()
				} else {
					v.visit()
				}
			}
		})
	}
	wg.Go(func() {
		defer close(work)
		for n := range total / 250 * 245 {
			work <- n
		}
	})
	for range total / 250 {
		v.meet(5)
	}
	wg.Wait()
}

func (v *visitors) visit() {
	offered := make(chan struct{}, 8)
	p, err := v.room.Join(fmt.Sprintf("p%d", v.names.Add(1)), JoinOptions{Permissions: everything, Events: Events{Offer: func(string) { offered <- struct{}{} }}})
	if err != nil {
		v.t.Errorf("join: %v", err)
		return
	}
	defer p.Close()
	if _, err := p.Publish(v.offer); err != nil {
		v.t.Errorf("publish: %v", err)
	}
	select {
	case <-offered:
	case <-time.After(30 * time.Second):
		v.t.Errorf("%s is offered nothing", p.ID())
	}
}

func (v *visitors) byWHIP() {
	post := httptest.NewRequest(http.MethodPost, fmt.Sprintf("/whip/r/p%d", v.names.Add(1)), strings.NewReader(v.offer))
	post.Header.Set("Content-Type", typeSDP)
	w := httptest.NewRecorder()
	v.whip.ServeHTTP(w, post)
	if w.Code != http.StatusCreated {
		v.t.Errorf("WHIP: %d %s", w.Code, w.Body)
		return
	}
	location := w.Header().Get("Location")
	w = httptest.NewRecorder()
	v.whip.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, location, nil))
	if w.Code != http.StatusOK {
		v.t.Errorf("WHIP: DELETE: %d", w.Code)
	}
}

// meet is the visit of some who all send to each other.
func (v *visitors) meet(people int) {
	v.t.Helper()
	visit := &scope{TB: v.t}
	defer visit.end()
	prefix := fmt.Sprintf("m%d-", v.names.Add(1))
	all := make([]*client, people)
	for i := range all {
		api := loopbackAPI()
		if i%2 == 0 {
			api = browserAPI()
		}
		c := joinBy(visit, v.room, fmt.Sprint(prefix, i), everything, api)
		c.encoder(webrtc.MimeTypeVP8)
		c.offerPub(false)
		visit.Cleanup((&source{c: c, every: 50}).run(visit))
		all[i] = c
	}
	for _, c := range all {
		within(v.t, 30*time.Second, c.id+" receives", func() bool { return c.receives(prefix) == 2*(people-1) })
	}
}

// receives counts the tracks that came or are held back and whose ids begin with prefix.
func (c *client) receives(prefix string) (tracks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.tracks {
		if strings.HasPrefix(id, prefix) && (len(c.received[id]) > 2 || c.paused[id]) {
			tracks++
		}
	}
	return tracks
}

// settled waits until only one peer is left and all has ended that they set going: until there are no more goroutines and
// bytes in use than wanted, or they have not become fewer for longer than anything is remembered of who left. It returns
// the least that it saw of both.
func (v *visitors) settled(goroutines int, bytes uint64) (leastGoroutines int, leastBytes uint64) {
	v.t.Helper()
	within(v.t, 30*time.Second, "nobody is left", func() bool { return len(v.room.Tracks()) == 2 && len(v.room.Peers("")) == 1 })
	leastGoroutines, leastBytes = runtime.NumGoroutine(), 1<<63
	for fewer := time.Now(); time.Since(fewer) < 7*time.Second && (leastGoroutines > goroutines || leastBytes > bytes); <-time.After(100 * time.Millisecond) {
		v.stays.forget()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if n := runtime.NumGoroutine(); n < leastGoroutines || m.HeapAlloc < leastBytes-leastBytes/200 {
			fewer = time.Now()
		}
		leastGoroutines, leastBytes = min(leastGoroutines, runtime.NumGoroutine()), min(leastBytes, m.HeapAlloc)
	}
	return leastGoroutines, leastBytes
}

// forget drops what was received.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.received)
	clear(c.arrived)
	clear(c.paused)
}
