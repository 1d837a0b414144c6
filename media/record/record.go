// Package record keeps what a room's participants send as durable evidence.
//
// While the room is live, each participant's RTP packets and sender reports
// are appended as they arrive to segments of a few seconds: fsynced, hashed
// and chained in a list (see segment.go). Nothing is ordered, repaired or
// decoded then, so the live path stays cheap and the segments say exactly
// what came. When the recording ends, or a crash is recovered from, each
// participant's segments become a seekable WebM (Matroska for H264), see reel:
// packets ordered by sequence number, pictures put together, audio and video
// aligned by the sender reports.
package record

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media"
)

// queueLength is how many packets the disk may be behind (about 30 MB, or
// 4 s of 40 cameras) before packets are lost to the record, never to the room.
const (
	queueLength   = 1 << 14
	rareItems     = 1 << 8 // more room in the queue for what must not be lost
	segmentLength = 4 * time.Second
)

// ErrSlow says that the disk could not keep up and packets are missing from the
// record.
var ErrSlow = errors.New("record: the disk is too slow")

// Options says where and how to record.
type Options struct {
	// Dir is the recording's own directory; it is made when missing.
	Dir string
	// SegmentLength is how long a segment stays open; 0 is 4 s.
	SegmentLength time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Logger takes faults; nil discards.
	Logger *slog.Logger
	// OnSegment is told of each segment once it is closed, synced and listed.
	// It is called on the writing goroutine and must not block.
	OnSegment func(Segment)
	// Previous gives the Chain of the last known segment of a participant's
	// earlier part of the recording, or nothing: the list of this part goes on
	// from it. It is called on the writing goroutine and must not block. Nil: this
	// is the first part.
	Previous func(participant string) string
	// OnFinished is told of each participant's finished file, on the
	// goroutine that calls Finish.
	OnFinished func(Finished)
	// OnError is told when recording fails for a participant (disk full,
	// I/O error), once a participant until it works again. It is called on a
	// goroutine of the recorder's own. Live media is never disturbed.
	OnError func(participant string, err error)
	// OnWorks is told when recording works again for a participant of whom
	// OnError told, as OnError is.
	OnWorks func(participant string)

	disk disk // nil is the machine's
}

// Finished is one finished file of a participant: camera and microphone, or a
// shared screen. Where the picture changed its codec the file ends and another
// begins.
type Finished struct {
	Participant string
	Source      string // media.SourceCamera, also of sound alone, or media.SourceScreen
	Path        string // the .webm (VP8, VP9, AV1) or .mkv (H264) file
	SHA256      [32]byte
	Size        int64
	Started     time.Time // of the file's time zero, by the server's clock
	Ended       time.Time
	Gaps        []Gap
	Original    Original // what the participant's files were made from; on the first of them
	Frames      []FrameSum
	Lost        []int    // numbers of the original's segments whose bytes are gone, see Restore
	Defects     []Defect // the original's segments that were damaged, see Mend; on the first file
}

// Recorder records one room. Its methods are safe for concurrent use.
type Recorder struct {
	opts     Options
	queue    chan item
	troubles *troubles
	done     chan struct{} // closed when the writing goroutine has ended

	mu       sync.Mutex // guards what follows
	finished bool
	tracks   int
	paused   bool
}

// New makes a recorder; recording begins when its NewSink is given to
// Room.Record.
func New(opts Options) (*Recorder, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.SegmentLength <= 0 {
		opts.SegmentLength = segmentLength
	}
	if opts.Previous == nil {
		opts.Previous = func(string) string { return "" }
	}
	if opts.disk == nil {
		opts.disk = machine{}
	}
	if err := makeDir(opts.disk, opts.Dir); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	// A disk that takes nothing is told now, not at the first packet.
	if err := keepReserve(opts.Dir); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{opts: opts, queue: make(chan item, queueLength+rareItems), troubles: newTroubles(opts), done: make(chan struct{})}
	w := newWriter(opts, r.troubles)
	go func() {
		defer close(r.done)
		w.run(r.queue)
	}()
	return r, nil
}

// NewSink is the media.NewSink of this recorder. Unknown codecs are declined.
func (r *Recorder) NewSink(peer string, track media.TrackInfo, codec webrtc.RTPCodecParameters) media.Sink {
	d := declaration{Peer: peer, Track: track, Mime: codec.MimeType, ClockRate: codec.ClockRate,
		Channels: codec.Channels, Fmtp: codec.SDPFmtpLine, PayloadType: uint8(codec.PayloadType)}
	if !d.known() {
		r.opts.Logger.Warn("record: codec is not recorded", "mime", codec.MimeType)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return nil
	}
	r.tracks++
	d.Number = uint16(r.tracks)
	s := &sink{recorder: r, decl: d}
	r.put(item{kind: kindTrack, decl: &s.decl, at: r.opts.Now()})
	return s
}

// put queues a rare item, for which offer leaves room.
func (r *Recorder) put(i item) { r.queue <- i }

// Pause stops writing (recess); Resume goes on. The pause is listed as a gap.
func (r *Recorder) Pause() { r.setPaused(true, kindPause) }

// Resume goes on after Pause.
func (r *Recorder) Resume() { r.setPaused(false, kindResume) }

// TakenOver tells that another page of a participant has taken over. What is
// missing from then until that page sends is listed with CauseTakeover.
func (r *Recorder) TakenOver(peer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.finished {
		r.put(item{kind: kindTaken, decl: &declaration{Peer: peer, Number: uint16(r.tracks)}, at: r.opts.Now()})
	}
}

func (r *Recorder) setPaused(paused bool, kind byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished || r.paused == paused {
		return
	}
	r.paused = paused
	r.put(item{kind: kind, at: r.opts.Now()})
}

// Close ends the recording and leaves its segments as they are: Recover makes
// the files later, such as when the disk has room again. Stop Room.Record first.
func (r *Recorder) Close() {
	if r.end() {
		r.put(item{kind: kindStop})
	}
	<-r.done
}

// end takes note that nothing more is recorded; false when that was so already.
func (r *Recorder) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.finished
	r.finished = true
	return !was
}

// Finish ends the recording, makes each participant's files and reports them
// through OnFinished. It returns when all is durable. Stop Room.Record
// first. A participant whose file cannot be made keeps the segments: Recover
// tries again.
func (r *Recorder) Finish() error {
	if !r.end() {
		<-r.done
		return nil
	}
	r.put(item{kind: kindStop})
	<-r.done
	made, err := finishAll(r.opts.Dir, func(f Finished) {
		if r.opts.OnFinished != nil {
			r.opts.OnFinished(f)
		}
	})
	r.opts.Logger.Info("record: finished", "files", len(made))
	return err
}

// Recover finishes what a crash left in dir, a recording's directory, and
// returns every participant's file in it, also those that were finished before
// the crash. Doing it again changes nothing.
func Recover(dir string) ([]Finished, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("record: recover: %w", err)
	}
	if err := giveReserve(dir); err != nil {
		return nil, fmt.Errorf("record: recover: %w", err)
	}
	return finishAll(dir, func(Finished) {})
}

// finishAll makes the files of every participant directory of dir.
func finishAll(dir string, told func(Finished)) ([]Finished, error) {
	lists, err := filepath.Glob(filepath.Join(dir, "*", openSegments))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	var out []Finished
	var errs []error
	for _, l := range lists {
		files, err := finishParticipant(filepath.Dir(l))
		switch {
		case errors.Is(err, errEmpty):
		case err != nil:
			errs = append(errs, fmt.Errorf("record: %s: %w", filepath.Base(filepath.Dir(l)), err))
		default:
			out = append(out, files...)
			for _, f := range files {
				told(f)
			}
		}
	}
	return out, errors.Join(errs...)
}
