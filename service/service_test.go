package service_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.uber.org/goleak"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/internal/ledger/bundle"
	"yunting/service"
	"yunting/service/mail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStory serves a judgment on both parties and checks all that RULES asks of it.
func TestStory(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	judged, judgment := c.judged()
	if judged.Stage != docket.StageJudged {
		t.Fatalf("stage %s", judged.Stage)
	}
	c.contains(judgment, "民事判决书", judged.Number, "张伟", "李娜", "本院认为", "判决如下", "100,000", "二〇二六年四月六日", "本件与原本核对无异", "审判员林静")
	c.consent(c.zhang, judged.ID, true, "zhang@example.org")
	c.consent(c.li, judged.ID, true, "")
	list, err := c.Serve(ctx, c.clerk, judged.ID, []uuid.UUID{judgment.ID}, c.parties(judged))
	must(t, err)
	again, err := c.Serve(ctx, c.clerk, judged.ID, []uuid.UUID{judgment.ID}, c.parties(judged))
	must(t, err)
	if len(list) != 2 || len(again) != 2 || list[0].ID != again[0].ID || list[1].ID != again[1].ID {
		t.Fatalf("served again: %d then %d deliveries", len(list), len(again))
	}
	for _, d := range list {
		if d.State != "effective" || d.Effect.Date != deadline.MustParse("2026-04-06") || d.Effect.Basis != "arrival" {
			t.Errorf("%s: %s on %s by %s", d.RecipientName, d.State, d.Effect.Date, d.Effect.Basis)
		}
	}
	c.settle()
	if got := c.read(judged.ID).Stage; got != docket.StageServed {
		t.Errorf("stage %s after both were served", got)
	}
	c.checkSpool("zhang@example.org", list[0].ID.String())
	c.checkReceipt(list[1].ID)
	if n := len(c.all(judged.ID, service.KindServiceProof)); n != 3 {
		t.Errorf("%d proofs, want two by arrival and one supplement", n)
	}
	c.checkExport(judged)
}

// checkSpool finds the delivery's mail with its attachment.
func (c *court) checkSpool(to, id string) {
	c.t.Helper()
	mails, err := mail.List(c.spool)
	must(c.t, err)
	for _, m := range mails {
		if strings.HasPrefix(m.ID, id) {
			data, err := os.ReadFile(filepath.Join(c.spool, m.File))
			must(c.t, err)
			if !strings.Contains(m.To, to) || !bytes.Contains(data, []byte("application/pdf")) {
				c.t.Errorf("mail to %s without what it should hold", m.To)
			}
			return
		}
	}
	c.t.Errorf("no mail of delivery %s among %d", id, len(mails))
}

// checkReceipt opens and confirms 李娜's delivery and reads the proof.
func (c *court) checkReceipt(id uuid.UUID) {
	c.t.Helper()
	ctx := c.t.Context()
	for _, stranger := range []identity.Actor{c.zhang, c.clerk, c.judge, {}} {
		if _, err := c.ConfirmReceipt(ctx, stranger, id); !errors.Is(err, docket.ErrForbidden) {
			c.t.Errorf("%s confirms: %v", stranger.Name, err)
		}
	}
	before, err := c.Delivery(ctx, id)
	must(c.t, err)
	opened, err := c.OpenDelivery(ctx, c.li, id)
	must(c.t, err)
	if opened.ConfirmedAt != nil || !opened.CanConfirm() || opened.OpenedAt == nil {
		c.t.Error("opening counts as receipt")
	}
	c.clock.Set(c.clock.Now().AddDate(0, 0, 2))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if _, err := c.ConfirmReceipt(ctx, c.li, id); err != nil {
				c.t.Error(err)
			}
		})
	}
	wait.Wait()
	c.settle()
	after, err := c.Delivery(ctx, id)
	must(c.t, err)
	if after.ConfirmedAt == nil || after.Effect.Date != before.Effect.Date || *after.ProofDocument == *before.ProofDocument {
		c.t.Errorf("after the receipt: %+v", after)
	}
	proof, err := c.Document(ctx, *after.ProofDocument)
	must(c.t, err)
	c.contains(proof, "电子送达凭证", "李娜（被告）", "确认收到", "2026年4月6日", "已同意电子送达", "第三十一条第一款",
		after.Documents[0].Blob.Hash.String()[:12], "未送达的当事人无")
}

// checkExport exports, verifies, and finds a changed byte.
func (c *court) checkExport(cs docket.Case) {
	c.t.Helper()
	var zip bytes.Buffer
	must(c.t, c.Export(c.t.Context(), c.clerk, cs.ID, &zip))
	data := zip.Bytes()
	if _, err := bundle.Verify(bytes.NewReader(data), int64(len(data)), c.log.PublicKey()); err != nil {
		c.t.Fatalf("verify: %v", err)
	}
	data[len(data)/2] ^= 1
	var tampered *bundle.Tampered
	if _, err := bundle.Verify(bytes.NewReader(data), int64(len(data)), c.log.PublicKey()); !errors.As(err, &tampered) {
		c.t.Errorf("one changed byte: %v", err)
	}
}

// TestNotices checks the documents of acceptance, invitation and summons, and that jobs run twice make nothing twice.
func TestNotices(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	cs := c.linked()
	h, err := c.docket.ScheduleHearing(ctx, c.clerk, cs.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(t, err)
	c.settle()
	before, err := c.Documents(ctx, cs.ID)
	must(t, err)
	entries, err := c.docket.Entries(ctx, cs.ID)
	must(t, err)
	client, err := river.NewClient(riverpgxv5.New(c.pool), &river.Config{})
	must(t, err)
	must(t, pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		for range 3 {
			for _, args := range []river.JobArgs{docket.NoticesArgs{Case: cs.ID}, docket.SummonsArgs{Hearing: h.ID}} {
				if _, err := client.InsertTx(ctx, tx, args, nil); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	c.settle()
	after, err := c.Documents(ctx, cs.ID)
	must(t, err)
	again, err := c.docket.Entries(ctx, cs.ID)
	must(t, err)
	if len(before) != len(after) || len(entries) != len(again) {
		t.Errorf("jobs again: documents %d then %d, entries %d then %d", len(before), len(after), len(entries), len(again))
	}
	c.contains(c.only(cs.ID, service.KindAcceptanceNotice), "案件受理通知书", cs.Number, "审判员：林静", "买卖合同纠纷")
	c.contains(c.only(cs.ID, service.KindFeeNotice), "2,300", "第二十二条", "2026年4月8日")
	c.contains(c.only(cs.ID, service.KindEvidenceNotice), "举证期限", "2026年4月16日", "第五十条")
	c.contains(c.only(cs.ID, service.KindInvitation), "一次性关联码", "李娜", "答辩期至2026年4月16日")
	c.contains(c.only(cs.ID, service.KindFilingReceipt), "SHA-256", "买卖合同")
	if n := len(c.all(cs.ID, service.KindSummons)); n != 2 {
		t.Errorf("%d summonses", n)
	}
	c.contains(c.all(cs.ID, service.KindSummons)[0], "传票", "2026年4月6日10时00分", "云庭")
	list, err := c.Deliveries(ctx, cs.ID)
	must(t, err)
	for _, d := range list {
		if d.State != "failed" || d.Effect.Reason != "no_consent" {
			t.Errorf("served %s without consent: %s", d.RecipientName, d.State)
		}
	}
}

// TestNoticesOfAcceptanceAreServed: who agreed in the complaint gets the notices in the mailbox at once.
func TestNoticesOfAcceptanceAreServed(t *testing.T) {
	c := newCourt(t, nil)
	cs := c.accept(c.file(complaint.Service{Agreed: true, InApp: true}))
	c.settle()
	box, err := c.Mailbox(t.Context(), c.zhang.Account)
	must(t, err)
	var titles []string
	for _, d := range box {
		if d.Case != cs.ID || d.State != "effective" || d.Effect.Channel != "in_app" {
			t.Errorf("delivery of %d documents: %s by %s", len(d.Documents), d.State, d.Effect.Channel)
		}
		for _, doc := range d.Documents {
			titles = append(titles, doc.Title)
		}
	}
	slices.Sort(titles)
	if want := []string{"举证通知书", "交纳诉讼费用通知书", "案件受理通知书"}; strings.Join(titles, " ") != strings.Join(slices.Sorted(slices.Values(want)), " ") {
		t.Errorf("served %v", titles)
	}
}

// TestConsent checks the three outcomes by consent: none, mailbox, mail only.
func TestConsent(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	cs, judgment := c.judged()
	serve := func(party int) service.Delivery {
		t.Helper()
		list, err := c.Serve(ctx, c.clerk, cs.ID, []uuid.UUID{judgment.ID}, []uuid.UUID{cs.Parties[party].ID})
		must(t, err)
		if len(list) != 1 {
			t.Fatalf("%d deliveries", len(list))
		}
		return list[0]
	}
	none := serve(1)
	if none.State != "failed" || none.Effect.Reason != "no_consent" || none.CanConfirm() {
		t.Errorf("without consent: %s %s", none.State, none.Effect.Reason)
	}
	if again := serve(1); again.ID != none.ID {
		t.Error("the same refusal made two deliveries")
	}
	if box, err := c.Mailbox(ctx, c.li.Account); err != nil || len(box) != 0 {
		t.Errorf("mailbox without consent: %d, %v", len(box), err)
	}
	c.consent(c.li, cs.ID, false, "li@example.org")
	mailed := serve(1)
	if mailed.ID == none.ID || mailed.State != "awaiting" {
		t.Errorf("mail only, not sent yet: %s", mailed.State)
	}
	c.settle()
	mailed, err := c.Delivery(ctx, mailed.ID)
	must(t, err)
	if mailed.State != "effective" || mailed.Effect.Channel != "email" {
		t.Errorf("mail only: %s by %s", mailed.State, mailed.Effect.Channel)
	}
	if got := c.read(cs.ID).Stage; got != docket.StageJudged {
		t.Errorf("stage %s with the plaintiff not served", got)
	}
	must(t, c.Bounce(ctx, mailed.ID.String()+"@court.test", "550 5.1.1"))
	mailed, err = c.Delivery(ctx, mailed.ID)
	must(t, err)
	if mailed.State != "awaiting" {
		t.Errorf("after a bounce, with a copy in an unconfirmed mailbox: %s", mailed.State)
	}
	if _, err := c.ConfirmReceipt(ctx, c.li, mailed.ID); err != nil {
		t.Fatal(err)
	}
	mailed, err = c.Delivery(ctx, mailed.ID)
	must(t, err)
	if mailed.State != "effective" || mailed.Effect.Basis != "reply" {
		t.Errorf("after the reply: %s by %s", mailed.State, mailed.Effect.Basis)
	}
	if err := c.Bounce(ctx, "nobody@court.test", "550"); !errors.Is(err, docket.ErrNotFound) {
		t.Errorf("a strange bounce: %v", err)
	}
	c.settle()
}

// TestJudgment checks who may write and sign, versions, CPL 155, and that one document comes of many presses.
func TestJudgment(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	cs := c.heard()
	draft, err := c.JudgmentDraft(ctx, cs.ID)
	must(t, err)
	if _, err := c.SaveJudgment(ctx, c.clerk, cs.ID, 0, draft); !errors.Is(err, docket.ErrForbidden) {
		t.Errorf("the clerk writes: %v", err)
	}
	first, err := c.SaveJudgment(ctx, c.judge, cs.ID, 0, draft)
	must(t, err)
	if _, err := c.SaveJudgment(ctx, c.judge, cs.ID, 0, draft); !errors.Is(err, docket.ErrStale) {
		t.Errorf("over a newer one: %v", err)
	}
	var lacking *service.Incomplete
	if _, err := c.SignJudgment(ctx, c.judge, cs.ID, first.Version); !errors.As(err, &lacking) || !strings.Contains(lacking.Error(), "reasoning") {
		t.Errorf("a blank judgment: %v", err)
	}
	preview, err := c.PreviewJudgment(ctx, cs.ID)
	must(t, err)
	path := filepath.Join(t.TempDir(), "preview.pdf")
	must(t, os.WriteFile(path, preview, 0o600))
	if text := c.text(path); !strings.Contains(text, "草稿") || !strings.Contains(text, "买卖合同") {
		t.Errorf("preview: %s", text)
	}
	full := complete(first)
	full.Findings[0].EvidenceIDs = []uuid.UUID{uuid.New()}
	second, err := c.SaveJudgment(ctx, c.judge, cs.ID, first.Version, full)
	must(t, err)
	if _, err := c.SignJudgment(ctx, c.judge, cs.ID, second.Version); !errors.As(err, &lacking) || lacking.Fields[0] != "findings.0" {
		t.Errorf("a finding on unknown evidence: %v", err)
	}
	full = complete(draft)
	third, err := c.SaveJudgment(ctx, c.judge, cs.ID, second.Version, full)
	must(t, err)
	ids := make([]uuid.UUID, 6)
	var wait sync.WaitGroup
	for i := range ids {
		wait.Go(func() {
			d, err := c.SignJudgment(ctx, c.judge, cs.ID, third.Version)
			if err != nil {
				t.Error(err)
			}
			ids[i] = d.ID
		})
	}
	wait.Wait()
	doc := c.only(cs.ID, service.KindJudgment)
	for _, id := range ids {
		if id != doc.ID {
			t.Errorf("two judgments: %s and %s", id, doc.ID)
		}
	}
	if _, err := c.SaveJudgment(ctx, c.judge, cs.ID, third.Version, full); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("after signing: %v", err)
	}
}

// TestReviewDocuments checks the documents of the two other ends of a review.
func TestReviewDocuments(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	filed := c.submitted()
	_, err := c.docket.RequestCorrections(ctx, c.filing, filed.ID, filed.Version,
		[]docket.Correction{{Field: "facts", Text: "写明交货的时间和地点"}}, 7)
	must(t, err)
	c.settle()
	c.contains(c.only(filed.ID, service.KindCorrectionsNotice), "补正通知书", "写明交货的时间和地点", "2026年4月8日前")
	other := c.submitted()
	_, err = c.docket.Refuse(ctx, c.filing, other.ID, other.Version, "被告不明确，起诉不符合法定条件。")
	must(t, err)
	c.settle()
	c.contains(c.only(other.ID, service.KindRefusalRuling), "民事裁定书", "不予受理", "被告不明确", "十日内")
}
