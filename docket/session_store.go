package docket

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
)

// RecordingSession is one run of a hearing's recorder.
type RecordingSession struct {
	Hearing uuid.UUID
	Session string
}

// addSession notes that a session has segments. One that was settled stays so:
// the recorder may report its segments again.
func addSession(ctx context.Context, tx pgx.Tx, hearingID uuid.UUID, session string) error {
	_, err := tx.Exec(ctx, `INSERT INTO recording_sessions (hearing_id, session) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hearingID, session)
	return err
}

// UnsettledSessions lists the sessions that have segments and are not settled.
func (d *Docket) UnsettledSessions(ctx context.Context) ([]RecordingSession, error) {
	return d.sessions(ctx, `settled_at IS NULL AND cleared_at IS NULL`)
}

func (d *Docket) sessions(ctx context.Context, which string) ([]RecordingSession, error) {
	rows, err := d.pool.Query(ctx, `SELECT hearing_id, session FROM recording_sessions WHERE `+which+` ORDER BY hearing_id, session`)
	if err != nil {
		return nil, fmt.Errorf("docket: sessions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RecordingSession])
	if err != nil {
		return nil, fmt.Errorf("docket: sessions: %w", err)
	}
	return list, nil
}

// SettleSession says that all that a session recorded is stored, and takes its
// single segments, which are in the originals, out of the file store. ClearSessions
// does what a crash in between left.
func (d *Docket) SettleSession(ctx context.Context, hearingID uuid.UUID, session string) error {
	_, err := d.pool.Exec(ctx, `UPDATE recording_sessions SET settled_at = $3 WHERE hearing_id = $1 AND session = $2 AND settled_at IS NULL`,
		hearingID, session, d.now())
	if err != nil {
		return fmt.Errorf("docket: settle session: %w", err)
	}
	return d.clearSession(ctx, RecordingSession{hearingID, session})
}

// ClearSessions takes the single segments of settled sessions out of the file store.
func (d *Docket) ClearSessions(ctx context.Context) error {
	list, err := d.sessions(ctx, `settled_at IS NOT NULL AND cleared_at IS NULL`)
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := d.clearSession(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// clearSession leaves an original of one segment: it is the same file as that segment.
func (d *Docket) clearSession(ctx context.Context, s RecordingSession) error {
	rows, err := d.pool.Query(ctx, `SELECT s.hash FROM recording_segments s JOIN recording_sessions n USING (hearing_id, session)
		WHERE hearing_id = $1 AND session = $2 AND n.cleared_at IS NULL
			AND NOT EXISTS (SELECT FROM recordings r WHERE r.hearing_id = $1 AND r.original_hash = s.hash)`, s.Hearing, s.Session)
	if err != nil {
		return fmt.Errorf("docket: clear session: %w", err)
	}
	single, err := pgx.CollectRows(rows, pgx.RowTo[blob.Hash])
	if err != nil {
		return fmt.Errorf("docket: clear session: %w", err)
	}
	if err := d.blobs.Delete(ctx, single...); err != nil {
		return fmt.Errorf("docket: clear session: %w", err)
	}
	_, err = d.pool.Exec(ctx, `UPDATE recording_sessions SET cleared_at = $3 WHERE hearing_id = $1 AND session = $2 AND cleared_at IS NULL`,
		s.Hearing, s.Session, d.now())
	if err != nil {
		return fmt.Errorf("docket: clear session: %w", err)
	}
	return nil
}
