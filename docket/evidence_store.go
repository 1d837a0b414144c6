package docket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// AddEvidence adds an item whose bytes are in the blob store. In a draft only
// the filer may add; after acceptance each party may, until judgment. *Invalid
// names what is missing (EV 19). Adding with the same UploadID again returns
// the item that is there.
//
// The entry of a draft's item holds its number, hash and size alone: a draft is
// its filer's own until filed, yet the time of the hash is proven.
func (d *Docket) AddEvidence(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in EvidenceInput) (Evidence, error) {
	if err := d.checkEvidence(ctx, &in); err != nil {
		return Evidence{}, err
	}
	var item Evidence
	err := d.inTx(ctx, "add evidence", func(tx pgx.Tx) error {
		c, err := d.lockCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if in.UploadID != "" {
			old, err := readEvidence(ctx, tx, `WHERE case_id = $1 AND owner = $2 AND upload_id = $3`, caseID, actor.Account, in.UploadID)
			if err != nil {
				return err
			}
			if len(old) > 0 {
				item = old[0]
				return nil
			}
		}
		if err := shareFile(ctx, tx, in.Blob.Hash); err != nil {
			return err
		}
		if err := d.hasFile(ctx, in.Blob); err != nil { // again: it may have been removed before the lock
			return err
		}
		item, err = d.insertEvidence(ctx, tx, c, actor, in)
		if err != nil {
			return err
		}
		return d.recordEvidence(ctx, tx, c, actor, item)
	})
	if err != nil {
		return Evidence{}, err
	}
	return item, nil
}

func (d *Docket) checkEvidence(ctx context.Context, in *EvidenceInput) error {
	in.Name, in.FileName = strings.TrimSpace(in.Name), strings.TrimSpace(in.FileName)
	switch {
	case in.Name == "":
		return invalid("name", "evidence_name_missing", "《最高人民法院关于民事诉讼证据的若干规定》第十九条")
	case in.FileName == "":
		return invalid("file", "evidence_file_missing", "《最高人民法院关于民事诉讼证据的若干规定》第十九条")
	case in.Blob.Hash.IsZero() || in.Blob.Size < 0:
		return invalid("file", "evidence_file_missing", "《最高人民法院关于民事诉讼证据的若干规定》第十九条")
	}
	for field, text := range map[string]string{"name": in.Name, "source": in.Source, "purpose": in.Purpose,
		"file_name": in.FileName, "media_type": in.MediaType} {
		if !storable(text, 2000) {
			return invalid(field, "text_too_long", "")
		}
	}
	return d.hasFile(ctx, in.Blob)
}

func (d *Docket) insertEvidence(ctx context.Context, tx pgx.Tx, c Case, actor identity.Actor, in EvidenceInput) (Evidence, error) {
	var party *uuid.UUID
	if p, ok := c.PartyOf(actor.Account); ok {
		party = &p.ID
	}
	filer := c.Filer == actor.Account || actor.IsSystem()
	switch c.Stage {
	case StageDraft, StageCorrecting:
		if !filer {
			return Evidence{}, ErrForbidden
		}
	case StageAccepted, StageScheduled, StageHeard:
		if party == nil && !filer {
			return Evidence{}, ErrForbidden
		}
	default:
		return Evidence{}, ErrConflict
	}
	item := Evidence{ID: newID(), Case: c.ID, Owner: actor.Account, OwnerName: actor.Name, Party: party, Name: in.Name,
		Source: in.Source, Purpose: in.Purpose, Date: in.Date, FileName: in.FileName, MediaType: in.MediaType,
		Blob: in.Blob, CreatedAt: d.now()}
	err := tx.QueryRow(ctx, `UPDATE cases SET evidence_seq = evidence_seq + 1, updated_at = CASE stage WHEN 'draft' THEN $2 ELSE updated_at END
		WHERE id = $1 RETURNING evidence_seq`, c.ID, item.CreatedAt).Scan(&item.Number)
	if err != nil {
		return Evidence{}, err
	}
	if item.Number > maxEvidence {
		return Evidence{}, invalid("file", "too_much_evidence", "")
	}
	_, err = tx.Exec(ctx, `INSERT INTO evidence (id, case_id, number, owner, owner_name, party, name, source, purpose, date,
			file_name, media_type, hash, size, upload_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, nullif($15, ''), $16)`,
		item.ID, c.ID, item.Number, item.Owner, item.OwnerName, party, item.Name, item.Source, item.Purpose, day(item.Date),
		item.FileName, item.MediaType, item.Blob.Hash[:], item.Blob.Size, in.UploadID, item.CreatedAt)
	return item, err
}

func (d *Docket) recordEvidence(ctx context.Context, tx pgx.Tx, c Case, actor identity.Actor, item Evidence) error {
	entry := EntryInput{Case: c.ID, Actor: actor, Kind: EntryEvidenceAdded}
	if c.Stage == StageDraft {
		entry.Data = map[string]any{"number": item.Number, "sha256": item.Blob.Hash, "size": item.Blob.Size}
	} else {
		entry.Data = map[string]any{"number": item.Number, "name": item.Name, "source": item.Source,
			"purpose": item.Purpose, "media_type": item.MediaType}
		entry.Files = []FileRef{item.Ref()}
	}
	_, err := d.AppendEntry(ctx, tx, entry)
	return err
}

// RemoveEvidence takes an item out of a draft. Filed evidence stays: ErrConflict.
func (d *Docket) RemoveEvidence(ctx context.Context, actor identity.Actor, caseID, id uuid.UUID) error {
	return d.inTx(ctx, "remove evidence", func(tx pgx.Tx) error {
		c, err := d.lockCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if err := editable(c, actor); err != nil {
			return err
		}
		if c.Stage != StageDraft {
			return ErrConflict
		}
		var number int
		err = tx.QueryRow(ctx, `DELETE FROM evidence WHERE id = $1 AND case_id = $2 RETURNING number`, id, caseID).Scan(&number)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE cases SET updated_at = $2 WHERE id = $1`, caseID, d.now()); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryEvidenceRemoved,
			Data: map[string]any{"number": number}})
		return err
	})
}

// Evidence lists the case's items by number.
func (d *Docket) Evidence(ctx context.Context, caseID uuid.UUID) ([]Evidence, error) {
	return readEvidence(ctx, d.pool, `WHERE case_id = $1 ORDER BY number`, caseID)
}

// EvidenceItem reads one item; ErrNotFound.
func (d *Docket) EvidenceItem(ctx context.Context, id uuid.UUID) (Evidence, error) {
	items, err := readEvidence(ctx, d.pool, `WHERE id = $1`, id)
	if err != nil {
		return Evidence{}, err
	}
	if len(items) == 0 {
		return Evidence{}, fmt.Errorf("docket: evidence %s: %w", id, ErrNotFound)
	}
	return items[0], nil
}

func readEvidence(ctx context.Context, q querier, clause string, args ...any) ([]Evidence, error) {
	rows, err := q.Query(ctx, `SELECT id, case_id, number, owner, owner_name, party, name, source, purpose, date, file_name,
		media_type, hash, size, created_at FROM evidence `+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("docket: read evidence: %w", err)
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Evidence, error) {
		var e Evidence
		var date *time.Time
		var hash []byte
		err := row.Scan(&e.ID, &e.Case, &e.Number, &e.Owner, &e.OwnerName, &e.Party, &e.Name, &e.Source, &e.Purpose, &date,
			&e.FileName, &e.MediaType, &hash, &e.Blob.Size, &e.CreatedAt)
		copy(e.Blob.Hash[:], hash)
		e.Date, e.CreatedAt = civil(date), e.CreatedAt.UTC()
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: read evidence: %w", err)
	}
	return items, nil
}

// filesOf names the items' files.
func filesOf(items []Evidence) []FileRef {
	files := make([]FileRef, 0, len(items))
	for _, e := range items {
		files = append(files, e.Ref())
	}
	return slices.Clip(files)
}

// day is a date parameter that may be absent.
func day(date *deadline.Date) any {
	if date == nil {
		return nil
	}
	return *date
}
