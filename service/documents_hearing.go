package service

import (
	"fmt"
	"time"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/service/pdf"
)

// summonsText calls a party to a hearing (CPL 139, 146, 147).
func summonsText(court docket.Profile, c docket.Case, h docket.Hearing, party docket.Party, people bench, link string, at time.Time) pdf.Document {
	open := "公开开庭"
	if !h.Public {
		open = "不公开开庭"
	}
	consequence := "无正当理由拒不到庭或者未经法庭许可中途退庭的，可以缺席判决（《中华人民共和国民事诉讼法》第一百四十七条）。"
	if party.Standing == identity.StandingPlaintiff {
		consequence = "无正当理由拒不到庭或者未经法庭许可中途退庭的，可以按撤诉处理（《中华人民共和国民事诉讼法》第一百四十六条）。"
	}
	return letter(court, c, KindSummons, standingNames[party.Standing]+party.Name, at, people,
		pdf.Table{Header: []string{"事项", "内容"}, Widths: []float64{1, 3}, Rows: [][]string{
			{"案号", c.Number},
			{"案由", c.CauseName},
			{"被传唤人", party.Name},
			{"传唤事由", h.Title + "（" + open + "）"},
			{"应到时间", timeText(h.Start, court.Zone) + "（北京时间）"},
			{"预计时长", fmt.Sprintf("%d分钟", h.Minutes)},
			{"应到处所", "本院诉讼平台在线法庭：" + link},
			{"审判员", people.judge},
		}},
		pdf.Paragraph{Text: "注意事项："},
		pdf.Items{Style: pdf.ArabicNumbers, Texts: []string{
			"请提前十五分钟登录，完成设备检测和身份核验（《人民法院在线诉讼规则》第七条）。",
			"应当在安静、光线适宜的场所参加，全程保持视频和声音畅通。网络、设备故障不视为退庭，应当尽快恢复连接并联系书记员（《人民法院在线诉讼规则》第二十五条）。",
			"不得擅自录音、录像、截取或者传播庭审内容（《人民法院在线诉讼规则》第二十七条）。",
			consequence,
			"未同意在线庭审的，请在收到本传票后立即联系书记员。",
		}})
}

// invitationText asks a party to answer the case and to join online, with the one-time code (CPL 128, LR 10).
func invitationText(court docket.Profile, c docket.Case, inv docket.Invitation, people bench, link string, at time.Time) pdf.Document {
	today := court.Today(at)
	answer := court.Calendar.Statutory(today, deadline.RuleAnswer)
	return letter(court, c, KindInvitation, standingNames[inv.Party.Standing]+inv.Party.Name, at, people,
		paragraph("原告%s诉%s%s一案，本院已经立案，案号为%s。现通知你（单位）应诉，并询问是否同意以在线方式参加诉讼（《人民法院在线诉讼规则》第十条）。",
			names(c, identity.StandingPlaintiff), names(c, identity.StandingDefendant), c.CauseName, c.Number),
		pdf.Table{Header: []string{"事项", "内容"}, Widths: []float64{1, 3}, Rows: [][]string{
			{"诉讼平台", link},
			{"一次性关联码", inv.Code},
			{"关联码有效期至", timeText(inv.Expires, court.Zone)},
		}},
		pdf.Items{Style: pdf.ChineseNumbers, Texts: []string{
			"同意在线诉讼的，请在收到本通知之日起三日内在诉讼平台以本人真实身份注册，输入上述关联码，核验身份并关联案件。关联码只能使用一次，请勿告知他人。",
			"同意在线诉讼可以按立案、调解、证据交换、庭审、宣判等环节分别表示；同意其中一个环节不等于同意其他环节（《人民法院在线诉讼规则》第四条）。",
			"是否接受电子送达由你（单位）另行确认。确认后，文书到达你提供的电子地址所在系统之日即为送达之日；地址可以随时在诉讼平台变更；电子送达的判决书、裁定书、调解书，可以要求提供纸质文书（《人民法院在线诉讼规则》第二十九条至第三十一条，《中华人民共和国民事诉讼法》第九十条）。",
			fmt.Sprintf("应当在收到起诉状副本之日起十五日内提出答辩状；对管辖权有异议的，应当在该期间提出（《中华人民共和国民事诉讼法》第一百二十八条、第一百三十条）。如起诉状副本与本函同日送达，答辩期至%s。", dateText(answer.Due)),
			"不同意在线诉讼的，不影响你（单位）的诉讼权利，相关诉讼活动在线下进行。",
		}})
}
