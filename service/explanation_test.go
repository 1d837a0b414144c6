package service_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
	"yunting/service"
)

// gap is one of a recording's gaps, as the recorder lists it.
type gap struct {
	Track string    `json:"track"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"`
}

// interrupted is a closed hearing with a recess, a fault in which the judge went on, and gaps of a participant.
func (c *court) interrupted() docket.Hearing {
	c.t.Helper()
	ctx := c.t.Context()
	h, err := c.docket.ScheduleHearing(ctx, c.clerk, c.linked().ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(c.t, err)
	move := func(phase docket.Phase) {
		_, err := c.docket.MovePhase(ctx, c.judge, h.ID, phase)
		must(c.t, err)
	}
	note := func(actor identity.Actor, kind string, detail map[string]string) {
		c.clock.Set(c.clock.Now().Add(10 * time.Second))
		must(c.t, c.docket.HearingEvent(ctx, actor, h.ID, kind, detail))
	}
	move(docket.PhaseOpening)
	begin := c.clock.Now()
	note(identity.System, docket.EventRecordingStarted, map[string]string{})
	note(identity.System, docket.EventRecordingStopped, map[string]string{"cause": "recess"})
	note(identity.System, docket.EventRecordingStarted, map[string]string{"cause": "recess_over"})
	note(identity.System, docket.EventRecordingFault, map[string]string{"cause": "disk_full"})
	note(c.judge, docket.EventRecordingChoice, map[string]string{"cause": "disk_full", "choice": "go_on", "reason": "硬盘损坏"})
	note(identity.System, docket.EventRecordingStarted, map[string]string{"cause": "mended"})
	for _, phase := range []docket.Phase{docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed} {
		move(phase)
	}
	gaps, err := json.Marshal([]gap{{"mic", begin.Add(time.Second), begin.Add(4200 * time.Millisecond), "network"},
		{"camera", begin.Add(20 * time.Second), begin.Add(30 * time.Second), "pause"}})
	must(c.t, err)
	ref, err := c.blobs.Put(ctx, bytes.NewReader([]byte("film")))
	must(c.t, err)
	must(c.t, c.docket.RecordingPart(ctx, h.ID, docket.Recording{Participant: "p1", Name: "张伟", Blob: ref, Started: begin, Ended: c.clock.Now(), Gaps: gaps}))
	return h
}

// TestExplanation drafts the explanation from the record, has the clerk amend and sign it, and the judge review it (AV 4).
func TestExplanation(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.interrupted()
	e, err := c.Explanation(ctx, h.ID)
	must(t, err)
	if !e.Complete || e.Version != 0 || len(e.Items) != 3 || e.Started == nil || e.Ended == nil {
		t.Fatalf("draft %+v", e)
	}
	for i, want := range []string{"休庭（庭审录音录像规定第三条第一项）", "理由：硬盘损坏", "网络丢包，部分数据未能到达，共1处，合计3.2秒"} {
		if !strings.Contains(e.Items[i].Text, want) {
			t.Errorf("item %d: %q lacks %q", i, e.Items[i].Text, want)
		}
	}
	if len(e.Items[0].Stretches) != 2 {
		t.Errorf("the recess does not hold the gap that it left: %+v", e.Items[0].Stretches)
	}
	network := e.Items[2].Key
	in := service.ExplanationInput{Texts: map[string]string{network: "张伟的宽带故障，共一处。", "not.there": "x"}, Note: "已经通知张伟检修。"}
	for _, other := range []identity.Actor{c.judge, c.zhang, c.filing, {}} {
		if _, err := c.SaveExplanation(ctx, other, h.ID, in); !errors.Is(err, docket.ErrForbidden) {
			t.Errorf("%s writes the explanation: %v", other.Name, err)
		}
	}
	saved, err := c.SaveExplanation(ctx, c.clerk, h.ID, in)
	must(t, err)
	_, err = c.SaveExplanation(ctx, c.clerk, h.ID, in)
	if !errors.Is(err, docket.ErrStale) {
		t.Errorf("over another version: %v", err)
	}
	if _, err := c.ApproveExplanation(ctx, c.judge, h.ID, saved.Version); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("approved before the clerk signed: %v", err)
	}
	var wrong *service.Unexplained
	_, err = c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: saved.Version, Texts: map[string]string{network: " "}, Sign: true})
	if !errors.As(err, &wrong) || len(wrong.Keys) != 1 || wrong.Keys[0] != network {
		t.Errorf("signed without words: %v", err)
	}
	signed, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: saved.Version, Note: in.Note, Sign: true})
	must(t, err)
	if signed.SignedAt == nil || signed.Items[2].Text != "张伟的宽带故障，共一处。" {
		t.Errorf("signed %+v", signed)
	}
	c.approveExplanation(h, signed)
}

func (c *court) approveExplanation(h docket.Hearing, signed service.Explanation) {
	c.t.Helper()
	ctx := c.t.Context()
	draft, err := c.PreviewExplanation(ctx, h.ID)
	must(c.t, err)
	if text := pdfText(c.t, draft); !strings.Contains(text, "草稿") || !strings.Contains(text, "宽带故障") {
		c.t.Errorf("preview: %s", text)
	}
	for _, other := range []identity.Actor{c.clerk, c.zhang, {}} {
		if _, err := c.ApproveExplanation(ctx, other, h.ID, signed.Version); !errors.Is(err, docket.ErrForbidden) {
			c.t.Errorf("%s approves: %v", other.Name, err)
		}
	}
	if _, err := c.ApproveExplanation(ctx, c.judge, h.ID, signed.Version-1); !errors.Is(err, docket.ErrStale) {
		c.t.Errorf("approved another version: %v", err)
	}
	made, err := c.ApproveExplanation(ctx, c.judge, h.ID, signed.Version)
	must(c.t, err)
	again, err := c.ApproveExplanation(ctx, c.judge, h.ID, signed.Version)
	must(c.t, err)
	if made.ID != again.ID || !made.Signed {
		c.t.Errorf("approved twice: %+v, %+v", made, again)
	}
	c.contains(made, "庭审录音录像情况说明", "第三条、第四条", "休庭", "硬盘损坏", "宽带故障", "补充说明", "已经通知张伟检修", "3.2秒", "书记员）王磊", "审判员林静")
	if _, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: signed.Version}); !errors.Is(err, docket.ErrConflict) {
		c.t.Errorf("changed after the judge signed: %v", err)
	}
	entries, err := c.docket.Entries(ctx, h.Case)
	must(c.t, err)
	explained, document := 0, 0
	for _, e := range entries {
		switch {
		case e.Kind == docket.EntryExplained && e.Actor == c.clerk.Account:
			explained++
		case e.Kind == docket.EntryDocumentCreated && strings.Contains(string(e.Data), service.KindRecordingExplanation) && len(e.Files) == 1:
			document++
		}
	}
	if explained != 1 || document != 1 {
		c.t.Errorf("%d entries of the clerk's signing, %d of the document", explained, document)
	}
}

// TestExplanationOfAnOpenHearing: nothing is signed before all that was recorded is stored; a later interruption unsigns.
func TestExplanationOfAnOpenHearing(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h, err := c.docket.ScheduleHearing(ctx, c.clerk, c.linked().ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60})
	must(t, err)
	_, err = c.docket.MovePhase(ctx, c.judge, h.ID, docket.PhaseOpening)
	must(t, err)
	if _, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Sign: true}); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("signed while the hearing is open: %v", err)
	}
	whole := c.closedHearing()
	signed, err := c.SaveExplanation(ctx, c.clerk, whole.ID, service.ExplanationInput{Sign: true})
	must(t, err)
	gaps, err := json.Marshal([]gap{{"mic", c.clock.Now(), c.clock.Now().Add(time.Second), "silent"}})
	must(t, err)
	ref, err := c.blobs.Put(ctx, bytes.NewReader([]byte("late")))
	must(t, err)
	must(t, c.docket.RecordingPart(ctx, whole.ID, docket.Recording{Participant: "p1", Name: "张伟", Blob: ref, Started: c.clock.Now(), Ended: c.clock.Now(), Gaps: gaps}))
	if now, err := c.Explanation(ctx, whole.ID); err != nil || now.SignedAt != nil || len(now.Items) != 1 {
		t.Errorf("after a late file: %+v, %v", now, err)
	}
	if _, err := c.ApproveExplanation(ctx, c.judge, whole.ID, signed.Version); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("approved what the clerk did not sign: %v", err)
	}
}

// TestExplanationOfATakeover: a page that took over is no fault of the equipment, and the draft says so.
func TestExplanationOfATakeover(t *testing.T) {
	c := newCourt(t, nil)
	h := c.closedHearing()
	c.lateFile(h, "p9", "takeover")
	e, err := c.Explanation(t.Context(), h.ID)
	must(t, err)
	if len(e.Items) != 1 || e.Items[0].Cause != interruption.Takeover || !strings.Contains(e.Items[0].Text, "李娜改由另一页面参加庭审") || !strings.Contains(e.Items[0].Text, "共1处，合计2.0秒。不属于录制设备故障") {
		t.Errorf("draft %+v", e.Items)
	}
}

func pdfText(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "draft.pdf")
	must(t, os.WriteFile(path, data, 0o600))
	out, err := exec.Command("pdftotext", path, "-").Output()
	must(t, err)
	return strings.ReplaceAll(string(out), "\n", "")
}

// lateFile enters a recording of a participant with a gap, as one is that was found after the hearing.
func (c *court) lateFile(h docket.Hearing, participant, cause string) {
	c.t.Helper()
	at := c.clock.Now()
	gaps, err := json.Marshal([]gap{{"mic", at, at.Add(2 * time.Second), cause}})
	must(c.t, err)
	ref, err := c.blobs.Put(c.t.Context(), strings.NewReader(participant+cause))
	must(c.t, err)
	must(c.t, c.docket.RecordingPart(c.t.Context(), h.ID, docket.Recording{Participant: participant, Name: "李娜", Blob: ref, Started: at, Ended: at.Add(time.Minute), Gaps: gaps}))
}

// signExplanation has clerk and judge sign what stands there.
func (c *court) signExplanation(h docket.Hearing) service.Document {
	c.t.Helper()
	e, err := c.Explanation(c.t.Context(), h.ID)
	must(c.t, err)
	e, err = c.SaveExplanation(c.t.Context(), c.clerk, h.ID, service.ExplanationInput{Version: e.Version, Sign: true})
	must(c.t, err)
	made, err := c.ApproveExplanation(c.t.Context(), c.judge, h.ID, e.Version)
	must(c.t, err)
	return made
}

// TestExplanationSupplement: what is found after the judge signed is explained in a supplement that names the first (AV 4),
// and so again after that.
func TestExplanationSupplement(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.interrupted()
	first := c.signExplanation(h)
	closed, err := c.Explanation(ctx, h.ID)
	must(t, err)
	if closed.Number != 1 || closed.Document == nil || len(closed.Items) != 3 || len(closed.Signed) != 1 {
		t.Fatalf("signed %+v", closed)
	}
	c.lateFile(h, "p9", "lost")
	draft, err := c.Explanation(ctx, h.ID)
	must(t, err)
	if draft.Number != 2 || draft.Version != closed.Version || draft.Document != nil || draft.SignedAt != nil || len(draft.Items) != 1 ||
		draft.Items[0].Cause != "lost" || len(draft.Signed) != 1 || draft.Signed[0].ID != first.ID {
		t.Fatalf("the supplement's draft %+v", draft)
	}
	if again, err := c.ApproveExplanation(ctx, c.judge, h.ID, closed.Version); err != nil || again.ID != first.ID {
		t.Errorf("the first signed again: %+v, %v", again, err)
	}
	saved, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: draft.Version, Note: "备用机已停用。", Sign: true})
	must(t, err)
	if _, err := c.ApproveExplanation(ctx, c.judge, h.ID, closed.Version); !errors.Is(err, docket.ErrStale) {
		t.Errorf("the judge signs what they have not seen: %v", err)
	}
	second, err := c.ApproveExplanation(ctx, c.judge, h.ID, saved.Version)
	must(t, err)
	if second.ID == first.ID || second.Title != "庭审录音录像情况说明（补充）" {
		t.Errorf("supplement %+v", second)
	}
	c.contains(second, "庭审录音录像情况说明（补充）", first.Blob.Hash.String(), "原说明继续有效", "李娜", "备用机已停用")
	if path, _ := c.pdf(second); strings.Contains(c.text(path), "硬盘损坏") {
		t.Error("the supplement tells again what the first explains")
	}
	if _, err := c.SaveExplanation(ctx, c.clerk, h.ID, service.ExplanationInput{Version: saved.Version}); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("another supplement about nothing: %v", err)
	}
	c.lateFile(h, "p9", "damaged")
	third := c.signExplanation(h)
	c.contains(third, first.Blob.Hash.String(), second.Blob.Hash.String(), "（补充）")
	read, err := c.ExplanationOf(ctx, second.ID)
	must(t, err)
	if read.Number != 2 || len(read.Items) != 1 || !strings.Contains(read.Items[0].English, "the machine was lost") {
		t.Errorf("the second as read later: %+v", read)
	}
	if _, err := c.ExplanationOf(ctx, h.ID); !errors.Is(err, docket.ErrNotFound) {
		t.Errorf("of what is no explanation: %v", err)
	}
}

// TestExplanationIsServed: what the judge signs goes to the parties by the ordinary service: 张伟 has it in the mailbox, 李娜 by
// mail, each with a proof of service; where nobody consented the clerk sees who needs other means.
func TestExplanationIsServed(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.interrupted()
	c.consent(c.zhang, h.Case, true, "")
	c.consent(c.li, h.Case, false, "li@example.org")
	made := c.signExplanation(h)
	c.settle()
	list, err := c.Deliveries(ctx, h.Case)
	must(t, err)
	list = slices.DeleteFunc(list, func(d service.Delivery) bool { return d.Documents[0].ID != made.ID })
	if len(list) != 2 || !list[0].Served() || !list[1].Served() || list[0].ProofDocument == nil || list[1].ProofDocument == nil {
		t.Fatalf("deliveries %+v", list)
	}
	for _, d := range list {
		proof, err := c.Document(ctx, *d.ProofDocument)
		must(t, err)
		c.contains(proof, "庭审录音录像情况说", made.Blob.Hash.String()[:12], d.RecipientName)
		if d.Account != nil && *d.Account == c.li.Account {
			c.checkSpool("li@example.org", d.ID.String())
		}
	}
	mailbox, err := c.Mailbox(ctx, c.zhang.Account)
	must(t, err)
	if !slices.ContainsFunc(mailbox, func(d service.Delivery) bool { return d.Documents[0].ID == made.ID }) {
		t.Errorf("not in the mailbox: %+v", mailbox)
	}

	other := c.closedHearing()
	plain := c.signExplanation(other)
	list, err = c.Deliveries(ctx, other.Case)
	must(t, err)
	if !slices.ContainsFunc(list, func(d service.Delivery) bool { return d.Documents[0].ID == plain.ID && !d.Served() }) {
		t.Errorf("the clerk is not told that nobody consented: %+v", list)
	}
}
