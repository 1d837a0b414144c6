package signaling

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"yunting/docket"
)

// write adds a line to the transcript (CPL 150): stored first, then shown to all.
func (r *room) write(m *member, req *lineRequest) error {
	if m.Seat != SeatClerk {
		return errForbidden
	}
	if req.ID == uuid.Nil {
		return errInvalid
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	stored, err := r.hub.cfg.Docket.WriteLine(ctx, m.actor, r.id, docket.LineInput{ID: req.ID, Speaker: req.Speaker, Text: req.Text})
	if err != nil {
		return err
	}
	r.showLine(stored)
	return nil
}

// revise changes a line; docket keeps the earlier wording.
func (r *room) revise(m *member, req *reviseRequest) error {
	if m.Seat != SeatClerk {
		return errForbidden
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	stored, err := r.hub.cfg.Docket.ReviseLine(ctx, m.actor, r.id, req.ID, req.Revision, req.Speaker, req.Text)
	if err != nil {
		return err
	}
	r.showLine(stored)
	if len(r.answers) > 0 {
		return r.showAnswers(ctx) // an answer to the earlier wording is no longer current
	}
	return nil
}

// showLine puts a stored line in its place and tells those in the hearing.
func (r *room) showLine(stored docket.Line) {
	l := lineOf(stored)
	i := slices.IndexFunc(r.lines, func(o line) bool { return o.ID == l.ID })
	if i < 0 {
		r.lines = append(r.lines, l)
	} else {
		r.lines[i] = l
	}
	r.tell(&lineReply{l}, func(m *member) bool { return r.reads(m, l) })
}

// answer is a party's confirmation of the transcript, or objection (CPL 150, LR 34).
func (r *room) answer(m *member, req *answerTranscriptRequest) error {
	if !m.Seat.party() {
		return errForbidden
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.hub.cfg.Docket.AnswerTranscript(ctx, m.actor, r.id, req.Confirm, req.Objection); err != nil {
		return err
	}
	return r.showAnswers(ctx)
}

func (r *room) showAnswers(ctx context.Context) error {
	t, err := r.hub.cfg.Docket.Transcript(ctx, r.id)
	if err != nil {
		return fmt.Errorf("signaling: read answers: %w", err)
	}
	r.answers = answersOf(t)
	r.tell(&answersReply{r.answers}, inside)
	return nil
}

// inside is who sees what is said.
func inside(m *member) bool { return m.Standing == StandPresent }

func lineOf(l docket.Line) line {
	return line{ID: l.ID, Seq: l.Seq, Speaker: l.Speaker, Text: l.Text, At: l.At, Revision: l.Revision}
}

func answersOf(t docket.Transcript) []answer {
	answers := make([]answer, 0, len(t.Answers))
	for _, a := range t.Answers {
		answers = append(answers, answer{
			Account: a.Account, Name: a.Name, Confirmed: a.Confirmed, Objection: a.Objection, At: a.At, Current: a.Current,
		})
	}
	return answers
}
