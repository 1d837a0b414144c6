package signaling

import (
	"io"
	"slices"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/integrity"
	"yunting/internal/blob"
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

// forwardingFile is the list that the value covers, which is what docket has.
func (c *court) forwardingFile(value docket.Integrity) []docket.Forwarding {
	c.t.Helper()
	read := func(h blob.Hash) []byte {
		r, err := c.blobs.Open(c.t.Context(), h)
		check(c.t, err)
		text, err := io.ReadAll(r)
		check(c.t, err)
		check(c.t, r.Close())
		return text
	}
	record, err := integrity.Parse(read(value.File.Hash))
	check(c.t, err)
	item := record.Items[len(record.Items)-1]
	if item.Kind != integrity.KindForwarding {
		c.t.Fatalf("the last item is a %s", item.Kind)
	}
	list, err := docket.ParseForwardings(read(item.SHA256))
	check(c.t, err)
	all, err := c.docket.Forwardings(c.t.Context(), c.hearing.ID)
	check(c.t, err)
	if !slices.Equal(list.Forwardings, all) || list.Hearing != c.hearing.ID.String() {
		c.t.Errorf("the file has %v, the database %v", list.Forwardings, all)
	}
	return all
}

// TestForwardingWithoutRecording: of a hearing that was never recorded the list is a file of the record too, to its last packet.
func TestForwardingWithoutRecording(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 })
	c.hub.Load().SetLowSpace(true)
	if code := judge.ask("phase", map[string]any{"to": "opening"}); code != "recording-unavailable" {
		t.Fatalf("opened: %q", code)
	}
	judge.must("recording-choice", map[string]any{"choice": "go_on", "reason": "笔录"})
	heard := clerk.hears(judge)
	eventually(t, "sound flows in the hearing", func() bool { return clerk.hears(judge) > heard+10 })
	judge.must("phase", map[string]any{"to": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	all := c.forwardingFile(c.sealedSoon("the hearing has its integrity value"))
	recordings, err := c.docket.Recordings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(recordings) > 0 || !slices.ContainsFunc(all, func(f docket.Forwarding) bool {
		return f.Receiver == clerk.id().String() && f.Sender == judge.id().String() && f.Packets >= 5
	}) {
		t.Errorf("%d recordings, received %v", len(recordings), all)
	}
}

// TestForwarding keeps who heard whom: nothing before the opening, a stretch for each phase, none of who is muted, in the
// database within seconds, and at the end a file of the record that the integrity value covers.
func TestForwarding(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	if list := c.forwardings(clerk, judge); len(list) != 0 {
		t.Errorf("noted before the opening: %v", list)
	}
	opened := time.Now()
	judge.must("phase", map[string]any{"to": "opening"})
	eventually(t, "the stretch is stored while it goes on", func() bool { return len(c.forwardings(clerk, judge)) == 1 })
	judge.must("phase", map[string]any{"to": "investigation"})
	eventually(t, "the next phase has its own", func() bool { return len(c.forwardings(clerk, judge)) == 2 })
	judge.must("mute", map[string]any{"person": clerk.id(), "muted": true})
	c.silent(clerk, judge)
	grown := c.forwardings(clerk, judge)[1].Packets
	eventually(t, "the stretch grows", func() bool { return c.forwardings(clerk, judge)[1].Packets > grown+50 })
	muted := c.forwardings(judge, clerk)
	c.stop()
	c.start()
	judge = c.connect(t, "judge", "")
	judge.join()
	judge.must("pause", map[string]any{"reason": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	value := c.sealedSoon("the hearing has its integrity value")
	if again := c.forwardings(judge, clerk); len(again) != len(muted) || again[len(again)-1] != muted[len(muted)-1] {
		t.Errorf("of the muted: %v, later %v", muted, again)
	}
	all := c.forwardingFile(value)
	if len(all) < 3 {
		t.Errorf("%d stretches", len(all))
	}
	for _, f := range all {
		if f.From.Before(opened) || f.To.Before(f.From) || f.Packets == 0 || f.Source != "mic" {
			t.Errorf("%+v", f)
		}
	}
}
