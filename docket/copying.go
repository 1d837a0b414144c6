package docket

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

// CopyRequest is an application to copy a case's recordings (AV 11, 15).
type CopyRequest struct {
	ID        uuid.UUID  `json:"id"`
	Case      uuid.UUID  `json:"case"`
	Account   uuid.UUID  `json:"account"`
	Name      string     `json:"name"`
	Reason    string     `json:"reason"`
	At        time.Time  `json:"at"`
	Granted   *bool      `json:"granted,omitempty"` // absent until decided
	DecidedAt *time.Time `json:"decided_at,omitempty"`
}

// Allowed reports whether the judge granted it.
func (c CopyRequest) Allowed() bool { return c.Granted != nil && *c.Granted }

// ApplyToCopy asks for leave to copy. ErrConflict while an earlier application
// of the same person is not decided.
func (d *Docket) ApplyToCopy(ctx context.Context, actor identity.Actor, caseID uuid.UUID, reason string) (CopyRequest, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || len([]rune(reason)) > maxLineRunes {
		return CopyRequest{}, fmt.Errorf("docket: copy: %w", invalid("reason", "reason_missing", "《最高人民法院关于人民法院庭审录音录像的若干规定》第十一条"))
	}
	c := CopyRequest{ID: newID(), Case: caseID, Account: actor.Account, Name: actor.Name, Reason: reason, At: d.now()}
	return c, d.inTx(ctx, "apply to copy", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO recording_copies (id, case_id, account, name, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`, c.ID, caseID, c.Account, c.Name, c.Reason, c.At)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrConflict
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryCopyAsked, Data: map[string]any{"request": c.ID, "reason": reason}})
		return err
	})
}

// DecideCopy grants or refuses an application once; ErrNotFound, ErrConflict
// when it is decided otherwise already.
func (d *Docket) DecideCopy(ctx context.Context, actor identity.Actor, caseID, request uuid.UUID, grant bool) error {
	return d.inTx(ctx, "decide on copying", func(tx pgx.Tx) error {
		var decided *bool
		err := tx.QueryRow(ctx, `SELECT granted FROM recording_copies WHERE id = $1 AND case_id = $2 FOR UPDATE`, request, caseID).Scan(&decided)
		if err != nil {
			return notFound(err)
		}
		if decided != nil {
			if *decided == grant {
				return nil
			}
			return ErrConflict
		}
		if _, err := tx.Exec(ctx, `UPDATE recording_copies SET granted = $2, decided_by = $3, decided_at = $4 WHERE id = $1`,
			request, grant, actor.Account, d.now()); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryCopyDecided, Data: map[string]any{"request": request, "granted": grant}})
		return err
	})
}

// CopyRequests lists the case's applications to copy, the newest first.
func (d *Docket) CopyRequests(ctx context.Context, caseID uuid.UUID) ([]CopyRequest, error) {
	rows, err := d.pool.Query(ctx, `SELECT id, case_id, account, name, reason, at, granted, decided_at FROM recording_copies
		WHERE case_id = $1 ORDER BY at DESC, id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("docket: applications to copy: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CopyRequest])
	if err != nil {
		return nil, fmt.Errorf("docket: applications to copy: %w", err)
	}
	return list, nil
}
