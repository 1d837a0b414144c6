package signaling

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/media"
)

const (
	forwardingFlush = time.Second // a crash loses at most this much of who received whom
	forwardingRetry = 5 * time.Second
	forwardingKept  = 1 << 16 // stretches that wait for a database that does not answer
	forwardingBatch = 1 << 12 // given to docket at once
)

// forwardingKey names a stretch for its life.
type forwardingKey struct {
	receiver, track string
	from            time.Time
}

// forwarding gives docket, while a hearing is open, who received whose picture and sound.
type forwarding struct {
	hub     *Hub
	hearing uuid.UUID
	media   *media.Room
	log     *slog.Logger
	cuts    chan struct{} // asks for a new stretch at a change of phase
	quit    chan struct{} // closed by end
	done    chan struct{} // closed when docket has the last stretch, or the server stops without it

	waiting map[forwardingKey]docket.Forwarding // owned by run
}

// followForwarding keeps the list from the hearing's opening to its close, each phase with stretches of its own.
func (r *room) followForwarding() {
	switch r.hearing.Phase {
	case docket.PhaseWaiting:
	case docket.PhaseClosed:
		r.endForwarding()
	default:
		if r.forwarding == nil {
			r.media.LogForwardings()
			r.forwarding = &forwarding{hub: r.hub, hearing: r.id, media: r.media, log: r.log, cuts: make(chan struct{}, 1),
				quit: make(chan struct{}), done: make(chan struct{}), waiting: map[forwardingKey]docket.Forwarding{}}
			go r.forwarding.run()
			return
		}
		select {
		case r.forwarding.cuts <- struct{}{}:
		default: // the one that waits does for both
		}
	}
}

// endForwarding has the rest of the list stored; the media room is closed already. Shutdown waits for it, and so does
// the integrity value.
func (r *room) endForwarding() {
	f := r.forwarding
	if f == nil {
		return
	}
	r.forwarding = nil
	close(f.quit)
	r.hub.finishes.Go(func() { <-f.done })
}

func (f *forwarding) run() {
	defer close(f.done)
	tick := time.NewTicker(forwardingFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.take(false)
			f.flush()
		case <-f.cuts:
			f.take(true)
		case <-f.quit:
			f.take(true)
			for !f.flush() {
				select {
				case <-time.After(forwardingRetry):
				case <-f.hub.ctx.Done():
					f.log.Error("signaling: the last of who received whom is lost", "stretches", len(f.waiting))
					return
				}
			}
			return
		}
	}
}

// take gathers what media noted. What waits already is replaced by the later word.
func (f *forwarding) take(cut bool) {
	lost := 0
	for _, s := range f.media.Forwardings(cut) {
		key := forwardingKey{s.Receiver, s.Track.ID, s.From}
		if _, known := f.waiting[key]; !known && len(f.waiting) >= forwardingKept {
			lost++
			continue
		}
		f.waiting[key] = docket.Forwarding{Receiver: s.Receiver, Sender: s.Track.Peer, Track: s.Track.ID, Source: s.Track.Source,
			From: s.From, To: s.To, Packets: s.Packets}
	}
	if lost > 0 {
		f.log.Error("signaling: who received whom found no room", "stretches", lost)
	}
}

// flush gives docket what waits; what it could not take stays for the next time.
func (f *forwarding) flush() bool {
	keys := slices.Collect(maps.Keys(f.waiting))
	for batch := range slices.Chunk(keys, forwardingBatch) {
		list := make([]docket.Forwarding, len(batch))
		for i, k := range batch {
			list[i] = f.waiting[k]
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		err := f.hub.cfg.Docket.AddForwardings(ctx, f.hearing, list)
		cancel()
		if err != nil {
			f.log.Error("signaling: who received whom waits", "stretches", len(f.waiting), "error", err)
			return false
		}
		for _, k := range batch {
			delete(f.waiting, k)
		}
	}
	return true
}
