package udpbatch

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

func pair(t testing.TB, ip string) (*Conn, *net.UDPConn) {
	t.Helper()
	c, err := Listen(netip.AddrPortFrom(netip.MustParseAddr(ip), 0))
	if err != nil {
		t.Fatal(err)
	}
	r, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, r
}

func rtpPacket(n, size int) []byte {
	b := make([]byte, size)
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	return b
}

// TestOrderAndSizes sends runs of many sizes with and without GSO: all arrive,
// whole and in order.
func TestOrderAndSizes(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		for _, gso := range []bool{true, false} {
			c, r := pair(t, ip)
			c.gso.Store(gso)
			to := r.LocalAddr().(*net.UDPAddr).AddrPort()
			var want [][]byte
			for n := range 300 {
				size := 1200
				if n%7 == 0 {
					size = 100 + n
				} else if n > 200 {
					size = 60
				}
				b := rtpPacket(n, size)
				want = append(want, b)
				if _, err := c.WriteToAddrPort(b, to); err != nil {
					t.Fatal(err)
				}
				if n%50 == 49 {
					c.Flush()
					receive(t, r, want[n-49:], n-49)
				}
			}
			if s := c.Stats(); s.Packets != 300 || s.Dropped != 0 || gso && s.Messages >= 300 {
				t.Errorf("%s gso=%v: %+v", ip, gso, s)
			}
		}
	}
}

func receive(t *testing.T, r *net.UDPConn, want [][]byte, first int) {
	t.Helper()
	buf := make([]byte, 2000)
	for n := range want {
		if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		l, err := r.Read(buf)
		if err != nil {
			t.Fatalf("packet %d: %v", first+n, err)
		}
		if !bytes.Equal(buf[:l], want[n]) {
			t.Fatalf("packet %d is not what was sent (%d bytes, want %d)", first+n, l, len(want[n]))
		}
	}
}

func TestOthersAreSentAtOnce(t *testing.T) {
	c, r := pair(t, "127.0.0.1")
	to := r.LocalAddr().(*net.UDPAddr).AddrPort()
	stun := make([]byte, 20)
	dtls := append([]byte{22, 0xfe}, make([]byte, 30)...)
	rtcp := append([]byte{0x80, 200}, make([]byte, 26)...)
	for _, b := range [][]byte{rtpPacket(1, 100), stun, rtcp, dtls} {
		if _, err := c.WriteToAddrPort(b, to); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 2000)
	for _, want := range []int{20, 32} {
		if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(buf); err != nil || n != want {
			t.Errorf("%d bytes, %v, want %d", n, err, want)
		}
	}
	c.Flush()
	for _, want := range []int{100, 28} {
		if n, err := r.Read(buf); err != nil || n != want {
			t.Errorf("%d bytes, %v, want the held packet of %d", n, err, want)
		}
	}
}

// TestUnusableDestination must not keep others from their packets.
func TestUnusableDestination(t *testing.T) {
	c, r := pair(t, "127.0.0.1")
	to := r.LocalAddr().(*net.UDPAddr).AddrPort()
	bad := netip.AddrPortFrom(to.Addr(), 0)
	if _, err := c.WriteToAddrPort(rtpPacket(0, 200), netip.MustParseAddrPort("[::1]:9")); err == nil {
		t.Error("an address of the other family was accepted")
	}
	for n := range 3 {
		_, _ = c.WriteToAddrPort(rtpPacket(n, 200), bad)
		_, _ = c.WriteToAddrPort(rtpPacket(n, 200), to)
	}
	c.Flush()
	buf := make([]byte, 2000)
	for range 3 {
		if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Dropped != 3 {
		t.Errorf("%d dropped, want 3", s.Dropped)
	}
}

func BenchmarkWrite(b *testing.B) {
	c, r := pair(b, "127.0.0.1")
	to := r.LocalAddr().(*net.UDPAddr).AddrPort()
	p := rtpPacket(1, 1200)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := c.WriteToAddrPort(p, to); err != nil {
			b.Fatal(err)
		}
		if n++; n%32 == 0 {
			c.Flush()
		}
	}
}
