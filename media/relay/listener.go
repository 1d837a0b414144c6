package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The bounds of a TCP listener that anybody may connect to.
const (
	MaxConnections      = 2000
	MaxConnectionsPerIP = 64
	IdleConnection      = 45 * time.Second // without a byte received for so long a connection ends
)

// Bounded is a listener whose connections are counted, for each address and
// in all, and end when they are idle. Closing it closes them too.
type Bounded struct {
	net.Listener
	total, perIP int
	idle         time.Duration

	mu     sync.Mutex // guards what follows
	open   map[*boundedConn]bool
	byIP   map[netip.Addr]int
	closed bool
}

// Bound puts the package's bounds on a listener.
func Bound(l net.Listener) *Bounded {
	return &Bounded{Listener: l, total: MaxConnections, perIP: MaxConnectionsPerIP, idle: IdleConnection,
		open: map[*boundedConn]bool{}, byIP: map[netip.Addr]int{}}
}

// Accept gives the next connection that is within the bounds; others are closed.
func (l *Bounded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b := l.admit(c); b != nil {
			return b, nil
		}
		_ = c.Close() // refused: there is nobody to tell
	}
}

func (l *Bounded) admit(c net.Conn) *boundedConn {
	ip := addrPort(c.RemoteAddr()).Addr()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= l.total || l.byIP[ip] >= l.perIP {
		return nil
	}
	b := &boundedConn{Conn: c, of: l, ip: ip}
	b.watchdog = time.AfterFunc(l.idle, func() { _ = b.Close() })
	l.open[b] = true
	l.byIP[ip]++
	return b
}

// Close ends the listener and every connection of it.
func (l *Bounded) Close() error {
	l.mu.Lock()
	l.closed = true
	open := make([]*boundedConn, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	err := l.Listener.Close()
	for _, c := range open {
		if e := c.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

type boundedConn struct {
	net.Conn
	of       *Bounded
	ip       netip.Addr
	watchdog *time.Timer
	once     sync.Once
}

func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.watchdog.Reset(c.of.idle)
	}
	return n, err
}

func (c *boundedConn) Close() error {
	c.once.Do(func() {
		c.watchdog.Stop()
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		delete(c.of.open, c)
		if c.of.byIP[c.ip]--; c.of.byIP[c.ip] == 0 {
			delete(c.of.byIP, c.ip)
		}
	})
	return c.Conn.Close()
}

// addrPort is a UDP or TCP address as a value, IPv4 as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
