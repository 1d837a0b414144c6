package docket_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/blob"
)

func TestKeptUntil(t *testing.T) {
	for _, one := range []struct {
		closed string
		years  int
		until  string // empty: for ever
	}{
		{"2026-04-01", 30, "2056-04-01"},
		{"2024-02-29", 30, "2054-02-28"}, // a year without that day ends on the month's last (民法典 202)
		{"2024-02-29", 60, "2084-02-29"},
		{"2026-04-01", 0, ""},
		{"2026-04-01", -1, ""},
	} {
		got, ok := docket.KeptUntil(deadline.MustParse(one.closed), one.years)
		if ok != (one.until != "") || ok && got.String() != one.until {
			t.Errorf("%s for %d years: until %s, %v", one.closed, one.years, got, ok)
		}
	}
}

// stored gives a closed hearing with one recording and its original.
func (c *court) stored(content string) (docket.Hearing, docket.Recording) {
	c.t.Helper()
	h := c.hearing(c.linked().ID)
	c.move(h, "opening", "investigation", "debate", "final_statements", "closed")
	put := func(text string) blob.Ref {
		ref, err := c.blobs.Put(c.t.Context(), strings.NewReader(text))
		c.ok(err)
		return ref
	}
	original := put("segments of " + content)
	r := docket.Recording{Participant: uuid.NewString(), Name: "张伟", Session: "s", Blob: put(content),
		Original: docket.FileRef{Hash: original.Hash, Size: original.Size}, Started: c.clock.Now(), Ended: c.clock.Now()}
	c.ok(c.RecordingPart(c.t.Context(), h.ID, r))
	return h, r
}

func (c *court) keeping(h docket.Hearing) docket.Keeping {
	c.t.Helper()
	k, err := c.Keeping(c.t.Context(), h.ID)
	c.ok(err)
	return k
}

func (c *court) gone(hash blob.Hash) bool {
	c.t.Helper()
	_, err := c.blobs.Stat(c.t.Context(), hash)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		c.t.Fatal(err)
	}
	return err != nil
}

// TestDeletion walks a recording to its deletion: not before its period is over, not while it is held, not by one
// person; the tombstone says what it was, and files that others name stay.
func TestDeletion(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	h, r := c.stored("webm")
	c.invalid(c.ProposeDeletion(ctx, c.clerk, h.ID, " "), "reason_missing")
	c.invalid(c.ProposeDeletion(ctx, c.clerk, h.ID, "期满"), "keeping_period")
	until := c.keeping(h).Until.In(docket.ProfileCN().Zone)
	c.clock.Set(until.Add(23 * time.Hour))
	c.invalid(c.ProposeDeletion(ctx, c.clerk, h.ID, "期满"), "keeping_period") // the last day counts
	c.clock.Set(until.Add(25 * time.Hour))

	c.ok(c.HoldRecordings(ctx, c.judge, h.ID, "申诉审查中"))
	c.is(c.HoldRecordings(ctx, c.judge, h.ID, "再次"), docket.ErrConflict)
	c.invalid(c.ProposeDeletion(ctx, c.clerk, h.ID, "期满"), "keeping_hold")
	c.ok(c.ReleaseRecordings(ctx, c.judge, h.ID, "申诉已驳回"))
	c.is(c.ReleaseRecordings(ctx, c.judge, h.ID, "再次"), docket.ErrConflict)

	c.ok(c.ProposeDeletion(ctx, c.clerk, h.ID, "保管期限届满"))
	c.is(c.ProposeDeletion(ctx, c.judge, h.ID, "保管期限届满"), docket.ErrConflict)
	proposal := c.keeping(h).Deletion
	c.invalid(c.DecideDeletion(ctx, c.clerk, h.ID, proposal.ID, true), "keeping_same_person")
	c.is(c.DecideDeletion(ctx, c.judge, h.ID, uuid.New(), true), docket.ErrNotFound)
	c.ok(c.HoldRecordings(ctx, c.judge, h.ID, "又有申诉"))
	c.invalid(c.DecideDeletion(ctx, c.judge, h.ID, proposal.ID, true), "keeping_hold")
	c.ok(c.ReleaseRecordings(ctx, c.judge, h.ID, "撤回申诉"))
	c.is(c.PurgeRecordings(ctx, proposal.ID), docket.ErrNotFound) // nobody has confirmed it
	c.ok(c.DecideDeletion(ctx, c.judge, h.ID, proposal.ID, false))
	c.is(c.DecideDeletion(ctx, c.judge, h.ID, proposal.ID, true), docket.ErrConflict)
	c.clock.Advance(time.Second)
	c.ok(c.ProposeDeletion(ctx, c.clerk, h.ID, "保管期限届满"))
	proposal = c.keeping(h).Deletion
	c.ok(c.DecideDeletion(ctx, c.judge, h.ID, proposal.ID, true))
	if c.gone(r.Blob.Hash) {
		t.Error("the file went before the job came")
	}
	for range 2 {
		c.ok(c.PurgeRecordings(ctx, proposal.ID))
	}
	if !c.gone(r.Blob.Hash) || !c.gone(r.Original.Hash) {
		t.Error("the files are still there")
	}
	k := c.keeping(h)
	if k.Hindrance != "keeping_done" || k.Deletion.PurgedAt == nil || k.Deletion.DecidedName != "林静" || k.Deletion.Proposer != "王磊" {
		t.Errorf("keeping %+v of %+v", k, k.Deletion)
	}
	c.checkTombstone(h, r)
}

func (c *court) checkTombstone(h docket.Hearing, r docket.Recording) {
	c.t.Helper()
	entries, err := c.Entries(c.t.Context(), h.Case)
	c.ok(err)
	last := entries[len(entries)-1]
	text := string(last.Data)
	for _, want := range []string{r.Blob.Hash.String(), r.Original.Hash.String(), "保管期限届满", "王磊", h.ID.String()} {
		if !strings.Contains(text, want) {
			c.t.Errorf("the tombstone does not say %s: %s", want, text)
		}
	}
	if n := c.keeping(h).Deletion.Tombstone; n != last.Seq {
		c.t.Errorf("the tombstone is entry %d, not %d", last.Seq, n)
	}
	if last.Kind != docket.EntryRecordingDeleted || last.Actor != c.judge.Account || len(last.Files) != 0 {
		c.t.Errorf("tombstone %+v", last)
	}
}

// TestDeletionLeavesWhatOthersName: a file that is evidence too stays, and one that is gone is not taken as evidence
// before it is there again.
func TestDeletionLeavesWhatOthersName(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	h, r := c.stored("copied by a party")
	other := c.linked()
	_, err := c.AddEvidence(ctx, c.zhang, other.ID, docket.EvidenceInput{Name: "录像复制件", Source: "法院准许复制", Purpose: "证明当庭陈述",
		FileName: "庭审.webm", MediaType: "video/webm", Blob: r.Blob, UploadID: "u1"})
	c.ok(err)
	c.clock.Set(c.keeping(h).Until.In(time.UTC).AddDate(0, 0, 2))
	c.ok(c.ProposeDeletion(ctx, c.clerk, h.ID, "期满"))
	c.ok(c.DecideDeletion(ctx, c.judge, h.ID, c.keeping(h).Deletion.ID, true))
	c.ok(c.PurgeRecordings(ctx, c.keeping(h).Deletion.ID))
	if c.gone(r.Blob.Hash) || !c.gone(r.Original.Hash) {
		t.Errorf("evidence gone: %v, original there: %v", c.gone(r.Blob.Hash), !c.gone(r.Original.Hash))
	}
	again := docket.Recording{Participant: uuid.NewString(), Name: "李娜", Session: "s", Blob: blob.Ref{Hash: r.Original.Hash, Size: r.Original.Size},
		Started: c.clock.Now(), Ended: c.clock.Now()}
	c.is(c.RecordingPart(ctx, h.ID, again), docket.ErrConflict)
	_, err = c.blobs.Put(ctx, strings.NewReader("segments of copied by a party"))
	c.ok(err)
	c.ok(c.RecordingPart(ctx, h.ID, again))
}
