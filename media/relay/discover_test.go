package relay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// TestPublicAddressByOwnServer asks our own TURN server, which speaks STUN too.
func TestPublicAddressByOwnServer(t *testing.T) {
	s := start(t)
	seen, err := PublicAddresses(t.Context(), fmt.Sprintf("127.0.0.1:%d", s.cfg.Port))
	if err != nil || len(seen) != 1 || seen[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("seen as %v, %v", seen, err)
	}
}

// TestPublicAddressThroughTrouble: requests that are lost are sent again; noise, other transactions and errors are no
// answers; a server that never answers is told of.
func TestPublicAddressThroughTrouble(t *testing.T) {
	nat := netip.MustParseAddr("203.0.113.7")
	response := func(t *testing.T, id stun.Setter) []byte {
		m, err := stun.Build(id, stun.BindingSuccess, &stun.XORMappedAddress{IP: nat.AsSlice(), Port: 4242})
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	for _, c := range []struct {
		name    string
		answers func(t *testing.T, n int, request *stun.Message) [][]byte // to the nth request
		want    bool
	}{
		{"at once", func(t *testing.T, _ int, r *stun.Message) [][]byte { return [][]byte{response(t, r)} }, true},
		{"the third request", func(t *testing.T, n int, r *stun.Message) [][]byte {
			if n < 3 {
				return nil
			}
			return [][]byte{response(t, r)}
		}, true},
		{"after noise", func(t *testing.T, _ int, r *stun.Message) [][]byte {
			fault, err := stun.Build(r, stun.BindingError)
			if err != nil {
				t.Fatal(err)
			}
			whole := response(t, r)
			return [][]byte{{}, {1, 2, 3}, make([]byte, 1400), whole[:len(whole)-3], response(t, stun.TransactionID), fault.Raw, whole}
		}, true},
		{"never", func(*testing.T, int, *stun.Message) [][]byte { return nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				b := make([]byte, 1500)
				for n := 1; ; n++ {
					size, from, err := conn.ReadFrom(b)
					if err != nil {
						return
					}
					m := &stun.Message{Raw: append([]byte(nil), b[:size]...)}
					if m.Decode() != nil {
						t.Error("the request is no STUN")
					}
					for _, a := range c.answers(t, n, m) {
						if _, err := conn.WriteTo(a, from); err != nil {
							t.Error(err)
						}
					}
				}
			}()
			limit := 2 * time.Second
			if c.want {
				limit = 20 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			seen, err := PublicAddresses(ctx, conn.LocalAddr().String())
			if c.want != (err == nil) || c.want && (len(seen) != 1 || seen[0] != nat) {
				t.Errorf("seen as %v, %v", seen, err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			<-served
		})
	}
	if _, err := PublicAddresses(t.Context(), "no-port"); err == nil {
		t.Error("a server without a port")
	}
}
