package service_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/docket"
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

func pdfText(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "draft.pdf")
	must(t, os.WriteFile(path, data, 0o600))
	out, err := exec.Command("pdftotext", path, "-").Output()
	must(t, err)
	return strings.ReplaceAll(string(out), "\n", "")
}
