package docket

import (
	"time"

	"github.com/google/uuid"

	"yunting/docket/deadline"
	"yunting/internal/blob"
)

// Evidence is one item of evidence. Its hash says that the bytes are unaltered
// since CreatedAt, nothing about their truth (LR 16).
type Evidence struct {
	ID        uuid.UUID      `json:"id"`
	Case      uuid.UUID      `json:"case"`
	Number    int            `json:"number"` // 1, 2 … in the case; a removed item's number is not used again
	Owner     uuid.UUID      `json:"owner"`  // the account that added it
	OwnerName string         `json:"owner_name"`
	Party     *uuid.UUID     `json:"party,omitempty"` // for which it was added
	Name      string         `json:"name"`
	Source    string         `json:"source"`
	Purpose   string         `json:"purpose"`
	Date      *deadline.Date `json:"date,omitempty"`
	FileName  string         `json:"file_name"`
	MediaType string         `json:"media_type"`
	Blob      blob.Ref       `json:"blob"`
	CreatedAt time.Time      `json:"created_at"`
}

// EvidenceInput is an item to add. The bytes are in the blob store already.
type EvidenceInput struct {
	Name      string
	Source    string
	Purpose   string
	Date      *deadline.Date
	FileName  string
	MediaType string
	Blob      blob.Ref
	// UploadID makes adding idempotent: the same owner's second call with it
	// returns the first item.
	UploadID string
}

// Ref names the item's file for an entry or a receipt.
func (e Evidence) Ref() FileRef {
	return FileRef{Name: e.FileName, Hash: e.Blob.Hash, Size: e.Blob.Size}
}
