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

// output is one track of the file. Publications of one source and codec
// follow each other on it.
type output struct {
	source string
	entry  webm.TrackEntry
	writer mkvcore.BlockWriteCloser
	audio  bool
	last   int64 // ms, of the last block
	seen   bool
	gaps   gapFinder
	sum    frameSummer
}

// muxer writes a participant's file.
type muxer struct {
	outputs  []*output
	matroska bool
	queue    frameQueue
	origin   int64 // unix ns of block time 0; settled by the first frame
	lastMS   int64
	first    int64 // unix ns
	last     int64
	gaps     []Gap
}

// queued is a frame that waits to be interleaved.
type queued struct {
	at     int64 // unix ns
	length int64 // ns that it sounds
	n      int   // keeps frames of one instant in order
	out    *output
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

// newMuxer gives each source and codec of the story a track of the file:
// video first, since it leads the clusters.
func newMuxer(s *story) *muxer {
	m := &muxer{}
	for _, audio := range []bool{false, true} {
		for _, t := range s.order {
			if t.audio() == audio && len(t.clock.packets) > 0 {
				t.out = m.output(s, t, audio)
				t.out.gaps.known = append(t.out.gaps.known, s.faults[t]...)
			}
		}
	}
	for _, o := range m.outputs {
		slices.SortStableFunc(o.gaps.known, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	}
	return m
}

func (m *muxer) output(s *story, t *track, audio bool) *output {
	id := t.decl.codecID()
	info := s.video[t]
	for _, o := range m.outputs {
		if o.source == t.decl.Track.Source && o.entry.CodecID == id {
			if o.entry.Video != nil {
				o.entry.Video.PixelWidth = max(o.entry.Video.PixelWidth, uint64(info.width))
				o.entry.Video.PixelHeight = max(o.entry.Video.PixelHeight, uint64(info.height))
			}
			if o.entry.CodecPrivate == nil && info != nil {
				o.entry.CodecPrivate = info.private(id)
			}
			return o
		}
	}
	n := uint64(len(m.outputs) + 1)
	o := &output{source: t.decl.Track.Source, audio: audio, entry: webm.TrackEntry{
		Name: t.decl.Track.Source, TrackNumber: n, TrackUID: n, CodecID: id, TrackType: typeVideo}}
	if audio {
		channels := max(t.decl.Channels, 1)
		o.entry.TrackType = typeAudio
		o.entry.CodecPrivate = opusHead(byte(channels), t.decl.ClockRate)
		o.entry.CodecDelay = uint64(opusPreSkip * int64(time.Second) / 48000)
		o.entry.SeekPreRoll = uint64(opusPreRoll)
		o.entry.Audio = &webm.Audio{SamplingFrequency: float64(t.decl.ClockRate), Channels: uint64(channels)}
	} else {
		o.entry.Video = &webm.Video{PixelWidth: uint64(info.width), PixelHeight: uint64(info.height)}
		o.entry.CodecPrivate = info.private(id)
		m.matroska = m.matroska || id == "V_MPEG4/ISO/AVC"
	}
	o.gaps.source, o.gaps.audio = o.source, audio
	o.gaps.known = slices.Clone(s.known)
	m.outputs = append(m.outputs, o)
	return o
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

// write makes the file at path.
func (m *muxer) write(path string, s *story) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	d := &mediaFile{file: f, buf: bufio.NewWriterSize(f, 256<<10)}
	fatal := make(chan error, 4)
	if err := m.open(d, s, fatal); err != nil {
		return errors.Join(err, f.Close())
	}
	err = m.frames(s)
	for _, o := range m.outputs {
		err = errors.Join(err, o.writer.Close())
		o.gaps.close(s.endOf(o))
		m.gaps = append(m.gaps, o.gaps.found...)
	}
	select {
	case e := <-fatal:
		err = errors.Join(err, e)
	default:
	}
	if err := errors.Join(err, d.err); err != nil {
		return err
	}
	if m.first == 0 {
		return errEmpty
	}
	return nil
}

func (m *muxer) open(d *mediaFile, s *story, fatal chan<- error) error {
	doc := "webm"
	if m.matroska {
		doc = "matroska"
	}
	var tracks []mkvcore.TrackDescription
	for _, o := range m.outputs {
		if v := o.entry.Video; v != nil && (v.PixelWidth == 0 || v.PixelHeight == 0) {
			v.PixelWidth, v.PixelHeight = defaultWidth, defaultHight
		}
		tracks = append(tracks, mkvcore.TrackDescription{TrackNumber: o.entry.TrackNumber, TrackEntry: o.entry})
	}
	writers, err := mkvcore.NewSimpleBlockWriter(d, tracks,
		mkvcore.WithEBMLHeader(&webm.EBMLHeader{EBMLVersion: 1, EBMLReadVersion: 1, EBMLMaxIDLength: 4,
			EBMLMaxSizeLength: 8, DocType: doc, DocTypeVersion: 4, DocTypeReadVersion: 2}),
		mkvcore.WithSegmentInfo(&webm.Info{TimecodeScale: uint64(time.Millisecond), MuxingApp: appName, WritingApp: appName}),
		mkvcore.WithSeekHead(true),
		mkvcore.WithCues(min(max(int(s.length()/time.Second)*cuesASecond, cuesMin), cuesMax)),
		mkvcore.WithMinMaxClusterDuration(m.outputs[0].entry.TrackNumber, minCluster, maxCluster),
		mkvcore.WithOnErrorHandler(func(err error) { offer(fatal, err) }),
		mkvcore.WithOnFatalHandler(func(err error) { offer(fatal, err) }))
	if err != nil {
		return err
	}
	for i, w := range writers {
		m.outputs[i].writer = w
	}
	return nil
}

func offer(c chan<- error, err error) {
	select {
	case c <- err:
	default: // one is enough
	}
}

// endOf is when the last of an output's tracks ended, or the record did; 0 when
// it did so as soon as nothing came any more.
func (s *story) endOf(o *output) (at int64) {
	var heard int64
	for _, t := range s.order {
		switch {
		case t.out != o:
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
		if t.out == nil {
			continue
		}
		emit := func(f frame) {
			n++
			heap.Push(&m.queue, queued{at: t.clock.at(f.ts), n: n, out: t.out, length: t.clock.duration(f.ticks), frame: f})
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
		if err := m.block(q); err != nil {
			return err
		}
	}
	return nil
}

func (m *muxer) block(q queued) error {
	if m.first == 0 {
		m.first, m.origin = q.at, q.at
	}
	m.last = max(m.last, q.at+q.length)
	ms := (q.at - m.origin + millisecond/2) / millisecond
	ms = max(ms, m.lastMS) // a straggler beyond the interleaving
	if q.out.seen {
		ms = max(ms, q.out.last+1) // no two frames of a track in one instant
	}
	q.out.gaps.frame(q.frame, q.at, q.length)
	q.out.last, q.out.seen, m.lastMS = ms, true, max(m.lastMS, ms)
	q.out.sum.add(q.data)
	_, err := q.out.writer.Write(q.key, ms, q.data)
	return err
}
