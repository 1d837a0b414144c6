package deadline

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestAdd(t *testing.T) {
	cases := []struct {
		name, start string
		days        int
		due         string
		skipped     []string
		provisional bool
	}{
		{"weekend moves to Monday", "2026-03-06", 15, "2026-03-23", []string{Weekend, Weekend}, false},
		{"end of the National Day holiday", "2026-09-22", 15, "2026-10-08", []string{"国庆节"}, false},
		{"a worked Saturday is a working day", "2026-09-25", 15, "2026-10-10", nil, false},
		{"review of a filing", "2026-04-01", 7, "2026-04-08", nil, false},
		{"days off inside count", "2026-04-03", 7, "2026-04-10", nil, false},
		{"zero days", "2026-04-08", 0, "2026-04-08", nil, false},
		{"whole Spring Festival", "2026-02-08", 7, "2026-02-24", []string{"春节", "春节", "春节", "春节", "春节", "春节", "春节", "春节", "春节"}, false},
		{"worked Sunday after New Year", "2025-12-31", 4, "2026-01-04", nil, false},
		{"year without a notice", "2026-12-20", 15, "2027-01-04", nil, true},
		{"holiday of a year without a notice", "2026-12-25", 7, "2027-01-04", []string{"元旦", Weekend, Weekend}, true},
		{"Spring Festival by the regulation, made up on working days", "2027-01-22", 15, "2027-02-11", []string{"春节", "春节", "春节", "春节", "春节"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := CN().Add(MustParse(c.start), c.days, RuleAnswer)
			if a.Due.String() != c.due || a.Provisional != c.provisional {
				t.Errorf("due %s provisional %v, want %s %v", a.Due, a.Provisional, c.due, c.provisional)
			}
			var reasons []string
			for _, s := range a.Skipped {
				reasons = append(reasons, s.Reason)
			}
			if strings.Join(reasons, ",") != strings.Join(c.skipped, ",") {
				t.Errorf("skipped %v, want %v", reasons, c.skipped)
			}
		})
	}
}

func TestCalendar2026(t *testing.T) {
	off := 0
	for d := MustParse("2026-01-01"); d.Year == 2026; d = d.AddDays(1) {
		if _, rest := CN().Rest(d); rest {
			off++
		}
	}
	// 104 weekend days, 33 days of holidays of which 12 fall on weekends, 6 worked weekend days.
	weekendHolidays := 0
	for d, name := range CN().years[2026].off {
		if name != "" && weekend(d) {
			weekendHolidays++
		}
	}
	if want := 104 + 33 - weekendHolidays - 6; len(CN().years[2026].off) != 33 || off != want {
		t.Errorf("%d days of rest, want %d; %d holidays, want 33", off, want, len(CN().years[2026].off))
	}
	for _, worked := range []string{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"} {
		if reason, rest := CN().Rest(MustParse(worked)); rest {
			t.Errorf("%s rests: %s", worked, reason)
		}
	}
}

func TestStatutory(t *testing.T) {
	cases := []struct {
		start string
		rule  Rule
		due   string
	}{
		{"2026-04-01", RuleReview, "2026-04-08"},
		{"2026-03-06", RuleAnswer, "2026-03-23"},
		{"2026-03-06", RuleAnswerAbroad, "2026-04-07"}, // 04-05 and 04-06 are Qingming days off
		{"2026-03-09", RuleAppealJudgment, "2026-03-24"},
		{"2026-03-09", RuleAppealRuling, "2026-03-19"},
		{"2026-03-09", RuleAppealAbroad, "2026-04-08"},
		{"2026-03-10", RuleFee, "2026-03-17"},
		{"2026-03-10", RuleLink, "2026-03-13"},
		{"2026-01-31", RuleTrialSimple, "2026-04-30"},
		{"2026-03-16", RuleTrialOrdinary, "2026-09-16"},
		{"2026-03-16", RuleTrialSmall, "2026-05-18"},
	}
	for _, c := range cases {
		if a := CN().Statutory(MustParse(c.start), c.rule); a.Due.String() != c.due {
			t.Errorf("%s from %s: %s, want %s", c.rule, c.start, a.Due, c.due)
		}
	}
}

func TestExplain(t *testing.T) {
	a := CN().Add(MustParse("2026-03-06"), 15, RuleAppealJudgment)
	for lang, parts := range map[string][]string{
		"zh-CN": {"判决上诉期", "第一百七十一条", "2026-03-06", "2026-03-21（周末）", "2026-03-23（星期一）", "第八十五条", "2026年部分节假日"},
		"en":    {"appeal of the judgment", "art. 171", "15 days", "2026-03-21 (weekend)", "2026-03-23 (Monday)", "art. 85"},
	} {
		for _, part := range parts {
			if text := a.Explain(lang); !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in %q", lang, part, text)
			}
		}
	}
	later := CN().Add(MustParse("2026-12-25"), 7, RuleReview)
	if !strings.Contains(later.Explain("zh"), "可能变化") || !strings.Contains(later.Explain("en"), "may change") || !strings.Contains(later.Source, "年节") {
		t.Errorf("a date in a year without a notice must say that it may change: %s", later.Explain("en"))
	}
	for rule, p := range provisions {
		if p.zhArticle == "" || p.enArticle == "" || p.zh == "" || p.en == "" {
			t.Errorf("rule %s cites nothing", rule)
		}
	}
}

func TestDate(t *testing.T) {
	shanghai := time.FixedZone("UTC+8", 8*3600)
	if d := DateOf(time.Date(2026, 3, 22, 16, 0, 0, 0, time.UTC), shanghai); d.String() != "2026-03-23" {
		t.Errorf("DateOf: %s", d)
	}
	for in, want := range map[string]string{
		"2026-03-23": "二〇二六年三月二十三日", "2026-10-10": "二〇二六年十月十日", "2030-12-31": "二〇三〇年十二月三十一日", "2026-11-20": "二〇二六年十一月二十日",
	} {
		if got := MustParse(in).Chinese(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"", "2026-02-29", "2026-3-1", "2026-13-01", "x"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q parsed", bad)
		}
	}
	var back struct{ A, B Date }
	text, err := json.Marshal(struct{ A, B Date }{A: MustParse("2026-02-28")})
	if err != nil || string(text) != `{"A":"2026-02-28","B":""}` {
		t.Fatalf("%s %v", text, err)
	}
	if err := json.Unmarshal(text, &back); err != nil || back.A.String() != "2026-02-28" || !back.B.IsZero() {
		t.Errorf("%+v %v", back, err)
	}
	if v, err := (Date{}).Value(); v != nil || err != nil {
		t.Errorf("zero value %v %v", v, err)
	}
	var scanned Date
	if err := scanned.Scan(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)); err != nil || scanned.String() != "2026-05-01" {
		t.Errorf("%s %v", scanned, err)
	}
	if err := scanned.Scan(7); err == nil {
		t.Error("scanned a number")
	}
	if d := MustParse("2026-01-31").AddMonths(1); d.String() != "2026-02-28" {
		t.Errorf("month end: %s", d)
	}
	if n := MustParse("2026-02-27").DaysUntil(MustParse("2026-03-02")); n != 3 {
		t.Errorf("DaysUntil %d", n)
	}
}

func TestLoadRejects(t *testing.T) {
	for name, text := range map[string]string{
		"no source":        `{"years":[{"year":2027}]}`,
		"wrong year":       `{"years":[{"year":2027,"source":"s","off":[{"name":"x","from":"2026-01-01","to":"2026-01-02"}]}]}`,
		"backwards":        `{"years":[{"year":2027,"source":"s","off":[{"name":"x","from":"2027-01-05","to":"2027-01-02"}]}]}`,
		"endless":          `{"years":[{"year":2027,"source":"s","off":[{"name":"x","from":"2027-01-05","to":"2027-12-02"}]}]}`,
		"a worked weekday": `{"years":[{"year":2027,"source":"s","work":["2027-01-04"]}]}`,
		"unknown field":    `{"year":[]}`,
	} {
		if _, err := Load(strings.NewReader(text)); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2026-03-23")
	f.Add("0000-01-01")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			return
		}
		if d.String() != s && !d.IsZero() {
			t.Errorf("%q became %q", s, d)
		}
	})
}
