package docket_test

import (
	"testing"
	"time"

	"yunting/docket"
	"yunting/internal/blob"
)

// TestStampIntegrity enters a time-stamp once, whatever a job that runs again brings.
func TestStampIntegrity(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	h := c.hearing(c.linked().ID)
	c.move(h, "opening", "investigation", "debate", "final_statements", "closed")
	stamp := docket.Stamp{At: c.clock.Now().Add(time.Minute), Authority: "时间戳 Time-stamp", File: docket.FileRef{Hash: blob.Hash{1}, Size: 900}}
	c.is(c.StampIntegrity(ctx, h.ID, blob.Hash{9}, stamp), docket.ErrNotFound)
	value, err := c.SealRecord(ctx, h.ID)
	c.ok(err)
	if value.Stamp != nil {
		t.Errorf("stamped at once: %+v", value.Stamp)
	}
	c.is(c.StampIntegrity(ctx, h.ID, blob.Hash{9}, stamp), docket.ErrNotFound)
	c.ok(c.StampIntegrity(ctx, h.ID, value.Root, stamp))
	later := stamp
	later.At, later.File.Hash = stamp.At.Add(time.Hour), blob.Hash{2}
	c.ok(c.StampIntegrity(ctx, h.ID, value.Root, later))
	got, err := c.IntegrityValue(ctx, h.ID, value.Root)
	c.ok(err)
	if got.Stamp == nil || !got.Stamp.At.Equal(stamp.At) || got.Stamp.File.Hash != stamp.File.Hash || got.Stamp.File.Name == "" || got.Stamp.Authority != stamp.Authority {
		t.Errorf("stamp %+v", got.Stamp)
	}
	entries, err := c.Entries(ctx, h.Case)
	c.ok(err)
	stamped := 0
	for _, e := range entries {
		if e.Kind == docket.EntryIntegrityStamped {
			stamped++
		}
	}
	if stamped != 1 {
		t.Errorf("%d entries of one time-stamp", stamped)
	}
	if _, err := c.pool.Exec(ctx, `UPDATE integrity_stamps SET stamped_at = now()`); err == nil {
		t.Error("a time-stamp may be changed")
	}
}
