package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/service/pdf"
	"yunting/service/sign"
)

// The kinds of document.
const (
	KindFilingReceipt     = "filing_receipt"     // 收到起诉材料凭证
	KindAcceptanceNotice  = "acceptance_notice"  // 案件受理通知书
	KindFeeNotice         = "fee_notice"         // 交纳诉讼费用通知书
	KindEvidenceNotice    = "evidence_notice"    // 举证通知书
	KindInvitation        = "invitation"         // 应诉及在线诉讼邀请函, holds the one-time code
	KindSummons           = "summons"            // 传票
	KindJudgment          = "judgment"           // 民事判决书
	KindServiceProof      = "service_proof"      // 电子送达凭证
	KindCorrectionsNotice = "corrections_notice" // 补正通知书
	KindRefusalRuling     = "refusal_ruling"     // 不予受理民事裁定书

	KindRecordingExplanation = "recording_explanation" // 庭审录音录像情况说明 (AV 3, 4)
)

// Kinds lists every kind of document.
func Kinds() []string {
	return []string{KindFilingReceipt, KindAcceptanceNotice, KindFeeNotice, KindEvidenceNotice, KindInvitation,
		KindSummons, KindJudgment, KindServiceProof, KindCorrectionsNotice, KindRefusalRuling, KindRecordingExplanation}
}

// titles are the documents' names, printed on them.
var titles = map[string]string{
	KindFilingReceipt: "收到起诉材料凭证", KindAcceptanceNotice: "案件受理通知书", KindFeeNotice: "交纳诉讼费用通知书",
	KindEvidenceNotice: "举证通知书", KindInvitation: "应诉及在线诉讼邀请函", KindSummons: "传票",
	KindJudgment: "民事判决书", KindServiceProof: "电子送达凭证", KindCorrectionsNotice: "补正通知书",
	KindRefusalRuling: "民事裁定书", KindRecordingExplanation: "庭审录音录像情况说明",
}

// Document is one finished document of a case. Its bytes are in the blob store and never change.
type Document struct {
	ID        uuid.UUID  `json:"id"`
	Case      uuid.UUID  `json:"case"`
	Kind      string     `json:"kind"`
	Title     string     `json:"title"`
	Number    string     `json:"number"` // 案号; empty when it was made before acceptance
	Blob      blob.Ref   `json:"blob"`
	Signed    bool       `json:"signed"` // carries the court's PAdES signature
	CreatedAt time.Time  `json:"created_at"`
	SignedAt  *time.Time `json:"signed_at,omitempty"`
	// Party is set when the document concerns one party alone; the invitation among these holds a
	// secret code and is for the court's staff until it is handed over.
	Party *uuid.UUID `json:"party,omitempty"`
}

// FileName is the name under which the document is saved and attached.
func (d Document) FileName() string { return d.Title + ".pdf" }

// Ref names the document's file for a docket entry.
func (d Document) Ref() docket.FileRef {
	return docket.FileRef{Name: d.FileName(), Hash: d.Blob.Hash, Size: d.Blob.Size}
}

const documentColumns = `id, case_id, kind, title, number, hash, size, created_at, signed_at, party_id`

func scanDocument(row pgx.CollectableRow) (Document, error) {
	var d Document
	err := row.Scan(&d.ID, &d.Case, &d.Kind, &d.Title, &d.Number, &d.Blob.Hash, &d.Blob.Size, &d.CreatedAt,
		&d.SignedAt, &d.Party)
	d.Signed = d.SignedAt != nil
	return d, err
}

// Documents lists a case's documents, oldest first.
func (s *Service) Documents(ctx context.Context, caseID uuid.UUID) ([]Document, error) {
	return documents(ctx, s.pool, `WHERE case_id = $1`, caseID)
}

// Document finds one document; docket.ErrNotFound when there is none.
func (s *Service) Document(ctx context.Context, id uuid.UUID) (Document, error) {
	list, err := documents(ctx, s.pool, `WHERE id = $1`, id)
	if err != nil {
		return Document{}, err
	}
	if len(list) == 0 {
		return Document{}, fmt.Errorf("service: document %s: %w", id, docket.ErrNotFound)
	}
	return list[0], nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func documents(ctx context.Context, q querier, where string, args ...any) ([]Document, error) {
	rows, err := q.Query(ctx, `SELECT `+documentColumns+` FROM service_documents `+where+` ORDER BY created_at, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("service: read documents: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDocument)
	if err != nil {
		return nil, fmt.Errorf("service: read documents: %w", err)
	}
	return list, nil
}

// order asks for one document. Subject and Variant make it unique within case and kind.
type order struct {
	Case    docket.Case
	Kind    string
	Subject uuid.UUID
	Variant string
	Party   *uuid.UUID
	Reason  string         // of the signature
	Actor   identity.Actor // who makes it; the system for a job
	Text    func(at time.Time) (pdf.Document, error)
}

// existing finds the document that an order already led to.
func (s *Service) existing(ctx context.Context, q querier, o order) (Document, bool, error) {
	list, err := documents(ctx, q, `WHERE case_id = $1 AND kind = $2 AND subject = $3 AND variant = $4`,
		o.Case.ID, o.Kind, o.Subject, o.Variant)
	if err != nil || len(list) == 0 {
		return Document{}, false, err
	}
	return list[0], true, nil
}

// ensure makes the document of o unless it is there, in one transaction with its docket entry: however often
// a job runs, there is one document and one entry. then, when not nil, runs in that transaction
// and only when this call made the document.
func (s *Service) ensure(ctx context.Context, o order, then func(tx pgx.Tx, d Document) error) (Document, error) {
	if d, ok, err := s.existing(ctx, s.pool, o); err != nil || ok {
		return d, err
	}
	var made Document
	err := s.inTx(ctx, "make "+o.Kind, func(tx pgx.Tx) error {
		if err := lockCase(ctx, tx, o.Case.ID); err != nil {
			return err
		}
		d, ok, err := s.existing(ctx, tx, o)
		if err != nil || ok {
			made = d
			return err
		}
		if made, err = s.make(ctx, tx, o); err != nil {
			return err
		}
		_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{
			Case: o.Case.ID, Actor: o.Actor, Kind: entryOf(o.Kind), Data: documentData(made), Files: []docket.FileRef{made.Ref()},
		})
		if err != nil || then == nil {
			return err
		}
		return then(tx, made)
	})
	return made, err
}

// entryOf is the kind of docket entry that a new document writes.
func entryOf(kind string) string {
	switch kind {
	case KindJudgment:
		return docket.EntryJudgmentSigned
	case KindServiceProof:
		return docket.EntryServiceProof
	}
	return docket.EntryDocumentCreated
}

// documentData is what an entry says of a document.
func documentData(d Document) map[string]any {
	data := map[string]any{"document": d.ID, "kind": d.Kind, "title": d.Title, "signed": d.Signed}
	if d.Party != nil {
		data["party"] = *d.Party
	}
	return data
}

// make renders, signs, stores and registers a document. The bytes are durable before the row exists.
func (s *Service) make(ctx context.Context, tx pgx.Tx, o order) (Document, error) {
	at := s.now()
	text, err := o.Text(at)
	if err != nil {
		return Document{}, err
	}
	text.Created = at
	plain, err := pdf.Render(text)
	if err != nil {
		return Document{}, fmt.Errorf("lay out: %w", err)
	}
	signed, err := s.signer.Sign(plain, sign.SigOptions{Reason: o.Reason, Location: "CN", Name: s.court.Name, Time: at})
	if err != nil {
		return Document{}, fmt.Errorf("sign: %w", err)
	}
	ref, err := s.blobs.Put(ctx, bytes.NewReader(signed))
	if err != nil {
		return Document{}, fmt.Errorf("store: %w", err)
	}
	d := Document{ID: newID(), Case: o.Case.ID, Kind: o.Kind, Title: titles[o.Kind], Number: o.Case.Number, Blob: ref,
		Signed: true, CreatedAt: at, SignedAt: &at, Party: o.Party}
	if strings.HasPrefix(o.Variant, variantSupplement) {
		d.Title += supplementTitle
	}
	_, err = tx.Exec(ctx, `INSERT INTO service_documents
		(id, case_id, kind, subject, variant, party_id, title, number, hash, size, created_at, signed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		d.ID, d.Case, d.Kind, o.Subject, o.Variant, o.Party, d.Title, d.Number, ref.Hash, ref.Size, at, at)
	if err != nil {
		return Document{}, fmt.Errorf("register: %w", err)
	}
	return d, nil
}

// errNoText says that a document cannot be written because the case lacks what it must say.
var errNoText = errors.New("service: the case lacks what the document must say")
