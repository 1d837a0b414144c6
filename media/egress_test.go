package media

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/seal"
	"yunting/media/udpbatch"
)

// apiSet makes connections on loopback with other settings.
func apiSet(change func(*webrtc.SettingEngine) error) *webrtc.API {
	se := loopback()
	if err := change(&se); err != nil {
		panic(err)
	}
	me, err := mediaEngine()
	if err != nil {
		panic(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me))
}

// sealed tells who protects what the client receives.
func (c *client) sealed() bool { return c.peer.sub.egress.Load() != nil }

// TestWhoSeals: we do where the keys are those that we know, else pion does; either way all arrives.
func TestWhoSeals(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*webrtc.SettingEngine) error
		ours   bool
	}{
		"AES-128-GCM": {func(*webrtc.SettingEngine) error { return nil }, true},
		"AES-CM-HMAC-SHA1": {func(se *webrtc.SettingEngine) error {
			se.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
			return nil
		}, false},
		"the client serves DTLS": {func(se *webrtc.SettingEngine) error { return se.SetAnsweringDTLSRole(webrtc.DTLSRoleServer) }, false},
		"another suite": {func(se *webrtc.SettingEngine) error {
			se.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA)
			return nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			room := newSFU(t).Room("r")
			a, b := join(t, room, "a", everything), joinBy(t, room, "b", everything, apiSet(x.change))
			a.publish(webrtc.MimeTypeVP8)
			stop := (&source{c: a}).run(t)
			defer stop()
			eventually(t, "media", func() bool { return b.packets(KindVideo) > 100 && b.packets(KindAudio) > 50 })
			continuous(t, b.videoOf())
			if b.sealed() != x.ours {
				t.Errorf("we seal: %v, want %v", b.sealed(), x.ours)
			}
		})
	}
}

// TestSealedOverTCP: what is sealed leaves by ICE-TCP too, and goes on without a break after an ICE restart.
func TestSealedOverTCP(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	number := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, TCPPort: number})
	room := s.Room("r")
	a := join(t, room, "a", everything)
	b := joinBy(t, room, "b", everything, apiSet(func(se *webrtc.SettingEngine) error {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
		return nil
	}))
	a.publish(webrtc.MimeTypeVP8)
	stop := (&source{c: a}).run(t)
	defer stop()
	eventually(t, "media by TCP", func() bool { return b.packets(KindVideo) > 100 })
	if w := b.peer.sub.egress.Load(); w == nil || w.way.Load().socket != nil {
		t.Error("it is not we who send by TCP")
	}
	b.peer.Restart()
	b.peer.wakeUp()
	before := b.packets(KindVideo)
	eventually(t, "media after the restart", func() bool { return b.packets(KindVideo) > before+100 })
	ps := b.videoOf() // what was still under way on the old connection comes between what left on the new one
	slices.SortFunc(ps, func(x, y rtp.Packet) int { return int(int16(x.SequenceNumber - y.SequenceNumber)) })
	continuous(t, ps)
}

// TestWays finds sockets by the local candidate, a public address standing for ours included.
func TestWays(t *testing.T) {
	s := sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}})
	pair := func(local, remote string) *webrtc.ICECandidatePair {
		return &webrtc.ICECandidatePair{Local: &webrtc.ICECandidate{Address: local, Protocol: webrtc.ICEProtocolUDP},
			Remote: &webrtc.ICECandidate{Address: remote, Port: 9}}
	}
	for i, local := range []string{"127.0.0.1", "127.0.0.2"} {
		if w := s.port.way(nil, pair(local, "::ffff:192.0.2.1")); w == nil || w.socket != s.port.sockets[i] || w.to != netip.MustParseAddrPort("192.0.2.1:9") {
			t.Errorf("%s: %+v", local, w)
		}
	}
	for _, p := range []*webrtc.ICECandidatePair{nil, {}, pair("203.0.113.9", "192.0.2.1"), pair("x.local", "192.0.2.1"), pair("127.0.0.1", "x.local")} {
		if w := s.port.way(nil, p); w != nil {
			t.Errorf("%v leads to %+v", p, w)
		}
	}
	if s.port.known(true) || !s.port.known(false) {
		t.Error("two sockets behind public addresses can be told apart")
	}
	one := sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if w := one.port.way(nil, pair("203.0.113.9", "192.0.2.1")); w == nil || !one.port.known(true) {
		t.Error("the only socket is not the one behind a public address")
	}
}

// sealing gives the benchmark's subscription an egress onto a socket of loopback.
func sealing(tb testing.TB, s *subscription) {
	tb.Helper()
	k, err := seal.New(make([]byte, seal.KeySize), make([]byte, seal.SaltSize))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := udpbatch.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	e := &egress{sealer: k}
	e.way.Store(&way{socket: c, to: netip.MustParseAddrPort("127.0.0.1:9")})
	s.peer.sub.egress.Store(e)
}

func TestSealedForwardAllocatesNothing(t *testing.T) {
	s, b, _ := bench(t)
	sealing(t, s)
	run := []*buffer{b}
	if n := testing.AllocsPerRun(1000, func() { b.head.Seq++; s.forward(run, b.arrived) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	if sent := s.peer.sub.egress.Load().way.Load().socket.Stats().Packets; sent < 1000 {
		t.Errorf("%d packets queued", sent)
	}
}

// TestForgottenNumberIsNotSentAgain: the bytes under one packet index never differ, so what has lost its
// transport-wide number stays lost.
func TestForgottenNumberIsNotSentAgain(t *testing.T) {
	s, b, hole := bench(t)
	s.forward([]*buffer{b}, b.arrived)
	first := s.mapper.Last().Seq
	for range len(s.numbers) {
		b.head.Seq++
		s.forward([]*buffer{b}, b.arrived)
	}
	sent := hole.packets
	if s.resendOne(s.bound.Load(), first) || hole.packets != sent {
		t.Error("a packet was sent again without its number")
	}
}

func BenchmarkForwardSealed(b *testing.B) {
	s, p, _ := bench(b)
	sealing(b, s)
	run := []*buffer{p}
	b.ReportAllocs()
	for b.Loop() {
		p.head.Seq++
		s.forward(run, p.arrived)
	}
}
