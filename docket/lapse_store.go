package docket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// DraftKeptUntil is the last day on which a complaint that was never filed is
// kept, when it was last changed on a day and the court keeps drafts for so many
// days; ok is false where it keeps them for ever. Nobody needs what it says
// after that (PIPL 19).
func DraftKeptUntil(changed deadline.Date, days int) (until deadline.Date, ok bool) {
	if days <= 0 {
		return deadline.Date{}, false
	}
	return changed.AddDays(days), true
}

// maxLapsed bounds the drafts of one run; the next goes on.
const maxLapsed = 100

// LapseDrafts clears the drafts whose period is over: parties, claims, texts,
// consents and items go, and nobody is the filer any more. What stays is the
// record: that there was a draft, when, and the hashes of its items, with a last
// entry that says that it lapsed. In the same transaction giveUp takes the files
// of the items; it may keep the draft, when somebody sends a file for it. Each
// draft is a transaction of its own. It tells how many lapsed.
func (d *Docket) LapseDrafts(ctx context.Context, giveUp func(tx pgx.Tx, draft uuid.UUID, before time.Time, items []Evidence) (keep bool, err error)) (lapsed int, err error) {
	days := d.court.DraftDays
	if days <= 0 {
		return 0, nil
	}
	before := d.court.Today(d.now()).AddDays(-days).In(d.court.Zone) // the last day counts
	rows, err := d.pool.Query(ctx, `SELECT id FROM cases WHERE stage = 'draft' AND lapsed_at IS NULL AND updated_at < $1 ORDER BY updated_at LIMIT $2`, before, maxLapsed)
	if err != nil {
		return 0, fmt.Errorf("docket: drafts to lapse: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, fmt.Errorf("docket: drafts to lapse: %w", err)
	}
	for _, id := range ids {
		done := false
		err := d.inTx(ctx, "lapse draft", func(tx pgx.Tx) (err error) {
			done, err = d.lapse(ctx, tx, id, before, giveUp)
			return err
		})
		if err != nil {
			return lapsed, err
		}
		if done {
			lapsed++
		}
	}
	return lapsed, nil
}

func (d *Docket) lapse(ctx context.Context, tx pgx.Tx, id uuid.UUID, before time.Time, giveUp func(tx pgx.Tx, draft uuid.UUID, before time.Time, items []Evidence) (bool, error)) (bool, error) {
	c, err := d.lockCase(ctx, tx, id)
	if err != nil || c.Stage != StageDraft || c.Filer == uuid.Nil || !c.UpdatedAt.Before(before) { // somebody went on with it, or it has lapsed
		return false, err
	}
	items, err := readEvidence(ctx, tx, `WHERE case_id = $1 ORDER BY number`, id)
	if err != nil {
		return false, err
	}
	if keep, err := giveUp(tx, id, before, items); err != nil || keep {
		return false, err
	}
	for _, table := range []string{"draft_notices", "evidence", "online_consents", "service_consents", "claims", "parties"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE case_id = $1`, id); err != nil {
			return false, err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE cases SET version = version + 1, lapsed_at = $2, filer = $3, title = '', cause_code = '', cause_name = '', amount_fen = 0, fee_fen = 0,
		facts = '', grounds = '', witnesses = '[]', filing_service = '{}' WHERE id = $1`, id, d.now(), uuid.Nil)
	if err != nil {
		return false, err
	}
	_, err = d.AppendEntry(ctx, tx, EntryInput{Case: id, Actor: identity.System, Kind: EntryDraftLapsed, Data: map[string]any{"days": d.court.DraftDays, "items": len(items)}})
	return err == nil, err
}

// Lapse is what stands in the record of a draft that was cleared after its
// period.
type Lapse struct {
	At   time.Time
	Days int // that nobody had changed it for, which was the court's period
}

// Lapse tells who began a draft that it lapsed. To everybody else, and of every
// other case, it is ErrNotFound. Nobody is the filer any more: it is the draft's
// first entry that says who began it.
func (d *Docket) Lapse(ctx context.Context, actor identity.Actor, caseID uuid.UUID) (Lapse, error) {
	var lapse Lapse
	err := d.pool.QueryRow(ctx, `SELECT l.at, (convert_from(l.payload, 'UTF8')::jsonb #>> '{data,days}')::int
		FROM entries b JOIN entries l ON l.case_id = b.case_id AND l.kind = $3
		WHERE b.case_id = $1 AND b.seq = 1 AND b.kind = $4 AND convert_from(b.payload, 'UTF8')::jsonb #>> '{actor,id}' = $2::text`,
		caseID, actor.Account.String(), EntryDraftLapsed, EntryCreated).Scan(&lapse.At, &lapse.Days)
	if errors.Is(err, pgx.ErrNoRows) || actor.Anonymous() {
		return Lapse{}, fmt.Errorf("docket: lapse of draft %s: %w", caseID, ErrNotFound)
	}
	if err != nil {
		return Lapse{}, fmt.Errorf("docket: lapse of a draft: %w", err)
	}
	lapse.At = lapse.At.UTC()
	return lapse, nil
}
