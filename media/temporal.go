package media

import "yunting/media/packet"

const (
	temporalLayers = 3                  // that are told apart: any above are taken for the uppermost
	thinner        = temporalLayers - 1 // ways to have a picture with fewer frames
)

// rungs are what the allocator chooses from: the lowest layer with its first
// temporal layer alone, with the first two, and whole; then the layers above.
// A larger picture is given up before the lowest has fewer frames: a face at
// 20 small pictures a second tells more than at 5 large ones. A shared screen
// is one layer, so of it every line stays and frames go.
const rungs = thinner + maxLayers

// temporal is the temporal layer of a packet's picture.
type temporal struct {
	layer uint8
	from  uint8 // a receiver that has the layers up to this can take the picture,
	up    uint8 // and can go on from it with those up to this
}

// synced is the temporal layer of a format that marks the pictures of a layer
// which need none of it before them: VP8's Y (RFC 7741 section 4.2), VP9's U
// (RFC 9628 section 4.2) as encoders set it. One goes up layer by layer.
func synced(layer uint8, sync bool) temporal {
	if sync && layer > 0 {
		return temporal{layer: layer, from: layer - 1, up: layer}
	}
	return temporal{layer: layer, from: layer}
}

// described is the temporal layer that a dependency descriptor tells: what is
// sent to a receiver of the layer leads it further up.
func described(d *packet.Dependency) temporal {
	return temporal{layer: d.Temporal, from: d.Temporal, up: d.Up}
}

// describe takes the temporal layer from the packet's dependency descriptor,
// if it has one: Chromium's VP8 then has none in its own, nor a PictureID.
func (l *layer) describe(b *buffer) {
	ext := b.extension(extDependency)
	if ext == nil {
		return
	}
	if d, err := l.structure.Parse(ext); err == nil {
		b.temporal = described(&d)
	}
}

// thinned tells whether the receiver does not get every temporal layer, or shall not.
func (s *subscription) thinned() bool { return s.without != 0 || s.spare.Load() != 0 }

// admitTemporal tells whether b's picture is of the temporal layers that the
// receiver gets. It goes down at the next picture and up where the encoder
// provides for it; what it does not get leaves no hole in the numbers. A
// picture of which a packet was sent is sent whole.
func (s *subscription) admitTemporal(b *buffer) bool {
	m, spare := s.mapper, uint8(s.spare.Load())
	switch ts := b.head.Timestamp; {
	case m.Late(b.head.Seq), ts+m.TimestampOffset() == m.Last().Timestamp:
		return true // it is settled
	case ts != s.omitted || b.key:
		s.without = thinner - b.temporal.climb(thinner-s.without, thinner-spare, b.key)
		if min(b.temporal.layer, thinner) <= thinner-s.without {
			return true
		}
		s.omitted = ts
	}
	m.Omit(b.in())
	return false
}

// climb is the highest temporal layer that a receiver gets from this picture
// on, who has them up to now and bandwidth for those up to room.
func (p temporal) climb(now, room uint8, key bool) uint8 {
	switch {
	case key, room < now:
		return room
	case p.from <= now:
		return max(now, min(p.up, room))
	}
	return now
}
