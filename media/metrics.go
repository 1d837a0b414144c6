package media

import (
	"github.com/prometheus/client_golang/prometheus"

	"yunting/media/udpbatch"
)

// metrics holds the SFU's counters. They cost one atomic add each and are
// touched once a batch where that is possible.
type metrics struct {
	packetsIn, bytesIn     prometheus.Counter
	packetsOut, bytesOut   prometheus.Counter
	malformed, queueFull   prometheus.Counter
	nackIn, nackOut        prometheus.Counter
	resent, lost, pli      prometheus.Counter
	dynacast, refilled     prometheus.Counter
	unmatched, overLimit   prometheus.Counter
	peersReplaced, refused prometheus.Counter
	rooms, peers, tracks   prometheus.Gauge
	subscriptions, paused  prometheus.Gauge
	probes, feedback       prometheus.Counter
	unnoted, limited       prometheus.Counter
	quality                qualityMetrics
}

func newMetrics(reg prometheus.Registerer, sockets []*udpbatch.Conn) (*metrics, error) {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	var all []prometheus.Collector
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "yunting", Subsystem: "media", Name: name, Help: help})
		all = append(all, c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "yunting", Subsystem: "media", Name: name, Help: help})
		all = append(all, g)
		return g
	}
	m := &metrics{
		packetsIn:     counter("packets_received_total", "RTP packets received from publishers."),
		bytesIn:       counter("bytes_received_total", "RTP bytes received from publishers."),
		packetsOut:    counter("packets_forwarded_total", "RTP packets forwarded to receivers."),
		bytesOut:      counter("bytes_forwarded_total", "RTP payload bytes forwarded to receivers."),
		malformed:     counter("packets_malformed_total", "RTP packets ignored because they were malformed."),
		queueFull:     counter("packets_dropped_total", "RTP packets dropped because a worker's queue was full."),
		nackIn:        counter("nacks_received_total", "Packets that receivers asked for again."),
		nackOut:       counter("nacks_sent_total", "Packets asked of publishers again."),
		resent:        counter("packets_resent_total", "RTP packets sent again from the cache."),
		lost:          counter("packets_lost_total", "Publishers' packets that never came, repair included."),
		overLimit:     counter("tracks_over_limit_total", "Times that a track brought more than it may and a layer, or all of it, was held back."),
		unmatched:     counter("subscriptions_unmatched_total", "Tracks that a receiver cannot take, for want of the codec."),
		refilled:      counter("packets_refilled_total", "Publishers' packets that never came, made of what RED repeats of them."),
		pli:           counter("plis_sent_total", "Key frames asked of publishers."),
		dynacast:      counter("layer_requests_total", "Times that a publisher was told which layers to stop."),
		peersReplaced: counter("peers_replaced_total", "Peers replaced by a join under the same id."),
		refused:       counter("requests_refused_total", "Negotiations, candidates and tracks refused by a limit or as malformed."),
		rooms:         gauge("rooms", "Open rooms."),
		peers:         gauge("peers", "Joined peers."),
		tracks:        gauge("tracks", "Published tracks."),
		subscriptions: gauge("subscriptions", "Tracks forwarded to receivers."),
		paused:        gauge("subscriptions_paused", "Videos held back because the way to the receiver is too weak."),
		probes:        counter("bandwidth_probes_total", "Probes for more bandwidth sent to receivers."),
		feedback:      counter("transport_feedback_received_total", "Transport-wide feedback packets from receivers."),
		limited:       counter("packets_limited_total", "Packets dropped because a client sent more of them than is allowed."),
		unnoted:       counter("forwardings_lost_total", "Stretches of who received what that found no room in the list."),
	}
	all = append(all, m.quality.init()...)
	socket := func(name, help string, value func(udpbatch.Stats) uint64) {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "yunting", Subsystem: "media", Name: name, Help: help},
			func() float64 {
				var sum uint64
				for _, s := range sockets {
					sum += value(s.Stats())
				}
				return float64(sum)
			}))
	}
	socket("send_calls_total", "System calls made to send RTP.", func(s udpbatch.Stats) uint64 { return s.Calls })
	socket("send_dropped_total", "RTP packets that the kernel refused.", func(s udpbatch.Stats) uint64 { return s.Dropped })
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
