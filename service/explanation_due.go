package service

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
)

// maxExplanationsDue bounds the hearings looked through for one person's desk, the last one closed first.
const maxExplanationsDue = 200

// ExplanationsDue lists the explanations of recordings that wait for the actor's signature (AV 4), the last hearing first:
// of a case's clerk those of closed hearings that are not signed, and supplements about what was found after that; of its
// judge those that the clerk has signed. None has a day: AV 4 names none. The number of queries does not depend on how many.
func (s *Service) ExplanationsDue(ctx context.Context, actor identity.Actor) ([]docket.Todo, error) {
	ids, err := s.unexplained(ctx, actor.Account)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	hearings, err := s.docket.RecordingReports(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("service: explanations that are due: %w", err)
	}
	rows, err := s.pool.Query(ctx, `SELECT `+explanationColumns+` FROM recording_explanations WHERE hearing_id = ANY($1) ORDER BY hearing_id, number`, ids)
	if err != nil {
		return nil, fmt.Errorf("service: explanations that are due: %w", err)
	}
	saved := map[uuid.UUID][]savedExplanation{}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		x, hearing, err := scanExplanation(row)
		saved[hearing] = append(saved[hearing], x)
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("service: explanations that are due: %w", err)
	}
	var todo []docket.Todo
	for _, h := range hearings {
		e, _ := s.standing(h.Hearing.ID, h.Report, saved[h.Hearing.ID])
		if kind := e.wants(actor, h.Case); kind != "" {
			todo = append(todo, docket.Todo{Kind: kind, Case: h.Case, Hearing: &h.Hearing})
		}
	}
	return todo, nil
}

// unexplained are the closed hearings of the account's cases, as judge or clerk, of which an explanation may be due: none is
// signed by both, or a file was entered after the clerk signed the last. An hour is left for files that came while they did.
func (s *Service) unexplained(ctx context.Context, account uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT h.id FROM hearings h JOIN cases c ON c.id = h.case_id
		LEFT JOIN LATERAL (SELECT document, signed_at FROM recording_explanations WHERE hearing_id = h.id ORDER BY number DESC LIMIT 1) x ON true
		WHERE (c.judge = $1 OR c.clerk = $1) AND h.closed_at IS NOT NULL AND (x.document IS NULL
			OR EXISTS (SELECT FROM recordings r WHERE r.hearing_id = h.id AND r.created_at > x.signed_at - interval '1 hour'))
		ORDER BY h.closed_at DESC, h.id LIMIT $2`, account, maxExplanationsDue)
	if err != nil {
		return nil, fmt.Errorf("service: hearings to explain: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("service: hearings to explain: %w", err)
	}
	return ids, nil
}

// wants is the kind of docket.Todo that the explanation is for the actor; empty while it needs somebody else, or nobody.
func (e Explanation) wants(actor identity.Actor, c docket.Case) string {
	switch {
	case e.Document != nil || !e.Complete:
		return ""
	case e.SignedAt != nil:
		if c.Judge == actor.Account {
			return docket.TodoApproveExplanation
		}
	case c.Clerk != actor.Account:
	case e.Supplement():
		return docket.TodoSupplement
	default:
		return docket.TodoExplain
	}
	return ""
}
