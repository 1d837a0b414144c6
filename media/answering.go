package media

import (
	"errors"
	"fmt"

	"github.com/pion/webrtc/v4"
)

// errNothingToWatch says that a WHEP session would be empty.
var errNothingToWatch = errors.New("media: nothing to watch")

// answerSubscribe takes a WHEP client's offer for the sub connection and
// answers it with the tracks that there are, one for each section of its kind.
// Offered again with other ICE credentials it restarts ICE.
func (p *Peer) answerSubscribe(offer string) (string, error) {
	if err := p.admit(offer); err != nil {
		return "", err
	}
	want := p.room.visible(p)
	u := &p.sub
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return "", ErrClosed
	}
	if len(want) == 0 && u.pc == nil {
		return "", errNothingToWatch
	}
	first := u.pc == nil
	if first {
		if err := u.openLocked(); err != nil {
			return "", err
		}
	}
	if err := u.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	u.candidates.release(u.pc)
	if first {
		if err := u.fillLocked(want); err != nil {
			return "", err
		}
	}
	answer, err := u.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	return describe(p, u.pc, answer, TargetSubscribe)
}

// fillLocked puts tracks into the offered sections.
func (u *subscriber) fillLocked(want []*track) error {
	room := map[webrtc.RTPCodecType]int{}
	for _, tr := range u.pc.GetTransceivers() {
		room[tr.Kind()]++
	}
	for _, t := range want {
		if room[t.kind] == 0 {
			continue
		}
		room[t.kind]--
		s := newSubscription(t, u.peer)
		sender, err := u.pc.AddTrack(s)
		if err != nil {
			return fmt.Errorf("media: subscribe: %w", err)
		}
		s.sender, s.offered = sender, true
		u.forwards[t] = s
		u.peer.sfu.metrics.subscriptions.Inc()
		u.peer.sfu.wg.Go(s.readRTCP)
	}
	if len(u.forwards) == 0 {
		return errNothingToWatch
	}
	return nil
}
