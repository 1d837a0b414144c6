package docket_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

func TestCreateDraftKnowsTheFiler(t *testing.T) {
	c := newCourt(t)
	draft, err := c.CreateDraft(t.Context(), c.zhang)
	c.ok(err)
	if draft.Stage != docket.StageDraft || len(draft.Parties) != 1 || draft.Parties[0].Name != "张伟" || draft.Parties[0].IDNumber != zhangID {
		t.Errorf("draft %+v", draft)
	}
	_, err = c.CreateDraft(t.Context(), identity.Actor{})
	c.is(err, docket.ErrForbidden)
}

func TestSaveDraft(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	opened, err := c.CreateDraft(ctx, c.zhang)
	c.ok(err)
	first, err := c.SaveDraft(ctx, c.zhang, opened.ID, opened.Version, sales())
	c.ok(err)
	if first.AmountFen != 100_000_00 || first.CauseName != "买卖合同纠纷" || len(first.Parties) != 2 {
		t.Fatalf("saved %+v", first)
	}
	if first.Parties[0].ID != opened.Parties[0].ID {
		t.Error("the plaintiff got another id")
	}

	stale := sales()
	stale.Facts = "另一窗口里较早写下的事实。"
	current, err := c.SaveDraft(ctx, c.zhang, opened.ID, opened.Version, stale)
	c.is(err, docket.ErrStale)
	if current.Version != first.Version || current.Facts != first.Facts {
		t.Errorf("a stale save answers with %+v, want the present draft", current)
	}

	back := first.Draft()
	slices.Reverse(back.Parties)
	turned, err := c.SaveDraft(ctx, c.zhang, opened.ID, first.Version, back)
	c.ok(err)
	if turned.Parties[0].ID != first.Parties[1].ID || turned.Parties[0].Name != "李娜" {
		t.Error("parties lost their ids when their order changed")
	}
	back.Parties = back.Parties[:1]
	fewer, err := c.SaveDraft(ctx, c.zhang, opened.ID, turned.Version, back)
	c.ok(err)
	if len(fewer.Parties) != 1 {
		t.Errorf("%d parties after one was taken out", len(fewer.Parties))
	}

	_, err = c.SaveDraft(ctx, c.li, opened.ID, fewer.Version, sales())
	c.is(err, docket.ErrForbidden)
	_, err = c.SaveDraft(ctx, c.zhang, uuid.New(), 1, sales())
	c.is(err, docket.ErrNotFound)
	for code, change := range map[string]func(*docket.Draft){
		"standing_unknown":   func(d *docket.Draft) { d.Parties[0].Standing = "judge" },
		"party_kind_unknown": func(d *docket.Draft) { d.Parties[0].Kind = "" },
		"id_kind_missing":    func(d *docket.Draft) { d.Parties[0].IDKind = "library card" },
		"claim_amount_wrong": func(d *docket.Draft) { d.Claims[0].AmountFen = -1 },
		"text_too_long":      func(d *docket.Draft) { d.Facts = "a\x00b" },
		"too_many_parties":   func(d *docket.Draft) { d.Parties = make([]complaint.PartyInput, 300) },
	} {
		bad := sales()
		change(&bad)
		_, err := c.SaveDraft(ctx, c.zhang, opened.ID, fewer.Version, bad)
		c.invalid(err, code)
	}
}

func TestSaveDraftConcurrently(t *testing.T) {
	c := newCourt(t)
	opened, err := c.CreateDraft(t.Context(), c.zhang)
	c.ok(err)
	saved := 0
	for _, err := range everyone(10, func(int) error {
		_, err := c.SaveDraft(t.Context(), c.zhang, opened.ID, opened.Version, sales())
		return err
	}) {
		switch {
		case err == nil:
			saved++
		case !errors.Is(err, docket.ErrStale):
			t.Error(err)
		}
	}
	if saved != 1 {
		t.Errorf("%d of 10 saves of one version succeeded, want 1", saved)
	}
}

func TestSubmit(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	empty, err := c.CreateDraft(ctx, c.zhang)
	c.ok(err)
	_, err = c.Submit(ctx, c.zhang, empty.ID, empty.Version)
	c.invalid(err, "claims_missing")
	if n := c.count(`SELECT count(*) FROM filings`); n != 0 {
		t.Fatal("an incomplete complaint was filed")
	}

	draft := c.draft()
	if findings, err := c.Findings(ctx, draft.ID); err != nil || len(complaint.Blocking(findings)) != 0 {
		t.Fatalf("findings %+v, %v", findings, err)
	}
	_, err = c.Submit(ctx, c.zhang, draft.ID, draft.Version-1)
	c.is(err, docket.ErrStale)
	_, err = c.Submit(ctx, c.li, draft.ID, draft.Version)
	c.is(err, docket.ErrForbidden)

	receipt, err := c.Submit(ctx, c.zhang, draft.ID, draft.Version)
	c.ok(err)
	items, err := c.Evidence(ctx, draft.ID)
	c.ok(err)
	if receipt.Number != "京0491收20260401-0001" || !receipt.At.Equal(c.clock.Now()) || len(receipt.Files) != 1 || receipt.Files[0].Hash != items[0].Blob.Hash {
		t.Errorf("receipt %+v", receipt)
	}
	c.clock.Advance(time.Hour)
	again, err := c.Submit(ctx, c.zhang, draft.ID, draft.Version)
	c.ok(err)
	if again.ID != receipt.ID || again.Number != receipt.Number || !again.At.Equal(receipt.At) {
		t.Errorf("the second submit gave another receipt: %+v", again)
	}
	_, err = c.Submit(ctx, c.zhang, draft.ID, draft.Version+1)
	c.is(err, docket.ErrConflict)

	filed := c.read(draft.ID)
	if filed.Stage != docket.StageSubmitted || filed.Parties[0].Account == nil || *filed.Parties[0].Account != c.zhang.Account {
		t.Errorf("filed case %+v", filed)
	}
	if !filed.Parties[0].Consent.Online(docket.OnlineFiling) || filed.Parties[0].Consent.Online(docket.OnlineHearing) {
		t.Error("filing online is consent to the filing and to nothing else (LR 4)")
	}
	// RULES: filed 2026-04-01, decide by 2026-04-08.
	if filed.ReviewDue == nil || filed.ReviewDue.Due.String() != "2026-04-08" {
		t.Errorf("review due %+v", filed.ReviewDue)
	}
	if _, err := c.SaveDraft(ctx, c.zhang, draft.ID, filed.Version, sales()); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("a filed complaint was rewritten: %v", err)
	}
}

func TestSubmitConcurrently(t *testing.T) {
	c := newCourt(t)
	draft := c.draft()
	receipts := make([]docket.Receipt, 20)
	for _, err := range everyone(len(receipts), func(i int) (err error) {
		receipts[i], err = c.Submit(t.Context(), c.zhang, draft.ID, draft.Version)
		return err
	}) {
		c.ok(err)
	}
	for _, r := range receipts {
		if r.ID != receipts[0].ID {
			t.Fatalf("two receipts: %s and %s", r.ID, receipts[0].ID)
		}
	}
	if n := c.count(`SELECT count(*) FROM filings`); n != 1 {
		t.Errorf("%d filings", n)
	}
	if n := c.count(`SELECT count(*) FROM entries WHERE kind = 'case.filed'`); n != 1 {
		t.Errorf("%d entries of the filing", n)
	}
	c.checkRecord(draft.ID)
}

func TestEvidence(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	draft := c.draft()
	in := c.file("送货单", "送货单正文")
	item, err := c.AddEvidence(ctx, c.zhang, draft.ID, in)
	c.ok(err)
	again, err := c.AddEvidence(ctx, c.zhang, draft.ID, in)
	c.ok(err)
	if again.ID != item.ID || item.Number != 2 {
		t.Errorf("item %+v, the same upload again %+v", item, again)
	}
	if read, err := c.EvidenceItem(ctx, item.ID); err != nil || read.Blob != in.Blob || !read.CreatedAt.Equal(c.clock.Now()) {
		t.Errorf("read %+v, %v", read, err)
	}
	_, err = c.EvidenceItem(ctx, uuid.New())
	c.is(err, docket.ErrNotFound)
	_, err = c.AddEvidence(ctx, c.li, draft.ID, c.file("x", "x"))
	c.is(err, docket.ErrForbidden)
	missing := in
	missing.Blob, missing.UploadID = blob.Ref{Hash: blob.Hash{1}, Size: 3}, "other"
	_, err = c.AddEvidence(ctx, c.zhang, draft.ID, missing)
	c.invalid(err, "evidence_file_missing")
	missing = in
	missing.Name, missing.UploadID = " ", "third"
	_, err = c.AddEvidence(ctx, c.zhang, draft.ID, missing)
	c.invalid(err, "evidence_name_missing")

	c.ok(c.RemoveEvidence(ctx, c.zhang, draft.ID, item.ID))
	c.is(c.RemoveEvidence(ctx, c.zhang, draft.ID, item.ID), docket.ErrNotFound)
	third, err := c.AddEvidence(ctx, c.zhang, draft.ID, c.file("对账单", "对账单正文"))
	c.ok(err)
	if third.Number != 3 {
		t.Errorf("a removed item's number was used again: %d", third.Number)
	}
	for _, e := range c.checkRecord(draft.ID) {
		if strings.Contains(string(e.Payload), "送货单") {
			t.Errorf("the record of a draft tells what was taken out of it: %s", e.Payload)
		}
	}
	_, err = c.Submit(ctx, c.zhang, draft.ID, draft.Version)
	c.ok(err)
	c.is(c.RemoveEvidence(ctx, c.zhang, draft.ID, third.ID), docket.ErrConflict)
	_, err = c.AddEvidence(ctx, c.zhang, draft.ID, c.file("迟交", "迟"))
	c.is(err, docket.ErrConflict)
}

func TestEvidenceOfEachParty(t *testing.T) {
	c := newCourt(t)
	linked := c.linked()
	item, err := c.AddEvidence(t.Context(), c.li, linked.ID, c.file("付款凭证", "转账"))
	c.ok(err)
	if item.Party == nil || *item.Party != linked.Parties[1].ID {
		t.Errorf("item %+v, want it to be the defendant's", item)
	}
	_, err = c.AddEvidence(t.Context(), c.judge, linked.ID, c.file("y", "y"))
	c.is(err, docket.ErrForbidden)
	entries := c.checkRecord(linked.ID)
	last := entries[len(entries)-1]
	if last.Kind != docket.EntryEvidenceAdded || last.Standing != "defendant" || len(last.Files) != 1 || last.Files[0] != item.Ref() {
		t.Errorf("entry %+v", last)
	}
}

// TestFilingDeclaresElectronicService: what the complaint says of electronic service binds from the filing on, is asked
// once, and nothing is agreed to by proposing an address.
func TestFilingDeclaresElectronicService(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	opened, err := c.CreateDraft(ctx, c.zhang)
	c.ok(err)
	if s := opened.Service; s.Agreed || !s.InApp || s.Email == "" {
		t.Errorf("a new draft proposes %+v", s)
	}
	silent := c.submitted()
	if silent.Parties[0].Consent.EService {
		t.Error("filing without a word on service is no consent (LR 29)")
	}

	words := sales()
	words.Service = complaint.Service{Agreed: true, Email: " zhang@example.org ", InApp: true}
	draft := c.draft()
	draft, err = c.SaveDraft(ctx, c.zhang, draft.ID, draft.Version, words)
	c.ok(err)
	if draft.Parties[0].Consent != nil {
		t.Error("a draft is no declaration yet")
	}
	_, err = c.Submit(ctx, c.zhang, draft.ID, draft.Version)
	c.ok(err)
	filed := c.read(draft.ID)
	if got := filed.Parties[0].Consent; !got.EService || got.EmailAddress != "zhang@example.org" || !got.InApp || got.Basis != "declared" || !got.Online(docket.OnlineFiling) {
		t.Errorf("consent %+v", got)
	}
	if filed.Service != (complaint.Service{}) {
		t.Errorf("the draft's words stay beside the consent: %+v", filed.Service)
	}
	entries := c.checkRecord(filed.ID)
	if last := entries[len(entries)-1]; last.Kind != docket.EntryConsent || !strings.Contains(string(last.Payload), `"e_service":true`) {
		t.Errorf("last entry %s %s", last.Kind, last.Payload)
	}

	c.ok(c.WithdrawConsent(ctx, c.zhang, filed.ID, docket.WithdrawEService, "邮箱停用"))
	filed = c.read(filed.ID)
	filed, err = c.RequestCorrections(ctx, c.filing, filed.ID, filed.Version, []docket.Correction{{Field: "facts", Text: "请写明签收人"}}, 7)
	c.ok(err)
	_, err = c.Submit(ctx, c.zhang, filed.ID, filed.Version)
	c.ok(err)
	if c.read(filed.ID).Parties[0].Consent.EService {
		t.Error("filing again brought a withdrawn consent back")
	}
}
