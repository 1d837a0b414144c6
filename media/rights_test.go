package media

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

const stopsWithin = 100 * time.Millisecond

// lateness is how late the machine's timers are at worst, which a loaded machine adds to every bound.
func lateness(t *testing.T) (worst func() time.Duration) {
	var most atomic.Int64
	tick, done := time.NewTicker(5*time.Millisecond), make(chan struct{})
	go func() {
		last := time.Now()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				most.Store(max(most.Load(), int64(time.Since(last))))
				last = time.Now()
			}
		}
	}()
	t.Cleanup(func() { tick.Stop(); close(done) })
	return func() time.Duration { return time.Duration(most.Swap(0)) }
}

// lastOf is when the last packet of a kind of a peer, or of its screen, arrived, and how many did.
func (c *client) lastOf(peer, kind string) (last time.Time, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, at := range c.arrived {
		source := map[string]string{KindAudio: peer + "." + SourceMic, KindVideo: peer + "." + SourceCamera, SourceScreen: peer + "." + SourceScreen}[kind]
		if len(id) >= len(source) && id[:len(source)] == source {
			n += len(c.received[id])
			if at.After(last) {
				last = at
			}
		}
	}
	return last, n
}

// rightsScene is a publisher, one who loses a right and one who keeps it.
type rightsScene struct {
	t                 *testing.T
	room              *Room
	sender, loser, by *client
	worst             func() time.Duration
}

func newRightsScene(t *testing.T) *rightsScene {
	s := newSFU(t)
	room := s.Room("r")
	v := &rightsScene{t: t, room: room, worst: lateness(t), sender: join(t, room, "sender", everything),
		loser: join(t, room, "loser", Permissions{Subscribe: true}), by: join(t, room, "bystander", Permissions{Subscribe: true})}
	v.sender.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: v.sender}).run(t))
	v.flows(v.loser, KindAudio, KindVideo)
	v.flows(v.by, KindAudio, KindVideo)
	return v
}

func (v *rightsScene) flows(c *client, kinds ...string) {
	v.t.Helper()
	for _, kind := range kinds {
		_, was := c.lastOf("sender", kind)
		eventually(v.t, c.id+" gets "+kind, func() bool { _, n := c.lastOf("sender", kind); return n > was+10 })
	}
}

// stops takes the right away and demands that no packet of the kinds arrives at the receivers later than 100 ms after,
// during the second that follows.
func (v *rightsScene) stops(what string, change func(), receivers []*client, kinds ...string) {
	v.t.Helper()
	v.worst()
	change()
	at := time.Now()
	eventually(v.t, "a second passes", func() bool { return time.Since(at) > time.Second })
	bound := stopsWithin + v.worst()
	for _, c := range receivers {
		for _, kind := range kinds {
			if last, _ := c.lastOf("sender", kind); last.Sub(at) > bound {
				v.t.Errorf("%s: %s gets %s %v after it lost the right", what, c.id, kind, last.Sub(at))
			}
		}
	}
}

// TestLostRightStopsPackets: whatever takes the right away, none comes later than 100 ms after, and those who keep it
// go on.
func TestLostRightStopsPackets(t *testing.T) {
	both := []string{KindAudio, KindVideo}
	for _, c := range []struct {
		name   string
		lose   func(v *rightsScene)
		regain func(v *rightsScene) // nil where there is no way back
		kinds  []string
		all    bool // also the bystander loses it
	}{
		{"muted", func(v *rightsScene) { v.sender.peer.SetPermissions(Permissions{PublishVideo: true}) },
			func(v *rightsScene) { v.sender.peer.SetPermissions(everything) }, both[:1], true},
		{"camera forbidden", func(v *rightsScene) { v.sender.peer.SetPermissions(Permissions{PublishAudio: true}) },
			func(v *rightsScene) { v.sender.peer.SetPermissions(everything) }, both[1:], true},
		{"hidden from one", func(v *rightsScene) {
			p := everything
			p.HiddenFrom = []string{"loser"}
			v.sender.peer.SetPermissions(p)
		}, func(v *rightsScene) { v.sender.peer.SetPermissions(everything) }, both, false},
		{"hidden from all", func(v *rightsScene) {
			p := everything
			p.HiddenFromAll = true
			v.sender.peer.SetPermissions(p)
		}, func(v *rightsScene) { v.sender.peer.SetPermissions(everything) }, both, true},
		{"receiver may not listen", func(v *rightsScene) { v.loser.peer.SetPermissions(Permissions{}) },
			func(v *rightsScene) { v.loser.peer.SetPermissions(Permissions{Subscribe: true}) }, both, false},
		{"receiver removed", func(v *rightsScene) { v.loser.peer.Close() }, nil, both, false},
		{"sender removed", func(v *rightsScene) { v.sender.peer.Close() }, nil, both, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newRightsScene(t)
			receivers := []*client{v.loser}
			if c.all {
				receivers = append(receivers, v.by)
			}
			v.stops(c.name, func() { c.lose(v) }, receivers, c.kinds...)
			for _, kind := range both {
				if !c.all || !slices.Contains(c.kinds, kind) {
					v.flows(v.by, kind)
				}
			}
			if c.regain != nil {
				c.regain(v)
				v.flows(v.loser, both...)
			}
		})
	}
}

// TestLostRightStopsScreen: the right to show a screen is one of its own: without it no packet of the screen comes later
// than 100 ms after, while the sound goes on.
func TestLostRightStopsScreen(t *testing.T) {
	room := newSFU(t).Room("r")
	v := &rightsScene{t: t, room: room, worst: lateness(t), sender: join(t, room, "sender", everything),
		loser: join(t, room, "loser", Permissions{Subscribe: true}), by: join(t, room, "bystander", Permissions{Subscribe: true})}
	v.sender.peer.SetSources(map[string]string{"0": SourceMic, "1": SourceScreen})
	v.sender.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: v.sender}).run(t))
	receivers := []*client{v.loser, v.by}
	for _, c := range receivers {
		v.flows(c, KindAudio, SourceScreen)
	}
	v.stops("screen forbidden", func() {
		v.sender.peer.SetPermissions(Permissions{PublishAudio: true, PublishVideo: true})
	}, receivers, SourceScreen)
	for _, c := range receivers {
		v.flows(c, KindAudio)
	}
	v.sender.peer.SetPermissions(everything)
	for _, c := range receivers {
		v.flows(c, SourceScreen)
	}
}

// TestLostRightStopsWHEP: the same for a player.
func TestLostRightStopsWHEP(t *testing.T) {
	s := newSFU(t)
	room := s.Room("r")
	worst := lateness(t)
	sender := join(t, room, "sender", everything)
	sender.publish(webrtc.MimeTypeVP8)
	defer (&source{c: sender}).run(t)()
	eventually(t, "tracks", func() bool { return len(room.Tracks()) == 2 })
	for name, lose := range map[string]func(p *Peer){
		"may not listen": func(p *Peer) { p.SetPermissions(Permissions{}) },
		"removed":        func(p *Peer) { p.Close() },
	} {
		w := newWHEPClient(t, room, name[:3])
		eventually(t, "packets", func() bool { return w.packets.Load() > 20 })
		worst()
		lose(w.peer)
		at := time.Now()
		eventually(t, "a second passes", func() bool { return time.Since(at) > time.Second })
		if last := time.Unix(0, w.last.Load()); last.Sub(at) > stopsWithin+worst() {
			t.Errorf("%s: a packet %v after", name, last.Sub(at))
		}
	}
}

// whepClient is a player of all of a room.
type whepClient struct {
	peer    *Peer
	packets atomic.Int64
	last    atomic.Int64 // unix nanoseconds
}

func newWHEPClient(t *testing.T, room *Room, id string) *whepClient {
	t.Helper()
	w := &whepClient{}
	pc, err := loopbackAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 8)
	tracks := atomic.Int64{}
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		tracks.Add(1)
		defer func() { ended <- struct{}{} }()
		for {
			if _, _, err := tr.ReadRTP(); err != nil {
				return
			}
			w.packets.Add(1)
			w.last.Store(time.Now().UnixNano())
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if w.peer, err = room.Join(id, JoinOptions{Permissions: Permissions{Subscribe: true}, answering: true}); err != nil {
		t.Fatal(err)
	}
	answer, err := w.peer.answerSubscribe(pc.LocalDescription().SDP)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.peer.Close()
		_ = pc.GracefulClose()
		for range tracks.Load() {
			<-ended
		}
	})
	return w
}
