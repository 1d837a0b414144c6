package docket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/interruption"
)

// Playback reads what a player shows of the hearing; ErrNotFound.
func (d *Docket) Playback(ctx context.Context, hearingID uuid.UUID) (Playback, error) {
	s := playbackSource{entries: map[uuid.UUID]int{}, segments: map[string]int{}}
	var err error
	if s.hearing, err = d.Hearing(ctx, hearingID); err != nil {
		return Playback{}, err
	}
	if s.recordings, err = d.Recordings(ctx, hearingID); err != nil {
		return Playback{}, err
	}
	t, err := d.Transcript(ctx, hearingID)
	if err != nil {
		return Playback{}, err
	}
	s.lines = t.Lines
	if err := d.playbackEntries(ctx, &s); err != nil {
		return Playback{}, err
	}
	events, err := d.recordingEvents(ctx, s.hearing)
	if err != nil {
		return Playback{}, err
	}
	end := d.now()
	if s.hearing.ClosedAt != nil {
		end = *s.hearing.ClosedAt
	}
	s.whole = interruption.List(events[hearingID], nil, end)
	if s.spoken, err = d.spoken(ctx, hearingID); err != nil {
		return Playback{}, err
	}
	if err := d.countSegments(ctx, hearingID, s.segments); err != nil {
		return Playback{}, err
	}
	p := s.playback()
	keeping, err := d.keeping(ctx, d.pool, s.hearing)
	if err != nil {
		return Playback{}, err
	}
	if keeping.Deleted() {
		p.Deletion = keeping.Deletion
	}
	value, err := d.IntegrityOf(ctx, hearingID)
	switch {
	case err == nil:
		p.Integrity = &value
	case !errors.Is(err, ErrNotFound):
		return Playback{}, err
	}
	return p, nil
}

// playbackEntries reads from the case's record when the phases began and where each recording was entered.
func (d *Docket) playbackEntries(ctx context.Context, s *playbackSource) error {
	rows, err := d.pool.Query(ctx, `SELECT seq, kind, at, payload FROM entries
		WHERE case_id = $1 AND kind IN ('hearing.phase', 'recording.stored') ORDER BY seq`, s.hearing.Case)
	if err != nil {
		return fmt.Errorf("docket: entries of the hearing: %w", err)
	}
	var seq int
	var kind string
	var at time.Time
	var payload []byte
	_, err = pgx.ForEachRow(rows, []any{&seq, &kind, &at, &payload}, func() error {
		var p struct {
			Data struct {
				Hearing   uuid.UUID `json:"hearing"`
				To        Phase     `json:"to"`
				Recording uuid.UUID `json:"recording"`
			} `json:"data"`
		}
		if err := json.Unmarshal(payload, &p); err != nil {
			return fmt.Errorf("entry %d: %w", seq, err)
		}
		switch {
		case p.Data.Hearing != s.hearing.ID:
		case kind == EntryRecording:
			s.entries[p.Data.Recording] = seq
		default:
			s.phases = append(s.phases, phaseAt{p.Data.To, at.UTC()})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("docket: entries of the hearing: %w", err)
	}
	return nil
}

func (d *Docket) countSegments(ctx context.Context, hearingID uuid.UUID, counts map[string]int) error {
	rows, err := d.pool.Query(ctx, `SELECT session || ' ' || participant, count(*) FROM recording_segments
		WHERE hearing_id = $1 GROUP BY session, participant`, hearingID)
	if err != nil {
		return fmt.Errorf("docket: count segments: %w", err)
	}
	var of string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&of, &n}, func() error { counts[of] = n; return nil }); err != nil {
		return fmt.Errorf("docket: count segments: %w", err)
	}
	return nil
}

// AddSpoken records who spoke when. What is there already is left.
func (d *Docket) AddSpoken(ctx context.Context, hearingID uuid.UUID, list []Spoken) error {
	return d.inTx(ctx, "who spoke", func(tx pgx.Tx) error {
		for _, s := range list {
			if _, err := tx.Exec(ctx, `INSERT INTO hearing_speaking (hearing_id, participant, from_at, to_at)
				VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, hearingID, s.Participant, s.From.UTC(), s.To.UTC()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Docket) spoken(ctx context.Context, hearingID uuid.UUID) ([]Spoken, error) {
	rows, err := d.pool.Query(ctx, `SELECT participant, from_at, to_at FROM hearing_speaking
		WHERE hearing_id = $1 ORDER BY from_at, participant`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: who spoke: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Spoken, error) {
		var s Spoken
		err := row.Scan(&s.Participant, &s.From, &s.To)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: who spoke: %w", err)
	}
	return list, nil
}
