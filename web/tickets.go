package web

import (
	"context"

	"github.com/google/uuid"

	"yunting/internal/identity"
	"yunting/signaling"
)

// ticketsHold tells which tickets into hearings still hold: the session or token has not ended, and the policy lets
// its bearer be where they sit. Three questions to the database, however many tickets there are.
func (s *server) ticketsHold(ctx context.Context, tickets []signaling.Ticket) ([]bool, error) {
	var sessions, accounts, cases, hearings []uuid.UUID
	for _, t := range tickets {
		sessions, accounts = append(sessions, t.Actor.Session), append(accounts, t.Actor.Account)
		cases, hearings = append(cases, t.Case), append(hearings, t.Hearing)
	}
	bearers, err := s.Identity.Bearers(ctx, sessions)
	if err != nil {
		return nil, err
	}
	views, err := s.Docket.Views(ctx, accounts, cases)
	if err != nil {
		return nil, err
	}
	public, err := s.Docket.PublicHearings(ctx, hearings)
	if err != nil {
		return nil, err
	}
	hold := make([]bool, len(tickets))
	for i, t := range tickets {
		actor, ok := bearers[t.Actor.Session]
		if !ok || seatOf(actor, views[i]) != t.Seat {
			continue
		}
		views[i].PublicHearing = public[t.Hearing] // also after its end, which is a matter of the room
		hold[i] = identity.Can(actor, identity.ActJoinHearing, views[i]) || identity.Can(actor, identity.ActWatchHearing, views[i])
	}
	return hold, nil
}

// seatOf is where the policy seats an actor.
func seatOf(actor identity.Actor, view identity.CaseView) signaling.Seat {
	if !identity.Can(actor, identity.ActJoinHearing, view) {
		return signaling.SeatObserver
	}
	return signaling.SeatOf(view.Standings)
}

// ticket is the request's own.
func (r *request) ticket() signaling.Ticket {
	return signaling.Ticket{Actor: r.actor, Case: r.caseID, Hearing: r.hearing.ID, Seat: r.seat()}
}
