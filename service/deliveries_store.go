package service

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/service/effect"
)

// The channels.
const (
	channelInApp = "in_app" // 诉讼平台专用账号 (LR 29)
	channelEmail = "email"  // 电子邮件
)

// maxMailbox bounds one Mailbox.
const maxMailbox = 500

// Deliveries lists a case's deliveries, oldest first.
func (s *Service) Deliveries(ctx context.Context, caseID uuid.UUID) ([]Delivery, error) {
	return s.deliveries(ctx, s.pool, `WHERE d.case_id = $1 ORDER BY d.created_at, d.id`, caseID)
}

// Mailbox lists what was served on an account in this server, newest first, at most maxMailbox.
func (s *Service) Mailbox(ctx context.Context, account uuid.UUID) ([]Delivery, error) {
	return s.deliveries(ctx, s.pool, `WHERE d.account = $1 AND EXISTS (SELECT FROM service_channels k
		WHERE k.delivery_id = d.id AND k.name = 'in_app' AND k.arrived_at IS NOT NULL)
		ORDER BY d.created_at DESC, d.id DESC LIMIT $2`, account, maxMailbox)
}

// Delivery finds one delivery; docket.ErrNotFound when there is none. Reading it is no receipt.
func (s *Service) Delivery(ctx context.Context, id uuid.UUID) (Delivery, error) {
	return s.delivery(ctx, s.pool, id)
}

func (s *Service) delivery(ctx context.Context, q querier, id uuid.UUID) (Delivery, error) {
	list, err := s.deliveries(ctx, q, `WHERE d.id = $1`, id)
	if err != nil {
		return Delivery{}, err
	}
	if len(list) == 0 {
		return Delivery{}, fmt.Errorf("service: delivery %s: %w", id, docket.ErrNotFound)
	}
	return list[0], nil
}

func (s *Service) deliveries(ctx context.Context, q querier, where string, args ...any) ([]Delivery, error) {
	rows, err := q.Query(ctx, `SELECT d.id, d.case_id, coalesce(c.number, ''), c.title, d.party_id, d.account, d.recipient_name,
		d.standing, d.state, d.effect, d.created_at, d.opened_at, d.confirmed_at, d.proof
		FROM service_deliveries d JOIN cases c ON c.id = d.case_id `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("service: read deliveries: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("service: read deliveries: %w", err)
	}
	at := make(map[uuid.UUID]*Delivery, len(list))
	ids := make([]uuid.UUID, len(list))
	for i := range list {
		ids[i], at[list[i].ID] = list[i].ID, &list[i]
	}
	for _, load := range []func(context.Context, querier, []uuid.UUID, map[uuid.UUID]*Delivery) error{
		loadDocuments, loadChannels, loadEvents} {
		if err := load(ctx, q, ids, at); err != nil {
			return nil, fmt.Errorf("service: read deliveries: %w", err)
		}
	}
	return list, nil
}

func scanDelivery(row pgx.CollectableRow) (Delivery, error) {
	var d Delivery
	var answer []byte
	err := row.Scan(&d.ID, &d.Case, &d.CaseNumber, &d.CaseTitle, &d.Party, &d.Account, &d.RecipientName, &d.Standing,
		&d.State, &answer, &d.CreatedAt, &d.OpenedAt, &d.ConfirmedAt, &d.ProofDocument)
	if err != nil {
		return d, err
	}
	d.Effect = new(effect.Answer)
	return d, json.Unmarshal(answer, d.Effect)
}

func loadDocuments(ctx context.Context, q querier, ids []uuid.UUID, at map[uuid.UUID]*Delivery) error {
	rows, err := q.Query(ctx, `SELECT l.delivery_id, f.id, f.case_id, f.kind, f.title, f.number, f.hash, f.size, f.created_at,
		f.signed_at, f.party_id FROM service_delivery_documents l JOIN service_documents f ON f.id = l.document_id
		WHERE l.delivery_id = ANY($1) ORDER BY l.delivery_id, l.position`, ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var d Document
	_, err = pgx.ForEachRow(rows, []any{&id, &d.ID, &d.Case, &d.Kind, &d.Title, &d.Number, &d.Blob.Hash, &d.Blob.Size,
		&d.CreatedAt, &d.SignedAt, &d.Party}, func() error {
		d.Signed = d.SignedAt != nil
		at[id].Documents = append(at[id].Documents, d)
		d = Document{}
		return nil
	})
	return err
}

func loadChannels(ctx context.Context, q querier, ids []uuid.UUID, at map[uuid.UUID]*Delivery) error {
	rows, err := q.Query(ctx, `SELECT delivery_id, name, address, given, sent_at, arrived_at, read_at, failed_at
		FROM service_channels WHERE delivery_id = ANY($1) ORDER BY delivery_id, name DESC`, ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var c Channel
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Name, &c.Address, &c.Given, &c.SentAt, &c.ArrivedAt, &c.ReadAt, &c.FailedAt},
		func() error {
			at[id].Channels = append(at[id].Channels, c)
			c = Channel{}
			return nil
		})
	return err
}

func loadEvents(ctx context.Context, q querier, ids []uuid.UUID, at map[uuid.UUID]*Delivery) error {
	rows, err := q.Query(ctx, `SELECT delivery_id, at, kind, channel, detail FROM service_events
		WHERE delivery_id = ANY($1) ORDER BY delivery_id, id`, ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var e Event
	_, err = pgx.ForEachRow(rows, []any{&id, &e.At, &e.Kind, &e.Channel, &e.Detail}, func() error {
		at[id].Events = append(at[id].Events, e)
		return nil
	})
	return err
}

// insertDelivery writes a new delivery with its documents.
func insertDelivery(ctx context.Context, tx pgx.Tx, d Delivery, consent *docket.Consent, by uuid.UUID) error {
	answer, err := json.Marshal(d.Effect)
	if err != nil {
		return err
	}
	var agreed []byte
	if consent != nil {
		if agreed, err = json.Marshal(consent); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO service_deliveries
		(id, case_id, party_id, account, recipient_name, standing, consent, state, effect, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		d.ID, d.Case, d.Party, d.Account, d.RecipientName, d.Standing, agreed, d.State, answer, by, d.CreatedAt)
	if err != nil {
		return err
	}
	for i, f := range d.Documents {
		_, err := tx.Exec(ctx, `INSERT INTO service_delivery_documents (delivery_id, document_id, case_id, party_id, position)
			VALUES ($1, $2, $3, $4, $5)`, d.ID, f.ID, d.Case, d.Party, i+1)
		if err != nil {
			return err
		}
	}
	return nil
}

// addEvent appends to a delivery's chain.
func addEvent(ctx context.Context, tx pgx.Tx, delivery uuid.UUID, e Event) error {
	_, err := tx.Exec(ctx, `INSERT INTO service_events (delivery_id, at, kind, channel, detail) VALUES ($1, $2, $3, $4, $5)`,
		delivery, e.At, e.Kind, e.Channel, e.Detail)
	return err
}

// saveEffect writes a delivery's state and answer.
func saveEffect(ctx context.Context, tx pgx.Tx, delivery uuid.UUID, a effect.Answer) error {
	answer, err := json.Marshal(a)
	if err != nil {
		return err
	}
	on := &a.Date
	if !a.Served() {
		on = nil
	}
	_, err = tx.Exec(ctx, `UPDATE service_deliveries SET state = $2, effect = $3, effective_on = $4 WHERE id = $1`,
		delivery, string(a.State), answer, on)
	return err
}

// factsOf gathers what effect.Decide needs.
func factsOf(ctx context.Context, tx pgx.Tx, d Delivery) (effect.Facts, error) {
	var consent []byte
	var rebutted *time.Time
	err := tx.QueryRow(ctx, `SELECT consent, rebutted_at FROM service_deliveries WHERE id = $1`, d.ID).Scan(&consent, &rebutted)
	if err != nil {
		return effect.Facts{}, err
	}
	f := effect.Facts{Replied: d.ConfirmedAt, Rebutted: rebutted}
	if consent != nil {
		var agreed docket.Consent
		if err := json.Unmarshal(consent, &agreed); err != nil {
			return f, err
		}
		f.Consent = agreed.EService
	}
	for _, c := range d.Channels {
		f.Channels = append(f.Channels, effect.Channel{Name: c.Name, Given: c.Given, Sent: c.SentAt, Arrived: c.ArrivedAt,
			Read: c.ReadAt, Failed: c.FailedAt})
	}
	return f, nil
}
