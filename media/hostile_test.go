package media

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// hostile is a client whose sockets the test holds too, so that it can send what no stack would.
type hostile struct {
	*client
	server    net.Addr
	pubSocket net.PacketConn
	subSocket net.PacketConn
	random    *mrand.Rand
	seq       uint16
}

// socketAPI makes connections over one socket of the test's.
func socketAPI(t *testing.T) (*webrtc.API, net.PacketConn) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn})
	t.Cleanup(func() { _ = mux.Close() })
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEUDPMux(mux)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	me, err := mediaEngine()
	if err != nil {
		t.Fatal(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me)), conn
}

// receiverAPI makes connections that tell nothing of how packets arrive but what the interceptors tell.
func receiverAPI(t *testing.T, factories ...interceptor.Factory) *webrtc.API {
	me, err := subscribeEngine()
	if err != nil {
		t.Fatal(err)
	}
	reg := &interceptor.Registry{}
	for _, f := range factories {
		reg.Add(f)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(loopback()), webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(reg))
}

// likeBrowser sends transport-wide feedback, as browsers do: what a publisher leaves out is no loss of its way.
func likeBrowser(t *testing.T) *webrtc.API {
	feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(50 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	return receiverAPI(t, feedback)
}

// newHostile joins and sends honest media first.
func newHostile(t *testing.T, room *Room, id, video string) *hostile {
	subAPI, subSocket := socketAPI(t)
	pubAPI, pubSocket := socketAPI(t)
	h := &hostile{client: joinBy(t, room, id, everything, subAPI), subSocket: subSocket, pubSocket: pubSocket,
		server: room.sfu.port.sockets[0].LocalAddr(), random: mrand.New(mrand.NewPCG(1, 2))}
	h.lies.Store(true)
	h.api = pubAPI
	h.publish(video)
	return h
}

func (h *hostile) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// datagrams sends what begins as any of the protocols that share the port (RFC 7983) and goes on as noise, by the
// sockets of living connections.
func (h *hostile) datagrams() {
	firsts := []byte{0, 1, 3, 20, 22, 23, 63, 64, 79, 128, 129, 144, 191, 200, 255}
	for _, socket := range []net.PacketConn{h.pubSocket, h.subSocket} {
		for _, first := range firsts {
			b := h.bytes(1 + h.random.IntN(1400))
			b[0] = first
			if len(b) > 20 && first <= 3 { // STUN with the right cookie and a length that lies (RFC 8489 section 5)
				copy(b[1:], []byte{1, byte(h.random.IntN(256)), byte(h.random.IntN(256)), 0x21, 0x12, 0xa4, 0x42})
			}
			if len(b) > 13 && first >= 20 && first < 64 { // DTLS 1.2 handshake records whose fragments overlap
				copy(b[1:], []byte{254, 253, 0, 0, 0, 0, 0, 0, 0, 1, byte(len(b) >> 8), byte(len(b))})
			}
			_, _ = socket.WriteTo(b, h.server)
		}
	}
}

// packets sends noise in well encrypted packets: payloads of no codec, extensions of no length, numbers that jump.
func (h *hostile) packets() {
	for range 20 {
		if h.seq++; h.random.IntN(50) == 0 {
			h.seq += uint16(h.random.IntN(20000))
		}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: h.random.IntN(2) == 0, SequenceNumber: h.seq, Timestamp: h.random.Uint32()},
			Payload: h.bytes(h.random.IntN(1200))}
		if h.random.IntN(2) == 0 {
			p.Header.Extension, p.Header.ExtensionProfile = true, 0x1000
			_ = p.Header.SetExtension(uint8(1+h.random.IntN(14)), h.bytes(h.random.IntN(200)))
		}
		_ = h.video.WriteRTP(p)
		_ = h.audio.WriteRTP(p)
	}
}

// flood sends more packets than any microphone does, and many of a picture.
func (h *hostile) flood() {
	for n := range 60 {
		h.seq++
		if n%3 == 0 {
			_ = h.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: h.seq}, Payload: []byte{0x10, 0, 0}})
		}
		_ = h.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: h.seq}, Payload: []byte{0xf8, 0xff, 0xfe}})
	}
}

// feedback sends RTCP of every type with bodies of noise, asks for everything again, and reports the impossible.
func (h *hostile) feedback() {
	nack := &rtcp.TransportLayerNack{MediaSSRC: h.random.Uint32()}
	for range 300 {
		nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: uint16(h.random.Uint32()), LostPackets: 0xffff})
	}
	for _, pc := range []*webrtc.PeerConnection{h.pub, h.sub} {
		for _, r := range pc.GetReceivers() {
			if r.Track() != nil {
				nack.MediaSSRC = uint32(r.Track().SSRC())
				_ = pc.WriteRTCP([]rtcp.Packet{nack, &rtcp.PictureLossIndication{MediaSSRC: nack.MediaSSRC}})
			}
		}
		for kind := 192; kind < 224; kind++ {
			body := h.bytes(4 * (1 + h.random.IntN(60)))
			head := []byte{0x80 | byte(h.random.IntN(32)), byte(kind), byte(len(body) / 4 >> 8), byte(len(body) / 4)}
			raw := rtcp.RawPacket(append(head, body...))
			_ = pc.WriteRTCP([]rtcp.Packet{&raw})
		}
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1}, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e18}})
	}
}

// descriptions offers and answers with real descriptions that are cut, repeated and changed.
func (h *hostile) descriptions() {
	offer := h.pub.LocalDescription().SDP
	for range 4 {
		b := []byte(offer)
		switch h.random.IntN(4) {
		case 0:
			b = b[:h.random.IntN(len(b))]
		case 1:
			for range 20 {
				b[h.random.IntN(len(b))] = byte(h.random.Uint32())
			}
		case 2:
			_, section, _ := strings.Cut(offer, "m=")
			b = append(b, bytes.Repeat([]byte("m="+section), 1+h.random.IntN(80))...)
		case 3:
			for i := range 1000 {
				b = fmt.Appendf(b, "a=candidate:%d 1 udp 1 127.0.0.1 %d typ host\r\n", i, 1+i)
			}
		}
		_, _ = h.peer.Publish(string(b))
		_ = h.peer.AnswerSubscribe(string(b))
	}
}

// trickle sends candidates that are none, and thousands of what are.
func (h *hostile) trickle() {
	for i := range 200 {
		for _, text := range []string{fmt.Sprintf("candidate:%d 1 udp 1 127.0.0.1 %d typ host", i, 1+i), string(h.bytes(h.random.IntN(2000))), "candidate:", strings.Repeat("candidate ", 50)} {
			_ = h.peer.Candidate(TargetPublish, webrtc.ICECandidateInit{Candidate: text})
			_ = h.peer.Candidate(TargetSubscribe, webrtc.ICECandidateInit{Candidate: text})
		}
	}
}

// views shows what is not there, at sizes that are none.
func (h *hostile) views() {
	for range 20 {
		var list []View
		for range h.random.IntN(300) {
			list = append(list, View{Peer: string(h.bytes(8)), Source: SourceCamera, Width: -1 << 30, Height: 1 << 30})
		}
		_ = h.peer.Show(list)
	}
	h.peer.Restart()
}

// lines counts what is logged at a level that an operator sees.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

// undisturbed is the longest break that a busy machine with the race detector explains; a quiet one shows a tenth of it.
const undisturbed = 2 * time.Second

// TestHostileClientDisturbsNobody: in a meeting of three one sends noise of every kind by its real connections. The others
// hear and see each other without a break, everything is counted, and the log has a line for each kind.
func TestHostileClientDisturbsNobody(t *testing.T) {
	var log lines
	s, err := New(Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		Logger: slog.New(slog.NewTextHandler(&log, nil)), StartBps: 20e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	room := s.Room("r")
	sender := join(t, room, "sender", everything)
	by := joinBy(t, room, "by", Permissions{Subscribe: true}, receiverAPI(t))           // whose way takes everything
	browser := joinBy(t, room, "browser", Permissions{Subscribe: true}, likeBrowser(t)) // whose picture may pause where the machine is busy
	sender.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: sender}).run(t))
	v := &rightsScene{t: t, room: room, sender: sender, by: by, loser: browser, worst: lateness(t)}
	v.flows(by, KindAudio, KindVideo)
	v.flows(browser, KindAudio, KindVideo)
	for i, video := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeH264, webrtc.MimeTypeVP9, webrtc.MimeTypeAV1} {
		h := newHostile(t, room, fmt.Sprintf("hostile%d", i), video)
		stop := (&source{c: h.client}).run(t)
		within(t, 40*time.Second, "the hostile client is heard first", func() bool { return by.hasTrackOf(h.id) })
		stop()
		for _, attack := range []struct {
			name  string
			round func()
		}{{"datagrams", h.datagrams}, {"packets", h.packets}, {"feedback", h.feedback}, {"flood", h.flood}, {"views", h.views},
			{"candidates", h.trickle}, {"descriptions", h.descriptions}} {
			if gap := v.longestGap(attack.name+" by "+video, attack.round); gap > undisturbed+v.worst() {
				t.Errorf("%s by %s: the others' media stopped for %v", attack.name, video, gap)
			}
		}
		h.peer.Close()
	}
	v.flows(by, KindAudio, KindVideo)
	v.flows(browser, KindAudio)
	for name, n := range map[string]uint64{"malformed": s.metrics.malformed.Get(), "refused": s.metrics.refused.Get()} {
		if n < 10 {
			t.Errorf("%s: only %v counted", name, n)
		}
	}
	t.Logf("over the rate: %v packets", s.metrics.limited.Get()) // as many as the machine could send
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.text) > 4*(int(faultKinds)+3) {
		t.Errorf("%d lines are logged, the first: %s", len(log.text), strings.Join(log.text[:10], ""))
	}
}

func (c *client) hasTrackOf(peer string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.received {
		if strings.HasPrefix(id, peer+".") {
			return true
		}
	}
	return false
}

// longestGap attacks for a third of a second and gives the longest time in which a kind of the others' media did not come.
func (v *rightsScene) longestGap(name string, attack func()) (longest time.Duration) {
	begun, done := time.Now(), make(chan struct{})
	v.worst()
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			attack()
			if time.Since(begun) > 300*time.Millisecond {
				return
			}
		}
	}()
	attacking := true
	eventually(v.t, name+" ends and media came since", func() bool {
		select {
		case <-done:
			attacking = false
		default:
		}
		fresh := true
		for _, of := range []struct {
			c    *client
			kind string
		}{{v.by, KindAudio}, {v.by, KindVideo}, {v.loser, KindAudio}} {
			last, _ := of.c.lastOf("sender", of.kind)
			longest = max(longest, time.Since(last))
			fresh = fresh && time.Since(last) < 200*time.Millisecond
		}
		return !attacking && fresh
	})
	return longest
}

// TestLimits: a client gets so many negotiations a minute, tracks, candidates and bytes of a description, and no more.
func TestLimits(t *testing.T) {
	s := newSFU(t)
	s.cfg.Limits.NegotiationsPerMinute, s.cfg.Limits.TracksPerPeer = 20, 1
	room := s.Room("r")
	c := join(t, room, "c", everything)
	by := join(t, room, "by", Permissions{Subscribe: true})
	c.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: c}).run(t))
	eventually(t, "a track comes", func() bool { return by.packets(KindAudio)+by.packets(KindVideo) > 10 })
	if n := len(room.Tracks()); n != 1 {
		t.Errorf("%d tracks", n)
	}
	offer := c.pub.LocalDescription().SDP
	var many strings.Builder
	for i := range maxCandidateSDP + 1 {
		fmt.Fprintf(&many, "a=candidate:%d 1 udp 1 127.0.0.1 %d typ host\r\n", i, i+1)
	}
	for what, sdp := range map[string]string{"bytes": strings.Repeat("a", s.cfg.Limits.SDPBytes+1), "candidates": offer + many.String(),
		"sections": offer + strings.Repeat("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", maxSections+1)} {
		if _, err := c.peer.Publish(sdp); !errors.Is(err, ErrLimit) {
			t.Errorf("too many %s: %v", what, err)
		}
	}
	var err error
	for range s.cfg.Limits.NegotiationsPerMinute + 1 {
		_, err = c.peer.Publish(offer)
	}
	if !errors.Is(err, ErrLimit) {
		t.Errorf("one negotiation too many: %v", err)
	}
	for i := range s.cfg.Limits.Candidates + 1 {
		err = c.peer.Candidate(TargetPublish, webrtc.ICECandidateInit{Candidate: fmt.Sprintf("candidate:%d 1 udp 1 127.0.0.1 %d typ host", i, i+1)})
	}
	if !errors.Is(err, ErrLimit) {
		t.Errorf("one candidate too many: %v", err)
	}
}

func TestAllowance(t *testing.T) {
	at := time.Unix(100, 0)
	a := allowance{perSecond: 3, bytes: 100}
	for i, c := range []struct {
		after time.Duration
		bytes int
		want  bool
	}{{0, 40, true}, {100, 40, true}, {200, 40, false}, {1000, 40, true}, {1100, 1, true}, {1200, 1, true}, {1300, 1, false}} {
		if got := a.take(c.bytes, at.Add(c.after*time.Millisecond)); got != c.want {
			t.Errorf("packet %d: %v", i, got)
		}
	}
}
