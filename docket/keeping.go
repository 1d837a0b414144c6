package docket

import (
	"time"

	"github.com/google/uuid"

	"yunting/docket/deadline"
)

// lawKeeping is what the keeping of recordings rests on: AV 5 leaves the period
// to the rules on electronic archives, AV 15 lets nobody delete without the
// court.
const lawKeeping = "《最高人民法院关于人民法院庭审录音录像的若干规定》第五条、第十五条"

// KeptUntil is the last day on which the recordings of a hearing that closed on
// a day must be kept, where they are kept for years; ok is false where the court
// has set no period: then they are never deleted.
func KeptUntil(closed deadline.Date, years int) (until deadline.Date, ok bool) {
	if years <= 0 {
		return deadline.Date{}, false
	}
	return closed.AddMonths(12 * years), true
}

// Hold keeps a case's recordings beyond their period (legal hold).
type Hold struct {
	ID     uuid.UUID `json:"id"`
	Reason string    `json:"reason"`
	Name   string    `json:"name"` // who set it
	At     time.Time `json:"at"`
}

// Deletion is the proposal to delete a hearing's recordings, and what became of
// it.
type Deletion struct {
	ID          uuid.UUID  `json:"id"`
	Reason      string     `json:"reason"`
	ProposedBy  uuid.UUID  `json:"proposed_by"`
	Proposer    string     `json:"proposer"`
	ProposedAt  time.Time  `json:"proposed_at"`
	Confirmed   *bool      `json:"confirmed,omitempty"` // absent until another person decided
	DecidedName string     `json:"decided_name,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
	Tombstone   int        `json:"tombstone,omitempty"` // number of the confirmation's entry in the case's record
	PurgedAt    *time.Time `json:"purged_at,omitempty"` // the files have left the store
}

// Open reports whether nobody has decided yet.
func (d Deletion) Open() bool { return d.Confirmed == nil }

// Done reports whether the deletion is decided: the tombstone stands in the docket.
func (d Deletion) Done() bool { return d.Confirmed != nil && *d.Confirmed }

// Keeping is how a hearing's recordings are kept.
type Keeping struct {
	Years    int            `json:"years"`           // by the court's profile; 0: for ever
	Until    *deadline.Date `json:"until,omitempty"` // absent before the hearing closed, and for ever
	Hold     *Hold          `json:"hold,omitempty"`
	Deletion *Deletion      `json:"deletion,omitempty"` // the latest proposal
	Files    []FileRef      `json:"files"`              // what a deletion takes away, or took
	// Hindrance is why no deletion can be proposed or confirmed now: keeping_open
	// (the hearing is), keeping_nothing, keeping_done, keeping_for_ever,
	// keeping_period, keeping_hold; empty when it can.
	Hindrance string `json:"hindrance,omitempty"`
}

// Deleted reports whether the recordings were deleted by decision.
func (k Keeping) Deleted() bool { return k.Deletion != nil && k.Deletion.Done() }

// hindrance is the rule of a deletion: the hearing is over, its period too, and
// nobody holds the recordings.
func (k Keeping) hindrance(closed bool, today deadline.Date) string {
	switch {
	case !closed:
		return "keeping_open"
	case k.Deleted():
		return "keeping_done"
	case len(k.Files) == 0:
		return "keeping_nothing"
	case k.Until == nil:
		return "keeping_for_ever"
	case !today.After(*k.Until):
		return "keeping_period"
	case k.Hold != nil:
		return "keeping_hold"
	}
	return ""
}

// PurgeArgs is the job that takes the files of a confirmed deletion out of the
// store.
type PurgeArgs struct {
	Deletion uuid.UUID `json:"deletion"`
}

// Kind implements river.JobArgs.
func (PurgeArgs) Kind() string { return "recording_purge" }
