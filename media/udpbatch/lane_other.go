//go:build !linux

package udpbatch

import (
	"net/netip"
	"sync"
)

// lane is one packet where the kernel has no sendmmsg: packets are sent at once.
type lane struct {
	mu   sync.Mutex // guards what follows
	room [maxPacket]byte
	n    int
}

// inbox is empty where the kernel has no recvmmsg.
type inbox struct{}

// ReadFromAddrPort reads one datagram without allocating.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.ReadFromUDPAddrPort(b)
}

func (c *Conn) openLanes(six bool) error {
	c.six = six
	return nil
}

// WriteToAddrPort sends one datagram.
func (c *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if held(b) {
		c.count.packets.Add(1)
	}
	return c.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// Reserve returns room for an RTP packet of n bytes, which the caller fills before Release.
func (c *Conn) Reserve(to netip.AddrPort, n int) ([]byte, error) {
	if to.Addr().Is6() != c.six || !to.IsValid() {
		return nil, errFamily
	}
	if n < 1 || n > maxPacket {
		return nil, errSize
	}
	l := &c.lanes[to.Port()%laneCount]
	l.mu.Lock()
	l.n = n
	return l.room[:n], nil
}

// Release sends the packet; not to be called when Reserve failed.
func (c *Conn) Release(to netip.AddrPort) {
	l := &c.lanes[to.Port()%laneCount]
	if _, err := c.WriteToAddrPort(l.room[:l.n], to); err != nil {
		c.count.dropped.Add(1)
	}
	l.mu.Unlock()
}

// Flush has nothing to send.
func (c *Conn) Flush() {}
