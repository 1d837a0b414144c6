package media

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// The two ways of a track, as labels.
const (
	wayUp   = "up"   // from a publisher
	wayDown = "down" // to a receiver
)

// qualityMetrics are what all peers' and tracks' seconds look like. No label names a person, a room or a track.
type qualityMetrics struct {
	loss, jitter, bitrate map[string]prometheus.Observer // by way and kind
	freezes               map[string]prometheus.Counter  // by way
	layers                []prometheus.Gauge             // by layer; the last is of what is not sent
	rtt, score, available prometheus.Histogram
}

// init makes the metrics and returns what is to be registered.
func (m *qualityMetrics) init() (all []prometheus.Collector) {
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "yunting", Subsystem: "media", Name: name, Help: help, Buckets: buckets}
	}
	peers := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(histogram(name, help, buckets))
		all = append(all, h)
		return h
	}
	tracks := func(name, help string, buckets []float64) map[string]prometheus.Observer {
		v := prometheus.NewHistogramVec(histogram(name, help, buckets), []string{"direction", "kind"})
		all = append(all, v)
		out := map[string]prometheus.Observer{}
		for _, way := range []string{wayUp, wayDown} {
			for _, kind := range []string{KindAudio, KindVideo} {
				out[way+kind] = v.WithLabelValues(way, kind)
			}
		}
		return out
	}
	m.loss = tracks("packet_loss_percent", "Packets lost after repair, of each track, each second.", []float64{0, 1, 2, 5, 10, 20, 30, 50})
	m.jitter = tracks("jitter_seconds", "Interarrival jitter (RFC 3550) of each track, each second.", []float64{.005, .01, .02, .03, .05, .1, .2, .5})
	m.bitrate = tracks("bitrate_bps", "Bits of each track, each second.", prometheus.ExponentialBuckets(8_000, 2, 11))
	m.rtt = peers("rtt_seconds", "Round trip to each peer, each second.", []float64{.01, .025, .05, .1, .2, .3, .5, 1, 2})
	m.score = peers("quality_score", "Mean opinion score of each peer's media, 1 to 5, each second.", []float64{1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5})
	m.available = peers("receiver_available_bps", "Estimated bandwidth to each receiver, bits a second, each second.", prometheus.ExponentialBuckets(32_000, 2, 10))
	freezes := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "yunting", Subsystem: "media", Name: "freezes_total",
		Help: "Pauses of a picture longer than three times the usual, and by 150 ms at least."}, []string{"direction"})
	m.freezes = map[string]prometheus.Counter{wayUp: freezes.WithLabelValues(wayUp), wayDown: freezes.WithLabelValues(wayDown)}
	layers := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "yunting", Subsystem: "media", Name: "subscriptions_by_layer",
		Help: "Pictures that receivers get, by simulcast layer, 0 the smallest; none: off-screen or paused."}, []string{"layer"})
	for i := range maxLayers {
		m.layers = append(m.layers, layers.WithLabelValues(strconv.Itoa(i)))
	}
	m.layers = append(m.layers, layers.WithLabelValues("none"))
	return append(all, freezes, layers)
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
		m.score.Observe(q.Score)
	}
	if q.RTT > 0 {
		m.rtt.Observe(q.RTT.Seconds())
	}
	if q.AvailableBps > 0 {
		m.available.Observe(float64(q.AvailableBps))
	}
}

// track takes a second in which something of the track came.
func (c *census) track(way string, q *TrackQuality) {
	m := &c.metrics.quality
	if q.Freezes > 0 {
		m.freezes[way].Add(float64(q.Freezes))
	}
	total := q.Packets + q.Lost
	if total == 0 {
		return
	}
	m.loss[way+q.Kind].Observe(100 * float64(q.Lost) / float64(total))
	m.jitter[way+q.Kind].Observe(q.Jitter.Seconds())
	m.bitrate[way+q.Kind].Observe(float64(q.BitrateBps))
}

// end tells how many pictures of each layer there are now.
func (c *census) end() {
	for i, n := range c.layers {
		c.metrics.quality.layers[i].Set(float64(n))
	}
}
