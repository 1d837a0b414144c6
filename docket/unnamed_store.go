package docket

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
)

// RemoveUnnamed takes a file out of the store that nothing names: no entry, item
// of evidence, recording or segment of one, and nothing that named knows of,
// which is asked in the same transaction. It reports whether the file is gone.
// Who names a file at the same time waits, and then looks whether it is there
// (AddEvidence).
func (d *Docket) RemoveUnnamed(ctx context.Context, hash blob.Hash, named func(tx pgx.Tx) (bool, error)) (removed bool, err error) {
	err = d.inTx(ctx, "remove a file that nothing names", func(tx pgx.Tx) error {
		removed = false
		if err := lockFile(ctx, tx, hash); err != nil {
			return err
		}
		var here bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM entry_files WHERE hash = $1) OR EXISTS (SELECT FROM evidence WHERE hash = $1)
			OR EXISTS (SELECT FROM recordings WHERE hash = $1 OR original_hash = $1 OR position($2 IN defects::text) > 0)
			OR EXISTS (SELECT FROM recording_segments WHERE hash = $1) OR EXISTS (SELECT FROM hearing_integrity WHERE file_hash = $1)`,
			hash, hash.String()).Scan(&here)
		if err != nil || here {
			return err
		}
		if here, err = named(tx); err != nil || here {
			return err
		}
		removed = true
		return d.blobs.Delete(ctx, hash)
	})
	return removed && err == nil, err
}

// lockFile waits until nobody is naming a file and keeps others from it until the
// transaction ends.
func lockFile(ctx context.Context, tx pgx.Tx, hash blob.Hash) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 250))`, hash.String())
	return err
}

// shareFile keeps a file from being removed until the transaction ends.
func shareFile(ctx context.Context, tx pgx.Tx, hash blob.Hash) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 250))`, hash.String())
	return err
}

// hasFile is an *Invalid when the file of an item is not in the store.
func (d *Docket) hasFile(ctx context.Context, file blob.Ref) error {
	if d.blobs == nil {
		return nil
	}
	ref, err := d.blobs.Stat(ctx, file.Hash)
	if errors.Is(err, blob.ErrNotFound) || err == nil && ref.Size != file.Size {
		return invalid("file", "evidence_file_missing", "")
	}
	if err != nil {
		return fmt.Errorf("docket: evidence file: %w", err)
	}
	return nil
}
