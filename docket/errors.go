package docket

import (
	"errors"
	"time"

	"yunting/docket/complaint"
)

// Errors that callers tell apart; each may come back wrapped with what failed.
var (
	// ErrNotFound: no such case, hearing, evidence, line or party.
	ErrNotFound = errors.New("docket: not found")
	// ErrStale: somebody saved a newer version meanwhile. The call changed
	// nothing; calls that return the thing return its current state beside it.
	ErrStale = errors.New("docket: a newer version exists")
	// ErrConflict: the act does not fit the case's or the hearing's present state.
	ErrConflict = errors.New("docket: not possible in the present state")
	// ErrForbidden: the act belongs to somebody else (another's draft, the judge's gavel).
	ErrForbidden = errors.New("docket: not this person's act")
	// ErrShortNotice: the hearing is less than three days away and not all
	// parties agreed to that (CPL 139).
	ErrShortNotice = errors.New("docket: parties must be told three days before the hearing (CPL 139)")
	// ErrCode: the invitation's code is wrong, used, replaced or expired. Which
	// of them is not told, so that codes cannot be probed.
	ErrCode = errors.New("docket: invitation code is not valid")
	// ErrIdentity: the code is good, but the account's real name or identity
	// number is not that of the invited party (LR 7, 10).
	ErrIdentity = errors.New("docket: the account is not the invited person")
	// ErrThrottled: too many wrong codes; see linkWindow.
	ErrThrottled = errors.New("docket: too many attempts")
	// ErrNotSigned: the transcript is not yet open for answers.
	ErrNotSigned = errors.New("docket: not yet open for confirmation")
)

// Invalid says that a form cannot be taken as it is, with everything that is
// wrong with it. Nothing was changed.
type Invalid struct {
	Findings []complaint.Finding
}

// Error implements error.
func (e *Invalid) Error() string {
	text := "docket: the form is not complete"
	for _, f := range e.Findings {
		text += "; " + f.Field + " " + f.Code
	}
	return text
}

// invalid makes an *Invalid of one finding.
func invalid(field, code, article string) *Invalid {
	return &Invalid{Findings: []complaint.Finding{{Field: field, Code: code, Article: article}}}
}

// The bounds on what one call may bring.
const (
	maxNameRunes     = 200     // names of people, files and hearings
	maxTextRunes     = 100_000 // facts, grounds, reasons
	maxLineRunes     = 4_000   // one transcript line
	maxEvidence      = 500     // items of evidence a case
	maxPageSize      = 100     // cases a page
	linkWindow       = 15 * time.Minute
	maxLinkFailures  = 5 // wrong codes an account may try within linkWindow
	maxEventBytes    = 16 << 10
	maxHearingLength = 12 * 60 // minutes
)

// InvalidCodes lists the codes of docket's own findings beside those of
// complaint.Codes. Each has a message and a fix in web/i18n.
func InvalidCodes() []string {
	return []string{
		"judge_missing", "clerk_missing", "procedure_unknown", "corrections_missing", "correction_text_missing",
		"days_out_of_range", "reason_missing", "keeping_open", "keeping_nothing", "keeping_done", "keeping_for_ever", "keeping_period", "keeping_hold", "keeping_same_person", "evidence_file_missing", "consent_stage_missing",
		"start_past", "minutes_out_of_range", "line_id_missing", "line_text_missing",
		"objection_missing", "recording_incomplete", "viewing_malformed",
	}
}
