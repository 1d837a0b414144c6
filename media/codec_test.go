package media

import (
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestMatchCodec(t *testing.T) {
	h264 := func(profile, mode string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=" + mode + ";profile-level-id=" + profile}}
	}
	vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "video/vp8"}}
	vp9 := func(fmtp string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9, SDPFmtpLine: fmtp}}
	}
	for _, tc := range []struct {
		name string
		want webrtc.RTPCodecParameters
		have []webrtc.RTPCodecParameters
		line string // of the match; "none" for none
	}{
		{"same", h264("42e01f", "1"), []webrtc.RTPCodecParameters{vp8, h264("42e01f", "0"), h264("64001f", "1"), h264("42e01f", "1")}, h264("42e01f", "1").SDPFmtpLine},
		{"another level", h264("42e01f", "1"), []webrtc.RTPCodecParameters{h264("64001f", "1"), h264("42e028", "1")}, h264("42e028", "1").SDPFmtpLine},
		{"another name of the profile", h264("42e01f", "1"), []webrtc.RTPCodecParameters{h264("64001f", "1"), h264("4d801f", "1")}, h264("4d801f", "1").SDPFmtpLine},
		{"a larger profile", h264("42e01f", "1"), []webrtc.RTPCodecParameters{h264("64001f", "1")}, h264("64001f", "1").SDPFmtpLine},
		{"baseline by browsers", h264("42001f", "1"), []webrtc.RTPCodecParameters{h264("42e01f", "1")}, h264("42e01f", "1").SDPFmtpLine},
		{"main in high", h264("4d001f", "1"), []webrtc.RTPCodecParameters{h264("42e01f", "1"), h264("64001f", "1")}, h264("64001f", "1").SDPFmtpLine},
		{"a smaller profile", h264("64001f", "1"), []webrtc.RTPCodecParameters{h264("42e01f", "1"), h264("4d001f", "1"), h264("640c1f", "1")}, "none"},
		{"another packetization", h264("42e01f", "1"), []webrtc.RTPCodecParameters{h264("42e01f", "0")}, "none"},
		{"no such profile", h264("zz", "1"), []webrtc.RTPCodecParameters{h264("42e01f", "1")}, "none"},
		{"another codec", h264("42e01f", "1"), []webrtc.RTPCodecParameters{vp8, vp9("profile-id=0")}, "none"},
		{"VP9 without its profile", vp9(""), []webrtc.RTPCodecParameters{vp9("profile-id=2"), vp9("profile-id=0")}, "profile-id=0"},
		{"VP9 of another profile", vp9("profile-id=2"), []webrtc.RTPCodecParameters{vp9("profile-id=0")}, "none"},
	} {
		got, ok := matchCodec(tc.want, tc.have)
		if ok != (tc.line != "none") || ok && got.SDPFmtpLine != tc.line {
			t.Errorf("%s: %v %q, want %q", tc.name, ok, got.SDPFmtpLine, tc.line)
		}
	}
}

// TestUnmatchedCodec: a receiver without the codec of one camera still gets the sound, and the cameras it can show.
func TestUnmatchedCodec(t *testing.T) {
	r := newSFU(t).Room("r")
	a, b := join(t, r, "a", everything), join(t, r, "b", everything)
	only := &webrtc.MediaEngine{}
	for c, kind := range map[*webrtc.RTPCodecParameters]webrtc.RTPCodecType{&opusCodec: webrtc.RTPCodecTypeAudio, &codecs()[0]: webrtc.RTPCodecTypeVideo} {
		if err := only.RegisterCodec(*c, kind); err != nil {
			t.Fatal(err)
		}
	}
	c := joinBy(t, r, "c", Permissions{Subscribe: true}, webrtc.NewAPI(webrtc.WithSettingEngine(loopback()), webrtc.WithMediaEngine(only)))
	a.publish(webrtc.MimeTypeH264)
	b.publish(webrtc.MimeTypeVP8)
	of := func(peer, kind string) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := 0
		for id, ps := range c.received {
			if ti := c.tracks[id]; ti.Peer == peer && ti.Kind == kind {
				n += len(ps)
			}
		}
		return n
	}
	for _, p := range []*client{a, b} {
		defer (&source{c: p, every: 10}).run(t)()
	}
	eventually(t, "both sounds and one picture", func() bool { return of("a", KindAudio) > 20 && of("b", KindAudio) > 20 && of("b", KindVideo) > 20 })
	if n := of("a", KindVideo); n > 0 {
		t.Errorf("%d packets of a codec that the receiver does not know", n)
	}
}
