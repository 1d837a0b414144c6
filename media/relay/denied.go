package relay

import "net/netip"

// deniedFour are the IPv4 ranges that no peer may be in (RFC 6890 and the
// IANA special-purpose registry). 169.254/16 holds the cloud's metadata.
var deniedFour = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)

// deniedSix are the ranges inside 2000::/3 that no peer may be in; whatever
// is outside of it (loopback, link-local, ULA, multicast, NAT64, mapped and
// compatible IPv4) is denied as a whole.
var deniedSix = prefixes(
	"2001::/23", // IETF protocols: Teredo, benchmarking, ORCHID
	"2001:db8::/32", "3fff::/20", "2002::/16",
)

var globalUnicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// Denied reports whether an address must not be reached through the relay:
// it is private, local, special, or hides another address. An IPv4 address
// written as IPv6 is denied whatever it holds, for no honest peer writes it so.
func Denied(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
		return true
	}
	list := deniedFour
	if a.Is6() {
		if !globalUnicast.Contains(a) {
			return true
		}
		list = deniedSix
	}
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
