package docket

import (
	"slices"
	"time"
)

// The parts of a case that a party may agree to do online. Consent to one says
// nothing of another (LR 4).
const (
	OnlineFiling    = "filing"    // 立案
	OnlineMediation = "mediation" // 调解
	OnlineEvidence  = "evidence"  // 证据交换
	OnlineHearing   = "hearing"   // 庭审
	OnlineJudgment  = "judgment"  // 宣判
)

// OnlineStages lists them.
func OnlineStages() []string {
	return []string{OnlineFiling, OnlineMediation, OnlineEvidence, OnlineHearing, OnlineJudgment}
}

// Consent is what a party has agreed to and not withdrawn.
type Consent struct {
	Stages       []string   `json:"stages"`                  // the parts agreed to be done online
	Declined     []string   `json:"declined,omitempty"`      // the parts said no to, or taken back
	EService     bool       `json:"e_service"`               // to service by electronic means (LR 29)
	EmailAddress string     `json:"email_address,omitempty"` // given for service
	InApp        bool       `json:"in_app"`                  // the mailbox on this server is an address for service
	Basis        string     `json:"basis,omitempty"`         // why e-service is consented to: "declared" (LR 29 一)
	At           *time.Time `json:"at,omitempty"`            // of the consent to e-service
}

// Online reports whether the party agreed to do stage online.
func (c *Consent) Online(stage string) bool { return c != nil && slices.Contains(c.Stages, stage) }

// ConsentInput is what a party declares. Online concerns Stage alone; false
// with a Stage says no to it, and without a Stage or EService to every part
// that the party has not answered yet. EService needs an address: EmailAddress, InApp or both.
type ConsentInput struct {
	Online       bool   `json:"online"`
	Stage        string `json:"stage"` // one of OnlineStages; may be empty when only EService is declared
	EService     bool   `json:"e_service"`
	EmailAddress string `json:"email_address"`
	InApp        bool   `json:"in_app"`
}
