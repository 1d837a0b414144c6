package media

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestCandidatesOfTCP offers a passive TCP candidate for the addresses that UDP is offered on, and for the public one in their stead.
func TestCandidatesOfTCP(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	number := l.Addr().(*net.TCPAddr).Port
	l.Close()
	for _, public := range [][]string{nil, {"203.0.113.7"}} {
		s, err := New(Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, TCPPort: number, PublicIPs: public})
		if err != nil {
			t.Fatal(err)
		}
		want := "127.0.0.1"
		if public != nil {
			want = public[0]
			told := netip.AddrPortFrom(netip.MustParseAddr(want), uint16(s.Port()))
			if local := s.Sockets()[told]; local.Addr() != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("the public socket is %v here", local)
			}
		}
		if mux := s.port.tcpMux(); mux == nil {
			t.Error("no TCP")
		}
		if !s.port.offers(net.IPv4(127, 0, 0, 1)) || s.port.offers(net.IPv4(127, 0, 0, 2)) {
			t.Error("other addresses are offered than those that are bound")
		}
		if err := s.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	}
}
