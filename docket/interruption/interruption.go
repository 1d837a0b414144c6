// Package interruption holds the rules on when the recording of a hearing may stop, and on what a judge may do when it
// fails (最高人民法院关于人民法院庭审录音录像的若干规定, "AV"). It is pure.
package interruption

import (
	"slices"
	"strings"
)

// Reason is why a recording is paused while the hearing lasts.
type Reason string

// The reasons that AV 3 names; there are no others.
const (
	Recess          Reason = "recess"           // 休庭 (AV 3 一)
	PrivateEvidence Reason = "private_evidence" // 公开庭审中的不公开举证、质证 (AV 3 二)
	Mediation       Reason = "mediation"        // 不宜录制的调解 (AV 3 三)
)

// Refusal says why the law does not allow what was asked for. Code is one of the constants below.
type Refusal struct{ Code string }

// Error implements error.
func (r *Refusal) Error() string { return "interruption: " + r.Code }

// The codes of Refusal.
const (
	NoSuchReason  = "no-such-reason"  // AV 3 names three reasons and no other
	NotPublic     = "not-public"      // AV 3 二 speaks of public hearings: a closed one is recorded throughout
	NoOtherRecord = "no-other-record" // AV 8: the recording stands for the transcript, nothing else would hold what is said
	NoTranscript  = "no-transcript"   // CPL 150: nobody is there who writes down what is said
	ReasonMissing = "reason-missing"  // AV 4: why must be explained in writing
	NotOpen       = "not-open-yet"    // there is no recess of a hearing that did not open or is in recess
	NoSuchChoice  = "no-such-choice"
)

// Reasons lists why the judge of a hearing may pause its recording.
func Reasons(public bool) []Reason {
	if public {
		return []Reason{Recess, PrivateEvidence, Mediation}
	}
	return []Reason{Recess, Mediation}
}

// Pause says whether the recording may be paused for that reason (AV 3): nil, or a *Refusal.
func Pause(reason Reason, public bool) error {
	switch {
	case slices.Contains(Reasons(public), reason):
		return nil
	case reason == PrivateEvidence:
		return &Refusal{NotPublic}
	}
	return &Refusal{NoSuchReason}
}

// Choice is what a judge does about a recording that cannot start or has stopped.
type Choice string

// The choices.
const (
	Retry   Choice = "retry"
	Adjourn Choice = "recess" // until it is mended
	GoOn    Choice = "go_on"  // without recording
)

// Fault is the situation in which a judge chooses.
type Fault struct {
	Open     bool // the hearing is open and not in recess
	Replaces bool // the parties agreed that the recording stands for the transcript (AV 8)
	Clerk    bool // the clerk is there and keeps the transcript (CPL 150)
}

// Choices lists what the law leaves to the judge.
func (f Fault) Choices() []Choice {
	var list []Choice
	for _, c := range []Choice{Retry, Adjourn, GoOn} {
		if f.Choose(c, "why") == nil {
			list = append(list, c)
		}
	}
	return list
}

// Choose says whether the judge may choose so: nil, or a *Refusal. A hearing is recorded throughout (AV 1, 3), but a
// technical fault interrupts it by itself, and is then explained in writing (AV 4). So a hearing may go on without a
// recording only while the clerk's transcript holds what is said (CPL 150), and why is entered.
func (f Fault) Choose(c Choice, why string) error {
	switch {
	case c == Retry, c == Adjourn && f.Open:
		return nil
	case c == Adjourn:
		return &Refusal{NotOpen}
	case c != GoOn:
		return &Refusal{NoSuchChoice}
	case f.Replaces:
		return &Refusal{NoOtherRecord}
	case !f.Clerk:
		return &Refusal{NoTranscript}
	case strings.TrimSpace(why) == "":
		return &Refusal{ReasonMissing}
	}
	return nil
}
