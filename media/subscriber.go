package media

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/simulcast"
)

// subscriber is the sub connection of a peer: the server offers. One offer
// is outstanding at a time; what changes meanwhile goes into the next.
type subscriber struct {
	peer       *Peer
	lastOffer  time.Time // when the last one was made; of the negotiation goroutine
	candidates candidates
	writer     atomic.Pointer[webrtc.PeerConnection] // pc, for the workers
	egress     atomic.Pointer[egress]                // nil: pion protects and sends RTP; settled before anything is ready
	reports    reports

	mu        sync.Mutex // guards what follows
	pc        *webrtc.PeerConnection
	api       *webrtc.API // of pc
	keys      *secrets    // of pc, until it is settled who seals
	closed    bool
	forwards  map[*track]*subscription
	idle      []*webrtc.RTPTransceiver // answered as inactive, ready for another track
	leaving   []*webrtc.RTPTransceiver // becoming idle with the next answer
	offered   []*webrtc.RTPTransceiver // of leaving, those in the outstanding offer
	offer     string                   // outstanding, or empty
	useless   minute                   // answers
	restartIt bool
	connected bool
	told      map[*track]bool // tracks told by Events.Track
	views     map[viewKey]simulcast.View
}

func (u *subscriber) init(p *Peer) {
	u.peer = p
	u.forwards = map[*track]*subscription{}
	u.told = map[*track]bool{}
	u.candidates.limit = p.sfu.cfg.Limits.Candidates
}

// run is the peer's negotiation goroutine.
func (u *subscriber) run() {
	for {
		select {
		case <-u.peer.done:
			return
		case <-u.peer.wake:
			if u.peer.answering {
				continue // its sections are fixed; rights act on the packets
			}
			if !u.gatherChanges() {
				return
			}
			if err := u.reconcile(); err != nil && !u.peer.isClosed() {
				u.peer.sfu.log.Warn("media: renegotiation", "err", err)
			}
		}
	}
}

// For so long changes are gathered into one offer: a microphone and a camera of
// one peer appear a few packets apart; many peers appear when a sitting begins.
const (
	coalesce     = 30 * time.Millisecond
	coalesceMany = 250 * time.Millisecond // of an offer within a second after the last
)

func (u *subscriber) gatherChanges() bool {
	wait := coalesce
	if time.Since(u.lastOffer) < time.Second {
		wait = coalesceMany
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-u.peer.done:
		return false
	case <-t.C:
		return true
	}
}

// reconcile brings the connection in line with what the peer may receive.
func (u *subscriber) reconcile() error {
	want := u.peer.room.visible(u.peer)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil
	}
	changed := u.removeLocked(want)
	added, err := u.addLocked(want)
	if u.offer != "" || u.pc == nil || !(changed || added || u.restartIt || len(u.leaving) > len(u.offered)) && !u.stale() {
		return err
	}
	return errors.Join(err, u.offerLocked())
}

// stale tells whether something changed while the last offer was out.
func (u *subscriber) stale() bool {
	for _, s := range u.forwards {
		if !s.offered {
			return true
		}
	}
	return false
}

func (u *subscriber) removeLocked(want []*track) (changed bool) {
	for t, s := range u.forwards {
		if slices.Contains(want, t) {
			continue
		}
		s.allowed.Store(false)
		delete(u.forwards, t)
		u.peer.down.forget(s)
		u.tellLocked(t, false)
		u.peer.sfu.metrics.subscriptions.Dec()
		if err := u.pc.RemoveTrack(s.sender); err != nil {
			u.peer.sfu.log.Debug("media: remove track", "err", err)
		}
		s.stopListening()
		t.unsubscribe(s)
		u.leaving = append(u.leaving, s.transceiver)
		changed = true
	}
	return changed
}

func (u *subscriber) addLocked(want []*track) (changed bool, err error) {
	for _, t := range want {
		if u.forwards[t] != nil {
			continue
		}
		if u.pc == nil {
			if err := u.openLocked(); err != nil {
				return changed, err
			}
		}
		s := newSubscription(t, u.peer)
		if err := u.attachLocked(s); err != nil {
			return changed, fmt.Errorf("media: subscribe: %w", err)
		}
		u.forwards[t] = s
		u.peer.sfu.metrics.subscriptions.Inc()
		u.peer.sfu.wg.Go(s.readRTCP)
		u.tellLocked(t, true)
		changed = true
	}
	return changed, nil
}

// attachLocked gives s a media section: an idle one or a new one.
func (u *subscriber) attachLocked(s *subscription) error {
	kind := s.Kind()
	for i, tr := range u.idle {
		if tr.Kind() != kind {
			continue
		}
		sender, err := u.api.NewRTPSender(s, u.transportLocked())
		if err != nil {
			return err
		}
		if err := tr.SetSender(sender, s); err != nil {
			return errors.Join(err, sender.Stop())
		}
		u.idle = slices.Delete(u.idle, i, i+1)
		s.transceiver, s.sender = tr, sender
		return nil
	}
	tr, err := u.pc.AddTransceiverFromTrack(s, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	s.transceiver, s.sender = tr, tr.Sender()
	return nil
}

func (u *subscriber) transportLocked() *webrtc.DTLSTransport {
	return u.pc.SCTP().Transport()
}

func (u *subscriber) openLocked() error {
	u.keys = &secrets{}
	u.api = u.peer.sfu.sub(u.keys)
	pc, err := u.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return fmt.Errorf("media: subscribe: %w", err)
	}
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		u.onState(s)
		u.peer.post(func(e Events) {
			if e.State != nil {
				e.State(TargetSubscribe, s)
			}
		})
	})
	u.pc = pc
	u.writer.Store(pc)
	return nil
}

// onState begins forwarding when the connection is up.
func (u *subscriber) onState(s webrtc.PeerConnectionState) {
	u.mu.Lock()
	u.connected = s == webrtc.PeerConnectionStateConnected
	if u.connected && u.keys != nil {
		u.settleLocked()
	}
	forwards := slices.Collect(maps.Values(u.forwards))
	up := u.connected
	u.mu.Unlock()
	for _, f := range forwards {
		f.ready.Store(up)
	}
}

// settleLocked decides, once for a connection and before its first packet,
// whether we seal its RTP or pion does: no packet index may have two owners.
func (u *subscriber) settleLocked() {
	sealer, err := u.keys.sealer()
	u.keys = nil
	e, p, t := &egress{sealer: sealer}, u.peer.sfu.port, u.transportLocked().ICETransport()
	t.OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		e.way.Store(p.way(t, pair))
		u.peer.down.estimator.Moved(time.Now())
	})
	if err != nil {
		u.peer.sfu.log.Debug("media: pion protects RTP", "why", err)
		return
	}
	pair, err := t.GetSelectedCandidatePair()
	w := p.way(t, pair)
	if err != nil || w == nil {
		u.peer.sfu.log.Debug("media: pion sends RTP", "pair", pair, "err", err)
		return
	}
	e.way.Store(w)
	u.egress.Store(e)
}

func (u *subscriber) offerLocked() error {
	offer, err := u.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: u.restartIt && u.pc.CurrentLocalDescription() != nil})
	if err != nil {
		return fmt.Errorf("media: offer: %w", err)
	}
	sdp, err := describe(u.peer, u.pc, offer, TargetSubscribe)
	if err != nil {
		return fmt.Errorf("media: offer: %w", err)
	}
	u.offer, u.restartIt, u.lastOffer = sdp, false, time.Now()
	u.offered = slices.Clone(u.leaving)
	for _, s := range u.forwards {
		s.offered = true
	}
	u.candidates.hold()
	u.tellOffer(sdp)
	return nil
}

func (u *subscriber) tellOffer(sdp string) {
	u.peer.post(func(e Events) {
		if e.Offer != nil {
			e.Offer(sdp)
		}
	})
}

func (u *subscriber) tellLocked(t *track, added bool) {
	if u.told[t] == added {
		return
	}
	if added {
		u.told[t] = true
	} else {
		delete(u.told, t)
	}
	u.peer.tellTrack(t.info, added)
}

func (p *Peer) tellTrack(t TrackInfo, added bool) {
	p.post(func(e Events) {
		if e.Track != nil {
			e.Track(t, added)
		}
	})
}

// repeat tells a new receiver of events where things stand.
func (u *subscriber) repeat() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for t := range u.told {
		u.peer.tellTrack(t.info, true)
	}
	u.peer.down.repeat()
	if u.offer != "" {
		u.tellOffer(u.offer)
	}
}

func (u *subscriber) restart() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.restartIt = true
}

// AnswerSubscribe takes the client's answer to the last Events.Offer. How many
// offers there are is not the client's doing, so an answer that can be used
// counts against no limit and is taken whatever the client began; what is of
// no use has a limit of its own.
// Errors: ErrSDP, ErrState, ErrLimit, ErrClosed.
func (p *Peer) AnswerSubscribe(sdp string) error {
	if err := p.within(sdp); err != nil {
		return err
	}
	u := &p.sub
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return ErrClosed
	}
	if u.offer == "" {
		return fmt.Errorf("%w: no offer is outstanding", ErrState)
	}
	now := time.Now()
	if u.useless.full(p.sfu.cfg.Limits.NegotiationsPerMinute, now) {
		p.fault(faultLimit)
		return ErrLimit
	}
	if err := u.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		p.fault(faultSDP)
		u.useless = append(u.useless, now)
		return fmt.Errorf("%w: %w", ErrSDP, err)
	}
	u.offer = ""
	for _, tr := range u.offered {
		u.idle = append(u.idle, tr)
		u.leaving = slices.DeleteFunc(u.leaving, func(l *webrtc.RTPTransceiver) bool { return l == tr })
	}
	u.offered = nil
	u.candidates.release(u.pc)
	p.wakeUp()
	return nil
}

// close closes the connection and waits for pion's goroutines.
func (u *subscriber) close() {
	u.mu.Lock()
	u.closed = true
	pc := u.pc
	for t, s := range u.forwards {
		s.allowed.Store(false)
		s.stopListening()
		t.unsubscribe(s)
		u.peer.down.forget(s)
		u.peer.sfu.metrics.subscriptions.Dec()
	}
	clear(u.forwards)
	u.mu.Unlock()
	if pc == nil {
		return
	}
	if err := pc.GracefulClose(); err != nil {
		u.peer.sfu.log.Debug("media: close", "pc", TargetSubscribe, "err", err)
	}
}
