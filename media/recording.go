package media

import (
	"encoding/binary"
	"sync"

	"github.com/pion/webrtc/v4"

	"yunting/media/rewrite"
)

// recording is one Room.Record: a sink for each track.
type recording struct {
	room    *Room
	newSink NewSink

	mu      sync.Mutex // guards what follows
	stopped bool
	tracks  map[*track]*feed
}

// feed gives one track to one sink as a single continuous stream. The worker
// owns all but sink.
type feed struct {
	sink   Sink
	closed bool
	track  *track
	mapper *rewrite.Mapper
	target uint8
	paused bool // something was held back since the last packet
	buf    [bufferSize]byte
}

// Record hands every present and future track of the room to sinks that
// newSink makes, until stop is called. stop returns when the last sink was
// closed. The best simulcast layer is given.
func (r *Room) Record(newSink NewSink) (stop func()) {
	rec := &recording{room: r, newSink: newSink, tracks: map[*track]*feed{}}
	r.mu.Lock()
	r.recordings[rec] = true
	var present []*track
	for _, t := range r.tracks {
		present = append(present, t)
	}
	r.mu.Unlock()
	for _, t := range present {
		rec.attach(t)
	}
	return rec.stop
}

// RequestKeyFrames asks every video publisher of the room for a whole picture. A
// recorder that goes on after a pause calls it: until the next key frame there is
// nothing that it could show.
func (r *Room) RequestKeyFrames() {
	r.mu.Lock()
	var present []*track
	for _, t := range r.tracks {
		if t.kind == webrtc.RTPCodecTypeVideo {
			present = append(present, t)
		}
	}
	r.mu.Unlock()
	for _, t := range present {
		t.w.do(func() {
			for _, l := range t.layers {
				l.askKey()
			}
		})
	}
}

// attach makes a sink for t. It runs on the caller's goroutine, so newSink
// may take its time.
func (rec *recording) attach(t *track) {
	sink := rec.newSink(t.info.Peer, t.info, t.codec)
	if sink == nil {
		return
	}
	f := &feed{sink: sink, track: t, mapper: &rewrite.Mapper{}}
	rec.mu.Lock()
	stopped := rec.stopped
	if !stopped {
		rec.tracks[t] = f
	}
	rec.mu.Unlock()
	if stopped {
		sink.Close()
		return
	}
	t.w.do(func() {
		if t.ended || f.closed {
			f.close()
			return
		}
		t.feeds = append(t.feeds, f)
		for _, l := range t.layers {
			l.askKey()
		}
	})
}

func (rec *recording) stop() {
	rec.room.mu.Lock()
	delete(rec.room.recordings, rec)
	rec.room.mu.Unlock()
	rec.mu.Lock()
	rec.stopped = true
	tracks := rec.tracks
	rec.tracks = nil
	rec.mu.Unlock()
	for t, f := range tracks {
		t.w.call(func() {
			f.close()
			t.removeFeed(f)
		})
	}
}

func (t *track) removeFeed(f *feed) {
	for i, x := range t.feeds {
		if x == f {
			t.feeds = append(t.feeds[:i], t.feeds[i+1:]...)
			return
		}
	}
}

func (f *feed) close() {
	if !f.closed {
		f.closed = true
		f.sink.Close()
	}
}

// packet gives a packet to the sink, in the numbers of the continuous stream.
func (f *feed) packet(b *buffer) {
	l := b.layer
	switch started := f.mapper.Started(); {
	case started && !f.paused && l.index == f.mapper.Layer():
	case !b.key:
		if !started || f.paused {
			l.askKey()
		}
		return
	case !started:
		f.mapper = rewrite.New(b.head.Seq)
		f.mapper.Switch(l.index, b.in(), b.head.Timestamp)
		if l.sr.ntp != 0 {
			f.report(l, l.sr)
		}
	case l.index == f.mapper.Layer():
		f.mapper.Resume(b.in())
	case l.index == f.target || f.paused:
		f.mapper.Switch(l.index, b.in(), f.continued(b))
		if l.sr.ntp != 0 {
			f.report(l, l.sr)
		}
	default:
		return
	}
	f.paused = false
	to, ok := f.mapper.Map(b.in())
	if !ok {
		return
	}
	n := copy(f.buf[:], b.data[:b.n])
	p := f.buf[:n]
	binary.BigEndian.PutUint16(p[2:], to.Seq)
	binary.BigEndian.PutUint32(p[4:], to.Timestamp)
	if b.vp8.Size > 0 {
		b.vp8.SetPicture(p[b.head.Payload:b.head.End], to.Picture, to.TL0)
	}
	f.sink.RTP(p, b.arrived)
}

// continued is the timestamp at which another layer's packet goes on, by the
// sender reports of both or by a frame's distance.
func (f *feed) continued(b *buffer) uint32 {
	if ts, ok := f.track.aligned(f.mapper, b); ok {
		return ts
	}
	return f.mapper.Last().Timestamp + f.track.codec.ClockRate/30
}

func (f *feed) report(l *layer, r senderReport) {
	if f.mapper.Started() && l.index == f.mapper.Layer() {
		f.sink.SenderReport(r.ntp, r.rtp+f.mapper.TimestampOffset(), r.arrived)
	}
}
