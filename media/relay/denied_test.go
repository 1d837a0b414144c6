package relay

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// inside holds one address of every range that the issue of safety names.
var inside = map[string]string{
	"unspecified": "0.0.0.0", "private 10": "10.1.2.3", "private 172": "172.31.255.254", "private 192": "192.168.0.1",
	"loopback": "127.0.0.2", "link-local": "169.254.1.1", "metadata": "169.254.169.254", "CGNAT": "100.127.255.255",
	"multicast": "239.1.1.1", "broadcast": "255.255.255.255", "reserved": "240.0.0.1", "benchmark": "198.19.0.1",
	"documentation": "203.0.113.9", "documentation 1": "192.0.2.1", "documentation 2": "198.51.100.1", "6to4 anycast": "192.88.99.1",
	"protocols": "192.0.0.1", "unspecified six": "::", "loopback six": "::1", "link-local six": "fe80::1", "ULA": "fd00::1",
	"multicast six": "ff02::1", "mapped private": "::ffff:10.0.0.1", "mapped public": "::ffff:8.8.8.8", "compatible": "::8.8.8.8",
	"NAT64": "64:ff9b::a00:1", "local NAT64": "64:ff9b:1::a00:1", "6to4": "2002:a00:1::1", "Teredo": "2001:0:1:2::3",
	"benchmark six": "2001:2::1", "documentation six": "2001:db8::1", "documentation new": "3fff::1", "site-local": "fec0::1", "discard": "100::1",
}

func TestDenied(t *testing.T) {
	for what, text := range inside {
		if !Denied(netip.MustParseAddr(text)) {
			t.Errorf("%s %s is let through", what, text)
		}
	}
	for _, text := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "223.255.255.255", "2606:4700::1", "2400:3200::1", "2001:4860::1"} {
		if Denied(netip.MustParseAddr(text)) {
			t.Errorf("public %s is denied", text)
		}
	}
	if !Denied(netip.Addr{}) || !Denied(netip.MustParseAddr("2606:4700::1").WithZone("eth0")) {
		t.Error("no address, or one with a zone, is let through")
	}
}

// TestDeniedAgrees holds Denied against what the standard library knows, for addresses at random.
func TestDeniedAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "four")))
		six := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "six")))
		for _, a := range []netip.Addr{four, six} {
			local := a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsGlobalUnicast()
			if local && !Denied(a) {
				t.Fatalf("%s is let through", a)
			}
		}
		if mapped := netip.AddrFrom16(four.As16()); !Denied(mapped) {
			t.Fatalf("%s is let through", mapped)
		}
		nested := six.As16()
		copy(nested[:2], []byte{0x20, 0x02})
		if !Denied(netip.AddrFrom16(nested)) {
			t.Fatal("a 6to4 address is let through")
		}
	})
}
