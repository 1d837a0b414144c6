package media

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// videoOf returns what c received of video so far, in order of arrival.
func (c *client) videoOf() []rtp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, ps := range c.received {
		if c.tracks[id].Kind == KindVideo {
			return append([]rtp.Packet(nil), ps...)
		}
	}
	return nil
}

// continuous checks that sequence numbers have no gap and every stretch
// begins with what the VP8 decoder needs.
func continuous(t *testing.T, ps []rtp.Packet) {
	t.Helper()
	for i := 1; i < len(ps); i++ {
		if d := ps[i].SequenceNumber - ps[i-1].SequenceNumber; d != 1 {
			t.Errorf("sequence number goes on by %d at packet %d", int16(d), i)
		}
		if d := int32(ps[i].Timestamp - ps[i-1].Timestamp); d < 0 {
			t.Errorf("timestamp goes back by %d at packet %d", d, i)
		}
	}
}

func TestSectionsAreReused(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	watcher := join(t, room, "watcher", Permissions{Subscribe: true})
	for range 4 {
		a := join(t, room, "a", everything)
		a.publish(webrtc.MimeTypeVP8)
		stop := (&source{c: a}).run(t)
		eventually(t, "media", func() bool { return watcher.packets(KindVideo) > 10 })
		stop()
		a.peer.Close()
		eventually(t, "the end", func() bool { watcher.mu.Lock(); defer watcher.mu.Unlock(); return len(watcher.tracks) == 0 })
	}
	if n := len(watcher.sub.GetTransceivers()); n > 4 {
		t.Errorf("%d media sections after four pairs of tracks one after the other", n)
	}
}

func TestRejoinReplaces(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	watcher := join(t, room, "watcher", Permissions{Subscribe: true})
	for range 3 {
		a := join(t, room, "a", everything)
		a.publish(webrtc.MimeTypeVP8)
		stop := (&source{c: a}).run(t)
		defer stop()
		eventually(t, "media", func() bool { return watcher.packets(KindVideo) > 10 })
		if room.Peer("a") != a.peer {
			t.Fatal("the room holds another peer")
		}
	}
	eventually(t, "two tracks remain", func() bool { return len(room.Tracks()) == 2 })
}

func TestICERestart(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	a, b := join(t, room, "a", everything), join(t, room, "b", everything)
	a.publish(webrtc.MimeTypeVP8)
	stop := (&source{c: a}).run(t)
	defer stop()
	eventually(t, "media", func() bool { return b.packets(KindVideo) > 10 })
	before := b.sub.RemoteDescription().SDP
	if err := b.peer.Restart(); err != nil {
		t.Fatal(err)
	}
	a.offerPub(true)
	eventually(t, "new credentials", func() bool {
		d := b.sub.RemoteDescription()
		return d != nil && ufrag(d.SDP) != ufrag(before)
	})
	n := b.packets(KindVideo)
	eventually(t, "media after the restart", func() bool { return b.packets(KindVideo) > n+20 })
}

// TestRepairUpstream drops packets before they reach the server and checks
// that the server asks for them and forwards them.
func TestRepairUpstream(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	a, b := join(t, room, "a", everything), join(t, room, "b", Permissions{Subscribe: true})
	a.publish(webrtc.MimeTypeVP8)
	src := &source{c: a, every: 50, seq: 100}
	var mu sync.Mutex
	held := map[uint16]*rtp.Packet{}
	asked := 0
	var wg sync.WaitGroup
	quit := make(chan struct{})
	wg.Go(func() { // the publisher's side of NACK
		for {
			select {
			case <-quit:
				return
			case p := <-a.rtcp:
				n, ok := p.(*rtcp.TransportLayerNack)
				if !ok {
					continue
				}
				mu.Lock()
				for _, pair := range n.Nacks {
					for _, seq := range pair.PacketList() {
						if p := held[seq]; p != nil {
							asked++
							_ = a.video.WriteRTP(p)
						}
					}
				}
				mu.Unlock()
			}
		}
	})
	defer func() { close(quit); wg.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := range 150 {
		<-tick.C
		p := vp8Packet(src.seq, src.ts, src.picture, true, true, n%30 == 0)
		mu.Lock()
		held[src.seq] = p
		mu.Unlock()
		if n < 40 || n%7 != 0 {
			_ = a.video.WriteRTP(p)
		}
		src.seq++
		src.ts += 900
		src.picture++
	}
	eventually(t, "every packet", func() bool {
		ps := b.videoOf()
		if len(ps) == 0 {
			return false
		}
		lowest, highest := ps[0].SequenceNumber, ps[0].SequenceNumber
		seen := map[uint16]bool{}
		for _, p := range ps {
			seen[p.SequenceNumber] = true
			if int16(p.SequenceNumber-highest) > 0 {
				highest = p.SequenceNumber
			}
		}
		return len(seen) > 100 && len(seen) == int(highest-lowest)+1
	})
	mu.Lock()
	defer mu.Unlock()
	if asked == 0 {
		t.Error("nothing was asked for again")
	}
}

// TestNackAnsweredFromCache asks for packets as a receiver would.
func TestNackAnsweredFromCache(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	a, b := join(t, room, "a", everything), join(t, room, "b", Permissions{Subscribe: true})
	a.publish(webrtc.MimeTypeVP8)
	stop := (&source{c: a}).run(t)
	defer stop()
	eventually(t, "media", func() bool { return b.packets(KindVideo) > 40 })
	room.mu.Lock()
	var sub *subscription
	for _, tr := range room.tracks {
		if tr.info.Kind == KindVideo {
			sub = tr.subscriptions()[0]
		}
	}
	room.mu.Unlock()
	resent := make(chan bool, 3)
	sub.track.w.call(func() {
		out := sub.bound.Load()
		last := sub.mapper.Last().Seq
		resent <- sub.resendOne(out, last-5)
		resent <- sub.resendOne(out, last-20)
		resent <- sub.resendOne(out, last+100)
	})
	for i, want := range []bool{true, true, false} {
		if got := <-resent; got != want {
			t.Errorf("answer %d: %v, want %v", i, got, want)
		}
	}
}

func ufrag(sdp string) string {
	const key = "a=ice-ufrag:"
	for i := 0; i+len(key) < len(sdp); i++ {
		if sdp[i:i+len(key)] == key {
			return sdp[i+len(key) : i+len(key)+8]
		}
	}
	return ""
}

// TestRubbishHarmsNobody sends malformed RTP and SDP.
func TestRubbishHarmsNobody(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	a, b := join(t, room, "a", everything), join(t, room, "b", Permissions{Subscribe: true})
	a.publish(webrtc.MimeTypeVP8)
	src := &source{c: a}
	stop := src.run(t)
	eventually(t, "media", func() bool { return b.packets(KindVideo) > 10 })
	stop()
	for range 50 {
		_ = a.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: src.seq, Marker: true}, Payload: []byte{0x80}})
		src.seq++
	}
	stop = src.run(t)
	defer func() { stop() }()
	n := b.packets(KindVideo)
	eventually(t, "media goes on", func() bool { return b.packets(KindVideo) > n+20 })
	if _, err := a.peer.Publish("v=0\r\nrubbish"); err == nil {
		t.Error("a rubbish offer was accepted")
	}
	if err := b.peer.AnswerSubscribe("rubbish"); err == nil {
		t.Error("a rubbish answer was accepted")
	}
	if _, err := a.peer.Publish(string(make([]byte, 1<<20))); err == nil {
		t.Error("an oversized offer was accepted")
	}
	eventually(t, "media goes on", func() bool { return b.packets(KindVideo) > n+40 })
}

// TestLimitsOfNegotiation: what a client begins is counted, what others make the server offer is not.
func TestLimitsOfNegotiation(t *testing.T) {
	s := newSFU(t)
	s.cfg.Limits.NegotiationsPerMinute = 3
	room := s.Room("r")
	b := join(t, room, "b", Permissions{Subscribe: true})
	for range 5 { // each time b is offered a track, and answers
		offers := b.offered()
		a := join(t, room, "a", Permissions{PublishAudio: true, PublishVideo: true})
		a.publish(webrtc.MimeTypeVP8)
		stop := (&source{c: a}).run(t)
		eventually(t, "an offer", func() bool { return b.offered() > offers && b.packets(KindAudio) > 0 })
		stop()
		a.peer.Close()
		eventually(t, "nothing is left", func() bool { return len(room.Tracks()) == 0 && b.packets(KindAudio) == 0 })
	}
	for n := range 4 {
		if err := b.peer.Restart(); n < 3 && err != nil || n == 3 && !errors.Is(err, ErrLimit) {
			t.Errorf("restart %d: %v", n+1, err)
		}
	}
	// What the server offers after that is answered as before: b, whose refused answers fail the test, hears a newcomer.
	a := join(t, room, "late", Permissions{PublishAudio: true, PublishVideo: true})
	a.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: a}).run(t))
	eventually(t, "a newcomer is heard", func() bool { return b.packets(KindAudio) > 0 })
}

// TestLimitOfUselessAnswers: so many answers that are of no use are looked at and no more, and they cost no offers.
func TestLimitOfUselessAnswers(t *testing.T) {
	s := newSFU(t)
	s.cfg.Limits.NegotiationsPerMinute = 3
	room := s.Room("r")
	a := join(t, room, "a", Permissions{PublishAudio: true, PublishVideo: true})
	a.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: a}).run(t))
	offered := make(chan string, 16)
	b, err := room.Join("b", JoinOptions{Permissions: Permissions{Subscribe: true}, Events: Events{Offer: func(sdp string) { offered <- sdp }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	eventually(t, "an offer", func() bool { return len(offered) > 0 })
	for n := range 4 {
		want := ErrSDP
		if n == 3 {
			want = ErrLimit
		}
		if err := b.AnswerSubscribe("rubbish"); !errors.Is(err, want) {
			t.Errorf("useless answer %d: %v, want %v", n+1, err, want)
		}
	}
	if err := b.Restart(); err != nil {
		t.Errorf("a restart after them: %v", err)
	}

}
