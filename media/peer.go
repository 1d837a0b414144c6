package media

import "github.com/pion/webrtc/v4"

// Peer is one client in a room, with its two PeerConnections. Its methods
// are safe for concurrent use.
type Peer struct{}

// ID is the id that the peer joined under.
func (p *Peer) ID() string { return "" }

// SetSources says what the media sections of the client's next offers carry:
// mid to SourceMic, SourceCamera or SourceScreen. Without it audio is a
// microphone, the first video a camera and a later video a screen.
func (p *Peer) SetSources(byMid map[string]string) {}

// Publish takes the client's offer for the pub connection and returns the
// answer. An offer with new ICE credentials restarts ICE. Errors: ErrSDP,
// ErrLimit, ErrClosed.
func (p *Peer) Publish(offerSDP string) (answerSDP string, err error) { return "", nil }

// AnswerSubscribe takes the client's answer to the last Events.Offer.
// Errors: ErrSDP, ErrState, ErrLimit, ErrClosed.
func (p *Peer) AnswerSubscribe(sdp string) error { return nil }

// Candidate takes a candidate that the client trickled for target "pub" or
// "sub". It is kept until the remote description is there.
func (p *Peer) Candidate(target string, c webrtc.ICECandidateInit) error { return nil }

// SetPermissions replaces what the peer may do. When it returns, no packet
// that the new permissions forbid is queued any more.
func (p *Peer) SetPermissions(perm Permissions) {}

// SetEvents gives the peer's events to a new receiver: the client's socket
// was lost and came back while its connections lived on. The current
// tracks and an offer that is still unanswered are told again.
func (p *Peer) SetEvents(e Events) {}

// Restart restarts ICE of the sub connection with a new offer. The pub
// connection restarts when the client offers with new credentials.
func (p *Peer) Restart() {}

// Close closes both connections and ends the peer's tracks.
func (p *Peer) Close() {}
