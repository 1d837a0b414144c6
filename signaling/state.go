package signaling

import (
	"time"

	"github.com/google/uuid"

	"yunting/docket"
)

// Where a person stands on the way into the hearing.
type Standing string

// The standings on the way in, in order.
const (
	StandAbsent    Standing = "absent"    // expected, not here
	StandDeclaring Standing = "declaring" // connected, has not declared yet
	StandLobby     Standing = "lobby"     // waits for the clerk
	StandPresent   Standing = "present"   // in the hearing
	StandRemoved   Standing = "removed"   // sent out by the judge
	StandLeft      Standing = "left"      // went by the leave button
)

// Connection is what is known of a person's socket.
type Connection string

// The states of a connection.
const (
	ConnOnline Connection = "online"
	ConnLost   Connection = "lost" // dropped without leaving: a network fault until shown otherwise (LR 25)
	ConnNone   Connection = "none"
)

// Person is one person of a hearing as the others see them.
type Person struct {
	ID              uuid.UUID  `json:"id"` // the account, and the media peer's id in text form
	Name            string     `json:"name"`
	Seat            Seat       `json:"seat"`
	Standing        Standing   `json:"standing"`
	Connection      Connection `json:"connection"`
	Declared        bool       `json:"declared"` // discipline and no secret recording (LR 27)
	IdentityChecked bool       `json:"identityChecked"`
	Muted           bool       `json:"muted"` // by the judge
	Hand            *time.Time `json:"hand,omitempty"`
	Microphone      bool       `json:"microphone"`
	Camera          bool       `json:"camera"`
	Quality         int        `json:"quality"` // 0 unknown, 1 unusable … 5 perfect
}

// State is a room at one moment, for the demo and for tests.
type State struct {
	Hearing   uuid.UUID    `json:"hearing"`
	Phase     docket.Phase `json:"phase"`
	Recording bool         `json:"recording"`
	Private   bool         `json:"private"` // the audience is out (AV 3)
	People    []Person     `json:"people"`
	Lines     int          `json:"lines"`
}
