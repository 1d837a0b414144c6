package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a leaf is part of a signed tree. With the payload it can be checked offline: Verify.
type Proof struct {
	Index      int64       `json:"index"`     // the leaf's place, from 0
	TreeSize   int64       `json:"tree_size"` // of the checkpoint
	Salt       Salt        `json:"salt"`
	Hashes     []tlog.Hash `json:"hashes"` // the audit path, RFC 6962 section 2.1.1
	Checkpoint []byte      `json:"checkpoint"`
}

// maxPath bounds an audit path: a tree of 2^62 leaves is 62 levels deep.
const maxPath = 62

// Verify checks that payload stands in the log of the verifier key vkey, and returns the checkpoint that
// says so. It needs no database.
func (p Proof) Verify(payload []byte, vkey string) (Checkpoint, error) {
	c, err := ParseCheckpoint(p.Checkpoint, vkey)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.TreeSize != c.Size {
		return Checkpoint{}, fmt.Errorf("ledger: proof for size %d, checkpoint of size %d", p.TreeSize, c.Size)
	}
	if p.Index < 0 || p.Index >= c.Size || len(p.Hashes) > maxPath {
		return Checkpoint{}, fmt.Errorf("ledger: leaf %d with %d hashes in a tree of %d", p.Index, len(p.Hashes), c.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, LeafHash(p.Salt, payload)); err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: leaf %d: %w", p.Index, err)
	}
	return c, nil
}

// Proof proves the leaf against the first checkpoint that covers it, so that the checkpoint's time is when the
// leaf was recorded and the proof never changes. ErrNotIntegrated while the leaf is queued, ErrNotFound when no
// committed transaction queued it.
func (l *Log) Proof(ctx context.Context, leafID int64) (Proof, error) {
	proofs, err := l.Proofs(ctx, []int64{leafID})
	if err != nil {
		return Proof{}, err
	}
	return proofs[0], nil
}

// Proofs proves many leaves, in the order of ids. Errors are those of Proof.
func (l *Log) Proofs(ctx context.Context, ids []int64) ([]Proof, error) {
	rows, err := l.opts.Pool.Query(ctx, `SELECT leaf.id, leaf.salt, leaf.leaf_index, cover.tree_size, cover.note
		FROM ledger_leaf AS leaf LEFT JOIN LATERAL (
			SELECT tree_size, note FROM ledger_checkpoint WHERE tree_size > leaf.leaf_index ORDER BY tree_size LIMIT 1
		) AS cover ON true
		WHERE leaf.id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("ledger: read leaves: %w", err)
	}
	found := make(map[int64]Proof, len(ids))
	var id int64
	var salt, checkpoint []byte
	var index, size *int64
	_, err = pgx.ForEachRow(rows, []any{&id, &salt, &index, &size, &checkpoint}, func() error {
		if index == nil {
			return fmt.Errorf("leaf %d: %w", id, ErrNotIntegrated)
		}
		if size == nil {
			return fmt.Errorf("%w: no checkpoint covers leaf %d", ErrForked, id)
		}
		found[id] = Proof{Index: *index, TreeSize: *size, Salt: Salt(salt), Checkpoint: checkpoint}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read leaves: %w", err)
	}
	read := hashReader(ctx, l.opts.Pool)
	proofs := make([]Proof, len(ids))
	for i, id := range ids {
		p, ok := found[id]
		if !ok {
			return nil, fmt.Errorf("leaf %d: %w", id, ErrNotFound)
		}
		p.Hashes, err = tlog.ProveRecord(p.TreeSize, p.Index, read)
		if err != nil {
			return nil, fmt.Errorf("ledger: prove leaf %d: %w", id, err)
		}
		proofs[i] = p
	}
	return proofs, nil
}

// Wait waits until the leaf is integrated and returns its proof. The transaction that queued it must have
// committed. It ends early with ctx, when the sequencer meets ErrForked, or with ErrStopped.
func (l *Log) Wait(ctx context.Context, leafID int64) (Proof, error) {
	for {
		integrated := l.integratedSignal()
		proof, err := l.Proof(ctx, leafID)
		if !errors.Is(err, ErrNotIntegrated) {
			return proof, err
		}
		if err := l.Err(); err != nil {
			return Proof{}, err
		}
		l.nudge()
		timer := l.timer()
		select {
		case <-integrated:
		case <-timer.C: // another process may be the sequencer
		case <-l.stopping:
			timer.Stop()
			return Proof{}, ErrStopped
		case <-ctx.Done():
			timer.Stop()
			return Proof{}, fmt.Errorf("ledger: wait for leaf %d: %w", leafID, ctx.Err())
		}
		timer.Stop()
	}
}

// Checkpoint returns the newest signed checkpoint; ErrNotFound while the log is empty.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	head, err := readHead(ctx, l.opts.Pool)
	if err != nil {
		return nil, err
	}
	if head.Size == 0 {
		return nil, fmt.Errorf("the log is empty: %w", ErrNotFound)
	}
	return head.note, nil
}

// ConsistencyProof proves that the tree of size old is a prefix of the tree of size new (RFC 6962 section
// 2.1.2): 1 ≤ old ≤ new ≤ the newest checkpoint's size, otherwise ErrNotFound.
func (l *Log) ConsistencyProof(ctx context.Context, old, new int64) ([]tlog.Hash, error) {
	head, err := readHead(ctx, l.opts.Pool)
	if err != nil {
		return nil, err
	}
	if old < 1 || old > new || new > head.Size {
		return nil, fmt.Errorf("sizes %d and %d in a tree of %d: %w", old, new, head.Size, ErrNotFound)
	}
	proof, err := tlog.ProveTree(new, old, hashReader(ctx, l.opts.Pool))
	if err != nil {
		return nil, fmt.Errorf("ledger: prove %d in %d: %w", old, new, err)
	}
	return proof, nil
}
