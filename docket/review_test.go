package docket_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"yunting/docket"
	"yunting/internal/identity"
)

func TestAccept(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	waiting := c.submitted()
	for code, change := range map[string]func(*docket.AcceptInput){
		"procedure_unknown": func(in *docket.AcceptInput) { in.Procedure = "criminal" },
		"judge_missing":     func(in *docket.AcceptInput) { in.Judge = identity.Actor{}.Account },
		"clerk_missing":     func(in *docket.AcceptInput) { in.Clerk = in.Judge },
		"cause_unknown":     func(in *docket.AcceptInput) { in.CauseCode = "99.99" },
	} {
		in := c.acceptInput(waiting.Version)
		change(&in)
		_, err := c.Accept(ctx, c.filing, waiting.ID, in)
		c.invalid(err, code)
	}
	in := c.acceptInput(waiting.Version)
	in.Procedure = docket.ProcedureSimple
	accepted, err := c.Accept(ctx, c.filing, waiting.ID, in)
	c.ok(err)
	if accepted.Stage != docket.StageAccepted || accepted.FeeFen != 1_150_00 || accepted.Judge != c.judge.Account || accepted.AcceptedAt == nil {
		t.Errorf("accepted %+v", accepted)
	}
	current, err := c.Accept(ctx, c.filing, waiting.ID, in)
	c.is(err, docket.ErrStale)
	if current.Number != accepted.Number {
		t.Errorf("a second clerk sees %q", current.Number)
	}
	in.Version = accepted.Version
	_, err = c.Accept(ctx, c.filing, waiting.ID, in)
	c.is(err, docket.ErrConflict)
}

// TestNumbersAreGapless accepts 50 cases at once while others fail, and twice
// each at the same time: the numbers are 1…50, each once.
func TestNumbersAreGapless(t *testing.T) {
	c := newCourt(t)
	const n = 50
	cases := make([]docket.Case, n)
	for i := range cases {
		cases[i] = c.submitted()
	}
	errs := everyone(2*n, func(i int) error {
		in := c.acceptInput(cases[i/2].Version)
		_, err := c.Accept(t.Context(), c.filing, cases[i/2].ID, in)
		if err == nil {
			in.CauseCode = "no such cause"
			_, failed := c.Accept(t.Context(), c.filing, cases[i/2].ID, in)
			if failed == nil {
				return errors.New("accepted twice")
			}
		}
		return err
	})
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, docket.ErrStale):
			t.Error(err)
		}
	}
	if won != n {
		t.Errorf("%d accepted, want %d", won, n)
	}
	var got []string
	for _, filed := range cases {
		got = append(got, c.read(filed.ID).Number)
		c.checkRecord(filed.ID)
	}
	want := numbers(n)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("numbers %v", got)
	}
}

func TestNumbersStartAgainEachYear(t *testing.T) {
	c := newCourt(t)
	c.accepted()
	// 2026-12-31 16:30 UTC is 2027 in Beijing.
	c.clock.Set(time.Date(2026, 12, 31, 16, 30, 0, 0, time.UTC))
	if got := c.accepted().Number; got != "（2027）京0491民初1号" {
		t.Errorf("number %s", got)
	}
}

func TestCorrections(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	waiting := c.submitted()
	wanted := []docket.Correction{{Field: "facts", Text: "请写明交货时间"}}
	_, err := c.RequestCorrections(ctx, c.filing, waiting.ID, waiting.Version, nil, 7)
	c.invalid(err, "corrections_missing")
	_, err = c.RequestCorrections(ctx, c.filing, waiting.ID, waiting.Version, []docket.Correction{{Field: "facts"}}, 0)
	c.invalid(err, "correction_text_missing")
	c.invalid(err, "days_out_of_range")

	asked, err := c.RequestCorrections(ctx, c.filing, waiting.ID, waiting.Version, wanted, 7)
	c.ok(err)
	if asked.Stage != docket.StageCorrecting || asked.CorrectionDue.String() != "2026-04-08" || !slices.Equal(asked.Corrections, wanted) {
		t.Fatalf("asked %+v", asked)
	}
	_, err = c.Refuse(ctx, c.filing, waiting.ID, asked.Version, "材料不全")
	c.is(err, docket.ErrConflict) // the filer still has days to correct

	c.clock.Advance(2 * 24 * time.Hour)
	mended := asked.Draft()
	mended.Facts += "交货时间为2025年10月20日。"
	saved, err := c.SaveDraft(ctx, c.zhang, waiting.ID, asked.Version, mended)
	c.ok(err)
	receipt, err := c.Submit(ctx, c.zhang, waiting.ID, saved.Version)
	c.ok(err)
	again := c.read(waiting.ID)
	if receipt.Round != 2 || again.Stage != docket.StageSubmitted {
		t.Errorf("receipt %+v, stage %s", receipt, again.Stage)
	}
	// LR 9: the period starts again the day after the material came, 2026-04-03.
	if again.ReviewDue.Start.String() != "2026-04-03" || again.ReviewDue.Due.String() != "2026-04-10" {
		t.Errorf("review due %+v", again.ReviewDue)
	}
	_, err = c.RequestCorrections(ctx, c.filing, waiting.ID, again.Version, wanted, 7)
	c.is(err, docket.ErrConflict) // once only, DJ 7
	c.checkRecord(waiting.ID)
}

func TestRefuse(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	waiting := c.submitted()
	_, err := c.Refuse(ctx, c.filing, waiting.ID, waiting.Version, "  ")
	c.invalid(err, "reason_missing")
	refused, err := c.Refuse(ctx, c.filing, waiting.ID, waiting.Version, "不属于人民法院受理范围")
	c.ok(err)
	if refused.Stage != docket.StageRefused || refused.RefusalReason == "" || refused.Number != "" {
		t.Errorf("refused %+v", refused)
	}
	_, err = c.Accept(ctx, c.filing, waiting.ID, c.acceptInput(refused.Version))
	c.is(err, docket.ErrConflict)

	late := c.submitted()
	asked, err := c.RequestCorrections(ctx, c.filing, late.ID, late.Version, []docket.Correction{{Field: "facts", Text: "补"}}, 3)
	c.ok(err)
	c.clock.Advance(30 * 24 * time.Hour)
	_, err = c.Refuse(ctx, c.filing, late.ID, asked.Version, "逾期未补正")
	c.ok(err)
}

func TestStageMoves(t *testing.T) {
	legal := map[[2]docket.Stage]bool{
		{"draft", "submitted"}: true, {"submitted", "correcting"}: true, {"submitted", "refused"}: true,
		{"submitted", "accepted"}: true, {"correcting", "submitted"}: true, {"correcting", "refused"}: true,
		{"accepted", "scheduled"}: true, {"scheduled", "heard"}: true, {"scheduled", "accepted"}: true,
		{"heard", "scheduled"}: true, {"heard", "judged"}: true, {"judged", "served"}: true,
	}
	for _, from := range docket.Stages() {
		for _, to := range docket.Stages() {
			if got := from.CanMove(to); got != legal[[2]docket.Stage{from, to}] {
				t.Errorf("%s → %s: %t", from, to, got)
			}
		}
	}
}
