package complaint

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"yunting/docket/cause"
	"yunting/internal/identity"
)

// Finding is one missing or wrong item.
type Finding struct {
	Field   string `json:"field"`   // like "parties[1].address"; a list's name when the list itself is at fault
	Code    string `json:"code"`    // one of Codes; messages are keyed by it
	Article string `json:"article"` // the provision that asks for it, in Chinese
	Warning bool   `json:"warning"` // the complaint may be filed all the same; the reviewer decides
}

// Blocking leaves out the warnings: what remains keeps the complaint from being submitted.
func Blocking(findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		if !f.Warning {
			out = append(out, f)
		}
	}
	return out
}

// The provisions.
const (
	cpl122_2 = "《民事诉讼法》第一百二十二条第（二）项"
	cpl122_3 = "《民事诉讼法》第一百二十二条第（三）项"
	cpl124_1 = "《民事诉讼法》第一百二十四条第（一）项"
	cpl124_2 = "《民事诉讼法》第一百二十四条第（二）项"
	cpl124_4 = "《民事诉讼法》第一百二十四条第（四）项"
	cpl122   = "《民事诉讼法》第一百二十二条"
	dj4_5    = "《最高人民法院关于人民法院登记立案若干问题的规定》第四条第一款第（五）项"
	dj6_3    = "《最高人民法院关于人民法院登记立案若干问题的规定》第六条第（三）项"
	causeAct = "《民事案件案由规定》"
	fee13    = "《诉讼费用交纳办法》第十三条"
	lr7      = "《人民法院在线诉讼规则》第七条"
	lr29     = "《人民法院在线诉讼规则》第二十九条"
)

// The bounds of a draft, in runes and items.
const (
	maxParties   = 100
	maxClaims    = 100
	maxEvidence  = 500
	maxWitnesses = 100
	maxShort     = 200
	maxLong      = 50_000
	maxClaimText = 2_000
	minFacts     = 10 // fewer runes cannot tell what happened
)

// Codes are all codes that Validate gives. Each has a message and a fix in web/i18n.
var Codes = []string{
	"cause_missing", "cause_unknown", "cause_too_general",
	"plaintiff_missing", "defendant_missing", "too_many_parties", "same_party_twice",
	"standing_unknown", "party_kind_unknown", "party_name_missing", "party_name_vague", "defendant_not_definite",
	"id_kind_missing", "id_number_missing", "id_number_wrong", "gender_missing", "gender_wrong", "birth_missing", "ethnicity_missing",
	"occupation_missing", "address_missing", "contact_missing", "phone_wrong", "email_wrong", "representative_missing", "representative_title_missing",
	"claims_missing", "too_many_claims", "claim_text_missing", "claim_amount_missing", "claim_amount_wrong",
	"facts_missing", "facts_too_short", "grounds_missing",
	"evidence_missing", "too_much_evidence", "evidence_name_missing", "evidence_source_missing", "evidence_purpose_missing",
	"too_many_witnesses", "witness_name_missing", "witness_address_missing", "text_too_long", "service_address_missing",
}

// checker collects findings.
type checker struct{ found []Finding }

func (c *checker) add(bad bool, field, code, article string) {
	if bad {
		c.found = append(c.found, Finding{Field: field, Code: code, Article: article})
	}
}

func (c *checker) warn(doubtful bool, field, code, article string) {
	if doubtful {
		c.found = append(c.found, Finding{Field: field, Code: code, Article: article, Warning: true})
	}
}

// Validate lists everything that is missing or wrong, in the order of the form. The complaint may be submitted
// when Blocking of it is empty.
func Validate(d Draft) []Finding {
	c := &checker{}
	c.cause(d.CauseCode)
	c.parties(d.Parties)
	c.claims(d.Claims)
	c.story(d)
	c.evidence(d.Evidence)
	c.witnesses(d.Witnesses)
	c.service(d.Service)
	return c.found
}

func (c *checker) cause(code string) {
	if blank(code) {
		c.add(true, "cause_code", "cause_missing", causeAct)
		return
	}
	_, known := cause.Find(code)
	c.add(!known, "cause_code", "cause_unknown", causeAct)
	c.add(known && !cause.Choosable(code), "cause_code", "cause_too_general", causeAct)
}

// parties checks CPL 122(2) and 124(1), (2): who sues whom, and where each is found.
func (c *checker) parties(parties []PartyInput) {
	if len(parties) > maxParties {
		c.add(true, "parties", "too_many_parties", cpl124_1)
		return
	}
	count := map[string]int{}
	seen := map[string]bool{}
	for _, p := range parties {
		count[p.Standing]++
	}
	c.add(count[Plaintiff] == 0, "parties", "plaintiff_missing", cpl124_1)
	c.add(count[Defendant] == 0, "parties", "defendant_missing", cpl122_2)
	for i, p := range parties {
		field := fmt.Sprintf("parties[%d].", i)
		c.party(field, p)
		key := strings.ToUpper(strings.TrimSpace(p.IDNumber))
		if key == "" {
			key = strings.TrimSpace(p.Name) + "\x00" + strings.TrimSpace(p.Address)
		}
		c.add(!blank(p.Name) && seen[key], field+"name", "same_party_twice", cpl122)
		seen[key] = true
	}
}

func (c *checker) party(field string, p PartyInput) {
	article := cpl124_1
	if p.Standing != Plaintiff {
		article = cpl124_2
	}
	c.add(p.Standing != Plaintiff && p.Standing != Defendant && p.Standing != ThirdParty, field+"standing", "standing_unknown", article)
	c.add(p.Kind != Natural && p.Kind != Legal, field+"kind", "party_kind_unknown", article)
	c.add(blank(p.Name), field+"name", "party_name_missing", article)
	c.add(vague(p.Name), field+"name", "party_name_vague", dj6_3)
	c.identityNumber(field, p)
	if p.Kind == Natural {
		c.natural(field, p, article)
	}
	if p.Kind == Legal && p.Standing == Plaintiff {
		c.add(blank(p.Representative), field+"representative", "representative_missing", article)
		c.warn(!blank(p.Representative) && blank(p.RepresentativeTitle), field+"representative_title", "representative_title_missing", article)
	}
	c.add(blank(p.Address) && p.Standing != Defendant, field+"address", "address_missing", article)
	c.contact(field, p, article)
	c.definite(field, p)
	c.add(long(p.Name, maxShort), field+"name", "text_too_long", article)
	c.add(long(p.Address, maxShort), field+"address", "text_too_long", article)
	c.add(long(p.Representative, maxShort), field+"representative", "text_too_long", article)
}

// natural checks what CPL 124(1) wants of a natural person; of a defendant 124(2) wants less. A resident
// identity number tells gender and birth. Ethnicity and occupation are owed too, but no court should turn a person
// away for them: they are warnings.
func (c *checker) natural(field string, p PartyInput, article string) {
	c.add(blank(p.Gender) && p.Standing != ThirdParty && p.IDKind != string(identity.IDResident), field+"gender", "gender_missing", article)
	c.add(!blank(p.Gender) && p.Gender != "男" && p.Gender != "女", field+"gender", "gender_wrong", article)
	if p.Standing != Plaintiff {
		return
	}
	c.add(p.Birth.IsZero() && p.IDKind != string(identity.IDResident), field+"birth", "birth_missing", article)
	c.warn(blank(p.Ethnicity), field+"ethnicity", "ethnicity_missing", article)
	c.warn(blank(p.Occupation), field+"occupation", "occupation_missing", article)
}

// identityNumber checks the number where it is given; a plaintiff must give one (LR 7).
func (c *checker) identityNumber(field string, p PartyInput) {
	if blank(p.IDNumber) {
		c.add(p.Standing == Plaintiff, field+"id_number", "id_number_missing", lr7)
		return
	}
	var err error
	switch identity.IDKind(p.IDKind) {
	case identity.IDResident:
		err = identity.ValidResidentID(p.IDNumber)
	case identity.IDUSCC:
		err = identity.ValidUSCC(p.IDNumber)
	case identity.IDPassport:
	default:
		c.add(true, field+"id_kind", "id_kind_missing", lr7)
	}
	c.add(err != nil, field+"id_number", "id_number_wrong", lr7)
}

func (c *checker) contact(field string, p PartyInput, article string) {
	c.add(p.Standing == Plaintiff && blank(p.Phone) && blank(p.Email), field+"phone", "contact_missing", article)
	c.add(!blank(p.Phone) && !phone(p.Phone), field+"phone", "phone_wrong", article)
	c.add(!blank(p.Email) && !email(p.Email), field+"email", "email_wrong", article)
}

// definite checks that a defendant can be told from others (CPL 122(2), DJ 6(3)): by an address, or by an
// identity number.
func (c *checker) definite(field string, p PartyInput) {
	c.add(p.Standing == Defendant && blank(p.Address) && blank(p.IDNumber), field+"address", "defendant_not_definite", cpl122_2)
	c.add(p.Standing == Defendant && blank(p.Address) && !blank(p.IDNumber), field+"address", "address_missing", cpl124_2)
}

// claims checks CPL 122(3): definite claims.
func (c *checker) claims(claims []Claim) {
	c.add(len(claims) == 0, "claims", "claims_missing", cpl122_3)
	if len(claims) > maxClaims {
		c.add(true, "claims", "too_many_claims", cpl122_3)
		return
	}
	var sum int64
	for i, claim := range claims {
		field := fmt.Sprintf("claims[%d].", i)
		c.add(blank(claim.Text), field+"text", "claim_text_missing", cpl122_3)
		c.add(long(claim.Text, maxClaimText), field+"text", "text_too_long", cpl122_3)
		wrong := claim.AmountFen < 0 || claim.AmountFen > math.MaxInt64/2-sum
		c.add(wrong, field+"amount_fen", "claim_amount_wrong", fee13)
		if !wrong {
			sum += claim.AmountFen
		}
		c.add(claim.AmountFen == 0 && money(claim.Text), field+"amount_fen", "claim_amount_missing", fee13)
	}
}

// story checks CPL 122(3): facts and grounds.
func (c *checker) story(d Draft) {
	facts := utf8.RuneCountInString(strings.TrimSpace(d.Facts))
	c.add(facts == 0, "facts", "facts_missing", cpl122_3)
	c.add(facts > 0 && facts < minFacts, "facts", "facts_too_short", cpl122_3)
	c.add(long(d.Facts, maxLong), "facts", "text_too_long", cpl122_3)
	c.add(blank(d.Grounds), "grounds", "grounds_missing", cpl122_3)
	c.add(long(d.Grounds, maxLong), "grounds", "text_too_long", cpl122_3)
}

// evidence checks CPL 124(4) and DJ 4(4): evidence and its source.
func (c *checker) evidence(items []Evidence) {
	c.add(len(items) == 0, "evidence", "evidence_missing", cpl124_4)
	if len(items) > maxEvidence {
		c.add(true, "evidence", "too_much_evidence", cpl124_4)
		return
	}
	for i, e := range items {
		field := fmt.Sprintf("evidence[%d].", i)
		c.add(blank(e.Name), field+"name", "evidence_name_missing", cpl124_4)
		c.add(blank(e.Source), field+"source", "evidence_source_missing", cpl124_4)
		c.warn(blank(e.Purpose), field+"purpose", "evidence_purpose_missing", cpl124_4)
		c.add(long(e.Name, maxShort), field+"name", "text_too_long", cpl124_4)
	}
}

// witnesses checks DJ 4(5): names and homes of witnesses.
func (c *checker) witnesses(list []Witness) {
	if len(list) > maxWitnesses {
		c.add(true, "witnesses", "too_many_witnesses", dj4_5)
		return
	}
	for i, w := range list {
		field := fmt.Sprintf("witnesses[%d].", i)
		c.add(blank(w.Name), field+"name", "witness_name_missing", dj4_5)
		c.add(blank(w.Address), field+"address", "witness_address_missing", dj4_5)
	}
}

// service checks LR 29: who agrees to electronic service says where. Nobody has to agree.
func (c *checker) service(s Service) {
	if !s.Agreed {
		return
	}
	c.add(blank(s.Email) && !s.InApp, "service.email", "service_address_missing", lr29)
	c.add(!blank(s.Email) && !email(s.Email), "service.email", "email_wrong", lr29)
}
