package signaling

import (
	"bytes"
	"io"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/integrity"
)

// forwardings are those of one receiver and sender, as docket has them now.
func (c *court) forwardings(receiver, sender *client) (list []docket.Forwarding) {
	c.t.Helper()
	all, err := c.docket.Forwardings(c.t.Context(), c.hearing.ID)
	check(c.t, err)
	for _, f := range all {
		if f.Receiver == receiver.id().String() && f.Sender == sender.id().String() {
			list = append(list, f)
		}
	}
	return list
}

// TestForwarding keeps who heard whom: nothing before the opening, a stretch for each phase, none of who is muted, in the
// database within seconds, and at the end a file of the record that the integrity value covers.
func TestForwarding(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	eventually(t, "sound flows", 10*time.Second, func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	if list := c.forwardings(clerk, judge); len(list) != 0 {
		t.Errorf("noted before the opening: %v", list)
	}
	opened := time.Now()
	judge.must("phase", map[string]any{"to": "opening"})
	eventually(t, "the stretch is stored while it goes on", 10*time.Second, func() bool { return len(c.forwardings(clerk, judge)) == 1 })
	judge.must("phase", map[string]any{"to": "investigation"})
	eventually(t, "the next phase has its own", 10*time.Second, func() bool { return len(c.forwardings(clerk, judge)) == 2 })
	judge.must("mute", map[string]any{"person": clerk.id(), "muted": true})
	c.silent(clerk, judge)
	grown := c.forwardings(clerk, judge)[1].Packets
	eventually(t, "the stretch grows", 10*time.Second, func() bool { return c.forwardings(clerk, judge)[1].Packets > grown+50 })
	muted := c.forwardings(judge, clerk)
	c.stop()
	c.start()
	judge = c.connect(t, "judge", "")
	judge.join()
	judge.must("pause", map[string]any{"reason": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	var value docket.Integrity
	eventually(t, "the hearing has its integrity value", 20*time.Second, func() bool {
		v, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
		value = v
		return err == nil
	})
	if again := c.forwardings(judge, clerk); len(again) != len(muted) || again[len(again)-1] != muted[len(muted)-1] {
		t.Errorf("of the muted: %v, later %v", muted, again)
	}
	r, err := c.blobs.Open(t.Context(), value.File.Hash)
	check(t, err)
	text, err := io.ReadAll(r)
	check(t, err)
	check(t, r.Close())
	record, err := integrity.Parse(text)
	check(t, err)
	item := record.Items[len(record.Items)-1]
	if item.Kind != integrity.KindForwarding {
		t.Fatalf("the last item is a %s", item.Kind)
	}
	var file bytes.Buffer
	r, err = c.blobs.Open(t.Context(), item.SHA256)
	check(t, err)
	_, err = file.ReadFrom(r)
	check(t, err)
	check(t, r.Close())
	list, err := docket.ParseForwardings(file.Bytes())
	check(t, err)
	all, err := c.docket.Forwardings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(list.Forwardings) != len(all) || len(all) < 3 || list.Hearing != c.hearing.ID.String() {
		t.Errorf("the file has %d stretches, the database %d", len(list.Forwardings), len(all))
	}
	for _, f := range all {
		if f.From.Before(opened) || f.To.Before(f.From) || f.Packets == 0 || f.Source != "mic" {
			t.Errorf("%+v", f)
		}
	}
}
