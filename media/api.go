package media

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/pion/webrtc/v4"
)

// Targets of Events.Candidate and Peer.Candidate: the PeerConnection meant.
const (
	TargetPublish   = "pub"
	TargetSubscribe = "sub"
)

// Kinds of a track.
const (
	KindAudio = "audio"
	KindVideo = "video"
)

// Sources of a track.
const (
	SourceMic    = "mic"
	SourceCamera = "camera"
	SourceScreen = "screen"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrClosed says that the SFU, the room or the peer is closed.
	ErrClosed = errors.New("media: closed")
	// ErrLimit says that a limit of Limits was exceeded.
	ErrLimit = errors.New("media: limit exceeded")
	// ErrSDP says that a session description was malformed or unusable.
	ErrSDP = errors.New("media: bad session description")
	// ErrState says that the call does not fit the negotiation's state, for
	// example an answer where no offer is outstanding.
	ErrState = errors.New("media: wrong negotiation state")
)

// Limits bounds what one peer can demand. Zero fields take the default.
type Limits struct {
	// SDPBytes is the largest accepted session description (default 128 KiB).
	SDPBytes int
	// TracksPerPeer is how many tracks a peer may publish (default 6).
	TracksPerPeer int
	// VideoBps and AudioBps are how much one track may bring, on the wire, all its
	// layers together (default 6 Mbps and 1 Mbps). Of more the highest layer is
	// stopped, and of what has one alone nothing is forwarded while it lasts.
	VideoBps, AudioBps int
	// NegotiationsPerMinute is how many offers and restarts of a peer are
	// processed in a minute, and apart from them how many useless answers
	// (default 120). Answers to what the server offered do not count: others
	// come and go as they like.
	NegotiationsPerMinute int
	// Candidates is how many trickled candidates are kept for one
	// PeerConnection before its remote description is set (default 64).
	Candidates int
}

// Config says where media listens. The zero value listens on an ephemeral
// UDP port of every address, which suits tests.
type Config struct {
	// Port is the UDP port of all media; 0 takes a free one.
	Port int
	// TCPPort takes media by TCP (RFC 6544, passive) from clients whose
	// network lets no UDP out; 0 takes none.
	TCPPort int
	// TCPOptional goes on without TCP when its port is taken.
	TCPOptional bool
	// Listen holds the local addresses to bind; empty means every IPv4
	// address and, when the machine has IPv6, every IPv6 address.
	// Loopback candidates are offered only when a loopback address is
	// listed, or when the machine has no other address.
	Listen []netip.Addr
	// PublicIPs are offered as candidates instead of the local addresses
	// (1:1 NAT). Empty offers the local ones.
	PublicIPs []string
	// Voices is how many microphones of a room are forwarded at once, the loudest, besides those that are
	// always heard; 0 is 5. Recordings get every microphone.
	Voices int
	// Limits bounds what a peer can demand.
	Limits Limits
	// StartBps is what a receiver's connection is taken to bear before anything
	// is known of it, bits a second; 0 is 1.5 Mbps.
	StartBps int
	// Logger takes faults; nil discards. No personal data is logged.
	Logger *slog.Logger
	// Metrics takes the metrics; nil keeps them private.
	Metrics *vm.Set
}

// Permissions is what a peer may do. The SFU enforces it on each packet: a
// change stops packets at once, not at the next negotiation.
type Permissions struct {
	PublishAudio  bool
	PublishVideo  bool
	PublishScreen bool
	// Subscribe lets the peer receive the room's tracks.
	Subscribe bool
	// AlwaysHeard lets the peer's microphone be heard also when it is not among the loudest of a large room.
	AlwaysHeard bool
	// HiddenFrom lists ids of peers that must not receive this peer's tracks.
	HiddenFrom []string
	// HiddenFromAll keeps this peer's tracks from every other peer (the
	// recorder's sinks still receive them).
	HiddenFromAll bool
}

// JoinOptions describes a joining peer.
type JoinOptions struct {
	Permissions Permissions
	Events      Events

	answering bool   // WHEP: the client offers on sub too
	only      string // WHEP: receive only this peer or track; empty is all
}

// Events are a peer's notifications. They are called one at a time on the
// peer's own event goroutine and never under a lock of this package, so a
// callback may call back into the package. Nil functions are skipped. A
// callback that blocks for long makes the bounded queue overflow, which closes the
// peer.
type Events struct {
	// Offer carries the server's offer for the sub connection. It is to be
	// answered with Peer.AnswerSubscribe; no second offer comes before that.
	Offer func(sdp string)
	// Candidate carries a trickled candidate of ours for target "pub" or "sub".
	Candidate func(target string, c webrtc.ICECandidateInit)
	// Track tells that a track of another peer became receivable (added) or
	// ceased to be. Added comes before the Offer that contains the track.
	Track func(t TrackInfo, added bool)
	// Published tells that a track of this peer's own began or ended.
	Published func(t TrackInfo, added bool)
	// State tells the state of the connection pc, "pub" or "sub".
	State func(pc string, s webrtc.PeerConnectionState)
	// Speaking lists who speaks in the room, and names the peer that is to fill
	// the screen (empty while nobody has spoken), whenever either changes. That
	// peer stays through its pauses and the others' interjections; it is listed
	// first while it speaks, and the others follow as they began.
	Speaking func(speakers []Speaker, first string)
	// Paused tells that the video t is not sent to this peer, because the way
	// to it is too weak, or that it is sent again.
	Paused func(t TrackInfo, paused bool)
	// Layers tells that the simulcast layers named by their rids, or the spatial
	// layers s1 and s2 of SVC, are to be stopped, because nobody takes them or the
	// track brings more than Limits allows; all others are to be sent. It comes
	// whenever that set changes.
	Layers func(t TrackInfo, off []string)
	// Quality tells each second how this peer's media fares.
	Quality func(q Quality)
	// Closed tells that the peer was closed, and why; it is the last event.
	Closed func(reason string)
}

// TrackInfo describes a published track.
type TrackInfo struct {
	ID     string `json:"id"`   // unique in the room for as long as the room lives
	Peer   string `json:"peer"` // id of the publishing peer
	Kind   string `json:"kind"` // KindAudio or KindVideo
	Source string `json:"source"`
}

// Speaker is one active speaker of a room.
type Speaker struct {
	Peer string `json:"peer"`
	// LevelDBov is the mean level of the present speech in -dBov: 0 is loudest, 127 silence (RFC 6464).
	LevelDBov int `json:"level"`
}

// Quality is a second's view of one peer's media.
type Quality struct {
	// Up is what the peer publishes, as received here.
	Up []TrackQuality `json:"up,omitempty"`
	// Down is what the peer receives, as it reports it.
	Down []TrackQuality `json:"down,omitempty"`
	// RTT is the round trip to the peer as measured by RTCP; 0 is unknown.
	RTT time.Duration `json:"rtt"`
	// AvailableBps is what the way to the peer can take, bits a second; 0 is unknown.
	AvailableBps int `json:"available_bps"`
	// Score is 1 (unusable) to 5 (perfect), made of loss, round trip and freezes.
	Score float64 `json:"score"`
}

// TrackQuality is a second's view of one track of one peer.
type TrackQuality struct {
	Track      string        `json:"track"`
	Kind       string        `json:"kind"`
	Packets    int           `json:"packets"` // that arrived
	Lost       int           `json:"lost"`    // after repair
	Jitter     time.Duration `json:"jitter"`
	RTT        time.Duration `json:"rtt,omitempty"` // of what is received, by RTCP; 0 is unknown
	BitrateBps int           `json:"bitrate_bps"`
	// Freezes are the pauses of a picture that are longer than three times the usual, and by 150 ms at least.
	Freezes int `json:"freezes"`
	// Score is as in Quality.
	Score float64 `json:"score"`
	// Paused says that a received video is held back because the way is too weak.
	Paused bool `json:"paused,omitempty"`
	// Layer is the simulcast layer that a receiver is to get, 0 the smallest,
	// -1 while the picture is not sent to it.
	Layer int `json:"layer"`
}

// Sink takes one track of Room.Record. All methods of one sink are called
// from one goroutine at a time, on the forwarding path: they must return
// at once and never block.
type Sink interface {
	// RTP takes a packet as it arrived, possibly late, repeated or out of
	// order. The bytes belong to the caller and are valid only during the call.
	RTP(pkt []byte, arrived time.Time)
	// SenderReport takes the publisher's mapping of its RTP clock to its
	// wall clock (RFC 3550 section 6.4.1; ntp is in 1/2^32 seconds).
	SenderReport(ntp uint64, rtp uint32, arrived time.Time)
	// Close tells that the track ended or the recording stopped.
	Close()
}

// NewSink makes the Sink for one track of Room.Record; nil declines the track.
type NewSink func(peer string, track TrackInfo, codec webrtc.RTPCodecParameters) Sink

// StreamID is the msid stream id under which a peer's track is offered to its
// receivers: microphone and camera share one stream, a screen has its own.
func StreamID(peer, source string) string {
	if source == SourceScreen {
		return peer + ".screen"
	}
	return peer
}
