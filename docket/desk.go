package docket

import (
	"time"

	"github.com/google/uuid"

	"yunting/docket/deadline"
)

// Filter narrows a list of cases. Its zero value lists every case but drafts.
type Filter struct {
	Mine    uuid.UUID // only the cases that this account has a standing in
	Stage   Stage     // only this stage
	Query   string    // words in the title, 案号 or a party's name
	Sort    string    // "updated" (default), "created", "number", "amount"; "-" before it turns it round
	Page    int       // from 1; less counts as 1
	PerPage int       // at most 100; 0 is 20
}

// The kinds of Todo.
const (
	TodoFinishDraft = "finish_draft"
	TodoCorrect     = "correct"
	TodoReview      = "review"
	TodoInvite      = "invite"
	TodoConsent     = "consent"
	TodoSchedule    = "schedule"
	TodoHearing     = "hearing"
	TodoTranscript  = "confirm_transcript"
	TodoJudge       = "judge"
	TodoServe       = "serve"

	// Of the service's desk: the written explanation of a recording (AV 4).
	TodoExplain            = "explain_recording"    // the clerk's, for a closed hearing
	TodoSupplement         = "supplement_recording" // the clerk's, for what was found after it was signed
	TodoApproveExplanation = "approve_explanation"  // the judge's, once the clerk signed
)

// TodoKinds lists every kind.
func TodoKinds() []string {
	return []string{TodoFinishDraft, TodoCorrect, TodoReview, TodoInvite, TodoConsent, TodoSchedule, TodoHearing,
		TodoTranscript, TodoJudge, TodoServe, TodoExplain, TodoSupplement, TodoApproveExplanation}
}

// Todo is one act that a person is waited for.
type Todo struct {
	Kind    string           `json:"kind"`
	Case    Case             `json:"case"`
	Party   *Party           `json:"party,omitempty"` // invite: whom
	Hearing *Hearing         `json:"hearing,omitempty"`
	Due     *deadline.Date   `json:"due,omitempty"`
	Why     *deadline.Answer `json:"why,omitempty"` // how Due was computed, when a rule computed it
	At      *time.Time       `json:"at,omitempty"`  // the hour, for a hearing
}

// Desk is what a person sees first: what needs them, soonest first, then their cases.
type Desk struct {
	Todo  []Todo `json:"todo"`
	Cases []Case `json:"cases"` // the latest; all by Cases
}
