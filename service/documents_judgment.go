package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/docket/fee"
	"yunting/internal/identity"
	"yunting/service/pdf"
)

// bench are the people who sign for the court.
type bench struct {
	judge, clerk string
}

// standingNames are what documents call the parties.
var standingNames = map[identity.Standing]string{
	identity.StandingPlaintiff: "原告", identity.StandingDefendant: "被告", identity.StandingThird: "第三人",
}

// prefill writes what the case already says and marks the rest with Blank. It is pure.
func prefill(court docket.Profile, c docket.Case, evidence []docket.Evidence, hearings []docket.Hearing) Draft {
	d := Draft{Parties: partiesText(c), Course: courseText(court, c, hearings), ClaimsAndDefence: claimsText(c),
		Reasoning: Blank, Law: "依照《中华人民共和国民法典》" + Blank + "、《中华人民共和国民事诉讼法》第一百五十五条规定，判决如下：",
		Costs:        fmt.Sprintf("案件受理费%s元，由%s负担。", fee.Yuan(c.FeeFen), Blank),
		AppealNotice: appealText(c)}
	for _, e := range evidence {
		d.Findings = append(d.Findings, FindingText{Text: fmt.Sprintf("关于“%s”：%s", e.Name, Blank), EvidenceIDs: []uuid.UUID{e.ID}})
	}
	if len(d.Findings) == 0 {
		d.Findings = []FindingText{{Text: Blank}}
	}
	for _, claim := range c.Claims {
		item := strings.TrimRight(claim.Text, "。；;") + "（" + Blank + "）"
		if claim.AmountFen > 0 {
			item = fmt.Sprintf("被告%s于本判决生效之日起%s日内向原告%s支付%s元；", names(c, identity.StandingDefendant), Blank,
				names(c, identity.StandingPlaintiff), fee.Yuan(claim.AmountFen))
			d.Penalty = penaltyText
		}
		d.Items = append(d.Items, item)
	}
	return d
}

// penaltyText tells of CPL 264.
const penaltyText = "负有金钱给付义务的当事人未在本判决指定的期间内履行的，应当按照《中华人民共和国民事诉讼法》第二百六十四条承担加倍支付迟延履行期间债务利息的责任。"

// partiesText introduces the parties without identity numbers and phones: a judgment is published.
func partiesText(c docket.Case) string {
	var lines []string
	for _, p := range c.Parties {
		line := standingNames[p.Standing] + "：" + p.Name
		for _, part := range []string{p.Gender, ethnicity(p.Ethnicity), birth(p.Birth), p.Occupation} {
			if part != "" {
				line += "，" + part
			}
		}
		if p.Address != "" {
			line += "，住" + p.Address
		}
		lines = append(lines, line+"。")
		if p.Kind == docket.PartyLegal && p.Representative != "" {
			title := p.RepresentativeTitle
			if title == "" {
				title = "负责人"
			}
			lines = append(lines, "法定代表人或者主要负责人："+p.Representative+"，"+title+"。")
		}
	}
	return strings.Join(lines, "\n")
}

func ethnicity(s string) string {
	if s == "" || strings.HasSuffix(s, "族") {
		return s
	}
	return s + "族"
}

func birth(d deadline.Date) string {
	if d.IsZero() {
		return ""
	}
	return dateText(d) + "出生"
}

// dateText writes 2026年3月23日.
func dateText(d deadline.Date) string {
	return fmt.Sprintf("%d年%d月%d日", d.Year, int(d.Month), d.Day)
}

// timeText writes 2026年3月23日9时30分 in the court's zone.
func timeText(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return dateText(deadline.DateOf(t, zone)) + fmt.Sprintf("%d时%02d分", t.Hour(), t.Minute())
}

// procedureNames are the procedures as documents call them.
var procedureNames = map[string]string{
	docket.ProcedureOrdinary: "普通程序", docket.ProcedureSimple: "简易程序", docket.ProcedureSmall: "小额诉讼的程序",
}

func courseText(court docket.Profile, c docket.Case, hearings []docket.Hearing) string {
	text := fmt.Sprintf("原告%s与被告%s%s一案，本院", names(c, identity.StandingPlaintiff), names(c, identity.StandingDefendant), c.CauseName)
	if c.AcceptedAt != nil {
		text += "于" + dateText(court.Today(*c.AcceptedAt))
	}
	text += "立案后，依法适用" + procedureNames[c.Procedure]
	if c.Procedure == "" {
		text += Blank
	}
	for _, h := range hearings {
		if h.OpenedAt == nil {
			continue
		}
		open := "公开"
		if !h.Public {
			open = "不公开"
		}
		text += fmt.Sprintf("，于%s在线%s开庭进行了审理", dateText(court.Today(*h.OpenedAt)), open)
	}
	return text + "。到庭参加诉讼的人员：" + Blank + "。本案现已审理终结。"
}

func claimsText(c docket.Case) string {
	var b strings.Builder
	fmt.Fprintf(&b, "原告%s向本院提出诉讼请求：", names(c, identity.StandingPlaintiff))
	for i, claim := range c.Claims {
		fmt.Fprintf(&b, "%d. %s", i+1, strings.TrimRight(claim.Text, "。；;"))
		if claim.AmountFen > 0 {
			fmt.Fprintf(&b, "（金额%s元）", fee.Yuan(claim.AmountFen))
		}
		b.WriteString("；")
	}
	text := strings.TrimSuffix(b.String(), "；") + "。"
	text += "\n事实和理由：" + strings.TrimSpace(c.Facts)
	if grounds := strings.TrimSpace(c.Grounds); grounds != "" {
		text += "\n" + grounds
	}
	return text + fmt.Sprintf("\n被告%s辩称：%s", names(c, identity.StandingDefendant), Blank)
}

// appealText tells the appeal (CPL 171, 155(4)), or that there is none in small claims (CPL 165).
func appealText(c docket.Case) string {
	if c.Procedure == docket.ProcedureSmall {
		return "本判决为终审判决（《中华人民共和国民事诉讼法》第一百六十五条）。"
	}
	return "不服本判决的，可以自收到判决书的次日起" + fmt.Sprint(deadline.RuleAppealJudgment.Days()) +
		"日内，通过本院诉讼平台或者书面向本院递交上诉状，并按对方当事人的人数提出副本，上诉于" + Blank + "（《中华人民共和国民事诉讼法》第一百七十一条、第一百七十三条）。"
}

// names joins the names of one side.
func names(c docket.Case, standing identity.Standing) string {
	var list []string
	for _, p := range c.Side(standing) {
		list = append(list, p.Name)
	}
	return strings.Join(list, "、")
}

// judgmentText lays a judgment out. The order is that of CPL 155 and RULES of the Supreme People's Court's form.
func judgmentText(court docket.Profile, c docket.Case, d Draft, people bench, today deadline.Date) pdf.Document {
	doc := pdf.Document{Court: court.Name, Title: titles[KindJudgment], Number: c.Number, Subject: c.Title}
	add := func(text string) {
		if strings.TrimSpace(text) != "" {
			doc.Body = append(doc.Body, pdf.Paragraph{Text: text})
		}
	}
	add(d.Parties)
	add(d.Course)
	add(d.ClaimsAndDefence)
	add("本院经审理认定事实如下：")
	for _, f := range d.Findings {
		add(f.Text)
	}
	reasoning := strings.TrimSpace(d.Reasoning)
	if !strings.HasPrefix(reasoning, "本院认为") {
		reasoning = "本院认为，" + reasoning
	}
	add(reasoning)
	add(d.Law)
	doc.Body = append(doc.Body, pdf.Items{Texts: d.Items, Style: pdf.ChineseNumbers})
	add(d.Penalty)
	add(d.Costs)
	add(d.AppealNotice)
	doc.Body = append(doc.Body, pdf.SignatureBlock{
		Panel: signatories("审判员", people.judge), Date: today.In(court.Zone), Attestation: "本件与原本核对无异",
		Staff: signatories("书记员", people.clerk), Seal: &pdf.Seal{Court: court.Name},
	})
	return doc
}

func signatories(role, name string) []pdf.Signatory {
	if name == "" {
		return nil
	}
	return []pdf.Signatory{{Role: role, Name: name}}
}
