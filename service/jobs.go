package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/mail"
)

// MailArgs is the job that mails a delivery's documents.
type MailArgs struct {
	Delivery uuid.UUID `json:"delivery"`
}

// Kind implements river.JobArgs.
func (MailArgs) Kind() string { return "delivery_mail" }

// InsertOpts bounds the attempts; River's backoff spreads them over about a day.
func (MailArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 16} }

// ProofArgs is the job that makes the 电子送达凭证 of a delivery that took effect. Supplement
// asks for the second one, which adds the recipient's confirmation.
type ProofArgs struct {
	Delivery   uuid.UUID `json:"delivery"`
	Supplement bool      `json:"supplement,omitempty"`
}

// Kind implements river.JobArgs.
func (ProofArgs) Kind() string { return "service_proof" }

// Workers adds the workers of docket's and this package's jobs. Each is idempotent: a job that
// ran twice, or half, leaves what one full run leaves.
func (s *Service) Workers(w *river.Workers) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.NoticesArgs]) error {
		return s.notices(ctx, job.Args.Case)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.SummonsArgs]) error {
		return s.summons(ctx, job.Args.Hearing)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.StampArgs]) error {
		return s.stamp(ctx, job.Args.Hearing, job.Args.Root)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.PurgeArgs]) error {
		return s.purge(ctx, job.Args.Deletion)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.InvitationArgs]) error {
		return s.invitation(ctx, job.Args.Invitation)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[docket.DraftNoticeArgs]) error {
		return s.draftNotice(ctx, job.Args)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[MailArgs]) error {
		return s.mailDelivery(ctx, job.Args.Delivery, job.Attempt >= job.MaxAttempts)
	}))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, job *river.Job[ProofArgs]) error {
		return s.proof(ctx, job.Args.Delivery, job.Args.Supplement)
	}))
	river.AddWorker(w, filmWorker{s: s})
}

// messageID is the Message-ID of a delivery's mail; a bounce quotes it.
func (s *Service) messageID(delivery uuid.UUID) string {
	host := "yunting.localhost"
	if u, err := url.Parse(s.publicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return delivery.String() + "@" + host
}

// mailDelivery sends the mail of a delivery, unless a run before did, and records the outcome. An error that may
// pass is returned, so that River tries again; after the last attempt the channel has failed.
func (s *Service) mailDelivery(ctx context.Context, id uuid.UUID, last bool) error {
	d, err := s.Delivery(ctx, id)
	if err != nil {
		return err
	}
	address := ""
	for _, c := range d.Channels {
		if c.Name == channelEmail && c.SentAt == nil && c.FailedAt == nil {
			address = c.Address
		}
	}
	if address == "" {
		return nil
	}
	m, err := s.deliveryMail(ctx, d, address)
	if err != nil {
		return err
	}
	failure := s.mail.Send(ctx, m)
	if failure != nil && errors.Is(ctx.Err(), context.Canceled) {
		return failure // the court stops: this was no attempt
	}
	ctx = context.WithoutCancel(ctx) // what became of the mail is recorded whoever stops now
	var rejected *mail.Rejected
	switch {
	case failure == nil:
		return s.mailSent(ctx, id)
	case errors.As(failure, &rejected):
		return s.mailFailed(ctx, id, EventFailed, rejected.Reason)
	case last:
		return s.mailFailed(ctx, id, EventFailed, "no attempt succeeded")
	}
	at := Event{At: s.now(), Kind: EventRetry, Channel: channelEmail}
	err = s.inTx(ctx, "record a failed attempt", func(tx pgx.Tx) error { return addEvent(ctx, tx, id, at) })
	return errors.Join(failure, err)
}

// mailSent records that the mail server took the mail: by JI 135 it arrived when the court's system
// showed success.
func (s *Service) mailSent(ctx context.Context, id uuid.UUID) error {
	return s.inTx(ctx, "record a mail", func(tx pgx.Tx) error {
		d, err := s.lockDelivery(ctx, tx, id)
		if err != nil {
			return err
		}
		at := s.now()
		tag, err := tx.Exec(ctx, `UPDATE service_channels SET sent_at = $2, arrived_at = $2
			WHERE delivery_id = $1 AND name = 'email' AND sent_at IS NULL AND failed_at IS NULL`, id, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		for _, kind := range []string{EventSubmitted, EventRelayed} {
			if err := addEvent(ctx, tx, id, Event{At: at, Kind: kind, Channel: channelEmail}); err != nil {
				return err
			}
		}
		err = s.entry(ctx, tx, identity.System, d, docket.EntryServiceEvent,
			map[string]any{"event": EventRelayed, "channel": channelEmail}, nil)
		if err != nil {
			return err
		}
		return s.recompute(ctx, tx, identity.System, id)
	})
}

// mailFailed records that the mail failed for good.
func (s *Service) mailFailed(ctx context.Context, id uuid.UUID, kind, reason string) error {
	return s.inTx(ctx, "record a failed mail", func(tx pgx.Tx) error {
		d, err := s.lockDelivery(ctx, tx, id)
		if err != nil {
			return err
		}
		at := s.now()
		tag, err := tx.Exec(ctx, `UPDATE service_channels SET failed_at = $2
			WHERE delivery_id = $1 AND name = 'email' AND failed_at IS NULL`, id, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := addEvent(ctx, tx, id, Event{At: at, Kind: kind, Channel: channelEmail, Detail: reason}); err != nil {
			return err
		}
		err = s.entry(ctx, tx, identity.System, d, docket.EntryServiceEvent,
			map[string]any{"event": kind, "channel": channelEmail, "reason": reason}, nil)
		if err != nil {
			return err
		}
		return s.recompute(ctx, tx, identity.System, id)
	})
}

// Bounce records that a mail came back after it was relayed, by the Message-ID that the bounce quotes (without
// angle brackets). The arrival of that mail is void; a delivery without another channel has failed.
// docket.ErrNotFound when no delivery sent such a mail.
func (s *Service) Bounce(ctx context.Context, messageID, reason string) error {
	var id uuid.UUID
	err := s.pool.QueryRow(ctx, `SELECT delivery_id FROM service_channels WHERE message_id = $1`, messageID).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("service: bounce: %w", docket.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("service: bounce: %w", err)
	}
	return s.mailFailed(ctx, id, EventBounced, reason)
}

// attachment reads a document for a mail.
func (s *Service) attachment(ctx context.Context, d Document) (mail.Attachment, error) {
	data, err := s.read(ctx, d)
	return mail.Attachment{Name: d.FileName(), MediaType: "application/pdf", Data: data}, err
}

// read gives a document's bytes.
func (s *Service) read(ctx context.Context, d Document) ([]byte, error) {
	file, err := s.blobs.Open(ctx, d.Blob.Hash)
	if err != nil {
		return nil, fmt.Errorf("service: open document %s: %w", d.ID, err)
	}
	defer file.Close() // only read from
	var data bytes.Buffer
	if _, err := io.Copy(&data, file); err != nil {
		return nil, fmt.Errorf("service: read document %s: %w", d.ID, err)
	}
	return data.Bytes(), nil
}
