package docket

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// Stage is how far a case has come.
type Stage string

// The stages.
const (
	StageDraft      Stage = "draft"      // the filer alone sees it
	StageSubmitted  Stage = "submitted"  // waits for the filing clerk
	StageCorrecting Stage = "correcting" // 补正: the filer corrects it once
	StageRefused    Stage = "refused"    // 不予受理
	StageAccepted   Stage = "accepted"   // 已立案
	StageScheduled  Stage = "scheduled"  // a hearing is set
	StageHeard      Stage = "heard"      // 庭审结束
	StageJudged     Stage = "judged"     // judgment signed
	StageServed     Stage = "served"     // judgment served on every party
)

// Stages lists every stage in the order of a case's life.
func Stages() []Stage {
	return []Stage{StageDraft, StageSubmitted, StageCorrecting, StageRefused, StageAccepted,
		StageScheduled, StageHeard, StageJudged, StageServed}
}

// stageMoves are the legal moves. scheduled → accepted is a hearing adjourned
// before its end, heard → scheduled another hearing.
var stageMoves = map[Stage][]Stage{
	StageDraft:      {StageSubmitted},
	StageSubmitted:  {StageCorrecting, StageRefused, StageAccepted},
	StageCorrecting: {StageSubmitted, StageRefused},
	StageAccepted:   {StageScheduled},
	StageScheduled:  {StageHeard, StageAccepted},
	StageHeard:      {StageScheduled, StageJudged},
	StageJudged:     {StageServed},
}

// CanMove reports whether a case may go from s to to.
func (s Stage) CanMove(to Stage) bool { return slices.Contains(stageMoves[s], to) }

// The procedures.
const (
	ProcedureOrdinary = "ordinary" // 普通程序
	ProcedureSimple   = "simple"   // 简易程序
	ProcedureSmall    = "small"    // 小额诉讼
)

// Procedures lists every procedure.
func Procedures() []string { return []string{ProcedureOrdinary, ProcedureSimple, ProcedureSmall} }

// The kinds of party.
const (
	PartyNatural = "natural" // 自然人
	PartyLegal   = "legal"   // 法人或非法人组织
)

// Draft is a complaint as its filer writes it.
type Draft = complaint.Draft

// Case is one case as it stands now.
type Case struct {
	ID            uuid.UUID      `json:"id"`
	Number        string         `json:"number"` // 案号, empty before acceptance
	Stage         Stage          `json:"stage"`
	Version       int64          `json:"version"` // raised by every change; what a form must hold to save
	Title         string         `json:"title"`   // 甲 诉 乙 买卖合同纠纷
	CauseCode     string         `json:"cause_code"`
	CauseName     string         `json:"cause_name"`
	Procedure     string         `json:"procedure"` // ordinary, simple, small; empty before acceptance
	AmountFen     int64          `json:"amount_fen"`
	FeeFen        int64          `json:"fee_fen"`
	Court         string         `json:"court"` // the court's name
	Judge         uuid.UUID      `json:"judge"`
	Clerk         uuid.UUID      `json:"clerk"`
	Filer         uuid.UUID      `json:"filer"`
	Facts         string         `json:"facts"`
	Grounds       string         `json:"grounds"`
	Parties       []Party        `json:"parties"`
	Claims        []Claim        `json:"claims"`
	Witnesses     []Witness      `json:"witnesses,omitempty"`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
	SubmittedAt   *time.Time     `json:"submitted_at,omitempty"` // of the latest filing: the review period runs from it
	AcceptedAt    *time.Time     `json:"accepted_at,omitempty"`
	Corrections   []Correction   `json:"corrections,omitempty"`
	CorrectionDue *deadline.Date `json:"correction_due,omitempty"`
	KeptUntil     *deadline.Date `json:"kept_until,omitempty"` // of a draft: the last day, unless somebody goes on with it; absent: for ever
	// CorrectionUsed says that corrections were asked for: it happens once only (DJ 7).
	CorrectionUsed bool   `json:"correction_used"`
	RefusalReason  string `json:"refusal_reason,omitempty"`
	// ReviewDue is the day by which the court must decide on the filing (CPL 126).
	ReviewDue *deadline.Answer `json:"review_due,omitempty"`
	// Service is what the draft declares of electronic service; the filing makes it the party's Consent and empties it.
	Service complaint.Service `json:"service,omitzero"`
}

// Party is one party of a case. Its identity number and phone are in full: mask
// them wherever the case does not need them (PIPL 6, 28).
type Party struct {
	ID             uuid.UUID         `json:"id"`
	Account        *uuid.UUID        `json:"account,omitempty"` // who acts for it here; nil until linked
	Standing       identity.Standing `json:"standing"`
	Kind           string            `json:"kind"` // natural or legal
	Name           string            `json:"name"`
	IDKind         string            `json:"id_kind"`
	IDNumber       string            `json:"id_number"`
	Phone          string            `json:"phone"`
	Email          string            `json:"email"`
	Address        string            `json:"address"`
	Representative string            `json:"representative"`
	Consent        *Consent          `json:"consent,omitempty"` // nil until the party said anything
	LinkedAt       *time.Time        `json:"linked_at,omitempty"`

	Gender              string        `json:"gender,omitempty"` // natural persons
	Birth               deadline.Date `json:"birth,omitzero"`
	Ethnicity           string        `json:"ethnicity,omitempty"`
	Occupation          string        `json:"occupation,omitempty"`
	RepresentativeTitle string        `json:"representative_title,omitempty"` // legal persons
}

// Claim is one claim (诉讼请求): Text, and AmountFen when it asks for money.
type Claim = complaint.Claim

// Witness is a person whom the complaint names as witness: Name and Address.
type Witness = complaint.Witness

// Correction is one thing that the filer must put right.
type Correction struct {
	Field string `json:"field"`
	Text  string `json:"text"`
}

// Party finds the party with that id.
func (c Case) Party(id uuid.UUID) (Party, bool) {
	i := slices.IndexFunc(c.Parties, func(p Party) bool { return p.ID == id })
	if i < 0 {
		return Party{}, false
	}
	return c.Parties[i], true
}

// PartyOf finds the party for which account acts.
func (c Case) PartyOf(account uuid.UUID) (Party, bool) {
	i := slices.IndexFunc(c.Parties, func(p Party) bool { return p.Account != nil && *p.Account == account })
	if i < 0 {
		return Party{}, false
	}
	return c.Parties[i], true
}

// Side lists the parties of one standing.
func (c Case) Side(s identity.Standing) []Party {
	var side []Party
	for _, p := range c.Parties {
		if p.Standing == s {
			side = append(side, p)
		}
	}
	return side
}

// title is 甲 诉 乙 and the cause; more than one person on a side is 等.
func title(parties []Party, causeName string) string {
	c := Case{Parties: parties}
	name := func(s identity.Standing) string {
		side := c.Side(s)
		switch {
		case len(side) == 0 || strings.TrimSpace(side[0].Name) == "":
			return "？"
		case len(side) == 1:
			return side[0].Name
		}
		return side[0].Name + "等"
	}
	return strings.TrimSpace(name(identity.StandingPlaintiff) + " 诉 " + name(identity.StandingDefendant) + " " + causeName)
}
