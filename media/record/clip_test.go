package record

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// clip is a test picture and a tone, encoded by ffmpeg.
type clip struct {
	video, audio [][]byte
	videoCodec   webrtc.RTPCodecParameters
}

// storedClip is a clip of VP8 as a child process gets it.
type storedClip struct{ Video, Audio [][]byte }

func (c clip) store(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(storedClip{c.video, c.audio}), f.Close())
}

func loadClip(path string) (clip, error) {
	f, err := os.Open(path)
	if err != nil {
		return clip{}, err
	}
	var s storedClip
	err = errors.Join(gob.NewDecoder(f).Decode(&s), f.Close())
	return clip{video: s.Video, audio: s.Audio, videoCodec: vp8}, err
}

var vp8 = webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}}

const clipFPS = 25

func ffmpeg(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
}

// encoders are ffmpeg's, with what makes them encode as browsers do.
var encoders = map[string]struct {
	mime string
	args []string
}{
	"libvpx":     {webrtc.MimeTypeVP8, []string{"-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"}},
	"libvpx-vp9": {webrtc.MimeTypeVP9, []string{"-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"}},
	"libaom-av1": {webrtc.MimeTypeAV1, []string{"-usage", "realtime", "-cpu-used", "8"}},
	"libx264": {webrtc.MimeTypeH264, []string{"-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline",
		"-x264-params", "aud=1:sliced-threads=0"}},
}

// clips are those that were made: encoding costs more than most tests.
var clips struct {
	sync.Mutex
	made map[string]clip
}

func makeClip(t testing.TB, seconds int, encoder string) clip {
	t.Helper()
	return makeSizedClip(t, seconds, encoder, "160x120")
}

func makeSizedClip(t testing.TB, seconds int, encoder, size string) clip {
	t.Helper()
	clips.Lock()
	defer clips.Unlock()
	key := fmt.Sprint(seconds, encoder, size)
	if c, ok := clips.made[key]; ok {
		return c
	}
	ogg := filepath.Join(t.TempDir(), "a.ogg")
	c := clip{videoCodec: webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: encoders[encoder].mime, ClockRate: 90000}}}
	c.video = encode(t, encoder, fmt.Sprintf("testsrc=size=%s:rate=%d:duration=%d", size, clipFPS, seconds))
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds), "-c:a", "libopus", "-b:a", "24k", "-page_duration", "20000", ogg)
	c.audio = oggPackets(t, ogg)
	if clips.made == nil {
		clips.made = map[string]clip{}
	}
	clips.made[key] = c
	return c
}

// encode makes the frames of a source of ffmpeg's lavfi.
func encode(t testing.TB, encoder, source string) (frames [][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "v.ivf")
	if encoder == "libx264" {
		path = filepath.Join(t.TempDir(), "v.h264")
	}
	args := append([]string{"-f", "lavfi", "-i", source, "-c:v", encoder, "-pix_fmt", "yuv420p", "-g", "50", "-b:v", "200k"}, encoders[encoder].args...)
	ffmpeg(t, append(args, path)...)
	if encoder == "libx264" {
		b, err := os.ReadFile(path)
		must(t, err)
		for _, f := range bytes.Split(b, []byte{0, 0, 0, 1, 9})[1:] { // at access unit delimiters
			frames = append(frames, append([]byte{0, 0, 0, 1, 9}, f...))
		}
		return frames
	}
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	r, _, err := ivfreader.NewWith(f)
	must(t, err)
	for {
		b, _, err := r.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames
		}
		must(t, err)
		frames = append(frames, b)
	}
}

func oggPackets(t testing.TB, path string) (out [][]byte) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	r, _, err := oggreader.NewWith(f)
	must(t, err)
	for {
		b, _, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		if !bytes.HasPrefix(b, []byte("Opus")) {
			out = append(out, b)
		}
	}
}
