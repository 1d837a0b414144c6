package media

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	gatherWait  = time.Second // host candidates are there at once
	maxSections = 64          // media sections of a client's offer
)

// publisher is the pub connection of a peer: the client offers.
type publisher struct {
	peer       *Peer
	candidates candidates
	clock      clock
	rtt        atomic.Int64 // nanoseconds, by ICE

	negotiating sync.Mutex // one negotiation at a time; guards pc and print
	pc          *webrtc.PeerConnection
	print       string // DTLS fingerprint of the client's pc

	mu      sync.Mutex // guards what follows
	sources map[string]string
	tracks  map[string]*track // by pc-unique mid and stream
}

func (b *publisher) init(p *Peer) {
	b.peer = p
	b.tracks = map[string]*track{}
	b.candidates.limit = p.sfu.cfg.Limits.Candidates
}

// SetSources says what the media sections of the client's next offers carry:
// mid to SourceMic, SourceCamera or SourceScreen. Without it audio is a
// microphone, the first video section a camera and any later one a screen,
// also while the camera's sends nothing.
func (p *Peer) SetSources(byMid map[string]string) {
	p.pub.mu.Lock()
	defer p.pub.mu.Unlock()
	p.pub.sources = maps.Clone(byMid)
}

// Publish takes the client's offer for the pub connection and returns the
// answer. An offer with new ICE credentials restarts ICE; an offer of a new
// RTCPeerConnection (another DTLS fingerprint) replaces the old connection.
// Errors: ErrSDP, ErrLimit, ErrClosed.
func (p *Peer) Publish(offerSDP string) (answerSDP string, err error) {
	if err := p.admit(offerSDP); err != nil {
		return "", err
	}
	if strings.Count(offerSDP, "\nm=") > maxSections {
		p.fault(faultLimit)
		return "", ErrLimit
	}
	answer, err := p.pub.negotiate(offerSDP)
	if errors.Is(err, ErrSDP) {
		p.fault(faultSDP)
	}
	return answer, err
}

func (b *publisher) negotiate(offer string) (string, error) {
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	if b.peer.isClosed() {
		return "", ErrClosed
	}
	print := fingerprint(offer)
	if err := new(sdp.SessionDescription).UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	if print == "" {
		return "", fmt.Errorf("%w: no fingerprint", ErrSDP)
	}
	if b.pc != nil && (print != b.print || b.pc.ConnectionState() == webrtc.PeerConnectionStateClosed) {
		b.replace()
	}
	if b.pc == nil {
		pc, err := b.peer.sfu.pub.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return "", fmt.Errorf("media: publish: %w", err)
		}
		b.watch(pc)
		b.pc, b.print = pc, print
	}
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	b.candidates.release(b.pc)
	answer, err := b.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	sdp, err := describe(b.peer, b.pc, answer, TargetPublish)
	return selfDescribed(sdp), err
}

// describe sets the local description and returns it with the candidates;
// those that take longer than gatherWait are trickled.
func describe(p *Peer, pc *webrtc.PeerConnection, d webrtc.SessionDescription, target string) (string, error) {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSDP, err)
	}
	timeout := time.NewTimer(gatherWait)
	defer timeout.Stop()
	select {
	case <-gathered:
	case <-timeout.C:
		trickle(p, pc, target)
	}
	local := pc.LocalDescription()
	if local == nil {
		return "", ErrClosed
	}
	return local.SDP, nil
}

// fingerprint finds the DTLS fingerprint of a description.
func fingerprint(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=fingerprint:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

func (b *publisher) watch(pc *webrtc.PeerConnection) {
	p := b.peer
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		p.post(func(e Events) {
			if e.State != nil {
				e.State(TargetPublish, s)
			}
		})
	})
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { b.onTrack(pc, t, r) })
}

// trickle tells the client of candidates that missed the description.
func trickle(p *Peer, pc *webrtc.PeerConnection, target string) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		init := c.ToJSON()
		p.post(func(e Events) {
			if e.Candidate != nil {
				e.Candidate(target, init)
			}
		})
	})
}

// onTrack is called by pion at the first packet of each stream: a track, or
// one more simulcast layer of a track.
func (b *publisher) onTrack(pc *webrtc.PeerConnection, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	p := b.peer
	mid, camera := "", ""
	for _, tr := range pc.GetTransceivers() {
		if camera == "" && tr.Kind() == webrtc.RTPCodecTypeVideo {
			camera = tr.Mid()
		}
		if tr.Receiver() == receiver {
			mid = tr.Mid()
		}
	}
	key := fmt.Sprintf("%p %s %s", receiver, mid, remote.StreamID())
	b.mu.Lock()
	t := b.tracks[key]
	if t == nil {
		if len(b.tracks) >= p.sfu.cfg.Limits.TracksPerPeer {
			b.mu.Unlock()
			p.fault(faultLimit)
			p.sfu.wg.Go(func() { drainTrack(remote) })
			return
		}
		t = newTrack(p, pc, receiver, TrackInfo{Peer: p.id, Kind: remote.Kind().String(), Source: b.sourceLocked(mid, camera, remote.Kind())}, remote.Codec())
		b.tracks[key] = t
	}
	first := t.layerCount == 0
	ok := t.addLayer(remote.RID())
	b.mu.Unlock()
	if !ok {
		p.sfu.metrics.refused.Inc()
		p.sfu.wg.Go(func() { drainTrack(remote) })
		return
	}
	if first {
		t.onEnd = func() { b.forget(key) }
		if !p.room.addTrack(t) {
			b.forget(key)
		} else {
			p.tellPublished(t.info, true)
		}
	}
	t.startLayer(remote, receiver)
}

func (b *publisher) forget(key string) {
	b.mu.Lock()
	delete(b.tracks, key)
	b.mu.Unlock()
}

func (p *Peer) tellPublished(t TrackInfo, added bool) {
	p.post(func(e Events) {
		if e.Published != nil {
			e.Published(t, added)
		}
	})
}

// drainTrack reads and forgets a stream that nobody wants.
func drainTrack(t *webrtc.TrackRemote) {
	b := make([]byte, 1500)
	for {
		if _, _, err := t.Read(b); err != nil {
			return
		}
	}
}

// sourceLocked is what the section mid carries; camera is the first video section's mid.
func (b *publisher) sourceLocked(mid, camera string, kind webrtc.RTPCodecType) string {
	switch s := b.sources[mid]; s {
	case SourceMic, SourceCamera, SourceScreen:
		return s
	}
	switch {
	case kind == webrtc.RTPCodecTypeAudio:
		return SourceMic
	case mid == camera:
		return SourceCamera
	}
	return SourceScreen
}

// replace closes the connection in favour of a new one.
func (b *publisher) replace() {
	old := b.pc
	b.pc = nil
	b.candidates.hold()
	b.endTracks()
	b.peer.sfu.wg.Go(func() { _ = old.GracefulClose() })
}

func (b *publisher) endTracks() {
	b.mu.Lock()
	tracks := slices.Collect(maps.Values(b.tracks))
	b.mu.Unlock()
	for _, t := range tracks {
		t.end()
	}
}

// close closes the connection and waits for pion's goroutines.
func (b *publisher) close() {
	b.negotiating.Lock()
	pc := b.pc
	b.pc = nil
	b.negotiating.Unlock()
	if pc != nil {
		if err := pc.GracefulClose(); err != nil {
			b.peer.sfu.log.Debug("media: close", "pc", TargetPublish, "err", err)
		}
	}
	b.endTracks()
}

// measure asks ICE for the round trip.
func (b *publisher) measure() {
	if !b.negotiating.TryLock() {
		return
	}
	pc := b.pc
	b.negotiating.Unlock()
	if pc != nil {
		b.rtt.Store(int64(selectedRTT(pc)))
	}
}

func (b *publisher) roundTrip() time.Duration { return time.Duration(b.rtt.Load()) }
