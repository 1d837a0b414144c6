package effect

import (
	"fmt"
	"strings"
)

// channelNames are what people call the channels, by language.
var channelNames = map[string][2]string{
	"in_app": {"诉讼平台专用账号", "the account on the court's platform"},
	"email":  {"电子邮件", "e-mail"},
}

// reasons holds, by reason code, the sentences in Chinese and English. %[1]s is the channel,
// %[2]s the date.
var reasons = map[string][2]string{
	"arrival": {
		"受送达人已同意电子送达并提供或者确认了%[1]s地址，送达信息于%[2]s到达该地址所在系统，到达之日即为送达之日。",
		"The recipient consented to electronic service and gave or confirmed the address (%[1]s); the documents arrived in its system on %[2]s, and the day of arrival is the day of service.",
	},
	"reply": {
		"受送达人于%[2]s确认已收到通过%[1]s送达的文书，确认之日为送达之日。",
		"On %[2]s the recipient confirmed receipt of the documents sent by %[1]s; the day of confirmation is the day of service.",
	},
	"act": {
		"受送达人于%[2]s根据通过%[1]s送达的文书内容实施了诉讼行为，该日为送达之日。",
		"On %[2]s the recipient acted on the documents sent by %[1]s; that day is the day of service.",
	},
	"report": {
		"受送达人的地址未经其确认，该地址所在系统（%[1]s）于%[2]s反馈已阅知，推定于当日送达；受送达人可以举证推翻。",
		"The recipient had not confirmed the address; its system (%[1]s) reported on %[2]s that the documents were read, so service is presumed on that day, and the recipient may rebut it.",
	},
	"rebutted": {
		"受送达人证明了系统错误、地址非本人使用或者非本人阅知，送达的推定已被推翻，视为未送达。",
		"The recipient showed a system error, that the address was used or read by someone else; the presumption fell and the documents count as not served.",
	},
	"no_consent": {
		"受送达人没有同意电子送达，不能以电子方式送达，请改用其他方式送达。",
		"The recipient has not consented to electronic service; it cannot be served this way. Use another means of service.",
	},
	"awaiting_reply": {
		"文书已到达%[1]s，但该地址未经受送达人提供或者确认；须待其回复已收到或者据此实施诉讼行为后方为送达。",
		"The documents arrived (%[1]s), but the recipient neither gave nor confirmed that address: they are served only when the recipient confirms receipt or acts on them.",
	},
	"no_signal": {
		"文书已发出，尚无到达的信息，不视为送达。",
		"The documents were sent and there is no sign of arrival; they do not count as served.",
	},
	"all_failed": {
		"所有电子送达方式均已失败，不视为送达，请改用其他方式送达。",
		"Every electronic channel failed; the documents do not count as served. Use another means of service.",
	},
	"not_sent": {
		"文书尚未发出。",
		"The documents have not been sent.",
	},
}

// Explain says the outcome and its source in one or two sentences; lang is "en" for English,
// anything else is Chinese.
func (a Answer) Explain(lang string) string {
	sentences, ok := reasons[a.Reason]
	if !ok {
		sentences = reasons["not_sent"]
	}
	index := 0
	if lang == "en" {
		index = 1
	}
	channel := "诉讼平台或者电子邮件"
	if index == 1 {
		channel = "the platform or e-mail"
	}
	if names, ok := channelNames[a.Channel]; ok {
		channel = names[index]
	}
	text := sentences[index]
	if strings.Contains(text, "%[") {
		date := ""
		if a.Served() {
			date = a.Date.String()
		}
		text = fmt.Sprintf(text+"%[3]s", channel, date, "")
	}
	return a.cite(text, index == 1)
}

// cite appends the sources: the article of the outcome and, where a channel failed, that
// others were tried.
func (a Answer) cite(text string, english bool) string {
	var failed []string
	for _, name := range a.Rejected {
		if names, ok := channelNames[name]; ok {
			if english {
				failed = append(failed, names[1])
			} else {
				failed = append(failed, names[0])
			}
		}
	}
	if english {
		if len(failed) > 0 {
			text += " Failed: " + strings.Join(failed, ", ") + "."
		}
		return text + " (" + englishArticle(a.Article) + ")"
	}
	if len(failed) > 0 {
		text += "送达失败的方式：" + strings.Join(failed, "、") + "。"
	}
	return text + "（依据：" + a.Article + "）"
}

// englishArticles are the provisions in English; the Chinese names are what the record holds.
var englishArticles = map[string]string{
	articleConsent: "Online Litigation Rules, art. 29",
	articleArrival: "Online Litigation Rules, art. 31(1)",
	articleReply:   "Online Litigation Rules, art. 31(2)(1)",
	articleReport:  "Online Litigation Rules, art. 31(2)(2)",
	articleTrace:   "Online Litigation Rules, art. 31(3)",
}

func englishArticle(article string) string {
	if e, ok := englishArticles[article]; ok {
		return e
	}
	return article
}
