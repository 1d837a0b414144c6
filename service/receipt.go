package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/effect"
)

// lockDelivery locks the delivery's case and reads the delivery as it stands after that.
func (s *Service) lockDelivery(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Delivery, error) {
	var caseID uuid.UUID
	err := tx.QueryRow(ctx, `SELECT case_id FROM service_deliveries WHERE id = $1`, id).Scan(&caseID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Delivery{}, docket.ErrNotFound
	}
	if err != nil {
		return Delivery{}, err
	}
	if err := lockCase(ctx, tx, caseID); err != nil {
		return Delivery{}, err
	}
	return s.delivery(ctx, tx, id)
}

// mine refuses everybody but the recipient.
func mine(actor identity.Actor, d Delivery) error {
	if actor.Anonymous() || d.Account == nil || *d.Account != actor.Account {
		return docket.ErrForbidden
	}
	return nil
}

// OpenDelivery notes that the recipient opened the delivery in the mailbox and returns it. Only the first
// opening is noted. It is no receipt and changes no effect: opening is not replying (LR 31). Anybody but
// the recipient gets docket.ErrForbidden.
func (s *Service) OpenDelivery(ctx context.Context, actor identity.Actor, id uuid.UUID) (Delivery, error) {
	var d Delivery
	err := s.inTx(ctx, "open a delivery", func(tx pgx.Tx) (err error) {
		if d, err = s.lockDelivery(ctx, tx, id); err != nil {
			return err
		}
		if err := mine(actor, d); err != nil {
			return err
		}
		if d.OpenedAt != nil {
			return nil
		}
		at := s.now()
		if _, err := tx.Exec(ctx, `UPDATE service_deliveries SET opened_at = $2 WHERE id = $1`, id, at); err != nil {
			return err
		}
		if err := addEvent(ctx, tx, id, Event{At: at, Kind: EventOpened, Channel: channelInApp}); err != nil {
			return err
		}
		if err := s.entry(ctx, tx, actor, d, docket.EntryServiceEvent, map[string]any{"event": EventOpened}, nil); err != nil {
			return err
		}
		d, err = s.delivery(ctx, tx, id)
		return err
	})
	return d, err
}

// ConfirmReceipt records that the recipient says "received" (LR 31(1), 33) and returns the delivery with its
// effect. Again it changes nothing and returns the same. Anybody but the recipient gets docket.ErrForbidden;
// a delivery that never reached the mailbox gives docket.ErrConflict.
func (s *Service) ConfirmReceipt(ctx context.Context, actor identity.Actor, id uuid.UUID) (Delivery, error) {
	var d Delivery
	err := s.inTx(ctx, "confirm a receipt", func(tx pgx.Tx) (err error) {
		if d, err = s.lockDelivery(ctx, tx, id); err != nil {
			return err
		}
		if err := mine(actor, d); err != nil {
			return err
		}
		if d.ConfirmedAt != nil {
			return nil
		}
		if !d.CanConfirm() {
			return docket.ErrConflict
		}
		at := s.now()
		if _, err := tx.Exec(ctx, `UPDATE service_deliveries SET confirmed_at = $2 WHERE id = $1`, id, at); err != nil {
			return err
		}
		if err := addEvent(ctx, tx, id, Event{At: at, Kind: EventConfirmed, Channel: channelInApp}); err != nil {
			return err
		}
		if err := s.entry(ctx, tx, actor, d, docket.EntryServiceEvent, map[string]any{"event": EventConfirmed}, nil); err != nil {
			return err
		}
		served := d.Served()
		if err := s.recompute(ctx, tx, actor, id); err != nil {
			return err
		}
		if served { // by arrival: a second proof adds the confirmation
			if _, err := s.jobs.InsertTx(ctx, tx, ProofArgs{Delivery: id, Supplement: true}, nil); err != nil {
				return err
			}
		}
		d, err = s.delivery(ctx, tx, id)
		return err
	})
	return d, err
}

// recompute applies the rules to what is known of a delivery, and writes what changed: state, event, docket entry,
// the job of the proof, and the case's stage once everybody is served. The case is locked.
func (s *Service) recompute(ctx context.Context, tx pgx.Tx, actor identity.Actor, id uuid.UUID) error {
	d, err := s.delivery(ctx, tx, id)
	if err != nil {
		return err
	}
	facts, err := factsOf(ctx, tx, d)
	if err != nil {
		return err
	}
	answer := effect.Decide(facts, s.court.Zone)
	if !effect.Next(effect.State(d.State), answer.State) {
		return fmt.Errorf("delivery %s from %s to %s: %w", id, d.State, answer.State, docket.ErrConflict)
	}
	if err := saveEffect(ctx, tx, id, answer); err != nil {
		return err
	}
	unchanged := d.State == string(answer.State) && answer.At.Equal(d.Effect.At)
	if !answer.Served() || unchanged {
		return nil
	}
	event := Event{At: s.now(), Kind: EventEffective, Channel: answer.Channel, Detail: answer.Date.String() + " " + answer.Article}
	if answer.State == effect.Presumed {
		event.Kind = EventPresumed
	}
	if err := addEvent(ctx, tx, id, event); err != nil {
		return err
	}
	if err := s.entry(ctx, tx, actor, d, docket.EntryServiceEffective, map[string]any{"effect": answer}, nil); err != nil {
		return err
	}
	if _, err := s.jobs.InsertTx(ctx, tx, ProofArgs{Delivery: id}, nil); err != nil {
		return err
	}
	return s.stageServed(ctx, tx, d.Case)
}

// stageServed moves a judged case on when the judgment is served on every party.
func (s *Service) stageServed(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	var ready bool
	err := tx.QueryRow(ctx, `SELECT c.stage = 'judged' AND NOT EXISTS (
		SELECT FROM parties p WHERE p.case_id = c.id AND NOT EXISTS (
			SELECT FROM service_deliveries d
			JOIN service_delivery_documents l ON l.delivery_id = d.id
			JOIN service_documents f ON f.id = l.document_id AND f.kind = 'judgment'
			WHERE d.party_id = p.id AND d.state IN ('effective', 'presumed')))
		FROM cases c WHERE c.id = $1`, caseID).Scan(&ready)
	if err != nil || !ready {
		return err
	}
	if err := s.docket.SetStage(ctx, tx, caseID, docket.StageServed); err != nil {
		return err
	}
	_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: caseID, Actor: identity.System, Kind: docket.EntryStage,
		Data: map[string]any{"stage": docket.StageServed}})
	return err
}
