// Package pgtest gives each test a fresh database with the court's schema on a
// real PostgreSQL. All test binaries of a user share one cluster, which runs
// while any of them does and ends by itself a little later.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yunting/internal/postgres"
)

// timeout bounds what pgtest does for one test, initdb included.
const timeout = 2 * time.Minute

// templateLock is the advisory lock under which one test binary makes a template.
const templateLock = 0x7067746573 // "pgtes"

// New gives t a database of its own, migrated, and drops it when t ends.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	ctx := t.Context()
	pool, err := postgres.Connect(ctx, Database(t))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Database is New for a test that connects by itself: it returns the
// database's address.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, template)
}

// Empty is Database without the schema.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, func(context.Context, *pgx.Conn) (string, error) { return "template1", nil })
}

func create(t testing.TB, from func(context.Context, *pgx.Conn) (string, error)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	err := admin(ctx, func(conn *pgx.Conn) error {
		source, err := from(ctx, conn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, source))
		return err
	})
	if err != nil {
		t.Fatalf("pgtest: make a database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		err := admin(ctx, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, fmt.Sprintf(`DROP DATABASE IF EXISTS %s WITH (FORCE)`, name))
			return err
		})
		if err != nil {
			t.Errorf("pgtest: drop a database: %v", err)
		}
	})
	dsn, err := postgres.DSN(clusterDir(), name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return dsn
}

// template answers the name of the database that holds this program's schema,
// which it makes when it is missing.
func template(ctx context.Context, conn *pgx.Conn) (string, error) {
	hash, err := postgres.SchemaHash()
	if err != nil {
		return "", err
	}
	name := "template_" + hash
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(templateLock)); err != nil {
		return "", err
	}
	// The connection is closed right after, and the lock goes with it.
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
		return "", err
	}
	if exists {
		_, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(templateLock))
		return name, err
	}
	half := "half_" + hash
	if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+half+` WITH (FORCE)`); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+half); err != nil {
		return "", err
	}
	dsn, err := postgres.DSN(clusterDir(), half)
	if err != nil {
		return "", err
	}
	pool, err := postgres.Open(ctx, dsn)
	if err != nil {
		return "", err
	}
	pool.Close()
	if _, err := conn.Exec(ctx, `ALTER DATABASE `+half+` RENAME TO `+name); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(templateLock))
	return name, err
}

// admin runs fn on a connection to the cluster, which it starts when needed.
func admin(ctx context.Context, fn func(conn *pgx.Conn) error) error {
	if err := ensureCluster(ctx); err != nil {
		return err
	}
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return fn(conn)
}

func connect(ctx context.Context) (*pgx.Conn, error) {
	dsn, err := postgres.DSN(clusterDir(), "postgres")
	if err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, dsn)
}

// clusterDir is one directory a user, since a cluster belongs to one.
var clusterDir = sync.OnceValue(func() string {
	return filepath.Join(memoryOr(os.TempDir()), fmt.Sprintf("yunting-pgtest-%d", os.Geteuid()))
})

// memory is where Linux has a file system in memory, and memoryNeeded how large one must be to hold the cluster: the whole
// suite takes 104 MiB of it, but PostgreSQL may let its log grow to max_wal_size, 2 GB, before it recycles any.
const (
	memory       = "/dev/shm"
	memoryNeeded = 4 << 30
)

// memoryOr is memory where the machine has enough of it, otherwise dir, so that the tests' statements do not wait for a disk
// that builds and recordings write to. All test binaries must agree: it asks for the size, which stays, not for what is free.
func memoryOr(dir string) string {
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) != nil || fs.Blocks*uint64(fs.Bsize) < memoryNeeded {
		return dir
	}
	return memory
}

var (
	mu    sync.Mutex // guards inUse
	inUse *os.File   // holds the cluster's "in use" lock, shared, until the process ends
)

// ensureCluster makes the cluster run at least as long as this process.
func ensureCluster(ctx context.Context) error {
	mu.Lock()
	defer mu.Unlock()
	if inUse != nil {
		return nil
	}
	// A keeper that is about to stop holds this lock alone: then we wait for
	// its end and start a new one.
	use, err := lockFile("in-use", syscall.LOCK_SH)
	if err != nil {
		return err
	}
	start, err := lockFile("start", syscall.LOCK_EX)
	if err != nil {
		return errors.Join(err, use.Close())
	}
	defer start.Close()
	if err := startIfDown(ctx); err != nil {
		return errors.Join(err, use.Close())
	}
	inUse = use
	return nil
}

// lockFile waits for a lock beside the cluster's directory.
func lockFile(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(clusterDir()+"."+name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
