package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"yunting/media"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := recordUntilKilled(dir); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var opus = webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}}

// sent is a packet on its way to a sink.
type sent struct {
	at  time.Duration // arrival, from the clip's start
	raw []byte
}

// packets makes the RTP packets of a clip's track, on time.
func packets(frames [][]byte, every time.Duration, rate uint32, p rtp.Payloader, startTS uint32) (out []sent) {
	z := rtp.NewPacketizer(1200, 96, 77, p, rtp.NewFixedSequencer(65500), rate)
	for n, f := range frames {
		for _, pkt := range z.Packetize(f, 0) {
			pkt.Timestamp = startTS + uint32(int64(n)*int64(every)*int64(rate)/int64(time.Second))
			raw, err := pkt.Marshal()
			if err != nil {
				panic(err)
			}
			out = append(out, sent{time.Duration(n) * every, raw})
		}
	}
	return out
}

// stage records clips on an accelerated clock.
type stage struct {
	t     testing.TB
	dir   string
	now   atomic.Int64 // unix nanoseconds
	rec   *Recorder
	done  []Finished
	start time.Time
}

// newStage begins a recording; set changes its options.
func newStage(t testing.TB, set ...func(*Options)) *stage {
	s := &stage{t: t, dir: t.TempDir(), start: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	s.set(s.start)
	o := Options{Dir: s.dir, Now: func() time.Time { return time.Unix(0, s.now.Load()) }, OnFinished: func(f Finished) { s.done = append(s.done, f) },
		OnError: func(_ string, err error) { t.Error(err) }}
	for _, f := range set {
		f(&o)
	}
	var err error
	s.rec, err = New(o)
	must(t, err)
	return s
}

func (s *stage) set(now time.Time) { s.now.Store(now.UnixNano()) }

func (s *stage) sink(peer, source string, codec webrtc.RTPCodecParameters) media.Sink {
	kind := media.KindVideo
	if source == media.SourceMic {
		kind = media.KindAudio
	}
	return s.rec.NewSink(peer, media.TrackInfo{ID: peer + "." + source, Peer: peer, Kind: kind, Source: source}, codec)
}

func (s *stage) finish() Finished {
	s.t.Helper()
	if err := s.rec.Finish(); err != nil {
		s.t.Fatal(err)
	}
	if len(s.done) != 1 {
		s.t.Fatalf("%d files, want 1", len(s.done))
	}
	return s.done[0]
}

// probe is what ffprobe says of a file.
type probe struct {
	Streams []struct {
		CodecName string `json:"codec_name"`
		Width     int    `json:"width"`
		StartTime string `json:"start_time"`
		Frames    string `json:"nb_read_packets"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// check decodes a finished file wholly and compares its hash.
func check(t testing.TB, f Finished) probe {
	t.Helper()
	b, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(b) != f.SHA256 || int64(len(b)) != f.Size {
		t.Error("hash or size is not the file's")
	}
	out, err := exec.Command("ffmpeg", "-v", "warning", "-i", f.Path, "-fps_mode", "vfr", "-enc_time_base", "1:1000", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("decode: %v\n%s", err, out)
	}
	out, err = exec.Command("mkvmerge", "--quiet", "-o", filepath.Join(t.TempDir(), "merged.mkv"), f.Path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("mkvmerge: %v\n%s", err, out)
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json", f.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p probe
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRecordRepairsOrderAndAligns(t *testing.T) {
	for _, tc := range []struct {
		name, encoder, codec string
		payloader            rtp.Payloader
	}{
		{"vp8", "libvpx", "vp8", &codecs.VP8Payloader{EnablePictureID: true}},
		{"vp9", "libvpx-vp9", "vp9", &codecs.VP9Payloader{}},
		{"av1", "libaom-av1", "av1", &codecs.AV1Payloader{}},
		{"h264", "libx264", "h264", &codecs.H264Payloader{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := makeClip(t, 6, tc.encoder)
			s := newStage(t)
			v, a := s.sink("p1", media.SourceCamera, c.videoCodec), s.sink("p1", media.SourceMic, opus)
			// Timestamps wrap within the clip; video arrives 150 ms later than audio.
			video := packets(c.video, time.Second/clipFPS, 90000, tc.payloader, 0xffffffff-90000)
			audio := packets(c.audio, 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 0xffffffff-48000)
			const late = 150 * time.Millisecond
			rng := rand.New(rand.NewPCG(1, 2))
			shuffled := func(l []sent, delay time.Duration, sink media.Sink) {
				for i := range l { // a tenth is repaired 100 ms later
					l[i].at += delay
					if rng.IntN(10) == 0 && i > 0 {
						l[i].at += 100 * time.Millisecond
					}
				}
			}
			shuffled(video, late, v)
			shuffled(audio, 0, a)
			feed(s, map[media.Sink][]sent{v: video, a: audio}, 0xffffffff-90000, 0xffffffff-48000, v, a)
			f := s.finish()
			p := check(t, f)
			if len(p.Streams) != 2 || p.Streams[0].CodecName != tc.codec || p.Streams[1].CodecName != "opus" || p.Streams[0].Width != 160 {
				t.Fatalf("streams: %+v", p)
			}
			if p.Streams[0].Frames != fmt.Sprint(len(c.video)) || p.Streams[1].Frames != fmt.Sprint(len(c.audio)) {
				t.Errorf("%s pictures and %s sounds, want %d and %d", p.Streams[0].Frames, p.Streams[1].Frames, len(c.video), len(c.audio))
			}
			if d := seconds(t, p.Streams[0].StartTime) - seconds(t, p.Streams[1].StartTime); d > 0.04 || d < -0.04 {
				t.Errorf("audio and video are %.3f s apart", d)
			}
			if d := seconds(t, p.Format.Duration); d < 5.9 || d > 6.1 {
				t.Errorf("duration %.2f s, want 6", d)
			}
			if len(f.Gaps) > 0 {
				t.Errorf("gaps: %+v", f.Gaps)
			}
		})
	}
}

func seconds(t testing.TB, s string) (v float64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &v); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return v
}

// feed gives packets to sinks by arrival, with a sender report each second.
func feed(s *stage, streams map[media.Sink][]sent, videoTS, audioTS uint32, v, a media.Sink) {
	type event struct {
		at time.Duration
		do func(time.Time)
	}
	var events []event
	end := time.Duration(0)
	for sink, l := range streams {
		for _, p := range l {
			events = append(events, event{p.at, func(t time.Time) { sink.RTP(p.raw, t) }})
			end = max(end, p.at)
		}
	}
	const behind = 7 * time.Second // the sender's clock against ours
	for at := 500 * time.Millisecond; at < end; at += time.Second {
		ntp := uint64(s.start.Add(-behind).Add(at).UnixNano())
		ntp = ntp/1e9<<32 | ntp%1e9<<32/1e9
		if v != nil {
			events = append(events, event{at + 20*time.Millisecond, func(t time.Time) { v.SenderReport(ntp, videoTS+uint32(at.Milliseconds()*90), t) }})
		}
		if a != nil {
			events = append(events, event{at + 20*time.Millisecond, func(t time.Time) { a.SenderReport(ntp, audioTS+uint32(at.Milliseconds()*48), t) }})
		}
	}
	sortByTime(events, func(e event) time.Duration { return e.at })
	for _, e := range events {
		e.do(s.start.Add(e.at))
		for len(s.rec.queue) > queueLength/2 { // the accelerated clock outruns the disk
			<-time.After(time.Millisecond)
		}
	}
}

func TestLossIsListedAndDecodable(t *testing.T) {
	c := makeClip(t, 8, "libvpx")
	s := newStage(t)
	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	video := packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1000)
	var kept []sent
	for _, p := range video {
		if p.at < 2500*time.Millisecond || p.at > 3500*time.Millisecond {
			kept = append(kept, p)
		}
	}
	feed(s, map[media.Sink][]sent{v: kept}, 1000, 0, v, nil)
	f := s.finish()
	check(t, f)
	if len(f.Gaps) != 1 || f.Gaps[0].Cause != CauseNetwork || f.Gaps[0].Track != media.SourceCamera {
		t.Fatalf("gaps: %+v", f.Gaps)
	}
	if from := f.Gaps[0].From.Sub(s.start); from < 2400*time.Millisecond || from > 2600*time.Millisecond {
		t.Errorf("gap from %v, want 2.5 s", from)
	}
}

func TestPauseAndRejoinMakeOneFile(t *testing.T) {
	c := makeClip(t, 4, "libvpx")
	s := newStage(t)
	half := packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 5)
	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	feed(s, map[media.Sink][]sent{v: half}, 5, 0, v, nil)
	v.Close()
	s.set(s.start.Add(4 * time.Second))
	s.rec.Pause()
	s.set(s.start.Add(14 * time.Second))
	s.rec.Resume()
	again := s.sink("p1", media.SourceCamera, c.videoCodec)
	s.start = s.start.Add(15 * time.Second)
	feed(s, map[media.Sink][]sent{again: half}, 5, 0, again, nil)
	f := s.finish()
	p := check(t, f)
	if len(p.Streams) != 1 || p.Streams[0].Frames != fmt.Sprint(2*len(c.video)) {
		t.Errorf("streams: %+v", p.Streams)
	}
	if len(f.Gaps) != 1 || f.Gaps[0].Cause != CausePause {
		t.Errorf("gaps: %+v", f.Gaps)
	}
	if d := seconds(t, p.Format.Duration); d < 18.5 || d > 19.5 {
		t.Errorf("duration %.2f s, want 19", d)
	}
}

// TestRecover leaves the segments as a kill would and cuts the last one at
// random places.
func TestRecover(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	s := newStage(t)
	v, a := s.sink("p1", media.SourceCamera, c.videoCodec), s.sink("p1", media.SourceMic, opus)
	video := packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1)
	audio := packets(c.audio, 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 1)
	feed(s, map[media.Sink][]sent{v: video, a: audio}, 1, 1, v, a)
	s.rec.put(item{kind: kindStop})
	<-s.rec.done
	segs, err := filepath.Glob(filepath.Join(s.dir, "p1", "*.seg"))
	if err != nil || len(segs) < 2 {
		t.Fatalf("segments: %v %v", segs, err)
	}
	last := segs[len(segs)-1]
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(s.dir, "p1", openSegments))
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.LastIndexByte(bytes.TrimRight(list, "\n"), '\n') + 1
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 8 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
			t.Fatal(err)
		}
		// As a kill leaves it: no line, or half a line, and half a segment.
		must(t, os.WriteFile(filepath.Join(dir, "p1", openSegments), list[:cut+rng.IntN(len(list)-cut)], 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "p1", filepath.Base(last)), whole[:rng.IntN(len(whole))], 0o600))
		found, err := Recover(dir)
		if err != nil || len(found) != 1 {
			t.Fatalf("cut %d: %v %v", n, found, err)
		}
		check(t, found[0])
		again, err := Recover(dir)
		if err != nil || len(again) != 1 || again[0].SHA256 != found[0].SHA256 {
			t.Errorf("a second recovery found %v, %v", again, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestChangedSegmentIsFound(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	s := newStage(t)
	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	feed(s, map[media.Sink][]sent{v: packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{}, 1)}, 1, 1, v, nil)
	s.rec.put(item{kind: kindStop})
	<-s.rec.done
	path := filepath.Join(s.dir, "p1", "000001.seg")
	b, err := os.ReadFile(path)
	must(t, err)
	b[len(b)/2] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
	if _, err := Recover(s.dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "000001.seg") {
		t.Errorf("error %v, want ErrDamaged naming the segment", err)
	}
}
