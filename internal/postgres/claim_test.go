package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yunting/internal/postgres"
	"yunting/internal/postgres/pgtest"
)

// TestOneServerADatabase: a second server is refused and told whose connection it is, until the first has ended.
func TestOneServerADatabase(t *testing.T) {
	pool, log := pgtest.New(t), slog.New(slog.DiscardHandler)
	first, err := postgres.TakeClaim(t.Context(), pool, 0, log)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = postgres.TakeClaim(t.Context(), pool, 600*time.Millisecond, log)
	if !errors.Is(err, postgres.ErrClaimed) || !strings.Contains(err.Error(), "by PostgreSQL's process") || !strings.Contains(err.Error(), "--database-url") {
		t.Fatalf("a second server: %v", err)
	}
	if waited := time.Since(began); waited < 600*time.Millisecond {
		t.Errorf("refused after %v", waited)
	}
	other, err := postgres.TakeClaim(t.Context(), pgtest.New(t), 0, log)
	if err != nil {
		t.Fatalf("a server on another database: %v", err)
	}
	other.Release()
	first.Release()
	second, err := postgres.TakeClaim(t.Context(), pool, postgres.ClaimWait, log)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	second.Release()
}

// TestClaimOfACrashedServer: the claim ends with its holder's connection, so that the next start does not wait.
func TestClaimOfACrashedServer(t *testing.T) {
	pool := pgtest.New(t)
	crashed, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crashed.Exec(t.Context(), `SELECT pg_advisory_lock(hashtextextended('yunting server', 0))`); err != nil {
		t.Fatal(err)
	}
	// As the kernel does for a process that was killed: the socket closes without a word of the protocol.
	if err := crashed.PgConn().Conn().Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	next, err := postgres.TakeClaim(t.Context(), pool, postgres.ClaimWait, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer next.Release()
	if waited := time.Since(began); waited > postgres.ClaimWait/2 {
		t.Errorf("the next server waited %v", waited)
	}
}

// TestClaimIsTakenAgain: a claim whose connection broke is taken again; where another server was faster, its holder is
// told to end.
func TestClaimIsTakenAgain(t *testing.T) {
	pool, log := pgtest.New(t), slog.New(slog.DiscardHandler)
	claim, err := postgres.TakeClaim(t.Context(), pool, time.Second, log)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release()
	terminate := func() {
		t.Helper()
		if _, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yunting claim' AND datname = current_database()`); err != nil {
			t.Fatal(err)
		}
	}
	held := func() (n int) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'yunting claim' AND a.datname = current_database()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	terminate()
	deadline, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for broken := false; ; {
		n := held()
		broken = broken || n == 0
		if broken && n == 1 {
			break
		}
		select {
		case <-claim.Lost():
			t.Fatal("the claim was given up")
		case <-deadline.Done():
			t.Fatalf("the claim is not taken again: broken %v, held by %d", broken, n)
		case <-time.After(10 * time.Millisecond):
		}
	}
	// Another waits in line for the lock and has it as soon as the connection breaks.
	other, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	got := make(chan error, 1)
	go func() {
		_, err := other.Exec(deadline, `SELECT pg_advisory_lock(hashtextextended('yunting server', 0))`)
		got <- err
	}()
	for waiting := 0; waiting == 0; {
		if err := pool.QueryRow(deadline, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	terminate()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	select {
	case <-claim.Lost():
	case <-deadline.Done():
		t.Fatal("the holder was not told")
	}
}
