package media

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/allocate"
	"yunting/media/bandwidth"
)

const (
	allocateEvery = 200 * time.Millisecond
	fallAtOnce    = 90 // percent of the last allocation's budget: below it a new one does not wait
	longQueue     = 200 * time.Millisecond
	unlimited     = 255
	packetOnWire  = 64 // bytes around a payload: RTP header, extension, SRTP tag, UDP and IP
)

func wireBytes(b *buffer) int { return b.head.End - b.head.Payload + packetOnWire }

// downlink shares the way to one receiver among the tracks that it takes.
// Its methods are safe for concurrent use; those that take a lock take the
// subscriber's first.
type downlink struct {
	peer      *Peer
	estimator *bandwidth.Estimator
	transport atomic.Bool  // the receiver sends transport-wide feedback
	reported  atomic.Bool  // it sends reception reports or REMB
	budget    atomic.Int64 // of the last allocation, bps
	full      atomic.Bool  // packets lie long in the link's queue: what is sent again would make it longer

	mu        sync.Mutex // guards what follows
	allocator allocate.Allocator[*subscription]
	demands   []allocate.Demand[*subscription] // of the last allocation; their room is used again
	rates     []int                            // of demands
	speaker   string                           // peer that spoke last
	given     int                              // bps that the last allocation gave
	weak      map[*subscription]bool
	reports   time.Time
}

func (d *downlink) init(p *Peer) {
	d.peer = p
	d.weak = map[*subscription]bool{}
	d.estimator = bandwidth.New(bandwidth.Options{StartBps: p.sfu.cfg.StartBps}, time.Now())
}

// available is the estimate, or 0 while nothing is known of the way.
func (d *downlink) available() int {
	if !d.transport.Load() && !d.reported.Load() {
		return 0
	}
	return d.estimator.TargetBps()
}

// feedback takes transport-wide feedback; a fall is acted on at once.
func (d *downlink) feedback(rtcp []byte, now time.Time) {
	m := d.peer.sfu.metrics
	if late := d.peer.sfu.late.Load(); late != 0 {
		d.estimator.Late(d.peer.sfu.start.Add(time.Duration(late)))
	}
	if d.estimator.Feedback(rtcp, now) != nil {
		d.peer.fault(faultRTCP)
		return
	}
	m.feedback.Inc()
	d.transport.Store(true)
	d.full.Store(d.estimator.QueueDelay() > longQueue)
	if int64(d.estimator.TargetBps()) < d.budget.Load()*fallAtOnce/100 {
		d.peer.sub.allocate(now)
	}
}

func (d *downlink) remb(bps float64) {
	if !d.transport.Load() {
		d.reported.Store(true)
		d.estimator.Remb(bps)
	}
}

// allocating shares every receiver's bandwidth again, several times a second.
func (s *SFU) allocating() {
	tick := time.NewTicker(allocateEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case now := <-tick.C:
			for _, r := range s.allRooms() {
				r.allocate(now)
			}
		}
	}
}

func (r *Room) allocate(now time.Time) {
	r.mu.Lock()
	peers := make([]*Peer, 0, len(r.peers))
	for _, p := range r.peers {
		peers = append(peers, p)
	}
	speaker := r.first
	r.mu.Unlock()
	for _, p := range peers {
		p.down.estimator.Tick(now)
		p.down.heard(speaker)
		p.sub.allocate(now)
	}
}

func (d *downlink) heard(speaker string) {
	if speaker != "" {
		d.mu.Lock()
		d.speaker = speaker
		d.mu.Unlock()
	}
}

// allocate shares what the estimate allows among the subscriptions.
func (u *subscriber) allocate(now time.Time) {
	d := &u.peer.down
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.connected || u.closed {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeReportsLocked(u.forwards, now)
	demands := d.demandsLocked(u.forwards)
	budget := d.estimator.TargetBps()
	numbered := func(x allocate.Demand[*subscription]) bool {
		b := x.Key.bound.Load()
		return b != nil && b.sequence != 0
	}
	if d.available() == 0 && !slices.ContainsFunc(demands, numbered) {
		budget = 1 << 40 // nothing is known, nor will be: nothing is held back
	}
	d.budget.Store(int64(budget))
	layers := d.allocator.Update(budget, demands, now)
	d.given = 0
	for i := range demands {
		d.applyLocked(&demands[i], layers[i])
	}
	if need := allocate.Need(demands); need > budget {
		u.probeLocked(need, now)
	}
}

// demandsLocked lists what the receiver wants, in a settled order.
func (d *downlink) demandsLocked(forwards map[*track]*subscription) []allocate.Demand[*subscription] {
	clear(d.demands)
	out := d.demands[:0]
	d.rates = slices.Grow(d.rates[:0], len(forwards)*rungs)
	for t, s := range forwards {
		if s.bound.Load() == nil || !s.allowed.Load() || !t.permitted.Load() || t.quiet() {
			continue
		}
		n := len(d.rates)
		d.rates = d.rates[:n+rungs]
		x := allocate.Demand[*subscription]{Key: s, Class: allocate.Rest, RateBps: d.rates[n:], Want: s.wanted()}
		t.costs(x.RateBps)
		switch {
		case t.kind == webrtc.RTPCodecTypeAudio:
			x.Class, x.RateBps = allocate.Audio, x.RateBps[thinner:thinner+1]
		case t.info.Source == SourceScreen:
			x.Class = allocate.Floor
		case t.info.Peer == d.speaker:
			x.Class, x.Order = allocate.Floor, 1
		}
		out = append(out, x)
	}
	d.demands = out
	slices.SortFunc(out, func(a, b allocate.Demand[*subscription]) int {
		return cmp.Compare(a.Key.track.info.ID, b.Key.track.info.ID)
	})
	return out
}

// costs tells each rung's rate. A layer that was switched off because nobody
// took it costs what it last did, for it comes again once it is taken; while
// nothing at all arrives nothing costs anything.
func (t *track) costs(bps []int) {
	live := false
	for i := range bps[:thinner] {
		bps[i] = int(t.thin[i].Load())
	}
	layers := bps[thinner:]
	for i := range layers {
		layers[i] = int(t.rates[i].Load())
		live = live || layers[i] > 0
	}
	for i := range layers {
		if live && layers[i] == 0 {
			layers[i] = int(t.known[i].Load())
		}
	}
}

// wanted is the largest rung of use to the receiver.
func (s *subscription) wanted() int {
	if s.track.kind == webrtc.RTPCodecTypeAudio {
		return 0
	}
	if want := s.want.Load(); want != allocate.Paused {
		return int(want) + thinner
	}
	return allocate.Paused
}

// applyLocked gives a subscription its rung and tells of a pause.
func (d *downlink) applyLocked(x *allocate.Demand[*subscription], rung int) {
	s := x.Key
	if x.Class == allocate.Audio {
		d.given += x.RateBps[0]
		return
	}
	sent := slices.Max(x.RateBps) > 0
	weak := rung == allocate.Paused && x.Want != allocate.Paused && sent
	switch {
	case rung != allocate.Paused:
		d.given += slices.Max(x.RateBps[:rung+1])
		s.limit.Store(int32(max(rung-thinner, 0)))
		s.spare.Store(int32(max(thinner-rung, 0)))
	case weak:
		s.limit.Store(allocate.Paused)
	default: // nothing is sent or wanted: what begins is not held back
		s.limit.Store(unlimited)
		s.spare.Store(0)
	}
	if weak != d.weak[s] {
		d.markLocked(s, weak)
	}
}

func (d *downlink) markLocked(s *subscription, weak bool) {
	if weak {
		d.weak[s] = true
		d.peer.sfu.metrics.paused.Inc()
	} else {
		delete(d.weak, s)
		d.peer.sfu.metrics.paused.Dec()
	}
	d.peer.tellPaused(s.track.info, weak)
}

func (p *Peer) tellPaused(t TrackInfo, paused bool) {
	p.post(func(e Events) {
		if e.Paused != nil {
			e.Paused(t, paused)
		}
	})
}

// forget ends a subscription's pause without a word: its track is gone.
func (d *downlink) forget(s *subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.weak[s] {
		delete(d.weak, s)
		d.peer.sfu.metrics.paused.Dec()
	}
}

// repeat tells a new receiver of events what is paused.
func (d *downlink) repeat() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.weak {
		d.peer.tellPaused(s.track.info, true)
	}
}

const reportsEvery = time.Second

// takeReportsLocked follows a receiver without transport-wide feedback by its
// reception reports: the loss of its tracks, weighted by their rates.
func (d *downlink) takeReportsLocked(forwards map[*track]*subscription, now time.Time) {
	if d.transport.Load() || now.Sub(d.reports) < reportsEvery {
		return
	}
	d.reports = now
	var lost, weight float64
	bytes := 0
	for t, s := range forwards {
		bytes += int(s.wire.Swap(0))
		rep := s.report.Swap(nil)
		if rep == nil {
			continue
		}
		w := float64(1 + t.rates[0].Load())
		lost += w * rep.lost
		weight += w
	}
	if bytes == 0 {
		bytes = d.given / 8
	}
	d.estimator.Count(bytes)
	if weight > 0 {
		d.reported.Store(true)
		d.estimator.Report(lost/weight, now)
	}
}

// rate takes the layers' rates on a receiver's wire.
func (w *worker) rate(now time.Time) {
	passed := now.Sub(w.rated)
	if passed < allocateEvery {
		return
	}
	w.rated = now
	for _, t := range w.tracks {
		for _, l := range t.layers {
			carried := l.carried()
			for i := range carried {
				c, sum := &carried[i], 0
				index, silent := int(l.index)+i, now.Sub(c.lastSeen)
				for j, bytes := range c.wire {
					sum += bytes
					if index == 0 && j < thinner {
						smooth(&t.thin[j], float64(sum*8)/passed.Seconds(), t.kind == webrtc.RTPCodecTypeVideo && silent > silentLayer)
					}
				}
				smooth(&t.brought[index], float64(c.brought*8)/passed.Seconds(), t.kind == webrtc.RTPCodecTypeVideo && silent > silentLayer)
				c.wire, c.brought = [temporalLayers]int{}, 0
				t.takeRate(index, float64(sum*8)/passed.Seconds(), silent)
			}
		}
		t.bound(now)
	}
}

// takeRate takes a layer's rate, of which silent is the time since its last packet.
func (t *track) takeRate(index int, bps float64, silent time.Duration) {
	if !t.off[index] { // of one that is off it is what it would take if somebody had room for it again
		smooth(&t.rates[index], bps, silent > silentLayer && t.kind == webrtc.RTPCodecTypeVideo)
	}
	if rate := t.rates[index].Load(); rate > 0 {
		t.known[index].Store(rate)
	}
}

// smooth takes a rate over about two seconds; what is silent has none at once.
func smooth(rate *atomic.Int64, bps float64, silent bool) {
	now, old := int64(bps), rate.Load()
	switch {
	case silent:
		now = 0
	case old > 0:
		now = old + (now-old)/10
	}
	rate.Store(now)
}
