package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
	"yunting/service/pdf"
)

const maxExplanationRunes = 4000 // one text

// Explanation is what the clerk says in writing of the recording of a hearing: from when to when, and why it was
// interrupted (AV 3). The judge reviews and signs it (AV 4); then it is a document of the case, served on the parties. An
// interruption that is found after that is explained in a supplement, which names the ones before it.
type Explanation struct {
	Hearing  uuid.UUID       `json:"hearing"`
	Number   int             `json:"number"`  // 1 the first; from 2 a supplement (补充说明)
	Version  int64           `json:"version"` // rises with each saving, also from one number to the next; 0: drafted from the record, not saved yet
	Started  *time.Time      `json:"started,omitempty"`
	Ended    *time.Time      `json:"ended,omitempty"`
	Complete bool            `json:"complete"` // all that was recorded is stored: it may be signed
	Items    []ExplainedItem `json:"items"`
	Note     string          `json:"note"` // what the clerk adds; may be empty
	Clerk    string          `json:"clerk,omitempty"`
	SignedAt *time.Time      `json:"signed_at,omitempty"` // by the clerk
	Document *uuid.UUID      `json:"document,omitempty"`  // once the judge has signed
	Signed   []Document      `json:"signed_documents"`    // all that the judge signed so far, oldest first
}

// Supplement reports whether others were signed before it.
func (e Explanation) Supplement() bool { return e.Number > 1 }

// ExplainedItem is one interruption with its explanation, in Chinese as the document is.
type ExplainedItem struct {
	interruption.Interruption
	Text    string `json:"text"`
	English string `json:"english"` // what the record says of it, for who reads no Chinese; no part of the document
}

// ExplanationInput is the clerk's text. Texts are by the key of the interruption; one that is missing keeps the draft's.
type ExplanationInput struct {
	Version int64             `json:"version" doc:"The version that was read; a newer one answers 409"`
	Texts   map[string]string `json:"texts"`
	Note    string            `json:"note" required:"false"`
	Sign    bool              `json:"sign" doc:"Sign it, so that the judge can review it"`
}

// Unexplained names the texts that are empty or too long, by key; "note" is the note.
type Unexplained struct{ Keys []string }

// Error names the keys.
func (e *Unexplained) Error() string {
	return "service: explanations are missing or longer than a page: " + strings.Join(e.Keys, ", ")
}

// savedExplanation is the row; covers is nil before the judge has signed.
type savedExplanation struct {
	number   int
	version  int64
	texts    map[string]string
	note     string
	clerk    string
	signedAt *time.Time
	document *uuid.UUID
	covers   []interruption.Interruption
}

// explanationColumns are what scanExplanation reads.
const explanationColumns = `number, version, texts, note, clerk_name, signed_at, document, covers, hearing_id`

// scanExplanation reads a row, and which hearing it is of.
func scanExplanation(row pgx.CollectableRow) (s savedExplanation, hearing uuid.UUID, err error) {
	var texts, covers []byte
	if err := row.Scan(&s.number, &s.version, &texts, &s.note, &s.clerk, &s.signedAt, &s.document, &covers, &hearing); err != nil {
		return s, hearing, err
	}
	if s.signedAt != nil {
		at := s.signedAt.UTC()
		s.signedAt = &at
	}
	if covers != nil {
		if err := json.Unmarshal(covers, &s.covers); err != nil {
			return s, hearing, err
		}
	}
	return s, hearing, json.Unmarshal(texts, &s.texts)
}

// readExplanations gives what is saved of a hearing, by number.
func readExplanations(ctx context.Context, q querier, hearingID uuid.UUID, lock string) ([]savedExplanation, error) {
	rows, err := q.Query(ctx, `SELECT `+explanationColumns+` FROM recording_explanations WHERE hearing_id = $1 ORDER BY number `+lock, hearingID)
	if err != nil {
		return nil, fmt.Errorf("service: explanation: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (savedExplanation, error) {
		saved, _, err := scanExplanation(row)
		return saved, err
	})
	if err != nil {
		return nil, fmt.Errorf("service: explanation: %w", err)
	}
	return list, nil
}

// latest is the last saved explanation, the zero value while nothing is saved.
func latest(list []savedExplanation) savedExplanation {
	if len(list) == 0 {
		return savedExplanation{}
	}
	return list[len(list)-1]
}

// Explanation gives the explanation as it stands: drafted from the record, with what the clerk saved over it. Once the judge
// has signed and the record holds an interruption that no signed one covers, it is the draft of a supplement.
// ErrNotFound for no such hearing.
func (s *Service) Explanation(ctx context.Context, hearingID uuid.UUID) (Explanation, error) {
	report, err := s.docket.RecordingReport(ctx, hearingID)
	if err != nil {
		return Explanation{}, fmt.Errorf("service: explanation: %w", err)
	}
	list, err := readExplanations(ctx, s.pool, hearingID, "")
	if err != nil {
		return Explanation{}, err
	}
	e, signed := s.standing(hearingID, report, list)
	e.Signed, err = documents(ctx, s.pool, `WHERE id = ANY($1)`, signed)
	return e, err
}

// standing is the explanation as it stands, but for Signed, whose documents it names.
func (s *Service) standing(hearingID uuid.UUID, report docket.RecordingReport, list []savedExplanation) (e Explanation, signed []uuid.UUID) {
	var covered []interruption.Interruption
	own := report.Interruptions // what the last one is about
	for _, x := range list {
		if x.document == nil {
			break
		}
		if own = x.covers; own == nil {
			own = named(report.Interruptions, x.texts)
		}
		signed, covered = append(signed, *x.document), append(covered, own...)
	}
	saved := latest(list)
	fresh := interruption.Beyond(report.Interruptions, covered)
	switch {
	case saved.number == 0:
		saved.number = 1
	case saved.document == nil: // not signed: all that nothing signed covers
		own = fresh
	case len(fresh) > 0:
		saved, own = savedExplanation{number: saved.number + 1, version: saved.version}, fresh
	}
	return s.explain(hearingID, report, saved, own), signed
}

// named are the interruptions that have a text.
func named(list []interruption.Interruption, texts map[string]string) []interruption.Interruption {
	return slices.DeleteFunc(slices.Clone(list), func(i interruption.Interruption) bool { _, ok := texts[i.Key]; return !ok })
}

// explain puts the interruptions and the saved texts together.
func (s *Service) explain(hearingID uuid.UUID, report docket.RecordingReport, saved savedExplanation, interruptions []interruption.Interruption) Explanation {
	e := Explanation{Hearing: hearingID, Number: saved.number, Version: saved.version, Started: report.Started, Ended: report.Ended, Complete: report.Complete,
		Note: saved.note, Clerk: saved.clerk, SignedAt: saved.signedAt, Document: saved.document, Items: []ExplainedItem{}}
	for _, i := range interruptions {
		text, ok := saved.texts[i.Key]
		if !ok {
			text = draftText(i, s.court.Zone)
			e.SignedAt = nil // what the clerk signed did not hold this one
		}
		e.Items = append(e.Items, ExplainedItem{i, text, englishText(i, s.court.Zone)})
	}
	if saved.document != nil {
		e.SignedAt = saved.signedAt
	}
	return e
}

// SaveExplanation saves the clerk's text and, with Sign, signs it: an entry of the docket. ErrForbidden for anybody but the
// case's clerk; ErrStale when another version was saved; ErrConflict once the judge has signed and nothing new was found, and
// for signing before all that was recorded is stored; *Unexplained for a text that is too long or, when signing, empty.
func (s *Service) SaveExplanation(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, in ExplanationInput) (Explanation, error) {
	_, c, err := s.explained(ctx, hearingID)
	if err != nil {
		return Explanation{}, err
	}
	if actor.Anonymous() || c.Clerk != actor.Account {
		return Explanation{}, fmt.Errorf("service: explanation: %w", ErrForbidden)
	}
	e, err := s.Explanation(ctx, hearingID)
	if err != nil {
		return e, err
	}
	texts := map[string]string{}
	for i := range e.Items {
		if text, ok := in.Texts[e.Items[i].Key]; ok {
			e.Items[i].Text = strings.TrimSpace(text)
		}
		texts[e.Items[i].Key] = e.Items[i].Text
	}
	e.Note = strings.TrimSpace(in.Note)
	if err := e.check(in.Sign); err != nil {
		return e, err
	}
	at := s.now()
	err = s.inTx(ctx, "explanation", func(tx pgx.Tx) error {
		if err := lockCase(ctx, tx, c.ID); err != nil {
			return err
		}
		list, err := readExplanations(ctx, tx, hearingID, "FOR UPDATE")
		saved := latest(list)
		switch {
		case err != nil:
			return err
		case saved.document != nil && saved.number >= e.Number, in.Sign && !e.Complete:
			return ErrConflict
		case saved.version != in.Version || e.Version != in.Version:
			return ErrStale
		}
		e.Version, e.Clerk, e.SignedAt = in.Version+1, actor.Name, nil
		if in.Sign {
			e.SignedAt = &at
		}
		return s.storeExplanation(ctx, tx, actor, c, e, texts, at)
	})
	return e, err
}

// storeExplanation writes the row and, when the clerk signed, the entry.
func (s *Service) storeExplanation(ctx context.Context, tx pgx.Tx, actor identity.Actor, c docket.Case, e Explanation, texts map[string]string, at time.Time) error {
	stored, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO recording_explanations AS x (hearing_id, version, texts, note, clerk, clerk_name, saved_at, signed_at, number)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (hearing_id, number) DO UPDATE SET version = $2, texts = $3, note = $4, clerk = $5, clerk_name = $6, saved_at = $7, signed_at = $8`,
		e.Hearing, e.Version, stored, e.Note, actor.Account, actor.Name, at, e.SignedAt, e.Number)
	if err != nil || e.SignedAt == nil {
		return err
	}
	_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: c.ID, Actor: actor, Kind: docket.EntryExplained,
		Data: map[string]any{"hearing": e.Hearing, "number": e.Number, "version": e.Version, "texts": texts, "note": e.Note}})
	return err
}

// check refuses texts that are too long and, when it is to be signed, empty ones.
func (e Explanation) check(sign bool) error {
	var wrong []string
	for _, i := range e.Items {
		if n := utf8.RuneCountInString(i.Text); n > maxExplanationRunes || n == 0 && sign {
			wrong = append(wrong, i.Key)
		}
	}
	if utf8.RuneCountInString(e.Note) > maxExplanationRunes {
		wrong = append(wrong, "note")
	}
	if wrong != nil {
		return &Unexplained{Keys: wrong}
	}
	return nil
}

func (s *Service) explained(ctx context.Context, hearingID uuid.UUID) (h docket.Hearing, c docket.Case, err error) {
	if h, err = s.docket.Hearing(ctx, hearingID); err == nil {
		c, err = s.docket.Case(ctx, h.Case)
	}
	if err != nil {
		err = fmt.Errorf("service: explanation: %w", err)
	}
	return h, c, err
}

// ApproveExplanation makes the document of what the clerk signed: the judge reviewed it and signs (AV 4); it is served on the
// parties at once. The same call again returns the same document. ErrForbidden for anybody but the case's judge; ErrStale when the version is not the one
// that the clerk signed last; ErrConflict while the clerk has not signed.
func (s *Service) ApproveExplanation(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, version int64) (Document, error) {
	// All that needs another connection is read before the lock: waiters on the lock could hold every one.
	h, c, err := s.explained(ctx, hearingID)
	if err != nil {
		return Document{}, err
	}
	if actor.Anonymous() || c.Judge != actor.Account {
		return Document{}, fmt.Errorf("service: explanation: %w", ErrForbidden)
	}
	e, err := s.Explanation(ctx, hearingID)
	if err != nil {
		return Document{}, err
	}
	var made Document
	err = s.inTx(ctx, "sign the explanation", func(tx pgx.Tx) error {
		if err := lockCase(ctx, tx, c.ID); err != nil {
			return err
		}
		list, err := readExplanations(ctx, tx, hearingID, "FOR UPDATE")
		saved := latest(list)
		switch {
		case err != nil:
			return err
		case saved.version != version || saved.version != e.Version:
			return ErrStale
		case saved.document != nil:
			list, err := documents(ctx, tx, `WHERE id = $1`, *saved.document)
			if err == nil {
				made = list[0]
			}
			return err
		case e.SignedAt == nil || !maps.Equal(saved.texts, e.texts()):
			return ErrConflict
		}
		made, err = s.approve(ctx, tx, actor, c, h, e)
		return err
	})
	return made, err
}

func (e Explanation) texts() map[string]string {
	texts := map[string]string{}
	for _, i := range e.Items {
		texts[i.Key] = i.Text
	}
	return texts
}

// approve makes and enters the document in the caller's transaction. The case is locked.
func (s *Service) approve(ctx context.Context, tx pgx.Tx, actor identity.Actor, c docket.Case, h docket.Hearing, e Explanation) (Document, error) {
	made, err := s.make(ctx, tx, order{Case: c, Kind: KindRecordingExplanation, Subject: h.ID, Variant: e.variant(), Actor: actor, Reason: "审核庭审录音录像说明",
		Text: func(at time.Time) (pdf.Document, error) {
			return explanationText(s.court, c, h, e, actor.Name, at), nil
		}})
	if err != nil {
		return Document{}, err
	}
	covers := []interruption.Interruption{}
	for _, i := range e.Items {
		covers = append(covers, i.Interruption)
	}
	_, err = tx.Exec(ctx, `UPDATE recording_explanations SET document = $3, covers = $4 WHERE hearing_id = $1 AND number = $2`, h.ID, e.Number, made.ID, covers)
	if err != nil {
		return Document{}, err
	}
	data := documentData(made)
	data["hearing"] = h.ID
	_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: c.ID, Actor: actor, Kind: docket.EntryDocumentCreated, Data: data, Files: []docket.FileRef{made.Ref()}})
	if err != nil {
		return Document{}, err
	}
	return made, s.serving(ctx, c, c.Parties)(tx, made)
}

// variant makes each number's document unique; the first has none.
func (e Explanation) variant() string {
	switch e.Number {
	case 1:
		return ""
	case 2:
		return variantSupplement
	}
	return fmt.Sprintf("%s.%d", variantSupplement, e.Number)
}

// ExplanationOf gives what a signed explanation says, by its document: what the page shows beside it, and in English.
// ErrNotFound when the document is none.
func (s *Service) ExplanationOf(ctx context.Context, document uuid.UUID) (Explanation, error) {
	var hearingID uuid.UUID
	err := s.pool.QueryRow(ctx, `SELECT hearing_id FROM recording_explanations WHERE document = $1`, document).Scan(&hearingID)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Explanation{}, fmt.Errorf("service: explanation of a document: %w", err)
	}
	report, err := s.docket.RecordingReport(ctx, hearingID)
	if err != nil {
		return Explanation{}, fmt.Errorf("service: explanation of a document: %w", err)
	}
	list, err := readExplanations(ctx, s.pool, hearingID, "")
	if err != nil {
		return Explanation{}, err
	}
	saved := list[slices.IndexFunc(list, func(x savedExplanation) bool { return x.document != nil && *x.document == document })]
	if saved.covers == nil {
		saved.covers = named(report.Interruptions, saved.texts)
	}
	return s.explain(hearingID, report, saved, saved.covers), nil
}

// PreviewExplanation lays the explanation out as it will look, headed 草稿, unsigned and without a seal.
func (s *Service) PreviewExplanation(ctx context.Context, hearingID uuid.UUID) ([]byte, error) {
	e, err := s.Explanation(ctx, hearingID)
	if err != nil {
		return nil, err
	}
	h, c, err := s.explained(ctx, hearingID)
	if err != nil {
		return nil, err
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return nil, err
	}
	if e.Clerk == "" {
		e.Clerk = people.clerk
	}
	at := s.now()
	return preview(explanationText(s.court, c, h, e, people.judge, at), at)
}

// preview renders a document that is not signed yet: marked as a draft, without a seal.
func preview(doc pdf.Document, at time.Time) ([]byte, error) {
	doc.Title += "（草稿）"
	doc.Body = append([]pdf.Block{pdf.Paragraph{Text: "草稿，仅供审阅，不具有法律效力", Align: pdf.Centred, Bold: true}}, doc.Body...)
	doc.Footer, doc.Created, doc.Watermark = "草稿", at, "预览 PREVIEW — not signed"
	for i, b := range doc.Body {
		if block, ok := b.(pdf.SignatureBlock); ok {
			block.Seal = nil
			doc.Body[i] = block
		}
	}
	out, err := pdf.Render(doc)
	if err != nil {
		return nil, fmt.Errorf("service: preview: %w", err)
	}
	return out, nil
}
