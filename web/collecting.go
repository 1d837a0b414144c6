package web

import (
	"context"
	"fmt"
	"path/filepath"

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
// short is finished by the next. Only Pool, Docket, Service, DataDir and Now of
// the configuration are used.
func CollectUploads(ctx context.Context, c Config) error {
	days := c.Docket.Court().UploadDays
	if days == 0 {
		return nil
	}
	now := c.Now().UTC()
	before := now.AddDate(0, 0, -days)
	// The claim comes first: from then on nobody can go on with it, and whoever did so meanwhile moved touched_at.
	if _, err := c.Pool.Exec(ctx, `UPDATE web_uploads SET collected_at = $2 WHERE evidence IS NULL AND collected_at IS NULL AND touched_at < $1`, before, now); err != nil {
		return fmt.Errorf("web: collect uploads: %w", err)
	}
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
	dir := &uploads{dir: filepath.Join(c.DataDir, uploadDir)}
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
	if _, err := c.Pool.Exec(ctx, `DELETE FROM web_uploads WHERE cleared AND collected_at < $1`, before); err != nil {
		return fmt.Errorf("web: forget uploads: %w", err)
	}
	return nil
}

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

// giveUp collects what brought an item that is no more. An item that came by a
// plain form gets a row, which says where its file is.
func (u *uploads) giveUp(ctx context.Context, item docket.Evidence, account uuid.UUID) error {
	now := u.s.Now()
	tag, err := u.s.Pool.Exec(ctx, `UPDATE web_uploads SET evidence = NULL, collected_at = $2 WHERE evidence = $1`, item.ID, now)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = u.s.Pool.Exec(ctx, `INSERT INTO web_uploads (id, account, case_id, file_name, size, created_at, sha256, media_type, touched_at, collected_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $6)`, "item-"+item.ID.String(), account, item.Case, fileName(item.FileName), item.Blob.Size, now, item.Blob.Hash, item.MediaType)
	}
	if err != nil {
		return fmt.Errorf("web: give up the file of a removed item: %w", err)
	}
	return nil
}
