package docket

import "github.com/google/uuid"

// AcceptInput is the filing clerk's decision to register a case (登记立案).
type AcceptInput struct {
	Version   int64     `json:"version"`
	CauseCode string    `json:"cause_code"` // as the clerk confirms it; empty keeps the filer's
	Procedure string    `json:"procedure"`  // ordinary, simple or small
	Judge     uuid.UUID `json:"judge"`
	Clerk     uuid.UUID `json:"clerk"`
}
