package signaling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
)

// What hinders a recording.
const (
	faultDiskFull = "disk_full"
	faultLowSpace = "low_space" // little is left: the docket needs it
	faultDisk     = "disk_error"
)

const (
	mendEvery = 5 * time.Second // how often a recording that did not start is tried again
	probeSize = 64 << 10        // bytes that must go to the disk before a recorder starts
)

// Causes in recordingNote besides the reasons of interruption.
const (
	causeFault     = "fault"
	causeMended    = "mended"
	causeRestarted = "server_restarted"
	causeClosed    = "closed"
)

// errLowSpace: the disk is kept for the docket.
var errLowSpace = errors.New("signaling: the disk is nearly full: no recording until there is room again")

// fault is a recording that could not start or has stopped, until it works again.
type fault struct {
	kind    string
	since   time.Time
	failing map[string]bool // participants whose recording fails; empty: all
	wants   docket.Phase    // the phase that waits for a recorder; empty: none
	without bool            // the judge chose to go on without recording
	tried   time.Time       // when a recorder was last tried
}

// faultReply is a fault as clients see it.
type faultReply struct {
	Kind    string                `json:"kind"`
	Since   time.Time             `json:"since"`
	Choices []interruption.Choice `json:"choices"` // what the law leaves to the judge
	Without bool                  `json:"without"` // the judge chose to go on without recording
}

// recorderEvent is the recorder's word on one participant; a nil err says that it works again.
type recorderEvent struct {
	session, participant string
	err                  error
}

// spaceEvent says that the disk's free space became too little, or enough again.
type spaceEvent struct{ low bool }

// faultOf names what hinders a recorder.
func faultOf(err error) string {
	switch {
	case errors.Is(err, errLowSpace):
		return faultLowSpace
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return faultDiskFull
	}
	return faultDisk
}

// recorder takes the recorder's word. The judge is told first, then the record: it may lie on the same full disk.
func (r *room) recorder(e recorderEvent) {
	if r.recording == nil || r.recording.session != e.session {
		return
	}
	if e.err == nil {
		if r.fault == nil || !r.fault.failing[e.participant] {
			return
		}
		delete(r.fault.failing, e.participant)
		if len(r.fault.failing) == 0 {
			r.mended()
		}
		return
	}
	if r.fault == nil {
		r.fail(e.err, e.participant)
	}
	r.fault.failing[e.participant] = true
	r.noteOrLog(identity.System, docket.EventRecordingFault,
		recordingNote{Session: e.session, Participant: e.participant, Cause: faultOf(e.err)})
}

// fail begins a fault and tells everybody.
func (r *room) fail(err error, participant string) {
	r.log.Error("signaling: recording failed", "participant", participant, "error", err)
	if r.fault == nil {
		r.fault = &fault{since: r.hub.now().UTC(), failing: map[string]bool{}}
	}
	r.fault.kind, r.fault.tried = faultOf(err), r.hub.now()
	r.tellStatus()
}

// mended ends the fault.
func (r *room) mended() {
	r.fault = nil
	r.tellStatus()
	r.noteStarted(causeMended)
}

// faultCase is the situation in which the judge chooses.
func (r *room) faultCase() interruption.Fault {
	f := interruption.Fault{Open: r.hearing.Live(), Replaces: r.replaces}
	for _, m := range r.people {
		f.Clerk = f.Clerk || m.Seat == SeatClerk && m.Standing == StandPresent && m.Connection == ConnOnline
	}
	return f
}

// choose is what the judge does about a fault: an entry of the docket, then the act.
func (r *room) choose(m *member, req *recordingChoiceRequest) error {
	reason := strings.TrimSpace(req.Reason)
	switch {
	case m.Seat != SeatJudge:
		return errForbidden
	case r.fault == nil:
		return errConflict
	case utf8.RuneCountInString(reason) > maxReason:
		return errInvalid
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.readIntegrity(ctx); err != nil { // a party may have agreed since, on the hearing's page
		return err
	}
	if err := r.faultCase().Choose(req.Choice, reason); err != nil {
		return unlawful(err)
	}
	err := r.note(m.actor, docket.EventRecordingChoice, recordingNote{Session: r.session(), Cause: r.fault.kind, Choice: string(req.Choice), Reason: reason})
	if err != nil {
		return err
	}
	wants := r.fault.wants
	switch req.Choice {
	case interruption.Adjourn:
		return r.move(m, docket.PhaseRecess, false)
	case interruption.Retry:
		if err := r.renewRecording(); err != nil {
			return err
		}
	case interruption.GoOn:
		r.fault.without, r.fault.wants = true, ""
	}
	if wants != "" && slices.Contains(r.hearing.NextPhases(), wants) {
		return r.move(m, wants, r.recording != nil && req.Choice == interruption.Retry)
	}
	if r.fault == nil {
		r.noteStarted(causeMended)
	}
	r.tellStatus()
	return nil
}

// needRecorder has a recorder for a phase in which what is said is recorded. When there can be none the judge is asked
// first: the phase waits for the answer.
func (r *room) needRecorder(to docket.Phase) (started bool, err error) {
	if r.fault == nil && r.recording != nil || r.fault != nil && r.fault.without {
		return false, nil
	}
	if err := r.renewRecording(); err != nil {
		r.fault.wants = to
		r.tellStatus()
		return false, err
	}
	return true, nil
}

// renewRecording begins a run of the recorder in place of the one that failed, or of none.
func (r *room) renewRecording() error {
	if err := r.hub.recordable(); err != nil {
		r.fail(err, "")
		return &refusal{code: "recording-unavailable"}
	}
	r.endRecording(causeFault)
	if err := r.beginRecording(); err != nil {
		r.fail(err, "")
		return &refusal{code: "recording-unavailable"}
	}
	r.fault = nil
	return nil
}

// mend tries again, now and then, to record an open hearing that is not recorded; before the opening and in a recess
// it is enough that one could.
func (r *room) mend(now time.Time) {
	if r.fault == nil || r.recording != nil || now.Sub(r.fault.tried) < mendEvery {
		return
	}
	r.fault.tried = now
	switch {
	case r.hearing.Live():
		if r.renewRecording() == nil {
			r.mended()
		}
	case r.hub.recordable() == nil:
		r.fault = nil
		r.tellStatus()
	}
}

// space stops the recorder while there is still room for the docket; its segments are finished when there is more.
func (r *room) space(e spaceEvent) {
	if !e.low || r.recording == nil {
		return
	}
	session := r.session()
	r.setAside()
	r.fail(errLowSpace, "")
	r.noteOrLog(identity.System, docket.EventRecordingFault, recordingNote{Session: session, Cause: faultLowSpace})
}

// SetLowSpace says whether the disk has too little room for recordings. Every room that records is told within its
// next event, stops its recorder and asks its judge; when there is room again, recording goes on by itself.
func (h *Hub) SetLowSpace(low bool) {
	if h.low.Swap(low) == low {
		return
	}
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.deliver(spaceEvent{low})
	}
}

// recordable says why nothing can be recorded now: too little space, or a disk that does not take what is written.
func (h *Hub) recordable() error {
	if h.low.Load() {
		return errLowSpace
	}
	f, err := os.CreateTemp(h.cfg.RecordingDir, ".probe-*")
	if err != nil {
		return fmt.Errorf("signaling: recording: %w", err)
	}
	_, err = f.Write(bytes.Repeat([]byte{1}, probeSize))
	if err := errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("signaling: recording: %w", err)
	}
	return nil
}

// finishLater finishes a session that was set aside, or whose files could not be made, once the disk takes them.
// It ends with the hub; the next Start takes up what is left.
func (h *Hub) finishLater(dir string) {
	tick := time.NewTicker(mendEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		if h.recordable() != nil {
			continue
		}
		if err := h.recoverSession(h.ctx, dir+".json"); err != nil {
			h.log.Error("signaling: recording waits to be finished", "session", filepath.Base(dir), "error", err)
			continue
		}
		return
	}
}
