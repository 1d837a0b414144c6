package docket

import (
	"time"

	"github.com/google/uuid"

	"yunting/docket/deadline"
)

// Line is one line of a transcript as it reads now. Earlier wordings are kept:
// see Revisions.
type Line struct {
	ID       uuid.UUID `json:"id"` // made by the client
	Hearing  uuid.UUID `json:"hearing"`
	Seq      int       `json:"seq"` // 1, 2 … in the hearing
	Speaker  string    `json:"speaker"`
	Text     string    `json:"text"`
	Author   uuid.UUID `json:"author"`
	At       time.Time `json:"at"`       // when it was first written
	Revision int       `json:"revision"` // 1, raised by each ReviseLine
}

// LineInput is a line to write. ID is made by the client, so that writing it
// again after a lost connection changes nothing.
type LineInput struct {
	ID      uuid.UUID `json:"id"`
	Speaker string    `json:"speaker"`
	Text    string    `json:"text"`
}

// LineRevision is one wording of a line.
type LineRevision struct {
	Line     uuid.UUID `json:"line"`
	Revision int       `json:"revision"`
	Speaker  string    `json:"speaker"`
	Text     string    `json:"text"`
	Author   uuid.UUID `json:"author"`
	At       time.Time `json:"at"`
}

// Transcript is a hearing's record in words (CPL 150).
type Transcript struct {
	Hearing uuid.UUID          `json:"hearing"`
	Lines   []Line             `json:"lines"`
	Answers []TranscriptAnswer `json:"answers"`
	// ClosedAt is when the hearing closed; corrections are then still possible.
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	// Due is the last day to read and answer it (CPL 150); nil until closed.
	Due *deadline.Answer `json:"due,omitempty"`
	// Digest is the SHA-256 (hex) of the lines as they read now; an answer given
	// to another wording has another digest.
	Digest string `json:"digest"`
}

// TranscriptAnswer is a party's confirmation of, or objection to, a transcript.
// Confirmed online it equals a signature on paper (LR 34).
type TranscriptAnswer struct {
	Party     uuid.UUID `json:"party"`
	Account   uuid.UUID `json:"account"`
	Name      string    `json:"name"`
	Confirmed bool      `json:"confirmed"`
	Objection string    `json:"objection,omitempty"`
	At        time.Time `json:"at"`
	Digest    string    `json:"digest"`  // of the wording that was answered
	Current   bool      `json:"current"` // no line changed since
}
