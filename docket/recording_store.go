package docket

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

// RecordingPart records a finished file, whose bytes are in the blob store. The
// same file again, as after a crash of the recorder, changes nothing. It may
// come after the hearing closed. A defective file is recorded too: Gaps say
// what is wrong with it (AV 5).
func (d *Docket) RecordingPart(ctx context.Context, hearingID uuid.UUID, r Recording) error {
	if len(r.Gaps) == 0 || string(r.Gaps) == "null" {
		r.Gaps = json.RawMessage("[]")
	}
	if r.Lost == nil {
		r.Lost = []int{}
	}
	if r.Defects == nil {
		r.Defects = []Defect{}
	}
	if r.MediaType == "" {
		r.MediaType = "video/webm"
	}
	if r.Participant == "" || r.Blob.Hash.IsZero() || r.Ended.Before(r.Started) {
		return fmt.Errorf("docket: recording: %w", invalid("recording", "recording_incomplete", "《最高人民法院关于人民法院庭审录音录像的若干规定》第三条"))
	}
	return d.inTx(ctx, "recording", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		if r.FileName == "" {
			r.FileName = recordingName(h, r)
		}
		var account *uuid.UUID
		if r.Account != uuid.Nil {
			account = &r.Account
		}
		files := []FileRef{{Name: r.FileName, Hash: r.Blob.Hash, Size: r.Blob.Size}}
		var originalHash []byte
		if !r.Original.Hash.IsZero() {
			r.Original.Name = strings.TrimSuffix(r.FileName, path.Ext(r.FileName)) + ".segments"
			originalHash = r.Original.Hash[:]
			files = append(files, r.Original)
		}
		files = append(files, r.nameDefects()...)
		id := newID()
		tag, err := tx.Exec(ctx, `INSERT INTO recordings (id, hearing_id, participant, account, name, file_name, media_type, hash, size,
				session, original_name, original_hash, original_size, started_at, ended_at, gaps, created_at, source, lost, defects)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), nullif($11, ''), $12::bytea,
				CASE WHEN $12::bytea IS NOT NULL THEN $13::bigint END, $14, $15, $16, $17, nullif($18, ''), $19, $20)
			ON CONFLICT (hearing_id, participant, hash) DO NOTHING`,
			id, hearingID, r.Participant, account, r.Name, r.FileName, r.MediaType, r.Blob.Hash[:], r.Blob.Size,
			r.Session, r.Original.Name, originalHash, r.Original.Size, r.Started.UTC(), r.Ended.UTC(), r.Gaps, d.now(), r.Source, r.Lost, r.Defects)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: identity.System, Kind: EntryRecording, Files: files,
			Data: map[string]any{"hearing": h.ID, "recording": id, "participant": r.Participant, "name": r.Name, "source": r.Source, "session": r.Session,
				"started": r.Started.UTC(), "ended": r.Ended.UTC(), "media_type": r.MediaType, "gaps": r.Gaps, "lost": r.Lost, "defects": r.Defects}})
		return err
	})
}

// nameDefects names what is left of damaged segments, and of their list, after the recording.
func (r Recording) nameDefects() (files []FileRef) {
	for i, x := range r.Defects {
		if x.File.Hash.IsZero() {
			continue
		}
		what := "list"
		if x.Segment > 0 {
			what = fmt.Sprintf("%06d", x.Segment)
		}
		r.Defects[i].File.Name = fmt.Sprintf("%s-%s.damaged", strings.TrimSuffix(r.FileName, path.Ext(r.FileName)), what)
		files = append(files, r.Defects[i].File)
	}
	return files
}

// recordingName is a file name that says whose recording it is and from when.
func recordingName(h Hearing, r Recording) string {
	name := r.Name
	if name == "" {
		name = r.Participant
	}
	if r.Source == SourceScreen {
		name += "-屏幕"
	}
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, name)
	extension := ".webm"
	if strings.Contains(r.MediaType, "matroska") {
		extension = ".mkv"
	}
	return path.Base(name + "-" + r.Started.UTC().Format("20060102T150405Z") + extension)
}

// Recordings lists the hearing's recordings by name and time.
func (d *Docket) Recordings(ctx context.Context, hearingID uuid.UUID) ([]Recording, error) {
	return d.selectRecordings(ctx, `WHERE hearing_id = $1 ORDER BY name, started_at`, hearingID)
}

// Recording reads one recording; ErrNotFound.
func (d *Docket) Recording(ctx context.Context, id uuid.UUID) (Recording, error) {
	list, err := d.selectRecordings(ctx, `WHERE id = $1`, id)
	if err != nil {
		return Recording{}, err
	}
	if len(list) == 0 {
		return Recording{}, fmt.Errorf("docket: recording %s: %w", id, ErrNotFound)
	}
	return list[0], nil
}

func (d *Docket) selectRecordings(ctx context.Context, clause string, args ...any) ([]Recording, error) {
	return queryRecordings(ctx, d.pool, clause, args...)
}

func queryRecordings(ctx context.Context, q querier, clause string, args ...any) ([]Recording, error) {
	rows, err := q.Query(ctx, `SELECT id, hearing_id, participant, account, name, file_name, media_type, hash, size,
		coalesce(session, ''), coalesce(original_name, ''), original_hash, coalesce(original_size, 0),
		started_at, ended_at, gaps, coalesce(source, ''), lost, defects FROM recordings `+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("docket: recordings: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Recording, error) {
		var r Recording
		var account *uuid.UUID
		var hash, original []byte
		err := row.Scan(&r.ID, &r.Hearing, &r.Participant, &account, &r.Name, &r.FileName, &r.MediaType, &hash, &r.Blob.Size,
			&r.Session, &r.Original.Name, &original, &r.Original.Size, &r.Started, &r.Ended, &r.Gaps, &r.Source, &r.Lost, &r.Defects)
		copy(r.Original.Hash[:], original)
		if account != nil {
			r.Account = *account
		}
		copy(r.Blob.Hash[:], hash)
		r.Started, r.Ended = r.Started.UTC(), r.Ended.UTC()
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: recordings: %w", err)
	}
	return list, nil
}
