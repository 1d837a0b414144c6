package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/pdf"
)

// Blank marks what the judge must still write in a prefilled draft. A judgment that holds it
// cannot be signed.
const Blank = "〔待填〕"

// The bounds of a draft.
const (
	maxDraftRunes    = 100_000 // one field
	maxDraftFindings = 200
	maxDraftItems    = 100
)

// Draft is a judgment as the judge writes it: plain text, a line feed between paragraphs.
type Draft struct {
	Version          int64         `json:"version"` // 0: prefilled, not saved yet
	Parties          string        `json:"parties"`
	Course           string        `json:"course"`             // 案件由来和审理经过
	ClaimsAndDefence string        `json:"claims_and_defence"` // 诉讼请求、事实与理由、答辩
	Findings         []FindingText `json:"findings"`           // 本院认定的事实
	Reasoning        string        `json:"reasoning"`          // 本院认为
	Law              string        `json:"law"`                // 依照…，判决如下
	Items            []string      `json:"items"`              // 判决主文
	Penalty          string        `json:"penalty"`            // 迟延履行的责任 (CPL 264); empty where nothing is to be paid or done
	Costs            string        `json:"costs"`              // 诉讼费用的负担
	AppealNotice     string        `json:"appeal_notice"`      // 上诉期间和上诉的法院
	Signed           *uuid.UUID    `json:"signed,omitempty"`   // the signed judgment; the draft is closed then
}

// FindingText is a fact that the court finds, with the evidence that it rests on.
type FindingText struct {
	Text        string      `json:"text"`
	EvidenceIDs []uuid.UUID `json:"evidence_ids"`
}

// Incomplete says what a judgment lacks of CPL 155, or what in it cannot stand. Fields are JSON names of
// Draft; a finding's is "findings.0".
type Incomplete struct {
	Fields []string
}

// Error names the fields.
func (e *Incomplete) Error() string {
	return "service: the judgment is not complete (CPL 155): " + strings.Join(e.Fields, ", ")
}

// JudgmentDraft gives the draft of a case's judgment: what was saved last, else one prefilled from the case with
// Version 0, where Blank marks what the judge must write.
func (s *Service) JudgmentDraft(ctx context.Context, caseID uuid.UUID) (Draft, error) {
	draft, err := readDraft(ctx, s.pool, caseID, "")
	if !errors.Is(err, pgx.ErrNoRows) {
		return draft, err
	}
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return Draft{}, fmt.Errorf("service: judgment: %w", err)
	}
	evidence, err := s.docket.Evidence(ctx, caseID)
	if err != nil {
		return Draft{}, fmt.Errorf("service: judgment: %w", err)
	}
	hearings, err := s.docket.Hearings(ctx, caseID)
	if err != nil {
		return Draft{}, fmt.Errorf("service: judgment: %w", err)
	}
	return prefill(s.court, c, evidence, hearings), nil
}

// readDraft gives pgx.ErrNoRows while nothing is saved.
func readDraft(ctx context.Context, q querier, caseID uuid.UUID, lock string) (Draft, error) {
	rows, err := q.Query(ctx, `SELECT version, draft, document FROM service_judgments WHERE case_id = $1 `+lock, caseID)
	if err != nil {
		return Draft{}, fmt.Errorf("service: read the judgment: %w", err)
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Draft, error) {
		var d Draft
		var text []byte
		var version int64
		var signed *uuid.UUID
		if err := row.Scan(&version, &text, &signed); err != nil {
			return d, err
		}
		if err := json.Unmarshal(text, &d); err != nil {
			return d, fmt.Errorf("service: read the judgment: %w", err)
		}
		d.Version, d.Signed = version, signed
		return d, nil
	})
}

// SaveJudgment saves the draft over the given version (0 for the first) and returns it with its new one. An
// unfinished draft may be saved. docket.ErrStale with the present draft when another was saved meanwhile,
// docket.ErrForbidden for anybody but the case's judge, docket.ErrConflict before acceptance and after signing,
// *Incomplete when a field is longer than any judgment. A draft is the court's own paper: it writes no docket entry.
func (s *Service) SaveJudgment(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, d Draft) (Draft, error) {
	if fields := tooLong(d); len(fields) > 0 {
		return d, &Incomplete{Fields: fields}
	}
	c, err := s.judgmentCase(ctx, actor, caseID)
	if err != nil {
		return d, err
	}
	if !slices.Contains([]docket.Stage{docket.StageAccepted, docket.StageScheduled, docket.StageHeard}, c.Stage) {
		return d, fmt.Errorf("service: save the judgment in stage %s: %w", c.Stage, docket.ErrConflict)
	}
	d.Version, d.Signed = version+1, nil
	text, err := json.Marshal(d)
	if err != nil {
		return d, fmt.Errorf("service: save the judgment: %w", err)
	}
	err = s.inTx(ctx, "save the judgment", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO service_judgments AS j (case_id, version, draft, updated_by, updated_at)
			SELECT $1, 1, $3, $4, $5 WHERE $2 = 0::bigint
			ON CONFLICT (case_id) DO NOTHING`, caseID, version, text, actor.Account, s.now())
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		tag, err = tx.Exec(ctx, `UPDATE service_judgments SET version = version + 1, draft = $3, updated_by = $4, updated_at = $5
			WHERE case_id = $1 AND version = $2 AND document IS NULL`, caseID, version, text, actor.Account, s.now())
		if err == nil && tag.RowsAffected() == 0 {
			err = docket.ErrStale
		}
		return err
	})
	if errors.Is(err, docket.ErrStale) {
		if present, readErr := s.JudgmentDraft(ctx, caseID); readErr == nil {
			d = present
		}
	}
	return d, err
}

// judgmentCase reads the case and refuses everybody but its judge.
func (s *Service) judgmentCase(ctx context.Context, actor identity.Actor, caseID uuid.UUID) (docket.Case, error) {
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return c, fmt.Errorf("service: judgment: %w", err)
	}
	if actor.Anonymous() || c.Judge != actor.Account {
		return c, fmt.Errorf("service: judgment: %w", docket.ErrForbidden)
	}
	return c, nil
}

// PreviewJudgment lays the draft out as the judgment will look, headed 草稿, unsigned and without a seal. It works for
// an unfinished draft.
func (s *Service) PreviewJudgment(ctx context.Context, caseID uuid.UUID) ([]byte, error) {
	d, err := s.JudgmentDraft(ctx, caseID)
	if err != nil {
		return nil, err
	}
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return nil, fmt.Errorf("service: preview the judgment: %w", err)
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return nil, err
	}
	at := s.now()
	return preview(judgmentText(s.court, c, d, people, s.court.Today(at)), at)
}

// SignJudgment makes the judgment of the saved draft of that version, signs it and moves the case to judged. It
// signs exactly once: the same call again, also at the same time, returns the same document. *Incomplete when CPL 155
// is not met or a finding rests on no known evidence, docket.ErrStale when the version is not the present one,
// docket.ErrForbidden for anybody but the judge, docket.ErrConflict before the hearing closed.
func (s *Service) SignJudgment(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64) (Document, error) {
	// All that needs another connection is read before the lock: waiters on the lock could hold every one.
	c, err := s.judgmentCase(ctx, actor, caseID)
	if err != nil {
		return Document{}, err
	}
	evidence, err := s.docket.Evidence(ctx, caseID)
	if err != nil {
		return Document{}, fmt.Errorf("service: sign the judgment: %w", err)
	}
	people, err := s.bench(ctx, c)
	if err != nil {
		return Document{}, err
	}
	var signed Document
	err = s.inTx(ctx, "sign the judgment", func(tx pgx.Tx) error {
		if err := lockCase(ctx, tx, caseID); err != nil {
			return err
		}
		d, err := readDraft(ctx, tx, caseID, "FOR UPDATE")
		if errors.Is(err, pgx.ErrNoRows) {
			return docket.ErrStale
		}
		if err != nil {
			return err
		}
		if d.Version != version {
			return docket.ErrStale
		}
		if d.Signed != nil {
			list, err := documents(ctx, tx, `WHERE id = $1`, *d.Signed)
			if err == nil {
				signed = list[0]
			}
			return err
		}
		if fields := lacking(d, evidence); len(fields) > 0 {
			return &Incomplete{Fields: fields}
		}
		signed, err = s.signDraft(ctx, tx, actor, c, d, people)
		return err
	})
	return signed, err
}

// signDraft makes the judgment in the caller's transaction. The case is locked.
func (s *Service) signDraft(ctx context.Context, tx pgx.Tx, actor identity.Actor, c docket.Case, d Draft, people bench) (Document, error) {
	var stage docket.Stage
	if err := tx.QueryRow(ctx, `SELECT stage FROM cases WHERE id = $1 FOR UPDATE`, c.ID).Scan(&stage); err != nil {
		return Document{}, err
	}
	if stage != docket.StageHeard {
		return Document{}, fmt.Errorf("stage %s: %w", stage, docket.ErrConflict)
	}
	made, err := s.make(ctx, tx, order{Case: c, Kind: KindJudgment, Subject: c.ID, Actor: actor, Reason: "民事判决",
		Text: func(at time.Time) (pdf.Document, error) {
			return judgmentText(s.court, c, d, people, s.court.Today(at)), nil
		}})
	if err != nil {
		return Document{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE service_judgments SET document = $2 WHERE case_id = $1`, c.ID, made.ID); err != nil {
		return Document{}, err
	}
	_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: c.ID, Actor: actor, Kind: docket.EntryJudgmentSigned,
		Data: documentData(made), Files: []docket.FileRef{made.Ref()}})
	if err != nil {
		return Document{}, err
	}
	return made, s.docket.SetStage(ctx, tx, c.ID, docket.StageJudged)
}

// bench names the people who sign.
func (s *Service) bench(ctx context.Context, c docket.Case) (people bench, err error) {
	for _, one := range []struct {
		id   uuid.UUID
		name *string
	}{{c.Judge, &people.judge}, {c.Clerk, &people.clerk}} {
		if one.id == uuid.Nil {
			continue
		}
		account, err := s.identity.Account(ctx, one.id)
		if err != nil {
			return people, fmt.Errorf("service: name of the bench: %w", err)
		}
		*one.name = account.Person.Name
	}
	return people, nil
}

// texts lists a draft's plain fields that CPL 155 demands.
func texts(d Draft) []struct{ name, text string } {
	return []struct{ name, text string }{{"parties", d.Parties}, {"course", d.Course},
		{"claims_and_defence", d.ClaimsAndDefence}, {"reasoning", d.Reasoning}, {"law", d.Law}, {"costs", d.Costs},
		{"appeal_notice", d.AppealNotice}}
}

// lacking lists what keeps d from being signed: a part that CPL 155 demands is empty or still blank, or
// a finding cites nothing or what is no evidence of this case.
func lacking(d Draft, evidence []docket.Evidence) []string {
	var fields []string
	for _, f := range texts(d) {
		if unwritten(f.text) {
			fields = append(fields, f.name)
		}
	}
	if len(d.Findings) == 0 {
		fields = append(fields, "findings")
	}
	for i, f := range d.Findings {
		unknown := slices.ContainsFunc(f.EvidenceIDs, func(id uuid.UUID) bool {
			return !slices.ContainsFunc(evidence, func(e docket.Evidence) bool { return e.ID == id })
		})
		if unwritten(f.Text) || unknown {
			fields = append(fields, fmt.Sprintf("findings.%d", i))
		}
	}
	if len(d.Items) == 0 {
		fields = append(fields, "items")
	}
	for i, item := range d.Items {
		if unwritten(item) {
			fields = append(fields, fmt.Sprintf("items.%d", i))
		}
	}
	if strings.Contains(d.Penalty, Blank) {
		fields = append(fields, "penalty")
	}
	return fields
}

func unwritten(text string) bool {
	return strings.TrimSpace(text) == "" || strings.Contains(text, Blank)
}

func tooLong(d Draft) []string {
	var fields []string
	for _, f := range append(texts(d), struct{ name, text string }{"penalty", d.Penalty}) {
		if utf8.RuneCountInString(f.text) > maxDraftRunes {
			fields = append(fields, f.name)
		}
	}
	long := func(f FindingText) bool { return utf8.RuneCountInString(f.Text) > maxDraftRunes }
	if len(d.Findings) > maxDraftFindings || slices.ContainsFunc(d.Findings, long) {
		fields = append(fields, "findings")
	}
	longItem := func(t string) bool { return utf8.RuneCountInString(t) > maxDraftRunes }
	if len(d.Items) > maxDraftItems || slices.ContainsFunc(d.Items, longItem) {
		fields = append(fields, "items")
	}
	return fields
}
