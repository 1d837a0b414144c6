package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yunting/internal/postgres"
	"yunting/internal/postgres/pgtest"
)

func TestOpenMigratesOnceForMany(t *testing.T) {
	dsn := pgtest.Empty(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			pool, err := postgres.Open(context.Background(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer pool.Close()
			var tables int
			err = pool.QueryRow(context.Background(), `SELECT count(*) FROM pg_tables WHERE tablename IN ('identity_account', 'river_job')`).Scan(&tables)
			if err != nil || tables != 2 {
				t.Errorf("%d of two tables, %v", tables, err)
			}
		})
	}
	wg.Wait()
}

func TestConnectRefuses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, dsn := range []string{"postgres://u:topsecret@[::1/db", "postgres:///db?host=/nonexistent"} {
		pool, err := postgres.Connect(ctx, dsn)
		if err == nil {
			pool.Close()
			t.Errorf("%s: connected", dsn)
		}
	}
}

func TestInTx(t *testing.T) {
	pool := pgtest.New(t)
	ctx := t.Context()
	if _, err := pool.Exec(ctx, `CREATE TABLE counter (n int NOT NULL CONSTRAINT counter_small CHECK (n < 100)); INSERT INTO counter VALUES (0)`); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		if err := pool.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	refused := errors.New("refused")
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE counter SET n = 50`); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) || count() != 0 {
		t.Errorf("a refused transaction: %v, counter %d", err, count())
	}
	err = postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE counter SET n = 100`)
		return err
	})
	if !postgres.Violated(err, "counter_small") || postgres.Violated(err, "other") || postgres.Violated(nil, "counter_small") {
		t.Errorf("a violated constraint: %v", err)
	}
	// Conflicting read-modify-write: SERIALIZABLE makes PostgreSQL refuse, InTx tries again.
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`); err != nil {
					return err
				}
				var n int
				if err := tx.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE counter SET n = $1`, n+1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if count() != 6 {
		t.Errorf("counter %d after six increments", count())
	}
	attempts := 0
	err = postgres.InTx(ctx, pool, func(pgx.Tx) error {
		attempts++
		return &pgconn.PgError{Code: "40001"}
	})
	if err == nil || attempts < 2 || attempts > 20 {
		t.Errorf("endless conflict: %d attempts, %v", attempts, err)
	}
}
