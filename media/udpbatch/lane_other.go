//go:build !linux

package udpbatch

import "net/netip"

// lane is empty where the kernel has no sendmmsg: packets are sent at once.
type lane struct{}

func (c *Conn) openLanes(bool) error { return nil }

// WriteToAddrPort sends one datagram.
func (c *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if isRTP(b) {
		c.count.packets.Add(1)
	}
	return c.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// Flush has nothing to send.
func (c *Conn) Flush() {}
