package signaling

import (
	"errors"
	"time"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
)

// pause is the judge's pausing of the recording of an open hearing (AV 3 二, 三). A recess is a phase of its own.
type pause struct {
	Reason interruption.Reason `json:"reason"`
	Since  time.Time           `json:"since"`
}

// span is a stretch of time; a zero to is open.
type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool {
	return !at.Before(s.from) && (s.to.IsZero() || at.Before(s.to))
}

// unlawful turns a refusal of the rules into one that the client is told.
func unlawful(err error) error {
	var r *interruption.Refusal
	if errors.As(err, &r) {
		return &refusal{code: r.Code}
	}
	return err
}

// pauseRecording stops the recording for a reason that AV 3 names: the judge's act alone. While evidence is shown in
// private or a mediation goes on, the audience sees and hears nothing of it.
func (r *room) pauseRecording(m *member, req *pauseRequest) error {
	if m.Seat != SeatJudge {
		return errForbidden
	}
	if err := interruption.Pause(req.Reason, r.hearing.Public); err != nil {
		return unlawful(err)
	}
	if req.Reason == interruption.Recess {
		return r.phase(m, &phaseRequest{To: docket.PhaseRecess})
	}
	switch {
	case !r.hearing.Live():
		return errConflict
	case r.pause != nil && r.pause.Reason == req.Reason:
		return nil
	case r.pause != nil:
		return errConflict
	}
	if err := r.note(m.actor, docket.EventRecordingStopped, recordingNote{Session: r.session(), Cause: string(req.Reason)}); err != nil {
		return err
	}
	r.setPause(&pause{Reason: req.Reason, Since: r.hub.now().UTC()})
	if r.recording != nil {
		r.recording.pause()
	}
	r.media.CloseWatchers()
	r.permitAll()
	r.tellStatus()
	return nil
}

// resumePaused ends a pause; the judge alone may.
func (r *room) resumePaused(m *member) error {
	if m.Seat != SeatJudge {
		return errForbidden
	}
	if r.pause == nil {
		return nil
	}
	if err := r.note(m.actor, docket.EventRecordingStarted, recordingNote{Session: r.session(), Cause: string(r.pause.Reason) + "_over"}); err != nil {
		return err
	}
	r.endPause()
	r.permitAll()
	r.tellStatus()
	return nil
}

// endPause goes on recording.
func (r *room) endPause() {
	r.setPause(nil)
	if r.recording != nil {
		r.recording.resume()
		r.media.RequestKeyFrames()
	}
}

// setPause keeps from when to when the audience was out, for lines that were written meanwhile.
func (r *room) setPause(p *pause) {
	switch {
	case p != nil:
		r.private = append(r.private, span{from: p.Since})
	case r.pause != nil:
		r.private[len(r.private)-1].to = r.hub.now().UTC()
	}
	r.pause = p
}

// replayPause is what an event of the record means for the pause.
func (r *room) replayPause(kind, cause string, at time.Time) {
	reason := interruption.Reason(cause)
	switch {
	case kind == docket.EventRecordingStopped && reason != interruption.Recess && interruption.Pause(reason, true) == nil:
		r.setPause(&pause{Reason: reason, Since: at})
	case r.pause == nil:
	case kind == docket.EventRecordingStarted && cause == string(r.pause.Reason)+"_over",
		kind == docket.EventRecordingStopped && (reason == interruption.Recess || cause == causeClosed):
		r.setPause(nil)
		r.private[len(r.private)-1].to = at
	}
}

// reads reports whether a person sees a line: the audience none of what was said without it.
func (r *room) reads(m *member, l line) bool {
	if !inside(m) {
		return false
	}
	if m.Seat != SeatObserver {
		return true
	}
	for _, s := range r.private {
		if s.holds(l.At) {
			return false
		}
	}
	return true
}

// linesFor is the transcript as one person sees it.
func (r *room) linesFor(m *member) []line {
	if m.Seat != SeatObserver || len(r.private) == 0 {
		return r.lines
	}
	seen := make([]line, 0, len(r.lines))
	for _, l := range r.lines {
		if r.reads(m, l) {
			seen = append(seen, l)
		}
	}
	return seen
}

// session names the recorder's run; empty when there is none.
func (r *room) session() string {
	if r.recording == nil {
		return ""
	}
	return r.recording.session
}

// noteStarted enters that the recorder runs.
func (r *room) noteStarted(cause string) {
	r.noteOrLog(identity.System, docket.EventRecordingStarted, recordingNote{Session: r.session(), Cause: cause})
}
