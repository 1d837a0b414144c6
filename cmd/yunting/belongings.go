package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"yunting/internal/ledger"
)

// filesLookedAt is how many of the docket's newest files are looked for at the start.
const filesLookedAt = 16

// checkKeys refuses a database that holds a court's record and was made with other keys than these: new ones in their
// place could neither go on with the ledger nor read what was sealed.
func (c *court) checkKeys(ctx context.Context, keys string) error {
	begun, err := ledger.Begun(ctx, c.pool)
	if err != nil || !begun {
		return err
	}
	var missing []string
	for _, name := range []string{"identity", "ledger"} {
		path := filepath.Join(keys, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the database holds a court's record, and its keys are not here: %s; restore %s from the backup, and with it blobs/ and recordings/, "+
		"or name an empty database (--database-url)", strings.Join(missing, ", "), keys)
}

// belongings is what the last look for the docket's newest files found. It is safe for concurrent use.
type belongings struct{ looked, missing atomic.Int64 }

// watchFiles looks for files that the docket names and the file store lacks, and tells /metrics what the last look found.
// The court works without them: they may still be on their way back from a backup.
func (c *court) watchFiles(ctx context.Context) {
	c.metrics.NewGauge("yunting_missing_files", func() float64 { return float64(c.belongings.missing.Load()) })
	c.checkFiles(ctx)
}

// checkFiles looks anew, and logs what is not as it was.
func (c *court) checkFiles(ctx context.Context) {
	looked, missing, err := c.docket.MissingFiles(ctx, filesLookedAt)
	if err != nil {
		c.log.Error("the file store cannot be looked at", "error", err)
		return
	}
	c.belongings.looked.Store(int64(looked))
	switch before := c.belongings.missing.Swap(int64(missing)); {
	case int64(missing) == before:
	case missing > 0:
		c.log.Error("the file store lacks files that the docket names: restore it from the backup (--blob-url)", "newest_looked_at", looked, "missing", missing)
	default:
		c.log.Info("the file store has the docket's newest files again", "newest_looked_at", looked)
	}
}

// MissingFiles is how many of the newest files that the docket names the file store lacked at the last look, and how many
// were looked for.
func (b *belongings) MissingFiles() (looked, missing int) {
	return int(b.looked.Load()), int(b.missing.Load())
}
