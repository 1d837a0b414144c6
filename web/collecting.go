package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/blob"
)

// CollectArgs is the job that runs CollectUploads.
type CollectArgs struct{}

// Kind implements river.JobArgs.
func (CollectArgs) Kind() string { return "upload_collect" }

// maxCollected bounds one run; the next goes on.
const maxCollected = 500

// CollectUploads removes the bytes of uploads that nobody went on with for the
// court's period (Profile.UploadDays), and of items that were taken out of a
// draft. A file that anything else names stays in the store. A run that was cut
// short is finished by the next. A court whose period is 0 keeps unfinished
// uploads for ever; what was given up goes all the same. Only Pool, Docket, Service, DataDir, Logger and
// Now of the configuration are used.
func CollectUploads(ctx context.Context, c Config) error {
	now, days := c.Now().UTC(), c.Docket.Court().UploadDays
	before, dir := now.AddDate(0, 0, -max(days, 0)), &uploads{dir: filepath.Join(c.DataDir, uploadDir)}
	if days > 0 {
		// The claim comes first: from then on nobody can go on with it, and whoever did so meanwhile moved touched_at.
		if _, err := c.Pool.Exec(ctx, `UPDATE web_uploads SET collected_at = $2 WHERE evidence IS NULL AND collected_at IS NULL AND touched_at < $1`, before, now); err != nil {
			return fmt.Errorf("web: collect uploads: %w", err)
		}
	}
	if err := clearGivenUp(ctx, c, dir); err != nil {
		return err
	}
	if _, err := c.Pool.Exec(ctx, `DELETE FROM web_uploads WHERE cleared AND collected_at < $1`, before); err != nil {
		return fmt.Errorf("web: forget uploads: %w", err)
	}
	if days <= 0 {
		return nil
	}
	return collectLeft(ctx, c, dir, before)
}

// clearGivenUp removes the bytes of the uploads that nobody can go on with any
// more.
func clearGivenUp(ctx context.Context, c Config, dir *uploads) error {
	rows, err := c.Pool.Query(ctx, `SELECT id, sha256 FROM web_uploads WHERE collected_at IS NOT NULL AND NOT cleared ORDER BY collected_at, id LIMIT $1`, maxCollected)
	if err != nil {
		return fmt.Errorf("web: collect uploads: %w", err)
	}
	type due struct {
		ID     string
		SHA256 *blob.Hash
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[due])
	if err != nil {
		return fmt.Errorf("web: collect uploads: %w", err)
	}
	for _, d := range list {
		if err := dir.forget(d.ID); err != nil {
			return err
		}
		if d.SHA256 != nil {
			if _, err := c.Service.RemoveUnnamed(ctx, *d.SHA256, uploading(ctx, *d.SHA256)); err != nil {
				return fmt.Errorf("web: collect upload: %w", err)
			}
		}
		if _, err := c.Pool.Exec(ctx, `UPDATE web_uploads SET cleared = true WHERE id = $1`, d.ID); err != nil {
			return fmt.Errorf("web: collect upload: %w", err)
		}
	}
	return nil
}

// collectLeft removes what lies in the directory of uploads, was not written to
// since before, and belongs to no upload that somebody may go on with: its row
// is gone, as in a database that was restored, or its bytes are an item's and
// the server stopped before it removed these. The directory is read before the
// rows, and an upload has its row before its file.
func collectLeft(ctx context.Context, c Config, dir *uploads, before time.Time) error {
	old, err := dir.untouched(before)
	if err != nil || len(old) == 0 {
		return err
	}
	rows, err := c.Pool.Query(ctx, `SELECT id FROM unnest($1::text[]) AS id
		WHERE NOT EXISTS (SELECT FROM web_uploads u WHERE u.id = id.id AND u.evidence IS NULL AND NOT u.cleared) LIMIT $2`, old, maxCollected)
	if err != nil {
		return fmt.Errorf("web: files of no upload: %w", err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("web: files of no upload: %w", err)
	}
	for _, id := range left {
		if err := dir.forget(id); err != nil {
			return err
		}
	}
	if len(left) > 0 && c.Logger != nil {
		c.Logger.InfoContext(ctx, "files that no upload names were removed", "uploads", len(left))
	}
	return nil
}

// untouched are the uploads whose files in the directory were all last written
// before that time.
func (u *uploads) untouched(before time.Time) ([]string, error) {
	files, err := os.ReadDir(u.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("web: look for files of no upload: %w", err)
	}
	newest := map[string]time.Time{}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("web: look for files of no upload: %w", err)
		}
		if id := strings.TrimSuffix(f.Name(), ".info"); info.Mode().IsRegular() && info.ModTime().After(newest[id]) {
			newest[id] = info.ModTime()
		}
	}
	var old []string
	for id, at := range newest {
		if at.Before(before) {
			old = append(old, id)
		}
	}
	return old, nil
}

// CollectDrafts clears the complaints that were never filed and that nobody went
// on with for the court's period (Profile.DraftDays), also by sending a file.
// CollectUploads then takes their files. It uses what that does.
func CollectDrafts(ctx context.Context, c Config) error {
	now := c.Now().UTC()
	lapsed, err := c.Docket.LapseDrafts(ctx, func(tx pgx.Tx, draft uuid.UUID, before time.Time, items []docket.Evidence) (bool, error) {
		var sending bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM web_uploads WHERE case_id = $1 AND evidence IS NULL AND collected_at IS NULL AND touched_at >= $2)`, draft, before).Scan(&sending)
		if err != nil || sending {
			return sending, err
		}
		_, err = tx.Exec(ctx, `UPDATE web_uploads SET evidence = NULL, collected_at = $2, file_name = 'file' WHERE case_id = $1 AND collected_at IS NULL`, draft, now)
		if err != nil {
			return false, err
		}
		batch := &pgx.Batch{} // an item may have no row; one more of another's file does no harm
		for _, item := range items {
			batch.Queue(insertGivenUp, "item-"+item.ID.String(), item.Owner, draft, "file", item.Blob.Size, now, item.Blob.Hash, item.MediaType)
		}
		return false, tx.SendBatch(ctx, batch).Close()
	})
	if lapsed > 0 && c.Logger != nil {
		c.Logger.InfoContext(ctx, "drafts that were never filed were cleared after their period", "drafts", lapsed)
	}
	if err != nil {
		return fmt.Errorf("web: collect drafts: %w", err)
	}
	return nil
}

// insertGivenUp says where the file of an item is that is no more.
const insertGivenUp = `INSERT INTO web_uploads (id, account, case_id, file_name, size, created_at, sha256, media_type, touched_at, collected_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $6)`

// uploading reports whether an upload that is not collected brought that file.
func uploading(ctx context.Context, h blob.Hash) func(tx pgx.Tx) (bool, error) {
	return func(tx pgx.Tx) (named bool, err error) {
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM web_uploads WHERE sha256 = $1 AND collected_at IS NULL)`, h).Scan(&named)
		return named, err
	}
}

// removeEvidence takes an item out of a draft and leaves its file to
// CollectUploads, whichever way it had come.
func (s *server) removeEvidence(r *request) error {
	item, err := s.Docket.EvidenceItem(r.Context(), r.evidence.ID)
	if err != nil {
		return err
	}
	if err := s.Docket.RemoveEvidence(r.Context(), r.actor, r.caseID, item.ID); err != nil {
		return err
	}
	return s.uploads.giveUp(r.Context(), item, r.actor.Account)
}

// giveUp collects what brought an item that is no more. One whose row is gone, or
// never was, gets a row, which says where its file is.
func (u *uploads) giveUp(ctx context.Context, item docket.Evidence, account uuid.UUID) error {
	now := u.s.Now()
	tag, err := u.s.Pool.Exec(ctx, `UPDATE web_uploads SET evidence = NULL, collected_at = $2 WHERE evidence = $1`, item.ID, now)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = u.s.Pool.Exec(ctx, insertGivenUp, "item-"+item.ID.String(), account, item.Case, fileName(item.FileName), item.Blob.Size, now, item.Blob.Hash, item.MediaType)
	}
	if err != nil {
		return fmt.Errorf("web: give up the file of a removed item: %w", err)
	}
	return nil
}
