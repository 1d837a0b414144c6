package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/effect"
)

// Serve sends documents to parties: into the mailbox on this server and by mail, as each party's consent
// says (LR 29). It gives one delivery a party. A party without consent to electronic service is not
// served: its delivery is failed, with the event EventNoConsent, so that the clerk sees who needs other
// means (CPL 88 to 95). A document that is under way or served already is not sent again: the present
// delivery comes back, however often the button is pressed. A delivery that failed, or whose consented channel failed
// and that waits for a reply, is replaced by a new one.
// ErrInput when a document or party is not of the case.
func (s *Service) Serve(ctx context.Context, actor identity.Actor, caseID uuid.UUID, documentIDs, partyIDs []uuid.UUID) ([]Delivery, error) {
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return nil, fmt.Errorf("service: serve: %w", err)
	}
	docs, err := documents(ctx, s.pool, `WHERE case_id = $1 AND id = ANY($2)`, caseID, documentIDs)
	if err != nil {
		return nil, err
	}
	var parties []docket.Party
	for _, id := range partyIDs {
		party, ok := c.Party(id)
		if !ok {
			return nil, fmt.Errorf("service: serve: party %s: %w", id, ErrInput)
		}
		if !slices.ContainsFunc(parties, func(p docket.Party) bool { return p.ID == id }) {
			parties = append(parties, party)
		}
	}
	if len(parties) == 0 || len(docs) == 0 || len(docs) != len(unique(documentIDs)) {
		return nil, fmt.Errorf("service: serve: %w", ErrInput)
	}
	var list []Delivery
	err = s.inTx(ctx, "serve", func(tx pgx.Tx) error {
		list = nil
		if err := lockCase(ctx, tx, caseID); err != nil {
			return err
		}
		for _, party := range parties {
			one, err := s.serveOne(ctx, tx, actor, c, docs, party)
			if err != nil {
				return err
			}
			list = append(list, one...)
		}
		return nil
	})
	return list, err
}

func unique(ids []uuid.UUID) []uuid.UUID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// serveOne serves on one party what is not under way to it. The case is locked.
func (s *Service) serveOne(ctx context.Context, tx pgx.Tx, actor identity.Actor, c docket.Case, docs []Document, party docket.Party) ([]Delivery, error) {
	present, err := s.deliveries(ctx, tx, `WHERE d.party_id = $1 AND EXISTS (SELECT FROM service_delivery_documents l
		WHERE l.delivery_id = d.id AND l.active AND l.document_id = ANY($2)) ORDER BY d.created_at, d.id`,
		party.ID, documentIDs(docs))
	if err != nil {
		return nil, err
	}
	var kept []Delivery
	rest := docs
	for _, d := range present {
		if stalled(d) && agreed(party) {
			if err := s.replace(ctx, tx, d); err != nil {
				return nil, err
			}
			continue
		}
		kept = append(kept, d)
		rest = slices.DeleteFunc(slices.Clone(rest), func(f Document) bool { return slices.Contains(documentIDs(d.Documents), f.ID) })
	}
	if len(rest) == 0 {
		return kept, nil
	}
	made, err := s.send(ctx, tx, actor, c, rest, party)
	if err != nil {
		return nil, err
	}
	return append(kept, made), nil
}

func documentIDs(docs []Document) []uuid.UUID {
	ids := make([]uuid.UUID, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	return ids
}

// stalled reports whether a delivery needs another: it failed, or it waits for a reply from the mailbox
// because the channel that the party consented to failed.
func stalled(d Delivery) bool {
	failed := func(c Channel) bool { return c.Given && c.FailedAt != nil }
	return !d.Served() && (d.State == string(effect.Failed) || slices.ContainsFunc(d.Channels, failed))
}

func agreed(p docket.Party) bool { return p.Consent != nil && p.Consent.EService }

// replace makes room for a new delivery in place of a failed one.
func (s *Service) replace(ctx context.Context, tx pgx.Tx, d Delivery) error {
	if _, err := tx.Exec(ctx, `UPDATE service_delivery_documents SET active = false WHERE delivery_id = $1`, d.ID); err != nil {
		return err
	}
	return addEvent(ctx, tx, d.ID, Event{At: s.now(), Kind: EventReplaced})
}

// send makes a delivery, puts it into the mailbox and queues the mail.
func (s *Service) send(ctx context.Context, tx pgx.Tx, actor identity.Actor, c docket.Case, docs []Document, party docket.Party) (Delivery, error) {
	at := s.now()
	start := effect.Decide(effect.Facts{Consent: agreed(party)}, s.court.Zone)
	d := Delivery{ID: newID(), Case: c.ID, CaseNumber: c.Number, CaseTitle: c.Title, Party: party.ID, Account: party.Account, RecipientName: party.Name,
		Standing: string(party.Standing), Documents: docs, State: string(start.State), Effect: &start, CreatedAt: at}
	if err := insertDelivery(ctx, tx, d, party.Consent, actor.Account); err != nil {
		return Delivery{}, err
	}
	if err := addEvent(ctx, tx, d.ID, Event{At: at, Kind: EventCreated, Detail: actor.Name}); err != nil {
		return Delivery{}, err
	}
	if err := s.entry(ctx, tx, actor, d, docket.EntryServed, map[string]any{"consent": agreed(party)}, refs(docs)); err != nil {
		return Delivery{}, err
	}
	if !agreed(party) {
		if err := addEvent(ctx, tx, d.ID, Event{At: at, Kind: EventNoConsent}); err != nil {
			return Delivery{}, err
		}
		return s.delivery(ctx, tx, d.ID)
	}
	if err := s.openChannels(ctx, tx, d, party); err != nil {
		return Delivery{}, err
	}
	if err := s.recompute(ctx, tx, actor, d.ID); err != nil {
		return Delivery{}, err
	}
	return s.delivery(ctx, tx, d.ID)
}

// openChannels arrives in the mailbox at once and leaves the mail to a job. The mailbox of a party that named
// only its mail address for service is an address that is certainly its own but not confirmed: LR 31(1).
func (s *Service) openChannels(ctx context.Context, tx pgx.Tx, d Delivery, party docket.Party) error {
	const insert = `INSERT INTO service_channels (delivery_id, name, address, given, message_id, sent_at, arrived_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	if party.Account != nil {
		_, err := tx.Exec(ctx, insert, d.ID, channelInApp, party.Account.String(), party.Consent.InApp, nil, d.CreatedAt, d.CreatedAt)
		if err != nil {
			return err
		}
		for _, kind := range []string{EventSubmitted, EventArrived} {
			if err := addEvent(ctx, tx, d.ID, Event{At: d.CreatedAt, Kind: kind, Channel: channelInApp}); err != nil {
				return err
			}
		}
	}
	if party.Consent.EmailAddress == "" {
		return nil
	}
	_, err := tx.Exec(ctx, insert, d.ID, channelEmail, party.Consent.EmailAddress, true, s.messageID(d.ID), nil, nil)
	if err != nil {
		return err
	}
	_, err = s.jobs.InsertTx(ctx, tx, MailArgs{Delivery: d.ID}, nil)
	return err
}

func refs(docs []Document) []docket.FileRef {
	list := make([]docket.FileRef, len(docs))
	for i, d := range docs {
		list[i] = d.Ref()
	}
	return list
}

// entry writes a docket entry about a delivery.
func (s *Service) entry(ctx context.Context, tx pgx.Tx, actor identity.Actor, d Delivery, kind string, data map[string]any, files []docket.FileRef) error {
	data["delivery"], data["party"], data["recipient"] = d.ID, d.Party, d.RecipientName
	_, err := s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: d.Case, Actor: actor, Kind: kind, Data: data, Files: files})
	return err
}
