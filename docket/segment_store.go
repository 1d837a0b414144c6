package docket

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// AddSegments records closed segments of a hearing's recording and queues a
// leaf of each in the ledger, in one transaction. Segments that are there
// already change nothing, so that the recorder may report them again after a
// crash; another content under the same number is ErrConflict.
func (d *Docket) AddSegments(ctx context.Context, hearingID uuid.UUID, segments []Segment) error {
	return d.inTx(ctx, "recording segments", func(tx pgx.Tx) error {
		// One writer a hearing: a segment gets one leaf. Entries of the case do not wait for it.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 110))`, hearingID.String()); err != nil {
			return err
		}
		sessions := map[string]bool{}
		for _, s := range segments {
			if !sessions[s.Session] {
				sessions[s.Session] = true
				if err := addSession(ctx, tx, hearingID, s.Session); err != nil {
					return err
				}
			}
			if err := d.addSegment(ctx, tx, hearingID, s); err != nil {
				return fmt.Errorf("segment %d of %s: %w", s.Number, s.Participant, err)
			}
		}
		return nil
	})
}

func (d *Docket) addSegment(ctx context.Context, tx pgx.Tx, hearingID uuid.UUID, s Segment) error {
	var known []byte
	err := tx.QueryRow(ctx, `SELECT hash FROM recording_segments
		WHERE hearing_id = $1 AND session = $2 AND participant = $3 AND number = $4`,
		hearingID, s.Session, s.Participant, s.Number).Scan(&known)
	if err == nil {
		if blob.Hash(known) != s.Hash {
			return ErrConflict
		}
		return nil
	}
	if err := notFound(err); err != ErrNotFound {
		return err
	}
	payload, err := canonical(segmentPayload{hearingID, s})
	if err != nil {
		return err
	}
	leaf, err := ledger.Queue(ctx, tx, payload)
	if err != nil {
		return err
	}
	var previous []byte
	if !s.Previous.IsZero() {
		previous = s.Previous[:]
	}
	_, err = tx.Exec(ctx, `INSERT INTO recording_segments (hearing_id, session, participant, number, started_at, ended_at,
			size, hash, previous, chain, payload, leaf_id, leaf_salt, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		hearingID, s.Session, s.Participant, s.Number, s.From.UTC(), s.To.UTC(), s.Size, s.Hash[:], previous, s.Chain[:],
		payload, leaf.ID, leaf.Salt[:], d.now())
	return err
}

// LastSegments gives, by participant, the Chain of the last segment of the
// hearing that is entered.
func (d *Docket) LastSegments(ctx context.Context, hearingID uuid.UUID) (map[string]blob.Hash, error) {
	rows, err := d.pool.Query(ctx, `SELECT DISTINCT ON (participant) participant, chain FROM recording_segments
		WHERE hearing_id = $1 ORDER BY participant, session DESC, number DESC`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: last segments: %w", err)
	}
	last := map[string]blob.Hash{}
	var participant string
	var chain []byte
	_, err = pgx.ForEachRow(rows, []any{&participant, &chain}, func() error {
		last[participant] = blob.Hash(chain)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: last segments: %w", err)
	}
	return last, nil
}

// Segments lists the hearing's recorded segments, by session, participant and
// number: those of each participant in the order of time.
func (d *Docket) Segments(ctx context.Context, hearingID uuid.UUID) ([]Segment, error) {
	return selectSegments(ctx, d.pool, hearingID)
}

func selectSegments(ctx context.Context, q querier, hearingID uuid.UUID) ([]Segment, error) {
	rows, err := q.Query(ctx, `SELECT session, participant, number, started_at, ended_at, size, hash, previous, chain,
			payload, leaf_id, leaf_salt
		FROM recording_segments WHERE hearing_id = $1 ORDER BY session, participant, number`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: segments: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Segment, error) {
		var s Segment
		var hash, previous, chain, salt []byte
		err := row.Scan(&s.Session, &s.Participant, &s.Number, &s.From, &s.To, &s.Size, &hash, &previous, &chain,
			&s.Payload, &s.Leaf.ID, &salt)
		copy(s.Hash[:], hash)
		copy(s.Previous[:], previous)
		copy(s.Chain[:], chain)
		copy(s.Leaf.Salt[:], salt)
		s.From, s.To = s.From.UTC(), s.To.UTC()
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: segments: %w", err)
	}
	return list, nil
}
