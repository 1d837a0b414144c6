package service

import (
	"fmt"
	"time"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/docket/fee"
	"yunting/internal/identity"
	"yunting/service/pdf"
)

// closing ends a notice: the date with the court's seal.
func closing(court docket.Profile, at time.Time, people bench) pdf.SignatureBlock {
	return pdf.SignatureBlock{Date: court.Today(at).In(court.Zone), Staff: signatories("书记员", people.clerk),
		Seal: &pdf.Seal{Court: court.Name}}
}

// letter is the common form of what the court sends: to whom, text, closing.
func letter(court docket.Profile, c docket.Case, kind, to string, at time.Time, people bench, body ...pdf.Block) pdf.Document {
	doc := pdf.Document{Court: court.Name, Title: titles[kind], Number: c.Number, Subject: c.Title}
	doc.Body = append(doc.Body, pdf.Paragraph{Text: to + "：", NoIndent: true})
	doc.Body = append(doc.Body, body...)
	doc.Body = append(doc.Body, closing(court, at, people))
	return doc
}

func paragraph(format string, args ...any) pdf.Paragraph {
	return pdf.Paragraph{Text: fmt.Sprintf(format, args...)}
}

// acceptanceNotice tells the plaintiff that the case is registered and what rights and duties follow (CPL 126, 129).
func acceptanceNotice(court docket.Profile, c docket.Case, people bench, at time.Time) pdf.Document {
	accepted := at
	if c.AcceptedAt != nil {
		accepted = *c.AcceptedAt
	}
	bench := "审判员：" + people.judge + "；书记员：" + people.clerk + "。"
	return letter(court, c, KindAcceptanceNotice, names(c, identity.StandingPlaintiff), at, people,
		paragraph("你（单位）诉%s%s一案的起诉材料，本院已经收到。经审查，符合《中华人民共和国民事诉讼法》第一百二十二条规定的起诉条件，本院于%s决定立案，案号为%s，适用%s。",
			names(c, identity.StandingDefendant), c.CauseName, dateText(court.Today(accepted)), c.Number, procedureNames[c.Procedure]),
		paragraph("现将有关事项通知如下（《中华人民共和国民事诉讼法》第一百二十九条、第一百三十一条）："),
		pdf.Items{Style: pdf.ChineseNumbers, Texts: []string{
			"本案审判人员。" + bench + "对上述人员有权依照《中华人民共和国民事诉讼法》第四十七条、第四十八条申请回避。",
			"诉讼权利。当事人可以委托诉讼代理人，提出回避申请，收集、提供证据，进行辩论，请求调解，提起上诉，申请执行；可以查阅、复制本案有关材料。",
			"诉讼义务。当事人应当依法行使诉讼权利，遵守诉讼秩序，履行发生法律效力的法律文书。",
			"在线诉讼。本案可以通过本院诉讼平台办理。是否在线办理由各方当事人分别决定，并可以按诉讼环节分别表示同意（《人民法院在线诉讼规则》第四条）。",
			"联系方式有变动的，应当及时在诉讼平台更新送达地址确认信息。",
		}})
}

// feeNotice asks for the court fee and says by when it must be paid (FEE 20, 22).
func feeNotice(court docket.Profile, c docket.Case, people bench, at time.Time) pdf.Document {
	due := court.Calendar.Statutory(court.Today(at), deadline.RuleFee)
	return letter(court, c, KindFeeNotice, names(c, identity.StandingPlaintiff), at, people,
		paragraph("你（单位）诉%s%s一案，本院已经立案，案号为%s。", names(c, identity.StandingDefendant), c.CauseName, c.Number),
		paragraph("依照《诉讼费用交纳办法》第十三条、第二十条的规定，你（单位）应当预交案件受理费。计算如下："),
		pdf.Table{Header: []string{"项目", "金额（元）"}, Widths: []float64{3, 2}, Rows: [][]string{
			{"诉讼请求金额", fee.Yuan(c.AmountFen)}, {"案件受理费", fee.Yuan(c.FeeFen)}}},
		paragraph("%s", fee.Explain(c.AmountFen, "zh-CN")),
		paragraph("请自接到本通知次日起七日内交纳（《诉讼费用交纳办法》第二十二条）。按本通知当日送达计算，交纳期限至%s；送达日期不同的，以送达日期为准另行计算。", dateText(due.Due)),
		paragraph("交纳确有困难的，可以申请缓交、减交或者免交。逾期未交纳又未获准缓交、减交或者免交的，按撤诉处理。"))
}

// evidenceNotice says who must prove what, by when, and what follows from being late (EV 50, 51).
func evidenceNotice(court docket.Profile, c docket.Case, people bench, at time.Time) pdf.Document {
	days := evidenceDays(c.Procedure)
	due := court.Calendar.Add(court.Today(at), days, deadline.RuleCourtOrdered)
	return letter(court, c, KindEvidenceNotice, "本案各方当事人", at, people,
		paragraph("本院受理的%s一案（案号%s），依照《中华人民共和国民事诉讼法》第六十八条和《最高人民法院关于民事诉讼证据的若干规定》第五十条，现将举证事项通知如下：", c.Title, c.Number),
		pdf.Items{Style: pdf.ChineseNumbers, Texts: []string{
			"举证责任。对自己提出的主张所依据的事实，由提出主张的一方提供证据证明；反驳对方主张的，由反驳的一方就反驳所依据的事实提供证据。没有证据或者证据不足以证明的，由负有举证责任的一方承担不利后果。",
			"提交方式。证据可以在诉讼平台上传，逐项写明名称、来源、证明对象和形成时间。电子化材料经审核通过的，可以直接使用；对方有正当理由提出异议的，应当提供原件、原物核对（《人民法院在线诉讼规则》第十二条）。",
			"申请调查收集证据。因客观原因不能自行收集的证据，可以在举证期限届满前书面申请本院调查收集。",
			fmt.Sprintf("举证期限。自收到本通知次日起%d日。按本通知当日送达计算，期限至%s；送达日期不同的，以送达日期为准另行计算。确有困难的，应当在期限届满前申请延长。", days, dateText(due.Due)),
			"逾期后果。逾期提供证据的，应当说明理由；拒不说明或者理由不成立的，可能不被采纳，或者被采纳但予以训诫、罚款。",
		}})
}

// evidenceDays is the period that the court sets for evidence (EV 51): at least 15 days in ordinary procedure, at most 15 in
// simple procedure, and in small claims as a rule no more than 7.
func evidenceDays(procedure string) int {
	if procedure == docket.ProcedureSmall {
		return 7
	}
	return 15
}

// filingReceipt lists what the court received, with hashes (LR 9, EV 19).
func filingReceipt(court docket.Profile, c docket.Case, r docket.Receipt) pdf.Document {
	rows := make([][]string, len(r.Files))
	for i, f := range r.Files {
		rows[i] = []string{fmt.Sprint(i + 1), f.Name, fmt.Sprint(f.Size), f.Hash.String()}
	}
	body := []pdf.Block{
		paragraph("本院诉讼平台于%s收到你（单位）提交的%s起诉材料，收件编号%s。", timeText(r.At, court.Zone), c.Title, r.Number),
	}
	if len(rows) > 0 {
		body = append(body, paragraph("收到的文件如下："),
			pdf.Table{Header: []string{"序号", "文件名称", "字节数", "SHA-256"}, Widths: []float64{1, 4, 2, 7}, Rows: rows})
	}
	if c.ReviewDue != nil {
		body = append(body, paragraph("本院将在%s前决定是否立案（《中华人民共和国民事诉讼法》第一百二十六条）。", dateText(c.ReviewDue.Due)))
	}
	body = append(body, paragraph("散列值相同仅说明文件自收到时起未被改动，不说明其内容真实。"))
	doc := letter(court, c, KindFilingReceipt, names(c, identity.StandingPlaintiff), r.At, bench{}, body...)
	doc.Number = r.Number
	return doc
}

// correctionsNotice asks once for everything that must be put right (DJ 7).
func correctionsNotice(court docket.Profile, c docket.Case, people bench, at time.Time) pdf.Document {
	var list []string
	for _, one := range c.Corrections {
		list = append(list, one.Text)
	}
	due := ""
	if c.CorrectionDue != nil {
		due = "请于" + dateText(*c.CorrectionDue) + "前"
	}
	return letter(court, c, KindCorrectionsNotice, names(c, identity.StandingPlaintiff), at, people,
		paragraph("你（单位）提交的%s起诉材料，依照《最高人民法院关于人民法院登记立案若干问题的规定》第七条审查，需要补正下列内容：", c.Title),
		pdf.Items{Style: pdf.ChineseNumbers, Texts: list},
		paragraph("%s在诉讼平台一次性补正。立案审查期限自本院收到补正材料的次日起重新计算。逾期未补正的，起诉材料将被退回。", due))
}

// refusalRuling refuses to register the case, with the reason and the way to appeal (CPL 126, 157(1), 171).
func refusalRuling(court docket.Profile, c docket.Case, people bench, at time.Time) pdf.Document {
	doc := pdf.Document{Court: court.Name, Title: titles[KindRefusalRuling], Number: c.Number, Subject: c.Title}
	doc.Body = []pdf.Block{
		pdf.Paragraph{Text: partiesText(c)},
		paragraph("起诉人%s向本院提起%s之诉，本院经审查认为：", names(c, identity.StandingPlaintiff), c.CauseName),
		pdf.Paragraph{Text: c.RefusalReason},
		paragraph("依照《中华人民共和国民事诉讼法》第一百二十二条、第一百二十六条、第一百五十七条第一款第一项规定，裁定如下："),
		paragraph("对%s的起诉，本院不予受理。", names(c, identity.StandingPlaintiff)),
		paragraph("不服本裁定的，可以自裁定书送达之日起十日内向本院递交上诉状，上诉于上一级人民法院（《中华人民共和国民事诉讼法》第一百七十一条）。"),
		closing(court, at, people),
	}
	return doc
}
