package media

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/pion/webrtc/v4"
)

// seconds keeps the quality that a peer is told.
type seconds struct {
	mu   sync.Mutex
	list []Quality
}

func (s *seconds) add(q Quality) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, q)
}

// total sums the seconds up by the kind of track.
func (s *seconds) total(kind string, of func(Quality) []TrackQuality) (sum TrackQuality, seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.list {
		for _, t := range of(q) {
			if t.Kind != kind {
				continue
			}
			sum.Packets, sum.Freezes, sum.BitrateBps, sum.Score = sum.Packets+t.Packets, sum.Freezes+t.Freezes, sum.BitrateBps+t.BitrateBps, t.Score
			if t.Packets > 0 {
				seconds++
			}
		}
	}
	return sum, seconds
}

func upOf(q Quality) []TrackQuality   { return q.Up }
func downOf(q Quality) []TrackQuality { return q.Down }

// TestQualityTellsFreezesAndFigures: a picture that stops for a second is one freeze, at the publisher and at the
// receiver, and none while it flows; bitrate, packets and score are told for both ways, and the metrics hold them.
func TestQualityTellsFreezesAndFigures(t *testing.T) {
	set := vm.NewSet()
	sfu, err := New(Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Metrics: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sfu.Close(); err != nil {
			t.Error(err)
		}
	})
	room := sfu.Room("r")
	sender := join(t, room, "sender", everything)
	receiver := join(t, room, "receiver", Permissions{Subscribe: true})
	var up, down seconds
	told := func(c *client, s *seconds) {
		e := c.peer.handlers()
		e.Quality = s.add
		c.peer.SetEvents(e)
	}
	told(sender, &up)
	told(receiver, &down)
	sender.publish(webrtc.MimeTypeVP8)
	src := &source{c: sender}
	stop := src.run(t)
	eventually(t, "seconds are told", func() bool {
		_, a := up.total(KindVideo, upOf)
		_, b := down.total(KindVideo, downOf)
		return a >= 3 && b >= 3
	})
	before, _ := up.total(KindVideo, upOf)
	beforeDown, _ := down.total(KindVideo, downOf)
	stop()
	at := time.Now()
	eventually(t, "a second passes", func() bool { return time.Since(at) > 1200*time.Millisecond })
	t.Cleanup(src.run(t))
	eventually(t, "the freeze is told", func() bool {
		a, _ := up.total(KindVideo, upOf)
		b, _ := down.total(KindVideo, downOf)
		return a.Freezes > before.Freezes && b.Freezes > beforeDown.Freezes
	})
	for way, s := range map[string]struct {
		seconds *seconds
		of      func(Quality) []TrackQuality
	}{"up": {&up, upOf}, "down": {&down, downOf}} {
		sum, n := s.seconds.total(KindVideo, s.of)
		if each := sum.BitrateBps / n; each < 100_000 || each > 900_000 { // 100 packets of some 510 bytes a second
			t.Errorf("%s: %d bps", way, each)
		}
		if sound, n := s.seconds.total(KindAudio, s.of); n == 0 || sound.Freezes != 0 || sound.Packets == 0 || sum.Score < 1 {
			t.Errorf("%s: of sound %+v, score of the picture %v", way, sound, sum.Score)
		}
	}
	var shown strings.Builder
	set.WritePrometheus(&shown)
	for _, want := range []string{"packet_loss_percent_count", "jitter_seconds_count", "bitrate_bps_count", "rtt_seconds_count", "quality_score_count", "freezes_total", "subscriptions_by_layer"} {
		if !regexp.MustCompile(`(?m)^yunting_media_` + want + `(\{.*\})? [1-9]`).MatchString(shown.String()) {
			t.Errorf("nothing in yunting_media_%s:\n%s", want, shown.String())
		}
	}
}

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	steady := slices.Repeat([]time.Duration{40 * ms}, 20)
	for _, c := range []struct {
		name string
		gaps []time.Duration
		want uint64
	}{
		{"steady", steady, 0},
		{"late, but not by 150 ms", append(slices.Clone(steady), 180*ms), 0},
		{"late", append(slices.Clone(steady), 300*ms, 40*ms), 1},
		{"twice", append(slices.Clone(steady), 300*ms, 40*ms, 2*time.Second), 2},
		{"the camera was off", append(slices.Clone(steady), time.Minute, 40*ms), 0},
		{"packets of one picture", slices.Repeat([]time.Duration{ms, ms, 38 * ms}, 20), 0},
		{"one picture a second", slices.Repeat([]time.Duration{time.Second}, 20), 0},
	} {
		var p pace
		for _, g := range c.gaps {
			p.gap(g)
		}
		if got := p.freezes.Load(); got != c.want {
			t.Errorf("%s: %d freezes, want %d", c.name, got, c.want)
		}
	}
}
