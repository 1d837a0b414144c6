package service_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service/mail"
)

// TestDraftNoticeIsMailed: who writes a draft gets one mail before it is cleared, in both languages, that leads to the draft and
// names nobody. Who has no address gets none, nor who goes on with the draft before the mail went.
func TestDraftNoticeIsMailed(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	draft, err := c.docket.CreateDraft(ctx, c.zhang)
	must(t, err)
	quiet := c.register("quiet", "周静", "31010119930307001", identity.RoleUser)
	_, err = c.pool.Exec(ctx, `UPDATE identity_account SET email = '' WHERE id = $1`, quiet.Account)
	must(t, err)
	_, err = c.docket.CreateDraft(ctx, quiet)
	must(t, err)
	c.clock.Set(c.clock.Now().AddDate(0, 0, 85))
	made, err := c.docket.NoticeDrafts(ctx)
	must(t, err)
	c.settle()
	// The job runs once more, as after a stop in between.
	_, err = c.pool.Exec(ctx, `UPDATE river_job SET state = 'available', finalized_at = NULL, attempt = 0 WHERE kind = $1`, docket.DraftNoticeArgs{}.Kind())
	must(t, err)
	c.settle()
	mails, documents, led := c.mailed("")
	if made != 2 || len(mails) != 1 || documents != 0 || led["cases"] != 1 || !strings.Contains(mails[0].To, "zhangwei@example.org") {
		t.Fatalf("%d notices, %d mails with %d documents lead to %v", made, len(mails), documents, led)
	}
	texts, _ := c.parts(filepath.Join(c.spool, mails[0].File))
	for _, want := range []string{"保留到2026年6月30日", "kept up to and including 2026-06-30", "/cases/" + draft.ID.String() + "/edit", "不是电子送达"} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("the mail lacks %s: %s", want, texts[0])
		}
	}
	for _, secret := range []string{"张伟", zhangID, "13800138000", "原告"} {
		if strings.Contains(texts[0]+mails[0].Subject, secret) {
			t.Errorf("the mail names %s", secret)
		}
	}
	_, err = c.docket.SaveDraft(ctx, c.zhang, draft.ID, draft.Version, draft.Draft())
	must(t, err)
	c.clock.Set(c.clock.Now().AddDate(0, 0, 3))
	if made, err = c.docket.NoticeDrafts(ctx); err != nil || made != 0 {
		t.Errorf("%d notices of what was changed: %v", made, err)
	}
}

// refusing is a mail server that refuses every address for good.
type refusing struct {
	mu    sync.Mutex
	asked int
}

// Send implements mail.Mailer.
func (r *refusing) Send(context.Context, mail.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return &mail.Rejected{Reason: "550 no such user"}
}

// TestRefusedDraftNotice: an address that is refused for good is asked once, and the notice stays in the mailbox.
func TestRefusedDraftNotice(t *testing.T) {
	server := &refusing{}
	c := newCourt(t, server)
	_, err := c.docket.CreateDraft(t.Context(), c.zhang)
	must(t, err)
	c.clock.Set(c.clock.Now().AddDate(0, 0, 85))
	_, err = c.docket.NoticeDrafts(t.Context())
	must(t, err)
	c.settle()
	list, err := c.docket.DraftNotices(t.Context(), c.zhang)
	must(t, err)
	if server.asked != 1 || len(list) != 1 {
		t.Errorf("asked %d times, %d notices", server.asked, len(list))
	}
}
