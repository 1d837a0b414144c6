package record

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"yunting/media"
)

// TestSecondPublicationGoesOn: a camera that was switched off and on again with
// another picture size, SSRC and numbers goes on in the same track of the file.
func TestSecondPublicationGoesOn(t *testing.T) {
	for encoder, payloader := range map[string]func() rtp.Payloader{
		"libvpx":     func() rtp.Payloader { return &codecs.VP8Payloader{EnablePictureID: true} },
		"libvpx-vp9": func() rtp.Payloader { return &codecs.VP9Payloader{} },
		"libaom-av1": func() rtp.Payloader { return &codecs.AV1Payloader{} },
		"libx264":    func() rtp.Payloader { return &codecs.H264Payloader{} },
	} {
		t.Run(encoder, func(t *testing.T) {
			first, second := makeClip(t, 2, encoder), makeSizedClip(t, 2, encoder, "320x240")
			s := newStage(t)
			a := s.sink("p1", media.SourceCamera, first.videoCodec)
			play(s, a, packets(first.video, time.Second/clipFPS, 90000, payloader(), 5), 0)
			s.set(s.start.Add(2 * time.Second))
			a.Close()
			b := s.sink("p1", media.SourceCamera, second.videoCodec)
			play(s, b, packets(second.video, time.Second/clipFPS, 90000, payloader(), 123456789), 3*time.Second)
			s.set(s.start.Add(5 * time.Second))
			b.Close()
			f := s.finish()
			p := check(t, f)
			if len(p.Streams) != 1 || p.Streams[0].Frames != fmt.Sprint(len(first.video)+len(second.video)) {
				t.Errorf("streams %+v, want one with %d pictures", p.Streams, len(first.video)+len(second.video))
			}
			if len(f.Frames) != 1 || f.Frames[0].Frames != len(first.video)+len(second.video) {
				t.Errorf("frames %+v", f.Frames)
			}
			if len(f.Gaps) != 1 || f.Gaps[0].Cause != CauseSilent {
				t.Errorf("gaps %+v, want one while nothing was published", f.Gaps)
			}
		})
	}
}

// play gives packets to a sink by arrival, begun at an offset from the stage's start.
func play(s *stage, sink media.Sink, l []sent, offset time.Duration) {
	for _, p := range l {
		sink.RTP(p.raw, s.start.Add(offset+p.at))
	}
}

const (
	opusPT = 111
	redPT  = 63
)

// redPacket is a RED packet of a frame with the one before it as redundancy.
func redPacket(seq uint16, ts uint32, before, frame []byte, ticks uint32) []byte {
	var payload []byte
	if before != nil {
		payload = binary.BigEndian.AppendUint32(nil, (0x80|opusPT)<<24|ticks<<10|uint32(len(before)))
	}
	payload = append(append(append(payload, opusPT), before...), frame...)
	return raw(redPT, seq, ts, payload)
}

func raw(pt uint8, seq uint16, ts uint32, payload []byte) []byte {
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: seq, Timestamp: ts, SSRC: 9, Marker: true}, Payload: payload}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// TestRedundancyFillsHoles sends Opus and RED in turn on one track and loses
// single packets: what RED repeats is in the record, what nobody repeats is a
// loss.
func TestRedundancyFillsHoles(t *testing.T) {
	for _, declared := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: opus.RTPCodecCapability, PayloadType: opusPT},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/red", ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111"}, PayloadType: redPT},
	} {
		t.Run(declared.MimeType, func(t *testing.T) {
			c := makeClip(t, 6, "libvpx")
			s := newStage(t)
			a := s.sink("p1", media.SourceMic, declared)
			red := func(n int) bool { return n%100 >= 50 } // a switch each second
			lost := func(n int) bool { return n%7 == 3 }
			var want int
			for n, f := range c.audio {
				at := s.start.Add(time.Duration(n) * 20 * time.Millisecond)
				switch {
				case lost(n):
					if red(n+1) && n+1 < len(c.audio) {
						want++
					}
					continue
				case red(n):
					a.RTP(redPacket(uint16(n), uint32(n)*960, c.audio[max(n-1, 0)], f, 960), at)
				default:
					a.RTP(raw(opusPT, uint16(n), uint32(n)*960, f), at)
				}
				want++
			}
			f := s.finish()
			p := check(t, f)
			if p.Streams[0].Frames != fmt.Sprint(want) {
				t.Errorf("%s sounds, want %d of %d", p.Streams[0].Frames, want, len(c.audio))
			}
		})
	}
}

// TestSilenceIsNoGap: Opus that stops sending in silence (DTX) lacks nothing;
// the same without the packet that says so, longer, or with a number missing does.
func TestSilenceIsNoGap(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	for _, tc := range []struct {
		name    string
		last    []byte // before the silence
		silence int    // in packets of 20 ms
		skip    int    // sequence numbers
		cause   string
	}{
		{"dtx", []byte{0xf8, 0}, 20, 0, ""},
		{"mute", nil, 20, 0, CauseSilent},
		{"mute after dtx", []byte{0xf8, 0}, 60, 0, CauseSilent},
		{"loss within dtx", []byte{0xf8, 0}, 40, 1, CauseNetwork},
		{"loss", nil, 20, 20, CauseNetwork},
		{"short loss", nil, 9, 9, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t)
			a := s.sink("p1", media.SourceMic, opus)
			seq := uint16(65000)
			send := func(n int, frame []byte) {
				a.RTP(raw(opusPT, seq, uint32(n)*960, frame), s.start.Add(time.Duration(n)*20*time.Millisecond))
				seq++
			}
			for n, f := range c.audio[:100] {
				if n == 99 && tc.last != nil {
					f = tc.last
				}
				send(n, f)
			}
			seq += uint16(tc.skip)
			for n, f := range c.audio[100:200] {
				send(100+tc.silence+n, f)
			}
			f := s.finish()
			var want []Gap
			if tc.cause != "" {
				want = []Gap{{media.SourceMic, s.start.Add(2 * time.Second), s.start.Add(2*time.Second + time.Duration(tc.silence)*20*time.Millisecond), tc.cause}}
			}
			if !slices.Equal(f.Gaps, want) {
				t.Errorf("gaps %+v, want %+v", f.Gaps, want)
			}
		})
	}
}

// TestPauseWithinSilence pauses the recording while Opus is silent (DTX), which may last beyond the pause on both sides: the
// pause is listed alone, for nobody was muted beside it, unless the silence is longer than Opus makes it.
func TestPauseWithinSilence(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	for _, tc := range []struct {
		name          string
		last          []byte
		before, after time.Duration // of the silence, outside of the pause
		want          []string
	}{
		{"dtx", []byte{0xf8, 0}, 380 * time.Millisecond, 380 * time.Millisecond, []string{CausePause}},
		{"dtx before", []byte{0xf8, 0}, 380 * time.Millisecond, 0, []string{CausePause}},
		{"muted before", nil, 380 * time.Millisecond, 0, []string{CauseSilent, CausePause}},
		{"muted in dtx", []byte{0xf8, 0}, time.Second, 0, []string{CauseSilent, CausePause}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t)
			a := s.sink("p1", media.SourceMic, opus)
			for n, f := range c.audio[:100] {
				if n == 99 && tc.last != nil {
					f = tc.last
				}
				a.RTP(raw(opusPT, uint16(n), uint32(n)*960, f), s.start.Add(time.Duration(n)*20*time.Millisecond))
			}
			pause := 2*time.Second + tc.before
			s.set(s.start.Add(pause))
			s.rec.Pause()
			s.set(s.start.Add(pause + 3*time.Second))
			s.rec.Resume()
			from := int((pause + 3*time.Second + tc.after) / (20 * time.Millisecond))
			for n, f := range c.audio[100:200] {
				a.RTP(raw(opusPT, uint16(100+n), uint32(from+n)*960, f), s.start.Add(time.Duration(from+n)*20*time.Millisecond))
			}
			f := s.finish()
			var causes []string
			for _, g := range f.Gaps {
				causes = append(causes, g.Cause)
			}
			if !slices.Equal(causes, tc.want) {
				t.Errorf("gaps %+v, want of causes %v", f.Gaps, tc.want)
			}
		})
	}
}

// TestAV1SequenceHeader reads the headers that libaom writes.
func TestAV1SequenceHeader(t *testing.T) {
	for size, want := range map[string][2]int{"160x120": {160, 120}, "320x240": {320, 240}, "162x90": {162, 90}} {
		c := makeSizedClip(t, 2, "libaom-av1", size)
		var p pictureInfo
		for _, payload := range (&codecs.AV1Payloader{}).Payload(1200, c.video[0]) {
			p.learn("V_AV1", payload)
		}
		private := p.private("V_AV1")
		if p.width != want[0] || p.height != want[1] || len(private) < 8 || private[0] != 0x81 || private[2]&0x4c != 0x0c {
			t.Errorf("%s: %d × %d, configuration % x", size, p.width, p.height, private)
		}
	}
}

// TestSpatialLayersMakeOnePicture: the frames of VP9's spatial layers are one picture of the file, with an index of
// their sizes; one layer alone needs none, and a picture that begins above the lowest is not whole.
func TestSpatialLayersMakeOnePicture(t *testing.T) {
	var out []frame
	p := newPictures("V_VP9", func(f frame) { out = append(out, f) })
	send := func(ts int64, layers ...byte) {
		for i, spatial := range layers {
			for part := range 2 {
				flags := byte(0x28) >> (3 * part) & 0x08 // B of the first
				flags |= byte(part) << 2                 // E of the last
				if ts > 0 {
					flags |= 0x40
				}
				p.packet(held{ts: ts, marker: i == len(layers)-1 && part == 1, payload: []byte{0x20 | flags, spatial << 1, 0, 'a' + spatial, byte('0' + part)}}, false)
			}
		}
	}
	send(0, 0, 1, 2)
	send(1, 0)
	send(2, 1, 2)
	want := []string{"a0a1b0b1c0c1" + "\xda\x04\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00\xda", "a0a1"}
	if len(out) != len(want) {
		t.Fatalf("%d pictures, want %d", len(out), len(want))
	}
	for i, f := range out {
		if string(f.data) != want[i] || f.key != (i == 0) {
			t.Errorf("picture %d: %q, key %v, want %q", i, f.data, f.key, want[i])
		}
	}
}
