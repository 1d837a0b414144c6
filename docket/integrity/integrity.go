// Package integrity makes and checks a hearing's integrity value
// (完整性校验值, AV 8): the root of an RFC 6962 Merkle tree over all that was
// recorded of it. It is pure: the register fills it and the offline verifier
// derives it again.
package integrity

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"yunting/internal/blob"
)

const format = "yunting-integrity/1"

// FileName is the name of a Record among the files of its docket entry.
const FileName = "integrity.json"

// StampName is the name of the RFC 3161 token over that file.
const StampName = "integrity.tst"

// Kinds of Item.
const (
	KindSegment    = "segment"    // a few seconds of one participant, as they arrived
	KindOriginal   = "original"   // a participant's segments in one file
	KindFile       = "file"       // the file that plays, made from an original
	KindTranscript = "transcript" // the lines of the transcript
	KindPresence   = "presence"   // who was there, from when to when
	KindForwarding = "forwarding" // the file of who received whom, from when to when
)

// Item is one leaf of the tree. Its hash is that of the canonical JSON.
type Item struct {
	Kind        string          `json:"kind"`
	Session     string          `json:"session,omitempty"` // the recorder's run
	Participant string          `json:"participant,omitempty"`
	Number      int             `json:"number,omitempty"` // of a segment
	Name        string          `json:"name,omitempty"`   // of a file, or the person's of a segment
	From        *time.Time      `json:"from,omitempty"`
	To          *time.Time      `json:"to,omitempty"`
	Size        int64           `json:"size"`
	SHA256      blob.Hash       `json:"sha256"`
	Previous    string          `json:"previous,omitempty"` // the chain of segments
	Lost        bool            `json:"lost,omitempty"`     // of a segment: its bytes are gone, the original is without them
	Damaged     bool            `json:"damaged,omitempty"`  // of a lost segment: the disk damaged it, the defective file is kept
	Gaps        json.RawMessage `json:"gaps,omitempty"`     // of a file
	Content     json.RawMessage `json:"content,omitempty"`  // of transcript and presence: SHA256 is of these bytes
}

// Record is what the value is of. Its JSON is canonical: what Marshal gives.
type Record struct {
	Format  string    `json:"format"`
	Hearing string    `json:"hearing"`
	Items   []Item    `json:"items"`
	Root    blob.Hash `json:"root"`
}

// ErrAltered says that a record is not what its root was made of.
var ErrAltered = errors.New("integrity: record was altered")

// New makes the record of a hearing over items, whose order counts.
func New(hearing string, items []Item) (Record, error) {
	r := Record{Format: format, Hearing: hearing, Items: items}
	root, err := r.root()
	r.Root = root
	return r, err
}

// Marshal gives the record's canonical JSON.
func (r Record) Marshal() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("integrity: %w", err)
	}
	return b, nil
}

// Parse reads a record and derives its root again: ErrAltered when a byte of it
// is not as it was made.
func Parse(b []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	again, err := r.Marshal()
	if err != nil || !bytes.Equal(again, b) || r.Format != format {
		return Record{}, fmt.Errorf("%w: not in canonical form", ErrAltered)
	}
	root, err := r.root()
	if err != nil {
		return Record{}, err
	}
	if root != r.Root {
		return Record{}, fmt.Errorf("%w: the root of its items is %s", ErrAltered, root)
	}
	for _, i := range r.Items {
		if i.Content != nil && blob.Hash(sha256.Sum256(i.Content)) != i.SHA256 {
			return Record{}, fmt.Errorf("%w: the %s is not what its hash says", ErrAltered, i.Kind)
		}
	}
	return r, nil
}

// root is the Merkle tree hash (RFC 6962 section 2.1) over the items.
func (r Record) root() (blob.Hash, error) {
	stored := storedHashes{}
	for n, i := range r.Items {
		leaf, err := json.Marshal(i)
		if err != nil {
			return blob.Hash{}, fmt.Errorf("integrity: item %d: %w", n, err)
		}
		hashes, err := tlog.StoredHashes(int64(n), leaf, stored)
		if err != nil {
			return blob.Hash{}, fmt.Errorf("integrity: item %d: %w", n, err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(r.Items)), stored)
	if err != nil {
		return blob.Hash{}, fmt.Errorf("integrity: root: %w", err)
	}
	return blob.Hash(root), nil
}

// storedHashes are a tree's hashes in tlog's order.
type storedHashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(s)) {
			return nil, fmt.Errorf("integrity: no hash %d", at)
		}
		out[i] = s[at]
	}
	return out, nil
}
