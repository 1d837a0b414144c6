package media

import (
	"io"

	vm "github.com/VictoriaMetrics/metrics"

	"yunting/media/udpbatch"
)

// metrics holds the SFU's counters. They cost one atomic add each and are
// touched once a batch where that is possible. docs/howto/metrics.md says what each tells.
type metrics struct {
	packetsIn, bytesIn     *vm.Counter
	packetsOut, bytesOut   *vm.Counter
	malformed, queueFull   *vm.Counter
	nackIn, nackOut        *vm.Counter
	resent, lost, pli      *vm.Counter
	dynacast, refilled     *vm.Counter
	unmatched, overLimit   *vm.Counter
	peersReplaced, refused *vm.Counter
	rooms, peers, tracks   *vm.Gauge
	subscriptions, paused  *vm.Gauge
	probes, feedback       *vm.Counter
	unnoted, limited       *vm.Counter
	quality                qualityMetrics
}

// newMetrics makes the metrics in the set, or in one of their own when it is nil.
func newMetrics(set *vm.Set, sockets []*udpbatch.Conn) *metrics {
	if set == nil {
		set = vm.NewSet()
	}
	counter := func(name string) *vm.Counter { return set.NewCounter("yunting_media_" + name) }
	gauge := func(name string) *vm.Gauge { return set.NewGauge("yunting_media_"+name, nil) }
	set.RegisterMetricsWriter(func(w io.Writer) {
		var calls, dropped uint64
		for _, s := range sockets {
			stats := s.Stats()
			calls, dropped = calls+stats.Calls, dropped+stats.Dropped
		}
		vm.WriteCounterUint64(w, "yunting_media_send_calls_total", calls)
		vm.WriteCounterUint64(w, "yunting_media_send_dropped_total", dropped)
	})
	return &metrics{
		packetsIn:     counter("packets_received_total"),
		bytesIn:       counter("bytes_received_total"),
		packetsOut:    counter("packets_forwarded_total"),
		bytesOut:      counter("bytes_forwarded_total"),
		malformed:     counter("packets_malformed_total"),
		queueFull:     counter("packets_dropped_total"),
		nackIn:        counter("nacks_received_total"),
		nackOut:       counter("nacks_sent_total"),
		resent:        counter("packets_resent_total"),
		lost:          counter("packets_lost_total"),
		overLimit:     counter("tracks_over_limit_total"),
		unmatched:     counter("subscriptions_unmatched_total"),
		refilled:      counter("packets_refilled_total"),
		pli:           counter("plis_sent_total"),
		dynacast:      counter("layer_requests_total"),
		peersReplaced: counter("peers_replaced_total"),
		refused:       counter("requests_refused_total"),
		rooms:         gauge("rooms"),
		peers:         gauge("peers"),
		tracks:        gauge("tracks"),
		subscriptions: gauge("subscriptions"),
		paused:        gauge("subscriptions_paused"),
		probes:        counter("bandwidth_probes_total"),
		feedback:      counter("transport_feedback_received_total"),
		limited:       counter("packets_limited_total"),
		unnoted:       counter("forwardings_lost_total"),
		quality:       newQualityMetrics(set),
	}
}
