package relay

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// The quotas. A browser allocates once for each of its two connections, for
// each transport, and again at an ICE restart.
const (
	AllocationsPerTicket  = 24
	AllocationsPerIP      = 200 // a law firm behind one address
	maxTickets            = 20000
	defaultBytesPerSecond = 3 << 20 // each way, of one allocation: a dozen pictures
)

// Config says where the relay listens and what it may reach. Port, MinPort,
// MaxPort and Peers are required.
type Config struct {
	// Listen holds the local addresses to bind; empty is every one.
	Listen []netip.Addr
	// Port is for UDP and TCP; TLSPort is for TLS over TCP, 0 for none.
	Port, TLSPort int
	TLS           *tls.Config
	// MinPort to MaxPort are the UDP ports of relayed addresses.
	MinPort, MaxPort int
	// Addresses are told to clients as relayed addresses: the first of a
	// family is. A family without any is not relayed.
	Addresses func() []netip.Addr
	// Peers gives the SFU's sockets: the address that clients are told, and
	// the one that it has here.
	Peers func() map[netip.AddrPort]netip.AddrPort
	// PublicPeers lets the relay reach public addresses too. Denied ones stay denied.
	PublicPeers bool
	// BytesPerSecond bounds one allocation, each way; 0 is 3 MiB.
	BytesPerSecond rate.Limit
	Realm          string
	Now            func() time.Time
	Logs           logging.LoggerFactory
	Metrics        *vm.Set // nil keeps the metrics private
}

// Server is the TURN server. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	secret  []byte
	turn    *turn.Server
	metrics relayMetrics

	mu      sync.Mutex // guards what follows
	tickets map[string]*ticket
	byIP    map[netip.Addr]int
}

// ticket is what one person may hold here.
type ticket struct {
	until time.Time
	count int
	conns map[*relayConn]bool
}

type relayMetrics struct {
	allocations                          *vm.Gauge
	refused, throttled, bytes, overQuota *vm.Counter
}

func newRelayMetrics(set *vm.Set) relayMetrics {
	if set == nil {
		set = vm.NewSet()
	}
	return relayMetrics{
		allocations: set.NewGauge("yunting_turn_allocations", nil),
		refused:     set.NewCounter("yunting_turn_refused_packets_total"),
		throttled:   set.NewCounter("yunting_turn_throttled_packets_total"),
		bytes:       set.NewCounter("yunting_turn_relayed_bytes_total"),
		overQuota:   set.NewCounter("yunting_turn_over_quota_total"),
	}
}

// New binds the ports and starts to serve.
func New(cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.BytesPerSecond == 0 {
		cfg.BytesPerSecond = defaultBytesPerSecond
	}
	s := &Server{cfg: cfg, secret: make([]byte, 32), metrics: newRelayMetrics(cfg.Metrics), tickets: map[string]*ticket{}, byIP: map[netip.Addr]int{}}
	_, _ = rand.Read(s.secret) // never fails since Go 1.24
	var err error
	config := turn.ServerConfig{Realm: cfg.Realm, AuthHandler: s.authenticate, QuotaHandler: s.withinQuota, LoggerFactory: cfg.Logs,
		EventHandler: turn.EventHandler{OnAllocationCreated: s.allocated, OnAllocationDeleted: s.deleted}}
	if err := s.listen(&config); err != nil {
		return nil, errors.Join(err, closeAll(config))
	}
	if s.turn, err = turn.NewServer(config); err != nil {
		return nil, errors.Join(fmt.Errorf("relay: %w", err), closeAll(config))
	}
	return s, nil
}

func closeAll(c turn.ServerConfig) error {
	var errs []error
	for _, p := range c.PacketConnConfigs {
		errs = append(errs, p.PacketConn.Close())
	}
	for _, l := range c.ListenerConfigs {
		errs = append(errs, l.Listener.Close())
	}
	return errors.Join(errs...)
}

// listen opens the sockets, one of each kind for each address.
func (s *Server) listen(c *turn.ServerConfig) error {
	addresses, optionalSix := s.cfg.Listen, len(s.cfg.Listen) == 0
	if optionalSix {
		addresses = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	for _, a := range addresses {
		family := "4"
		if a.Is6() {
			family = "6"
		}
		at := netip.AddrPortFrom(a, uint16(s.cfg.Port)).String()
		socket, err := net.ListenPacket("udp"+family, at)
		if err != nil {
			if optionalSix && a.Is6() {
				continue // the machine has no IPv6
			}
			return fmt.Errorf("relay: %w", err)
		}
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{PacketConn: socket, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits})
		if err := s.listenTCP(c, "tcp"+family, at, nil); err != nil {
			return err
		}
		if s.cfg.TLSPort != 0 {
			at := netip.AddrPortFrom(a, uint16(s.cfg.TLSPort)).String()
			if err := s.listenTCP(c, "tcp"+family, at, s.cfg.TLS); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) listenTCP(c *turn.ServerConfig, network, at string, secure *tls.Config) error {
	l, err := net.Listen(network, at)
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	l = Bound(l)
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{Listener: l, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits})
	return nil
}

// Close ends every allocation and releases the ports.
func (s *Server) Close() error {
	if err := s.turn.Close(); err != nil {
		return fmt.Errorf("relay: close: %w", err)
	}
	return nil
}

// Issue makes a ticket valid, until then, and gives its credential.
func (s *Server) Issue(name string, until time.Time) (username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tickets) >= maxTickets {
		now := s.cfg.Now()
		for n, t := range s.tickets {
			if len(t.conns) == 0 && now.After(t.until) {
				delete(s.tickets, n)
			}
		}
	}
	if t := s.tickets[name]; t != nil {
		t.until = until
	} else if len(s.tickets) < maxTickets {
		s.tickets[name] = &ticket{until: until, conns: map[*relayConn]bool{}}
	}
	return credential(s.secret, name, until)
}

// Revoke ends a ticket and its allocations. When it returns nothing of them
// is relayed any more.
func (s *Server) Revoke(name string) {
	s.mu.Lock()
	t := s.tickets[name]
	delete(s.tickets, name)
	var conns []*relayConn
	if t != nil {
		for c := range t.conns {
			conns = append(conns, c)
		}
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // its allocation ends with it
	}
}

// authenticate finds the key of a user name. A ticket that ran out opens
// nothing new, and what it holds goes on; one that was revoked is unknown.
func (s *Server) authenticate(r *turn.RequestAttributes) (string, []byte, bool) {
	stamp, name, ok := strings.Cut(r.Username, ":")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil {
		return "", nil, false
	}
	s.mu.Lock()
	known := s.tickets[name] != nil
	s.mu.Unlock()
	if !known || (r.Method == stun.MethodAllocate && s.cfg.Now().Unix() >= seconds) {
		return "", nil, false
	}
	return name, turn.GenerateAuthKey(r.Username, r.Realm, passwordOf(s.secret, r.Username)), true
}

func (s *Server) withinQuota(name, _ string, from net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[name]
	if t != nil && t.count < AllocationsPerTicket && s.byIP[addrPort(from).Addr()] < AllocationsPerIP {
		return true
	}
	s.metrics.overQuota.Inc()
	return false
}

func (s *Server) allocated(from, _ net.Addr, _, name, _ string, _ net.Addr, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics.allocations.Inc()
	s.byIP[addrPort(from).Addr()]++
	if t := s.tickets[name]; t != nil {
		t.count++
	}
}

func (s *Server) deleted(from, _ net.Addr, _, name, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics.allocations.Dec()
	ip := addrPort(from).Addr()
	if s.byIP[ip]--; s.byIP[ip] <= 0 {
		delete(s.byIP, ip)
	}
	if t := s.tickets[name]; t != nil && t.count > 0 {
		t.count--
	}
}

// hold keeps an allocation's socket with its ticket; false when that is no more.
// Sockets without a ticket are pion's own tries for an even port.
func (s *Server) hold(c *relayConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ticket == "" {
		return true
	}
	t := s.tickets[c.ticket]
	if t == nil {
		return false
	}
	t.conns[c] = true
	return true
}

func (s *Server) release(c *relayConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tickets[c.ticket]; t != nil {
		delete(t.conns, c)
	}
}

// permits answers CreatePermission, ChannelBind and Connect; the port is
// checked with each datagram.
func (s *Server) permits(_ net.Addr, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip) // not unmapped: a mapped address is denied
	if !ok {
		return false
	}
	for told := range s.cfg.Peers() {
		if told.Addr() == a {
			return true
		}
	}
	return s.cfg.PublicPeers && !Denied(a)
}

// relayAddress is the address of a family that clients are told, and the one to bind.
func (s *Server) relayAddress(six bool) (announced, bind netip.Addr, ok bool) {
	for _, a := range s.cfg.Addresses() {
		if a.Is6() == six {
			announced, ok = a, true
			break
		}
	}
	bind = netip.IPv4Unspecified()
	if six {
		bind = netip.IPv6Unspecified()
	}
	for _, a := range s.cfg.Listen {
		if a.Is6() == six {
			bind = a
		}
	}
	return announced, bind, ok
}
