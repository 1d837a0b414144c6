package docket

import (
	"time"

	"github.com/google/uuid"

	"yunting/internal/blob"
)

// MayReplace reports whether the recording of a hearing may stand for its
// transcript with the parties' consent: in civil cases tried in simple
// procedure, of which small claims are a kind (AV 8; CPL 165).
func MayReplace(procedure string) bool {
	return procedure == ProcedureSimple || procedure == ProcedureSmall
}

// Replacement is how far the parties agree that the recording stands for the
// transcript (AV 8).
type Replacement struct {
	Possible bool               `json:"possible"` // see MayReplace
	Agreed   bool               `json:"agreed"`   // possible, and every party agreed
	Parties  []RecordingConsent `json:"parties"`
}

// RecordingConsent is one party's word on it.
type RecordingConsent struct {
	Party   uuid.UUID  `json:"party"`
	Account *uuid.UUID `json:"account,omitempty"` // who acts for the party
	Name    string     `json:"name"`
	Agreed  *bool      `json:"agreed,omitempty"` // nil until the party said anything
	At      *time.Time `json:"at,omitempty"`
}

// Said reports whether the party agreed.
func (c RecordingConsent) Said() bool { return c.Agreed != nil && *c.Agreed }

// replacement is the rule: every party must have agreed.
func replacement(procedure string, parties []RecordingConsent) Replacement {
	r := Replacement{Possible: MayReplace(procedure), Parties: parties}
	r.Agreed = r.Possible && len(parties) > 0
	for _, p := range parties {
		r.Agreed = r.Agreed && p.Said()
	}
	return r
}

// IntegrityAnswer is a party's word on an integrity value: that it signs it, or
// what it objects to (AV 9).
type IntegrityAnswer struct {
	Party     uuid.UUID `json:"party"`
	Account   uuid.UUID `json:"account"`
	Name      string    `json:"name"`
	Root      blob.Hash `json:"root"` // the value that was answered
	Signed    bool      `json:"signed"`
	Objection string    `json:"objection,omitempty"`
	At        time.Time `json:"at"`
	Current   bool      `json:"current"` // the value is still the hearing's newest
}
