package media

import (
	"strconv"
	"time"

	"yunting/media/packet"
	"yunting/media/rewrite"
)

// spatialLayer is what is known of one layer of a stream, which carries one or
// several (SVC).
type spatialLayer struct {
	lastSeen time.Time
	wire     [temporalLayers]int // bytes on a receiver's wire since the rates were last taken, by temporal layer
	size     packet.Resolution
}

// scalable tells whether a stream of the format may carry several layers.
func (f format) scalable() bool { return f == formatVP9 || f == formatAV1 }

// svc tells whether one stream carries the track's layers. The worker asks.
func (t *track) svc() bool { return len(t.layers) == 1 && t.layers[0].svc }

// parseVP9 reads the payload descriptor.
func (l *layer) parseVP9(b *buffer) bool {
	d, err := packet.ParseVP9(b.payload())
	if err != nil {
		return false
	}
	b.key, b.ends, b.layers, b.sizes = d.KeyFrame(), d.End, d.Layers, d.Sizes
	b.temporal = synced(d.Temporal, d.Up)
	if l.svc {
		b.spatial = d.Spatial
	}
	return true
}

// parseAV1 reads the dependency descriptor, or without one the aggregation
// header (RTP Payload Format For AV1 section 4.4): N and not Z begin a coded
// video sequence. A descriptor that cannot be read, as before the first
// structure, tells of nothing that a receiver could begin with.
func (l *layer) parseAV1(b *buffer) {
	ext := b.extension(extDependency)
	if ext == nil {
		b.key = b.payload()[0]&0x88 == 0x08
		return
	}
	d, err := l.structure.Parse(ext)
	if err != nil {
		return
	}
	b.key, b.ends, b.layers = d.KeyFrame(), d.End, l.structure.Active()
	b.temporal = described(&d)
	if l.svc {
		b.spatial = d.Spatial
	}
	if d.Begins {
		b.sizes = l.structure.Sizes
	}
}

// note keeps what a packet tells of the layers that the stream carries.
func (l *layer) note(b *buffer) {
	l.spatial[b.spatial].wire[min(b.temporal.layer, temporalLayers-1)] += wireBytes(b)
	if b.layers > 0 {
		l.active = b.layers
	}
	for i, size := range b.sizes {
		if size.Width > 0 {
			l.spatial[i].size = size
		}
	}
}

// carried are the layers that the stream carries or could.
func (l *layer) carried() []spatialLayer {
	if l.svc {
		return l.spatial[:]
	}
	return l.spatial[:1]
}

// name is how the publisher is told of the i-th layer that the stream carries.
func (l *layer) name(i int) string {
	if l.svc {
		return "s" + strconv.Itoa(i)
	}
	return l.rid
}

// live tells whether the i-th layer that the stream carries arrives now.
func (l *layer) live(i int, now time.Time) bool {
	return now.Sub(l.spatial[i].lastSeen) < silentLayer && (l.active == 0 || i < l.active)
}

// admitSpatial tells whether b, of a stream that carries several layers,
// belongs to what the receiver gets: every layer up to its own. It goes down
// at the next picture, and up at the next key picture. What it does not get
// leaves no hole in the numbers.
func (s *subscription) admitSpatial(b *buffer) bool {
	m := s.mapper
	top := uint8(min(int32(s.target), s.limit.Load()))
	switch {
	case !m.Started() || s.paused:
		if !b.key {
			b.layer.askKey()
			return false
		}
		if m.Started() {
			m.Resume(b.in())
		} else {
			m.Switch(top, b.in(), b.head.Timestamp)
		}
		m.Step(top, b.head.Seq)
		s.paused = false
		return true
	case m.Late(b.head.Seq):
		return true // its place is settled
	case b.key && top != m.Layer(), top < m.Layer() && b.head.Timestamp+m.TimestampOffset() != m.Last().Timestamp:
		m.Step(top, b.head.Seq)
	}
	if b.spatial > m.Layer() {
		m.Skip(b.head.Seq)
		return false
	}
	return true
}

// shape gives the payload and marker with which a packet of a stream with
// several layers is sent where the receiver has the given one: the marker
// stands at the end of the highest that it gets. A packet for which a number
// was kept before it was known to be left out goes without its payload.
func (b *buffer) shape(to rewrite.Out) (payload []byte, marker bool) {
	spatial := int8(b.spatial)
	if spatial > to.Layer {
		return nil, false
	}
	return b.payload(), b.head.Marker || b.ends && spatial == to.Layer
}
