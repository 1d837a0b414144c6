package web

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
)

// player is a WHEP session that counts what arrives.
type player struct {
	packets atomic.Int64
	last    atomic.Int64 // unix nanoseconds
	peers   func() int
}

// play opens a WHEP session with login's token and waits for packets.
func (w *apiWalk) play(login string) *player {
	w.t.Helper()
	p := &player{}
	pc, offer := streamOffer(w.t, nil)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return // the session ended
			}
			p.packets.Add(1)
			p.last.Store(time.Now().UnixNano())
		}
	})
	var reply apiReply
	w.until("something to watch", func() bool {
		reply = w.post(login, "/whep/"+w.hearing.ID.String(), offer)
		return reply.status != http.StatusConflict
	})
	if reply.status != http.StatusCreated {
		w.t.Fatalf("WHEP: %d %s", reply.status, reply.body)
	}
	apiCheck(w.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(reply.body)}))
	w.until("packets", func() bool { return p.packets.Load() > 3 })
	room, prefix := w.server.SFU.Room(w.hearing.ID.String()), "watch-"+w.ids[login].String()
	p.peers = func() int { return len(room.Peers(prefix)) }
	return p
}

// late is how late the machine's timers are at worst while the test runs: what a loaded machine adds to a bound.
func late(t *testing.T) (worst func() time.Duration) {
	var most atomic.Int64
	tick, last := time.NewTicker(5*time.Millisecond), time.Now()
	done := make(chan struct{})
	go func() {
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

// endsWithin demands that act ends all of the players and sockets within a second, and the packets with them.
func (w *apiWalk) endsWithin(what string, worst func() time.Duration, act func(), players []*player, sockets ...*apiSocket) {
	w.t.Helper()
	worst()
	act()
	at := time.Now()
	w.until(what+" ends the media", func() bool {
		for _, p := range players {
			if p.peers() > 0 {
				return false
			}
		}
		return true
	})
	for _, s := range sockets {
		for range s.answers { // closed by the reader when the socket ends
		}
	}
	passed, bound := time.Since(at), time.Second+4*worst()
	if passed > bound {
		w.t.Errorf("%s: after %v", what, passed)
	}
	for _, p := range players {
		n := p.packets.Load()
		settled := time.Now()
		w.until("a while passes", func() bool { return time.Since(settled) > 200*time.Millisecond })
		if more := p.packets.Load() - n; more > 2 {
			w.t.Errorf("%s: %d more packets", what, more)
		}
		last := time.Unix(0, p.last.Load()).Sub(at)
		if last > bound {
			w.t.Errorf("%s: the last packet came after %v", what, last)
		}
		w.t.Logf("%s: over after %v, the player's last packet after %v", what, passed.Round(time.Millisecond), max(0, last).Round(time.Millisecond))
	}
}

// TestEndedTicketStopsMedia: a session or token that ends, a password that changes, a seat that is lost, a removal and
// the hearing's close stop sockets and streams within a second; others go on.
func TestEndedTicketStopsMedia(t *testing.T) {
	w := newHearing(t)
	worst := late(t)
	ctx := t.Context()
	track := cameraTrack(t)
	encoder, offer := streamOffer(t, track)
	published := w.post("judge", "/whip/"+w.hearing.ID.String()+"/evidence", offer)
	if published.status != http.StatusCreated {
		t.Fatalf("WHIP: %d %s", published.status, published.body)
	}
	apiCheck(t, encoder.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(published.body)}))
	feed(t, track)
	other := w.play("admin") // watches all the while

	socket, watching := w.enter("stranger", w.hearing.ID), w.play("stranger")
	w.endsWithin("log-out", worst, func() { w.call("stranger", "DELETE", "/sessions", nil, nil, http.StatusNoContent) }, []*player{watching}, socket)

	w.signIn("stranger")
	session := w.tokens["stranger"]
	api, err := w.server.Identity.NewAPIToken(ctx, w.ids["stranger"], "player")
	apiCheck(t, err)
	w.tokens["stranger"] = api
	socket, watching = w.enter("stranger", w.hearing.ID), w.play("stranger")
	w.endsWithin("a token's end", worst, func() {
		tokens, err := w.server.Identity.APITokens(ctx, w.ids["stranger"])
		apiCheck(t, err)
		apiCheck(t, w.server.Identity.EndAPIToken(ctx, w.ids["stranger"], tokens[0].ID))
	}, []*player{watching}, socket)

	w.tokens["stranger"] = session
	socket, watching = w.enter("stranger", w.hearing.ID), w.play("stranger")
	w.endsWithin("a new password", worst, func() {
		apiCheck(t, w.server.Identity.ChangePassword(ctx, w.ids["stranger"], uuid.Nil, apiPassword, apiPassword+"-2"))
	}, []*player{watching}, socket)

	socket, watching = w.enter("clerk", w.hearing.ID), w.play("clerk")
	w.endsWithin("another clerk", worst, func() {
		_, err := w.server.Pool.Exec(ctx, `UPDATE cases SET clerk = $2 WHERE id = $1`, w.kase.ID, w.ids["reviewer"])
		apiCheck(t, err)
	}, []*player{watching}, socket)

	judge := w.enter("judge", w.hearing.ID)
	socket, watching = w.enter("reviewer", w.hearing.ID), w.play("reviewer")
	_ = socket
	observer, seen := w.enter("defendant", w.hearing.ID), w.play("defendant")
	w.endsWithin("removal", worst, func() {
		judge.ask("remove", map[string]any{"person": w.ids["defendant"], "reason": "扰乱法庭秩序"})
	}, []*player{seen}, observer)

	if n := other.packets.Load(); other.peers() != 1 {
		t.Error("another's player ended too")
	} else {
		w.until("the other goes on", func() bool { return other.packets.Load() > n+5 })
	}
	for _, phase := range []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal} {
		judge.ask("phase", map[string]any{"to": phase})
	}
	w.endsWithin("the hearing's close", worst, func() { judge.ask("phase", map[string]any{"to": docket.PhaseClosed}) }, []*player{watching, other})
	presence, err := w.server.Docket.Presence(ctx, w.hearing.ID)
	apiCheck(t, err)
	for _, p := range presence {
		if p.Account == w.ids["clerk"] && p.Cause != "left" {
			t.Errorf("the record says of the former clerk: %+v", p)
		}
	}
}
