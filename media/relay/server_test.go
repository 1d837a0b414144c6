package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// echo answers every datagram to its sender, as the SFU's socket would.
func echo(t *testing.T) netip.AddrPort { return echoAt(t, loopback) }

func echoAt(t *testing.T, at netip.Addr) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := c.WriteTo(buf[:n], from); err != nil {
				return
			}
		}
	}()
	return addrPort(c.LocalAddr())
}

// freePort finds a port that is free by TCP and UDP alike.
func freePort(t *testing.T) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.ListenPacket("udp4", l.Addr().String())
		l.Close()
		if err == nil {
			c.Close()
			return l.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free by TCP and UDP")
	return 0
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{loopback.AsSlice()}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func start(t *testing.T, peers ...netip.AddrPort) *Server {
	t.Helper()
	return startWith(t, Config{Addresses: func() []netip.Addr { return []netip.Addr{loopback} }}, peers...)
}

// startWith starts a relay on loopback, for these peers.
func startWith(t *testing.T, c Config, peers ...netip.AddrPort) *Server {
	t.Helper()
	allowed := map[netip.AddrPort]netip.AddrPort{}
	for _, p := range peers {
		allowed[p] = p
	}
	c.Listen, c.Port, c.TLSPort, c.TLS, c.MinPort, c.MaxPort, c.Realm = []netip.Addr{loopback}, freePort(t), freePort(t), certificate(t), 30000, 31000, "court.test"
	c.Peers = func() map[netip.AddrPort]netip.AddrPort { return allowed }
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// uclient runs coturn's client against the relay, with a ticket of its own, and gives what it prints.
func uclient(t *testing.T, s *Server, port int, peer netip.AddrPort, extra ...string) (string, error) {
	t.Helper()
	ticket := "coturn " + rand.Text()
	user, password := s.Issue(ticket, time.Now().Add(time.Minute))
	defer s.Revoke(ticket) // a client that was refused leaves its allocation behind
	args := append([]string{"-u", user, "-w", password, "-p", fmt.Sprint(port), "-e", peer.Addr().String(), "-r", fmt.Sprint(peer.Port()),
		"-n", "40", "-m", "1", "-l", "200", "-c", "-X"}, extra...)
	out, err := exec.Command("timeout", append([]string{"20", "turnutils_uclient"}, append(args, "127.0.0.1")...)...).CombinedOutput()
	return string(out), err
}

func TestCoturnClientLosesNothing(t *testing.T) {
	peer := echo(t)
	s := start(t, peer)
	for name, run := range map[string]struct {
		port  int
		extra []string
	}{
		"UDP, channels": {s.cfg.Port, nil}, "UDP, indications": {s.cfg.Port, []string{"-s"}},
		"TCP": {s.cfg.Port, []string{"-t"}}, "TLS": {s.cfg.TLSPort, []string{"-t", "-S"}},
	} {
		out, err := uclient(t, s, run.port, peer, run.extra...)
		if err != nil || !strings.Contains(out, "tot_recv_msgs=40") || !strings.Contains(out, "Total lost packets 0 (0.000000%)") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// client is a pion TURN client of one ticket, by UDP.
func client(t *testing.T, s *Server, name string) (*turn.Client, net.PacketConn) {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	user, password := s.Issue(name, time.Now().Add(time.Minute))
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: fmt.Sprintf("127.0.0.1:%d", s.cfg.Port), TURNServerAddr: fmt.Sprintf("127.0.0.1:%d", s.cfg.Port),
		Conn: socket, Username: user, Password: password, Realm: s.cfg.Realm, RTO: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); socket.Close() })
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	relayed, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relayed.Close() }) // ends its timers; a revoked ticket's cannot be given back
	return c, relayed
}

func TestEveryDeniedRangeIsRefused(t *testing.T) {
	s := start(t, echo(t))
	c, _ := client(t, s, "curious")
	for what, text := range inside {
		a := netip.MustParseAddr(text)
		if a == loopback {
			continue
		}
		if err := c.CreatePermission(&net.UDPAddr{IP: a.AsSlice(), Port: 80}); err == nil {
			t.Errorf("%s %s: permission is given", what, text)
		}
	}
	if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 53}); err == nil {
		t.Error("a public address is reached, though the relay is for the SFU alone")
	}
}

// TestCoturnClientIsRefused asks with coturn's client for an address of every denied range, by UDP and by TCP, as a channel
// and as a permission, of a relay that is open to public peers: the list alone refuses. The same requests for allowed peers
// of both families lose nothing. pion answers a refused ChannelBind with 401.
func TestCoturnClientIsRefused(t *testing.T) {
	four, six := echo(t), echoAt(t, netip.IPv6Loopback())
	s := startWith(t, Config{Addresses: func() []netip.Addr { return []netip.Addr{loopback, netip.IPv6Loopback()} }, PublicPeers: true}, four, six)
	var allowed sync.WaitGroup
	defer allowed.Wait()
	for by, transport := range map[string][]string{"UDP": nil, "TCP": {"-t"}} {
		for as, method := range map[string][]string{"a channel": nil, "a permission": {"-s"}} {
			ask := func(peer netip.AddrPort, more ...string) (string, error) {
				args := slices.Concat(transport, method, more)
				if peer.Addr().Is6() {
					args = append(args, "-x")
				}
				return uclient(t, s, s.cfg.Port, peer, args...)
			}
			for what, text := range inside {
				a := netip.MustParseAddr(text)
				if a == six.Addr() {
					continue // the allowed peer's
				}
				out, err := ask(netip.AddrPortFrom(a, 80))
				if err == nil || !refusal.MatchString(out) || strings.Contains(out, "tot_recv_msgs") {
					t.Errorf("%s %s by %s as %s: %v\n%s", what, text, by, as, err, out)
				}
			}
			for _, peer := range []netip.AddrPort{four, six} {
				allowed.Go(func() { // seconds of waiting each
					if out, err := ask(peer, "-n", "2"); err != nil || !strings.Contains(out, "tot_recv_msgs=2") {
						t.Errorf("the allowed %v by %s as %s: %v\n%s", peer, by, as, err, out)
					}
				})
			}
		}
	}
	out, err := uclient(t, s, s.cfg.TLSPort, netip.MustParseAddrPort("169.254.169.254:80"), "-t", "-S")
	if err == nil || !refusal.MatchString(out) {
		t.Errorf("metadata by TLS: %v\n%s", err, out)
	}
	out, err = uclient(t, s, s.cfg.Port, four, "-T") // RFC 6062
	if err == nil || !strings.Contains(out, "error 508") {
		t.Errorf("an allowed peer by TCP relay: %v\n%s", err, out)
	}
}

// TestEvenPortIsFreeByIPv6 looks for an even port as pion does, while another has the only one by IPv6.
func TestEvenPortIsFreeByIPv6(t *testing.T) {
	s := startWith(t, Config{Addresses: func() []netip.Addr { return []netip.Addr{loopback, netip.IPv6Loopback()} }}, echo(t))
	taken, err := net.ListenPacket("udp6", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	port := taken.LocalAddr().(*net.UDPAddr).Port
	s.cfg.MinPort, s.cfg.MaxPort = port, port
	look := turn.AllocateListenerConfig{Network: "udp4"}
	if found, addr, err := (generator{s}).AllocatePacketConn(look); err == nil {
		found.Close()
		t.Errorf("%v is given, which an IPv6 client could not have", addr)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	found, _, err := generator{s}.AllocatePacketConn(look)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Close(); err != nil {
		t.Error(err)
	}
}

// refusal is what coturn's client says of a peer that it may not reach.
var refusal = regexp.MustCompile(`(channel bind:|create permission) error 4\d\d`)

func TestOnlyTheExactPortIsReached(t *testing.T) {
	allowed, other := echo(t), echo(t) // both on 127.0.0.1: the permission is for the address
	s := start(t, allowed)
	_, relayed := client(t, s, "exact")
	for _, to := range []netip.AddrPort{other, allowed} {
		if _, err := relayed.WriteTo([]byte(to.String()), net.UDPAddrFromAddrPort(to)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	if err := relayed.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, from, err := relayed.ReadFrom(buf)
	if err != nil || string(buf[:n]) != allowed.String() || addrPort(from) != allowed {
		t.Fatalf("the first answer is %q from %v (%v): want %v's alone", buf[:n], from, err, allowed)
	}
}

func TestRevokedTicketRelaysNothing(t *testing.T) {
	peer := echo(t)
	s := start(t, peer)
	c, relayed := client(t, s, "gone")
	buf := make([]byte, 100)
	exchange := func(wait time.Duration) error {
		if _, err := relayed.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(peer)); err != nil {
			return err
		}
		if err := relayed.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		_, _, err := relayed.ReadFrom(buf)
		return err
	}
	if err := exchange(10 * time.Second); err != nil {
		t.Fatalf("before the revocation: %v", err)
	}
	s.Revoke("gone")
	if err := exchange(time.Second); err == nil {
		t.Error("a revoked ticket still relays")
	}
	if err := c.CreatePermission(net.UDPAddrFromAddrPort(peer)); err == nil {
		t.Error("a revoked ticket still gets permissions")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tickets) != 0 {
		t.Errorf("%d tickets stand", len(s.tickets))
	}
}

func TestAllocationsHaveAQuota(t *testing.T) {
	s := start(t, echo(t))
	s.Issue("many", time.Now().Add(time.Minute))
	from := &net.UDPAddr{IP: loopback.AsSlice(), Port: 1}
	for n := range AllocationsPerTicket {
		if !s.withinQuota("many", "", from) {
			t.Fatalf("allocation %d is refused", n+1)
		}
		s.allocated(from, nil, "", "many", "", nil, 0)
	}
	if s.withinQuota("many", "", from) {
		t.Error("one more than the quota is given")
	}
	s.deleted(from, nil, "", "many", "")
	if !s.withinQuota("many", "", from) {
		t.Error("an ended allocation still counts")
	}
}

func TestIdleAndExcessConnectionsEnd(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := Bound(l)
	b.idle, b.perIP = 200*time.Millisecond, 1
	defer b.Close()
	go func() {
		for {
			if _, err := b.Accept(); err != nil {
				return
			}
		}
	}()
	for _, what := range []string{"idle", "excess"} {
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if what == "idle" {
			continue
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection over the bound stays")
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		b.mu.Lock()
		n := len(b.open) + len(b.byIP)
		b.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d idle connections stand", n)
		}
		<-time.After(10 * time.Millisecond)
	}
}
