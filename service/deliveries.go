package service

import (
	"time"

	"github.com/google/uuid"

	"yunting/service/effect"
)

// The kinds of Event in a delivery's chain.
const (
	EventCreated   = "created"
	EventNoConsent = "no_consent" // nothing was sent: LR 29
	EventSubmitted = "submitted"  // handed to the channel
	EventRelayed   = "relayed"    // the mail server took it over
	EventArrived   = "arrived"    // in the address's system
	EventRetry     = "retry"      // the channel failed for now and is tried again
	EventFailed    = "failed"     // the channel failed for good
	EventBounced   = "bounced"    // a failure that came back after the relay
	EventNotified  = "notified"   // a notice, no service (LR 32)
	EventOpened    = "opened"     // the recipient opened it in the mailbox; no receipt by itself
	EventConfirmed = "confirmed"  // the recipient said: received
	EventEffective = "effective"
	EventPresumed  = "presumed"
	EventRebutted  = "rebutted"
	EventReplaced  = "replaced" // a new delivery took its place
	EventProof     = "proof"
)

// Delivery is one sending of documents to one party.
type Delivery struct {
	ID            uuid.UUID  `json:"id"`
	Case          uuid.UUID  `json:"case"`
	CaseNumber    string     `json:"case_number"`
	CaseTitle     string     `json:"case_title"`
	Party         uuid.UUID  `json:"party"`
	Account       *uuid.UUID `json:"account,omitempty"` // who may confirm receipt; nil: the party had no account
	RecipientName string     `json:"recipient_name"`
	Standing      string     `json:"standing"`
	Documents     []Document `json:"documents"`
	State         string     `json:"state"` // one of effect's states
	Events        []Event    `json:"events"`
	Channels      []Channel  `json:"channels"`
	// Effect says whether, when and why it is served; it is always set.
	Effect      *effect.Answer `json:"effect"`
	CreatedAt   time.Time      `json:"created_at"`
	OpenedAt    *time.Time     `json:"opened_at,omitempty"`    // first opened in the mailbox
	ConfirmedAt *time.Time     `json:"confirmed_at,omitempty"` // receipt confirmed: the only reading that counts
	// ProofDocument is the latest 电子送达凭证. One is made when the service takes effect, and another that
	// adds the confirmation when the recipient confirms after that.
	ProofDocument *uuid.UUID `json:"proof_document,omitempty"`
}

// Event is one step in the chain of a delivery.
type Event struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Channel string    `json:"channel,omitempty"` // in_app or email
	Detail  string    `json:"detail,omitempty"`
}

// Channel is one way that a delivery took.
type Channel struct {
	Name      string     `json:"name"` // in_app or email
	Address   string     `json:"address"`
	Given     bool       `json:"given"` // the recipient gave or confirmed it (LR 29, 30)
	SentAt    *time.Time `json:"sent_at,omitempty"`
	ArrivedAt *time.Time `json:"arrived_at,omitempty"`
	ReadAt    *time.Time `json:"read_at,omitempty"`
	FailedAt  *time.Time `json:"failed_at,omitempty"`
}

// CanConfirm reports whether the "received" button is due: the documents reached the mailbox and the
// recipient has not confirmed yet. That the service is already effective by arrival does not matter.
func (d Delivery) CanConfirm() bool {
	if d.ConfirmedAt != nil || d.Account == nil {
		return false
	}
	for _, c := range d.Channels {
		if c.Name == channelInApp && c.ArrivedAt != nil {
			return true
		}
	}
	return false
}

// Served reports whether the party counts as served.
func (d Delivery) Served() bool { return d.Effect.Served() }
