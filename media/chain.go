package media

import (
	"time"

	"github.com/pion/webrtc/v4"

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
// that asking us for it is in vain.
func (w *worker) mendChain(l *layer, now time.Time, rtt time.Duration) {
	if l.track.kind != webrtc.RTPCodecTypeVideo || l.wantKey || now.Sub(l.mended) < mendEvery {
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
	for _, f := range l.track.feeds { // who records several layers in one stream takes them all
		if l.svc || f.mapper.Started() && cut&(1<<f.mapper.Layer()) != 0 {
			l.wantKey = true
		}
	}
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
	if !l.svc {
		if before == nil || after == nil || baseBetween(before, after) {
			return 1 << l.index
		}
		return 0
	}
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

// neighbour is the nearest packet of a picture that came, one step after the other from seq.
func (l *layer) neighbour(seq, step uint16) *buffer {
	for range nearby {
		seq += step
		if b, ok := l.cache.Get(seq); ok && !b.empty() {
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

// baseBetween tells whether something of a picture that the later ones need was lost between two packets of a stream of one
// spatial layer: of the lowest temporal layer, or of a stream that does not number its pictures (RFC 7741 section 4.2:
// TL0PICIDX counts those of the lowest layer, PictureID all). A lost picture of an upper temporal layer passes with the next of
// the lowest.
func baseBetween(before, after *buffer) bool {
	if before.head.Timestamp == after.head.Timestamp {
		return before.temporal.layer == 0
	}
	if before.vp8.PictureIDAt == 0 || after.vp8.PictureIDAt == 0 {
		return true
	}
	if before.temporal.layer == 0 && !before.head.Marker || after.temporal.layer == 0 && !after.vp8.Start {
		return true // the end of the one, or the beginning of the other
	}
	if before.vp8.TL0At == 0 || after.vp8.TL0At == 0 {
		return after.vp8.Apart(before.vp8) != 1
	}
	between := after.vp8.TL0PicIdx - before.vp8.TL0PicIdx
	if after.temporal.layer == 0 {
		between--
	}
	return between != 0
}
