package effect

import (
	"strings"
	"testing"
	"time"

	"yunting/docket/deadline"
)

var beijing = time.FixedZone("UTC+8", 8*60*60)

func at(s string) *time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, beijing)
	if err != nil {
		panic(err)
	}
	return &t
}

// inEnglish is how an English explanation cites the same provision.
var inEnglish = map[string]string{
	"第二十九条": "Online Litigation Rules, art. 29)", "第三十一条第一款": "art. 31(1))", "第二款第一项": "art. 31(2)(1))",
	"第二款第二项": "art. 31(2)(2))", "第三十一条第三款": "art. 31(3))",
}

func TestDecide(t *testing.T) {
	given := Channel{Name: "email", Given: true, Sent: at("2026-03-06 09:00"), Arrived: at("2026-03-06 09:01")}
	own := Channel{Name: "in_app", Sent: at("2026-03-05 08:00"), Arrived: at("2026-03-05 08:00")}
	with := func(c Channel, change func(*Channel)) Channel { change(&c); return c }
	for _, tc := range []struct {
		name    string
		facts   Facts
		state   State
		date    string
		basis   Basis
		article string
		reason  string
	}{
		{"given address, arrival counts", Facts{Consent: true, Channels: []Channel{given}}, Effective, "2026-03-06", ByArrival, "第三十一条第一款", "arrival"},
		{"a later reply moves nothing", Facts{Consent: true, Channels: []Channel{given}, Replied: at("2026-03-09 10:00")}, Effective, "2026-03-06", ByArrival, "第三十一条第一款", "arrival"},
		{"own address not confirmed, no signal", Facts{Consent: true, Channels: []Channel{own}}, Awaiting, "", "", "第二款第一项", "awaiting_reply"},
		{"own address, reply", Facts{Consent: true, Channels: []Channel{own}, Replied: at("2026-03-07 10:00")}, Effective, "2026-03-07", ByReply, "第二款第一项", "reply"},
		{"own address, act before the reply", Facts{Consent: true, Channels: []Channel{own}, Replied: at("2026-03-09 10:00"), Acted: at("2026-03-08 10:00")}, Effective, "2026-03-08", ByAct, "第二款第一项", "act"},
		{"own address, system reports it read", Facts{Consent: true, Channels: []Channel{with(own, func(c *Channel) { c.Read = at("2026-03-07 23:59") })}}, Presumed, "2026-03-07", ByReport, "第二款第二项", "report"},
		{"the presumption falls", Facts{Consent: true, Rebutted: at("2026-03-20 09:00"), Channels: []Channel{with(own, func(c *Channel) { c.Read = at("2026-03-07 23:59") })}}, Rebutted, "", "", "第二款第二项", "rebutted"},
		{"a rebuttal leaves a reply alone", Facts{Consent: true, Rebutted: at("2026-03-20 09:00"), Replied: at("2026-03-10 09:00"), Channels: []Channel{with(own, func(c *Channel) { c.Read = at("2026-03-07 23:59") })}}, Effective, "2026-03-10", ByReply, "第二款第一项", "reply"},
		{"the earliest effective channel", Facts{Consent: true, Channels: []Channel{given, with(own, func(c *Channel) { c.Given = true })}}, Effective, "2026-03-05", ByArrival, "第三十一条第一款", "arrival"},
		{"an unconfirmed arrival is not the earliest effective one", Facts{Consent: true, Channels: []Channel{given, own}}, Effective, "2026-03-06", ByArrival, "第三十一条第一款", "arrival"},
		{"proved arrival replaces the system's", Facts{Consent: true, Channels: []Channel{given}, ProvedArrival: at("2026-03-08 01:00")}, Effective, "2026-03-08", ByArrival, "第三十一条第一款", "arrival"},
		{"the date is the court's, not UTC's", Facts{Consent: true, Channels: []Channel{with(given, func(c *Channel) { c.Arrived = at("2026-03-07 00:30") })}}, Effective, "2026-03-07", ByArrival, "第三十一条第一款", "arrival"},
		{"a bounce voids the arrival", Facts{Consent: true, Channels: []Channel{with(given, func(c *Channel) { c.Failed = at("2026-03-06 09:05") })}}, Failed, "", "", "第三十一条第三款", "all_failed"},
		{"one channel failed, the other serves", Facts{Consent: true, Channels: []Channel{with(given, func(c *Channel) { c.Failed = at("2026-03-06 09:05") }), with(own, func(c *Channel) { c.Given = true })}}, Effective, "2026-03-05", ByArrival, "第三十一条第一款", "arrival"},
		{"sent without a signal", Facts{Consent: true, Channels: []Channel{with(given, func(c *Channel) { c.Arrived = nil })}}, Sent, "", "", "第三十一条第三款", "no_signal"},
		{"not sent", Facts{Consent: true}, Draft, "", "", "第三十一条第三款", "not_sent"},
		{"no consent, nothing sent", Facts{}, Failed, "", "", "第二十九条", "no_consent"},
		{"no consent, arrival counts for nothing", Facts{Channels: []Channel{given}}, Awaiting, "", "", "第二十九条", "no_consent"},
		{"no consent, but accepted by a reply", Facts{Channels: []Channel{own}, Replied: at("2026-03-07 10:00")}, Effective, "2026-03-07", ByReply, "第二款第一项", "reply"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := Decide(tc.facts, beijing)
			var date deadline.Date
			if tc.date != "" {
				date = deadline.MustParse(tc.date)
			}
			if a.State != tc.state || a.Date != date || a.Basis != tc.basis || a.Reason != tc.reason || !strings.Contains(a.Article, tc.article) {
				t.Errorf("got %+v", a)
			}
			if a.Served() != (tc.date != "") {
				t.Errorf("served: %v", a.Served())
			}
			for _, lang := range []string{"zh-CN", "en"} {
				text := a.Explain(lang)
				cited := tc.article
				if lang == "en" {
					cited = inEnglish[tc.article]
				}
				if strings.Contains(text, "%") || !strings.Contains(text, cited) || (tc.date != "" && !strings.Contains(text, tc.date)) {
					t.Errorf("%s: %s", lang, text)
				}
			}
		})
	}
}

func TestNext(t *testing.T) {
	for _, tc := range []struct {
		from, to State
		want     bool
	}{
		{Draft, Sent, true}, {Sent, Failed, true}, {Sent, Arrived, true}, {Arrived, Effective, true}, {Awaiting, Effective, true},
		{Awaiting, Presumed, true}, {Presumed, Rebutted, true}, {Failed, Sent, true}, {Effective, Effective, true},
		{Effective, Draft, false}, {Effective, Sent, false}, {Effective, Rebutted, false}, {Failed, Presumed, false}, {Awaiting, Draft, false},
	} {
		if got := Next(tc.from, tc.to); got != tc.want {
			t.Errorf("%s to %s: %v", tc.from, tc.to, got)
		}
	}
}
