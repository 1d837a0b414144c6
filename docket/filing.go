package docket

import (
	"time"

	"github.com/google/uuid"
)

// Receipt is the dated proof that the court took a filing (DJ 2, LR 9).
type Receipt struct {
	ID     uuid.UUID `json:"id"`
	Case   uuid.UUID `json:"case"`
	Number string    `json:"number"` // 京0491收20260401-0007: the day's serial
	Round  int       `json:"round"`  // 1, or 2 after corrections
	At     time.Time `json:"at"`
	Files  []FileRef `json:"files"`
}
