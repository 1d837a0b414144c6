package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	dto "github.com/prometheus/client_model/go"

	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// TestTooMuchIsStopped lets the layers of a camera bring more than it may: the highest is stopped and tried again, one
// that its publisher goes on sending goes to nobody, and of a lowest layer that is too much by itself nothing goes on.
func TestTooMuchIsStopped(t *testing.T) {
	tr, all := threeLayers(t, codecs()[0])
	tr.peer.sfu.cfg.Limits.VideoBps = 1_000_000
	s := &subscription{track: tr, peer: tr.peer}
	s.mapper = rewrite.New(5)
	out := &paper{format: formatVP8}
	s.bound.Store(&binding{out: out, ssrc: 9, pt: 96})
	s.allowed.Store(true)
	s.ready.Store(true)
	s.view.Store(&simulcast.View{})
	s.limit.Store(unlimited)
	s.numbers = make([]uint16, videoCache)
	subs := []*subscription{s}
	tr.subs.Store(&subs)
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
				e.layer.spatial[0].wire[0] = int(float64(bps[i]) / 8 * allocateEvery.Seconds())
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
	var counted dto.Metric
	if err := tr.peer.sfu.metrics.overLimit.Write(&counted); err != nil || counted.Counter.GetValue() != 2 {
		t.Errorf("%v times counted, want the layer and the choke: %v", counted.Counter.GetValue(), err)
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
