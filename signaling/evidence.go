package signaling

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/media/record"
)

const (
	segmentQueue = 1024 // closed segments that wait for docket: minutes of a full room
	segmentBatch = 64   // entered in one transaction
	enterAgain   = time.Second
)

// evidence enters a recording's segments with docket while the hearing runs. The recorder never waits for
// it: what the database cannot take waits until it does, and what finds no room to wait, or waits still when
// the recording ends, is entered with the finished file from the segment list.
type evidence struct {
	hub     *Hub
	hearing uuid.UUID
	session string
	log     *slog.Logger
	queue   chan record.Segment
	ending  chan struct{} // closed when nothing is added any more
	done    chan struct{} // closed when the last segment was entered
	dropped atomic.Bool   // the hearing did not open: nothing was recorded
}

func (h *Hub) newEvidence(hearing uuid.UUID, session string, log *slog.Logger) *evidence {
	e := &evidence{hub: h, hearing: hearing, session: session, log: log,
		queue: make(chan record.Segment, segmentQueue), ending: make(chan struct{}), done: make(chan struct{})}
	go e.run()
	return e
}

// add takes a closed segment (record.Options.OnSegment).
func (e *evidence) add(s record.Segment) {
	select {
	case e.queue <- s:
	default:
		e.log.Warn("signaling: segment waits for the finished file", "number", s.Number)
	}
}

// end waits until what was added is entered, or was tried. Nothing is added after it.
func (e *evidence) end() {
	close(e.ending)
	close(e.queue)
	<-e.done
}

func (e *evidence) run() {
	defer close(e.done)
	for first := range e.queue {
		if e.dropped.Load() {
			continue
		}
		batch := []record.Segment{first}
		for len(batch) < segmentBatch && len(e.queue) > 0 {
			batch = append(batch, <-e.queue)
		}
		e.enter(batch)
	}
}

// enter gives segments to docket, again and again while the database does not take them.
func (e *evidence) enter(batch []record.Segment) {
	for tries := 0; ; tries++ {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		err := e.hub.enterSegments(ctx, e.hearing, e.session, batch)
		cancel()
		if err == nil {
			return
		}
		if tries == 0 {
			e.log.Error("signaling: segments are not entered", "segments", len(batch), "error", err)
		}
		if errors.Is(err, docket.ErrConflict) { // waiting changes nothing
			return
		}
		select {
		case <-time.After(enterAgain):
		case <-e.ending:
			return
		}
	}
}

// enterSegments gives segments to docket, which puts each into the ledger once.
func (h *Hub) enterSegments(ctx context.Context, hearing uuid.UUID, session string, list []record.Segment) error {
	segments := make([]docket.Segment, len(list))
	for i, l := range list {
		s := docket.Segment{Session: session, Participant: l.Participant, Number: l.Number, From: l.From, To: l.To, Size: l.Size}
		var err, chained error
		s.Hash, err = blob.ParseHash(l.SHA256)
		if l.Previous != "" {
			s.Previous, chained = blob.ParseHash(l.Previous)
		}
		chain, unreadable := blob.ParseHash(l.Chain())
		if err := errors.Join(err, chained, unreadable); err != nil {
			return fmt.Errorf("signaling: segment %d: %w", l.Number, err)
		}
		s.Chain = chain
		segments[i] = s
	}
	if err := h.cfg.Docket.AddSegments(ctx, hearing, segments); err != nil {
		return fmt.Errorf("signaling: enter segments: %w", err)
	}
	return nil
}

// settle seals the hearing when the session in dir is the last that it waits for, and takes the session away. Sealing
// comes first, so that a crash in between seals after the restart. One session is settled at a time: two that end
// together would each leave the sealing to the other.
func (h *Hub) settle(ctx context.Context, dir string, hearing uuid.UUID) error {
	h.sealing.Lock()
	defer h.sealing.Unlock()
	if err := h.sealLocked(ctx, hearing, dir+".json"); err != nil {
		return err
	}
	if err := h.cfg.Docket.SettleSession(ctx, hearing, filepath.Base(dir)); err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	return clearSession(dir)
}

// clearSession takes away what a session left on the disk, but a directory with defective segments that no file of the
// docket's is: they are kept (AV 5).
func clearSession(dir string) error {
	err := os.Remove(dir + ".json")
	if errors.Is(err, fs.ErrNotExist) { // the disk was full already
		err = nil
	}
	unkept, unread := record.Unkept(dir)
	if err = errors.Join(err, unread); err == nil && len(unkept) == 0 {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("signaling: clear recording: %w", err)
	}
	return nil
}

// sealUnrecorded seals a hearing that closed while no recorder ran, unless a session of it waits to be stored.
func (h *Hub) sealUnrecorded(hearing uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	h.sealing.Lock()
	defer h.sealing.Unlock()
	if err := h.sealLocked(ctx, hearing, ""); err != nil {
		h.log.Error("signaling: hearing is not sealed", "hearing", hearing, "error", err)
	}
}

// sealLeft seals the hearings that closed before a crash and wait for no session.
func (h *Hub) sealLeft(ctx context.Context) error {
	hearings, err := h.cfg.Docket.UnsealedHearings(ctx)
	if err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	for _, id := range hearings {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("signaling: seal hearings: %w", err)
		}
		h.sealUnrecorded(id)
	}
	return nil
}

// sealLocked has docket compute the integrity value of a closed hearing, when no session file but the settled one lies
// in its directory.
func (h *Hub) sealLocked(ctx context.Context, hearing uuid.UUID, settled string) error {
	sessions, err := filepath.Glob(filepath.Join(h.cfg.RecordingDir, hearing.String(), "*.json"))
	if err != nil {
		return fmt.Errorf("signaling: sessions of the hearing: %w", err)
	}
	for _, path := range sessions {
		if path != settled {
			return nil
		}
	}
	_, err = h.cfg.Docket.SealRecord(ctx, hearing)
	if err != nil && !errors.Is(err, docket.ErrConflict) { // a hearing that goes on is sealed later
		return fmt.Errorf("signaling: integrity value: %w", err)
	}
	if err == nil {
		h.sealed(hearing)
	}
	return nil
}
