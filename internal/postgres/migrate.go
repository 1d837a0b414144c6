package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrationFiles are the court's own migrations. Number ranges belong to
// modules: identity 0010, blob 0020, ledger 0030, docket 0100, service 0200,
// signaling 0300, web 0400.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the advisory lock that keeps two processes from migrating
// one database at once.
const migrationLock = 0x79756e74696e67 // "yunting"

// Migrate brings the database to this program's schema: River's tables first,
// which jobs in the court's transactions need, then the court's own. Modules
// number their migrations in ranges of their own, so a lower number may arrive
// after a higher one has been applied; it is applied then.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return fmt.Errorf("postgres: lock the schema: %w", err)
	}
	migrateErr := migrateLocked(ctx, pool)
	_, err = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
	if migrateErr != nil {
		return migrateErr
	}
	if err != nil {
		return fmt.Errorf("postgres: unlock the schema: %w", err)
	}
	return nil
}

func migrateLocked(ctx context.Context, pool *pgxpool.Pool) error {
	jobs, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("postgres: job tables: %w", err)
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("postgres: job tables: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("postgres: migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("postgres: migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

// SchemaHash names this program's schema: a hash over every migration, River's
// and the court's. Two programs with one hash make the same tables.
func SchemaHash() (string, error) {
	h := sha256.New()
	jobs, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		return "", fmt.Errorf("postgres: job tables: %w", err)
	}
	for _, m := range jobs.AllVersions() {
		fmt.Fprintf(h, "river %d %d\n%s\n", m.Version, len(m.SQLUp), m.SQLUp)
	}
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return "", fmt.Errorf("postgres: migrations: %w", err)
	}
	for _, entry := range entries {
		text, err := migrationFiles.ReadFile("migrations/" + entry.Name())
		if err != nil {
			return "", fmt.Errorf("postgres: migrations: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n%s\n", entry.Name(), len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}
