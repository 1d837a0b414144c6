package signaling

import (
	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

// Why a shared screen ended.
const (
	screenByOwner = "owner"          // the sharer ended it
	screenByJudge = "judge"          // the judge ended it
	screenNoRight = "right_ended"    // the phase moved on, or the judge muted the sharer
	screenGone    = "sharer_gone"    // left, was sent out, or did not come back
	screenStopped = "server_stopped" // the server went down
)

var errScreenTaken = &refusal{code: "screen-taken"}

// mayShare is who may share a screen (出示证据): judge and clerk whenever they are in, a party while they may
// speak in a phase in which evidence is shown and debated, observers never.
func (r *room) mayShare(m *member) bool {
	if m == nil || m.Standing != StandPresent || r.hearing.Phase == docket.PhaseClosed {
		return false
	}
	switch m.Seat {
	case SeatJudge, SeatClerk:
		return true
	case SeatPlaintiff, SeatDefendant, SeatThird:
		switch r.hearing.Phase {
		case docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate:
			return !m.Muted
		}
	}
	return false
}

// share begins the room's one shared screen, or ends it: one's own, or as the judge anybody's. The SFU lets no
// other screen through, whatever a client sends.
func (r *room) share(m *member, req *shareRequest) error {
	owner, cause := m, screenByOwner
	if req.Person != nil && *req.Person != m.ID {
		if req.Shared || m.Seat != SeatJudge {
			return errForbidden
		}
		if owner, cause = r.people[*req.Person], screenByJudge; owner == nil {
			return errUnknown
		}
	}
	note := personNote{Account: owner.ID, Name: owner.Name, Seat: owner.Seat}
	switch {
	case !req.Shared && m.Seat == SeatObserver, req.Shared && !r.mayShare(m):
		return errForbidden
	case req.Shared == (r.screen == owner.ID):
		return nil
	case req.Shared && r.screen != uuid.Nil:
		return errScreenTaken
	case req.Shared:
		if err := r.note(m.actor, docket.EventScreenStarted, note); err != nil {
			return err
		}
		r.showScreen(owner.ID)
		return nil
	}
	note.Cause = cause
	if err := r.note(m.actor, docket.EventScreenStopped, note); err != nil {
		return err
	}
	r.showScreen(uuid.Nil)
	if owner != m && owner.conn != nil {
		owner.conn.send(&noticeReply{Code: "screen-ended", By: m.Name})
	}
	return nil
}

// settleScreen ends the shared screen of one who may not share any more.
func (r *room) settleScreen() {
	if r.screen != uuid.Nil && !r.mayShare(r.people[r.screen]) {
		r.endScreen(screenNoRight)
	}
}

// endScreen ends the shared screen, whether or not that can be recorded.
func (r *room) endScreen(cause string) {
	if m := r.people[r.screen]; m != nil {
		r.showScreen(uuid.Nil)
		r.noteOrLog(identity.System, docket.EventScreenStopped, personNote{Account: m.ID, Name: m.Name, Seat: m.Seat, Cause: cause})
	}
}

// showScreen says whose screen is shared, uuid.Nil for nobody's: rights first, then everybody is told.
func (r *room) showScreen(owner uuid.UUID) {
	before := r.people[r.screen]
	r.screen = owner
	for _, m := range []*member{before, r.people[owner]} {
		if m != nil {
			r.permit(m)
		}
	}
	r.tellStatus()
}
