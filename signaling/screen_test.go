package signaling

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
)

// TestMayShare walks every seat through every phase: what is not named is refused.
func TestMayShare(t *testing.T) {
	court, evidence := []Seat{SeatJudge, SeatClerk}, []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate}
	for _, seat := range []Seat{SeatJudge, SeatClerk, SeatPlaintiff, SeatDefendant, SeatThird, SeatObserver, "stranger"} {
		for _, phase := range []docket.Phase{docket.PhaseWaiting, docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate,
			docket.PhaseFinal, docket.PhaseRecess, docket.PhaseClosed} {
			for _, standing := range []Standing{StandAbsent, StandDeclaring, StandLobby, StandPresent, StandRemoved, StandLeft} {
				for _, muted := range []bool{false, true} {
					r := &room{hearing: docket.Hearing{Phase: phase}}
					m := &member{Person: Person{ID: uuid.New(), Seat: seat, Standing: standing, Muted: muted}}
					if r.permissions(m).PublishScreen {
						t.Errorf("%s may publish a screen that is not shared", seat)
					}
					want := standing == StandPresent && (slices.Contains(court, seat) && phase != docket.PhaseClosed ||
						seat.party() && slices.Contains(evidence, phase) && !muted)
					if got := r.mayShare(m); got != want {
						t.Errorf("%s, %s, %s, muted %v: %v", seat, phase, standing, muted, got)
					}
				}
			}
		}
	}
}

func (p *client) screen() uuid.UUID {
	if s := p.status().Screen; s != nil {
		return *s
	}
	return uuid.Nil
}

// TestShare plays who may share, one screen at a time, and everything that ends a share.
func TestShare(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	plaintiff, observer := c.enter(t, "plaintiff", clerk), c.enter(t, "observer", nil)
	asks := func(p *client, shared bool, of *client, want string) {
		t.Helper()
		fields := map[string]any{"shared": shared}
		if of != nil {
			fields["person"] = of.id()
		}
		if code := p.ask("share", fields); code != want {
			t.Errorf("%s: share %v: %q, want %q", p.seat, shared, code, want)
		}
	}
	shown := func(want uuid.UUID) {
		t.Helper()
		for _, p := range []*client{judge, clerk, plaintiff, observer} {
			eventually(t, p.seat+" is told whose screen is shared", func() bool { return p.screen() == want })
		}
	}
	asks(observer, true, nil, "forbidden")
	asks(plaintiff, true, nil, "forbidden") // before the opening
	asks(clerk, true, nil, "")
	shown(clerk.id())
	judge.must("phase", map[string]any{"to": "opening"})
	asks(plaintiff, true, nil, "screen-taken")
	asks(plaintiff, false, clerk, "forbidden")
	asks(judge, true, plaintiff, "forbidden") // nobody is made to share
	asks(judge, false, clerk, "")
	shown(uuid.Nil)
	asks(plaintiff, true, nil, "")
	asks(plaintiff, true, nil, "") // sent again after a lost connection
	shown(plaintiff.id())
	asks(plaintiff, false, nil, "")
	shown(uuid.Nil)

	ends := map[string]func(){
		"a mute": func() { judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": true}) },
		"a recess": func() {
			judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": false})
			judge.must("phase", map[string]any{"to": "recess"})
		},
		"leaving": func() { plaintiff.send("leave", nil) },
	}
	for _, what := range []string{"a mute", "a recess", "leaving"} {
		judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": false})
		if judge.phase() == docket.PhaseRecess {
			judge.must("phase", map[string]any{"to": "opening"})
		}
		asks(plaintiff, true, nil, "")
		ends[what]()
		eventually(t, what+" ends the share", func() bool { return judge.screen() == uuid.Nil })
	}
	// A right that ends takes the screen at once; the record has it a moment later.
	want := slices.Repeat([]string{docket.EventScreenStarted, docket.EventScreenStopped}, 4)
	eventually(t, fmt.Sprintf("the record has %v", want), func() bool {
		kinds := slices.DeleteFunc(c.events(plaintiff.id()), func(k string) bool {
			return k != docket.EventScreenStarted && k != docket.EventScreenStopped
		})
		return slices.Equal(kinds, want)
	})
}

// film publishes a camera that sends nothing and a screen that sends a picture each 20 ms until the test ends, whatever
// the room says; sent counts them.
func (p *client) film() (sent *atomic.Int32) {
	p.t.Helper()
	sent = new(atomic.Int32)
	var screen *webrtc.TrackLocalStaticRTP
	for _, name := range []string{"camera", "screen"} {
		var err error
		screen, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, name, name)
		check(p.t, err)
		_, err = p.pub.AddTransceiverFromTrack(screen, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		check(p.t, err)
	}
	offer, err := p.pub.CreateOffer(nil)
	check(p.t, err)
	check(p.t, p.pub.SetLocalDescription(offer))
	p.must("publish", map[string]any{"sdp": offer.SDP})
	stop, done := make(chan struct{}), make(chan struct{})
	p.t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		key := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
		for n := uint32(0); ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if screen.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(n), Timestamp: n * 1800}, Payload: key}) != nil {
				return // the connection is closed
			}
			sent.Add(1)
		}
	}()
	return sent
}

// watches counts the packets of another's screen so far.
func (p *client) watches(other *client) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard[other.id().String()+".screen"]
}

// TestScreenOfALiar: of a client that sends its screen whatever the room says, others get packets while the room shows
// it, and none before and after; a person without a camera may share.
func TestScreenOfALiar(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	sent := clerk.film()
	sends := func(more int32) {
		t.Helper()
		before := sent.Load()
		eventually(t, "the liar sends on", func() bool { return sent.Load() > before+more })
	}
	sends(50)
	if n := judge.watches(clerk); n != 0 {
		t.Fatalf("%d packets of a screen that nobody asked for", n)
	}
	clerk.must("share", map[string]any{"shared": true})
	eventually(t, "the judge sees the screen", func() bool { return judge.watches(clerk) > 10 })
	judge.must("share", map[string]any{"shared": false, "person": clerk.id()})
	sends(25) // half a second for a machine that is late; media's own test holds its 100 ms
	ended := judge.watches(clerk)
	sends(50)
	if n := judge.watches(clerk); n != ended {
		t.Errorf("%d packets after the end", n-ended)
	}
}
