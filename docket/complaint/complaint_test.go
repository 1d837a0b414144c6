package complaint

import (
	"math"
	"slices"
	"strings"
	"testing"

	"yunting/docket/deadline"
)

// resident is a well-formed 居民身份证号 of nobody, uscc a well-formed 统一社会信用代码.
const (
	resident = "11010519491231002X"
	uscc     = "91350100M000100Y43"
)

// whole is a complaint that lacks nothing.
func whole() Draft {
	return Draft{
		CauseCode: "04.01.11",
		Parties: []PartyInput{
			{Standing: Plaintiff, Kind: Natural, Name: "张伟", IDKind: "resident_id", IDNumber: resident, Gender: "男", Birth: deadline.MustParse("1949-12-31"),
				Ethnicity: "汉族", Occupation: "个体工商户", Phone: "13800138000", Email: "zhang@example.com", Address: "北京市朝阳区1号"},
			{Standing: Defendant, Kind: Legal, Name: "云庭商贸有限公司", IDKind: "uscc", IDNumber: uscc, Address: "北京市海淀区2号", Representative: "李娜"},
		},
		Claims:   []Claim{{Text: "判令被告支付货款100000元", AmountFen: 100_000_00}, {Text: "诉讼费由被告承担"}},
		Facts:    "2026年1月5日双方签订买卖合同，原告交货后被告未付款。",
		Grounds:  "依据《民法典》第六百二十六条，被告应当支付价款。",
		Evidence: []Evidence{{Name: "买卖合同", Source: "原告持有", Purpose: "证明合同关系"}},
	}
}

func TestWholeComplaint(t *testing.T) {
	if found := Validate(whole()); len(found) != 0 {
		t.Errorf("findings %+v", found)
	}
}

func TestFindings(t *testing.T) {
	cases := []struct {
		code, field string
		warning     bool
		spoil       func(*Draft)
	}{
		{"cause_missing", "cause_code", false, func(d *Draft) { d.CauseCode = " " }},
		{"cause_unknown", "cause_code", false, func(d *Draft) { d.CauseCode = "99.99" }},
		{"cause_too_general", "cause_code", false, func(d *Draft) { d.CauseCode = "04.01" }},
		{"plaintiff_missing", "parties", false, func(d *Draft) { d.Parties = d.Parties[1:] }},
		{"defendant_missing", "parties", false, func(d *Draft) { d.Parties = d.Parties[:1] }},
		{"too_many_parties", "parties", false, func(d *Draft) { d.Parties = make([]PartyInput, maxParties+1) }},
		{"same_party_twice", "parties[1].name", false, func(d *Draft) { d.Parties[1].IDKind, d.Parties[1].IDNumber = "resident_id", strings.ToLower(resident) }},
		{"standing_unknown", "parties[1].standing", false, func(d *Draft) { d.Parties[1].Standing = "judge" }},
		{"party_kind_unknown", "parties[0].kind", false, func(d *Draft) { d.Parties[0].Kind = "" }},
		{"party_name_missing", "parties[1].name", false, func(d *Draft) { d.Parties[1].Name = "" }},
		{"party_name_vague", "parties[1].name", false, func(d *Draft) { d.Parties[1].Name = "王某某" }},
		{"defendant_not_definite", "parties[1].address", false, func(d *Draft) { d.Parties[1].Address, d.Parties[1].IDNumber = "", "" }},
		{"address_missing", "parties[1].address", false, func(d *Draft) { d.Parties[1].Address = "" }},
		{"address_missing", "parties[0].address", false, func(d *Draft) { d.Parties[0].Address = "" }},
		{"id_kind_missing", "parties[1].id_kind", false, func(d *Draft) { d.Parties[1].IDKind = "" }},
		{"id_number_missing", "parties[0].id_number", false, func(d *Draft) { d.Parties[0].IDNumber = "" }},
		{"id_number_wrong", "parties[0].id_number", false, func(d *Draft) { d.Parties[0].IDNumber = "110105194912310021" }},
		{"id_number_wrong", "parties[1].id_number", false, func(d *Draft) { d.Parties[1].IDNumber = "91350100M000100Y44" }},
		{"gender_missing", "parties[0].gender", false, func(d *Draft) {
			d.Parties[0].IDKind, d.Parties[0].IDNumber, d.Parties[0].Gender = "passport", "E12345678", ""
		}},
		{"gender_wrong", "parties[0].gender", false, func(d *Draft) { d.Parties[0].Gender = "x" }},
		{"birth_missing", "parties[0].birth", false, func(d *Draft) {
			d.Parties[0].IDKind, d.Parties[0].IDNumber, d.Parties[0].Birth = "passport", "E12345678", deadline.Date{}
		}},
		{"ethnicity_missing", "parties[0].ethnicity", true, func(d *Draft) { d.Parties[0].Ethnicity = "" }},
		{"occupation_missing", "parties[0].occupation", true, func(d *Draft) { d.Parties[0].Occupation = "" }},
		{"contact_missing", "parties[0].phone", false, func(d *Draft) { d.Parties[0].Phone, d.Parties[0].Email = "", "" }},
		{"phone_wrong", "parties[0].phone", false, func(d *Draft) { d.Parties[0].Phone = "12" }},
		{"email_wrong", "parties[0].email", false, func(d *Draft) { d.Parties[0].Email = "Zhang <zhang@example.com>" }},
		{"representative_missing", "parties[0].representative", false, func(d *Draft) { d.Parties[0] = legalPlaintiff(); d.Parties[0].Representative = "" }},
		{"representative_title_missing", "parties[0].representative_title", true, func(d *Draft) { d.Parties[0] = legalPlaintiff(); d.Parties[0].RepresentativeTitle = "" }},
		{"claims_missing", "claims", false, func(d *Draft) { d.Claims = nil }},
		{"too_many_claims", "claims", false, func(d *Draft) { d.Claims = make([]Claim, maxClaims+1) }},
		{"claim_text_missing", "claims[1].text", false, func(d *Draft) { d.Claims[1].Text = "　" }},
		{"claim_amount_missing", "claims[0].amount_fen", false, func(d *Draft) { d.Claims[0].AmountFen = 0 }},
		{"claim_amount_wrong", "claims[0].amount_fen", false, func(d *Draft) { d.Claims[0].AmountFen = -1 }},
		{"claim_amount_wrong", "claims[1].amount_fen", false, func(d *Draft) { d.Claims[1].AmountFen = math.MaxInt64 }},
		{"facts_missing", "facts", false, func(d *Draft) { d.Facts = "" }},
		{"facts_too_short", "facts", false, func(d *Draft) { d.Facts = "他欠钱" }},
		{"grounds_missing", "grounds", false, func(d *Draft) { d.Grounds = "\n" }},
		{"text_too_long", "facts", false, func(d *Draft) { d.Facts = strings.Repeat("长", maxLong+1) }},
		{"text_too_long", "parties[1].name", false, func(d *Draft) { d.Parties[1].Name = strings.Repeat("长", maxShort+1) }},
		{"evidence_missing", "evidence", false, func(d *Draft) { d.Evidence = nil }},
		{"too_much_evidence", "evidence", false, func(d *Draft) { d.Evidence = make([]Evidence, maxEvidence+1) }},
		{"evidence_name_missing", "evidence[0].name", false, func(d *Draft) { d.Evidence[0].Name = "" }},
		{"evidence_source_missing", "evidence[0].source", false, func(d *Draft) { d.Evidence[0].Source = "" }},
		{"evidence_purpose_missing", "evidence[0].purpose", true, func(d *Draft) { d.Evidence[0].Purpose = "" }},
		{"too_many_witnesses", "witnesses", false, func(d *Draft) { d.Witnesses = make([]Witness, maxWitnesses+1) }},
		{"witness_name_missing", "witnesses[0].name", false, func(d *Draft) { d.Witnesses = []Witness{{Address: "北京"}} }},
		{"witness_address_missing", "witnesses[0].address", false, func(d *Draft) { d.Witnesses = []Witness{{Name: "孙悦"}} }},
		{"service_address_missing", "service.email", false, func(d *Draft) { d.Service = Service{Agreed: true, Email: " "} }},
		{"email_wrong", "service.email", false, func(d *Draft) { d.Service = Service{Agreed: true, Email: "zhang", InApp: true} }},
	}
	tested := map[string]bool{}
	for _, c := range cases {
		t.Run(c.code+" "+c.field, func(t *testing.T) {
			d := whole()
			c.spoil(&d)
			tested[c.code] = true
			found := Validate(d)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == c.code && f.Field == c.field })
			if i < 0 {
				t.Fatalf("not found in %+v", found)
			}
			if found[i].Warning != c.warning || found[i].Article == "" || !slices.Contains(Codes, c.code) {
				t.Errorf("%+v", found[i])
			}
			if blocked := slices.Contains(Blocking(found), found[i]); blocked == c.warning {
				t.Errorf("blocking %v", blocked)
			}
		})
	}
	for _, code := range Codes {
		if !tested[code] {
			t.Errorf("no case gives %s", code)
		}
	}
}

func legalPlaintiff() PartyInput {
	return PartyInput{Standing: Plaintiff, Kind: Legal, Name: "甲有限公司", IDKind: "uscc", IDNumber: uscc, Phone: "010-12345678", Address: "北京市",
		Representative: "王强", RepresentativeTitle: "经理"}
}

func TestWhatIsFine(t *testing.T) {
	for name, change := range map[string]func(*Draft){
		"legal plaintiff":          func(d *Draft) { d.Parties[0] = legalPlaintiff(); d.Parties[1].IDNumber = "" },
		"resident id tells gender": func(d *Draft) { d.Parties[0].Gender, d.Parties[0].Birth = "", deadline.Date{} },
		"mail instead of phone":    func(d *Draft) { d.Parties[0].Phone = "" },
		"defendant without number": func(d *Draft) { d.Parties[1].IDNumber, d.Parties[1].IDKind = "", "" },
		"interest at a rate":       func(d *Draft) { d.Claims[1].Text = "支付利息（以10万元为基数按LPR计算）" },
		"claim without money":      func(d *Draft) { d.Claims = []Claim{{Text: "确认合同无效"}} },
		"third party": func(d *Draft) {
			d.Parties = append(d.Parties, PartyInput{Standing: ThirdParty, Kind: Natural, Name: "周某", Address: "天津"})
		},
		"finer cause": func(d *Draft) { d.CauseCode = "04.01.11.08" },
	} {
		d := whole()
		change(&d)
		if found := Validate(d); len(found) != 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestEmptyDraft(t *testing.T) {
	found := Validate(Draft{})
	for _, want := range []string{"cause_missing", "plaintiff_missing", "defendant_missing", "claims_missing", "facts_missing", "grounds_missing", "evidence_missing"} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == want }) {
			t.Errorf("%s is not among %+v", want, found)
		}
	}
	if sum := whole().AmountFen(); sum != 100_000_00 {
		t.Errorf("amount %d", sum)
	}
}
