package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// checkFiles tells of files that the docket names and the file store lacks. The court works without them: they may
// still be on their way back from a backup.
func (c *court) checkFiles(ctx context.Context) {
	looked, missing, err := c.docket.MissingFiles(ctx, filesLookedAt)
	switch {
	case err != nil:
		c.log.Error("the file store cannot be looked at", "error", err)
	case missing > 0:
		c.log.Error("the file store lacks files that the docket names: restore it from the backup (--blob-url)", "newest_looked_at", looked, "missing", missing)
	}
}
