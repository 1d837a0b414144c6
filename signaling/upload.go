package signaling

import (
	"context"
	"log/slog"
	"sync"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"yunting/internal/blob"
	"yunting/media/record"
)

const (
	uploadQueue   = 1 << 14 // closed segments that wait for the file store: half an hour of a full room
	uploaders     = 4       // segments of one recording that are sent at once
	uploadTimeout = time.Minute
	uploadRetry   = time.Second      // after the first failure, doubled with each
	uploadPause   = 30 * time.Second // at most
)

// uploads gives a recording's closed segments to the file store while the hearing runs, so that another machine can
// finish the recording when this one is lost. The recorder never waits for it: a segment that finds no room, or that
// the store has not taken when the recording ends, goes up with the finished file.
type uploads struct {
	hub     *Hub
	dir     string
	log     *slog.Logger
	queue   chan record.Segment
	stop    context.CancelFunc
	workers sync.WaitGroup
}

func (h *Hub) newUploads(dir string, log *slog.Logger) *uploads {
	ctx, stop := context.WithCancel(context.Background())
	u := &uploads{hub: h, dir: dir, log: log, queue: make(chan record.Segment, uploadQueue), stop: stop}
	for range uploaders {
		u.workers.Go(func() { u.run(ctx) })
	}
	return u
}

// add takes a closed segment (record.Options.OnSegment).
func (u *uploads) add(s record.Segment) {
	select {
	case u.queue <- s:
		u.hub.metrics.waiting.Inc()
	default:
		u.hub.metrics.skipped.Inc()
	}
}

// end stops sending. Nothing is added after it.
func (u *uploads) end() {
	u.stop()
	u.workers.Wait()
	u.hub.metrics.waiting.Add(-float64(len(u.queue)))
}

func (u *uploads) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-u.queue:
			u.send(ctx, s)
			u.hub.metrics.waiting.Dec()
		}
	}
}

// send tries until the store has the segment or the recording ends.
func (u *uploads) send(ctx context.Context, s record.Segment) {
	hash, err := blob.ParseHash(s.SHA256)
	if err != nil {
		u.log.Error("signaling: segment's hash", "number", s.Number, "error", err)
		return
	}
	for pause := uploadRetry; ; pause = min(2*pause, uploadPause) {
		attempt, cancel := context.WithTimeout(ctx, uploadTimeout)
		_, err := u.hub.cfg.Blobs.PutCopy(attempt, record.SegmentPath(u.dir, s), hash)
		cancel()
		if err == nil {
			u.hub.metrics.uploaded.Inc()
			return
		}
		if ctx.Err() != nil {
			return
		}
		u.hub.metrics.failed.Inc()
		u.log.Warn("signaling: the file store does not take a segment", "number", s.Number, "retry_after", pause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// metrics are the hub's counters. docs/howto/metrics.md says what each tells.
type metrics struct {
	waiting                   *vm.Gauge
	uploaded, failed, skipped *vm.Counter
}

func newMetrics(set *vm.Set) *metrics {
	if set == nil {
		set = vm.NewSet()
	}
	return &metrics{
		waiting:  set.NewGauge("yunting_recording_segments_waiting", nil),
		uploaded: set.NewCounter("yunting_recording_segments_uploaded_total"),
		failed:   set.NewCounter("yunting_recording_segment_uploads_failed_total"),
		skipped:  set.NewCounter("yunting_recording_segments_skipped_total"),
	}
}
