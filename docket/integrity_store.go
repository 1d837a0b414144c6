package docket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/integrity"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

// Integrity is a hearing's integrity value (完整性校验值, AV 8).
type Integrity struct {
	Root  blob.Hash `json:"root"`  // of integrity.Record
	Items int       `json:"items"` // segments, files, transcript, presence and forwardings
	File  FileRef   `json:"file"`  // the record that the root is of
	At    time.Time `json:"at"`
	Stamp *Stamp    `json:"stamp,omitempty"` // nil until the time-stamp authority has answered
}

// Stamp is the RFC 3161 time-stamp of an integrity value.
type Stamp struct {
	At        time.Time `json:"at"`        // of the record's file, by the authority's clock
	Authority string    `json:"authority"` // the name in its certificate
	File      FileRef   `json:"file"`      // the token, DER
}

// SealRecord computes the integrity value over all that is recorded of a closed
// hearing and enters it in the docket, once for each state of the record.
// ErrConflict while the hearing is not closed.
func (d *Docket) SealRecord(ctx context.Context, hearingID uuid.UUID) (Integrity, error) {
	if d.blobs == nil {
		return Integrity{}, errors.New("docket: integrity: no place for files")
	}
	h, err := d.Hearing(ctx, hearingID)
	if err != nil {
		return Integrity{}, err
	}
	if h.ClosedAt == nil {
		return Integrity{}, fmt.Errorf("docket: integrity: %w", ErrConflict)
	}
	items, err := d.integrityItems(ctx, hearingID)
	if err != nil {
		return Integrity{}, err
	}
	forwardings, noted, err := d.keepForwardings(ctx, hearingID)
	if err != nil {
		return Integrity{}, err
	}
	if noted {
		items = append(items, integrity.Item{Kind: integrity.KindForwarding, Name: forwardings.Name, Size: forwardings.Size, SHA256: forwardings.Hash})
	}
	record, err := integrity.New(hearingID.String(), items)
	if err != nil {
		return Integrity{}, fmt.Errorf("docket: %w", err)
	}
	text, err := record.Marshal()
	if err != nil {
		return Integrity{}, fmt.Errorf("docket: %w", err)
	}
	ref, err := d.blobs.Put(ctx, bytes.NewReader(text))
	if err != nil {
		return Integrity{}, fmt.Errorf("docket: integrity: %w", err)
	}
	value := Integrity{Root: record.Root, Items: len(items), At: d.now(), File: FileRef{Name: integrity.FileName, Hash: ref.Hash, Size: ref.Size}}
	files := []FileRef{value.File}
	if noted {
		files = append(files, forwardings)
	}
	return value, d.inTx(ctx, "integrity", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO hearing_integrity (hearing_id, root, items, file_hash, file_size, at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			hearingID, value.Root[:], value.Items, ref.Hash[:], ref.Size, value.At)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: identity.System, Kind: EntryIntegrity,
			Files: files, Data: map[string]any{"hearing": hearingID, "root": value.Root, "items": value.Items}})
		if err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, StampArgs{Hearing: hearingID, Root: value.Root}, nil)
		return err
	})
}

// UnsealedHearings lists the closed hearings that have no integrity value and
// wait for no recording, in the order of their close.
func (d *Docket) UnsealedHearings(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := d.pool.Query(ctx, `SELECT h.id FROM hearings h WHERE h.phase = $1
			AND NOT EXISTS (SELECT FROM hearing_integrity i WHERE i.hearing_id = h.id)
			AND NOT EXISTS (SELECT FROM recording_sessions s WHERE s.hearing_id = h.id AND s.settled_at IS NULL)
		ORDER BY h.closed_at`, PhaseClosed)
	if err != nil {
		return nil, fmt.Errorf("docket: unsealed hearings: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("docket: unsealed hearings: %w", err)
	}
	return list, nil
}

// StampIntegrity enters the time-stamp of an integrity value, whose token is in
// the blob store; a second one changes nothing. ErrNotFound for no such value.
func (d *Docket) StampIntegrity(ctx context.Context, hearingID uuid.UUID, root blob.Hash, stamp Stamp) error {
	stamp.File.Name = integrity.StampName
	return d.inTx(ctx, "stamp integrity value", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		if _, err := readIntegrity(ctx, tx, hearingID, root); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO integrity_stamps (hearing_id, root, token_hash, token_size, stamped_at, authority)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			hearingID, root[:], stamp.File.Hash[:], stamp.File.Size, stamp.At.UTC(), stamp.Authority)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: identity.System, Kind: EntryIntegrityStamped,
			Files: []FileRef{stamp.File}, Data: map[string]any{"hearing": hearingID, "root": root, "at": stamp.At.UTC(), "authority": stamp.Authority}})
		return err
	})
}

// integrityItems are the leaves in their order: the transcript, the presence,
// and each recording with its segments.
func (d *Docket) integrityItems(ctx context.Context, hearingID uuid.UUID) ([]integrity.Item, error) {
	transcript, err := d.Transcript(ctx, hearingID)
	if err != nil {
		return nil, err
	}
	presence, err := d.Presence(ctx, hearingID)
	if err != nil {
		return nil, err
	}
	segments, err := d.Segments(ctx, hearingID)
	if err != nil {
		return nil, err
	}
	recordings, err := d.selectRecordings(ctx, `WHERE hearing_id = $1 ORDER BY coalesce(session, ''), participant, started_at, hash`, hearingID)
	if err != nil {
		return nil, err
	}
	var items []integrity.Item
	for _, part := range []struct {
		kind string
		data any
	}{{integrity.KindTranscript, transcript.Lines}, {integrity.KindPresence, presence}} {
		content, err := canonical(part.data)
		if err != nil {
			return nil, fmt.Errorf("docket: integrity: %w", err)
		}
		items = append(items, integrity.Item{Kind: part.kind, Size: int64(len(content)), SHA256: sha256.Sum256(content), Content: content})
	}
	for _, r := range recordings {
		file := integrity.Item{Kind: integrity.KindFile, Session: r.Session, Participant: r.Participant, Name: r.FileName,
			From: &r.Started, To: &r.Ended, Size: r.Blob.Size, SHA256: r.Blob.Hash}
		if file.Gaps, err = canonical(r.Gaps); err != nil {
			return nil, fmt.Errorf("docket: integrity: %w", err)
		}
		items = append(items, file)
		if !r.Original.Hash.IsZero() {
			items = append(items, integrity.Item{Kind: integrity.KindOriginal, Session: r.Session, Participant: r.Participant,
				Name: r.Original.Name, Size: r.Original.Size, SHA256: r.Original.Hash})
		}
	}
	lost, damaged := map[string][]int{}, map[string][]int{} // by session and participant
	for _, r := range recordings {
		of := r.Session + " " + r.Participant
		lost[of] = append(lost[of], r.Lost...)
		for _, x := range r.Defects {
			damaged[of] = append(damaged[of], x.Segment)
		}
	}
	for _, s := range segments {
		item, err := segmentItem(s)
		if err != nil {
			return nil, err
		}
		of := s.Session + " " + s.Participant
		item.Damaged = slices.Contains(damaged[of], s.Number)
		item.Lost = item.Damaged || slices.Contains(lost[of], s.Number)
		items = append(items, item)
	}
	return items, nil
}

func segmentItem(s Segment) (integrity.Item, error) {
	s, err := s.Exact()
	if err != nil {
		return integrity.Item{}, err
	}
	item := integrity.Item{Kind: integrity.KindSegment, Session: s.Session, Participant: s.Participant, Number: s.Number,
		From: &s.From, To: &s.To, Size: s.Size, SHA256: s.Hash}
	if !s.Previous.IsZero() {
		item.Previous = s.Previous.String()
	}
	return item, nil
}

// IntegrityOf reads the hearing's newest integrity value; ErrNotFound before
// the recordings are stored.
func (d *Docket) IntegrityOf(ctx context.Context, hearingID uuid.UUID) (Integrity, error) {
	return readIntegrity(ctx, d.pool, hearingID, blob.Hash{})
}

// IntegrityValue reads one integrity value of the hearing; ErrNotFound.
func (d *Docket) IntegrityValue(ctx context.Context, hearingID uuid.UUID, root blob.Hash) (Integrity, error) {
	return readIntegrity(ctx, d.pool, hearingID, root)
}

// readIntegrity reads the value with that root, or the newest for the zero root.
func readIntegrity(ctx context.Context, q querier, hearingID uuid.UUID, root blob.Hash) (Integrity, error) {
	v := Integrity{File: FileRef{Name: integrity.FileName}}
	var value, file, token []byte
	var tokenSize *int64
	var stampedAt *time.Time
	var authority *string
	err := q.QueryRow(ctx, `SELECT v.root, v.items, v.file_hash, v.file_size, v.at, s.token_hash, s.token_size, s.stamped_at, s.authority
		FROM hearing_integrity v LEFT JOIN integrity_stamps s USING (hearing_id, root)
		WHERE v.hearing_id = $1 AND ($2 OR v.root = $3) ORDER BY v.at DESC LIMIT 1`, hearingID, root.IsZero(), root[:]).
		Scan(&value, &v.Items, &file, &v.File.Size, &v.At, &token, &tokenSize, &stampedAt, &authority)
	if err != nil {
		return Integrity{}, fmt.Errorf("docket: integrity of hearing %s: %w", hearingID, notFound(err))
	}
	copy(v.Root[:], value)
	copy(v.File.Hash[:], file)
	v.At = v.At.UTC()
	if token != nil {
		v.Stamp = &Stamp{At: stampedAt.UTC(), Authority: *authority, File: FileRef{Name: integrity.StampName, Hash: blob.Hash(token), Size: *tokenSize}}
	}
	return v, nil
}

// IntegrityValues gives the newest integrity value of each of the case's
// hearings that has one.
func (d *Docket) IntegrityValues(ctx context.Context, caseID uuid.UUID) (map[uuid.UUID]blob.Hash, error) {
	rows, err := d.pool.Query(ctx, `SELECT DISTINCT ON (v.hearing_id) v.hearing_id, v.root FROM hearing_integrity v
		JOIN hearings h ON h.id = v.hearing_id WHERE h.case_id = $1 ORDER BY v.hearing_id, v.at DESC`, caseID)
	if err != nil {
		return nil, fmt.Errorf("docket: integrity values: %w", err)
	}
	values := map[uuid.UUID]blob.Hash{}
	var hearing uuid.UUID
	var root []byte
	_, err = pgx.ForEachRow(rows, []any{&hearing, &root}, func() error {
		values[hearing] = blob.Hash(root)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: integrity values: %w", err)
	}
	return values, nil
}
