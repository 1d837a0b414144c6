package docket

import (
	"time"

	"github.com/google/uuid"
)

// Invitation asks a party to join the case online (LR 10). The database holds
// only the hash of its code.
type Invitation struct {
	ID      uuid.UUID `json:"id"`
	Case    uuid.UUID `json:"case"`
	Code    string    `json:"code,omitempty"` // XXXX-XXXX-XXXX; only from Invite and InvitationLetter
	Expires time.Time `json:"expires"`
	Party   Party     `json:"party"`
	Used    bool      `json:"used"`
}
