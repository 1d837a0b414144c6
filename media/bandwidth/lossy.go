package bandwidth

import "math"

const (
	lossWindow     = 1_000_000 // µs
	lossWindowLong = 3_000_000
	lossPackets    = 100
	lossFew        = 10
	lossHigh       = 0.10
	lossLow        = 0.02
	lossGrowth     = 1.15      // a window
	lossTrial      = 9_000_000 // µs: a trial without an answer by then had too few packets
)

// lossy is the loss-based controller (gcc-02 section 6) with one addition:
// when a lower rate did not lower the loss, the loss is the link's own, not
// ours, and only what exceeds it counts from then on. Otherwise 20 % of
// random loss would press the rate down to nothing.
type lossy struct {
	bps            float64 // bound; +Inf is none
	own            float64 // loss that a lower rate does not mend
	received, lost int
	began          int64
	last           float64 // loss of the last full window

	trial struct {
		running bool
		at      int64
		loss    float64
		before  float64 // bound before
	}
}

func (l *lossy) init() { l.bps = math.Inf(1) }

// count takes packets into the window. Late arrivals correct with a negative lost.
func (l *lossy) count(received, lost int) {
	l.received += received
	l.lost = max(l.lost+lost, 0)
}

// trying tells whether a lower rate is being tried still.
func (l *lossy) trying(now int64) bool {
	return l.trial.running && now-l.trial.at < lossTrial
}

// update judges a full window. delivered is the rate that arrived, rate the
// present estimate.
func (l *lossy) update(delivered float64, rate float64, rtt, now int64) {
	total := l.received + l.lost
	age := now - l.began
	if l.began == 0 {
		l.began = now
		return
	}
	if age < lossWindow || total < lossPackets && age < lossWindowLong {
		return
	}
	if total >= lossFew {
		l.judge(float64(l.lost)/float64(total), total, delivered, rate, rtt, now)
	}
	l.received, l.lost, l.began = 0, 0, now
}

func (l *lossy) judge(p float64, total int, delivered, rate float64, rtt, now int64) {
	l.last = p
	if p < l.own {
		l.own += (p - l.own) * 0.3
	}
	if l.trial.running {
		if l.began < l.trial.at+rtt {
			return // the window saw packets from before
		}
		l.trial.running = false
		if p > 0.6*l.trial.loss {
			l.own = max(l.own, min(p, l.trial.loss))
			l.bps = l.trial.before
			return
		}
	}
	noise := 2 * math.Sqrt(l.own*(1-l.own)/float64(total))
	excess := p - l.own - noise
	switch {
	case excess > lossHigh && delivered > 0:
		l.trial.running, l.trial.at, l.trial.loss, l.trial.before = true, now, p, l.bps
		l.bps = min(l.bps, rate, 0.9*delivered)
	case excess < lossLow:
		l.bps *= lossGrowth
	}
}
