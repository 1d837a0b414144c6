package service_test

import (
	"fmt"
	"strings"
	"testing"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

// TestExplanationsDue follows an explanation and its supplement over the desks of clerk and judge: each is asked for what
// they sign and for nothing else (AV 4).
func TestExplanationsDue(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.interrupted()
	c.clock.Set(c.clock.Now().AddDate(0, 0, 1))
	other := c.closedHearing()
	due := func(when string, want map[*identity.Actor]string) {
		t.Helper()
		for _, who := range []*identity.Actor{&c.clerk, &c.judge, &c.zhang, &c.filing} {
			list, err := c.ExplanationsDue(ctx, *who)
			must(t, err)
			var got []string
			for _, todo := range list {
				which := "h"
				if todo.Hearing.ID == other.ID {
					which = "other"
				}
				if todo.Hearing.Case != todo.Case.ID || todo.Due != nil {
					t.Errorf("%s: %+v", when, todo)
				}
				got = append(got, fmt.Sprintf("%s %s", todo.Kind, which))
			}
			if text := strings.Join(got, ", "); text != want[who] {
				t.Errorf("%s: %s is asked for %q, want %q", when, who.Name, text, want[who])
			}
		}
	}
	due("both hearings closed", map[*identity.Actor]string{&c.clerk: "explain_recording other, explain_recording h"})
	c.signExplanation(other)
	first, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{})
	must(t, err)
	due("saved, not signed", map[*identity.Actor]string{&c.clerk: "explain_recording h"})
	first, err = c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: first.Version, Sign: true})
	must(t, err)
	due("the clerk has signed", map[*identity.Actor]string{&c.judge: "approve_explanation h"})
	_, err = c.ApproveExplanation(ctx, c.judge, h.ID, first.Version)
	must(t, err)
	due("the judge has signed", nil)
	c.clock.Set(c.clock.Now().AddDate(0, 1, 0))
	c.lateFile(h, "p9", "lost")
	c.lateFile(other, "p8", "damaged")
	due("files with gaps turned up", map[*identity.Actor]string{&c.clerk: "supplement_recording other, supplement_recording h"})
	second, err := c.Explanation(ctx, h.ID)
	must(t, err)
	_, err = c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: second.Version, Sign: true})
	must(t, err)
	c.signExplanation(other)
	due("the clerk has signed the supplement", map[*identity.Actor]string{&c.judge: "approve_explanation h"})
	c.lateFile(h, "p7", "lost")
	due("a file takes the clerk's signature off", map[*identity.Actor]string{&c.clerk: "supplement_recording h"})
	c.signExplanation(h)
	due("all is signed", nil)

	open, err := c.docket.ScheduleHearing(ctx, c.clerk, c.linked().ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60})
	must(t, err)
	_, err = c.docket.MovePhase(ctx, c.judge, open.ID, docket.PhaseOpening)
	must(t, err)
	due("a hearing is open", nil)
}
