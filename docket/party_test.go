package docket_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

func TestInvitation(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	a := c.accepted()
	defendant := a.Parties[1]
	old, err := c.Invite(ctx, c.clerk, a.ID, defendant.ID)
	c.ok(err)
	fresh, err := c.Invite(ctx, c.clerk, a.ID, defendant.ID)
	c.ok(err)
	if letter, err := c.InvitationLetter(ctx, fresh.ID); err != nil || letter.Code != fresh.Code || letter.Party.Name != "李娜" {
		t.Errorf("letter %+v, %v", letter, err)
	}
	_, err = c.InvitationLetter(ctx, old.ID)
	c.is(err, docket.ErrCode)
	_, err = c.Link(ctx, c.li, old.Code)
	c.is(err, docket.ErrCode)

	// At rest there is neither the code nor anything that says it.
	bare := strings.ReplaceAll(fresh.Code, "-", "")
	if n := c.count(`SELECT (SELECT count(*) FROM invitations i WHERE i::text ILIKE '%' || $1 || '%')
		+ (SELECT count(*) FROM river_job j WHERE j::text ILIKE '%' || $1 || '%')
		+ (SELECT count(*) FROM entries e WHERE position($2 IN e.payload) > 0)`, bare, []byte(bare)); n != 0 {
		t.Error("the code is in the database")
	}

	_, err = c.Link(ctx, c.zhang, fresh.Code)
	c.is(err, docket.ErrIdentity)
	linked, err := c.Link(ctx, c.li, " "+strings.ToLower(bare)+" ")
	c.ok(err)
	if p, ok := linked.PartyOf(c.li.Account); !ok || p.ID != defendant.ID || p.Consent != nil {
		t.Errorf("linked party %+v: linking is no consent", p)
	}
	_, err = c.Link(ctx, c.li, fresh.Code)
	c.is(err, docket.ErrCode)
	_, err = c.Invite(ctx, c.clerk, a.ID, defendant.ID)
	c.is(err, docket.ErrConflict)
	_, err = c.Invite(ctx, c.clerk, a.ID, uuid.New())
	c.is(err, docket.ErrNotFound)
	c.checkRecord(a.ID)
}

func TestLinkOnce(t *testing.T) {
	c := newCourt(t)
	a := c.accepted()
	invitation, err := c.Invite(t.Context(), c.clerk, a.ID, a.Parties[1].ID)
	c.ok(err)
	won := 0
	for _, err := range everyone(5, func(int) error {
		_, err := c.Link(t.Context(), c.li, invitation.Code)
		return err
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, docket.ErrCode):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("one code worked %d times", won)
	}
}

func TestInvitationExpires(t *testing.T) {
	c := newCourt(t)
	a := c.accepted()
	invitation, err := c.Invite(t.Context(), c.clerk, a.ID, a.Parties[1].ID)
	c.ok(err)
	c.clock.Set(invitation.Expires)
	_, err = c.Link(t.Context(), c.li, invitation.Code)
	c.is(err, docket.ErrCode)
}

func TestLinkIsThrottled(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	a := c.accepted()
	invitation, err := c.Invite(ctx, c.clerk, a.ID, a.Parties[1].ID)
	c.ok(err)
	wrong, throttled := 0, 0
	for _, err := range everyone(20, func(int) error {
		_, err := c.Link(ctx, c.li, "0000-0000-0000")
		return err
	}) {
		switch {
		case errors.Is(err, docket.ErrCode):
			wrong++
		case errors.Is(err, docket.ErrThrottled):
			throttled++
		default:
			t.Error(err)
		}
	}
	if wrong != 5 || throttled != 15 {
		t.Errorf("%d tries reached the codes and %d were throttled, want 5 and 15", wrong, throttled)
	}
	_, err = c.Link(ctx, c.li, invitation.Code)
	c.is(err, docket.ErrThrottled)
	c.clock.Advance(16 * time.Minute)
	_, err = c.Link(ctx, c.li, invitation.Code)
	c.ok(err)
}

func TestConsentIsPerPersonAndStage(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	linked := c.linked()
	defendant := func() *docket.Consent { p, _ := c.read(linked.ID).PartyOf(c.li.Account); return p.Consent }
	c.ok(c.Consent(ctx, c.li, linked.ID, docket.ConsentInput{Online: true, Stage: docket.OnlineEvidence}))
	if got := defendant(); !got.Online(docket.OnlineEvidence) || got.Online(docket.OnlineHearing) || got.EService {
		t.Errorf("consent %+v", got)
	}
	plaintiff, _ := c.read(linked.ID).PartyOf(c.zhang.Account)
	if plaintiff.Consent.Online(docket.OnlineEvidence) {
		t.Error("one party's consent became another's")
	}
	c.ok(c.Consent(ctx, c.li, linked.ID, docket.ConsentInput{EService: true, EmailAddress: "li@example.org"}))
	if got := defendant(); !got.EService || got.EmailAddress != "li@example.org" || got.Basis != "declared" || !got.At.Equal(c.clock.Now()) {
		t.Errorf("consent %+v", got)
	}
	c.ok(c.Consent(ctx, c.li, linked.ID, docket.ConsentInput{Stage: docket.OnlineHearing}))
	if got := defendant(); got.Online(docket.OnlineHearing) || !got.EService {
		t.Errorf("after a no to the hearing: %+v", got)
	}
	c.invalid(c.WithdrawConsent(ctx, c.li, linked.ID, docket.OnlineEvidence, ""), "reason_missing")
	c.is(c.WithdrawConsent(ctx, c.li, linked.ID, docket.OnlineMediation, "不便"), docket.ErrConflict)
	c.ok(c.WithdrawConsent(ctx, c.li, linked.ID, docket.OnlineEvidence, "设备损坏"))
	c.ok(c.WithdrawConsent(ctx, c.li, linked.ID, docket.WithdrawEService, "邮箱停用"))
	if got := defendant(); got.Online(docket.OnlineEvidence) || got.EService || got.EmailAddress != "" {
		t.Errorf("after the withdrawal: %+v", got)
	}
	c.is(c.Consent(ctx, c.judge, linked.ID, docket.ConsentInput{Online: true, Stage: docket.OnlineHearing}), docket.ErrForbidden)
	for code, in := range map[string]docket.ConsentInput{
		"consent_stage_missing":   {Online: true},
		"service_address_missing": {EService: true},
		"email_wrong":             {EService: true, EmailAddress: "李娜 <li@example.org>"},
	} {
		c.invalid(c.Consent(ctx, c.li, linked.ID, in), code)
	}
	c.checkRecord(linked.ID)
}

func TestDecliningEverything(t *testing.T) {
	c := newCourt(t)
	linked := c.linked()
	c.ok(c.Consent(t.Context(), c.zhang, linked.ID, docket.ConsentInput{}))
	p, _ := c.read(linked.ID).PartyOf(c.zhang.Account)
	// What was agreed by filing online stands; the rest is now answered.
	if !p.Consent.Online(docket.OnlineFiling) || len(p.Consent.Stages) != 1 || len(p.Consent.Declined) != 4 {
		t.Errorf("consent %+v", p.Consent)
	}
	if desk, err := c.Desk(t.Context(), c.zhang); err != nil || len(desk.Todo) != 0 {
		t.Errorf("desk %+v, %v", desk.Todo, err)
	}
	entries := c.checkRecord(linked.ID)
	if last := entries[len(entries)-1]; last.Kind != docket.EntryConsentDeclined {
		t.Errorf("entry %s", last.Kind)
	}
}

func TestViewAndLists(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	draft, linked := c.draft(), c.linked()
	for name, want := range map[string]struct {
		actor identity.Actor
		id    uuid.UUID
		text  string
	}{
		"filer of a draft": {c.zhang, draft.ID, "plaintiff"},
		"plaintiff":        {c.zhang, linked.ID, "plaintiff"},
		"defendant":        {c.li, linked.ID, "defendant"},
		"defendant, draft": {c.li, draft.ID, ""},
		"judge":            {c.judge, linked.ID, "judge"},
		"clerk":            {c.clerk, linked.ID, "clerk"},
		"filing clerk":     {c.filing, linked.ID, ""},
		"nobody":           {identity.Actor{}, linked.ID, ""},
	} {
		view, err := c.View(ctx, want.actor, want.id)
		c.ok(err)
		var got []string
		for _, s := range view.Standings {
			got = append(got, string(s))
		}
		if strings.Join(got, ",") != want.text || view.PublicHearing {
			t.Errorf("%s: %+v", name, view)
		}
	}
	c.hearing(linked.ID)
	if view, err := c.View(ctx, identity.Actor{}, linked.ID); err != nil || !view.PublicHearing || view.Stage != "scheduled" {
		t.Errorf("view %+v, %v", view, err)
	}
	_, err := c.View(ctx, c.zhang, uuid.New())
	c.is(err, docket.ErrNotFound)

	for name, want := range map[string]struct {
		filter docket.Filter
		total  int
	}{
		"all but drafts":    {docket.Filter{}, 1},
		"the plaintiff's":   {docket.Filter{Mine: c.zhang.Account}, 2},
		"the defendant's":   {docket.Filter{Mine: c.li.Account}, 1},
		"somebody else's":   {docket.Filter{Mine: uuid.New()}, 0},
		"by stage":          {docket.Filter{Stage: docket.StageScheduled}, 1},
		"by another stage":  {docket.Filter{Stage: docket.StageHeard}, 0},
		"by name and cause": {docket.Filter{Query: "李娜 买卖"}, 1},
		"by number":         {docket.Filter{Query: "京0491民初1号"}, 1},
		"a wild card":       {docket.Filter{Query: "%"}, 0},
		"a page too far":    {docket.Filter{Mine: c.zhang.Account, PerPage: 1, Page: 99}, 2},
	} {
		cases, total, err := c.Cases(ctx, want.filter)
		c.ok(err)
		if total != want.total || total > 0 && want.filter.PerPage == 0 && len(cases) != total {
			t.Errorf("%s: %d of %d, want %d", name, len(cases), total, want.total)
		}
	}
	first, _, err := c.Cases(ctx, docket.Filter{Mine: c.zhang.Account, Sort: "-created", PerPage: 1, Page: 2})
	c.ok(err)
	if len(first) != 1 || first[0].ID != linked.ID {
		t.Errorf("second oldest is %+v", first)
	}
}

func TestDesk(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	todo := func(actor identity.Actor) string {
		desk, err := c.Desk(ctx, actor)
		c.ok(err)
		var list []string
		for _, one := range desk.Todo {
			due := "-"
			if one.Due != nil {
				due = one.Due.String()
			}
			list = append(list, one.Kind+" "+due)
		}
		return strings.Join(list, "; ")
	}
	check := func(when string, actor identity.Actor, want string) {
		t.Helper()
		if got := todo(actor); got != want {
			t.Errorf("%s, %s: %q, want %q", when, actor.Name, got, want)
		}
	}
	draft := c.draft()
	check("draft", c.zhang, "finish_draft 2026-06-30")
	_, err := c.Submit(ctx, c.zhang, draft.ID, draft.Version)
	c.ok(err)
	check("submitted", c.filing, "review 2026-04-08")
	check("submitted", c.zhang, "")
	accepted, err := c.Accept(ctx, c.filing, draft.ID, c.acceptInput(c.read(draft.ID).Version))
	c.ok(err)
	check("accepted", c.filing, "")
	// Three days end on 04-04, a holiday until 04-06; five on the same one.
	check("accepted", c.zhang, "consent 2026-04-07")
	check("accepted", c.clerk, "invite 2026-04-07; schedule 2026-10-08")
	invitation, err := c.Invite(ctx, c.clerk, draft.ID, accepted.Parties[1].ID)
	c.ok(err)
	check("invited", c.clerk, "schedule 2026-10-08")
	_, err = c.Link(ctx, c.li, invitation.Code)
	c.ok(err)
	for _, actor := range []identity.Actor{c.zhang, c.li} {
		check("linked", actor, "consent 2026-04-07")
		c.ok(c.Consent(ctx, actor, draft.ID, docket.ConsentInput{Online: true, Stage: docket.OnlineHearing}))
		check("consented", actor, "")
	}
	h := c.hearing(draft.ID)
	for _, actor := range []identity.Actor{c.zhang, c.li, c.judge, c.clerk} {
		check("scheduled", actor, "hearing 2026-04-05")
	}
	_, err = c.WriteLine(ctx, c.clerk, h.ID, docket.LineInput{ID: uuid.New(), Speaker: "书", Text: "开庭"})
	c.ok(err)
	c.move(h, docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed)
	check("heard", c.judge, "judge 2026-10-08")
	check("heard", c.li, "confirm_transcript 2026-04-07")
	c.ok(c.AnswerTranscript(ctx, c.li, h.ID, false, "第一行有误"))
	check("answered", c.li, "")
	if _, err := c.Desk(ctx, identity.Actor{}); !errors.Is(err, docket.ErrForbidden) {
		t.Errorf("nobody's desk: %v", err)
	}
}

func TestPayloadIsCanonical(t *testing.T) {
	c := newCourt(t)
	c.draft()
	entries := c.checkRecord(c.draft().ID)
	want := []byte(`{"actor":{"id":"` + c.zhang.Account.String() + `","name":"张伟","standing":"plaintiff"},"at":"2026-04-01T02:00:00Z","case":"` +
		entries[0].Case.String() + `","data":{},"files":[],"kind":"case.created","number":"","seq":1}`)
	if !bytes.Equal(entries[0].Payload, want) {
		t.Errorf("payload\n got %s\nwant %s", entries[0].Payload, want)
	}
}
