package bandwidth

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Options bounds an estimate, in bits a second. Zero fields take the default.
type Options struct {
	StartBps int // default 1.5 Mbps
	MinBps   int // default 30 kbps
	MaxBps   int // default 50 Mbps
}

const (
	defaultRTT    = 100_000 // µs
	silentPackets = 10
	silence       = 1_500_000 // without feedback while packets leave: the link is dead
	silentFactor  = 0.7
	silentEvery   = 500_000
)

// Estimator estimates one connection. Its methods are safe for concurrent
// use; Sent takes no lock and, like Feedback, allocates nothing.
type Estimator struct {
	history history
	target  atomic.Int64
	start   float64 // what a way is taken to bear of which nothing is known
	min     float64
	max     float64

	mu        sync.Mutex // guards what follows
	feedback  feedback
	fates     fates
	reference int64 // unwrapped, µs of the receiver's clock
	started   bool
	detector  detector
	queue     queue
	acked     meter
	delay     aimd
	loss      lossy
	prober    prober
	cap       float64 // REMB; +Inf is none
	rtt       int64
	heard     int64  // last feedback
	silenced  int64  // last decrease for silence
	sentAt    uint32 // packets sent at the last feedback
	late      int64  // what was sent until then says nothing of the way's delay
	moved     int64  // what was sent until then went another way, or none
	reportAt  int64
	reported  uint64
}

// New makes an estimator whose clock starts at now.
func New(o Options, now time.Time) *Estimator {
	or := func(v, d int) float64 {
		if v > 0 {
			return float64(v)
		}
		return float64(d)
	}
	e := &Estimator{start: or(o.StartBps, 1_500_000), min: or(o.MinBps, 30_000), max: or(o.MaxBps, 50_000_000)}
	e.history.start = now.Add(-time.Second) // so that no instant is zero
	e.begin(e.start)
	return e
}

// begin forgets the way and takes it to bear so much.
func (e *Estimator) begin(bps float64) {
	e.queue, e.acked, e.prober, e.rtt, e.cap = queue{}, meter{}, prober{}, defaultRTT, math.Inf(1)
	e.detector.reset()
	e.loss = lossy{}
	e.loss.init()
	e.delay = aimd{bps: bps}
	e.settle()
}

// Moved tells that packets go another way from now on, as when ICE nominates another pair: what was learned of the old
// way, and what is yet reported of it, says nothing of the new one.
func (e *Estimator) Moved(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moved = e.history.micros(now)
	if e.heard != 0 {
		e.heard, e.sentAt = e.moved, e.history.next.Load()
	}
	if e.reportAt != 0 { // nothing is held back before there is loss
		e.begin(e.max)
		return
	}
	e.begin(e.start)
}

// Sent counts a packet of so many bytes and returns the transport-wide
// sequence number that it is to carry.
func (e *Estimator) Sent(bytes int, now time.Time) uint16 {
	return e.history.add(bytes, e.history.micros(now))
}

// Count counts bytes of packets without transport-wide numbers, for Report.
func (e *Estimator) Count(bytes int) { e.history.bytes.Add(uint64(max(bytes, 0))) }

// TargetBps is what may be sent now.
func (e *Estimator) TargetBps() int { return int(e.target.Load()) }

// SetRTT tells the measured round trip.
func (e *Estimator) SetRTT(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rtt = min(max(d.Microseconds(), 1000), 5_000_000)
}

// Remb takes a receiver's estimated maximum bitrate (draft-alvestrand-rmcat-remb).
func (e *Estimator) Remb(bps float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if bps > 0 && !math.IsNaN(bps) {
		e.cap = bps
	}
	e.settle()
}

// QueueDelay is how much longer than at best packets lie in the link's queue.
func (e *Estimator) QueueDelay() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.queue.delay) * time.Microsecond
}

// Loss is the share of packets that the last full window lost, 0 to 1.
func (e *Estimator) Loss() float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loss.last
}

// Feedback takes a transport-wide feedback packet with its RTCP header.
// It returns ErrFeedback and changes nothing where the packet is malformed.
func (e *Estimator) Feedback(rtcp []byte, now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.feedback.parse(rtcp); err != nil {
		return err
	}
	at := e.history.micros(now)
	e.unwrap()
	if e.silenced > e.heard { // what was sent into the silence has been answered for by Tick
		e.moved = max(e.moved, e.silenced)
	}
	e.heard, e.sentAt = at, e.history.next.Load()
	received, lost := 0, 0
	e.queue.begin()
	for i := range e.feedback.statuses {
		r, l := e.packet(&e.feedback.statuses[i], at)
		received += r
		lost += l
	}
	e.loss.count(received, lost)
	e.answer(at)
	acked, known := e.acked.bps()
	state, factor := e.detector.state, backOff
	if e.queue.end(at) && state != signalUnderuse {
		state, factor = signalOveruse, drainOff
	}
	if received > 0 {
		e.delay.update(state, factor, acked, known, e.rtt, at)
	}
	if known {
		e.loss.update(acked, e.delay.bps, e.rtt, at)
	}
	e.settle()
	return nil
}

// unwrap follows the reference time over its wrap of 24 bits.
func (e *Estimator) unwrap() {
	ref := int64(e.feedback.reference)
	if e.started {
		was := e.reference / referenceTick
		ref = was + int64(int32(uint32(ref-was)<<8)>>8)
	}
	e.started, e.reference = true, ref*referenceTick
}

// packet takes one status and says how it changes the window of the loss.
func (e *Estimator) packet(s *status, now int64) (received, lost int) {
	sent, size, ok := e.history.get(s.seq, now)
	if !ok {
		return 0, 0
	}
	fate := e.fates.get(s.seq)
	if fate == fateArrived || fate == fateLost && s.at == notReceived {
		return 0, 0
	}
	probing := e.prober.holds(s.seq)
	if s.at == notReceived {
		e.fates.set(s.seq, fateLost)
		if sent <= e.moved {
			return 0, 0
		}
		if probing {
			e.prober.lost++
			return 0, 0
		}
		return 0, 1
	}
	e.fates.set(s.seq, fateArrived)
	if sent <= e.moved {
		return 0, 0
	}
	at := e.reference + s.at
	e.acked.add(at, size)
	if probing { // an overshoot of our own making is not the link's fall
		if fate == fateLost {
			e.prober.lost--
		}
		e.prober.arrived(sent, at, size)
		e.detector.cut()
		return 0, 0
	}
	if sent <= e.late {
		return counted(fate)
	}
	e.detector.packet(sent, at, size)
	late := e.queue.started && at-sent > e.queue.base+int64(e.queue.delay)+e.rtt*7/10
	e.queue.packet(sent, at)
	if fate == fateLost && late {
		return 0, 0 // sent again: it was lost all the same
	}
	return counted(fate)
}

// counted is how an arrival changes the window of the loss.
func counted(fate uint8) (received, lost int) {
	if fate == fateLost {
		return 1, -1 // only overtaken
	}
	return 1, 0
}

// Report takes a reception report of a receiver without transport-wide
// feedback: the share of packets lost since the last one, 0 to 1.
func (e *Estimator) Report(lost float64, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.history.micros(now)
	if e.started || lost < 0 || lost > 1 || at-e.reportAt < 500_000 {
		return
	}
	bytes := e.history.bytes.Load()
	seconds := float64(at-e.reportAt) / 1e6
	sent := float64(bytes-e.reported) * 8 / seconds
	first := e.reportAt == 0
	e.reportAt, e.reported = at, bytes
	e.heard = at
	if first { // nothing is held back before there is loss
		e.delay.bps = e.max
		e.settle()
		return
	}
	total := max(int(sent*seconds/8/1000), lossPackets)
	e.loss.received, e.loss.lost, e.loss.began = 0, 0, at-int64(seconds*1e6)
	e.loss.judge(lost, total, sent*(1-lost), e.delay.bps, e.rtt, at)
	if lost < lossLow {
		// Nothing but loss is known, so what is not lost may grow untried.
		e.delay.bps = min(e.delay.bps*math.Pow(growth, min(seconds, 5)), e.max)
	}
	e.settle()
}

// Late tells that the sender fell behind its own clock until then: packets left later than Sent was told, and how long
// they took is not the way's doing. Their loss counts.
func (e *Estimator) Late(until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := e.history.micros(until); at > e.late {
		e.late = at
		e.detector.cut()
		e.detector.state = signalNormal
	}
}

// Tick lowers the estimate when packets leave and no feedback comes. Call it
// a few times a second.
func (e *Estimator) Tick(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.history.micros(now)
	if e.prober.running && at-e.prober.began > probeTimeout {
		e.prober.fail(at)
	}
	if e.heard == 0 || e.reportAt != 0 || at-e.heard < silence+2*e.rtt || at-e.silenced < silentEvery || e.history.next.Load()-e.sentAt < silentPackets {
		return
	}
	e.silenced = at
	e.delay.bps = max(e.delay.bps*silentFactor, e.min)
	e.settle()
}

// Probe asks whether to probe, because wantBps could be used and is more
// than the target. The caller sends the probe and then calls ProbeSent.
func (e *Estimator) Probe(wantBps int, now time.Time) (Probe, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.history.micros(now)
	target := float64(e.TargetBps())
	want := min(float64(wantBps), e.max, e.cap, probeGain*target)
	if !e.started || e.prober.running || at < e.prober.next || want < 1.05*target || e.detector.state == signalOveruse ||
		at-e.delay.decreased < probeCalm && e.delay.decreased > 0 || e.loss.trying(at) || e.unanswered(at) {
		return Probe{}, false
	}
	wait := e.prober.wait
	e.prober = prober{running: true, first: uint16(e.history.next.Load() + 1), began: at, wait: wait}
	p := Probe{RateBps: int(max(want*1.1, 60_000)), Duration: probeShort}
	if target < probeSlow {
		p.Duration = probeLong
	}
	return p, true
}

// unanswered tells that packets left lately and nothing is heard of them: no time to send more. After a long silence
// every picture may be paused and nobody speak, so that a probe alone can still be heard of.
func (e *Estimator) unanswered(at int64) bool {
	silent := at - e.heard
	return silent > silentEvery && silent < silence+2*e.rtt && e.history.next.Load() != e.sentAt
}

// Try is Probe for a receiver that no padding can be sent to: from time to
// time the target itself is raised, and the media are the probe.
func (e *Estimator) Try(wantBps int, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.history.micros(now)
	want := min(float64(wantBps), e.max, e.cap, probeGain*float64(e.TargetBps()))
	if !e.started || at < e.prober.next || e.detector.state == signalOveruse || e.loss.trying(at) ||
		at-e.delay.decreased < probeBackMax && e.delay.decreased > 0 {
		return
	}
	e.prober.fail(at)
	e.delay.bps, e.loss.bps, e.delay.limit = max(e.delay.bps, want), max(e.loss.bps, want), 0
	e.settle()
}

// ProbeSent tells that the last packet of the probe was sent.
func (e *Estimator) ProbeSent() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.prober.running {
		e.prober.sent, e.prober.last = true, uint16(e.history.next.Load())
	}
}

// answer ends a probe whose last packet was reported.
func (e *Estimator) answer(now int64) {
	p := &e.prober
	if !p.running || !p.sent || len(e.feedback.statuses) == 0 {
		return
	}
	last := e.feedback.statuses[len(e.feedback.statuses)-1].seq
	if int16(last-p.last) < 0 {
		return
	}
	bps, full, ok := p.result(e.loss.own)
	if !ok || bps < 1.02*e.delay.bps && bps < 1.02*e.loss.bps {
		p.fail(now)
		return
	}
	e.delay.bps = max(e.delay.bps, bps)
	e.loss.bps = max(e.loss.bps, bps)
	e.delay.limit = 0
	if full {
		p.end(now, probeBackOff)
	} else {
		p.end(now, 0)
		p.next = now + probeEvery
	}
}

// settle publishes the estimate.
func (e *Estimator) settle() {
	e.delay.bps = min(max(e.delay.bps, e.min), e.max)
	e.loss.bps = max(e.loss.bps, e.min)
	e.target.Store(int64(min(max(min(e.delay.bps, e.loss.bps, e.cap), e.min), e.max)))
}
