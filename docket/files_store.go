package docket

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
)

// MissingFiles looks in the file store for the newest limit files that entries
// name, but for those that were deleted by decision, and tells how many it looked
// for and how many are not there.
func (d *Docket) MissingFiles(ctx context.Context, limit int) (looked, missing int, err error) {
	rows, err := d.pool.Query(ctx, `SELECT f.hash FROM entries e JOIN entry_files f ON f.entry_id = e.id
		WHERE NOT EXISTS (SELECT FROM purged_files p WHERE p.hash = f.hash) ORDER BY e.id DESC LIMIT $1`, limit)
	if err != nil {
		return 0, 0, fmt.Errorf("docket: files of entries: %w", err)
	}
	hashes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return 0, 0, fmt.Errorf("docket: files of entries: %w", err)
	}
	for _, h := range hashes {
		_, err := d.blobs.Stat(ctx, blob.Hash(h))
		if errors.Is(err, blob.ErrNotFound) {
			missing++
		} else if err != nil {
			return 0, 0, fmt.Errorf("docket: file of an entry: %w", err)
		}
	}
	return len(hashes), missing, nil
}
