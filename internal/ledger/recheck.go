package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

// fullCheckLimit is the largest tree that Open hashes again from its leaves; it bounds the time of a start.
// Of a larger tree Open checks the signature, the root over the tree's edge and the number of leaves; Recheck
// hashes any tree in full.
const fullCheckLimit = 1 << 19

// Recheck hashes the whole tree again from its leaves and compares every stored hash and every checkpoint. It
// streams. Its error wraps ErrForked when something differs.
func (l *Log) Recheck(ctx context.Context) (Checkpoint, error) { return l.verifyStored(ctx, 1<<62) }

// verifyStored checks the stored tree in one snapshot and returns the newest checkpoint.
func (l *Log) verifyStored(ctx context.Context, fullLimit int64) (c Checkpoint, err error) {
	tx, err := l.opts.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: check the tree: %w", err)
	}
	defer func() {
		if rerr := tx.Rollback(context.WithoutCancel(ctx)); rerr != nil && err == nil {
			err = fmt.Errorf("ledger: check the tree: %w", rerr)
		}
	}()
	head, err := readHead(ctx, tx)
	if err != nil {
		return Checkpoint{}, err
	}
	c = l.checkpoint(0, emptyRoot, time.Time{})
	if head.Size > 0 {
		if c, err = ParseCheckpoint(head.note, l.vkey); err != nil {
			return Checkpoint{}, fmt.Errorf("%w: the last checkpoint is not signed by this court's key: %w", ErrForked, err)
		}
		if c.Size != head.Size || c.Root != head.Root {
			return Checkpoint{}, fmt.Errorf("%w: checkpoint of size %d is stored as %d", ErrForked, c.Size, head.Size)
		}
	}
	if err := checkCounts(ctx, tx, head.Size); err != nil {
		return Checkpoint{}, err
	}
	if err := checkRoot(head.Size, head.Root, hashReader(ctx, tx)); err != nil {
		return Checkpoint{}, err
	}
	if head.Size <= fullLimit {
		if err := rehash(ctx, tx, head.Size); err != nil {
			return Checkpoint{}, err
		}
	}
	if err := l.checkAnchor(ctx, tx, c); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// checkCounts compares how many leaves have a place, and how many hashes are stored, with the signed size.
func checkCounts(ctx context.Context, tx pgx.Tx, size int64) error {
	var leaves, top, hashes int64
	err := tx.QueryRow(ctx, `SELECT count(leaf_index), coalesce(max(leaf_index) + 1, 0), (SELECT count(*) FROM ledger_hash) FROM ledger_leaf`).
		Scan(&leaves, &top, &hashes)
	if err != nil {
		return fmt.Errorf("ledger: count leaves: %w", err)
	}
	if leaves != size || top != size || hashes != tlog.StoredHashCount(size) {
		return fmt.Errorf("%w: %d leaves were signed; stored are %d leaves up to %d and %d hashes", ErrForked, size, leaves, top, hashes)
	}
	return nil
}

// page is how many rows the full check reads at once.
const page = 8192

// rehash computes every tree hash from the leaves again and compares it with the stored one, and every
// checkpoint's root with the tree of its size.
func rehash(ctx context.Context, tx pgx.Tx, size int64) error {
	roots, err := readRoots(ctx, tx)
	if err != nil {
		return err
	}
	known := hashMap{}
	for from := int64(0); from < size; from += page {
		to := min(from+page, size)
		batch, err := readPlaced(ctx, tx, from, to)
		if err != nil {
			return err
		}
		stored, err := readRange(ctx, tx, tlog.StoredHashIndex(0, from), tlog.StoredHashCount(to))
		if err != nil {
			return err
		}
		for i, leaf := range batch {
			n := from + int64(i)
			if err := compareLeaf(known, stored, n, leaf); err != nil {
				return err
			}
			if err := compareRoot(known, roots, n+1); err != nil {
				return err
			}
		}
		known = keepEdge(known, to)
	}
	return nil
}

func compareLeaf(known, stored hashMap, n int64, leaf queuedLeaf) error {
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf.hash, known)
	if err != nil {
		return fmt.Errorf("ledger: hash leaf %d: %w", n, err)
	}
	position := tlog.StoredHashIndex(0, n)
	for j, h := range hashes {
		p := position + int64(j)
		if stored[p] != h {
			return fmt.Errorf("%w: stored hash %d is not that of leaf %d", ErrForked, p, n)
		}
		known[p] = h
	}
	return nil
}

func compareRoot(known hashMap, roots map[int64]tlog.Hash, size int64) error {
	signed, ok := roots[size]
	if !ok {
		return nil
	}
	return checkRoot(size, signed, known)
}

func keepEdge(known hashMap, size int64) hashMap {
	kept := hashMap{}
	for _, p := range edge(size) {
		kept[p] = known[p]
	}
	return kept
}

func readRoots(ctx context.Context, tx pgx.Tx) (map[int64]tlog.Hash, error) {
	rows, err := tx.Query(ctx, `SELECT tree_size, root FROM ledger_checkpoint`)
	if err != nil {
		return nil, fmt.Errorf("ledger: read checkpoints: %w", err)
	}
	roots := map[int64]tlog.Hash{}
	var size int64
	var root []byte
	_, err = pgx.ForEachRow(rows, []any{&size, &root}, func() error {
		roots[size] = tlog.Hash(root)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read checkpoints: %w", err)
	}
	return roots, nil
}

// readPlaced reads the leaves with indexes from up to, not including, to, all of which must be there.
func readPlaced(ctx context.Context, tx pgx.Tx, from, to int64) ([]queuedLeaf, error) {
	rows, err := tx.Query(ctx, `SELECT leaf_index, hash FROM ledger_leaf WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index`, from, to)
	if err != nil {
		return nil, fmt.Errorf("ledger: read leaves: %w", err)
	}
	var batch []queuedLeaf
	var index int64
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&index, &hash}, func() error {
		if index != from+int64(len(batch)) {
			return fmt.Errorf("%w: leaf %d is missing", ErrForked, from+int64(len(batch)))
		}
		batch = append(batch, queuedLeaf{id: index, hash: tlog.Hash(hash)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read leaves: %w", err)
	}
	if int64(len(batch)) != to-from {
		return nil, fmt.Errorf("%w: leaf %d is missing", ErrForked, from+int64(len(batch)))
	}
	return batch, nil
}

func readRange(ctx context.Context, tx pgx.Tx, from, to int64) (hashMap, error) {
	rows, err := tx.Query(ctx, `SELECT position, hash FROM ledger_hash WHERE position >= $1 AND position < $2`, from, to)
	if err != nil {
		return nil, fmt.Errorf("ledger: read hashes: %w", err)
	}
	found := hashMap{}
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

// checkAnchor compares the tree with the checkpoint in the anchor file: it must be a prefix.
func (l *Log) checkAnchor(ctx context.Context, tx pgx.Tx, head Checkpoint) error {
	if l.opts.AnchorFile == "" {
		return nil
	}
	signed, err := os.ReadFile(l.opts.AnchorFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: anchor: %w", err)
	}
	anchor, err := ParseCheckpoint(signed, l.vkey)
	if err != nil {
		return fmt.Errorf("%w: anchor %s: %w", ErrForked, l.opts.AnchorFile, err)
	}
	if anchor.Size > head.Size {
		return fmt.Errorf("%w: the anchor %s holds a checkpoint of size %d, the database one of size %d; was an old backup restored?", ErrForked, l.opts.AnchorFile, anchor.Size, head.Size)
	}
	if err := checkRoot(anchor.Size, anchor.Root, hashReader(ctx, tx)); err != nil {
		return fmt.Errorf("anchor %s: %w", l.opts.AnchorFile, err)
	}
	return nil
}

// checkRoot computes the root of the tree of the size and compares it with the signed one.
func checkRoot(size int64, signed tlog.Hash, r tlog.HashReader) error {
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		return fmt.Errorf("ledger: root of size %d: %w", size, err)
	}
	if root != signed {
		return fmt.Errorf("%w: size %d: the stored hashes give root %s, signed was %s", ErrForked, size, root, signed)
	}
	return nil
}

// writeAnchor replaces the anchor file. It may lag behind the database after a crash, which is harmless.
func (l *Log) writeAnchor(signed []byte) error {
	if err := l.opts.fault(stepAnchor); err != nil {
		return err
	}
	if l.opts.AnchorFile == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(l.opts.AnchorFile), ".checkpoint-*")
	if err != nil {
		return fmt.Errorf("ledger: anchor: %w", err)
	}
	_, err = f.Write(signed)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), l.opts.AnchorFile)
	}
	if err != nil {
		return fmt.Errorf("ledger: anchor: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
