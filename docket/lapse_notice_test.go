package docket_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/identity"
)

func TestDraftNoticeFrom(t *testing.T) {
	for _, one := range []struct {
		until        string
		days, before int
		from         string // empty: nobody is told
	}{
		{"2026-06-30", 90, 7, "2026-06-23"},
		{"2028-03-03", 30, 7, "2028-02-25"}, // over 29 February
		{"2026-06-30", 8, 7, "2026-06-23"},
		{"2026-06-30", 7, 7, ""},
		{"2026-06-30", 3, 7, ""},
		{"2026-06-30", 0, 7, ""},
		{"2026-06-30", 90, 0, ""},
		{"2026-06-30", 90, -1, ""},
	} {
		from, ok := docket.DraftNoticeFrom(deadline.MustParse(one.until), one.days, one.before)
		if ok != (one.from != "") || ok && from.String() != one.from {
			t.Errorf("until %s, kept for %d days, told %d before: from %s, %v", one.until, one.days, one.before, from, ok)
		}
	}
}

// noticed runs the job on a day of the court, one second after its midnight.
func (c *court) noticed(day string) int {
	c.t.Helper()
	c.clock.Set(deadline.MustParse(day).In(docket.ProfileCN().Zone).Add(time.Second))
	made, err := c.NoticeDrafts(c.t.Context())
	c.ok(err)
	return made
}

// holding are the notices that hold of a person's drafts: the last day of each.
func (c *court) holding(who identity.Actor) map[uuid.UUID]string {
	c.t.Helper()
	list, err := c.DraftNotices(c.t.Context(), who)
	c.ok(err)
	days := map[uuid.UUID]string{}
	for _, n := range list {
		days[n.Case] = n.KeptUntil.String()
	}
	return days
}

// noticeJobs counts the jobs that mail a notice of a draft, by the day that they name.
func (c *court) noticeJobs(draft uuid.UUID) map[string]int {
	c.t.Helper()
	rows, err := c.pool.Query(c.t.Context(), `SELECT args FROM river_job WHERE kind = 'draft_notice' AND args->>'case' = $1`, draft.String())
	c.ok(err)
	defer rows.Close()
	jobs := map[string]int{}
	for rows.Next() {
		var raw []byte
		c.ok(rows.Scan(&raw))
		var args docket.DraftNoticeArgs
		c.ok(json.Unmarshal(raw, &args))
		jobs[args.KeptUntil.String()]++
	}
	c.ok(rows.Err())
	return jobs
}

// TestDraftsAreNoticedOnce: a week before a draft is cleared its filer is told, once however often and by how many at a time the job
// runs. Who goes on with it takes the notice away, and is told again a week before the new day; what is filed needs none.
func TestDraftsAreNoticedOnce(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	draft, filed, other := c.draft(), c.draft(), c.draft() // kept until 30 June
	c.clock.Set(c.clock.Now().Add(time.Hour))
	_, err := c.Submit(ctx, c.zhang, filed.ID, filed.Version)
	c.ok(err)
	if n := c.noticed("2026-06-22"); n != 0 || len(c.holding(c.zhang)) != 0 {
		t.Errorf("eight days before, %d are told", n)
	}
	c.clock.Set(deadline.MustParse("2026-06-23").In(docket.ProfileCN().Zone))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if _, err := c.NoticeDrafts(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := c.noticed("2026-06-24"); n != 0 {
		t.Errorf("%d are told again", n)
	}
	for _, id := range []uuid.UUID{draft.ID, other.ID} {
		if jobs := c.noticeJobs(id); len(jobs) != 1 || jobs["2026-06-30"] != 1 {
			t.Errorf("mails: %v", jobs)
		}
	}
	if days := c.holding(c.zhang); len(days) != 2 || days[draft.ID] != "2026-06-30" || len(c.noticeJobs(filed.ID)) != 0 {
		t.Errorf("notices that hold: %v", days)
	}
	if days := c.holding(c.li); len(days) != 0 {
		t.Errorf("another person is told: %v", days)
	}
	_, err = c.DraftNotices(ctx, identity.Actor{})
	c.is(err, docket.ErrForbidden)

	_, err = c.SaveDraft(ctx, c.zhang, other.ID, c.read(other.ID).Version, sales()) // on 24 June: until 22 September
	c.ok(err)
	if _, _, err := c.DraftNotice(ctx, other.ID, deadline.MustParse("2026-06-30")); err == nil || len(c.holding(c.zhang)) != 1 {
		t.Errorf("a changed draft's notice holds: %v", err)
	}
	n, filer, err := c.DraftNotice(ctx, draft.ID, deadline.MustParse("2026-06-30"))
	if c.ok(err); filer != c.zhang.Account || n.Case != draft.ID || n.Title == "" {
		t.Errorf("%+v for %s", n, filer)
	}
	_, lapsed := c.lapses("2026-07-01", false)
	if n := c.count(`SELECT count(*) FROM draft_notices WHERE case_id = $1`, draft.ID); lapsed != 1 || n != 0 || len(c.holding(c.zhang)) != 0 {
		t.Errorf("%d lapsed, %d notices are left of it", lapsed, n)
	}
	if a, b := c.noticed("2026-09-14"), c.noticed("2026-09-15"); a != 0 || b != 1 || c.noticeJobs(other.ID)["2026-09-22"] != 1 || c.noticed("2026-09-16") != 0 {
		t.Errorf("of the new day: %d, %d, %v", a, b, c.noticeJobs(other.ID))
	}
	_, err = c.Submit(ctx, c.zhang, other.ID, c.read(other.ID).Version)
	if c.ok(err); len(c.holding(c.zhang)) != 0 {
		t.Error("a filed complaint's notice holds")
	}
}

// TestOverdueDraftsAreNotNoticed: what should have lapsed already is not said to be kept until a day that is over.
func TestOverdueDraftsAreNotNoticed(t *testing.T) {
	c := newCourt(t)
	draft := c.draft()
	if n := c.noticed("2026-07-01"); n != 0 || len(c.noticeJobs(draft.ID)) != 0 {
		t.Errorf("%d are told after the last day", n)
	}
}
