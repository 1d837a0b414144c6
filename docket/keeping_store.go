package docket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

// Keeping tells how a hearing's recordings are kept.
func (d *Docket) Keeping(ctx context.Context, hearingID uuid.UUID) (Keeping, error) {
	h, err := d.Hearing(ctx, hearingID)
	if err != nil {
		return Keeping{}, err
	}
	return d.keeping(ctx, d.pool, h)
}

func (d *Docket) keeping(ctx context.Context, q querier, h Hearing) (Keeping, error) {
	k := Keeping{Years: d.court.RecordingYears, Files: []FileRef{}}
	if h.ClosedAt != nil {
		if until, ok := KeptUntil(d.court.Today(*h.ClosedAt), k.Years); ok {
			k.Until = &until
		}
	}
	var hold Hold
	err := q.QueryRow(ctx, `SELECT id, reason, name, at FROM recording_holds WHERE case_id = $1 AND released_at IS NULL`, h.Case).
		Scan(&hold.ID, &hold.Reason, &hold.Name, &hold.At)
	switch {
	case err == nil:
		k.Hold = &hold
	case !errors.Is(err, pgx.ErrNoRows):
		return k, fmt.Errorf("docket: hold: %w", err)
	}
	var x Deletion
	err = q.QueryRow(ctx, `SELECT id, reason, proposed_by, proposed_name, proposed_at, confirmed, coalesce(decided_name, ''), decided_at, purged_at,
			coalesce((SELECT e.seq FROM entries e WHERE e.case_id = $2 AND e.kind = $3 AND convert_from(e.payload, 'UTF8')::jsonb -> 'data' ->> 'deletion' = x.id::text), 0)
		FROM recording_deletions x WHERE hearing_id = $1 ORDER BY proposed_at DESC LIMIT 1`, h.ID, h.Case, EntryRecordingDeleted).
		Scan(&x.ID, &x.Reason, &x.ProposedBy, &x.Proposer, &x.ProposedAt, &x.Confirmed, &x.DecidedName, &x.DecidedAt, &x.PurgedAt, &x.Tombstone)
	switch {
	case err == nil:
		k.Deletion = &x
	case !errors.Is(err, pgx.ErrNoRows):
		return k, fmt.Errorf("docket: deletion: %w", err)
	}
	list, err := queryRecordings(ctx, q, `WHERE hearing_id = $1 ORDER BY name, started_at`, h.ID)
	if err != nil {
		return k, err
	}
	for _, r := range list {
		k.Files = append(k.Files, FileRef{Name: r.FileName, Hash: r.Blob.Hash, Size: r.Blob.Size})
		if !r.Original.Hash.IsZero() {
			k.Files = append(k.Files, r.Original)
		}
		for _, x := range r.Defects {
			if !x.File.Hash.IsZero() {
				k.Files = append(k.Files, x.File)
			}
		}
	}
	k.Hindrance = k.hindrance(h.ClosedAt != nil, d.court.Today(d.now()))
	return k, nil
}

func keepingReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return "", invalid("reason", "reason_missing", lawKeeping)
	}
	if !storable(reason, 2000) {
		return "", invalid("reason", "text_too_long", "")
	}
	return reason, nil
}

// reasoned does what somebody decides for a reason on a hearing's recordings, and enters it with the data that do gives.
func (d *Docket) reasoned(ctx context.Context, kind string, actor identity.Actor, hearingID uuid.UUID, reason string,
	do func(tx pgx.Tx, h Hearing, reason string) (map[string]any, error)) error {
	reason, err := keepingReason(reason)
	if err != nil {
		return fmt.Errorf("docket: %s: %w", kind, err)
	}
	return d.inTx(ctx, kind, func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		data, err := do(tx, h, reason)
		if err != nil {
			return err
		}
		data["reason"] = reason
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: kind, Data: data})
		return err
	})
}

// HoldRecordings keeps the recordings of the hearing's case beyond their period
// until ReleaseRecordings. ErrConflict when they are held already.
func (d *Docket) HoldRecordings(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, reason string) error {
	return d.reasoned(ctx, EntryRecordingHeld, actor, hearingID, reason, func(tx pgx.Tx, h Hearing, reason string) (map[string]any, error) {
		id := newID()
		tag, err := tx.Exec(ctx, `INSERT INTO recording_holds (id, case_id, reason, account, name, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`, id, h.Case, reason, actor.Account, actor.Name, d.now())
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrConflict
		}
		return map[string]any{"hold": id}, err
	})
}

// ReleaseRecordings ends the hold. ErrConflict when there is none.
func (d *Docket) ReleaseRecordings(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, reason string) error {
	return d.reasoned(ctx, EntryRecordingReleased, actor, hearingID, reason, func(tx pgx.Tx, h Hearing, reason string) (map[string]any, error) {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `UPDATE recording_holds SET released_by = $2, released_name = $3, release_reason = $4, released_at = $5
			WHERE case_id = $1 AND released_at IS NULL RETURNING id`, h.Case, actor.Account, actor.Name, reason, d.now()).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrConflict
		}
		return map[string]any{"hold": id}, err
	})
}

// ProposeDeletion asks another person to delete a hearing's recordings. What
// hinders it is an *Invalid; ErrConflict while a proposal is open.
func (d *Docket) ProposeDeletion(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, reason string) error {
	return d.reasoned(ctx, EntryDeletionProposed, actor, hearingID, reason, func(tx pgx.Tx, h Hearing, reason string) (map[string]any, error) {
		k, err := d.keeping(ctx, tx, h)
		if err != nil {
			return nil, err
		}
		if k.Hindrance != "" {
			return nil, invalid("deletion", k.Hindrance, lawKeeping)
		}
		id := newID()
		tag, err := tx.Exec(ctx, `INSERT INTO recording_deletions (id, hearing_id, reason, proposed_by, proposed_name, proposed_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, id, hearingID, reason, actor.Account, actor.Name, d.now())
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrConflict
		}
		return map[string]any{"hearing": hearingID, "deletion": id}, err
	})
}

// DecideDeletion confirms or refuses a proposal. Confirming takes another person
// than the proposer and leaves the tombstone: an entry with name, hash and size
// of each file, the reason and both people. ErrConflict when it is decided.
func (d *Docket) DecideDeletion(ctx context.Context, actor identity.Actor, hearingID, deletion uuid.UUID, confirm bool) error {
	return d.inTx(ctx, "decide on a deletion", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		k, err := d.keeping(ctx, tx, h)
		if err != nil {
			return err
		}
		switch {
		case k.Deletion == nil || k.Deletion.ID != deletion:
			return ErrNotFound
		case !k.Deletion.Open():
			return ErrConflict
		case confirm && k.Deletion.ProposedBy == actor.Account:
			return invalid("deletion", "keeping_same_person", lawKeeping)
		case confirm && k.Hindrance != "":
			return invalid("deletion", k.Hindrance, lawKeeping)
		}
		if _, err := tx.Exec(ctx, `UPDATE recording_deletions SET confirmed = $2, decided_by = $3, decided_name = $4, decided_at = $5 WHERE id = $1`,
			deletion, confirm, actor.Account, actor.Name, d.now()); err != nil {
			return err
		}
		data := map[string]any{"hearing": hearingID, "deletion": deletion, "reason": k.Deletion.Reason,
			"proposed_by": k.Deletion.ProposedBy, "proposer": k.Deletion.Proposer, "proposed_at": k.Deletion.ProposedAt.UTC()}
		if !confirm {
			_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryDeletionRefused, Data: data})
			return err
		}
		data["deleted"] = k.Files
		if _, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryRecordingDeleted, Data: data}); err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, PurgeArgs{deletion}, nil)
		return err
	})
}

// Deleted gives the hearing whose recordings a confirmed deletion is of;
// ErrNotFound.
func (d *Docket) Deleted(ctx context.Context, deletion uuid.UUID) (hearing uuid.UUID, err error) {
	err = d.pool.QueryRow(ctx, `SELECT hearing_id FROM recording_deletions WHERE id = $1 AND confirmed`, deletion).Scan(&hearing)
	if err != nil {
		return hearing, fmt.Errorf("docket: deletion: %w", notFound(err))
	}
	return hearing, nil
}

// PurgeRecordings takes the files of a confirmed deletion, and what was derived
// from them, out of the store, but those that another entry names. Doing it
// again changes nothing.
func (d *Docket) PurgeRecordings(ctx context.Context, deletion uuid.UUID, derived ...blob.Hash) error {
	hearing, err := d.Deleted(ctx, deletion)
	if err != nil {
		return err
	}
	k, err := d.Keeping(ctx, hearing)
	if err != nil {
		return err
	}
	for _, f := range k.Files {
		derived = append(derived, f.Hash)
	}
	for _, hash := range derived {
		// The note comes first: whoever names the file from now on looks whether it is there.
		if _, err := d.pool.Exec(ctx, `INSERT INTO purged_files (hash, deletion_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash, deletion); err != nil {
			return fmt.Errorf("docket: purge: %w", err)
		}
		if err := d.inTx(ctx, "purge", func(tx pgx.Tx) error { return d.purgeFile(ctx, tx, hash) }); err != nil {
			return err
		}
	}
	if _, err := d.pool.Exec(ctx, `UPDATE recording_deletions SET purged_at = $2 WHERE id = $1 AND purged_at IS NULL`, deletion, d.now()); err != nil {
		return fmt.Errorf("docket: purge: %w", err)
	}
	return nil
}

// purgeFile deletes a file that only entries of deleted recordings name.
func (d *Docket) purgeFile(ctx context.Context, tx pgx.Tx, hash blob.Hash) error {
	if err := lockFile(ctx, tx, hash); err != nil {
		return err
	}
	var named bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM entry_files f JOIN entries e ON e.id = f.entry_id WHERE f.hash = $1
		AND NOT (e.kind = $2 AND EXISTS (SELECT FROM recording_deletions x WHERE x.confirmed
			AND x.hearing_id::text = convert_from(e.payload, 'UTF8')::jsonb -> 'data' ->> 'hearing')))`, hash, EntryRecording).Scan(&named)
	if err != nil || named {
		return err
	}
	return d.blobs.Delete(ctx, hash)
}

// nameFile notes that an entry names a file. One that a deletion took out of the
// store must be there again: ErrConflict when it is not.
func (d *Docket) nameFile(ctx context.Context, tx pgx.Tx, entry uuid.UUID, f FileRef) error {
	if err := shareFile(ctx, tx, f.Hash); err != nil {
		return fmt.Errorf("docket: entry's file: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO entry_files (entry_id, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING`, entry, f.Hash); err != nil {
		return fmt.Errorf("docket: entry's file: %w", err)
	}
	var purged bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM purged_files WHERE hash = $1)`, f.Hash).Scan(&purged); err != nil {
		return fmt.Errorf("docket: entry's file: %w", err)
	}
	if !purged || d.blobs == nil {
		return nil
	}
	_, err := d.blobs.Stat(ctx, f.Hash)
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("docket: %s was deleted by decision: %w", f.Hash, ErrConflict)
	}
	return err
}

// Due is a hearing whose recordings are kept beyond their period.
type Due struct {
	Hearing    uuid.UUID     `json:"hearing"`
	CaseNumber string        `json:"case_number"`
	Title      string        `json:"title"`
	Until      deadline.Date `json:"until"`
	Held       bool          `json:"held"`
	Proposed   bool          `json:"proposed"` // to be deleted, and not decided
}

// maxDue bounds RecordingsDue: the oldest come first, and leave the list when they are decided.
const maxDue = 200

// RecordingsDue lists the hearings whose recordings' period is over and that are
// not deleted, the oldest first, at most 200.
func (d *Docket) RecordingsDue(ctx context.Context) ([]Due, error) {
	today := d.court.Today(d.now())
	before, ok := KeptUntil(today, d.court.RecordingYears)
	if !ok {
		return []Due{}, nil
	}
	before = today.AddDays(-today.DaysUntil(before)) // about as long ago: what is not over yet is left out below
	rows, err := d.pool.Query(ctx, `SELECT h.id, coalesce(c.number, ''), h.title, h.closed_at,
			EXISTS (SELECT FROM recording_holds o WHERE o.case_id = h.case_id AND o.released_at IS NULL),
			EXISTS (SELECT FROM recording_deletions x WHERE x.hearing_id = h.id AND x.confirmed IS NULL)
		FROM hearings h JOIN cases c ON c.id = h.case_id
		WHERE h.closed_at < $1 AND EXISTS (SELECT FROM recordings r WHERE r.hearing_id = h.id)
			AND NOT EXISTS (SELECT FROM recording_deletions x WHERE x.hearing_id = h.id AND x.confirmed)
		ORDER BY h.closed_at LIMIT $2`, before.AddDays(3).In(d.court.Zone), maxDue)
	if err != nil {
		return nil, fmt.Errorf("docket: recordings due: %w", err)
	}
	list := []Due{}
	var one Due
	var closed time.Time
	_, err = pgx.ForEachRow(rows, []any{&one.Hearing, &one.CaseNumber, &one.Title, &closed, &one.Held, &one.Proposed}, func() error {
		until, ok := KeptUntil(d.court.Today(closed), d.court.RecordingYears)
		if ok && today.After(until) {
			one.Until = until
			list = append(list, one)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: recordings due: %w", err)
	}
	return list, nil
}
