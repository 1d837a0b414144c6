package service

import (
	"fmt"
	"strings"
	"time"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/service/effect"
	"yunting/service/pdf"
)

// eventNames are a proof's words for the steps of a delivery.
var eventNames = map[string]string{
	EventCreated: "制作送达任务", EventNoConsent: "未同意，未发送", EventSubmitted: "提交发送", EventRelayed: "邮件系统接收",
	EventArrived: "到达", EventRetry: "暂时失败，将重试", EventFailed: "发送失败", EventBounced: "退信", EventNotified: "提示查阅",
	EventOpened: "打开查阅", EventConfirmed: "确认收到", EventEffective: "送达生效", EventPresumed: "推定送达",
	EventRebutted: "推定被推翻", EventReplaced: "另行送达", EventProof: "出具送达凭证",
}

var channelTitles = map[string]string{channelInApp: "平台账号", channelEmail: "电子邮件", "": "—"}

// proofInput is what a proof of service tells.
type proofInput struct {
	ID        string // of the delivery
	Case      docket.Case
	Delivery  Delivery
	Consent   *docket.Consent
	NotServed []string // parties that no delivery of these documents has reached
}

// proofText is the 电子送达凭证, which has the force of a 送达回证 (LR 31).
func proofText(court docket.Profile, in proofInput, at time.Time) pdf.Document {
	d := in.Delivery
	doc := pdf.Document{Court: court.Name, Title: titles[KindServiceProof], Number: in.Case.Number, Subject: in.Case.Title}
	doc.Body = append(doc.Body,
		pdf.Heading{Text: "一、基本信息", Level: 2},
		pdf.Table{Header: []string{"项目", "内容"}, Widths: []float64{1, 3}, Rows: [][]string{
			{"凭证编号", in.ID},
			{"送达法院", court.Name},
			{"案号、案件", in.Case.Number + "，" + in.Case.Title},
			{"受送达人", d.RecipientName + "（" + standingNames[in.standing()] + "）"},
			{"法律依据", "《中华人民共和国民事诉讼法》第九十条；《人民法院在线诉讼规则》第二十九条至第三十二条"},
			{"同意情况", consentText(in.Consent, court.Zone)},
			{"未送达的当事人", orNone(strings.Join(in.NotServed, "、"))},
		}},
		pdf.Heading{Text: "二、送达的文书", Level: 2}, documentTable(d.Documents),
		pdf.Heading{Text: "三、送达地址", Level: 2}, channelTable(d.Channels, court.Zone),
		pdf.Heading{Text: "四、送达经过（时间为UTC+08:00）", Level: 2}, eventTable(d.Events, court.Zone),
		pdf.Heading{Text: "五、送达结果", Level: 2},
		paragraph("送达日期：%s。状态：%s。", dateText(d.Effect.Date), stateNames[d.Effect.State]),
		paragraph("理由：%s", d.Effect.Explain("zh-CN")),
		paragraph("规则版本：%s；法院规则版本：%s。", d.Effect.Version, court.Version),
		paragraph("本凭证由本院送达系统自动制作并加盖电子印章，附可信时间戳，与送达回证具有同等效力（《人民法院在线诉讼规则》第三十一条第三款）。受送达人可以要求本院提供纸质判决书、裁定书、调解书。"),
		closing(court, at, bench{}))
	doc.Footer = in.ID
	return doc
}

func (in proofInput) standing() identity.Standing {
	p, _ := in.Case.Party(in.Delivery.Party)
	return p.Standing
}

var stateNames = map[effect.State]string{effect.Effective: "已送达", effect.Presumed: "推定送达（受送达人可以举证推翻）"}

func consentText(c *docket.Consent, zone *time.Location) string {
	if c == nil || !c.EService {
		return "无同意电子送达的记录"
	}
	text := "已同意电子送达（《人民法院在线诉讼规则》第二十九条）"
	if c.At != nil {
		text += "，于" + stamp(*c.At, zone)
	}
	var ways []string
	if c.InApp {
		ways = append(ways, "诉讼平台专用账号")
	}
	if c.EmailAddress != "" {
		ways = append(ways, "电子邮件"+c.EmailAddress)
	}
	return text + "，确认地址：" + orNone(strings.Join(ways, "、"))
}

func orNone(s string) string {
	if s == "" {
		return "无"
	}
	return s
}

// stamp writes an instant to the second, with its zone left to the heading.
func stamp(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return deadline.DateOf(t, zone).String() + t.Format(" 15:04:05")
}

func documentTable(docs []Document) pdf.Table {
	table := pdf.Table{Header: []string{"文书", "字节数", "SHA-256"}, Widths: []float64{3, 2, 6}}
	for _, d := range docs {
		table.Rows = append(table.Rows, []string{d.Title, fmt.Sprint(d.Blob.Size), d.Blob.Hash.String()})
	}
	return table
}

func channelTable(channels []Channel, zone *time.Location) pdf.Table {
	table := pdf.Table{Header: []string{"方式", "地址", "本人确认", "到达", "失败"}, Widths: []float64{3, 6, 3, 4, 4}}
	moment := func(t *time.Time) string {
		if t == nil {
			return "—"
		}
		return stamp(*t, zone)
	}
	for _, c := range channels {
		given := "否"
		if c.Given {
			given = "是"
		}
		table.Rows = append(table.Rows, []string{channelTitles[c.Name], c.Address, given, moment(c.ArrivedAt), moment(c.FailedAt)})
	}
	return table
}

func eventTable(events []Event, zone *time.Location) pdf.Table {
	table := pdf.Table{Header: []string{"时间", "事项", "方式", "说明"}, Widths: []float64{4, 4, 3, 6}}
	for _, e := range events {
		table.Rows = append(table.Rows, []string{stamp(e.At, zone), eventNames[e.Kind], channelTitles[e.Channel], orNone(e.Detail)})
	}
	return table
}
