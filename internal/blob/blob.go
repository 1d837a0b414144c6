// Package blob keeps files by their content: a blob is named by the SHA-256 of
// its bytes and never changes. Stores are a local directory and S3.
package blob

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrNotFound says that the store holds no blob with that hash.
var ErrNotFound = errors.New("blob: not found")

// ErrMismatch says that a file's bytes do not have the hash they were given
// under.
var ErrMismatch = errors.New("blob: content does not match its hash")

// Hash is the SHA-256 of a blob's bytes. As text it is 64 lower-case
// hexadecimal digits; in PostgreSQL it is a bytea of 32 bytes.
type Hash [32]byte

// ParseHash reads 64 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("blob: hash of %d characters, want %d", len(s), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("blob: hash: %w", err)
	}
	return h, nil
}

// String is the hash as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h names no blob.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText implements encoding.TextMarshaler, and so JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, and so JSON.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// Value implements driver.Valuer: a bytea of 32 bytes.
func (h Hash) Value() (driver.Value, error) { return h[:], nil }

// Scan implements sql.Scanner for a bytea of 32 bytes.
func (h *Hash) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h) {
		return fmt.Errorf("blob: scan %T of length %d into a hash", src, len(b))
	}
	copy(h[:], b)
	return nil
}

// Ref names a blob and says how long it is.
type Ref struct {
	Hash Hash  `json:"sha256"`
	Size int64 `json:"size"` // bytes
}

// Store keeps blobs. It is safe for concurrent use. When Put or PutFile
// returns without error the blob is durable: it survives a crash of the
// machine that comes a moment later. Storing the same bytes twice keeps one
// blob. Nothing is ever overwritten.
type Store interface {
	// Put stores all of r.
	Put(ctx context.Context, r io.Reader) (Ref, error)
	// PutFile stores the file at path, whose SHA-256 the caller computed as h,
	// and takes the file over: after success it is gone from path. It is
	// renamed when it lies on the store's own volume and copied otherwise; a
	// copy that does not hash to h fails with ErrMismatch.
	PutFile(ctx context.Context, path string, h Hash) (Ref, error)
	// PutCopy stores a file as PutFile does and leaves it at path, where nobody
	// may write to it any more: on the store's own volume both names share one
	// file.
	PutCopy(ctx context.Context, path string, h Hash) (Ref, error)
	// Delete removes blobs for good; one that is absent is no error. The store
	// knows nothing of cases: whoever calls it has seen that no rule and no other
	// reference keeps them (docket's for what is on record).
	Delete(ctx context.Context, hashes ...Hash) error
	// Open opens a blob for reading from any offset; ErrNotFound when absent.
	// The caller closes it.
	Open(ctx context.Context, h Hash) (io.ReadSeekCloser, error)
	// Stat tells a blob's size; ErrNotFound when absent.
	Stat(ctx context.Context, h Hash) (Ref, error)
}
