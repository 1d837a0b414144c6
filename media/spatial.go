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
	brought  int                 // of them, those of the layer itself
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
		if d, err := l.structure.Parse(b.extension(extDependency)); err == nil {
			l.place(b, &d)
		}
		b.fresh = d.Start && !d.Predicted && d.Spatial > 0 // RFC 9628 section 4.2, P
	}
	return true
}

// place takes from the dependency descriptor what the packet's frame is to the
// layers. All from its own on need it, but in the KEY modes its own alone. What
// is the highest that is sent now, or of a key picture, is for whoever has room
// for more as well.
func (l *layer) place(b *buffer, d *packet.Dependency) {
	if !d.Begins && int(d.Serves) < l.structure.Active()-1 {
		b.serves = d.Serves
	}
	b.chained, b.chain, b.frame, b.starts = d.Chained, d.Chain, d.Number, d.Start
	p := &l.picture
	if d.Begins || int32(b.head.Timestamp-p.timestamp) > 0 {
		p.timestamp, p.first = b.head.Timestamp, d.Number
	}
	b.fresh = d.Start && d.Spatial > 0 && d.Leads && b.head.Timestamp == p.timestamp && d.Back <= d.Number-p.first
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
		l.place(b, &d)
	}
	if d.Begins {
		b.sizes = l.structure.Sizes
	}
}

// note keeps what a packet tells of the layers that the stream carries.
func (l *layer) note(b *buffer) {
	carried, bytes := l.carried(), wireBytes(b)
	carried[b.spatial].brought += bytes
	for i := int(b.spatial); i <= int(b.serves) && i < len(carried); i++ { // each layer costs what it needs of those below it
		carried[i].wire[min(b.temporal.layer, temporalLayers-1)] += bytes
	}
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
// belongs to what the receiver gets: its own layer and what that needs of those
// below. It goes up at the next key picture, or by one layer where that begins
// anew from the one below. It goes down at the next picture or, where it did
// without a lower layer, as in the KEY modes, at the next key picture too. What
// it does not get leaves no hole in the numbers.
func (s *subscription) admitSpatial(b *buffer) bool {
	m := s.mapper
	begun := b.head.Timestamp+m.TimestampOffset() == m.Last().Timestamp // something of the picture was sent
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
		s.paused, s.alone = false, false
		return true
	case m.Late(b.head.Seq):
		return true // its place is settled
	case b.key:
		s.alone = false
		if top != m.Layer() {
			m.Step(top, b.head.Seq)
		}
	case top < m.Layer() && !s.alone && !begun:
		m.Step(top, b.head.Seq)
	case b.fresh && begun && !s.alone && !b.barred && b.spatial == m.Layer()+1 && int32(b.spatial) <= min(int32(s.aim), s.limit.Load()):
		m.Step(b.spatial, b.head.Seq)
		s.target = max(s.target, b.spatial)
	}
	if b.of(int8(m.Layer())) && !b.barred {
		return true
	}
	s.alone = s.alone || b.spatial < m.Layer()
	m.Skip(b.head.Seq)
	return false
}

// of tells whether the packet is of what a receiver of the layer gets.
func (b *buffer) of(layer int8) bool { return int8(b.spatial) <= layer && layer <= int8(b.serves) }

// shape gives the payload and marker with which a packet of a stream with
// several layers is sent where the receiver has the given one: the marker
// stands at the end of the highest that it gets. A packet for which a number
// was kept before it was known to be left out goes without its payload.
func (b *buffer) shape(to rewrite.Out) (payload []byte, marker bool) {
	if b.layer.svc && (!b.of(to.Layer) || b.barred) || to.Layer == rewrite.Omitted {
		return nil, false
	}
	return b.payload(), b.head.Marker || b.ends && int8(b.spatial) == to.Layer
}
