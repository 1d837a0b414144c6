package signaling

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"yunting/docket"
)

// sealedEvent says that the hearing has its integrity value.
type sealedEvent struct{}

// sealed tells a hearing's room, when it runs, that the recordings are stored and the value is there.
func (h *Hub) sealed(hearing uuid.UUID) {
	h.mu.Lock()
	r := h.rooms[hearing]
	h.mu.Unlock()
	if r != nil {
		r.deliver(sealedEvent{})
	}
}

// readIntegrity reads the value and its answers, and whether the recording stands for the transcript.
func (r *room) readIntegrity(ctx context.Context) error {
	d := r.hub.cfg.Docket
	agreed, err := d.Replacement(ctx, r.id)
	if err != nil {
		return fmt.Errorf("signaling: read consents: %w", err)
	}
	r.replaces = agreed.Agreed
	value, err := d.IntegrityOf(ctx, r.id)
	if errors.Is(err, docket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("signaling: read integrity value: %w", err)
	}
	answers, err := d.IntegrityAnswers(ctx, r.id)
	if err != nil {
		return fmt.Errorf("signaling: read answers to the value: %w", err)
	}
	r.integrity = &integrityReply{Root: value.Root, At: value.At, Replaces: r.replaces, Answers: answers}
	return nil
}

// showIntegrity reads the value again and shows it to those in the hearing.
func (r *room) showIntegrity() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.readIntegrity(ctx); err != nil {
		return err
	}
	if r.integrity != nil {
		r.tell(r.integrity, inside)
	}
	return nil
}

// answerIntegrity is a party's signature under the value, or objection (AV 9).
func (r *room) answerIntegrity(m *member, req *answerIntegrityRequest) error {
	if !m.Seat.party() {
		return errForbidden
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.hub.cfg.Docket.AnswerIntegrity(ctx, m.actor, r.id, req.Root, req.Sign, req.Objection); err != nil {
		return err
	}
	return r.showIntegrity()
}
