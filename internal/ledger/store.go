package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Begun reports whether the database holds a log that was signed before.
func Begun(ctx context.Context, pool *pgxpool.Pool) (begun bool, err error) {
	err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ledger_checkpoint)`).Scan(&begun)
	if err != nil {
		return false, fmt.Errorf("ledger: checkpoints: %w", err)
	}
	return begun, nil
}

// storedHead is the newest row of ledger_checkpoint; Size is 0 when there is none.
type storedHead struct {
	Size int64
	Root tlog.Hash
	At   time.Time
	note []byte
}

func readHead(ctx context.Context, q querier) (storedHead, error) {
	var h storedHead
	var root []byte
	err := q.QueryRow(ctx, `SELECT tree_size, root, note, at FROM ledger_checkpoint ORDER BY tree_size DESC LIMIT 1`).
		Scan(&h.Size, &root, &h.note, &h.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return storedHead{Root: emptyRoot}, nil
	}
	if err != nil {
		return storedHead{}, fmt.Errorf("ledger: read the checkpoint: %w", err)
	}
	h.Root = tlog.Hash(root)
	return h, nil
}

// keptOrigin gives the origin that the stored log has, or fresh for an empty log.
func keptOrigin(ctx context.Context, q querier, fresh string) (string, error) {
	head, err := readHead(ctx, q)
	if err != nil || head.Size == 0 {
		return fresh, err
	}
	origin, _, _ := strings.Cut(string(head.note), "\n")
	return origin, nil
}

// emptyRoot is the root of the empty tree, SHA-256 of nothing (RFC 6962 section 2.1).
var emptyRoot = func() tlog.Hash {
	h, err := tlog.TreeHash(0, nil)
	if err != nil {
		panic(err)
	}
	return h
}()

// hashReader reads stored tree hashes; a missing one is an error that wraps ErrForked, because callers ask
// only for hashes below a signed size.
func hashReader(ctx context.Context, q querier) tlog.HashReaderFunc {
	return func(positions []int64) ([]tlog.Hash, error) {
		found, err := readHashes(ctx, q, positions)
		if err != nil {
			return nil, err
		}
		return found.ReadHashes(positions)
	}
}

// hashMap is a tlog.HashReader over hashes in memory, by position.
type hashMap map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (m hashMap) ReadHashes(positions []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		h, ok := m[p]
		if !ok {
			return nil, fmt.Errorf("%w: hash %d is missing", ErrForked, p)
		}
		out[i] = h
	}
	return out, nil
}

func readHashes(ctx context.Context, q querier, positions []int64) (hashMap, error) {
	found := make(hashMap, len(positions))
	if len(positions) == 0 {
		return found, nil
	}
	rows, err := q.Query(ctx, `SELECT position, hash FROM ledger_hash WHERE position = ANY($1)`, positions)
	if err != nil {
		return nil, fmt.Errorf("ledger: read hashes: %w", err)
	}
	var position int64
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&position, &hash}, func() error {
		found[position] = tlog.Hash(hash)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read hashes: %w", err)
	}
	return found, nil
}

// edge lists the positions of the roots of the full subtrees that make up a tree of the size: all that is
// needed to append to it and to compute its root.
func edge(size int64) []int64 {
	var positions []int64
	for rest := uint64(size); rest != 0; rest &= rest - 1 {
		level := bits.TrailingZeros64(rest)
		positions = append(positions, tlog.StoredHashIndex(level, size>>level-1))
	}
	return positions
}
