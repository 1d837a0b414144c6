package record

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"yunting/media"
)

// act is one publication of a participant, from and to in seconds: what a camera
// shows follows clip after clip in one stream, as when the layer changes.
type act struct {
	source   string
	from, to int
	encoder  string
	sizes    []string // of two seconds each
	muted    [2]int   // of a microphone
	red      int      // from when it is sent as RED
}

// TestOneContinuousRecord has a participant do in a hearing all that makes
// recordings break elsewhere: layers and picture sizes change, the microphone is
// muted, sent as RED and published again, the camera goes off and on, a screen
// comes late, and the camera goes on in another codec and back. Every file plays
// through, all that was sent is in one of them, and what was not is listed.
func TestOneContinuousRecord(t *testing.T) {
	const vp8, h264, small, large = "libvpx", "libx264", "160x120", "320x240"
	s := newStage(t)
	pictures, sounds := 0, 0
	var end time.Duration
	type step struct {
		at time.Duration
		do func()
	}
	var steps []step
	for n, a := range []act{
		{source: media.SourceMic, from: 0, to: 12, muted: [2]int{6, 8}, red: 8},
		{source: media.SourceCamera, from: 0, to: 6, encoder: vp8, sizes: []string{small, large, small}},
		{source: media.SourceScreen, from: 3, to: 5, encoder: vp8, sizes: []string{large}},
		{source: media.SourceCamera, from: 7, to: 9, encoder: vp8, sizes: []string{large}},
		{source: media.SourceCamera, from: 10, to: 12, encoder: h264, sizes: []string{small}},
		{source: media.SourceMic, from: 13, to: 16, muted: [2]int{16, 16}, red: 16},
		{source: media.SourceCamera, from: 14, to: 16, encoder: vp8, sizes: []string{small}},
	} {
		codec, list := opus, a.sound(t, n)
		codec.PayloadType = opusPT
		if a.source != media.SourceMic {
			codec = webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: encoders[a.encoder].mime, ClockRate: 90000}}
			list = a.picture(t, n)
			pictures += len(a.sizes) * 2 * clipFPS
		} else {
			sounds += len(list)
		}
		var sink media.Sink
		from, to := time.Duration(a.from)*time.Second, time.Duration(a.to)*time.Second
		steps = append(steps, step{from, func() { sink = s.sink("p1", a.source, codec) }})
		for _, p := range list {
			steps = append(steps, step{from + p.at, func() { sink.RTP(p.raw, s.start.Add(from+p.at)) }})
		}
		steps = append(steps, step{to, func() { sink.Close() }})
		end = max(end, to)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	for _, x := range steps {
		s.set(s.start.Add(x.at))
		x.do()
	}
	must(t, s.rec.Finish())

	silent := func(track string, from, to int) Gap {
		return Gap{track, s.start.Add(time.Duration(from) * time.Second), s.start.Add(time.Duration(to) * time.Second), CauseSilent}
	}
	for i, want := range []struct {
		source, name, codec string
		from, to            int
		pictures            int
		gaps                []Gap
	}{
		{media.SourceCamera, "p1.webm", "vp8", 0, 10, 200, []Gap{silent("camera", 6, 7), silent("camera", 9, 10), silent("mic", 6, 8)}},
		{media.SourceScreen, "p1.2.webm", "vp8", 3, 5, 50, nil},
		{media.SourceCamera, "p1.3.mkv", "h264", 10, 14, 50, []Gap{silent("camera", 12, 14), silent("mic", 12, 13)}},
		{media.SourceCamera, "p1.4.webm", "vp8", 14, 16, 50, nil},
	} {
		if len(s.done) != 4 {
			t.Fatalf("%d files, want 4: %+v", len(s.done), s.done)
		}
		f := s.done[i]
		p := check(t, f)
		if f.Source != want.source || filepath.Base(f.Path) != want.name || p.Streams[0].CodecName != want.codec || p.Streams[0].Frames != fmt.Sprint(want.pictures) {
			t.Errorf("file %d: %s of %s, %+v", i, f.Path, f.Source, p)
		}
		if !slices.Equal(f.Gaps, want.gaps) {
			t.Errorf("file %d: gaps %+v, want %+v", i, f.Gaps, want.gaps)
		}
		near := func(at time.Time, seconds int) bool {
			return at.Sub(s.start.Add(time.Duration(seconds)*time.Second)).Abs() <= 40*time.Millisecond
		}
		if !near(f.Started, want.from) || !near(f.Ended, want.to) {
			t.Errorf("file %d: from %v to %v", i, f.Started, f.Ended)
		}
		if (f.Original.Path != "") != (i == 0) {
			t.Errorf("file %d has the original %q", i, f.Original.Path)
		}
		for _, sum := range f.Frames {
			if sum.Source == media.SourceMic {
				sounds -= sum.Frames
			} else {
				pictures -= sum.Frames
			}
		}
	}
	if pictures != 0 || sounds != 0 {
		t.Errorf("%d pictures and %d sounds are in no file", pictures, sounds)
	}
	again, err := Recover(s.dir)
	if err != nil || len(again) != 4 || again[3].SHA256 != s.done[3].SHA256 || again[3].Path != s.done[3].Path {
		t.Errorf("a second time: %+v, %v", again, err)
	}
}

// TestScreenAlone records one who shares a screen without camera and microphone: one file, with a picture and no sound.
func TestScreenAlone(t *testing.T) {
	s := newStage(t)
	a := act{source: media.SourceScreen, to: 4, encoder: "libvpx", sizes: []string{"320x240", "320x240"}}
	sink := s.sink("p1", a.source, webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: encoders[a.encoder].mime, ClockRate: 90000}})
	for _, p := range a.picture(t, 0) {
		s.set(s.start.Add(p.at))
		sink.RTP(p.raw, s.start.Add(p.at))
	}
	s.set(s.start.Add(4 * time.Second))
	sink.Close()
	must(t, s.rec.Finish())
	if len(s.done) != 1 {
		t.Fatalf("%d files, want 1: %+v", len(s.done), s.done)
	}
	f := s.done[0]
	p := check(t, f)
	if f.Source != media.SourceScreen || filepath.Base(f.Path) != "p1.webm" || len(p.Streams) != 1 || p.Streams[0].Frames != "100" || len(f.Gaps) != 0 {
		t.Errorf("%s of %s, gaps %+v, %+v", f.Path, f.Source, f.Gaps, p)
	}
	if f.Original.Path == "" {
		t.Error("its segments are not kept in one file")
	}
	again, err := Recover(s.dir)
	if err != nil || len(again) != 1 || again[0].SHA256 != f.SHA256 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
}

// picture is the publication's packets: its own SSRC, numbers and clock.
func (a act) picture(t *testing.T, n int) (out []sent) {
	var frames [][]byte
	for _, size := range a.sizes {
		frames = append(frames, makeSizedClip(t, 2, a.encoder, size).video...)
	}
	var p rtp.Payloader = &codecs.VP8Payloader{EnablePictureID: true}
	if a.encoder == "libx264" {
		p = &codecs.H264Payloader{}
	}
	return packets(frames, time.Second/clipFPS, 90000, p, uint32(n)*0x30000000)
}

// sound is likewise a microphone's.
func (a act) sound(t *testing.T, n int) (out []sent) {
	if a.source != media.SourceMic {
		return nil
	}
	frames, seq := makeClip(t, 2, "libvpx").audio, uint16(n*9999)
	var before []byte
	for i := range (a.to - a.from) * 50 {
		at := a.from*50 + i
		if at >= a.muted[0]*50 && at < a.muted[1]*50 {
			before = nil
			continue
		}
		f, ts := frames[i%len(frames)], uint32(n)*0x20000000+uint32(i)*960
		pkt := raw(opusPT, seq, ts, f)
		if at >= a.red*50 {
			pkt = redPacket(seq, ts, before, f, 960)
		}
		out = append(out, sent{time.Duration(i) * 20 * time.Millisecond, pkt})
		before = f
		seq++
	}
	return out
}
