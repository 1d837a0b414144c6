package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

const (
	firstWait = 250 * time.Millisecond // before a request is sent again; doubled each time (RFC 8489 section 6.2.1)
	requests  = 5                      // of one family, in 7.75 s together
)

// PublicAddresses asks a STUN server, HOST:PORT, from which addresses it sees this machine: one for each family that it
// answers. An error when it answers none; ctx bounds the whole.
func PublicAddresses(ctx context.Context, server string) ([]netip.Addr, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, fmt.Errorf("relay: STUN server %q: want HOST:PORT", server)
	}
	var out []netip.Addr
	var faults []error
	for _, family := range []string{"4", "6"} {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+family, host)
		if err != nil || len(ips) == 0 {
			faults = append(faults, err)
			continue
		}
		seen, err := mapped(ctx, "udp"+family, net.JoinHostPort(ips[0].Unmap().String(), port))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		out = append(out, seen)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("relay: STUN server %s does not tell the public address: %w", server, errors.Join(faults...))
	}
	return out, nil
}

// mapped is one Binding transaction (RFC 8489 section 2).
func mapped(ctx context.Context, network, server string) (netip.Addr, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.Addr{}, err
	}
	wait := firstWait
	for range requests {
		if _, err := conn.Write(request.Raw); err != nil {
			return netip.Addr{}, err
		}
		deadline := time.Now().Add(wait)
		if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
			deadline = end
		}
		seen, err := answer(conn, request.TransactionID, deadline)
		if err == nil || ctx.Err() != nil || !isTimeout(err) {
			return seen, errors.Join(err, ctx.Err())
		}
		wait *= 2
	}
	return netip.Addr{}, fmt.Errorf("no answer to %d requests from %s: let UDP out to it, or give the address itself", requests, server)
}

// answer reads until the response to the transaction comes; what is none of it is ignored.
func answer(conn net.Conn, id [stun.TransactionIDSize]byte, deadline time.Time) (netip.Addr, error) {
	if err := conn.SetReadDeadline(deadline); err != nil {
		return netip.Addr{}, err
	}
	b := make([]byte, 1500)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return netip.Addr{}, err
		}
		m := &stun.Message{Raw: b[:n]}
		if m.Decode() != nil || m.TransactionID != id || m.Type != stun.BindingSuccess {
			continue
		}
		var seen stun.XORMappedAddress
		if err := seen.GetFrom(m); err != nil {
			continue
		}
		if a, ok := netip.AddrFromSlice(seen.IP); ok && !a.IsUnspecified() {
			return a.Unmap(), nil
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
