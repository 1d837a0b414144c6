package udpbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
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

// TestRead reads what came one by one and many together: whole, in order, with
// its sender, also more than one call takes and a datagram that is empty; a
// deadline and the end of the socket end the wait.
func TestRead(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		c, from := pair(t, ip)
		buf := make([]byte, 2000)
		sent := 0
		for _, together := range []int{1, 5, 70, 1} {
			for n := range together {
				if _, err := from.WriteTo(rtpPacket(sent+n, 12+n*(sent+n)%1400), c.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			for n := range together {
				want := rtpPacket(sent+n, 12+n*(sent+n)%1400)
				got, sender, err := c.ReadFromAddrPort(buf)
				if err != nil || !bytes.Equal(buf[:got], want) || sender != from.LocalAddr().(*net.UDPAddr).AddrPort() {
					t.Fatalf("%s: packet %d: %d bytes of %v, %v", ip, sent+n, got, sender, err)
				}
			}
			sent += together
		}
		if _, err := from.WriteTo(nil, c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if n, _, err := c.ReadFromAddrPort(buf); n != 0 || err != nil {
			t.Errorf("%s: an empty datagram is %d bytes, %v", ip, n, err)
		}
		if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadFromAddrPort(buf); !os.IsTimeout(err) {
			t.Errorf("%s: after the deadline %v", ip, err)
		}
	}
}

// TestCloseEndsRead ends a read that waits.
func TestCloseEndsRead(t *testing.T) {
	c, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := c.ReadFromAddrPort(make([]byte, 2000))
		ended <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v after Close", err)
	}
}

// BenchmarkRead reads packets that lie together in the kernel, as a frame's do;
// sending them is not counted.
func BenchmarkRead(b *testing.B) {
	for _, together := range []int{1, 5, 25} {
		b.Run(strconv.Itoa(together), func(b *testing.B) {
			c, from := pair(b, "127.0.0.1")
			to, p, buf := c.LocalAddr().(*net.UDPAddr).AddrPort(), rtpPacket(1, 1200), make([]byte, 2000)
			var took time.Duration
			reads := 0
			b.ReportAllocs()
			for b.Loop() {
				for range together {
					if _, err := from.WriteToUDPAddrPort(p, to); err != nil {
						b.Fatal(err)
					}
				}
				began := time.Now()
				for range together {
					if _, _, err := c.ReadFromAddrPort(buf); err != nil {
						b.Fatal(err)
					}
				}
				took += time.Since(began)
				reads += together
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(reads), "ns/packet")
		})
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
