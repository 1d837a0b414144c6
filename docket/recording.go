package docket

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"yunting/internal/blob"
)

// SourceScreen is the Source of a recording of a shared screen.
const SourceScreen = "screen"

// Recording is one finished file of one participant of a hearing.
type Recording struct {
	ID          uuid.UUID       `json:"id"`
	Hearing     uuid.UUID       `json:"hearing"`
	Participant string          `json:"participant"` // the media peer's id
	Account     uuid.UUID       `json:"account"`     // zero when no account publishes it
	Name        string          `json:"name"`        // the person's
	Source      string          `json:"source"`      // SourceScreen, else camera and microphone; empty where it was not told
	FileName    string          `json:"file_name"`   // empty: made from Name and the container's type
	MediaType   string          `json:"media_type"`  // empty: video/webm
	Blob        blob.Ref        `json:"blob"`
	Session     string          `json:"session"`  // the run of the recorder that it and its segments are of
	Original    FileRef         `json:"original"` // the segments in one file; zero when none is kept
	Lost        []int           `json:"lost"`     // numbers of segments that went with their machine: gaps of cause lost
	Defects     []Defect        `json:"defects"`  // segments that the disk damaged: gaps of cause damaged
	Started     time.Time       `json:"started"`
	Ended       time.Time       `json:"ended"`
	Gaps        json.RawMessage `json:"gaps,omitempty"` // an array, with the cause of each (AV 5)
}

// Defect is a segment, or the list of a participant's segments, that was damaged
// on the disk after it was entered. What is left of it is kept (AV 5).
type Defect struct {
	Segment int     `json:"segment"` // its number; 0 is the list
	File    FileRef `json:"file"`    // zero when nothing is left
}
