package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/simulcast"
)

// TestTooMuchIsStopped lets the layers of a camera bring more than it may: the highest is stopped and tried again, one
// that its publisher goes on sending goes to nobody, and of a lowest layer that is too much by itself nothing goes on.
func TestTooMuchIsStopped(t *testing.T) {
	tr, all := threeLayers(t, codecs()[0])
	tr.peer.sfu.cfg.Limits.VideoBps = 1_000_000
	s, out := subscribe(tr)
	now := time.Now()
	w := &worker{tracks: []*track{tr}, rated: now}
	// bring lets time pass in which the layers come at these rates, whatever the publisher was told.
	bring := func(passed time.Duration, bps ...int) {
		for end := now.Add(passed); now.Before(end); {
			now = now.Add(allocateEvery)
			for i, e := range all {
				if bps[i] == 0 {
					continue
				}
				for _, b := range e.layer.accept([]*buffer{e.next(t, now, true)}) {
					s.forward([]*buffer{b}, now)
				}
				bytes := int(float64(bps[i]) / 8 * allocateEvery.Seconds())
				e.layer.spatial[0].wire[0], e.layer.spatial[0].brought = bytes, bytes
			}
			w.rate(now)
			tr.retarget(now)
		}
	}
	bring(5*time.Second, 100_000, 300_000, 500_000)
	if tr.off[2] || s.sent() != 2 {
		t.Fatalf("within the limit: stopped %v, layer %d is sent", tr.off, s.sent())
	}
	bring(overFor-allocateEvery, 100_000, 300_000, 5_000_000)
	if tr.off[2] {
		t.Fatalf("after less than %v: stopped %v", overFor, tr.off)
	}
	bring(2*time.Second, 100_000, 300_000, 5_000_000)
	if !tr.off[2] || s.sent() != 1 {
		t.Fatalf("too much: stopped %v, layer %d is sent", tr.off, s.sent())
	}
	bring(cappedFor+time.Second, 100_000, 300_000, 400_000)
	if tr.off[2] || s.sent() != 2 {
		t.Fatalf("tried again: stopped %v, layer %d is sent", tr.off, s.sent())
	}
	bring(20*time.Second, 3_000_000, 0, 0)
	sent := len(out.heads)
	bring(5*time.Second, 3_000_000, 0, 0)
	if len(out.heads) != sent || !tr.excess.choked {
		t.Fatalf("%d packets of a lowest layer that is too much", len(out.heads)-sent)
	}
	bring(15*time.Second, 100_000, 0, 0)
	if len(out.heads) == sent || tr.excess.choked {
		t.Error("nothing goes on though it is no longer too much")
	}
	if counted := tr.peer.sfu.metrics.overLimit.Get(); counted != 2 {
		t.Errorf("%d times counted, want the layer and the choke", counted)
	}
}

// TestTooMuchWhateverIsDescribed: a publisher whose descriptor says that no layer needs another, so that none of them alone
// is too much, is held to its limit by what it brings; what it goes on sending of the stopped layer goes to nobody, though
// the key picture at which a receiver would leave that layer never comes.
func TestTooMuchWhateverIsDescribed(t *testing.T) {
	tr, stream, s, out := svcTrack(t, webrtc.MimeTypeVP9)
	stream.mode = keyMode
	tr.peer.sfu.cfg.Limits.VideoBps = 60_000 // a layer brings 28,000
	s.target = simulcast.Max - 1
	now := time.Now()
	w := &worker{tracks: []*track{tr}, rated: now}
	bring := func(passed time.Duration, first bool) (of [simulcast.Max]int) {
		out.packets = nil
		for end := now.Add(passed); now.Before(end); first = false {
			now = now.Add(50 * time.Millisecond)
			s.forward(stream.layer.accept(stream.next(t, now, first)), now)
			w.rate(now)
			tr.retarget(now)
		}
		for _, p := range out.packets {
			of[p.spatial]++
		}
		return of
	}
	if of := bring(overFor-500*time.Millisecond, true); of[2] == 0 || tr.off[2] {
		t.Fatalf("at first: %v packets of each layer, stopped %v", of, tr.off)
	}
	bring(2*time.Second, false)
	if of := bring(5*time.Second, false); of != [simulcast.Max]int{} || !tr.off[2] || tr.off[1] || tr.excess.choked {
		t.Fatalf("too much: %v packets of each layer, stopped %v", of, tr.off)
	}
	if of := bring(time.Second, true); of[1] == 0 || of[2] != 0 {
		t.Errorf("after a key picture: %v packets of each layer", of)
	}
}

// TestLayersOfATrack: a track takes one stream, or one of each rank.
func TestLayersOfATrack(t *testing.T) {
	for _, tc := range []struct {
		rids []string
		ok   []bool
	}{
		{[]string{"", ""}, []bool{true, false}},
		{[]string{"q", "h", "f", "x"}, []bool{true, true, true, false}},
		{[]string{"f", "hi", "q", ""}, []bool{true, false, true, false}},
	} {
		tr := &track{kind: webrtc.RTPCodecTypeVideo}
		for i, rid := range tc.rids {
			if ok := tr.addLayer(rid); ok != tc.ok[i] {
				t.Errorf("%q: stream %d taken: %v", tc.rids, i, ok)
			}
		}
	}
}
