package service

import (
	"fmt"
	"strings"
	"time"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/service/pdf"
)

const maxListedStretches = 300 // of one interruption on paper; the integrity record holds all

// clockText writes 09:30:05.250 in the court's zone.
func clockText(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04:05.000") }

func secondsText(d time.Duration) string { return fmt.Sprintf("%.1f秒", d.Seconds()) }

// draftText is what the record itself says of an interruption; the clerk reviews and amends it.
func draftText(i interruption.Interruption, zone *time.Location) string {
	first := i.Stretches[0]
	span := fmt.Sprintf("%s起至%s止（%s）", clockText(first.From, zone), clockText(first.To, zone), secondsText(i.Missing()))
	count := fmt.Sprintf("共%d处，合计%s", len(i.Stretches), secondsText(i.Missing()))
	switch {
	case i.Whole() && i.Cause == interruption.Paused:
		return fmt.Sprintf("审判员决定暂停录制，事由为%s，自%s。", i.Reason.Text("zh-CN"), span)
	case i.Whole() && i.Cause == interruption.Failed:
		return fmt.Sprintf("因设备故障或者技术原因录制中断，自%s。%s中断前已经写入的录音录像完整保存，不符合技术标准的部分一并保存（庭审录音录像规定第五条）。", span, choiceText(i))
	case i.Whole():
		return fmt.Sprintf("服务器中断后于%s恢复，录制自动接续为下一部分；中断前已经写入的部分完整保存。", clockText(first.From, zone))
	case i.Cause == interruption.Network:
		return fmt.Sprintf("%s到法院之间的网络丢包，部分数据未能到达，%s。已经到达的数据全部录入，未作补插。", i.Name, count)
	case i.Cause == interruption.Silent:
		return fmt.Sprintf("%s一方静音、关闭设备或者离开，没有发送声音或者画面，%s。不属于录制设备故障。", i.Name, count)
	case i.Cause == interruption.Takeover:
		return fmt.Sprintf("%s改由另一页面参加庭审，新页面接管后、开始发送前没有声音或者画面，%s。不属于录制设备故障。", i.Name, count)
	case i.Cause == interruption.Paused:
		return fmt.Sprintf("录制暂停期间%s的声音、画面未录入，%s。", i.Name, count)
	}
	return fmt.Sprintf("%s的声音、画面有缺失，%s，原因：%s。", i.Name, count, i.Cause.Text("zh-CN"))
}

// englishText is what the record says of an interruption, for who reads no Chinese.
func englishText(i interruption.Interruption, zone *time.Location) string {
	first, seconds := i.Stretches[0], i.Missing().Seconds()
	span := fmt.Sprintf("from %s to %s (%.1f s)", clockText(first.From, zone), clockText(first.To, zone), seconds)
	switch {
	case i.Whole() && i.Cause == interruption.Paused:
		return fmt.Sprintf("The judge paused the recording %s: %s.", span, i.Reason.Text("en"))
	case i.Whole() && i.Cause == interruption.Failed:
		return fmt.Sprintf("A fault of the equipment or a technical cause interrupted the recording %s.%s What was written before it is kept whole, and so is what falls short of the technical standard (Provisions on recording hearings, art. 5).", span, englishChoice(i.Choice))
	case i.Whole():
		return fmt.Sprintf("The server stopped and was back at %s; the recording went on as a further part. What was written before is kept whole.", clockText(first.From, zone))
	}
	return fmt.Sprintf("Of what %s sent, parts are missing: %s. Stretches: %d, in all %.1f s.", i.Name, i.Cause.Text("en"), len(i.Stretches), seconds)
}

// englishChoice says what the judge decided in a fault; the reason stands in the Chinese text.
func englishChoice(c interruption.Choice) string {
	switch c {
	case interruption.Retry:
		return " The judge decided to try again."
	case interruption.Adjourn:
		return " The judge adjourned until it was mended."
	case interruption.GoOn:
		return " The judge decided to go on without a recording, with the clerk's transcript."
	}
	return ""
}

// choiceText says what the judge decided in a fault.
func choiceText(i interruption.Interruption) string {
	switch i.Choice {
	case interruption.Retry:
		return "审判员决定重试。"
	case interruption.Adjourn:
		return "审判员决定休庭待修复。"
	case interruption.GoOn:
		return "审判员决定不录制继续庭审，由书记员制作笔录，理由：" + i.Why + "。"
	}
	return ""
}

// subjectText names an interruption.
func subjectText(i interruption.Interruption) string {
	switch {
	case !i.Whole():
		return i.Name + "：" + i.Cause.Text("zh-CN")
	case i.Cause == interruption.Paused:
		return "全案录制暂停：" + i.Reason.Text("zh-CN")
	case i.Cause == interruption.Failed:
		return "全案录制故障"
	}
	return "服务器中断"
}

// explanationText is the 庭审录音录像情况说明: who ran the recording says from when to when it was made and why it was
// interrupted (AV 3), and the judge has reviewed it (AV 4).
func explanationText(court docket.Profile, c docket.Case, h docket.Hearing, e Explanation, judge string, at time.Time) pdf.Document {
	moment := func(t *time.Time, none string) string {
		if t == nil {
			return none
		}
		return stamp(*t, court.Zone)
	}
	doc := pdf.Document{Court: court.Name, Title: titles[KindRecordingExplanation], Number: c.Number, Subject: c.Title}
	lead := paragraph("依照《最高人民法院关于人民法院庭审录音录像的若干规定》第三条、第四条，现将%s的录音录像起止时间、中断情况和原因说明如下：", h.Title)
	if e.Supplement() {
		doc.Title += supplementTitle
		lead = supplementLead(court, h, e.Signed)
	}
	doc.Body = append(doc.Body, lead,
		pdf.Table{Header: []string{"项目", "内容（时间为UTC+08:00）"}, Widths: []float64{1, 3}, Rows: [][]string{
			{"案号、案件", c.Number + "，" + c.Title}, {"开庭", moment(h.OpenedAt, "未开庭")},
			{"录制开始", moment(e.Started, "没有录音录像")}, {"闭庭", moment(e.Ended, "尚未闭庭")},
			{"中断", interruptionCount(e)}}})
	for n, i := range e.Items {
		doc.Body = append(doc.Body, pdf.Heading{Text: fmt.Sprintf("%d. %s", n+1, subjectText(i.Interruption)), Level: 2},
			pdf.Paragraph{Text: i.Text}, stretchTable(i.Interruption, court.Zone))
	}
	if e.Note != "" {
		doc.Body = append(doc.Body, pdf.Heading{Text: "补充说明", Level: 2}, pdf.Paragraph{Text: e.Note})
	}
	if e.SignedAt != nil {
		doc.Body = append(doc.Body, paragraph("负责录音录像的人员（书记员）%s于%s签署，审判员%s审核签署。", e.Clerk, stamp(*e.SignedAt, court.Zone), judge))
	}
	block := closing(court, at, bench{clerk: e.Clerk})
	block.Panel = signatories("审判员", judge)
	doc.Body = append(doc.Body, block)
	return doc
}

// supplementLead names what was signed before and says that this adds to it (AV 4).
func supplementLead(court docket.Profile, h docket.Hearing, earlier []Document) pdf.Paragraph {
	var named []string
	for _, d := range earlier {
		named = append(named, fmt.Sprintf("%s签署的《%s》（SHA-256：%s）", stamp(d.CreatedAt, court.Zone), d.Title, d.Blob.Hash))
	}
	return paragraph("%s的录音录像中断情况已由%s说明。此后又发现下列中断，依照《最高人民法院关于人民法院庭审录音录像的若干规定》第四条补充说明如下，原说明继续有效：", h.Title, strings.Join(named, "、"))
}

func interruptionCount(e Explanation) string {
	if len(e.Items) == 0 {
		return "无中断，无超过200毫秒的缺失"
	}
	return fmt.Sprintf("%d项，逐项说明如下", len(e.Items))
}

func stretchTable(i interruption.Interruption, zone *time.Location) pdf.Table {
	table := pdf.Table{Header: []string{"对象", "内容", "起", "止", "时长"}, Widths: []float64{4, 3, 4, 4, 3}}
	for n, s := range i.Stretches {
		if n == maxListedStretches {
			rest := fmt.Sprintf("另有%d处，见完整性校验值的记录", len(i.Stretches)-n)
			table.Rows = append(table.Rows, []string{rest, "", "", "", ""})
			break
		}
		who, what := s.Name, interruption.Source(s.Track, "zh-CN")
		if who == "" {
			who, what = "全案", "全部"
		}
		table.Rows = append(table.Rows, []string{who, what, clockText(s.From, zone), clockText(s.To, zone), secondsText(s.To.Sub(s.From))})
	}
	return table
}
