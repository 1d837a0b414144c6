package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBrowserNetworkLoss cuts a person's whole way to the web server for some seconds. The page comes back by itself
// within three seconds of the network's return, and the record says network fault, not leaving.
func TestBrowserNetworkLoss(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	way := newCable(t, strings.TrimPrefix(p.url, "http://"))
	v := newVisitor(t, "http://"+way.listener.Addr().String(), "clerk behind a cable")
	v.signIn("wanglei")
	hearing := p.file().Hearing.String()
	v.open("/hearings/" + hearing + "/room")
	v.until("the declaration", `!!document.querySelector('[data-act=declare]')`, 30*time.Second)
	v.fill(map[string]string{"discipline": "yes", "noRecording": "yes"})
	v.press("确认并进入")
	v.until("the room", `window.__room?.state.stage === 'admitted'`, 20*time.Second)
	way.set(false)
	v.until("the loss", `window.__room.state.connection === 'lost'`, 20*time.Second)
	<-time.After(4 * time.Second) // how long the network is away
	back := time.Now()
	way.set(true)
	v.until("the return", `window.__room.state.connection === 'online'`, 20*time.Second)
	took := time.Since(back)
	t.Logf("back %v after the network", took.Round(time.Millisecond))
	if took > 3*time.Second {
		t.Errorf("the page was back only %v after the network", took)
	}
	for _, person := range p.file().People {
		if person.Login != "linjing" {
			continue
		}
		var h struct{ Case string }
		p.call(person.Token, "GET", "/api/v1/hearings/"+hearing, nil, &h, 200)
		var entries []struct{ Kind string }
		p.call(person.Token, "GET", "/api/v1/cases/"+h.Case+"/entries", nil, &entries, 200)
		if kinds := fmt.Sprint(entries); !strings.Contains(kinds, "hearing.network_lost") || !strings.Contains(kinds, "hearing.network_restored") || strings.Contains(kinds, "hearing.left") {
			t.Errorf("the record says %s", kinds)
		}
	}
}

// cable is a way to the server that can be cut: then what runs over it breaks and nothing new gets through.
type cable struct {
	listener net.Listener

	mu    sync.Mutex // guards what follows
	whole bool
	open  map[net.Conn]bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newCableOn(t, l, to)
}

// newCableOn is a way to the server that begins at a listener.
func newCableOn(t testing.TB, l net.Listener, to string) *cable {
	c := &cable{listener: l, whole: true, open: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); c.set(false) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil || !c.hold(near, far) {
				near.Close()
				continue
			}
			go pipe(near, far)
			go pipe(far, near)
		}
	}()
	return c
}

// hold keeps a pair of connections, unless the cable is cut.
func (c *cable) hold(near, far net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.whole {
		far.Close()
		return false
	}
	c.open[near], c.open[far] = true, true
	return true
}

func (c *cable) set(whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = whole
	if whole {
		return
	}
	for conn := range c.open {
		conn.Close()
	}
	c.open = map[net.Conn]bool{}
}

// pipe copies until either side ends; the copy's error is the cut.
func pipe(to, from net.Conn) {
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return
	}
}
