package docket_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
)

func TestMayReplace(t *testing.T) {
	for procedure, want := range map[string]bool{docket.ProcedureSimple: true, docket.ProcedureSmall: true, docket.ProcedureOrdinary: false, "": false} {
		if docket.MayReplace(procedure) != want {
			t.Errorf("%q: %v", procedure, !want)
		}
	}
}

// TestReplacing has both parties agree that the recording stands for the transcript, and sign its value.
func TestReplacing(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	linked := c.linked()
	_, err := c.pool.Exec(ctx, `UPDATE cases SET procedure = 'simple' WHERE id = $1`, linked.ID)
	c.ok(err)
	h := c.hearing(linked.ID)
	agreed := func() bool {
		t.Helper()
		r, err := c.Replacement(ctx, h.ID)
		c.ok(err)
		if !r.Possible || len(r.Parties) != 2 {
			t.Fatalf("%+v", r)
		}
		return r.Agreed
	}
	c.is(c.ConsentRecording(ctx, c.judge, h.ID, true), docket.ErrForbidden)
	c.ok(c.ConsentRecording(ctx, c.zhang, h.ID, true))
	if agreed() {
		t.Error("one party's consent is enough")
	}
	c.ok(c.ConsentRecording(ctx, c.li, h.ID, false))
	if agreed() {
		t.Error("agreed against a party's word")
	}
	c.ok(c.ConsentRecording(ctx, c.li, h.ID, true))
	if !agreed() {
		t.Error("not agreed")
	}
	c.is(c.AnswerIntegrity(ctx, c.zhang, h.ID, blob.Hash{1}, true, ""), docket.ErrNotFound)
	c.move(h, "opening", "investigation", "debate", "final_statements", "closed")
	c.is(c.ConsentRecording(ctx, c.zhang, h.ID, false), docket.ErrConflict)
	value, err := c.SealRecord(ctx, h.ID)
	c.ok(err)
	c.is(c.AnswerIntegrity(ctx, c.zhang, h.ID, blob.Hash{1}, true, ""), docket.ErrStale)
	c.is(c.AnswerIntegrity(ctx, c.judge, h.ID, value.Root, true, ""), docket.ErrForbidden)
	c.invalid(c.AnswerIntegrity(ctx, c.li, h.ID, value.Root, false, " "), "objection_missing")
	c.ok(c.AnswerIntegrity(ctx, c.zhang, h.ID, value.Root, true, "is ignored"))
	c.ok(c.AnswerIntegrity(ctx, c.li, h.ID, value.Root, false, "第三分钟没有声音"))
	answers, err := c.IntegrityAnswers(ctx, h.ID)
	c.ok(err)
	if len(answers) != 2 || !answers[0].Signed || answers[0].Objection != "" || answers[1].Signed || answers[1].Objection != "第三分钟没有声音" || !answers[1].Current {
		t.Errorf("answers %+v", answers)
	}
	// Another file changes the value: what was said of the earlier one stays and is not current.
	ref, err := c.blobs.Put(ctx, bytes.NewReader([]byte("another file")))
	c.ok(err)
	c.ok(c.RecordingPart(ctx, h.ID, docket.Recording{Participant: uuid.NewString(), Name: "张伟", Blob: ref, Started: c.clock.Now(), Ended: c.clock.Now()}))
	c.clock.Advance(1e9)
	newer, err := c.SealRecord(ctx, h.ID)
	c.ok(err)
	c.is(c.AnswerIntegrity(ctx, c.zhang, h.ID, value.Root, true, ""), docket.ErrStale)
	answers, err = c.IntegrityAnswers(ctx, h.ID)
	c.ok(err)
	if answers[0].Current || answers[0].Root != value.Root {
		t.Errorf("an answer to the earlier value: %+v", answers[0])
	}
	values, err := c.IntegrityValues(ctx, h.Case)
	c.ok(err)
	if len(values) != 1 || values[h.ID] != newer.Root {
		t.Errorf("values %v", values)
	}
	entries, err := c.Entries(ctx, h.Case)
	c.ok(err)
	count := map[string]int{}
	for _, e := range entries {
		count[e.Kind]++
	}
	if count[docket.EntryRecordingConsent] != 3 || count[docket.EntryIntegrityAnswer] != 2 {
		t.Errorf("entries %v", count)
	}
}

// TestNotReplacing: in ordinary procedure there is nothing to agree to, and without consent nothing to sign.
func TestNotReplacing(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	h := c.hearing(c.linked().ID)
	c.move(h, "opening", "investigation", "debate", "final_statements", "closed")
	value, err := c.SealRecord(ctx, h.ID)
	c.ok(err)
	c.is(c.AnswerIntegrity(ctx, c.zhang, h.ID, value.Root, true, ""), docket.ErrConflict)
	c.is(c.ConsentRecording(ctx, c.zhang, c.hearing(c.linked().ID).ID, true), docket.ErrConflict)
}
