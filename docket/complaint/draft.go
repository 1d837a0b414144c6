// Package complaint checks a civil complaint (起诉状) before it is filed: CPL 122 and 124 and DJ 4. It is pure:
// what it cannot see, such as whether a court has jurisdiction, stays with the reviewer.
package complaint

import (
	"math"

	"yunting/docket/deadline"
)

// Standing and kind of a party, as the docket writes them.
const (
	Plaintiff  = "plaintiff"
	Defendant  = "defendant"
	ThirdParty = "third_party"

	Natural = "natural" // 自然人
	Legal   = "legal"   // 法人或者其他组织
)

// Draft is a complaint as its writer has it now.
type Draft struct {
	CauseCode string       `json:"cause_code"`
	Parties   []PartyInput `json:"parties"`
	Claims    []Claim      `json:"claims"`
	Facts     string       `json:"facts"`     // 事实
	Grounds   string       `json:"grounds"`   // 理由
	Evidence  []Evidence   `json:"evidence"`  // 证据和证据来源, filled by the docket from the uploaded items
	Witnesses []Witness    `json:"witnesses"` // 证人
	Service   Service      `json:"service,omitzero"`
}

// Service is what the writer declares of electronic service on the party that it files for (电子送达, LR 29 一). It takes
// effect with the filing, before any notice goes out.
type Service struct {
	Agreed bool   `json:"agreed"`
	Email  string `json:"email,omitempty"`  // an address for service
	InApp  bool   `json:"in_app,omitempty"` // the mailbox on the court's server is one too
}

// PartyInput is one party. Legal persons give their representative and leave gender and birth empty.
type PartyInput struct {
	ID                  string        `json:"id,omitempty"` // the stored party's uuid; empty for a new one
	Standing            string        `json:"standing"`     // Plaintiff, Defendant or ThirdParty
	Kind                string        `json:"kind"`         // Natural or Legal
	Name                string        `json:"name"`
	IDKind              string        `json:"id_kind"` // resident_id, uscc or passport
	IDNumber            string        `json:"id_number"`
	Gender              string        `json:"gender,omitempty"` // 男 or 女
	Birth               deadline.Date `json:"birth,omitzero"`
	Ethnicity           string        `json:"ethnicity,omitempty"`  // 民族
	Occupation          string        `json:"occupation,omitempty"` // 职业、工作单位
	Phone               string        `json:"phone"`
	Email               string        `json:"email"`
	Address             string        `json:"address"`                        // 住所
	Representative      string        `json:"representative"`                 // 法定代表人或者主要负责人
	RepresentativeTitle string        `json:"representative_title,omitempty"` // its 职务
}

// Claim is one request (诉讼请求). AmountFen is 0 when it asks for no money.
type Claim struct {
	Text      string `json:"text"`
	AmountFen int64  `json:"amount_fen"`
}

// Evidence is one line of the evidence list.
type Evidence struct {
	Name    string `json:"name"`
	Source  string `json:"source"`
	Purpose string `json:"purpose"`
}

// Witness is a person who will testify.
type Witness struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// AmountFen sums what the claims ask for. Negative amounts count as nothing, and a sum beyond int64 stays at its
// bound: Validate reports both.
func (d Draft) AmountFen() int64 {
	var sum int64
	for _, c := range d.Claims {
		sum += min(max(c.AmountFen, 0), math.MaxInt64-sum)
	}
	return sum
}
