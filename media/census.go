package media

import (
	"fmt"
	"strconv"

	vm "github.com/VictoriaMetrics/metrics"
)

// The two ways of a track, as labels.
const (
	wayUp   = "up"   // from a publisher
	wayDown = "down" // to a receiver
)

// qualityMetrics are what all peers' and tracks' seconds look like. No label names a person, a room or a track.
type qualityMetrics struct {
	loss, jitter, bitrate map[string]*vm.PrometheusHistogram // by way and kind
	freezes               map[string]*vm.Counter             // by way
	layers                []*vm.Gauge                        // by layer; the last is of what is not sent
	rtt, score, available *vm.PrometheusHistogram
}

func newQualityMetrics(set *vm.Set) qualityMetrics {
	peers := func(name string, bounds ...float64) *vm.PrometheusHistogram {
		return set.NewPrometheusHistogramExt("yunting_media_"+name, bounds)
	}
	tracks := func(name string, bounds ...float64) map[string]*vm.PrometheusHistogram {
		out := map[string]*vm.PrometheusHistogram{}
		for _, way := range []string{wayUp, wayDown} {
			for _, kind := range []string{KindAudio, KindVideo} {
				out[way+kind] = peers(fmt.Sprintf("%s{direction=%q,kind=%q}", name, way, kind), bounds...)
			}
		}
		return out
	}
	freezes := func(way string) *vm.Counter {
		return set.NewCounter(fmt.Sprintf("yunting_media_freezes_total{direction=%q}", way))
	}
	m := qualityMetrics{
		loss:      tracks("packet_loss_percent", 0, 1, 2, 5, 10, 20, 30, 50),
		jitter:    tracks("jitter_seconds", .005, .01, .02, .03, .05, .1, .2, .5),
		bitrate:   tracks("bitrate_bps", vm.ExponentialBuckets(8_000, 2, 11)...),
		rtt:       peers("rtt_seconds", .01, .025, .05, .1, .2, .3, .5, 1, 2),
		score:     peers("quality_score", 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5),
		available: peers("receiver_available_bps", vm.ExponentialBuckets(32_000, 2, 10)...),
		freezes:   map[string]*vm.Counter{wayUp: freezes(wayUp), wayDown: freezes(wayDown)},
	}
	for i := range maxLayers + 1 {
		layer := strconv.Itoa(i)
		if i == maxLayers {
			layer = "none"
		}
		m.layers = append(m.layers, set.NewGauge(fmt.Sprintf("yunting_media_subscriptions_by_layer{layer=%q}", layer), nil))
	}
	return m
}

// census adds one second of every room up. Housekeeping owns it.
type census struct {
	metrics *metrics
	layers  [maxLayers + 1]int
}

func (c *census) peer(q *Quality) {
	m := &c.metrics.quality
	for i := range q.Up {
		c.track(wayUp, &q.Up[i])
	}
	for i := range q.Down {
		c.track(wayDown, &q.Down[i])
		switch layer := q.Down[i].Layer; {
		case q.Down[i].Kind != KindVideo:
		case layer < 0 || layer >= maxLayers:
			c.layers[maxLayers]++
		default:
			c.layers[layer]++
		}
	}
	if len(q.Up)+len(q.Down) > 0 {
		m.score.Update(q.Score)
	}
	if q.RTT > 0 {
		m.rtt.Update(q.RTT.Seconds())
	}
	if q.AvailableBps > 0 {
		m.available.Update(float64(q.AvailableBps))
	}
}

// track takes a second in which something of the track came.
func (c *census) track(way string, q *TrackQuality) {
	m := &c.metrics.quality
	if q.Freezes > 0 {
		m.freezes[way].AddInt64(int64(q.Freezes))
	}
	total := q.Packets + q.Lost
	if total == 0 {
		return
	}
	m.loss[way+q.Kind].Update(100 * float64(q.Lost) / float64(total))
	m.jitter[way+q.Kind].Update(q.Jitter.Seconds())
	m.bitrate[way+q.Kind].Update(float64(q.BitrateBps))
}

// end tells how many pictures of each layer there are now.
func (c *census) end() {
	for i, n := range c.layers {
		c.metrics.quality.layers[i].Set(float64(n))
	}
}
