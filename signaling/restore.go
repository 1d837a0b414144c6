package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

// load builds the room from docket: the hearing, whom the case expects, the transcript, and who has
// declared, was admitted, muted or removed before the server or the room stopped.
func (r *room) load() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	d := r.hub.cfg.Docket
	var err error
	if r.hearing, err = d.Hearing(ctx, r.id); err != nil {
		return fmt.Errorf("signaling: load hearing: %w", err)
	}
	file, err := d.Case(ctx, r.hearing.Case)
	if err != nil {
		return fmt.Errorf("signaling: load case: %w", err)
	}
	r.expect(ctx, file)
	transcript, err := d.Transcript(ctx, r.id)
	if err != nil {
		return fmt.Errorf("signaling: load transcript: %w", err)
	}
	r.lines = make([]line, 0, len(transcript.Lines))
	for _, l := range transcript.Lines {
		r.lines = append(r.lines, lineOf(l))
	}
	r.answers = answersOf(transcript)
	if err := r.readIntegrity(ctx); err != nil {
		return err
	}
	entries, err := d.Entries(ctx, r.hearing.Case)
	if err != nil {
		return fmt.Errorf("signaling: load events: %w", err)
	}
	for _, e := range entries {
		if err := r.replay(e); err != nil {
			return fmt.Errorf("signaling: entry %d: %w", e.Seq, err)
		}
	}
	return nil
}

// expect puts the people whom the case names into the room as absent, so that the clerk sees who is missing.
func (r *room) expect(ctx context.Context, file docket.Case) {
	seat := func(account uuid.UUID, name string, s Seat) {
		if account != uuid.Nil && r.people[account] == nil {
			r.people[account] = &member{Person: Person{ID: account, Name: name, Seat: s, Standing: StandAbsent, Connection: ConnNone}}
		}
	}
	seat(r.hearing.Judge, r.nameOf(ctx, r.hearing.Judge), SeatJudge)
	seat(r.hearing.Clerk, r.nameOf(ctx, r.hearing.Clerk), SeatClerk)
	for _, p := range file.Parties {
		if p.Account != nil {
			seat(*p.Account, p.Name, SeatOf([]identity.Standing{p.Standing}))
		}
	}
}

func (r *room) nameOf(ctx context.Context, account uuid.UUID) string {
	if r.hub.cfg.Name == nil || account == uuid.Nil {
		return ""
	}
	name, err := r.hub.cfg.Name(ctx, account)
	if err != nil {
		r.log.Warn("signaling: name of an expected person", "error", err)
		return ""
	}
	return name
}

// replay applies one entry of the case to the room, when it is an event of this hearing.
func (r *room) replay(e docket.Entry) error {
	kind, isEvent := strings.CutPrefix(e.Kind, "hearing.")
	if !isEvent || !slices.Contains(docket.HearingEvents(), kind) {
		return nil
	}
	var event struct {
		Hearing uuid.UUID       `json:"hearing"`
		Detail  json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if event.Hearing != r.id || len(event.Detail) == 0 {
		return nil
	}
	var note personNote
	if err := json.Unmarshal(event.Detail, &note); err != nil {
		return fmt.Errorf("read event %s: %w", kind, err)
	}
	r.replayPause(kind, note.Cause, e.At)
	if note.Account == uuid.Nil {
		return nil
	}
	m := r.people[note.Account]
	if m == nil {
		m = &member{Person: Person{ID: note.Account, Standing: StandAbsent, Connection: ConnNone, Seat: SeatObserver}}
		r.people[note.Account] = m
	}
	if note.Name != "" {
		m.Name = note.Name
	}
	if note.Seat != "" {
		m.Seat = note.Seat
	}
	m.actor = identity.Actor{Account: m.ID, Name: m.Name}
	m.apply(kind)
	return nil
}

// apply is what an event of the record means for a person's standing.
func (m *member) apply(kind string) {
	switch kind {
	case docket.EventDeclared:
		m.Declared = true
	case docket.EventIdentityChecked:
		m.IdentityChecked = true
	case docket.EventAdmitted:
		m.admitted, m.IdentityChecked = true, true
	case docket.EventRemoved:
		m.Standing = StandRemoved
	case docket.EventMuted:
		m.Muted = true
	case docket.EventUnmuted:
		m.Muted = false
	}
}

// resumeRecording goes on recording a hearing that was open when the server or the room stopped; the
// stretch between is a gap that the record explains (AV 5).
func (r *room) resumeRecording() {
	if !r.hearing.Live() {
		return
	}
	r.noteOrLog(identity.System, docket.EventServerRestarted, recordingNote{Cause: causeRestarted})
	if err := r.renewRecording(); err != nil {
		r.noteOrLog(identity.System, docket.EventRecordingFault, recordingNote{Cause: r.fault.kind})
		return
	}
	r.noteStarted(causeRestarted)
}
