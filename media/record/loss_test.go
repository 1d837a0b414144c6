package record

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// TestThirtyPercentLoss records what comes through a network that loses 30 %
// each way, where lost packets are asked for again and again, and half a second
// in which nothing came and nothing could be repaired: the file decodes, holds
// all that came, and lists the rest.
func TestThirtyPercentLoss(t *testing.T) {
	c := makeClip(t, 20, "libvpx")
	s := newStage(t)
	v, a := s.sink("p1", media.SourceCamera, c.videoCodec), s.sink("p1", media.SourceMic, opus)
	random := rand.New(rand.NewPCG(3, 30))
	lost := func() bool { return random.Float64() < 0.3 }
	outage := func(at time.Duration) bool { return at >= 9*time.Second && at < 9500*time.Millisecond }
	through := func(l []sent) (came []sent, missing []time.Duration) {
		for _, p := range l {
			sent := p.at
			if outage(sent) {
				missing = append(missing, sent)
				continue
			}
			if p.at == 0 { // a sink's stream begins with what is first (media.feed)
				came = append(came, p)
				continue
			}
			p.at += time.Duration(20+random.IntN(20)) * time.Millisecond
			for ok := !lost(); !ok && p.at < sent+reorderWait; ok = !lost() && !lost() {
				p.at += 80 * time.Millisecond // a request and its answer
			}
			if p.at >= sent+reorderWait {
				missing = append(missing, sent)
				continue
			}
			came = append(came, p)
		}
		return came, missing
	}
	video, noVideo := through(packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 5))
	audio, noAudio := through(packets(c.audio, 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 5))
	feed(s, map[media.Sink][]sent{v: video, a: audio}, 5, 5, v, a)
	s.set(s.start.Add(20 * time.Second))
	v.Close()
	a.Close()
	f := s.finish()
	p := check(t, f)
	if p.Streams[1].Frames != fmt.Sprint(len(c.audio)-len(noAudio)) {
		t.Errorf("%s sounds, want %d less %d", p.Streams[1].Frames, len(c.audio), len(noAudio))
	}
	// A picture that is lost takes those up to the next key frame with it.
	shown := map[string]int{}
	for _, fs := range f.Frames {
		shown[fs.Source] = fs.Frames
	}
	pictures := len(c.video)
	gaps := map[string]int{}
	for _, g := range f.Gaps {
		if g.Cause != CauseNetwork {
			t.Errorf("gap %+v", g)
		}
		gaps[g.Track]++
		if g.Track == media.SourceCamera {
			pictures -= int((g.To.Sub(g.From) + 10*time.Millisecond) / (time.Second / clipFPS))
		}
	}
	if gaps[media.SourceMic] != 1 || shown[media.SourceCamera] != pictures {
		t.Errorf("%d pictures, want %d; %d sounds and pictures of packets at %v and %v are lost; gaps %+v",
			shown[media.SourceCamera], pictures, len(noAudio)+len(noVideo), noAudio, noVideo, f.Gaps)
	}
	if !slices.ContainsFunc(f.Gaps, func(g Gap) bool {
		return g.Track == media.SourceMic && (g.From.Sub(s.start)-9*time.Second).Abs() < 60*time.Millisecond && g.To.Sub(g.From) == 500*time.Millisecond
	}) {
		t.Errorf("the outage is not listed: %+v", f.Gaps)
	}
}
