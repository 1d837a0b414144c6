package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/mail"
	"yunting/service/pdf"
)

// variantSupplement begins the variant of a document that adds to one before it: the proof of service that adds a later
// confirmation, and the explanation of what was found later. Its title ends with supplementTitle.
const (
	variantSupplement = "supplement"
	supplementTitle   = "（补充）"
)

// notices makes the documents that a case's stage calls for, and serves them where the parties consented:
// the receipt of a filing; on acceptance the three notices of LR 9; the request for corrections; the ruling
// of refusal.
func (s *Service) notices(ctx context.Context, caseID uuid.UUID) error {
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return fmt.Errorf("service: notices: %w", err)
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return err
	}
	switch c.Stage {
	case docket.StageDraft:
		return nil
	case docket.StageSubmitted:
		_, err := s.FilingReceipt(ctx, caseID)
		return err
	case docket.StageCorrecting:
		return s.notice(ctx, c, KindCorrectionsNotice, c.Side(identity.StandingPlaintiff), people, correctionsNotice)
	case docket.StageRefused:
		return s.notice(ctx, c, KindRefusalRuling, c.Side(identity.StandingPlaintiff), people, refusalRuling)
	}
	if c.AcceptedAt == nil {
		return nil
	}
	_, receiptErr := s.FilingReceipt(ctx, caseID)
	return errors.Join(receiptErr,
		s.notice(ctx, c, KindAcceptanceNotice, c.Side(identity.StandingPlaintiff), people, acceptanceNotice),
		s.notice(ctx, c, KindFeeNotice, c.Side(identity.StandingPlaintiff), people, feeNotice),
		s.notice(ctx, c, KindEvidenceNotice, c.Parties, people, evidenceNotice))
}

// notice makes one document of a case and serves it on the parties in the same transaction.
func (s *Service) notice(ctx context.Context, c docket.Case, kind string, to []docket.Party, people bench,
	text func(docket.Profile, docket.Case, bench, time.Time) pdf.Document) error {
	o := order{Case: c, Kind: kind, Subject: c.ID, Reason: titles[kind], Actor: identity.System,
		Text: func(at time.Time) (pdf.Document, error) { return text(s.court, c, people, at), nil }}
	_, err := s.ensure(ctx, o, s.serving(ctx, c, to))
	return err
}

// serving serves a new document on parties in the transaction that made it. A party without consent
// gets a failed delivery, which tells the clerk to use other means.
func (s *Service) serving(ctx context.Context, c docket.Case, to []docket.Party) func(pgx.Tx, Document) error {
	return func(tx pgx.Tx, d Document) error {
		for _, party := range to {
			if _, err := s.serveOne(ctx, tx, identity.System, c, []Document{d}, party); err != nil {
				return err
			}
		}
		return nil
	}
}

// FilingReceipt gives the PDF of the case's latest filing receipt, made at the first call.
// docket.ErrNotFound before the case was filed.
func (s *Service) FilingReceipt(ctx context.Context, caseID uuid.UUID) (Document, error) {
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return Document{}, fmt.Errorf("service: filing receipt: %w", err)
	}
	r, err := s.docket.Receipt(ctx, caseID)
	if err != nil {
		return Document{}, fmt.Errorf("service: filing receipt: %w", err)
	}
	return s.ensure(ctx, order{Case: c, Kind: KindFilingReceipt, Subject: r.ID, Reason: titles[KindFilingReceipt], Actor: identity.System,
		Text: func(time.Time) (pdf.Document, error) { return filingReceipt(s.court, c, r), nil }}, nil)
}

// summons makes a summons for each party and serves it.
func (s *Service) summons(ctx context.Context, hearingID uuid.UUID) error {
	h, err := s.docket.Hearing(ctx, hearingID)
	if err != nil {
		return fmt.Errorf("service: summons: %w", err)
	}
	c, err := s.docket.Case(ctx, h.Case)
	if err != nil {
		return fmt.Errorf("service: summons: %w", err)
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return err
	}
	for _, party := range c.Parties {
		o := order{Case: c, Kind: KindSummons, Subject: h.ID, Variant: party.ID.String(), Party: &party.ID, Reason: titles[KindSummons],
			Actor: identity.System, Text: func(at time.Time) (pdf.Document, error) {
				return summonsText(s.court, c, h, party, people, s.publicURL+"/hearings/"+h.ID.String(), at), nil
			}}
		if _, err := s.ensure(ctx, o, s.serving(ctx, c, []docket.Party{party})); err != nil {
			return err
		}
	}
	return nil
}

// invitation makes the letter of an invitation and mails it when the complaint names a mail address. The mail is an
// invitation and no service: the party has consented to nothing yet (LR 10).
func (s *Service) invitation(ctx context.Context, id uuid.UUID) error {
	inv, err := s.docket.InvitationLetter(ctx, id)
	if err != nil {
		if errors.Is(err, docket.ErrCode) || errors.Is(err, docket.ErrNotFound) {
			return nil // used, replaced or expired meanwhile: there is nothing to print any more
		}
		return fmt.Errorf("service: invitation: %w", err)
	}
	c, err := s.docket.Case(ctx, inv.Case)
	if err != nil {
		return fmt.Errorf("service: invitation: %w", err)
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return err
	}
	o := order{Case: c, Kind: KindInvitation, Subject: inv.ID, Party: &inv.Party.ID, Reason: titles[KindInvitation], Actor: identity.System,
		Text: func(at time.Time) (pdf.Document, error) {
			if inv.Code == "" {
				return pdf.Document{}, fmt.Errorf("%w: the code", errNoText)
			}
			return invitationText(s.court, c, inv, people, s.publicURL+"/link", at), nil
		}}
	d, err := s.ensure(ctx, o, nil)
	if err != nil || inv.Party.Email == "" {
		return err
	}
	m, err := s.invitationMail(ctx, c, inv, d)
	if err != nil {
		return err
	}
	return s.mail.Send(ctx, m)
}

// draftNotice mails to who writes a draft that it will be cleared soon, unless they went on with it meanwhile or have no
// address. It is a reminder and no service. A run that is repeated sends the same Message-ID again.
func (s *Service) draftNotice(ctx context.Context, args docket.DraftNoticeArgs) error {
	n, filer, err := s.docket.DraftNotice(ctx, args.Case, args.KeptUntil)
	if errors.Is(err, docket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("service: notice of a draft: %w", err)
	}
	person, err := s.identity.Person(ctx, filer)
	if err != nil {
		return fmt.Errorf("service: notice of a draft: %w", err)
	}
	if person.Email == "" {
		return nil
	}
	err = s.mail.Send(ctx, s.draftNoticeMail(n, person.Email))
	var rejected *mail.Rejected
	if errors.As(err, &rejected) {
		s.log.WarnContext(ctx, "a notice of a draft was refused for good; its filer reads it in the mailbox", "case", n.Case)
		return nil
	}
	return err
}

// proof makes the 电子送达凭证 of a delivery that took effect.
func (s *Service) proof(ctx context.Context, id uuid.UUID, supplement bool) error {
	d, err := s.Delivery(ctx, id)
	if err != nil {
		return err
	}
	if !d.Served() {
		return nil // a bounce took the effect back meanwhile
	}
	c, err := s.docket.Case(ctx, d.Case)
	if err != nil {
		return fmt.Errorf("service: proof: %w", err)
	}
	in := proofInput{ID: d.ID.String(), Case: c, Delivery: d}
	if in.Consent, err = s.consentThen(ctx, d.ID); err != nil {
		return err
	}
	if in.NotServed, err = s.notServed(ctx, d); err != nil {
		return err
	}
	o := order{Case: c, Kind: KindServiceProof, Subject: d.ID, Party: &d.Party, Reason: titles[KindServiceProof], Actor: identity.System,
		Text: func(at time.Time) (pdf.Document, error) { return proofText(s.court, in, at), nil }}
	if supplement {
		o.Variant = variantSupplement
	}
	_, err = s.ensure(ctx, o, func(tx pgx.Tx, made Document) error {
		if _, err := tx.Exec(ctx, `UPDATE service_deliveries SET proof = $2 WHERE id = $1 AND ($3 OR proof IS NULL)`, id, made.ID, supplement); err != nil {
			return err
		}
		return addEvent(ctx, tx, id, Event{At: made.CreatedAt, Kind: EventProof, Detail: made.Blob.Hash.String()})
	})
	return err
}

// consentThen is the party's consent as it stood when the delivery was made.
func (s *Service) consentThen(ctx context.Context, id uuid.UUID) (*docket.Consent, error) {
	var text []byte
	if err := s.pool.QueryRow(ctx, `SELECT consent FROM service_deliveries WHERE id = $1`, id).Scan(&text); err != nil {
		return nil, fmt.Errorf("service: proof: %w", err)
	}
	if text == nil {
		return nil, nil
	}
	consent := new(docket.Consent)
	if err := json.Unmarshal(text, consent); err != nil {
		return nil, fmt.Errorf("service: proof: %w", err)
	}
	return consent, nil
}

// notServed names the parties on whom these documents were to be served and are not.
func (s *Service) notServed(ctx context.Context, d Delivery) ([]string, error) {
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT o.recipient_name FROM service_deliveries o
		JOIN service_delivery_documents l ON l.delivery_id = o.id AND l.active
		WHERE o.case_id = $1 AND l.document_id = ANY($2) AND o.state NOT IN ('effective', 'presumed')
		ORDER BY o.recipient_name`, d.Case, documentIDs(d.Documents))
	if err != nil {
		return nil, fmt.Errorf("service: proof: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("service: proof: %w", err)
	}
	return list, nil
}
