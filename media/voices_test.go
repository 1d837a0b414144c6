package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// microphone is a publisher of sound alone that sends its level (RFC 6464). Each packet's payload begins with its number.
type microphone struct {
	client *client
	ext    uint8

	mu    sync.Mutex // guards what follows
	level uint8
	sent  uint32
}

func newMicrophone(t *testing.T, r *Room, id string, perm Permissions) *microphone {
	t.Helper()
	c := joinBy(t, r, id, perm, apiWith(sdp.AudioLevelURI))
	var err error
	if c.pub, err = c.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	if c.audio, err = webrtc.NewTrackLocalStaticRTP(opusCodec.RTPCodecCapability, "a", id); err != nil {
		t.Fatal(err)
	}
	sender, err := c.pub.AddTrack(c.audio)
	if err != nil {
		t.Fatal(err)
	}
	c.offerPub(false)
	connected(t, c.pub)
	m := &microphone{client: c, level: 90}
	for _, e := range sender.GetParameters().HeaderExtensions {
		if e.URI == sdp.AudioLevelURI {
			m.ext = uint8(e.ID)
		}
	}
	if m.ext == 0 {
		t.Fatal("the level was not negotiated")
	}
	return m
}

// say sets the level and tells the number of the next packet.
func (m *microphone) say(level uint8) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.level = level
	return m.sent
}

func (m *microphone) packet() {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(m.sent), Timestamp: m.sent * 960},
		Payload: binary.BigEndian.AppendUint32([]byte{0xf8}, m.sent)}
	if err := p.SetExtension(m.ext, []byte{m.level}); err != nil {
		panic(err)
	}
	_ = m.client.audio.WriteRTP(p)
	m.sent++
}

// talk lets microphones send a packet each 20 ms until stopped.
func talk(mics ...*microphone) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				for _, m := range mics {
					m.packet()
				}
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// heardOf are the packets of a publisher that c received, by what their payloads say.
func (c *client) heardOf(peer string) (packets []rtp.Packet, numbers []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, ps := range c.received {
		if c.tracks[id].Peer == peer {
			for _, p := range ps {
				packets = append(packets, p)
				numbers = append(numbers, binary.BigEndian.Uint32(p.Payload[1:]))
			}
		}
	}
	return packets, numbers
}

// countSink counts what a recorder gets.
type countSink struct {
	mu sync.Mutex
	n  map[uint32]bool
}

func (s *countSink) RTP(p []byte, _ time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[binary.BigEndian.Uint32(p[len(p)-4:])] = true
}
func (s *countSink) SenderReport(uint64, uint32, time.Time) {}
func (s *countSink) Close()                                 {}

// TestOnlyTheLoudestAreForwarded: six microphones, two places and the judge. Each in turn speaks; a receiver hears
// every speech from its first packet on, in continuous numbers, and the recorder hears everything of everybody.
func TestOnlyTheLoudestAreForwarded(t *testing.T) {
	s, err := New(Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Voices: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	room := s.Room("r")
	var sinks sync.Map
	stop := room.Record(func(peer string, _ TrackInfo, _ webrtc.RTPCodecParameters) Sink {
		sink := &countSink{n: map[uint32]bool{}}
		sinks.Store(peer, sink)
		return sink
	})
	defer stop()
	listener := join(t, room, "listener", Permissions{Subscribe: true})
	var mics []*microphone
	for i := range 5 {
		mics = append(mics, newMicrophone(t, room, fmt.Sprint("m", i), everything))
	}
	perm := everything
	perm.AlwaysHeard = true
	judge := newMicrophone(t, room, "judge", perm)
	all := append(slices.Clone(mics), judge)
	defer talk(all...)()
	got := func(peer string) int { _, n := listener.heardOf(peer); return len(n) }
	eventually(t, "the judge is heard", func() bool { return got("judge") > 20 })
	eventually(t, "all tracks are there", func() bool { listener.mu.Lock(); defer listener.mu.Unlock(); return len(listener.tracks) == 6 })
	for round := range 3 {
		m := mics[round]
		before := got(m.client.id)
		first := m.say(25)
		eventually(t, m.client.id+" is heard", func() bool { return got(m.client.id) > before+20 })
		m.say(90)
		_, numbers := listener.heardOf(m.client.id)
		heard := map[uint32]bool{}
		for _, n := range numbers {
			heard[n] = true
		}
		for n := first; n < first+15; n++ {
			if !heard[n] {
				t.Errorf("packet %d of %s's speech is missing", n-first, m.client.id)
			}
		}
		at := time.Now() // the speaker keeps the place for two seconds
		eventually(t, "the pause passes", func() bool { return time.Since(at) > 2100*time.Millisecond })
	}
	quiet := 0
	was := map[string]int{}
	for _, m := range mics {
		was[m.client.id] = got(m.client.id)
	}
	n := got("judge")
	eventually(t, "half a second", func() bool { return got("judge") > n+25 })
	for _, m := range mics {
		if got(m.client.id) == was[m.client.id] {
			quiet++
		}
	}
	if quiet != 3 {
		t.Errorf("%d of 5 microphones are held back, want 3", quiet)
	}
	for _, m := range all {
		packets, _ := listener.heardOf(m.client.id)
		continuous(t, packets)
		sink, _ := sinks.Load(m.client.id)
		c := sink.(*countSink)
		last := m.say(90)
		eventually(t, "the recorder has it", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.n[last-1] })
		c.mu.Lock()
		if missing := int(last) - len(c.n); missing > 20 { // before the track was known
			t.Errorf("the recorder misses %d packets of %s", missing, m.client.id)
		}
		c.mu.Unlock()
	}
}

// TestSpeakersAreTold: the list has whoever speaks, and is empty after the last word.
func TestSpeakersAreTold(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	told := make(chan []Speaker, 64)
	stop := room.OnSpeaking(func(l []Speaker) { told <- l })
	defer stop()
	m := newMicrophone(t, room, "m", everything)
	defer talk(m)()
	next := func(what string) []Speaker {
		t.Helper()
		select {
		case l := <-told:
			return l
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: nothing is told", what)
			return nil
		}
	}
	m.say(25)
	if l := next("speech"); len(l) != 1 || l[0].Peer != "m" {
		t.Errorf("speech: %v", l)
	}
	m.say(90)
	for len(next("silence")) > 0 { // m fills the screen first
	}
}
