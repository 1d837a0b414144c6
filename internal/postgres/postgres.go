// Package postgres runs the court's PostgreSQL: it launches a private cluster
// where none is given, connects to it, brings its schema up to date and runs
// transactions.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// maxConnections bounds the pool: a private cluster allows 100 and River
	// listens on some of its own.
	maxConnections = 20
	// maxAttempts bounds how often InTx runs a transaction that lost a
	// conflict with another one.
	maxAttempts = 8
	// retryPause is the longest pause before the second attempt; it doubles.
	retryPause = 5 * time.Millisecond
)

// Open connects to the database at dsn (a URL or key=value string) and
// migrates it to this program's schema. Several processes may open the same
// database at once: the migrations run under an advisory lock.
func Open(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	pool, err := Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if err := Migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Connect connects to the database at dsn without touching its schema. It
// fails when the server does not answer.
func Connect(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The parser's error may repeat the password.
		return nil, errors.New("postgres: the database address cannot be read; expected postgres://user:password@host:port/name")
	}
	if config.MaxConns < maxConnections {
		config.MaxConns = maxConnections
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "yunting"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: connect: %w", err)
	}
	return pool, nil
}

// InTx runs fn in one READ COMMITTED transaction: committed when fn returns
// nil, rolled back otherwise. When PostgreSQL gives up the transaction because
// it conflicted with another (40001 serialization_failure, 40P01
// deadlock_detected), fn runs again, at most maxAttempts times in all; so fn
// must have no effect but through tx. fn's own error comes back unwrapped.
func InTx(ctx context.Context, pool *pgxpool.Pool, fn func(tx pgx.Tx) error) error {
	pause := retryPause
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, pool, fn)
		if err == nil || attempt == maxAttempts || !conflicted(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("postgres: transaction given up after %d conflicts: %w", attempt, ctx.Err())
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause *= 2
	}
}

// conflicted reports whether PostgreSQL asks to run the transaction again.
func conflicted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// Violated reports whether err is the violation of the named constraint or
// unique index.
func Violated(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}
