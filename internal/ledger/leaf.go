// Package ledger keeps the court's transparency log: an RFC 6962 Merkle tree whose leaves are queued in the
// transactions of the acts that they prove, and whose root the court signs as a C2SP checkpoint
// (c2sp.org/tlog-checkpoint). Anyone who holds a payload, its salt and a Proof can check, without the court,
// that the payload stood in the log when the checkpoint was signed and has not changed since.
//
// The log holds salted hashes only: from the tree alone nobody learns or guesses a payload.
package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

// SaltSize is the length of a leaf's salt in bytes.
const SaltSize = 16

// Salt is the secret of a leaf: whoever knows it and the payload can recompute the leaf hash. Its text form,
// and so its JSON form, is 32 lower-case hexadecimal digits.
type Salt [SaltSize]byte

// MarshalText gives the hexadecimal form.
func (s Salt) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (s *Salt) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(SaltSize) {
		return fmt.Errorf("ledger: salt of %d characters", len(text))
	}
	if _, err := hex.Decode(s[:], text); err != nil {
		return fmt.Errorf("ledger: salt: %w", err)
	}
	return nil
}

// Leaf is a payload's place holder in the log.
type Leaf struct {
	ID   int64    // names the leaf before and after it has a place in the tree
	Hash [32]byte // LeafHash(Salt, payload)
	Salt Salt
}

// LeafHash is the RFC 6962 leaf hash of the record salt || SHA-256(payload), 48 bytes.
func LeafHash(salt Salt, payload []byte) tlog.Hash {
	digest := sha256.Sum256(payload)
	return tlog.RecordHash(append(salt[:], digest[:]...))
}

// Queue puts payload's leaf into the log as part of tx: the leaf is integrated some moments after tx commits,
// and never when tx rolls back. Only the salted hash is stored, the payload stays with the caller.
func Queue(ctx context.Context, tx pgx.Tx, payload []byte) (Leaf, error) {
	var leaf Leaf
	if _, err := rand.Read(leaf.Salt[:]); err != nil {
		return Leaf{}, fmt.Errorf("ledger: salt: %w", err)
	}
	leaf.Hash = LeafHash(leaf.Salt, payload)
	err := tx.QueryRow(ctx, `INSERT INTO ledger_leaf (hash, salt) VALUES ($1, $2) RETURNING id`,
		leaf.Hash[:], leaf.Salt[:]).Scan(&leaf.ID)
	if err != nil {
		return Leaf{}, fmt.Errorf("ledger: queue a leaf: %w", err)
	}
	return leaf, nil
}

var (
	// ErrNotFound says that there is no such leaf, tile or tree size.
	ErrNotFound = errors.New("ledger: not found")
	// ErrNotIntegrated says that the leaf waits for the sequencer; Log.Wait waits with it.
	ErrNotIntegrated = errors.New("ledger: leaf is not integrated yet")
	// ErrForked says that the stored tree is not the one that was signed. It is fatal: the sequencer stops, and
	// Open refuses to start, because signing on would publish two histories.
	ErrForked = errors.New("ledger: forked: the stored tree is not the one that was signed")
	// ErrStopped says that the log was stopped.
	ErrStopped = errors.New("ledger: stopped")
)
