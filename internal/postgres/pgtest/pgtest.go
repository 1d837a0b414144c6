// Package pgtest gives a test its own fresh database on a real PostgreSQL.
package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// New gives t a database of its own with the court's whole schema.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	t.Fatal("pgtest is not built yet")
	return nil
}
