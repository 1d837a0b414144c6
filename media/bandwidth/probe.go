package bandwidth

import "time"

const (
	probeEvery     = 1_000_000 // µs between probes that succeed
	probeBackOff   = 3_000_000 // after one that met the limit, doubled up to probeBackMax
	probeBackMax   = 8_000_000
	probeTimeout   = 2_000_000
	probeCalm      = 1_000_000 // after a decrease
	probeSlow      = 300_000   // bps: below, a probe lasts longer, for it has few packets
	probeGain      = 2
	probeLong      = 200 * time.Millisecond
	probeShort     = 100 * time.Millisecond
	probeArrived   = 0.9  // of the sending rate: less means that the link is full
	probeFull      = 0.85 // of the rate that came through a full link: the queue is to drain
	probeMin       = 5    // packets
	probeMinAnswer = 30_000
)

// Probe is a burst that the caller sends: padding that brings the whole
// connection, media included, to RateBps for Duration.
type Probe struct {
	RateBps  int
	Duration time.Duration
}

// prober tries a higher rate for a moment and looks at how it arrives.
type prober struct {
	running, sent bool
	first, last   uint16 // transport sequence numbers; last once sent
	began         int64
	next, wait    int64

	packets                  int // arrived
	lost                     int
	total, head              int // bytes arrived; of them in the first burst
	firstSent, lastSent      int64
	headArrived, lastArrived int64
}

// holds tells whether a packet belongs to the running probe.
func (p *prober) holds(seq uint16) bool {
	return p.running && int16(seq-p.first) >= 0 && (!p.sent || int16(p.last-seq) >= 0)
}

func (p *prober) arrived(sent, at int64, size int) {
	if p.packets == 0 {
		p.firstSent = sent
	}
	p.packets++
	p.total += size
	if sent-p.firstSent <= burst {
		p.head += size
		p.headArrived = max(p.headArrived, at)
	}
	p.lastSent, p.lastArrived = max(p.lastSent, sent), max(p.lastArrived, at)
}

// result is the rate that the probe proved; full tells that the link carries
// no more. own is the link's own loss.
func (p *prober) result(own float64) (bps float64, full, ok bool) {
	sent, arrived := p.lastSent-p.firstSent, p.lastArrived-p.headArrived
	if p.packets < probeMin || sent < probeMinAnswer || arrived <= 0 || p.total == p.head {
		return 0, false, false
	}
	bits := float64(p.total-p.head) * 8e6
	out, in := bits/float64(sent), bits/float64(arrived)
	if loss := float64(p.lost) / float64(p.lost+p.packets); loss > own+lossHigh {
		return probeFull * min(in, out*(1-own)), true, true
	}
	if in < probeArrived*out {
		return probeFull * in, true, true
	}
	return min(in, out), false, true
}

func (p *prober) end(now, wait int64) {
	*p = prober{next: now + wait, wait: wait}
}

// fail waits longer with every probe that brought nothing.
func (p *prober) fail(now int64) { p.end(now, min(max(2*p.wait, probeBackOff), probeBackMax)) }
