package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"yunting/internal/postgres/pgtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testOptions(pool *pgxpool.Pool) Options {
	return Options{
		Pool: pool, Key: testKey("court"), Origin: "court.test/ledger", Interval: 10 * time.Millisecond,
		Now:    func() time.Time { return time.Date(2026, 3, 6, 1, 2, 3, 0, time.UTC) },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func open(t testing.TB, opts Options) *Log {
	t.Helper()
	l, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func payloadOf(i int) []byte { return fmt.Appendf(nil, "payload %d", i) }

// queue queues payloads from, from+1 … in one committed transaction.
func queue(t testing.TB, pool *pgxpool.Pool, from, n int) []Leaf {
	t.Helper()
	leaves := make([]Leaf, n)
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		for i := range leaves {
			var err error
			if leaves[i], err = Queue(t.Context(), tx, payloadOf(from+i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}

// integrateAll runs the sequencer's batches until nothing is queued.
func integrateAll(t testing.TB, l *Log) {
	t.Helper()
	for {
		n, err := l.integrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// checkAll proves every leaf, and hashes the whole tree again.
func checkAll(t testing.TB, l *Log, leaves []Leaf) {
	t.Helper()
	places := map[int64]bool{}
	for i, leaf := range leaves {
		p, err := l.Proof(t.Context(), leaf.ID)
		if err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		if _, err := p.Verify(payloadOf(i), l.PublicKey()); err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		if places[p.Index] {
			t.Fatalf("two leaves at %d", p.Index)
		}
		places[p.Index] = true
	}
	head, err := l.Recheck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if head.Size != int64(len(leaves)) {
		t.Fatalf("tree of %d for %d leaves", head.Size, len(leaves))
	}
}

func TestProofs(t *testing.T) {
	pool := pgtest.New(t)
	l := open(t, testOptions(pool))
	if _, err := l.Checkpoint(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("checkpoint of the empty log: %v", err)
	}
	var leaves []Leaf
	for _, n := range []int{1, 1, 2, 3, 7, 250} {
		leaves = append(leaves, queue(t, pool, len(leaves), n)...)
		integrateAll(t, l)
	}
	checkAll(t, l, leaves)
	first, err := l.Proof(t.Context(), leaves[0].ID)
	if err != nil || first.TreeSize != 1 {
		t.Errorf("first leaf is proven against size %d: %v", first.TreeSize, err)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back Proof
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	c, err := back.Verify(payloadOf(0), l.PublicKey())
	if err != nil || !c.At.Equal(l.opts.Now()) || c.Origin != "court.test/ledger" {
		t.Errorf("after JSON: %+v %v", c, err)
	}
	if _, err := back.Verify(payloadOf(1), l.PublicKey()); err == nil {
		t.Error("another payload verifies")
	}
	back.Salt[0] ^= 1
	if _, err := back.Verify(payloadOf(0), l.PublicKey()); err == nil {
		t.Error("another salt verifies")
	}
	if _, err := first.Verify(payloadOf(0), open(t, withKey(testOptions(pgtest.New(t)), "other")).PublicKey()); err == nil {
		t.Error("another key verifies")
	}
	if _, err := l.Proof(t.Context(), 1<<40); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown leaf: %v", err)
	}
}

func withKey(o Options, name string) Options {
	o.Key = testKey(name)
	return o
}

func TestRollbackLeavesNothing(t *testing.T) {
	pool := pgtest.New(t)
	l := open(t, testOptions(pool))
	broken := errors.New("broken")
	var leaf Leaf
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
		leaf, err = Queue(t.Context(), tx, payloadOf(0))
		if err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	integrateAll(t, l)
	if _, err := l.Proof(t.Context(), leaf.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a rolled back leaf: %v", err)
	}
}

func TestConsistencyAndTiles(t *testing.T) {
	pool := pgtest.New(t)
	l := open(t, testOptions(pool))
	roots := map[int64]tlog.Hash{}
	total := 0
	for _, n := range []int{1, 2, 5, 100, 148, 1, 300} {
		queue(t, pool, total, n)
		total += n
		integrateAll(t, l)
		roots[int64(total)] = l.Head().Root
	}
	for old, oldRoot := range roots {
		for newer, newRoot := range roots {
			proof, err := l.ConsistencyProof(t.Context(), old, newer)
			if old > newer {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%d in %d: %v", old, newer, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(proof, newer, newRoot, old, oldRoot); err != nil {
				t.Errorf("%d in %d: %v", old, newer, err)
			}
		}
	}
	// The published tiles alone give the signed root.
	head := l.Head()
	tree := tlog.Tree{N: head.Size, Hash: head.Root}
	root, err := tlog.TreeHash(head.Size, tlog.TileHashReader(tree, tileReader{t, l}))
	if err != nil || root != head.Root {
		t.Errorf("root from tiles %v, want %v: %v", root, head.Root, err)
	}
	for path, size := range map[string]int{
		"tile/8/0/000": 256, "tile/0/000": 256, "8/0/001": 256, "/tile/0/002.p/45": 45, "tile/8/1/000.p/2": 2, "tile/1/000.p/2": 2,
	} {
		data, err := l.Tile(t.Context(), path)
		if err != nil || len(data) != 32*size {
			t.Errorf("%s: %d bytes, %v", path, len(data), err)
		}
	}
	for _, path := range []string{"tile/0/002", "tile/0/002.p/46", "tile/1/000", "tile/8/data/000", "tile/4/0/000", "tile/x", "", "tile/8/63/000", "tile/0/x999/x999/x999/x999/x999/x999/000"} {
		if _, err := l.Tile(t.Context(), path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

type tileReader struct {
	t *testing.T
	l *Log
}

func (r tileReader) Height() int { return tileHeight }
func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		data, err := r.l.Tile(r.t.Context(), tile.Path())
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}
func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// TestFaults breaks each step of the sequencer, by an error and by the death of the connection, before and in
// the middle of a history, and then lets a new process go on: every leaf is there exactly once.
func TestFaults(t *testing.T) {
	steps := []string{stepBegin, stepLock, stepHead, stepQueued, stepEdge, stepHashes, stepPlaces, stepSign, stepCheckpoint, stepCommit, stepAfter, stepAnchor}
	for _, step := range steps {
		for _, way := range []string{"error", "killed connection"} {
			t.Run(step+" "+way, func(t *testing.T) {
				pool := pgtest.New(t)
				opts := testOptions(pool)
				opts.AnchorFile = filepath.Join(t.TempDir(), "checkpoint")
				good := open(t, opts)
				leaves := queue(t, pool, 0, 5)
				integrateAll(t, good)
				leaves = append(leaves, queue(t, pool, 5, 6)...)

				broken := errors.New("broken")
				reached := false
				opts.fault = func(s string) error {
					if s != step {
						return nil
					}
					reached = true
					if way == "error" {
						return broken
					}
					return killOthers(context.Background(), pool)
				}
				bad := open(t, opts)
				_, err := bad.integrate(t.Context())
				if !reached {
					t.Fatal("the step was not reached")
				}
				if way == "error" && !errors.Is(err, broken) {
					t.Fatalf("the step did not break: %v", err)
				}
				pool.Reset() // the dead connections are not the matter here
				committed := step == stepAfter || step == stepAnchor
				if head, err := readHead(t.Context(), pool); err != nil || committed && head.Size != 11 {
					t.Fatalf("head %d: %v", head.Size, err)
				} else if way == "error" && !committed && head.Size != 5 {
					t.Fatalf("a broken batch left size %d", head.Size)
				}

				// The same process goes on, then another one.
				bad.opts.fault = func(string) error { return nil }
				integrateAll(t, bad)
				leaves = append(leaves, queue(t, pool, 11, 2)...)
				opts.fault = nil
				after := open(t, opts)
				integrateAll(t, after)
				checkAll(t, after, leaves)
			})
		}
	}
}

// killOthers ends every other connection to the database, as a crash of the network or the server would.
func killOthers(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	return errors.Join(err, conn.Close(ctx))
}

func TestManySequencers(t *testing.T) {
	pool := pgtest.New(t)
	logs := []*Log{open(t, testOptions(pool)), open(t, testOptions(pool)), open(t, testOptions(pool))}
	for _, l := range logs {
		l.Start()
		defer l.Stop()
	}
	const writers, each = 4, 25
	var mu sync.Mutex
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				payload := fmt.Appendf(nil, "writer %d leaf %d", w, i)
				var leaf Leaf
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
					leaf, err = Queue(t.Context(), tx, payload)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				l := logs[(w+i)%len(logs)]
				p, err := l.Wait(t.Context(), leaf.ID)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				_, err = p.Verify(payload, l.PublicKey())
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	head, err := logs[0].Recheck(t.Context())
	if err != nil || head.Size != writers*each {
		t.Errorf("size %d: %v", head.Size, err)
	}
}

func TestWaitEnds(t *testing.T) {
	pool := pgtest.New(t)
	l := open(t, testOptions(pool))
	leaf := queue(t, pool, 0, 1)[0]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := l.Wait(ctx, leaf.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a sequencer: %v", err)
	}
	l.Stop()
	if _, err := l.Wait(t.Context(), leaf.ID); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
	l.Stop()
}

// TestForked changes the stored tree behind the log's back; Open must refuse each time.
func TestForked(t *testing.T) {
	disable := `ALTER TABLE ledger_leaf DISABLE TRIGGER USER; ALTER TABLE ledger_hash DISABLE TRIGGER USER; ALTER TABLE ledger_checkpoint DISABLE TRIGGER USER; `
	for name, sql := range map[string]string{
		"leaf changed":             `UPDATE ledger_leaf SET hash = sha256('x') WHERE leaf_index = 3`,
		"leaf removed":             `DELETE FROM ledger_leaf WHERE leaf_index = 3`,
		"last leaf removed":        `DELETE FROM ledger_leaf WHERE leaf_index = 19`,
		"leaf given a place":       `INSERT INTO ledger_leaf (hash, salt, leaf_index) VALUES (sha256('x'), substr(sha256('x'), 1, 16), 20)`,
		"leaves swapped":           `UPDATE ledger_leaf a SET hash = b.hash FROM ledger_leaf b WHERE a.leaf_index IN (3, 4) AND b.leaf_index IN (3, 4) AND a.id <> b.id`,
		"inner hash changed":       `UPDATE ledger_hash SET hash = sha256('x') WHERE position = 2`,
		"hash removed":             `DELETE FROM ledger_hash WHERE position = 2`,
		"newest checkpoint gone":   `DELETE FROM ledger_checkpoint WHERE tree_size = 20`,
		"older checkpoint changed": `UPDATE ledger_checkpoint SET root = sha256('x') WHERE tree_size = 10`,
		"newest root changed":      `UPDATE ledger_checkpoint SET root = sha256('x') WHERE tree_size = 20`,
		"note of another size":     `UPDATE ledger_checkpoint a SET note = b.note FROM ledger_checkpoint b WHERE a.tree_size = 20 AND b.tree_size = 10`,
		"everything gone":          `DELETE FROM ledger_checkpoint; DELETE FROM ledger_hash; DELETE FROM ledger_leaf`,
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.New(t)
			opts := testOptions(pool)
			opts.AnchorFile = filepath.Join(t.TempDir(), "checkpoint")
			l := open(t, opts)
			queue(t, pool, 0, 10)
			integrateAll(t, l)
			queue(t, pool, 10, 10)
			integrateAll(t, l)
			if _, err := pool.Exec(t.Context(), sql); err == nil && name != "leaf given a place" {
				t.Error("the triggers let it pass")
			}
			if name != "leaf given a place" {
				if _, err := pool.Exec(t.Context(), disable+sql); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Open(t.Context(), opts); !errors.Is(err, ErrForked) {
				t.Errorf("opened: %v", err)
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		pool := pgtest.New(t)
		l := open(t, testOptions(pool))
		queue(t, pool, 0, 1)
		integrateAll(t, l)
		if _, err := Open(t.Context(), withKey(testOptions(pool), "other")); !errors.Is(err, ErrForked) {
			t.Errorf("opened: %v", err)
		}
	})
}

// TestRestoredBackup puts an older state of the log under a running one: the sequencer must stop.
func TestRestoredBackup(t *testing.T) {
	pool := pgtest.New(t)
	l := open(t, testOptions(pool))
	queue(t, pool, 0, 3)
	integrateAll(t, l)
	_, err := pool.Exec(t.Context(), `TRUNCATE ledger_checkpoint, ledger_hash, ledger_leaf`)
	if err != nil {
		t.Fatal(err)
	}
	leaf := queue(t, pool, 0, 1)[0]
	l.Start()
	defer l.Stop()
	if _, err := l.Wait(t.Context(), leaf.ID); !errors.Is(err, ErrForked) {
		t.Errorf("wait: %v", err)
	}
	if err := l.Err(); !errors.Is(err, ErrForked) {
		t.Errorf("Err: %v", err)
	}
}

func TestAnchorIsKept(t *testing.T) {
	pool := pgtest.New(t)
	opts := testOptions(pool)
	opts.AnchorFile = filepath.Join(t.TempDir(), "checkpoint")
	l := open(t, opts)
	queue(t, pool, 0, 3)
	integrateAll(t, l)
	kept, err := os.ReadFile(opts.AnchorFile)
	if err != nil {
		t.Fatal(err)
	}
	published, err := l.Checkpoint(t.Context())
	if err != nil || string(kept) != string(published) {
		t.Errorf("anchor %q, published %q: %v", kept, published, err)
	}
	if _, err := open(t, opts).Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOriginIsKept moves a court to another address: its log stays the same log.
func TestOriginIsKept(t *testing.T) {
	pool := pgtest.New(t)
	first := open(t, testOptions(pool))
	leaves := queue(t, pool, 0, 2)
	integrateAll(t, first)
	moved := testOptions(pool)
	moved.Origin = "moved.test/ledger"
	l := open(t, moved)
	leaves = append(leaves, queue(t, pool, 2, 2)...)
	integrateAll(t, l)
	checkAll(t, l, leaves)
	if l.PublicKey() != first.PublicKey() {
		t.Errorf("key %s became %s", first.PublicKey(), l.PublicKey())
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	signer, vkey, err := keys("court.test/ledger", testKey("court"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := signCheckpoint(Checkpoint{Origin: "court.test/ledger", Size: 7, At: time.Unix(1, 0)}, signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("court.test/ledger\n1\nAAAA\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseCheckpoint(data, vkey); err == nil && c.Size != 7 {
			t.Errorf("a forged checkpoint of size %d", c.Size)
		}
		if c, err := parseBody(string(data)); err == nil && (c.Size < 0 || c.Origin == "") {
			t.Errorf("body gives %+v", c)
		}
	})
}

func BenchmarkIntegrate(b *testing.B) {
	for _, batch := range []int{1, 100, maxBatch} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			pool := pgtest.New(b)
			l := open(b, testOptions(pool))
			for b.Loop() {
				b.StopTimer()
				if _, err := pool.Exec(b.Context(), `INSERT INTO ledger_leaf (hash, salt)
					SELECT sha256(i::text::bytea), substr(sha256('salt'), 1, 16) FROM generate_series(1, $1::int) AS i`, batch); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if n, err := l.integrate(b.Context()); err != nil || n != batch {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

func BenchmarkQueueAndWait(b *testing.B) {
	pool := pgtest.New(b)
	l := open(b, testOptions(pool))
	l.Start()
	defer l.Stop()
	for b.Loop() {
		if _, err := l.Wait(b.Context(), queue(b, pool, 0, 1)[0].ID); err != nil {
			b.Fatal(err)
		}
	}
}
