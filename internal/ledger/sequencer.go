package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// sequencerLock is the advisory lock, held for one transaction, that makes the sequencer one.
	sequencerLock = 0x79746c6564676572 // "ytledger"
	// maxBatch is the most leaves that one transaction integrates.
	maxBatch = 4096
)

// The steps of the sequencer, each of which a test breaks.
const (
	stepBegin      = "begin"
	stepLock       = "lock"
	stepHead       = "head"
	stepQueued     = "queued"
	stepEdge       = "edge"
	stepHashes     = "hashes"
	stepPlaces     = "places"
	stepSign       = "sign"
	stepCheckpoint = "checkpoint"
	stepCommit     = "commit"
	stepAfter      = "after" // committed, but the sequencer dies before it knows
	stepAnchor     = "anchor"
)

type queuedLeaf struct {
	id   int64
	hash tlog.Hash
}

// integrate places one batch of queued leaves, and returns how many. Leaves, tree hashes and the signed
// checkpoint are written in one transaction: either all of it is there or none, so a crash at any point leaves
// the leaves queued or integrated, never between.
func (l *Log) integrate(ctx context.Context) (n int, err error) {
	if err := l.opts.fault(stepBegin); err != nil {
		return 0, err
	}
	tx, err := l.opts.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return 0, fmt.Errorf("ledger: begin: %w", err)
	}
	defer func() {
		if rerr := tx.Rollback(context.WithoutCancel(ctx)); rerr != nil && !errors.Is(rerr, pgx.ErrTxClosed) && err == nil {
			err = fmt.Errorf("ledger: roll back: %w", rerr)
		}
	}()
	head, batch, err := l.takeBatch(ctx, tx)
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	next, signed, err := l.placeBatch(ctx, tx, head, batch)
	if err != nil {
		return 0, err
	}
	if err := l.opts.fault(stepCommit); err != nil {
		return 0, err
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, fmt.Errorf("ledger: commit: %w", err)
	}
	if err := l.opts.fault(stepAfter); err != nil {
		return 0, err
	}
	if err := l.advance(next); err != nil {
		return 0, err
	}
	l.announce()
	l.opts.Logger.Debug("ledger integrated", "leaves", len(batch), "size", next.Size)
	if err := l.writeAnchor(signed); err != nil {
		return len(batch), err
	}
	return len(batch), nil
}

// takeBatch takes the lock and reads the head and the queued leaves. It returns no batch when another process
// holds the lock or nothing is queued.
func (l *Log) takeBatch(ctx context.Context, tx pgx.Tx) (storedHead, []queuedLeaf, error) {
	if err := l.opts.fault(stepLock); err != nil {
		return storedHead{}, nil, err
	}
	var locked bool
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(sequencerLock)).Scan(&locked); err != nil {
		return storedHead{}, nil, fmt.Errorf("ledger: lock: %w", err)
	}
	if !locked {
		return storedHead{}, nil, nil
	}
	if err := l.opts.fault(stepHead); err != nil {
		return storedHead{}, nil, err
	}
	head, err := readHead(ctx, tx)
	if err != nil {
		return storedHead{}, nil, err
	}
	if err := l.advance(l.checkpoint(head.Size, head.Root, head.At)); err != nil {
		return storedHead{}, nil, err
	}
	if err := l.opts.fault(stepQueued); err != nil {
		return storedHead{}, nil, err
	}
	rows, err := tx.Query(ctx, `SELECT id, hash FROM ledger_leaf WHERE leaf_index IS NULL ORDER BY id LIMIT $1`, maxBatch)
	if err != nil {
		return storedHead{}, nil, fmt.Errorf("ledger: read queued leaves: %w", err)
	}
	batch, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (queuedLeaf, error) {
		var leaf queuedLeaf
		var hash []byte
		if err := row.Scan(&leaf.id, &hash); err != nil {
			return queuedLeaf{}, err
		}
		leaf.hash = tlog.Hash(hash)
		return leaf, nil
	})
	if err != nil {
		return storedHead{}, nil, fmt.Errorf("ledger: read queued leaves: %w", err)
	}
	return head, batch, nil
}

// placeBatch appends the batch to the tree of head: tree hashes, places, signed checkpoint.
func (l *Log) placeBatch(ctx context.Context, tx pgx.Tx, head storedHead, batch []queuedLeaf) (Checkpoint, []byte, error) {
	if err := l.opts.fault(stepEdge); err != nil {
		return Checkpoint{}, nil, err
	}
	known, err := readHashes(ctx, tx, edge(head.Size))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	// Never build on a tree that is not the signed one.
	if err := checkRoot(head.Size, head.Root, known); err != nil {
		return Checkpoint{}, nil, err
	}
	fresh, err := grow(known, head.Size, batch)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if err := l.opts.fault(stepHashes); err != nil {
		return Checkpoint{}, nil, err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"ledger_hash"}, []string{"position", "hash"}, pgx.CopyFromRows(fresh)); err != nil {
		return Checkpoint{}, nil, fmt.Errorf("ledger: store hashes: %w", err)
	}
	if err := l.storePlaces(ctx, tx, head.Size, batch); err != nil {
		return Checkpoint{}, nil, err
	}
	size := head.Size + int64(len(batch))
	root, err := tlog.TreeHash(size, known)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("ledger: root of size %d: %w", size, err)
	}
	next := l.checkpoint(size, root, l.opts.Now())
	if err := l.opts.fault(stepSign); err != nil {
		return Checkpoint{}, nil, err
	}
	signed, err := signCheckpoint(next, l.signer)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if err := l.opts.fault(stepCheckpoint); err != nil {
		return Checkpoint{}, nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO ledger_checkpoint (tree_size, root, note, at) VALUES ($1, $2, $3, $4)`, next.Size, next.Root[:], signed, next.At)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("ledger: store the checkpoint: %w", err)
	}
	return next, signed, nil
}

// grow adds the batch's tree hashes to known, which holds the edge of the tree of the size, and returns the
// new rows.
func grow(known hashMap, size int64, batch []queuedLeaf) ([][]any, error) {
	fresh := make([][]any, 0, 2*len(batch))
	for i, leaf := range batch {
		n := size + int64(i)
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf.hash, known)
		if err != nil {
			return nil, fmt.Errorf("ledger: hash leaf %d: %w", n, err)
		}
		position := tlog.StoredHashIndex(0, n)
		for j, h := range hashes {
			known[position+int64(j)] = h
			fresh = append(fresh, []any{position + int64(j), h[:]})
		}
	}
	return fresh, nil
}

// storePlaces gives the batch's leaves their indexes.
func (l *Log) storePlaces(ctx context.Context, tx pgx.Tx, size int64, batch []queuedLeaf) error {
	if err := l.opts.fault(stepPlaces); err != nil {
		return err
	}
	ids, places := make([]int64, len(batch)), make([]int64, len(batch))
	for i, leaf := range batch {
		ids[i], places[i] = leaf.id, size+int64(i)
	}
	tag, err := tx.Exec(ctx, `UPDATE ledger_leaf SET leaf_index = place.n
		FROM unnest($1::bigint[], $2::bigint[]) AS place(id, n)
		WHERE ledger_leaf.id = place.id AND leaf_index IS NULL`, ids, places)
	if err != nil {
		return fmt.Errorf("ledger: store places: %w", err)
	}
	if tag.RowsAffected() != int64(len(batch)) {
		return fmt.Errorf("ledger: placed %d of %d leaves", tag.RowsAffected(), len(batch))
	}
	return nil
}
