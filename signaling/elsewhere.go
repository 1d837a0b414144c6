package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/media/record"
)

// bringBack lays out the sessions whose directories are gone, as on another machine, from the segments in the file
// store. Those that cannot be had now are tried again until they are, or the hub ends.
func (h *Hub) bringBack(ctx context.Context) error {
	sessions, err := h.cfg.Docket.UnsettledSessions(ctx)
	if err != nil {
		return fmt.Errorf("signaling: sessions of another machine: %w", err)
	}
	for _, s := range sessions {
		dir := filepath.Join(h.cfg.RecordingDir, s.Hearing.String(), s.Session)
		if _, err := os.Stat(dir + ".json"); !errors.Is(err, fs.ErrNotExist) {
			continue // it is here, or recover says what is wrong with it
		}
		err := h.bringBackSession(ctx, dir, s)
		if err != nil {
			h.log.Error("signaling: recording of another machine waits", "hearing", s.Hearing, "error", err)
			h.finishes.Go(func() { h.bringBackLater(dir, s) })
		}
	}
	return nil
}

// bringBackLater tries until the session is here, and finishes it.
func (h *Hub) bringBackLater(dir string, s docket.RecordingSession) {
	tick := time.NewTicker(uploadPause)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		err := h.bringBackSession(h.ctx, dir, s)
		if err == nil {
			err = h.recoverSession(h.ctx, dir+".json")
		}
		if err == nil {
			return
		}
		h.log.Error("signaling: recording of another machine waits", "hearing", s.Hearing, "error", err)
	}
}

// bringBackSession lays one session out. Files that were stored before are made again, are the same, and are not stored
// twice. The session file comes last.
func (h *Hub) bringBackSession(ctx context.Context, dir string, s docket.RecordingSession) error {
	all, err := h.cfg.Docket.Segments(ctx, s.Hearing)
	if err != nil {
		return err
	}
	file := sessionFile{Hearing: s.Hearing, Names: map[string]string{}}
	lines, err := linesOf(all, s.Session)
	if err != nil {
		return err
	}
	for _, l := range lines {
		file.Names[l.Participant] = ""
	}
	if err := h.nameAgain(ctx, file); err != nil {
		return err
	}
	lost, err := h.layOut(ctx, dir, lines)
	if err != nil {
		return err
	}
	if err := writeSession(dir+".json", file); err != nil {
		return err
	}
	h.log.Warn("signaling: recording of another machine is laid out", "hearing", s.Hearing, "segments", len(lines), "lost", lost)
	if lost == 0 {
		return nil
	}
	return h.enterGap(ctx, s.Hearing, s.Session, record.CauseLost)
}

// layOut lays a session's directory out from the segments in the file store, and tells how many it does not have.
func (h *Hub) layOut(ctx context.Context, dir string, lines []record.Segment) (lost int, err error) {
	err = record.Restore(dir, lines, func(l record.Segment) (io.ReadCloser, error) {
		r, err := h.copyOf(ctx, l)
		if errors.Is(err, record.ErrGone) {
			lost++
		}
		return r, err
	})
	return lost, err
}

// enterGap enters in the docket that a part of a session's recording is not there.
func (h *Hub) enterGap(ctx context.Context, hearing uuid.UUID, session, cause string) error {
	return h.cfg.Docket.HearingEvent(ctx, identity.System, hearing, docket.EventRecordingGap, recordingNote{Session: session, Cause: cause})
}

// copyOf opens the file store's copy of a segment; record.ErrGone when it has none.
func (h *Hub) copyOf(ctx context.Context, l record.Segment) (io.ReadCloser, error) {
	hash, err := blob.ParseHash(l.SHA256)
	if err != nil {
		return nil, err
	}
	r, err := h.cfg.Blobs.Open(ctx, hash)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", record.ErrGone, err)
	}
	return r, err
}

// mendLists puts a session's lists of segments right by what docket was told of each closed segment. A damaged list is
// kept, as a defect of its participant's recording. A directory that is gone, which every session has, is laid out again
// from the file store, and entered as a gap: what was not told to docket yet is gone whatever the store has.
func (h *Hub) mendLists(ctx context.Context, dir string, hearing uuid.UUID) error {
	all, err := h.cfg.Docket.Segments(ctx, hearing)
	if err != nil {
		return err
	}
	lines, err := linesOf(all, filepath.Base(dir))
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		lost, err := h.layOut(ctx, dir, lines)
		if err != nil {
			return err
		}
		h.log.Error("signaling: the directory of a recording was gone", "hearing", hearing, "dir", dir, "segments", len(lines), "lost", lost)
		return h.enterGap(ctx, hearing, filepath.Base(dir), record.CauseLost)
	}
	damaged, err := record.MendLists(dir, lines)
	if damaged > 0 {
		h.log.Warn("signaling: recording had damaged lists of segments", "hearing", hearing, "lists", damaged)
	}
	return err
}

// linesOf gives a session's lines in the recorder's lists.
func linesOf(all []docket.Segment, session string) (lines []record.Segment, err error) {
	for _, s := range all {
		if s.Session != session {
			continue
		}
		line, err := lineOfSegment(s)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// mend replaces a session's damaged segments by the file store's copies and makes the files. What has no sound copy is
// entered as a gap, and its defective file is kept.
func (h *Hub) mend(ctx context.Context, dir string, hearing uuid.UUID) ([]record.Finished, error) {
	defects, err := record.Mend(dir, func(l record.Segment) (io.ReadCloser, error) { return h.copyOf(ctx, l) })
	if err != nil {
		return nil, err
	}
	h.log.Warn("signaling: recording had damaged segments", "hearing", hearing, "without_copy", defects)
	if defects > 0 {
		if err := h.enterGap(ctx, hearing, filepath.Base(dir), record.CauseDamaged); err != nil {
			return nil, err
		}
	}
	return record.Recover(dir)
}

// lineOfSegment is the segment's line in the recorder's list.
func lineOfSegment(s docket.Segment) (record.Segment, error) {
	s, err := s.Exact()
	if err != nil {
		return record.Segment{}, err
	}
	line := record.Segment{Number: s.Number, Participant: s.Participant, File: record.SegmentFile(s.Number), Size: s.Size,
		SHA256: s.Hash.String(), From: s.From, To: s.To}
	if !s.Previous.IsZero() {
		line.Previous = s.Previous.String()
	}
	return line, nil
}

// nameAgain finds the names of a session's participants: of the case's people in the case, of others by their account.
func (h *Hub) nameAgain(ctx context.Context, file sessionFile) error {
	hearing, err := h.cfg.Docket.Hearing(ctx, file.Hearing)
	if err != nil {
		return err
	}
	c, err := h.cfg.Docket.Case(ctx, hearing.Case)
	if err != nil {
		return err
	}
	for participant := range file.Names {
		account, err := uuid.Parse(participant)
		if err != nil {
			continue // a stream that stands for no account
		}
		if party, ok := c.PartyOf(account); ok {
			file.Names[participant] = party.Name
		} else if h.cfg.Name != nil {
			if file.Names[participant], err = h.cfg.Name(ctx, account); err != nil {
				h.log.Warn("signaling: name of a recorded person", "error", err)
			}
		}
	}
	return nil
}
