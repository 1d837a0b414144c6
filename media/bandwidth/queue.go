package bandwidth

import "math"

const (
	baseWindow    = 30_000_000 // µs: clocks drift and routes change
	standingQueue = 100_000    // µs: more than this, for
	standingTime  = 400_000    // µs, is overuse though it does not grow
	queueWeight   = 0.3
)

// queue follows how long packets lie in the link's queue: the one-way delay
// over the lowest of the last half to whole minute. A gradient alone does not
// see a queue that stands full.
type queue struct {
	newest         int64 // lowest of the running feedback
	base, baseNext int64
	turned         int64
	delay          float64 // µs, smoothed
	above          int64   // since when, 0: it is not
	started        bool
}

func (q *queue) begin() { q.newest = math.MaxInt64 }

func (q *queue) packet(sent, arrived int64) { q.newest = min(q.newest, arrived-sent) }

// end takes the feedback's lowest delay, which neither a burst of our own nor
// jitter raises, and tells whether a queue stands.
func (q *queue) end(now int64) bool {
	if q.newest == math.MaxInt64 {
		return false
	}
	if !q.started {
		q.started, q.base, q.baseNext, q.turned = true, q.newest, q.newest, now
	}
	if now-q.turned > baseWindow {
		q.base, q.baseNext, q.turned = q.baseNext, q.newest, now
	}
	q.base, q.baseNext = min(q.base, q.newest), min(q.baseNext, q.newest)
	q.delay += queueWeight * (float64(q.newest-q.base) - q.delay)
	if q.delay < standingQueue {
		q.above = 0
		return false
	}
	if q.above == 0 {
		q.above = now
	}
	return now-q.above > standingTime
}
