package media

import (
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// trackStats is written by the worker and read by quality.
type trackStats struct {
	packets, bytes, lost atomic.Uint64
	jitter               atomic.Int64 // nanoseconds

	was struct{ packets, bytes, lost uint64 } // owned by housekeeping
}

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
}

// quality tells each peer how its media fares.
func (r *Room) quality(now time.Time) {
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
		q.Score = score(q)
		q.AvailableBps = p.down.available()
		if q.AvailableBps > 0 {
			r.sfu.metrics.available.Observe(float64(q.AvailableBps))
		}
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
	packets, bytes, lost := s.packets.Load(), s.bytes.Load(), s.lost.Load()
	q := TrackQuality{Track: t.info.ID, Packets: int(packets - s.was.packets), Lost: int(lost - min(lost, s.was.lost)),
		Jitter: time.Duration(s.jitter.Load()), BitrateBps: int(bytes-s.was.bytes) * 8}
	s.was.packets, s.was.bytes, s.was.lost = packets, bytes, lost
	return q
}

// measure collects the receiver's reports of its tracks.
func (u *subscriber) measure(rtt time.Duration) ([]TrackQuality, time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []TrackQuality
	for t, s := range u.forwards {
		rep := s.report.Load()
		if rep == nil {
			continue
		}
		if d := time.Duration(s.rtt.Load()); d > 0 {
			rtt = d
		}
		out = append(out, TrackQuality{Track: t.info.ID, Lost: int(rep.FractionLost) * 100 / 256, Packets: 100, Paused: s.limit.Load() < 0, Layer: int(s.shown.Load()),
			Jitter: time.Duration(rep.Jitter) * time.Second / time.Duration(max(t.codec.ClockRate, 1))})
	}
	return out, rtt
}

// score is a mean opinion score after the E-model's shape: delay and loss
// take from 4.5, never below 1.
func score(q Quality) float64 {
	lost, packets := 0, 0
	for _, l := range [][]TrackQuality{q.Up, q.Down} {
		for _, t := range l {
			lost += t.Lost
			packets += t.Packets
		}
	}
	r := 93.2 - float64(q.RTT.Milliseconds())/40
	if packets > 0 {
		r -= 250 * float64(lost) / float64(packets+lost)
	}
	r = math.Max(0, math.Min(100, r))
	return math.Max(1, math.Min(5, 1+0.035*r+r*(r-60)*(100-r)*7e-6))
}

// selectedRTT is the round trip that ICE measured.
func selectedRTT(pc *webrtc.PeerConnection) time.Duration {
	s, ok := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if !ok {
		return 0
	}
	return time.Duration(s.CurrentRoundTripTime * float64(time.Second))
}
