package pgtest

import (
	"sync"
	"testing"
)

func TestDatabasesAreSeparate(t *testing.T) {
	one, two := New(t), New(t)
	if _, err := one.Exec(t.Context(), `CREATE TABLE only_here (n int)`); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(t.Context(), `CREATE TABLE only_here (n int)`); err != nil {
		t.Fatal(err)
	}
	var accounts, jobs int
	err := two.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM identity_account), (SELECT count(*) FROM river_job)`).Scan(&accounts, &jobs)
	if err != nil || accounts != 0 || jobs != 0 {
		t.Fatalf("schema of a fresh database: %d accounts, %d jobs, %v", accounts, jobs, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := New(t).Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
