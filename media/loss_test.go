package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/packet"
)

// farAway is a client's socket on a bad way: a share of the packets is lost, each way, and the others are late.
type farAway struct {
	net.PacketConn
	percent atomic.Int32 // lost, each way
	late    time.Duration
	in, out chan arrival
	done    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
}

func newFarAway(t *testing.T, late time.Duration) *farAway {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &farAway{PacketConn: c, late: late, in: make(chan arrival, 8192), out: make(chan arrival, 8192), done: make(chan struct{})}
	f.wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			f.pass(f.in, buf[:n], from)
		}
	})
	f.wg.Go(func() {
		for f.write() == nil {
		}
	})
	return f
}

// pass lets a packet on its way, or loses it.
func (f *farAway) pass(queue chan arrival, p []byte, addr net.Addr) {
	if rand.Int32N(100) < f.percent.Load() {
		return
	}
	select {
	case queue <- arrival{append([]byte(nil), p...), addr, time.Now().Add(f.late)}:
	default: // a queue that is full loses too
	}
}

func (f *farAway) arrived(queue chan arrival) (arrival, error) {
	var a arrival
	select {
	case a = <-queue:
	case <-f.done:
		return a, net.ErrClosed
	}
	t := time.NewTimer(time.Until(a.at))
	defer t.Stop()
	select {
	case <-t.C:
		return a, nil
	case <-f.done:
		return a, net.ErrClosed
	}
}

func (f *farAway) write() error {
	a, err := f.arrived(f.out)
	if err == nil {
		_, err = f.PacketConn.WriteTo(a.data, a.from)
	}
	return err
}

func (f *farAway) WriteTo(p []byte, to net.Addr) (int, error) {
	f.pass(f.out, p, to)
	return len(p), nil
}

func (f *farAway) ReadFrom(p []byte) (int, net.Addr, error) {
	a, err := f.arrived(f.in)
	return copy(p, a.data), a.from, err
}

func (f *farAway) Close() error {
	err := f.PacketConn.Close()
	f.once.Do(func() { close(f.done) })
	f.wg.Wait()
	return err
}

// mending makes an API on f that asks for what is lost, and sends again what it is asked for, as browsers do.
func mending(t *testing.T, f *farAway) *webrtc.API {
	t.Helper()
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetSRTPReplayProtectionWindow(2048)
	se.SetSRTCPReplayProtectionWindow(2048)
	mux := webrtc.NewICEUDPMux(nil, f)
	se.SetICEUDPMux(mux)
	t.Cleanup(func() { _ = mux.Close(); _ = f.Close() })
	me, err := subscribeEngine()
	if err != nil {
		t.Fatal(err)
	}
	reg := &interceptor.Registry{}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		t.Fatal(err)
	}
	asks, err := nack.NewGeneratorInterceptor(nack.GeneratorInterval(50 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	answers, err := nack.NewResponderInterceptor()
	if err != nil {
		t.Fatal(err)
	}
	reg.Add(reports)
	reg.Add(asks)
	reg.Add(answers)
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(reg))
}

// punctual counts, for one stream, the frames that came in time. A frame's payload tells its number and when it was sent.
type punctual struct {
	limit time.Duration
	mu    sync.Mutex // guards seen
	seen  map[uint32]bool
}

func (p *punctual) frame(payload []byte) {
	sent := time.Unix(0, int64(binary.BigEndian.Uint64(payload[5:])))
	if time.Since(sent) > p.limit {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[binary.BigEndian.Uint32(payload[1:])] = true
}

// missing is how many of the frames from first to before end did not come in time.
func (p *punctual) missing(first, end uint32) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := first; i < end; i++ {
		if !p.seen[i] {
			n++
		}
	}
	return n
}

// RTP, SenderReport and Close make it a Sink.
func (p *punctual) RTP(raw []byte, _ time.Time) {
	if h, err := packet.Parse(raw); err == nil {
		p.frame(raw[h.Payload:h.End])
	}
}
func (p *punctual) SenderReport(uint64, uint32, time.Time) {}
func (p *punctual) Close()                                 {}

// microphones publishes n of them.
func (c *client) microphones(n int) (tracks []*webrtc.TrackLocalStaticRTP) {
	c.t.Helper()
	var err error
	if c.pub, err = c.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		c.t.Fatal(err)
	}
	for range n {
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "a", c.id)
		if err != nil {
			c.t.Fatal(err)
		}
		s, err := c.pub.AddTrack(t)
		if err != nil {
			c.t.Fatal(err)
		}
		go func() { // the interceptors read with it
			for {
				if _, _, err := s.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		tracks = append(tracks, t)
	}
	c.offerPub(false)
	connected(c.t, c.pub)
	return tracks
}

// TestSoundSurvivesLoss loses 30 % of all packets at random, each way, between either client and the server, 100 ms of
// round trip away. The recorder gets all but one frame in a thousand within the two seconds that it waits for them; the
// receiver, behind both bad ways, all but 3 % within a second and a half.
func TestSoundSurvivesLoss(t *testing.T) {
	t.Parallel()
	const streams, frames, warm, tail = 5, 550, 50, 25 // a hole is seen when something comes behind it
	s := newSFU(t)
	room := s.Room("r")
	near, far := newFarAway(t, 50*time.Millisecond), newFarAway(t, 50*time.Millisecond)
	a := joinBy(t, room, "a", Permissions{PublishAudio: true}, mending(t, near))
	b := joinBy(t, room, "b", Permissions{Subscribe: true}, mending(t, far))
	var mu sync.Mutex
	var recorded, heard []*punctual
	add := func(list *[]*punctual, limit time.Duration) *punctual {
		p := &punctual{limit: limit, seen: map[uint32]bool{}}
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, p)
		return p
	}
	t.Cleanup(room.Record(func(string, TrackInfo, webrtc.RTPCodecParameters) Sink { return add(&recorded, 2*time.Second) }))
	var readers sync.WaitGroup
	b.sub.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		p := add(&heard, 1500*time.Millisecond)
		readers.Go(func() {
			for {
				packet, _, err := tr.ReadRTP()
				if err != nil {
					return
				}
				p.frame(packet.Payload)
			}
		})
	})
	t.Cleanup(func() { _ = b.sub.GracefulClose(); readers.Wait() })

	microphones := a.microphones(streams)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(0); n < warm+frames+tail; n++ {
		<-tick.C
		mu.Lock()
		ready := len(recorded) == streams && len(heard) == streams
		mu.Unlock()
		if n == warm && !ready {
			t.Fatal("the streams did not arrive")
		}
		if n == warm {
			near.percent.Store(30)
			far.percent.Store(30)
		}
		payload := binary.BigEndian.AppendUint32([]byte{0xf8}, n)
		payload = binary.BigEndian.AppendUint64(payload, uint64(time.Now().UnixNano()))
		for _, m := range microphones {
			if err := m.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(65000 + n), Timestamp: n * 960}, Payload: payload}); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(list []*punctual) (n int) {
		for _, p := range list {
			n += p.missing(warm, warm+frames)
		}
		return n
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && count(recorded)+count(heard) > 0; {
		<-tick.C
	}
	atRecorder, atReceiver := count(recorded), count(heard)
	t.Logf("of %d frames the recorder lacks %d, the receiver %d", streams*frames, atRecorder, atReceiver)
	if atRecorder*1000 > streams*frames {
		t.Errorf("%d of %d frames are lost at the recorder", atRecorder, streams*frames)
	}
	if atReceiver*100 > 3*streams*frames {
		t.Errorf("%d of %d frames are lost at the receiver", atReceiver, streams*frames)
	}
}
