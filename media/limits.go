package media

import (
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	overFor   = 2 * time.Second  // for which a track may bring more than its limit: a key frame is no excess
	cappedFor = 30 * time.Second // then a layer that was too much is tried again
)

// excess is what a track does about its publisher's sending more than it may;
// the worker owns it.
type excess struct {
	since  time.Time            // since when it is too much
	capped [maxLayers]time.Time // until when a layer is stopped
	choked bool                 // even the lowest is too much: nothing goes on
	told   bool                 // in the log
}

// limitBps is how much the track may bring, on a receiver's wire.
func (t *track) limitBps() int64 {
	if t.kind == webrtc.RTPCodecTypeAudio {
		return int64(t.peer.sfu.cfg.Limits.AudioBps)
	}
	return int64(t.peer.sfu.cfg.Limits.VideoBps)
}

// bound keeps the track within its limit by the bytes that came of each layer,
// whatever a descriptor says of who needs them: the publisher is told to stop
// the highest layer, and what it sends of it all the same goes to no receiver.
// When the lowest alone is too much nothing goes on while that is so.
func (t *track) bound(now time.Time) {
	var sum int64
	top := -1
	for i := range t.rates {
		rate := t.brought[i].Load()
		if t.off[i] || rate == 0 || t.excess.stopped(i, now) {
			continue
		}
		top, sum = i, sum+rate
	}
	over := top >= 0 && sum > t.limitBps()
	lowest := top == 0 || top > 0 && t.brought[0].Load() == 0
	x := &t.excess
	switch {
	case !over:
		x.since, x.choked = time.Time{}, false
		return
	case x.since.IsZero():
		x.since = now
		return
	case x.choked || now.Sub(x.since) < overFor:
		return
	case lowest:
		x.choked = true
	default:
		x.capped[top], x.since = now.Add(cappedFor), time.Time{}
		t.rates[top].Store(0) // when it is tried again it is measured anew
		t.brought[top].Store(0)
	}
	t.peer.sfu.metrics.overLimit.Inc()
	if !x.told {
		x.told = true
		t.peer.sfu.log.Warn("media: a track brings more than it may", "track", t.info.ID, "kind", t.info.Kind, "bps", sum, "limit", t.limitBps())
	}
}

// stopped tells whether a layer is stopped because it was too much.
func (x *excess) stopped(index int, now time.Time) bool { return now.Before(x.capped[index]) }
