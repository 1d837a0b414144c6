package media

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	forwardingGap  = 3 * time.Second // a shorter pause does not end a stretch; a lost right does
	forwardingKept = 1 << 16         // stretches that wait to be taken
)

// Forwarding is a stretch of time in which packets of one track went to one receiver.
type Forwarding struct {
	Receiver string // id of the peer
	Track    TrackInfo
	From, To time.Time // when the first and the last packet came in
	Packets  int64     // without those sent again
}

// forwardLog is a room's list of what was forwarded to whom.
type forwardLog struct {
	mu    sync.Mutex // guards what follows
	on    bool
	ended []Forwarding
	gone  []*subscription // whose stretch may still be open
}

// stretch is a subscription's Forwarding that goes on; the worker owns it.
type stretch struct {
	from   time.Time // zero: nothing is forwarded
	before uint32    // of the subscription's packets, those before it
	told   uint32    // of the subscription's packets, those already told
}

// note takes packets that were forwarded and are not counted yet; last is when the one before them came in.
func (s *subscription) note(first, last time.Time) {
	if !s.stretch.from.IsZero() && first.Sub(last) > forwardingGap {
		s.endStretch(last)
	}
	if s.stretch.from.IsZero() {
		s.stretch = stretch{from: first, before: s.packets, told: s.packets}
	}
}

// endStretch closes the open stretch, if there is one, with the packet that came in at to.
func (s *subscription) endStretch(to time.Time) {
	if s.stretch.from.IsZero() {
		return
	}
	f := s.forwarding(to)
	s.stretch.from = time.Time{}
	log := &s.track.peer.room.forwards
	log.mu.Lock()
	defer log.mu.Unlock()
	switch {
	case !log.on:
	case len(log.ended) >= forwardingKept:
		s.track.peer.sfu.metrics.unnoted.Inc()
	default:
		log.ended = append(log.ended, f)
	}
}

func (s *subscription) forwarding(to time.Time) Forwarding {
	from := s.stretch.from
	if to.Before(from) { // held back sound is older than what let it through
		to = from
	}
	return Forwarding{Receiver: s.peer.id, Track: s.track.info, From: from, To: to, Packets: int64(s.packets - s.stretch.before)}
}

// settle ends the stretch when the right is gone or nothing came for a while.
func (s *subscription) settle(now time.Time, cut bool) {
	if cut || !s.allowed.Load() || !s.track.permitted.Load() || now.Sub(s.sentAt) > forwardingGap {
		s.endStretch(s.sentAt)
	}
}

// left keeps a subscription that ends until its stretch was taken.
func (l *forwardLog) left(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.on:
	case len(l.gone) >= forwardingKept:
		s.track.peer.sfu.metrics.unnoted.Inc()
	default:
		l.gone = append(l.gone, s)
	}
}

// takeGone gives those of the worker's subscriptions that ended.
func (l *forwardLog) takeGone(w *worker) (list []*subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = slices.DeleteFunc(l.gone, func(s *subscription) bool {
		if s.track.w == w {
			list = append(list, s)
		}
		return s.track.w == w
	})
	return list
}

// LogForwardings begins to note who receives what; what was forwarded before is not in the list. Who begins must
// take the list with Forwardings every few seconds, for it holds only so much.
func (r *Room) LogForwardings() {
	r.forwards.mu.Lock()
	r.forwards.on = true
	r.forwards.mu.Unlock()
	r.Forwardings(true)
}

// Forwardings gives the stretches that ended since the last call and those that go on and grew. A stretch keeps its
// Receiver, Track.ID and From for its life; its To and Packets grow. cut ends what goes on, so that what follows is
// a stretch of its own. After Room.Close the list is complete. One caller at a time.
func (r *Room) Forwardings(cut bool) []Forwarding {
	r.mu.Lock()
	tracks := slices.Collect(maps.Values(r.tracks))
	r.mu.Unlock()
	log := &r.forwards
	var open []Forwarding
	for _, w := range r.sfu.workers { // each, for what was begun before has ended then
		w.call(func() {
			now := time.Now()
			for _, s := range log.takeGone(w) {
				s.settle(now, true)
			}
			for _, t := range tracks {
				if t.w != w {
					continue
				}
				for _, s := range t.subscriptions() {
					s.settle(now, cut)
					if !s.stretch.from.IsZero() && s.packets != s.stretch.told {
						s.stretch.told = s.packets
						open = append(open, s.forwarding(s.sentAt))
					}
				}
			}
		})
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	out := append(log.ended, open...)
	log.ended = nil
	return out
}
