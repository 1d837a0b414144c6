package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/internal/postgres/pgtest"
)

// TestEmptyDataDirectory gives a court's database to a server without that court's data directory: it does not start and
// names the keys that are missing, without making new ones; with the keys alone it works and says that files are missing.
func TestEmptyDataDirectory(t *testing.T) {
	dsn := pgtest.Database(t)
	p := startDemo(t, "--no-participants", "--log-level", "warn", "--database-url", dsn)
	kept := p.file().BaseURL
	p.stop()
	if kept == "" {
		t.Fatal("the court was not seeded")
	}
	keys := filepath.Join(p.dir, "keys")
	moved := filepath.Join(t.TempDir(), "keys")
	if err := os.Rename(keys, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, p.args...).CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 2 {
		t.Fatalf("without its keys: %v\n%s", err, out)
	}
	for _, want := range []string{filepath.Join(keys, "identity"), filepath.Join(keys, "ledger"), "restore", "--database-url"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
	if _, err := os.Stat(keys); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("keys were made in place of those that are missing: %v", err)
	}
	if err := os.Rename(moved, keys); err != nil {
		t.Fatal(err)
	}
	p.start()
	if said := p.log.String(); !strings.Contains(said, "the file store lacks files that the docket names") {
		t.Errorf("that files are missing is not said:\n%s", said)
	}
	for path, want := range map[string]string{"/readyz": "warning: the file store lacks", "/metrics": "\nyunting_missing_files 1"} {
		if _, text, err := p.try("", "GET", path, nil); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, not %q:\n%s", path, err, want, text)
		}
	}
}
