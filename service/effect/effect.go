// Package effect decides whether, when and why an electronic service of documents took
// legal effect. It is pure: no clock, no I/O. Sources are 人民法院在线诉讼规则 (LR)
// articles 29 to 32, 民事诉讼法 (CPL) article 90 and 民诉法解释 (JI) article 135.
//
// The rules in one paragraph. Nothing may be served electronically without consent
// (LR 29). Where the recipient gave or confirmed the address, the documents are served when
// they arrive in that address's system (LR 31 first paragraph). Where the recipient did not,
// but the address is certainly theirs, the documents are served when they reply or act on them
// (LR 31(1)), or are presumed served when the system reports that they were read
// (LR 31(2)), which the recipient can rebut. A link that was fetched, a text message or an
// app prompt is a notice and never service (LR 32). Of several channels the earliest
// effective one counts.
package effect

import (
	"time"

	"yunting/docket/deadline"
)

// Version names this rule set in proofs of service.
const Version = "cn-lr-2021/1"

// State is where a delivery stands; the values are those of the delivery state machine
// (see Next).
type State string

// The states of a delivery.
const (
	Draft     State = "draft"     // made, nothing sent
	Sent      State = "sent"      // handed to at least one channel, no result yet
	Failed    State = "failed"    // no channel is open any more; other means of service are needed
	Arrived   State = "arrived"   // arrived in an address's system
	Awaiting  State = "awaiting"  // arrived at an unconfirmed address: only a reply or act makes it effective
	Effective State = "effective" // served
	Presumed  State = "presumed"  // presumed served, rebuttable
	Rebutted  State = "rebutted"  // the presumption fell: not served
)

// Basis names the rule by which a service took effect.
type Basis string

// The bases of effect.
const (
	ByArrival Basis = "arrival" // LR 31 first paragraph: arrival at a given or confirmed address
	ByReply   Basis = "reply"   // LR 31 second paragraph (1): the recipient confirmed receipt
	ByAct     Basis = "act"     // LR 31 second paragraph (1): the recipient acted on the content
	ByReport  Basis = "report"  // LR 31 second paragraph (2): the system reported it read
)

// Channel is one way by which the documents went out.
type Channel struct {
	Name    string     // "in_app" or "email"
	Given   bool       // the recipient gave or confirmed this address (LR 29, 30)
	Sent    *time.Time // when the court's system handed it over
	Arrived *time.Time // when it arrived, or the court's system showed success (JI 135)
	Read    *time.Time // when the address's own system reported it read; a fetched link is not this
	Failed  *time.Time // when the channel failed for good (rejection or bounce)
}

// Facts are all that the rules need to know of one delivery to one recipient.
type Facts struct {
	Consent  bool       // to electronic service (LR 29); without it nothing takes effect by arrival
	Channels []Channel  // in any order
	Replied  *time.Time // the recipient said "received" by an act of their own
	Acted    *time.Time // the recipient did a procedural act that follows from the content
	Rebutted *time.Time // the court found the presumption of LR 31(2) rebutted
	// ProvedArrival is the arrival that the recipient proved to differ from what the court's system
	// showed (JI 135); it replaces the arrival of every channel.
	ProvedArrival *time.Time
}

// Answer is the outcome. Date, At, Basis and Channel are set only when State is Effective or
// Presumed.
type Answer struct {
	State    State         `json:"state"`
	Date     deadline.Date `json:"date"`               // the civil date in the court's zone
	At       time.Time     `json:"at"`                 // the instant behind Date, UTC
	Basis    Basis         `json:"basis,omitempty"`    // the rule that made it effective
	Channel  string        `json:"channel,omitempty"`  // the channel that counted
	Article  string        `json:"article"`            // its source, e.g. "在线诉讼规则第三十一条第一款"
	Reason   string        `json:"reason"`             // a code that Explain turns into a sentence
	Consent  bool          `json:"consent"`            // whether consent to electronic service was on record
	Version  string        `json:"version"`            // the rule set, see Version
	Rejected []string      `json:"rejected,omitempty"` // channels that failed
}

// Served reports whether the recipient counts as served.
func (a Answer) Served() bool { return a.State == Effective || a.State == Presumed }
