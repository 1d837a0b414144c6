package record

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/at-wat/ebml-go/mkvcore"
	"github.com/at-wat/ebml-go/webm"

	"yunting/media/packet"
)

const (
	interleave   = 4 * time.Second // frames are sorted within this
	minCluster   = 500             // ms: a key frame later than this begins a cluster
	maxCluster   = 20000           // ms; a block's time within its cluster has 15 bits
	cuesMin      = 4 << 10
	cuesMax      = 1 << 20
	cuesASecond  = 24 // bytes
	typeVideo    = 1
	typeAudio    = 2
	opusPreSkip  = 312                   // samples that libopus and browsers need to settle
	opusPreRoll  = 80 * time.Millisecond // RFC 7845 section 4.6
	millisecond  = int64(time.Millisecond)
	appName      = "Yunting"
	defaultWidth = 640
	defaultHight = 480
)

// output is one track of a file. Publications of one source and codec follow
// each other on it.
type output struct {
	reel   *reel
	source string
	entry  webm.TrackEntry
	writer mkvcore.BlockWriteCloser
	last   int64 // ms, of the last block
	seen   bool
	sum    frameSummer
}

// muxer writes a participant's files.
type muxer struct {
	reels []*reel
	gaps  []*gapFinder // one a source
	queue frameQueue
}

// queued is a frame that waits to be interleaved.
type queued struct {
	at     int64 // unix ns
	length int64 // ns that it sounds
	n      int   // keeps frames of one instant in order
	track  *track
	frame
}

type frameQueue []queued

func (q frameQueue) Len() int { return len(q) }
func (q frameQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q frameQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *frameQueue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *frameQueue) Pop() any {
	l := *q
	x := l[len(l)-1]
	l[len(l)-1] = queued{}
	*q = l[:len(l)-1]
	return x
}

// newMuxer plans a participant's files: see reel.
func newMuxer(s *story) *muxer {
	m := &muxer{}
	for _, audio := range []bool{false, true} { // video leads the clusters
		for _, t := range s.order {
			if t.audio() == audio && len(t.clock.packets) > 0 {
				m.plan(s, t)
				t.gaps = m.finder(s, t)
				t.gaps.known = append(t.gaps.known, s.faults[t]...)
			}
		}
	}
	for _, g := range m.gaps {
		slices.SortStableFunc(g.known, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	}
	return m
}

// finder is the gap finder of a track's source.
func (m *muxer) finder(s *story, t *track) *gapFinder {
	for _, g := range m.gaps {
		if g.source == t.decl.Track.Source && g.audio == t.audio() {
			return g
		}
	}
	g := &gapFinder{source: t.decl.Track.Source, audio: t.audio(), known: slices.Clone(s.known)}
	if s.head.to > 0 { // what came before the first frame, the finder does not see
		g.list([]span{s.head})
	}
	m.gaps = append(m.gaps, g)
	return g
}

// opusHead is the identification header of RFC 7845 section 5.1.
func opusHead(channels byte, rate uint32) []byte {
	b := append([]byte("OpusHead"), 1, channels)
	b = binary.LittleEndian.AppendUint16(b, opusPreSkip)
	b = binary.LittleEndian.AppendUint32(b, rate)
	return append(b, 0, 0, 0)
}

// mediaFile keeps the first error and takes everything after it, since the block
// writer cannot be stopped half way.
type mediaFile struct {
	file *os.File
	buf  *bufio.Writer
	err  error
}

func (d *mediaFile) Write(b []byte) (int, error) {
	if d.err == nil {
		_, d.err = d.buf.Write(b)
	}
	return len(b), nil
}

// WriteAt fills in what is known last: cues and duration.
func (d *mediaFile) WriteAt(b []byte, at int64) (int, error) {
	if d.err == nil {
		d.err = d.buf.Flush()
	}
	if d.err == nil {
		_, d.err = d.file.WriteAt(b, at)
	}
	return len(b), nil
}

func (d *mediaFile) Close() error {
	if d.err == nil {
		d.err = d.buf.Flush()
	}
	if d.err == nil {
		d.err = d.file.Sync()
	}
	d.err = errors.Join(d.err, d.file.Close())
	return nil
}

var _ io.WriterAt = (*mediaFile)(nil)

func offer(c chan<- error, err error) {
	select {
	case c <- err:
	default: // one is enough
	}
}

// endOf is when the last of a source's tracks ended, or the record did; 0 when
// it did so as soon as nothing came any more.
func (s *story) endOf(g *gapFinder) (at int64) {
	var heard int64
	for _, t := range s.order {
		switch {
		case t.gaps != g:
			continue
		case t.ended != 0:
			at = max(at, t.ended)
		default:
			at = s.last
		}
		heard = max(heard, t.heard)
	}
	if at-heard <= minGap {
		return 0
	}
	return at
}

// length is the recording's rough length.
func (s *story) length() time.Duration {
	var first, last int64
	for _, t := range s.order {
		if p := t.clock.packets; len(p) > 0 {
			if a := p[0].at + p[0].offset; first == 0 || a < first {
				first = a
			}
			last = max(last, p[len(p)-1].at+p[len(p)-1].offset+int64(skewWindow))
		}
	}
	return time.Duration(last - first)
}

// frames is the second pass over the segments.
func (m *muxer) frames(s *story) error {
	n := 0
	for _, t := range s.order {
		if t.outs == nil {
			continue
		}
		emit := func(f frame) {
			n++
			heap.Push(&m.queue, queued{at: t.clock.at(f.ts), n: n, track: t, length: t.clock.duration(f.ticks), frame: f})
		}
		if t.audio() {
			t.order = newOrderer(&sounds{emit: emit})
		} else {
			t.order = newOrderer(newPictures(t.decl.codecID(), emit))
		}
	}
	if err := s.each(func(r record) error { return m.replay(s, r) }); err != nil {
		return err
	}
	for _, t := range s.order {
		if t.order != nil {
			t.order.flush()
		}
	}
	return m.drain(1<<63 - 1)
}

// replay takes one record of the segments again.
func (m *muxer) replay(s *story, r record) error {
	if r.kind == kindPause {
		for _, t := range s.order {
			if t.order != nil {
				t.order.cut()
			}
		}
		return nil
	}
	t := s.tracks[r.track]
	if t == nil || t.order == nil {
		return nil
	}
	switch r.kind {
	case kindFault:
		t.order.cut()
	case kindPacket:
		h, err := packet.Parse(r.data)
		if err != nil {
			return nil // it was counted when it came
		}
		at, payload := r.at.UnixNano(), r.data[h.Payload:h.End]
		red := t.audio() && t.decl.red(h.PayloadType, payload)
		t.order.push(h.Seq, held{ts: t.unwrap.extend(h.Timestamp), marker: h.Marker, red: red, payload: payload, at: at})
		return m.drain(at - int64(interleave))
	}
	return nil
}

// drain writes the frames that are older than until.
func (m *muxer) drain(until int64) error {
	for len(m.queue) > 0 && m.queue[0].at < until {
		q := heap.Pop(&m.queue).(queued)
		q.track.gaps.frame(q.frame, q.at, q.length)
		if err := q.track.out(q.at).block(q); err != nil {
			return err
		}
	}
	return nil
}
