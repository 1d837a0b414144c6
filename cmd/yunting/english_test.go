package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// englishWords reads the pages' dictionaries: what a Chinese page says, in English. The islands have their own few words.
func englishWords(t testing.TB) map[string]string {
	t.Helper()
	read := func(name string) map[string]string {
		data, err := os.ReadFile("../../web/i18n/" + name)
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(data, &words); err != nil {
			t.Fatal(err)
		}
		return words
	}
	zh, en := read("zh-CN.json"), read("en.json")
	words := map[string]string{}
	for _, key := range []string{"filing.submit", "filing.save", "judgment.to_sign", "judgment.title", "act.join", "delivery.received",
		"transcript.object", "recordings.integrity", "explanation.sign", "replacing.agree", "replacing.refuse", "replacing.all"} {
		words[zh[key]] = en[key]
	}
	for chinese, english := range map[string]string{
		"暂停": "Pause", "录音录像中": "Recording", "录制已暂停": "Recording paused", "未录制": "Not recording", "休庭": "Recess", "继续": "Resume", "进入法庭": "Enter the hearing", "确认并进入": "Confirm and enter", "连接正常": "The connection works",
		"自动核对": en["review.findings"], "已记录您的选择": en["done.consented"], "不完整": "not complete", "邀请码": en["link.code"],
	} {
		words[chinese] = english
	}
	return words
}

var (
	han = regexp.MustCompile(`\p{Han}+`)
	// official are numbers, the names of laws and notices, and the article that the record of a service holds.
	official = regexp.MustCompile(`（\d{4}）京0491民初\d+号|京0491收[\d-]+|《[^》]*》(（[^）]*）)?|在线诉讼规则第\p{Han}+`)
)

// untranslated is what stays Chinese on an English page: the names of people, the court, the case and its documents, and what
// people wrote.
var untranslated = []string{plaintiffName, defendantName, "林静", "王磊", "赵敏", "北京云庭法院", "云庭", " 诉 ", "买卖合同纠纷", "买卖合同", "验货录像", "中文",
	"收到起诉材料凭证", "案件受理通知书", "交纳诉讼费用通知书", "举证通知书", "传票", "民事判决书", "电子送达凭证", "庭审录音录像情况说明", explanationNote, "时间戳 Time-stamp（演示 demo）", "（补充）", "应诉及在线诉讼邀请函", "〔待填〕",
	"北京市朝阳区路1号", "证明买卖和欠款", "原告保存", "判令被告支付货款100000元", "个体工商户", "汉族", "货物已经交付，被告没有付款。", "现在开庭，核对当事人身份。", integrityObjection, deletionReason,
	"第一句应为“核对各方身份”。", "2026年3月6日双方签订，被告购买医疗器械一批，价款100000元。3月20日原告交货，被告验收签字，至今未付款。",
	"原告已经交付货物，被告应当按照约定支付价款。"}

// reads checks that an English page has nothing Chinese but what is named: names of people and courts, legal documents' titles,
// case numbers and what people wrote themselves.
func (v *visitor) reads(what string) {
	v.t.Helper()
	if v.words == nil {
		return
	}
	text := evaluate[string](v, `(() => { const skip = e => e.closest('[lang^="zh"], script, style, textarea, [hidden], .initial, .person-initial');
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const out = [];
		for (let n = walk.nextNode(); n; n = walk.nextNode()) if (n.parentElement && !skip(n.parentElement) && n.parentElement.offsetParent !== null) out.push(n.data);
		return out.join('\n') })()`)
	text = official.ReplaceAllString(text, "")
	for _, word := range untranslated {
		text = strings.ReplaceAll(text, word, "")
	}
	found := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		if han.MatchString(line) {
			found[strings.TrimSpace(line)] = true
		}
	}
	for line := range found {
		v.t.Errorf("%s: Chinese on the English page: %s", what, fmt.Sprintf("%.400s", line))
	}
}
