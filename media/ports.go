package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"yunting/media/relay"
	"yunting/media/udpbatch"
)

// port is a UDP port bound on one or several addresses, seen by ICE as one
// mux. It is immutable once open.
type port struct {
	number  int
	sockets []*udpbatch.Conn
	muxes   []ice.UDPMux
	local   []netip.Addr // bound addresses, one a socket
	tcp     []ice.TCPMux // passive ICE-TCP, one a listener
	streams *streams     // what ICE sees of them; nil when there are none
}

// The bounds of ICE-TCP: what one session may have waiting, and how long a
// connection may take to say whose it is.
const (
	tcpReadQueue  = 64      // packets
	tcpWriteBytes = 1 << 20 // more is dropped, as a network would
	tcpFirstCheck = 10 * time.Second
)

// openTCP listens for media by TCP on the port's addresses.
func (p *port) openTCP(number int, listen []netip.Addr, log pionLog) error {
	addresses := make([]string, 0, len(listen))
	for _, a := range listen {
		addresses = append(addresses, netip.AddrPortFrom(a, uint16(number)).String())
	}
	if len(addresses) == 0 {
		addresses = []string{fmt.Sprintf(":%d", number)} // both families
	}
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return fmt.Errorf("media: TCP port %d: %w", number, err)
		}
		p.tcp = append(p.tcp, ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: relay.Bound(l), Logger: log.NewLogger("ice"),
			ReadBufferSize: tcpReadQueue, WriteBufferSize: tcpWriteBytes, FirstStunBindTimeout: tcpFirstCheck, AliveDurationForConnFromStun: tcpFirstCheck}))
	}
	return nil
}

// tcpMux is what ICE sees of the TCP listeners; nil when there are none.
func (p *port) tcpMux() ice.TCPMux {
	if len(p.tcp) == 0 {
		return nil
	}
	p.streams = &streams{MultiTCPMuxDefault: ice.NewMultiTCPMuxDefault(p.tcp...), conns: map[string][]net.PacketConn{}}
	return p.streams
}

// streams is the TCP listeners' mux, which remembers each session's connections.
type streams struct {
	*ice.MultiTCPMuxDefault

	mu    sync.Mutex // guards what follows
	conns map[string][]net.PacketConn
}

// GetAllConns is called for each address of a session (ice.AllConnsGetter).
func (s *streams) GetAllConns(ufrag string, six bool, local net.IP) ([]net.PacketConn, error) {
	c, err := s.MultiTCPMuxDefault.GetAllConns(ufrag, six, local)
	if err == nil {
		s.mu.Lock()
		s.conns[ufrag] = append(s.conns[ufrag], c...)
		s.mu.Unlock()
	}
	return c, err
}

// RemoveConnByUfrag ends a session's connections (ice.TCPMux).
func (s *streams) RemoveConnByUfrag(ufrag string) {
	s.mu.Lock()
	delete(s.conns, ufrag)
	s.mu.Unlock()
	s.MultiTCPMuxDefault.RemoveConnByUfrag(ufrag)
}

// of lists a session's connections. It may be called on nil.
func (s *streams) of(ufrag string) []net.PacketConn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns[ufrag])
}

// offers reports whether ip is one that is offered as a candidate.
func (p *port) offers(ip net.IP) bool {
	for _, a := range p.GetListenAddresses() {
		if a.(*net.UDPAddr).IP.Equal(ip) {
			return true
		}
	}
	return false
}

// openPort binds number (0: a free one) on the addresses; none means every
// IPv4 address and, where there is IPv6, every IPv6 address.
func openPort(number int, listen []netip.Addr, log pionLog) (*port, error) {
	optionalSix := len(listen) == 0
	if optionalSix {
		listen = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	p := &port{number: number}
	for _, a := range listen {
		a = a.Unmap()
		c, err := udpbatch.Listen(netip.AddrPortFrom(a, uint16(p.number)))
		if err != nil {
			if optionalSix && a.Is6() {
				continue // the machine has no IPv6
			}
			return nil, errors.Join(fmt.Errorf("media: port %d: %w", number, err), p.close())
		}
		p.number = c.LocalAddr().(*net.UDPAddr).Port
		p.sockets = append(p.sockets, c)
		p.local = append(p.local, a)
		p.muxes = append(p.muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: log.NewLogger("ice"), UDPConn: c}))
	}
	return p, nil
}

func (p *port) close() error {
	var errs []error
	for _, m := range p.muxes {
		errs = append(errs, m.Close())
	}
	for _, m := range p.tcp {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// flush sends what the sockets hold back.
func (p *port) flush() {
	for _, c := range p.sockets {
		c.Flush()
	}
}

// GetListenAddresses lists the addresses to offer as candidates. Loopback is
// offered where it was asked for, or where there is nothing else.
func (p *port) GetListenAddresses() []net.Addr {
	var out, loop []net.Addr
	for _, a := range p.local {
		for _, ip := range interfaceAddrs(a) {
			u := &net.UDPAddr{IP: ip.AsSlice(), Port: p.number, Zone: ip.Zone()}
			if ip.IsLoopback() && a.IsUnspecified() {
				loop = append(loop, u)
			} else {
				out = append(out, u)
			}
		}
	}
	if len(out) == 0 {
		return loop
	}
	return out
}

// interfaceAddrs resolves a wildcard into the machine's usable addresses of
// its family.
func interfaceAddrs(bound netip.Addr) []netip.Addr {
	if !bound.IsUnspecified() {
		return []netip.Addr{bound}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if ip = ip.Unmap(); !ok || ip.Is4() != bound.Is4() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
			continue
		}
		out = append(out, ip)
	}
	return out
}

// GetConn returns the session's connection on the socket of addr's family.
func (p *port) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("media: no mux for %T", addr)
	}
	ip := u.AddrPort().Addr().Unmap()
	for i, a := range p.local {
		if a == ip || (a.IsUnspecified() && a.Is4() == ip.Is4()) {
			return p.muxes[i].GetConn(ufrag, addr)
		}
	}
	return nil, fmt.Errorf("media: no socket for a candidate of ours")
}

// RemoveConnByUfrag ends a session's connections.
func (p *port) RemoveConnByUfrag(ufrag string) {
	for _, m := range p.muxes {
		m.RemoveConnByUfrag(ufrag)
	}
}

// Close closes the port (part of ice.UDPMux).
func (p *port) Close() error { return p.close() }
