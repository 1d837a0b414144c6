package media

import (
	"time"

	"yunting/media/packet"
	"yunting/media/simulcast"
)

const (
	mendAfter = 500 * time.Millisecond // and a round trip: what is missing for so long is taken for lost
	mendEvery = 100 * time.Millisecond
	nearby    = 64                       // packets between which a lost one is placed
	allLayers = 1<<packet.MaxSpatial - 1 // a bit for each spatial layer
)

// mendChain asks for a key picture when a packet is lost without which nothing
// more can be shown of a layer that somebody gets: its receivers cannot know
// that asking us for it is in vain. Of a stream that tells what its layers need.
func (w *worker) mendChain(l *layer, now time.Time, rtt time.Duration) {
	if !l.svc || l.wantKey || now.Sub(l.mended) < mendEvery {
		return
	}
	l.mended = now
	cut := uint8(0)
	w.due = l.loss.Late(w.due[:0], l.keySeen, now.Add(-mendAfter-rtt)) // of what was missed before, the key picture has mended it
	for _, seq := range w.due {
		cut |= l.severed(seq)
	}
	if cut == 0 {
		return
	}
	l.wantKey = len(l.track.feeds) > 0
	for _, s := range l.track.subscriptions() {
		if sent := s.sent(); sent != simulcast.None && s.active() && cut&(1<<sent) != 0 {
			l.wantKey = true // ask does so next
		}
	}
}

// severed tells of which layers nothing more can be shown without the packet,
// which did not come: the lowest in the lowest bit. It lies in one of the frames
// between those of its neighbours; what came after them tells whether that is of
// a layer's chain (RTP Payload Format For AV1 appendix A).
func (l *layer) severed(seq uint16) (layers uint8) {
	before, after := l.neighbour(seq, ^uint16(0)), l.neighbour(seq, 1)
	if before == nil || after == nil {
		return allLayers
	}
	if !before.chained || !after.chained {
		return unchained(before, after)
	}
	from, to := before.frame, after.frame
	if before.ends {
		from++
	}
	if after.starts {
		to--
	}
	if int16(to-from) < 0 {
		return 0 // of no frame: padding
	}
	newest, _ := l.loss.Extended()
	for at := after.head.Seq; int16(uint16(newest)-at) >= 0 && layers != allLayers; at++ {
		b, ok := l.cache.Get(at)
		if !ok || !b.chained {
			continue
		}
		for i, back := range b.chain {
			if back > 0 && b.frame-uint16(back)-from <= to-from {
				layers |= 1 << i
			}
		}
	}
	return layers
}

// neighbour is the nearest packet that came, one step after the other from seq.
func (l *layer) neighbour(seq, step uint16) *buffer {
	for range nearby {
		seq += step
		if b, ok := l.cache.Get(seq); ok {
			return b
		}
	}
	return nil
}

// unchained is severed for a stream without chains: within one picture of an
// upper temporal layer the loss will pass; else every layer from that of the
// packet before on is taken to need it.
func unchained(before, after *buffer) (layers uint8) {
	switch {
	case before.head.Timestamp != after.head.Timestamp:
		return allLayers
	case before.temporal.layer > 0:
		return 0
	case before.ends:
		return allLayers &^ (2<<before.spatial - 1)
	}
	return allLayers &^ (1<<before.spatial - 1)
}
