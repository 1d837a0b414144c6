// Package udpbatch is a UDP socket that holds back RTP and RTCP until Flush
// and then sends it with as few system calls as the kernel allows:
// sendmmsg for many messages and UDP_SEGMENT (GSO) for runs of packets to one
// address. Everything else (STUN, DTLS) is sent at once. What lies together in
// the kernel is received by one call (recvmmsg).
package udpbatch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
)

const (
	maxPacket  = 1500    // a larger datagram is never held back
	socketBuf  = 4 << 20 // asked of the kernel for both directions
	laneCount  = 4       // power of two; destinations are spread over lanes
	laneBatch  = 64      // messages a lane holds before it flushes by itself
	maxSegment = 40      // segments of one GSO message (the kernel allows 64)
)

var (
	errFamily = fmt.Errorf("udpbatch: %w", net.InvalidAddrError("address of another family"))
	errSize   = errors.New("udpbatch: a packet larger than a datagram of 1500 bytes")
)

// Stats counts what the socket sent since it was opened.
type Stats struct {
	Calls    uint64 // sendmmsg calls
	Messages uint64 // messages handed to the kernel (a GSO run counts as one)
	Packets  uint64 // RTP and RTCP packets queued
	Dropped  uint64 // packets the kernel refused
}

type counters struct{ calls, messages, packets, dropped atomic.Uint64 }

// Conn is a net.PacketConn for pion's UDP mux. All methods but ReadFromAddrPort
// are safe for concurrent use. Packets to one destination leave in the order written.
// Errors of held packets are asynchronous: they are counted, not returned.
type Conn struct {
	*net.UDPConn
	lanes [laneCount]lane
	inbox inbox // of ReadFromAddrPort
	six   bool  // immutable
	gso   atomic.Bool
	count counters
}

// Listen opens a socket on addr; an IPv6 address binds IPv6 only.
func Listen(addr netip.AddrPort) (*Conn, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	u, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("udpbatch: listen: %w", err)
	}
	// The kernel caps both at its own limits; a smaller buffer is no fault.
	_ = u.SetReadBuffer(socketBuf)
	_ = u.SetWriteBuffer(socketBuf)
	c := &Conn{UDPConn: u}
	c.gso.Store(true)
	if err := c.openLanes(network == "udp6"); err != nil {
		_ = u.Close()
		return nil, err
	}
	return c, nil
}

// Stats returns the counters.
func (c *Conn) Stats() Stats {
	return Stats{Calls: c.count.calls.Load(), Messages: c.count.messages.Load(),
		Packets: c.count.packets.Load(), Dropped: c.count.dropped.Load()}
}

// WriteTo queues or sends one datagram.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("udpbatch: write to %T", to)
	}
	return c.WriteToAddrPort(b, u.AddrPort())
}

// held tells RTP and RTCP from STUN and DTLS (RFC 7983).
func held(b []byte) bool { return len(b) <= maxPacket && len(b) > 0 && b[0]&0xc0 == 0x80 }
