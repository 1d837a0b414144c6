package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
	"yunting/media"
)

// refusal is a request that cannot be carried out; the connection goes on.
type refusal struct {
	code   string
	detail string
}

// Error implements error.
func (e *refusal) Error() string { return e.code + " " + e.detail }

var (
	errForbidden = &refusal{code: "forbidden"}
	errUnknown   = &refusal{code: "unknown-person"}
	errConflict  = &refusal{code: "conflict"}
	errInvalid   = &refusal{code: "invalid"}
)

// request carries out one request, and answers it: done comes only after what it did is stored.
func (r *room) request(e requestEvent) {
	m := r.people[e.conn.actor.Account]
	if m == nil || m.conn != e.conn {
		return // of a connection that was replaced meanwhile
	}
	if err := r.carryOut(m, e.req); err != nil {
		code, detail := r.refused(e.req.kind(), err)
		e.conn.send(&failedReply{Ref: e.ref, Code: code, Detail: detail})
		return
	}
	if e.ref != "" {
		e.conn.send(&doneReply{Ref: e.ref})
	}
}

// refused turns an error into what the client is told.
func (r *room) refused(kind string, err error) (code, detail string) {
	var known *refusal
	var form *docket.Invalid
	switch {
	case errors.As(err, &known):
		return known.code, known.detail
	case errors.As(err, &form), errors.Is(err, docket.ErrNotFound):
		return errInvalid.code, ""
	case errors.Is(err, docket.ErrForbidden):
		return errForbidden.code, ""
	case errors.Is(err, docket.ErrStale):
		return "stale", ""
	case errors.Is(err, docket.ErrConflict):
		return errConflict.code, ""
	case errors.Is(err, docket.ErrNotSigned):
		return "not-open", ""
	}
	r.log.Error("signaling: request failed", "kind", kind, "error", err)
	return "unavailable", ""
}

func (r *room) carryOut(m *member, req request) error {
	switch req := req.(type) {
	case *declareRequest:
		return r.declare(m, req)
	case *devicesRequest:
		m.Microphone, m.Camera = req.Microphone, req.Camera
		r.broadcast(&personReply{m.Person}, m.ID)
		return nil
	}
	if m.Standing != StandPresent {
		return &refusal{code: "not-admitted"}
	}
	switch req := req.(type) {
	case *mediaRequest:
		return r.joinMedia(m, req)
	case *handRequest:
		return r.hand(m, req)
	case *admitRequest:
		return r.admit(m, req)
	case *removeRequest:
		return r.remove(m, req)
	case *muteRequest:
		return r.mute(m, req)
	case *phaseRequest:
		return r.phase(m, req)
	case *pauseRequest:
		return r.pauseRecording(m, req)
	case *resumeRequest:
		return r.resumePaused(m)
	case *recordingChoiceRequest:
		return r.choose(m, req)
	case *shareRequest:
		return r.share(m, req)
	case *lineRequest:
		return r.write(m, req)
	case *reviseRequest:
		return r.revise(m, req)
	case *answerTranscriptRequest:
		return r.answer(m, req)
	case *answerIntegrityRequest:
		return r.answerIntegrity(m, req)
	}
	return fmt.Errorf("no handler for %s", req.kind())
}

// declare takes the acknowledgement of the discipline and the declaration that nobody records in
// secret (LR 25, 27). Both or nothing.
func (r *room) declare(m *member, req *declareRequest) error {
	if !req.Discipline || !req.NoRecording {
		return &refusal{code: "declaration-incomplete"}
	}
	if m.Declared {
		return nil
	}
	note := personNote{Account: m.ID, Name: m.Name, Seat: m.Seat}
	if err := r.note(m.actor, docket.EventDiscipline, note); err != nil {
		return err
	}
	if err := r.note(m.actor, docket.EventDeclared, note); err != nil {
		return err
	}
	m.Declared = true
	r.stand(m)
	kind := docket.EventArrived
	if m.Standing == StandPresent && r.hearing.Phase != docket.PhaseClosed {
		kind = docket.EventJoined
	}
	if err := r.note(m.actor, kind, note); err != nil {
		return err
	}
	m.conn.send(r.welcome(m, true))
	r.broadcast(&personReply{m.Person}, m.ID)
	return nil
}

// admit lets a person in from the lobby: the clerk's act, who has checked the identity of a party (LR 7).
func (r *room) admit(m *member, req *admitRequest) error {
	if m.Seat != SeatClerk {
		return errForbidden
	}
	other := r.people[req.Person]
	switch {
	case other == nil:
		return errUnknown
	case other.admitted:
		return nil
	case other.Standing != StandLobby:
		return errConflict
	case other.Seat.party() && !req.IdentityChecked:
		return &refusal{code: "identity-unchecked"}
	case utf8.RuneCountInString(req.Note) > maxReason:
		return errInvalid
	}
	note := personNote{Account: other.ID, Name: other.Name, Seat: other.Seat, IdentityChecked: true, Reason: strings.TrimSpace(req.Note)}
	if err := r.note(m.actor, docket.EventIdentityChecked, note); err != nil {
		return err
	}
	if err := r.note(m.actor, docket.EventAdmitted, note); err != nil {
		return err
	}
	other.admitted, other.IdentityChecked, other.Standing = true, true, StandPresent
	if r.hearing.Phase != docket.PhaseClosed {
		r.noteOrLog(other.actor, docket.EventJoined, personNote{Account: other.ID, Name: other.Name, Seat: other.Seat})
	}
	if other.conn != nil {
		other.conn.send(r.welcome(other, true))
		other.conn.send(&noticeReply{Code: "admitted", By: m.Name})
	}
	r.broadcast(&personReply{other.Person}, other.ID)
	return nil
}

// remove sends a person out. It lasts for this hearing, also when they come back.
func (r *room) remove(m *member, req *removeRequest) error {
	if m.Seat != SeatJudge {
		return errForbidden
	}
	other := r.people[req.Person]
	switch {
	case other == nil:
		return errUnknown
	case other.ID == m.ID || other.Seat == SeatClerk:
		return errConflict
	case other.Standing == StandRemoved:
		return nil
	case utf8.RuneCountInString(req.Reason) > maxReason:
		return errInvalid
	}
	note := personNote{Account: other.ID, Name: other.Name, Seat: other.Seat, Reason: strings.TrimSpace(req.Reason)}
	if err := r.note(m.actor, docket.EventRemoved, note); err != nil {
		return err
	}
	other.Standing, other.Connection, other.Hand = StandRemoved, ConnNone, nil
	r.dropPeer(other)
	if p := r.standIn(other); p != nil {
		p.Close()
	}
	for _, p := range r.media.Peers(watcherPrefix(other.ID)) {
		p.Close()
	}
	if other.conn != nil {
		other.conn.send(&noticeReply{Code: "removed", By: m.Name})
		other.conn.close(errRemoved)
	}
	r.broadcast(&personReply{other.Person}, other.ID)
	return nil
}

// mute takes or gives the right to be heard. The SFU enforces it, whatever the client does.
func (r *room) mute(m *member, req *muteRequest) error {
	if m.Seat != SeatJudge {
		return errForbidden
	}
	other := r.people[req.Person]
	if other == nil {
		return errUnknown
	}
	if other.Muted == req.Muted {
		return nil
	}
	kind, code := docket.EventUnmuted, "unmuted"
	if req.Muted {
		kind, code = docket.EventMuted, "muted"
	}
	if err := r.note(m.actor, kind, personNote{Account: other.ID, Name: other.Name, Seat: other.Seat}); err != nil {
		return err
	}
	other.Muted = req.Muted
	r.permit(other)
	r.settleScreen()
	if other.conn != nil {
		other.conn.send(&noticeReply{Code: code, By: m.Name})
	}
	r.broadcast(&personReply{other.Person}, uuid.Nil)
	return nil
}

// hand raises or lowers a hand; the judge and the clerk may lower another's.
func (r *room) hand(m *member, req *handRequest) error {
	other := m
	if req.Person != nil && *req.Person != m.ID {
		if req.Raised || (m.Seat != SeatJudge && m.Seat != SeatClerk) {
			return errForbidden
		}
		if other = r.people[*req.Person]; other == nil {
			return errUnknown
		}
	}
	if m.Seat == SeatObserver {
		return errForbidden
	}
	if req.Raised == (other.Hand != nil) {
		return nil
	}
	other.Hand = nil
	if req.Raised {
		at := r.hub.now().UTC()
		other.Hand = &at
	} else if other != m && other.conn != nil {
		other.conn.send(&noticeReply{Code: "hand-lowered", By: m.Name})
	}
	r.broadcast(&personReply{other.Person}, uuid.Nil)
	return nil
}

// phase moves the hearing: the judge's act alone. Nothing opens without a recorder unless the judge decides so (AV 3, 4).
func (r *room) phase(m *member, req *phaseRequest) error {
	if m.Seat != SeatJudge {
		return errForbidden
	}
	if req.To == r.hearing.Phase {
		return nil
	}
	if !slices.Contains(r.hearing.NextPhases(), req.To) {
		return errConflict
	}
	started := false
	if live(req.To) {
		var err error
		if started, err = r.needRecorder(req.To); err != nil {
			return err
		}
	}
	return r.move(m, req.To, started)
}

// move stores the phase and follows it; started says that a recorder was begun for it.
func (r *room) move(m *member, to docket.Phase, started bool) error {
	if r.pause != nil && to != docket.PhaseRecess { // what moves the hearing on is recorded again
		if err := r.resumePaused(m); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	moved, err := r.hub.cfg.Docket.MovePhase(ctx, m.actor, r.id, to)
	if err != nil {
		if started {
			r.abandonRecording()
		}
		return err
	}
	if r.fault != nil && moved.Phase == docket.PhaseRecess {
		r.fault.without = false // after the recess the judge is asked anew
	}
	r.hearing = moved
	r.followPhase(started)
	r.tellStatus()
	return nil
}

// live reports whether what is said in a phase is recorded.
func live(p docket.Phase) bool { return docket.Hearing{Phase: p}.Live() }

// followPhase brings recording and permissions in line with the phase.
func (r *room) followPhase(started bool) {
	r.settleScreen()
	switch {
	case started && r.hearing.Phase != docket.PhaseClosed:
		r.noteStarted("")
	case r.hearing.Phase == docket.PhaseClosed:
		if r.recording == nil {
			noted := r.forwarding
			r.hub.finishes.Go(func() {
				if noted != nil {
					<-noted.done // the integrity value is of it too
				}
				r.hub.sealUnrecorded(r.id)
			})
		}
		r.endRecording(causeClosed)
		r.fault = nil
	case r.hearing.Phase == docket.PhaseRecess:
		r.setPause(nil)
		if r.recording != nil {
			r.recording.pause()
		}
		r.noteOrLog(identity.System, docket.EventRecordingStopped, recordingNote{Session: r.session(), Cause: string(interruption.Recess)})
	case r.recording != nil && r.recording.paused && r.pause == nil:
		r.recording.resume()
		r.media.RequestKeyFrames()
		r.noteStarted("recess_over")
	}
	if r.hearing.Phase == docket.PhaseClosed {
		for _, m := range r.people {
			r.dropPeer(m)
			if m.conn != nil {
				m.conn.peer.Store(nil)
			}
		}
	}
	r.permitAll()
	if r.hearing.Phase == docket.PhaseClosed {
		r.media.Close() // also what encoders and players hold by WHIP and WHEP
	}
	r.followForwarding()
}

func (r *room) permitAll() {
	for _, m := range r.people {
		r.permit(m)
	}
}

// joinMedia makes the person's media peer, or tells them that it stands.
func (r *room) joinMedia(m *member, req *mediaRequest) error {
	if r.hearing.Phase == docket.PhaseClosed {
		return errConflict
	}
	if m.peer != nil && !req.Fresh {
		r.tellMedia(m, false)
		return nil
	}
	conn := m.conn
	if r.recording != nil {
		r.recording.know(m.Person)
	}
	gate := make(chan struct{})
	defer close(gate)
	p, err := r.media.Join(m.ID.String(), media.JoinOptions{Permissions: r.permissions(m), Events: conn.events(r, m.ID, gate)})
	if err != nil {
		return fmt.Errorf("join media: %w", err)
	}
	m.peer = p
	conn.peer.Store(p)
	r.tellMedia(m, true)
	return nil
}

func (r *room) tellMedia(m *member, fresh bool) {
	perm := r.permissions(m)
	m.conn.send(&mediaReply{Fresh: fresh, PublishAudio: perm.PublishAudio, PublishVideo: perm.PublishVideo})
}

// permissions is what the SFU lets a person do now. In recess nobody is heard: what is said between
// sittings is nobody else's business, and it is not recorded.
func (r *room) permissions(m *member) media.Permissions {
	in := m.Standing == StandPresent && r.hearing.Phase != docket.PhaseClosed
	sends := in && m.Seat != SeatObserver
	private := r.pause != nil && m.Seat == SeatObserver // AV 3: shown or said without the audience
	return media.Permissions{
		PublishAudio:  sends && !m.Muted && r.hearing.Phase != docket.PhaseRecess,
		PublishVideo:  sends,
		PublishScreen: sends && m.ID == r.screen,
		Subscribe:     in && !private,
		AlwaysHeard:   m.Seat == SeatJudge,
	}
}

func (r *room) permit(m *member) {
	if m.peer != nil {
		m.peer.SetPermissions(r.permissions(m))
		return
	}
	if p := r.standIn(m); p != nil {
		live := m.Standing != StandRemoved && r.hearing.Phase != docket.PhaseClosed
		p.SetPermissions(media.Permissions{
			PublishAudio: live && !m.Muted && r.hearing.Phase != docket.PhaseRecess,
			PublishVideo: live, PublishScreen: live, AlwaysHeard: m.Seat == SeatJudge,
		})
	}
}

// standIn is the stream that an encoder publishes for the person by WHIP while they are not in the room; nil when
// there is none. It obeys the judge as the person would.
func (r *room) standIn(m *member) *media.Peer { return r.media.Peer(m.ID.String()) }
