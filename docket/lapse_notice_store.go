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

// DraftNotice tells its filer that a draft will be cleared after a day, unless
// somebody goes on with it. It is no service.
type DraftNotice struct {
	Case      uuid.UUID     `json:"case"`
	Title     string        `json:"title"` // of the draft
	KeptUntil deadline.Date `json:"kept_until"`
	At        time.Time     `json:"at"`
}

// DraftNoticeArgs is the job that mails a notice. service works it.
type DraftNoticeArgs struct {
	Case      uuid.UUID     `json:"case"`
	KeptUntil deadline.Date `json:"kept_until"`
}

// Kind implements river.JobArgs.
func (DraftNoticeArgs) Kind() string { return "draft_notice" }

// DraftNoticeFrom is the day from which a draft's filer is told that it will be
// cleared after until, when the court keeps drafts for so many days and tells so
// many before; ok is false where it keeps them for no longer than that, or tells
// nobody.
func DraftNoticeFrom(until deadline.Date, days, before int) (from deadline.Date, ok bool) {
	if before <= 0 || before >= days {
		return deadline.Date{}, false
	}
	return until.AddDays(-before), true
}

// NoticeDrafts makes the notices of the drafts whose last days have come
// (Profile.DraftNoticeDays), each with the job that mails it, and tells how many
// it made. A draft has one notice for each last day; who goes on with it moves
// that day.
func (d *Docket) NoticeDrafts(ctx context.Context) (made int, err error) {
	days, before := d.court.DraftDays, d.court.DraftNoticeDays
	today := d.court.Today(d.now())
	if _, ok := DraftNoticeFrom(today, days, before); !ok {
		return 0, nil
	}
	over, coming := today.AddDays(-days).In(d.court.Zone), today.AddDays(before-days+1).In(d.court.Zone)
	rows, err := d.pool.Query(ctx, `SELECT id FROM cases c WHERE stage = 'draft' AND lapsed_at IS NULL AND updated_at >= $1 AND updated_at < $2
		AND NOT EXISTS (SELECT FROM draft_notices WHERE case_id = c.id AND at >= c.updated_at) ORDER BY updated_at LIMIT $3`, over, coming, maxLapsed)
	if err != nil {
		return 0, fmt.Errorf("docket: drafts to give notice of: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, fmt.Errorf("docket: drafts to give notice of: %w", err)
	}
	for _, id := range ids {
		done := false
		err := d.inTx(ctx, "give notice of a draft", func(tx pgx.Tx) (err error) {
			done, err = d.noticeDraft(ctx, tx, id, today)
			return err
		})
		if err != nil {
			return made, err
		}
		if done {
			made++
		}
	}
	return made, nil
}

func (d *Docket) noticeDraft(ctx context.Context, tx pgx.Tx, id uuid.UUID, today deadline.Date) (bool, error) {
	c, err := d.lockCase(ctx, tx, id)
	if err != nil || c.Stage != StageDraft || c.Filer == uuid.Nil || c.KeptUntil == nil {
		return false, err // filed meanwhile, or lapsed
	}
	from, ok := DraftNoticeFrom(*c.KeptUntil, d.court.DraftDays, d.court.DraftNoticeDays)
	if !ok || today.Before(from) {
		return false, nil // somebody went on with it
	}
	tag, err := tx.Exec(ctx, `INSERT INTO draft_notices (case_id, kept_until, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, id, *c.KeptUntil, d.now())
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	_, err = d.jobs.InsertTx(ctx, tx, DraftNoticeArgs{Case: id, KeptUntil: *c.KeptUntil}, nil)
	return err == nil, err
}

// standingNotices are the notices that still hold: nobody filed or changed the
// draft since.
const standingNotices = `SELECT c.id, c.title, n.kept_until, n.at, c.filer FROM draft_notices n JOIN cases c ON c.id = n.case_id
	WHERE c.stage = 'draft' AND c.lapsed_at IS NULL AND n.at >= c.updated_at`

// DraftNotices are the notices that hold of the actor's drafts, the first to be
// cleared first.
func (d *Docket) DraftNotices(ctx context.Context, actor identity.Actor) ([]DraftNotice, error) {
	if actor.Anonymous() {
		return nil, fmt.Errorf("docket: notices of drafts: %w", ErrForbidden)
	}
	rows, err := d.pool.Query(ctx, standingNotices+` AND c.filer = $1 ORDER BY n.kept_until, c.id`, actor.Account)
	if err != nil {
		return nil, fmt.Errorf("docket: notices of drafts: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DraftNotice, error) {
		n, _, err := scanNotice(row)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: notices of drafts: %w", err)
	}
	return list, nil
}

// DraftNotice reads the notice that a draft will be cleared after a day, and the
// account that it goes to; ErrNotFound when it does not hold any more.
func (d *Docket) DraftNotice(ctx context.Context, caseID uuid.UUID, until deadline.Date) (DraftNotice, uuid.UUID, error) {
	n, filer, err := scanNotice(d.pool.QueryRow(ctx, standingNotices+` AND c.id = $1 AND n.kept_until = $2`, caseID, until))
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return DraftNotice{}, uuid.Nil, fmt.Errorf("docket: notice of draft %s: %w", caseID, err)
	}
	return n, filer, nil
}

func scanNotice(row pgx.Row) (n DraftNotice, filer uuid.UUID, err error) {
	err = row.Scan(&n.Case, &n.Title, &n.KeptUntil, &n.At, &filer)
	n.At = n.At.UTC()
	return n, filer, err
}
