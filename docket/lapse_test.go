package docket_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/docket/deadline"
)

func TestDraftKeptUntil(t *testing.T) {
	for _, one := range []struct {
		changed string
		days    int
		until   string // empty: for ever
	}{
		{"2026-04-01", 90, "2026-06-30"},
		{"2026-12-01", 90, "2027-03-01"},
		{"2028-01-31", 30, "2028-03-01"}, // over 29 February
		{"2026-04-01", 0, ""},
		{"2026-04-01", -1, ""},
	} {
		got, ok := docket.DraftKeptUntil(deadline.MustParse(one.changed), one.days)
		if ok != (one.until != "") || ok && got.String() != one.until {
			t.Errorf("%s for %d days: until %s, %v", one.changed, one.days, got, ok)
		}
	}
}

// lapses runs the job on a day of the court, one second after its midnight, and gives the drafts that it offered to give up.
func (c *court) lapses(day string, keep bool) (offered map[uuid.UUID]int, lapsed int) {
	c.t.Helper()
	c.clock.Set(deadline.MustParse(day).In(docket.ProfileCN().Zone).Add(time.Second))
	offered = map[uuid.UUID]int{}
	lapsed, err := c.LapseDrafts(c.t.Context(), func(_ pgx.Tx, id uuid.UUID, before time.Time, items []docket.Evidence) (bool, error) {
		offered[id] = len(items)
		return keep, nil
	})
	c.ok(err)
	return offered, lapsed
}

// TestDraftsLapse: a draft is kept for 90 days after its last change, an item of evidence being one; its filer is told until
// when. Then all that it says is gone, and the record says that it lapsed. What was filed stays.
func TestDraftsLapse(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	filed, draft, other := c.submitted(), c.draft(), c.draft()
	if draft.KeptUntil == nil || draft.KeptUntil.String() != "2026-06-30" || filed.KeptUntil != nil {
		t.Errorf("kept until %v, what is filed until %v", draft.KeptUntil, filed.KeptUntil)
	}
	desk, err := c.Desk(ctx, c.zhang)
	c.ok(err)
	if len(desk.Todo) != 2 || desk.Todo[0].Due == nil || desk.Todo[0].Due.String() != "2026-06-30" {
		t.Errorf("the filer's desk: %+v", desk.Todo)
	}
	if offered, n := c.lapses("2026-06-30", false); n != 0 || len(offered) != 0 {
		t.Errorf("on the last day %d lapsed, %v", n, offered)
	}
	item, err := c.AddEvidence(ctx, c.zhang, other.ID, c.file("收据", "收据正文"))
	c.ok(err)
	if offered, n := c.lapses("2026-07-01", true); n != 0 || len(offered) != 1 || offered[draft.ID] != 1 || c.read(draft.ID).Facts == "" {
		t.Errorf("a draft for which a file is being sent: %d lapsed, %v", n, offered)
	}
	if offered, n := c.lapses("2026-07-02", false); n != 1 || len(offered) != 1 || offered[draft.ID] != 1 {
		t.Errorf("%d lapsed, %v", n, offered)
	}
	c.checkLapsed(draft)
	if c.read(filed.ID).Facts == "" || c.read(other.ID).KeptUntil.String() != "2026-09-28" {
		t.Errorf("what is filed %+v, the other draft %+v", c.read(filed.ID), c.read(other.ID))
	}
	c.ok(c.RemoveEvidence(ctx, c.zhang, other.ID, item.ID))
	if until := c.read(other.ID).KeptUntil; until.String() != "2026-09-30" {
		t.Errorf("after an item was taken out, until %s", until)
	}
	_, err = c.SaveDraft(ctx, c.zhang, other.ID, other.Version, sales())
	c.ok(err)
	if offered, n := c.lapses("2026-09-30", false); n != 0 || len(offered) != 0 {
		t.Errorf("lapsed twice, or while it is kept: %d, %v", n, offered)
	}
	failed := errors.New("the files cannot be given up")
	c.clock.Set(c.clock.Now().AddDate(1, 0, 0))
	if n, err := c.LapseDrafts(ctx, func(pgx.Tx, uuid.UUID, time.Time, []docket.Evidence) (bool, error) { return false, failed }); !errors.Is(err, failed) || n != 0 || c.read(other.ID).Facts == "" {
		t.Errorf("%d lapsed: %v", n, err)
	}
}

// checkLapsed: no text and no person is left of a draft but in its entries, and nobody sees it.
func (c *court) checkLapsed(draft docket.Case) {
	c.t.Helper()
	ctx := c.t.Context()
	left := c.read(draft.ID)
	if left.Facts != "" || left.Grounds != "" || left.Title != "" || len(left.Parties)+len(left.Claims)+len(left.Witnesses) > 0 || left.Filer != uuid.Nil || left.Stage != docket.StageDraft {
		c.t.Errorf("left of the draft: %+v", left)
	}
	for _, table := range []string{"evidence", "online_consents", "service_consents"} {
		if n := c.count(`SELECT count(*) FROM `+table+` WHERE case_id = $1`, draft.ID); n != 0 {
			c.t.Errorf("%d rows of %s", n, table)
		}
	}
	view, err := c.View(ctx, c.zhang, draft.ID)
	c.ok(err)
	if len(view.Standings) != 0 {
		c.t.Errorf("its filer is still %v", view.Standings)
	}
	cases, _, err := c.Cases(ctx, docket.Filter{Mine: c.zhang.Account})
	c.ok(err)
	for _, one := range cases {
		if one.ID == draft.ID {
			c.t.Error("it is on its filer's list")
		}
	}
	_, err = c.SaveDraft(ctx, c.zhang, draft.ID, left.Version, sales())
	c.is(err, docket.ErrForbidden)
	entries := c.checkRecord(draft.ID)
	last := entries[len(entries)-1]
	if last.Kind != docket.EntryDraftLapsed || !last.At.Equal(c.clock.Now()) || strings.Contains(string(last.Payload), "张伟") || strings.Contains(string(last.Payload), c.zhang.Account.String()) {
		c.t.Errorf("the last entry: %s %s", last.Kind, last.Payload)
	}
}
