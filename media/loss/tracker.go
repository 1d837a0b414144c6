// Package loss finds the packets missing from an RTP stream and decides when
// to ask for them again. It is pure: time comes in as a parameter.
package loss

import "time"

const (
	maxMissing = 512 // a longer hole is a restart, not a loss
	maxTries   = 40
)

// Options tunes a Tracker. Zero fields take the defaults.
type Options struct {
	// Reorder is how long a packet may be late before it is asked for (default 5 ms).
	Reorder time.Duration
	// GiveUp is how long a packet is asked for (default 1.9 s: recorders wait 2 s for it).
	GiveUp time.Duration
	// MinRetry bounds the wait between two requests from below (default 25 ms).
	MinRetry time.Duration
}

type missing struct {
	seq   uint16
	tries uint8
	since time.Time
	next  time.Time
}

// Tracker watches one stream. It is not safe for concurrent use.
type Tracker struct {
	opts    Options
	started bool
	highest uint16
	cycled  uint32 // highest, extended by its wraps
	expects uint64
	holes   []missing // ordered by seq

	// Received counts distinct packets, Lost those given up.
	Received, Lost uint64
}

// New makes a tracker.
func New(o Options) *Tracker {
	if o.Reorder == 0 {
		o.Reorder = 5 * time.Millisecond
	}
	if o.GiveUp == 0 {
		o.GiveUp = 1900 * time.Millisecond
	}
	if o.MinRetry == 0 {
		o.MinRetry = 25 * time.Millisecond
	}
	return &Tracker{opts: o}
}

// Packet notes the arrival of seq. fresh is false for a repeated packet.
func (t *Tracker) Packet(seq uint16, now time.Time) (fresh bool) {
	if !t.started {
		t.started, t.highest, t.cycled, t.expects = true, seq, uint32(seq), 1
		t.Received++
		return true
	}
	ahead := int16(seq - t.highest)
	switch {
	case ahead > 0:
		if ahead > maxMissing {
			t.Lost += uint64(len(t.holes))
			t.holes = t.holes[:0]
		} else {
			for s := t.highest + 1; s != seq; s++ {
				t.holes = append(t.holes, missing{seq: s, since: now, next: now.Add(t.opts.Reorder)})
			}
			if over := len(t.holes) - maxMissing; over > 0 {
				t.Lost += uint64(over)
				t.holes = append(t.holes[:0], t.holes[over:]...)
			}
		}
		t.cycled += uint32(ahead)
		t.expects += uint64(ahead)
		t.highest = seq
		t.Received++
		return true
	case ahead < -4*maxMissing: // the sender started anew
		t.cycled += uint32(seq - t.highest)
		t.expects++
		t.holes, t.highest = t.holes[:0], seq
		t.Received++
		return true
	}
	for i := range t.holes {
		if t.holes[i].seq == seq {
			t.holes = append(t.holes[:i], t.holes[i+1:]...)
			t.Received++
			return true
		}
	}
	return false
}

// Awaits tells whether seq is missing and still asked for.
func (t *Tracker) Awaits(seq uint16) bool {
	for i := range t.holes {
		if t.holes[i].seq == seq {
			return true
		}
	}
	return false
}

// Due appends to dst the sequence numbers to ask for now, given the round
// trip (0 is unknown), and tells how many were given up in this call.
func (t *Tracker) Due(dst []uint16, now time.Time, rtt time.Duration) (due []uint16, gaveUp int) {
	retry := max(rtt+rtt/4, t.opts.MinRetry)
	keep := t.holes[:0]
	for _, m := range t.holes {
		if now.Sub(m.since) > t.opts.GiveUp || m.tries >= maxTries {
			gaveUp++
			continue
		}
		if !now.Before(m.next) {
			dst = append(dst, m.seq)
			m.tries++
			m.next = now.Add(retry)
		}
		keep = append(keep, m)
	}
	t.holes = keep
	t.Lost += uint64(gaveUp)
	return dst, gaveUp
}

// Late appends to dst the sequence numbers that were missed after from and before to, and still are.
func (t *Tracker) Late(dst []uint16, from, to time.Time) []uint16 {
	for i := range t.holes {
		if m := &t.holes[i]; m.since.After(from) && m.since.Before(to) {
			dst = append(dst, m.seq)
		}
	}
	return dst
}

// Missing is the number of packets now being asked for.
func (t *Tracker) Missing() int { return len(t.holes) }

// Extended is the highest sequence number with its wraps, and how many packets
// there should have been (RFC 3550 appendix A.3).
func (t *Tracker) Extended() (highest uint32, expected uint64) { return t.cycled, t.expects }
