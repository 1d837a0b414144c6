package media

import (
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// The rule of freezeCount (W3C webrtc-stats): a picture that comes three times as late as usual, and at least 150 ms
// later. A longer pause than freezeLongest is a camera that was off.
const (
	freezeTimes   = 3
	freezeMore    = 150 * time.Millisecond
	freezeLongest = 10 * time.Second
	frameApart    = 5 * time.Millisecond // packets closer than this are of one picture, or of one picture's layers
)

// pace counts the freezes of one picture by the gaps between what is sent of it.
type pace struct {
	usual   time.Duration // between two pictures
	freezes atomic.Uint64
}

// gap takes the time between two pictures.
func (p *pace) gap(d time.Duration) {
	if d < frameApart || d > freezeLongest {
		return
	}
	if p.usual > 0 && d > max(freezeTimes*p.usual, p.usual+freezeMore) {
		p.freezes.Add(1)
	}
	if p.usual == 0 {
		p.usual = d
	}
	p.usual += (min(d, time.Second) - p.usual) / 16
}

// trackStats is written by the worker and read by quality.
type trackStats struct {
	packets, bytes, lost atomic.Uint64
	jitter               atomic.Int64 // nanoseconds
	pace                 pace
	pictureAt            time.Time // owned by the worker

	was counts // owned by housekeeping
}

// sentStats are a subscription's counters as they were at the last round of reports.
type sentStats struct {
	packets, bytes atomic.Uint32
	pace           pace

	was counts // owned by housekeeping
}

// counts are counters a second ago.
type counts struct{ packets, bytes, lost, freezes uint64 }

// account counts a packet.
func (t *track) account(l *layer, b *buffer) {
	t.stats.packets.Add(1)
	t.stats.bytes.Add(uint64(b.n))
	l.note(b)
	t.stats.lost.Add(l.loss.Lost - l.lostTold) // of all layers together; the difference may be negative
	l.lostTold = l.loss.Lost
	l.jitter.packet(b.head.Timestamp, b.arrived)
	if l == t.layers[0] {
		t.stats.jitter.Store(int64(l.jitter.duration()))
	}
	if b.head.Marker && t.kind == webrtc.RTPCodecTypeVideo {
		if s := &t.stats; !s.pictureAt.IsZero() {
			s.pace.gap(b.arrived.Sub(s.pictureAt))
		}
		t.stats.pictureAt = b.arrived
	}
}

// quality tells each peer how its media fares.
func (r *Room) quality(seen *census) {
	r.mu.Lock()
	peers := slices.Collect(maps.Values(r.peers))
	tracks := slices.Collect(maps.Values(r.tracks))
	r.mu.Unlock()
	up := map[*Peer][]TrackQuality{}
	for _, t := range tracks {
		up[t.peer] = append(up[t.peer], t.second())
	}
	for _, p := range peers {
		p.pub.measure()
		q := Quality{Up: up[p], RTT: p.pub.roundTrip()}
		q.Down, q.RTT = p.sub.measure(q.RTT)
		for i := range q.Up {
			q.Up[i].Score = q.Up[i].score(q.RTT)
		}
		q.Score = score(q)
		q.AvailableBps = p.down.available()
		seen.peer(&q)
		p.post(func(e Events) {
			if e.Quality != nil {
				e.Quality(q)
			}
		})
	}
}

// second is the track's traffic since the last call.
func (t *track) second() TrackQuality {
	s := &t.stats
	now := counts{s.packets.Load(), s.bytes.Load(), s.lost.Load(), s.pace.freezes.Load()}
	q := TrackQuality{Track: t.info.ID, Kind: t.info.Kind, Packets: int(now.packets - s.was.packets), Lost: int(now.lost - min(now.lost, s.was.lost)),
		Jitter: time.Duration(s.jitter.Load()), BitrateBps: int(now.bytes-s.was.bytes) * 8, Freezes: int(now.freezes - s.was.freezes)}
	s.was = now
	return q
}

// measure tells of each track that the receiver gets: what was sent in the last second, and how it arrives by the
// receiver's last report.
func (u *subscriber) measure(rtt time.Duration) ([]TrackQuality, time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []TrackQuality
	for t, s := range u.forwards {
		sent := &s.flow
		now := counts{packets: uint64(sent.packets.Load()), bytes: uint64(sent.bytes.Load()), freezes: sent.pace.freezes.Load()}
		q := TrackQuality{Track: t.info.ID, Kind: t.info.Kind, Paused: s.limit.Load() < 0, Layer: int(s.shown.Load()), RTT: time.Duration(s.rtt.Load()),
			Packets: int(uint32(now.packets - sent.was.packets)), BitrateBps: int(uint32(now.bytes-sent.was.bytes)) * 8, Freezes: int(now.freezes - sent.was.freezes)}
		sent.was = now
		if rep := s.report.Load(); rep != nil {
			q.Lost = int(float64(q.Packets)*rep.lost + 0.5)
			q.Packets -= q.Lost
			q.Jitter = time.Duration(rep.jitter) * time.Second / time.Duration(max(t.codec.ClockRate, 1))
		}
		if q.RTT > 0 {
			rtt = q.RTT
		}
		q.Score = q.score(rtt)
		out = append(out, q)
	}
	return out, rtt
}

// score is the track's, for a way whose round trip is rtt.
func (q *TrackQuality) score(rtt time.Duration) float64 {
	return opinion(q.Packets, q.Lost, q.Freezes, rtt)
}

// score is the peer's: of all its tracks. Freezes count at the sender, for the receivers' are mostly the same ones.
func score(q Quality) float64 {
	lost, packets, freezes := 0, 0, 0
	for _, t := range q.Up {
		lost, packets, freezes = lost+t.Lost, packets+t.Packets, max(freezes, t.Freezes)
	}
	for _, t := range q.Down {
		lost, packets = lost+t.Lost, packets+t.Packets
	}
	return opinion(packets, lost, freezes, q.RTT)
}

// opinion is a mean opinion score after the E-model's shape: delay, loss and freezes take from 4.4, never below 1.
func opinion(packets, lost, freezes int, rtt time.Duration) float64 {
	r := 93.2 - float64(rtt.Milliseconds())/40 - 20*float64(min(freezes, 2))
	if packets+lost > 0 {
		r -= 250 * float64(lost) / float64(packets+lost)
	}
	r = math.Max(0, math.Min(100, r))
	return math.Max(1, math.Min(5, 1+0.035*r+r*(r-60)*(100-r)*7e-6))
}

// selectedRTT is the round trip that ICE measured; 0 before the connection is up, while pion still builds it.
func selectedRTT(pc *webrtc.PeerConnection) time.Duration {
	if pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		return 0
	}
	s, ok := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if !ok {
		return 0
	}
	return time.Duration(s.CurrentRoundTripTime * float64(time.Second))
}
