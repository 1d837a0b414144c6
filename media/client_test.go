package media

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newSFU runs an SFU on loopback until the test ends.
func newSFU(t testing.TB) *SFU {
	t.Helper()
	return sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
}

// sfuWith runs an SFU of another configuration.
func sfuWith(t testing.TB, cfg Config) *SFU {
	t.Helper()
	if os.Getenv("YUNTING_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := New(cfg)
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

var everything = Permissions{PublishAudio: true, PublishVideo: true, PublishScreen: true, Subscribe: true}

// client is a pion client of one peer with both connections.
type client struct {
	t    testing.TB
	id   string
	peer *Peer
	api  *webrtc.API
	pub  *webrtc.PeerConnection
	sub  *webrtc.PeerConnection

	audio, video *webrtc.TrackLocalStaticRTP
	rtcp         chan rtcp.Packet // that the video's sender received
	lies         atomic.Bool      // its true answers may come after false ones

	mu       sync.Mutex // guards what follows
	tracks   map[string]TrackInfo
	received map[string][]rtp.Packet // by track id
	arrived  map[string]time.Time    // of the last packet, by track id
	paused   map[string]bool         // tracks that are held back
	offers   int
	closed   string
}

func loopbackAPI() *webrtc.API { return apiWith() }

// apiWith makes connections on loopback that know audio header extensions.
func apiWith(audioExtensions ...string) *webrtc.API {
	return apiOf(func(m *webrtc.MediaEngine) error {
		for _, c := range []webrtc.RTPCodecParameters{opusCodec, redCodec} {
			if err := m.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
				return err
			}
		}
		for _, uri := range audioExtensions {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio); err != nil {
				return err
			}
		}
		return nil
	})
}

// apiOf makes connections on loopback that know every video codec of ours, and what sound adds.
func apiOf(sound func(*webrtc.MediaEngine) error) *webrtc.API {
	me := &webrtc.MediaEngine{}
	if err := sound(me); err != nil {
		panic(err)
	}
	for _, c := range codecs() {
		if err := me.RegisterCodec(c, webrtc.RTPCodecTypeVideo); err != nil {
			panic(err)
		}
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(loopback()), webrtc.WithMediaEngine(me))
}

// browserAPI makes connections on loopback that take RTX and header extensions, as browsers do.
func browserAPI() *webrtc.API {
	me, err := subscribeEngine()
	if err != nil {
		panic(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(loopback()), webrtc.WithMediaEngine(me))
}

// loopback has connections use 127.0.0.1 alone.
func loopback() webrtc.SettingEngine {
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetSRTPReplayProtectionWindow(2048)
	return se
}

func join(t testing.TB, r *Room, id string, perm Permissions) *client {
	t.Helper()
	return joinBy(t, r, id, perm, loopbackAPI())
}

// joinBy joins a client whose connections api makes.
func joinBy(t testing.TB, r *Room, id string, perm Permissions, api *webrtc.API) *client {
	t.Helper()
	c := &client{t: t, id: id, api: api, tracks: map[string]TrackInfo{}, received: map[string][]rtp.Packet{}, arrived: map[string]time.Time{}, paused: map[string]bool{},
		rtcp: make(chan rtcp.Packet, 1000)}
	offers := make(chan string, 16)
	p, err := r.Join(id, JoinOptions{Permissions: perm, Events: Events{
		Offer: func(sdp string) { offers <- sdp },
		Track: func(ti TrackInfo, added bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if added {
				c.tracks[ti.ID] = ti
			} else {
				delete(c.tracks, ti.ID)
			}
		},
		Paused: func(ti TrackInfo, paused bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.paused[ti.ID] = paused
		},
		Closed: func(reason string) {
			c.mu.Lock()
			c.closed = reason
			c.mu.Unlock()
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.peer = p
	if c.sub, err = c.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	var wg, answering sync.WaitGroup
	c.sub.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { wg.Go(func() { c.receive(tr) }) })
	stop := make(chan struct{})
	answering.Go(func() {
		for {
			select {
			case o := <-offers:
				c.answer(o)
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		p.Close()
		close(stop)
		answering.Wait()
		if c.pub != nil {
			_ = c.pub.GracefulClose()
		}
		_ = c.sub.GracefulClose()
		wg.Wait()
	})
	return c
}

// answer answers the server's offer. Errors count only while the peer lives:
// its end closes the client's connection from afar.
func (c *client) answer(offer string) {
	c.mu.Lock()
	c.offers++
	c.mu.Unlock()
	if err := c.tryAnswer(offer); err != nil && !c.peer.isClosed() && !c.lies.Load() {
		c.t.Errorf("%s: answer: %v", c.id, err)
	}
}

func (c *client) tryAnswer(offer string) error {
	if err := c.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	a, err := c.sub.CreateAnswer(nil)
	if err != nil {
		return err
	}
	done := webrtc.GatheringCompletePromise(c.sub)
	if err := c.sub.SetLocalDescription(a); err != nil {
		return err
	}
	<-done
	return c.peer.AnswerSubscribe(c.sub.LocalDescription().SDP)
}

func (c *client) receive(tr *webrtc.TrackRemote) {
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.received[tr.ID()] = append(c.received[tr.ID()], *p)
		c.arrived[tr.ID()] = time.Now()
		c.mu.Unlock()
	}
}

// publish offers a microphone and a camera.
func (c *client) publish(video string) {
	c.t.Helper()
	c.encoder(video)
	c.offerPub(false)
	connected(c.t, c.pub)
}

// encoder makes the connection and its tracks.
func (c *client) encoder(video string) {
	c.t.Helper()
	var err error
	if c.pub, err = c.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		c.t.Fatal(err)
	}
	c.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "a", c.id)
	if err != nil {
		c.t.Fatal(err)
	}
	c.video, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: video, ClockRate: 90000}, "v", c.id)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err = c.pub.AddTrack(c.audio); err != nil {
		c.t.Fatal(err)
	}
	s, err := c.pub.AddTrack(c.video)
	if err != nil {
		c.t.Fatal(err)
	}
	go func() {
		for {
			ps, _, err := s.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range ps {
				select {
				case c.rtcp <- p:
				default:
				}
			}
		}
	}()
}

func (c *client) offerPub(restart bool) {
	c.t.Helper()
	o, err := c.pub.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		c.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(c.pub)
	if err := c.pub.SetLocalDescription(o); err != nil {
		c.t.Fatal(err)
	}
	<-done
	answer, err := c.peer.Publish(c.pub.LocalDescription().SDP)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatal(err)
	}
}

func connected(t testing.TB, pc *webrtc.PeerConnection) {
	t.Helper()
	eventually(t, "connection", func() bool { return pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
}

// patience is how long a test waits for what must come: so long that only what hangs meets its end.
const patience = time.Minute

// eventually polls ok until it holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// source sends synthetic packets at a steady pace until stopped.
type source struct {
	c       *client
	seq     uint16
	ts      uint32
	picture uint16
	every   int    // a key frame each so many frames, and after each PLI
	skip    uint16 // sequence numbers left out after each frame
}

// vp8Packet is one packet of a synthetic VP8 stream (RFC 7741).
func vp8Packet(seq uint16, ts uint32, picture uint16, start, end, key bool) *rtp.Packet {
	p := []byte{0x80, 0x80, byte(picture>>8) | 0x80, byte(picture)}
	frame := []byte{0x01, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0}
	if start {
		p[0] |= 0x10
		if key {
			frame[0] = 0
		}
	}
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: end}, Payload: append(append(p, frame...), make([]byte, 500)...)}
}

// run sends frames of two packets, 50 a second, with one Opus packet each.
func (s *source) run(t testing.TB) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			key := s.every > 0 && n%s.every == 0
			for len(s.c.rtcp) > 0 {
				if _, ok := (<-s.c.rtcp).(*rtcp.PictureLossIndication); ok {
					key = true
				}
			}
			s.frame(key)
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

func (s *source) frame(key bool) {
	_ = s.c.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seq / 2, Timestamp: s.ts / 90 * 48}, Payload: []byte{0xf8, 0xff, 0xfe}})
	_ = s.c.video.WriteRTP(vp8Packet(s.seq, s.ts, s.picture, true, false, key))
	_ = s.c.video.WriteRTP(vp8Packet(s.seq+1, s.ts, s.picture, false, true, key))
	s.seq += 2 + s.skip
	s.ts += 1800
	s.picture = (s.picture + 1) & 0x7fff
}

// packets counts what arrived on tracks of a kind.
func (c *client) packets(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for id, ps := range c.received {
		if t, ok := c.tracks[id]; ok && t.Kind == kind {
			n += len(ps)
		}
	}
	return n
}

// offered counts the server's offers.
func (c *client) offered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offers
}

// scope is a test within a test: its cleanups run when it ends, not when the test does.
type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) end() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}
