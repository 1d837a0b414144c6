package record

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/at-wat/ebml-go/mkvcore"
	"github.com/at-wat/ebml-go/webm"

	"yunting/media"
)

// reel is one file of a participant. A player shows one picture of a file and
// one codec of it: a shared screen is a reel of its own, and where the camera
// goes on in another codec a new reel begins. The microphone is heard on the
// camera's reels, on each from its beginning to that of the next.
type reel struct {
	source   string // media.SourceCamera or SourceScreen
	codec    string // of the picture; empty without one
	from     int64  // unix ns: sound from here on belongs to this reel; 0 for the first
	outputs  []*output
	matroska bool

	path   string // while it is written
	file   *mediaFile
	failed chan error
	origin int64 // unix ns of block time 0; settled by the first frame
	lastMS int64
	first  int64 // unix ns
	last   int64
	gaps   []Gap
}

// plan gives a track its outputs: a picture's on the reel of its codec, sound's on
// every reel of its source.
func (m *muxer) plan(s *story, t *track) {
	source, id := t.decl.Track.Source, t.decl.codecID()
	if source == media.SourceMic {
		source = media.SourceCamera
	}
	var of []*reel
	for _, r := range m.reels {
		if r.source == source {
			of = append(of, r)
		}
	}
	if n := len(of); n == 0 || !t.audio() && of[n-1].codec != id {
		r := &reel{source: source}
		if n > 0 {
			r.from = t.clock.at(t.unwrap.last)
		}
		if !t.audio() {
			r.codec = id
		}
		m.reels, of = append(m.reels, r), append(of, r)
	}
	if !t.audio() {
		of = of[len(of)-1:]
	}
	for _, r := range of {
		t.outs = append(t.outs, r.output(s, t))
	}
}

// out is where a track's frame of a moment goes.
func (t *track) out(at int64) *output {
	for i := len(t.outs) - 1; i > 0; i-- {
		if at >= t.outs[i].reel.from {
			return t.outs[i]
		}
	}
	return t.outs[0]
}

// output is the reel's track for a publication.
func (r *reel) output(s *story, t *track) *output {
	id, info := t.decl.codecID(), s.video[t]
	for _, o := range r.outputs {
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
	n := uint64(len(r.outputs) + 1)
	o := &output{reel: r, source: t.decl.Track.Source, entry: webm.TrackEntry{
		Name: t.decl.Track.Source, TrackNumber: n, TrackUID: n, CodecID: id, TrackType: typeVideo}}
	if t.audio() {
		channels := max(t.decl.Channels, 1)
		o.entry.TrackType = typeAudio
		o.entry.CodecPrivate = opusHead(byte(channels), t.decl.ClockRate)
		o.entry.CodecDelay = uint64(opusPreSkip * int64(time.Second) / 48000)
		o.entry.SeekPreRoll = uint64(opusPreRoll)
		o.entry.Audio = &webm.Audio{SamplingFrequency: float64(t.decl.ClockRate), Channels: uint64(channels)}
	} else {
		o.entry.Video = &webm.Video{PixelWidth: uint64(info.width), PixelHeight: uint64(info.height)}
		o.entry.CodecPrivate = info.private(id)
		r.matroska = r.matroska || id == "V_MPEG4/ISO/AVC"
	}
	r.outputs = append(r.outputs, o)
	return o
}

// extension is the end of the reel's file name.
func (r *reel) extension() string {
	if r.matroska {
		return ".mkv"
	}
	return ".webm"
}

// open begins the reel's file.
func (r *reel) open(path string, s *story) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	r.path, r.failed = path, make(chan error, 4)
	r.file = &mediaFile{file: f, buf: bufio.NewWriterSize(f, 256<<10)}
	doc := "webm"
	if r.matroska {
		doc = "matroska"
	}
	var tracks []mkvcore.TrackDescription
	for _, o := range r.outputs {
		if v := o.entry.Video; v != nil && (v.PixelWidth == 0 || v.PixelHeight == 0) {
			v.PixelWidth, v.PixelHeight = defaultWidth, defaultHight
		}
		tracks = append(tracks, mkvcore.TrackDescription{TrackNumber: o.entry.TrackNumber, TrackEntry: o.entry})
	}
	writers, err := mkvcore.NewSimpleBlockWriter(r.file, tracks,
		mkvcore.WithEBMLHeader(&webm.EBMLHeader{EBMLVersion: 1, EBMLReadVersion: 1, EBMLMaxIDLength: 4,
			EBMLMaxSizeLength: 8, DocType: doc, DocTypeVersion: 4, DocTypeReadVersion: 2}),
		mkvcore.WithSegmentInfo(&webm.Info{TimecodeScale: uint64(time.Millisecond), MuxingApp: appName, WritingApp: appName}),
		mkvcore.WithSeekHead(true),
		mkvcore.WithCues(min(max(int(s.length()/time.Second)*cuesASecond, cuesMin), cuesMax)),
		mkvcore.WithMinMaxClusterDuration(r.outputs[0].entry.TrackNumber, minCluster, maxCluster),
		mkvcore.WithOnErrorHandler(func(err error) { offer(r.failed, err) }),
		mkvcore.WithOnFatalHandler(func(err error) { offer(r.failed, err) }))
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	for i, w := range writers {
		r.outputs[i].writer = w
	}
	return nil
}

// close ends the reel's file; the block writer tells its errors aside.
func (r *reel) close() (err error) {
	for _, o := range r.outputs {
		err = errors.Join(err, o.writer.Close())
	}
	select {
	case e := <-r.failed:
		err = errors.Join(err, e)
	default:
	}
	return errors.Join(err, r.file.err)
}

// block writes a frame.
func (o *output) block(q queued) error {
	r := o.reel
	if r.first == 0 {
		r.first, r.origin = q.at, q.at
	}
	r.last = max(r.last, q.at+q.length)
	ms := (q.at - r.origin + millisecond/2) / millisecond
	ms = max(ms, r.lastMS) // a straggler beyond the interleaving
	if o.seen {
		ms = max(ms, o.last+1) // no two frames of a track in one instant
	}
	o.last, o.seen, r.lastMS = ms, true, max(r.lastMS, ms)
	o.sum.add(q.data)
	_, err := o.writer.Write(q.key, ms, q.data)
	return err
}

// write makes the reels' files, beside dir and named after it. Reels in which
// nothing can be shown are left out; a fault leaves none.
func (m *muxer) write(dir string, s *story) (err error) {
	opened := 0
	for i, r := range m.reels {
		name := dir
		if i > 0 {
			name = fmt.Sprintf("%s.%d", dir, i+1)
		}
		if err = r.open(name+r.extension()+".tmp", s); err != nil {
			break
		}
		opened++
	}
	if err == nil {
		err = m.frames(s)
	}
	for _, r := range m.reels[:opened] {
		err = errors.Join(err, r.close())
	}
	var shown []*reel
	for _, r := range m.reels[:opened] {
		if err == nil && r.first != 0 {
			shown = append(shown, r)
			continue
		}
		err = errors.Join(err, os.Remove(r.path))
	}
	m.reels = shown
	for _, g := range m.gaps {
		g.close(s.endOf(g))
		m.place(g)
	}
	return err
}

// place gives each of a source's gaps to the reel that it lies in.
func (m *muxer) place(g *gapFinder) {
	for _, gap := range g.found {
		var of *reel
		for _, r := range m.reels {
			if r.shows(g) && (of == nil || r.first <= gap.From.UnixNano()) {
				of = r
			}
		}
		if of != nil {
			of.gaps = append(of.gaps, gap)
		}
	}
}

func (r *reel) shows(g *gapFinder) bool {
	for _, o := range r.outputs {
		if o.source == g.source && o.entry.TrackType == typeAudio == g.audio {
			return true
		}
	}
	return false
}

// finish checks a written reel and gives its file its name.
func (r *reel) finish(peer string) (Finished, error) {
	frames, err := r.checkFrames()
	if err != nil {
		return Finished{}, err
	}
	sum, size, err := hashFile(r.path)
	if err != nil {
		return Finished{}, err
	}
	path := r.path[:len(r.path)-len(".tmp")]
	if err := errors.Join(os.Rename(r.path, path), SyncDir(filepath.Dir(path))); err != nil {
		return Finished{}, err
	}
	return Finished{Participant: peer, Source: r.source, Path: path, SHA256: sum, Size: size,
		Started: time.Unix(0, r.first).UTC(), Ended: time.Unix(0, r.last).UTC(), Gaps: r.gaps, Frames: frames}, nil
}
