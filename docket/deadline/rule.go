package deadline

// Rule names the provision that a period rests on. Its text is stable: it is stored and translated.
type Rule string

// The periods that the court uses. Statutory lengths stand in Days and Months.
const (
	RuleReview          Rule = "review"           // decide on a filing: 7 days, CPL 126
	RuleCorrection      Rule = "correction"       // correct a filing: as the court sets, DJ 7
	RuleFee             Rule = "fee"              // pay the court fee: 7 days, FEE 22
	RuleServeComplaint  Rule = "serve_complaint"  // send the complaint to the defendant: 5 days, CPL 128
	RuleAnswer          Rule = "answer"           // answer the complaint: 15 days, CPL 128
	RuleAnswerAbroad    Rule = "answer_abroad"    // the same without a domicile in the PRC: 30 days, CPL 285
	RuleLink            Rule = "link"             // verify identity and link the case: 3 days, LR 10
	RuleTranscript      Rule = "transcript"       // read the transcript: 5 days, CPL 150
	RuleAppealJudgment  Rule = "appeal_judgment"  // appeal a judgment: 15 days, CPL 171
	RuleAppealRuling    Rule = "appeal_ruling"    // appeal a ruling: 10 days, CPL 171
	RuleAppealAbroad    Rule = "appeal_abroad"    // appeal without a domicile in the PRC: 30 days, CPL 286
	RuleTrialOrdinary   Rule = "trial_ordinary"   // close an ordinary case: 6 months, CPL 152
	RuleTrialSimple     Rule = "trial_simple"     // close a simple case: 3 months, CPL 164
	RuleTrialSmall      Rule = "trial_small"      // close a small claim: 2 months, CPL 168
	RuleFilingComplaint Rule = "filing_complaint" // answer a complaint about a filing: 15 days, DJ 13
	RuleEnforcement     Rule = "enforcement"      // apply for enforcement: 2 years, CPL 250
	RuleCourtOrdered    Rule = "court_ordered"    // any other period that the court sets, CPL 85
)

type provision struct {
	zhArticle, enArticle string
	zh, en               string // what the period is for
	days, months         int
}

var provisions = map[Rule]provision{
	RuleReview:          {"《民事诉讼法》第一百二十六条", "Civil Procedure Law, art. 126", "审查立案期限", "decision on the filing", 7, 0},
	RuleCorrection:      {"《最高人民法院关于人民法院登记立案若干问题的规定》第七条", "Provisions on Case Registration, art. 7", "补正期限", "correction of the filing", 0, 0},
	RuleFee:             {"《诉讼费用交纳办法》第二十二条", "Measures on Litigation Costs, art. 22", "交纳案件受理费期限", "payment of the court fee", 7, 0},
	RuleServeComplaint:  {"《民事诉讼法》第一百二十八条", "Civil Procedure Law, art. 128", "发送起诉状副本期限", "sending of the complaint to the defendant", 5, 0},
	RuleAnswer:          {"《民事诉讼法》第一百二十八条", "Civil Procedure Law, art. 128", "答辩期", "answer to the complaint", 15, 0},
	RuleAnswerAbroad:    {"《民事诉讼法》第二百八十五条", "Civil Procedure Law, art. 285", "答辩期（境内无住所）", "answer to the complaint (no domicile in the PRC)", 30, 0},
	RuleLink:            {"《人民法院在线诉讼规则》第十条", "Rules of Online Litigation, art. 10", "验证身份、关联案件期限", "verification of identity and linking of the case", 3, 0},
	RuleTranscript:      {"《民事诉讼法》第一百五十条", "Civil Procedure Law, art. 150", "阅读庭审笔录期限", "reading of the transcript", 5, 0},
	RuleAppealJudgment:  {"《民事诉讼法》第一百七十一条", "Civil Procedure Law, art. 171", "判决上诉期", "appeal of the judgment", 15, 0},
	RuleAppealRuling:    {"《民事诉讼法》第一百七十一条", "Civil Procedure Law, art. 171", "裁定上诉期", "appeal of the ruling", 10, 0},
	RuleAppealAbroad:    {"《民事诉讼法》第二百八十六条", "Civil Procedure Law, art. 286", "上诉期（境内无住所）", "appeal (no domicile in the PRC)", 30, 0},
	RuleTrialOrdinary:   {"《民事诉讼法》第一百五十二条", "Civil Procedure Law, art. 152", "普通程序审理期限", "trial under ordinary procedure", 0, 6},
	RuleTrialSimple:     {"《民事诉讼法》第一百六十四条", "Civil Procedure Law, art. 164", "简易程序审理期限", "trial under simple procedure", 0, 3},
	RuleTrialSmall:      {"《民事诉讼法》第一百六十八条", "Civil Procedure Law, art. 168", "小额诉讼程序审理期限", "trial under small-claims procedure", 0, 2},
	RuleFilingComplaint: {"《最高人民法院关于人民法院登记立案若干问题的规定》第十三条", "Provisions on Case Registration, art. 13", "立案投诉答复期限", "reply to a complaint about a filing", 15, 0},
	RuleEnforcement:     {"《民事诉讼法》第二百五十条", "Civil Procedure Law, art. 250", "申请执行期间", "application for enforcement", 0, 24},
	RuleCourtOrdered:    {"《民事诉讼法》第八十五条", "Civil Procedure Law, art. 85", "法院指定期间", "act that the court ordered", 0, 0},
}

// provisionOf gives a rule's provision; a rule that the table does not know counts as ordered by the court.
func provisionOf(r Rule) provision {
	if p, ok := provisions[r]; ok {
		return p
	}
	return provisions[RuleCourtOrdered]
}

// Days gives the statutory length in days; 0 when the rule counts months or the court sets the length.
func (r Rule) Days() int { return provisionOf(r).days }

// Months gives the statutory length in months; 0 when the rule counts days.
func (r Rule) Months() int { return provisionOf(r).months }

// Article cites the provision in lang ("zh…" for Chinese, otherwise English).
func (r Rule) Article(lang string) string {
	if chinese(lang) {
		return provisionOf(r).zhArticle
	}
	return provisionOf(r).enArticle
}

// Title says in lang what the period is for.
func (r Rule) Title(lang string) string {
	if chinese(lang) {
		return provisionOf(r).zh
	}
	return provisionOf(r).en
}
