package media

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

const eventQueue = 512 // events a slow receiver may be behind

// Peer is one client in a room, with its two PeerConnections. Its methods
// are safe for concurrent use.
type Peer struct {
	room *Room
	sfu  *SFU
	id   string
	perm Permissions // guarded by room.mu
	only string      // WHEP: receive only this peer or track; immutable

	answering bool // WHEP: the client offers on sub too; immutable

	wake   chan struct{} // asks the negotiation goroutine to reconcile
	done   chan struct{} // closed by close
	once   sync.Once
	reason string // of closing; written before done closes

	queue chan func(Events)

	faults [faultKinds]atomic.Bool // that were logged

	mu     sync.Mutex // guards what follows
	events Events
	begun  minute // negotiations that the client began

	pub publisher
	sub subscriber

	down downlink
}

func newPeer(r *Room, id string, opts JoinOptions) *Peer {
	return &Peer{room: r, sfu: r.sfu, id: id, perm: opts.Permissions, events: opts.Events, only: opts.only, answering: opts.answering,
		wake: make(chan struct{}, 1), done: make(chan struct{}), queue: make(chan func(Events), eventQueue)}
}

func (p *Peer) start() {
	p.pub.init(p)
	p.sub.init(p)
	p.down.init(p)
	p.sfu.wg.Go(p.deliver)
	p.sfu.wg.Go(p.sub.run)
}

// ID is the id that the peer joined under.
func (p *Peer) ID() string { return p.id }

// Room is the room that the peer joined.
func (p *Peer) Room() *Room { return p.room }

// Done is closed when the peer is closed.
func (p *Peer) Done() <-chan struct{} { return p.done }

func (p *Peer) isClosed() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *Peer) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default: // a wake-up is waiting already
	}
}

// post queues an event; a receiver that is hopelessly behind loses its peer.
func (p *Peer) post(f func(Events)) {
	select {
	case p.queue <- f:
	default:
		p.sfu.log.Warn("media: a peer's event queue is full, closing it")
		p.close("event queue full")
	}
}

// deliver is the peer's event goroutine.
func (p *Peer) deliver() {
	for {
		select {
		case f := <-p.queue:
			f(p.handlers())
		case <-p.done:
			if e := p.handlers(); e.Closed != nil {
				e.Closed(p.reason)
			}
			return
		}
	}
}

func (p *Peer) handlers() Events {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events
}

// SetEvents gives the peer's events to a new receiver: the client's socket
// was lost and came back while its connections lived on. The current
// tracks and an offer that is still unanswered are told again.
func (p *Peer) SetEvents(e Events) {
	p.mu.Lock()
	p.events = e
	p.mu.Unlock()
	p.sub.repeat()
}

// SetPermissions replaces what the peer may do. When it returns, packets
// that the new permissions forbid are no longer forwarded.
func (p *Peer) SetPermissions(perm Permissions) {
	p.room.mu.Lock()
	p.perm = perm
	p.room.enforceLocked()
	p.room.mu.Unlock()
	p.room.wakeAll()
}

// Candidate takes a candidate that the client trickled for target "pub" or
// "sub". It is kept until the remote description is there. An empty
// candidate (end of candidates) is accepted.
func (p *Peer) Candidate(target string, c webrtc.ICECandidateInit) error {
	if p.isClosed() {
		return ErrClosed
	}
	q := &p.pub.candidates
	if target == TargetSubscribe {
		q = &p.sub.candidates
	}
	err := q.add(c)
	switch {
	case errors.Is(err, ErrLimit):
		p.fault(faultLimit)
	case err != nil:
		p.fault(faultCandidate)
	}
	return err
}

// Restart restarts ICE of the sub connection with a new offer. The pub
// connection restarts when the client offers with new credentials.
// Errors: ErrLimit, ErrClosed.
func (p *Peer) Restart() error {
	if err := p.admit(""); err != nil {
		return err
	}
	p.sub.restart()
	p.wakeUp()
	return nil
}

// Close closes both connections and ends the peer's tracks. It does not wait
// for the connections' goroutines; SFU.Close does.
func (p *Peer) Close() { p.close("closed") }

func (p *Peer) close(reason string) {
	p.once.Do(func() {
		p.reason = reason
		close(p.done)
		p.room.remove(p)
		p.pub.endTracks()
		p.sfu.wg.Go(func() {
			p.pub.close()
			p.sub.close()
		})
	})
}

// admit counts a negotiation that the client began against the limit.
func (p *Peer) admit(description string) error {
	if err := p.within(description); err != nil {
		return err
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun.full(p.sfu.cfg.Limits.NegotiationsPerMinute, now) {
		p.fault(faultLimit)
		return ErrLimit
	}
	p.begun = append(p.begun, now)
	return nil
}

// within tells whether the peer lives and a description is within its bounds.
func (p *Peer) within(description string) error {
	if p.isClosed() {
		return ErrClosed
	}
	if len(description) > p.sfu.cfg.Limits.SDPBytes || candidatesIn(description) > maxCandidateSDP {
		p.fault(faultLimit)
		return ErrLimit
	}
	return nil
}

// candidates keeps what arrives before the remote description.
type candidates struct {
	limit int

	mu      sync.Mutex // guards what follows
	pc      *webrtc.PeerConnection
	waiting []webrtc.ICECandidateInit
	given   int // to pc since its last description
}

func (q *candidates) add(c webrtc.ICECandidateInit) error {
	if len(c.Candidate) > maxCandidateLine {
		return ErrLimit
	}
	q.mu.Lock()
	pc := q.pc
	if pc == nil {
		defer q.mu.Unlock()
		if len(q.waiting) >= q.limit {
			return ErrLimit
		}
		q.waiting = append(q.waiting, c)
		return nil
	}
	q.given++
	over := q.given > q.limit
	q.mu.Unlock()
	if over {
		return ErrLimit
	}
	return pc.AddICECandidate(c)
}

// release gives pc the candidates that waited. Those that pion does not
// understand (mDNS names, foreign protocols) are only lost themselves.
func (q *candidates) release(pc *webrtc.PeerConnection) (bad int) {
	q.mu.Lock()
	waiting := q.waiting
	q.pc, q.waiting, q.given = pc, nil, 0
	q.mu.Unlock()
	for _, c := range waiting {
		if pc.AddICECandidate(c) != nil {
			bad++
		}
	}
	return bad
}

func (q *candidates) hold() {
	q.mu.Lock()
	q.pc = nil
	q.mu.Unlock()
}
