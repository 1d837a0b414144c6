package docket

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// Segment is a closed stretch of a few seconds of one participant's recording,
// as it arrived. Its number counts within the session, which is one run of the
// recorder: a server's restart begins another.
type Segment struct {
	Session     string    `json:"session"`
	Participant string    `json:"participant"` // the media peer's id
	Number      int       `json:"number"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Size        int64     `json:"size"` // bytes
	Hash        blob.Hash `json:"sha256"`
	Previous    blob.Hash `json:"previous"` // Chain of the segment before, across sessions; zero for the first
	Chain       blob.Hash `json:"chain"`    // SHA-256 of the segment's line in the recorder's list

	Leaf ledger.Leaf `json:"-"` // without Hash: LeafHash(Salt, Payload)
	// Payload is the canonical JSON that the leaf is the hash of.
	Payload []byte `json:"-"`
}

// Exact is the segment with its times as the recorder wrote them: the database
// keeps microseconds, the chain nanoseconds.
func (s Segment) Exact() (Segment, error) {
	var p segmentPayload
	if err := json.Unmarshal(s.Payload, &p); err != nil {
		return s, fmt.Errorf("docket: segment %d: %w", s.Number, err)
	}
	s.From, s.To = p.From, p.To
	return s, nil
}

// segmentPayload is what a segment's leaf is the hash of.
type segmentPayload struct {
	Hearing uuid.UUID `json:"hearing"`
	Segment
}
