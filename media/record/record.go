// Package record writes what a room's participants send into one file a
// participant, by way of durable, hashed, append-only segments.
package record

import (
	"log/slog"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media"
)

// Options says where and how to record.
type Options struct {
	// Dir is the recording's own directory; it is made when missing.
	Dir string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Logger takes faults; nil discards.
	Logger *slog.Logger
	// OnFinished is told of each participant's finished file, on the
	// recorder's goroutine.
	OnFinished func(Finished)
	// OnError is told when recording fails for a participant (disk full, I/O error).
	// Live media is never disturbed.
	OnError func(participant string, err error)
}

// Gap is a stretch of a track that is missing from the record.
type Gap struct {
	Track string    `json:"track"` // source: mic, camera or screen
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"` // "network", "silent", "pause", "fault"
}

// Finished is one participant's finished record.
type Finished struct {
	Participant string
	Path        string // the WebM (VP8, VP9) or Matroska (H264) file
	SHA256      [32]byte
	Size        int64
	Started     time.Time
	Ended       time.Time
	Gaps        []Gap
}

// Recorder records one room. Its methods are safe for concurrent use.
type Recorder struct{}

// New makes a recorder; recording begins when its NewSink is given to
// Room.Record.
func New(opts Options) (*Recorder, error) { return &Recorder{}, nil }

// NewSink is the media.NewSink of this recorder.
func (r *Recorder) NewSink(peer string, track media.TrackInfo, codec webrtc.RTPCodecParameters) media.Sink {
	return nil
}

// Pause stops writing (recess); Resume goes on. The pause is listed as a gap.
func (r *Recorder) Pause() {}

// Resume goes on after Pause.
func (r *Recorder) Resume() {}

// Finish ends the recording, makes each participant's file and reports it
// through OnFinished. It returns when all is durable.
func (r *Recorder) Finish() error { return nil }

// Recover finishes what a crash left in dir and returns the files made.
func Recover(dir string) ([]Finished, error) { return nil, nil }
