package bandwidth

import "math"

const (
	bucket  = 25_000 // µs
	buckets = 20     // half a second
)

// meter is the rate of arrived bytes over the last half second.
type meter struct {
	sums  [buckets]int64
	index int64 // of the newest bucket
	first int64 // bucket of the first byte
	total int64
	set   bool
}

func (m *meter) add(at int64, bytes int) {
	i := at / bucket
	if !m.set || i < m.index-buckets || i > m.index+100*buckets {
		*m = meter{set: true, index: i, first: i}
	}
	for m.index < i {
		m.index++
		sum := m.at(m.index)
		m.total -= *sum
		*sum = 0
	}
	if i > m.index-buckets {
		*m.at(i) += int64(bytes)
		m.total += int64(bytes)
	}
}

// at is bucket i's place; a receiver's clock may well say a negative one.
func (m *meter) at(i int64) *int64 { return &m.sums[(i%buckets+buckets)%buckets] }

// bps is the rate; it is unknown before a fifth of a second.
func (m *meter) bps() (float64, bool) {
	n := min(m.index-m.first+1, buckets)
	if !m.set || n < buckets*2/5 {
		return 0, false
	}
	return float64(m.total) * 8 * 1e6 / float64(n*bucket), true
}

const (
	backOff    = 0.85 // of the delivered rate (gcc-02 section 5.5)
	drainOff   = 0.7  // the same where a queue stands that must drain
	growth     = 1.08 // a second, far from the last known limit
	aboveAcked = 1.5  // what was never tried is not believed
	packetBits = 1200 * 8
)

// aimd is the delay-based rate controller (gcc-02 section 5.5).
type aimd struct {
	bps       float64
	state     signal // of the last update
	updated   int64
	decreased int64   // time of the last decrease
	limit     float64 // smoothed rate at which the link was full; 0 is unknown
	deviation float64 // of limit, normalised
}

func (a *aimd) update(s signal, factor, acked float64, known bool, rtt, now int64) {
	dt := min(max(float64(now-a.updated)/1e6, 0), 1)
	a.updated = now
	switch s {
	case signalOveruse:
		if known && now-a.decreased > max(rtt, 100_000) {
			a.decrease(factor, acked, now)
		}
	case signalNormal:
		if a.state != signalUnderuse {
			a.increase(acked, known, rtt, dt)
		}
	}
	a.state = s
}

func (a *aimd) increase(acked float64, known bool, rtt int64, dt float64) {
	if a.limit > 0 && known && acked > a.limit+3*a.spread() {
		a.limit = 0
	}
	next := a.bps * math.Pow(growth, dt)
	if a.limit > 0 {
		response := float64(rtt)/1e6 + 0.1
		next = a.bps + max(4000, packetBits/response)*dt
	}
	if known {
		next = min(next, aboveAcked*acked+10_000)
	}
	a.bps = max(a.bps, next)
}

func (a *aimd) decrease(factor, acked float64, now int64) {
	next := factor * acked
	if next > a.bps && a.limit > 0 {
		next = factor * a.limit
	}
	if a.limit > 0 && acked < a.limit-3*a.spread() {
		a.limit = 0
	}
	if a.limit == 0 {
		a.limit, a.deviation = acked, 0.4
	} else {
		a.limit = 0.95*a.limit + 0.05*acked
		a.deviation = min(max(0.95*a.deviation+0.05*(a.limit-acked)*(a.limit-acked)/(a.limit*1000), 0.4), 2.5)
	}
	a.bps = min(a.bps, next)
	a.decreased = now
}

func (a *aimd) spread() float64 { return math.Sqrt(a.deviation * a.limit * 1000) }
