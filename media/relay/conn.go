package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// errNoTCP refuses allocations for TCP peers (RFC 6062): the SFU's peers are
// reached by UDP, and a relay that opens connections is a proxy.
var errNoTCP = errors.New("relay: no TCP allocations")

const bindTries = 32

// generator opens the sockets of allocations (turn.RelayAddressGenerator).
type generator struct{ server *Server }

// Validate implements turn.RelayAddressGenerator.
func (g generator) Validate() error { return nil }

// AllocatePacketConn opens one relayed address in the configured range.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := g.server
	six := strings.HasSuffix(c.Network, "6")
	announced, bind, ok := s.relayAddress(six)
	if !ok {
		return nil, nil, fmt.Errorf("relay: no address for %s", c.Network)
	}
	width := s.cfg.MaxPort - s.cfg.MinPort + 1
	for range bindTries {
		port := s.cfg.MinPort + rand.IntN(width)
		if c.RequestedPort != 0 {
			port = c.RequestedPort
		}
		if port < s.cfg.MinPort || port > s.cfg.MaxPort {
			return nil, nil, fmt.Errorf("relay: port %d is outside the range", port)
		}
		if c.UserID == "" && !s.freeBySix(port) {
			continue
		}
		socket, err := net.ListenPacket(c.Network, netip.AddrPortFrom(bind, uint16(port)).String())
		if err != nil {
			continue // taken: try another
		}
		conn := &relayConn{PacketConn: socket, server: s, ticket: c.UserID, to: s.cfg.Peers(), from: map[netip.AddrPort]netip.AddrPort{},
			up: rate.NewLimiter(s.cfg.BytesPerSecond, int(s.cfg.BytesPerSecond)), down: rate.NewLimiter(s.cfg.BytesPerSecond, int(s.cfg.BytesPerSecond))}
		for told, local := range conn.to {
			if told != local || !conn.from[local].IsValid() {
				conn.from[local] = told
			}
		}
		if !s.hold(conn) {
			return nil, nil, errors.Join(errors.New("relay: the ticket was revoked"), conn.Close())
		}
		return conn, &net.UDPAddr{IP: announced.AsSlice(), Port: port}, nil
	}
	return nil, nil, errors.New("relay: no free port in the range")
}

// freeBySix tells whether a port can be had by IPv6 too, if the relay has an address there: pion looks for the even port of
// EVEN-PORT (RFC 8656 section 18.7) by IPv4 alone and for nobody, and then opens it for the family that was asked for.
func (s *Server) freeBySix(port int) bool {
	_, bind, ok := s.relayAddress(true)
	if !ok {
		return true
	}
	socket, err := net.ListenPacket("udp6", netip.AddrPortFrom(bind, uint16(port)).String())
	return err == nil && socket.Close() == nil
}

// AllocateListener refuses TCP allocations.
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn refuses TCP connections.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// relayConn is the socket of one allocation. Whatever way a datagram came to
// it (Send indication or channel), it leaves only to a peer that is allowed,
// address and port. The SFU's announced address is exchanged for the one it
// has on this machine, so that no router must send our packets back to us.
type relayConn struct {
	net.PacketConn
	server   *Server
	ticket   string
	to, from map[netip.AddrPort]netip.AddrPort
	up, down *rate.Limiter
	once     sync.Once
}

// WriteTo sends to an allowed peer and drops what is for another, or too much.
func (c *relayConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	peer := addrPort(addr)
	if local, ok := c.to[peer]; ok {
		peer = local
	} else if !c.server.cfg.PublicPeers || Denied(peer.Addr()) {
		c.server.metrics.refused.Inc()
		return len(p), nil
	}
	if !c.up.AllowN(time.Now(), len(p)) {
		c.server.metrics.throttled.Inc()
		return len(p), nil
	}
	c.server.metrics.bytes.Add(len(p))
	return c.PacketConn.WriteTo(p, net.UDPAddrFromAddrPort(peer))
}

// ReadFrom gives the next datagram of an allowed peer.
func (c *relayConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, addr, err := c.PacketConn.ReadFrom(p)
		if err != nil {
			return n, addr, err
		}
		peer := addrPort(addr)
		if told, ok := c.from[peer]; ok {
			addr = net.UDPAddrFromAddrPort(told)
		} else if !c.server.cfg.PublicPeers || Denied(peer.Addr()) {
			c.server.metrics.refused.Inc()
			continue
		}
		if !c.down.AllowN(time.Now(), n) {
			c.server.metrics.throttled.Inc()
			continue
		}
		c.server.metrics.bytes.Add(n)
		return n, addr, nil
	}
}

// Close ends the allocation's socket.
func (c *relayConn) Close() error {
	c.once.Do(func() { c.server.release(c) })
	return c.PacketConn.Close()
}
