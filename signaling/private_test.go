package signaling

import (
	"bytes"
	"io"
	"testing"

	"yunting/docket"
)

// say has the client's microphone carry these words from now on, and waits until some of them are sent: what was said
// before has reached the server by then.
func (p *client) say(words string) {
	p.t.Helper()
	p.says.Store(&words)
	before := p.sent.Load()
	eventually(p.t, "the microphone says "+words, func() bool { return p.sent.Load() > before+15 })
}

// TestWhatIsPrivateIsInNoSegment says other words in each part of a hearing, and looks for them in every byte that is kept:
// what is said before the opening, in a recess, while evidence is shown in private and in a mediation is in no segment.
func TestWhatIsPrivateIsInNoSegment(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	clerk.join()
	judge.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 })
	judge.say("before the opening")
	judge.says.Store(nil)
	judge.must("phase", map[string]any{"to": "opening"})
	judge.say("said in public")
	for _, reason := range []string{"private_evidence", "mediation"} {
		judge.must("pause", map[string]any{"reason": reason})
		judge.say("secret of " + reason)
		judge.say("public after " + reason) // and on its way before the recording goes on
		judge.must("resume", nil)
		judge.say("public after " + reason)
	}
	judge.must("phase", map[string]any{"to": "recess"})
	judge.say("secret of recess")
	judge.say("public at the end")
	judge.must("phase", map[string]any{"to": "opening"})
	judge.say("public at the end")
	judge.must("phase", map[string]any{"to": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	c.sealedSoon("the record is stored and sealed")
	kept := c.keptBytes()
	for _, words := range []string{"said in public", "public after private_evidence", "public after mediation", "public at the end"} {
		if !bytes.Contains(kept, []byte(words)) {
			t.Errorf("%q is missing from the record", words)
		}
	}
	for _, words := range []string{"before the opening", "secret of"} {
		if n := bytes.Count(kept, []byte(words)); n > 0 {
			t.Errorf("%q stands %d times in the record", words, n)
		}
	}
}

// keptBytes are all originals and files that play of the hearing, one after the other.
func (c *court) keptBytes() []byte {
	c.t.Helper()
	ctx := c.t.Context()
	recordings, err := c.docket.Recordings(ctx, c.hearing.ID)
	check(c.t, err)
	var all bytes.Buffer
	for _, r := range recordings {
		for _, ref := range []docket.FileRef{{Hash: r.Blob.Hash}, r.Original} {
			f, err := c.blobs.Open(ctx, ref.Hash)
			check(c.t, err)
			_, err = io.Copy(&all, f)
			check(c.t, err)
			check(c.t, f.Close())
		}
	}
	if len(recordings) == 0 {
		c.t.Error("nothing was recorded")
	}
	return all.Bytes()
}
