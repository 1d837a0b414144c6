package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// driftingTrack is a track of a sender whose clocks are wrong.
type driftingTrack struct {
	sink  media.Sink
	every time.Duration
	rate  float64
	ppm   float64 // of the sampling clock
	first uint32
	delay time.Duration // of the network, at least
	frame func(n int) []byte
	seq   uint16
}

// wrong is a duration by a clock that is off.
func wrong(d time.Duration, ppm float64) time.Duration {
	return d + time.Duration(float64(d)*ppm/1e6)
}

func (l *driftingTrack) ts(at time.Duration) uint32 {
	return l.first + uint32(int64(math.Round(wrong(at, l.ppm).Seconds()*l.rate)))
}

// TestEightHoursDoNotDrift records eight hours of a participant whose sampling
// clocks and wall clock run 80 ppm fast and slow, behind a network that delays
// pictures more than sound, and compares the times in the file with when things
// happened.
func TestEightHoursDoNotDrift(t *testing.T) {
	const hours, wallPPM = 8 * time.Hour, 60
	s := newStage(t, func(o *Options) { o.SegmentLength = time.Minute }) // the disk is not what is tested
	random := rand.New(rand.NewPCG(1, 8))
	key := func(n int) []byte {
		if n%50 == 0 {
			return []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
		}
		return []byte{0x10, 1, 0, 0}
	}
	tracks := []*driftingTrack{
		{sink: s.sink("p1", media.SourceCamera, vp8), every: 200 * time.Millisecond, rate: 90000, ppm: 80, first: 4e9, delay: 120 * time.Millisecond, frame: key},
		{sink: s.sink("p1", media.SourceMic, opus), every: 200 * time.Millisecond, rate: 48000, ppm: -80, first: 3e9, delay: 20 * time.Millisecond,
			frame: func(n int) []byte { return []byte{0xf8, byte(n), byte(n >> 8), 1} }},
	}
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for at := time.Duration(0); at < hours; at += tracks[0].every {
		for i, l := range tracks {
			sent := at + time.Duration(i)*7*time.Millisecond
			arrived := s.start.Add(sent + l.delay + time.Duration(random.IntN(30))*time.Millisecond)
			l.sink.RTP(raw(96, l.seq, l.ts(sent), l.frame(int(at/l.every))), arrived)
			l.seq++
			if at%(5*time.Second) == 0 {
				wall := s.start.Add(-3 * time.Second).Add(wrong(sent, wallPPM)).UnixNano()
				l.sink.SenderReport(uint64(wall/1e9)<<32|uint64(wall%1e9)<<32/1e9, l.ts(sent), arrived)
			}
		}
		for len(s.rec.queue) > queueLength/2 {
			runtime.Gosched()
		}
		if at%time.Hour == 0 {
			s.set(s.start.Add(at))
		}
	}
	s.set(s.start.Add(hours))
	began := time.Now()
	f := s.finish()
	runtime.ReadMemStats(&peak)
	t.Logf("%d segments, file of %d MB made in %v", len(f.Original.Segments), f.Size>>20, time.Since(began))
	if grown := int64(peak.Sys) - int64(before.Sys); grown > 256<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
	// Each block against when its picture or sound began; what all have in
	// common is the network's least delay.
	file, err := os.Open(f.Path)
	must(t, err)
	times, err := blockTimes(bufio.NewReader(file))
	must(t, errors.Join(err, file.Close()))
	var errorsAt [3][]time.Duration // by track: in the first and in the last hour
	for number, l := range times {
		if want := int(hours / (200 * time.Millisecond)); len(l) != want {
			t.Fatalf("track %d has %d blocks, want %d", number, len(l), want)
		}
		for n, at := range l {
			truth := time.Duration(n)*200*time.Millisecond + time.Duration(number-1)*7*time.Millisecond
			errorsAt[number] = append(errorsAt[number], at-truth)
		}
	}
	var worstSync, least, most time.Duration
	least = time.Hour
	for n := range errorsAt[1] {
		worstSync = max(worstSync, (errorsAt[1][n] - errorsAt[2][n]).Abs())
		for track := 1; track <= 2; track++ {
			least, most = min(least, errorsAt[track][n]), max(most, errorsAt[track][n])
		}
	}
	t.Logf("sound and picture at most %v apart, the file's clock within %v of the court's", worstSync, most-least)
	if worstSync > 40*time.Millisecond {
		t.Errorf("sound and picture are up to %v apart", worstSync)
	}
	if most-least > 100*time.Millisecond {
		t.Errorf("the file's clock drifts by %v", most-least)
	}
}

// blockTimes reads the times of a Matroska file's blocks by track.
func blockTimes(r *bufio.Reader) (map[int][]time.Duration, error) {
	out := map[int][]time.Duration{}
	var cluster int64
	for {
		id, _, err := vint(r, false)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		size, _, err := vint(r, true)
		if err != nil {
			return nil, err
		}
		switch id {
		case elementSegment, elementCluster, elementBlockGroup:
			continue
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		switch id {
		case 0xE7: // the cluster's time
			cluster = 0
			for _, v := range b {
				cluster = cluster<<8 | int64(v)
			}
		case elementBlock, elementSimpleBlock:
			at := cluster + int64(int16(uint16(b[1])<<8|uint16(b[2])))
			out[int(b[0]&0x7f)] = append(out[int(b[0]&0x7f)], time.Duration(at)*time.Millisecond)
		}
	}
}

// TestFlashAndBeepTogether records a flash and a beep of one instant, each two
// seconds, whose packets come through a network that delays them differently,
// and measures in the decoded file how far they are apart.
func TestFlashAndBeepTogether(t *testing.T) {
	const seconds = 20
	flash := encode(t, "libvpx", fmt.Sprintf("color=black:size=160x120:rate=%d:duration=%d,drawbox=c=white:t=fill:enable='lt(mod(t\\,2)\\,0.2)'", clipFPS, seconds))
	ogg := filepath.Join(t.TempDir(), "beep.ogg")
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t\\,2)\\,0.2)':s=48000:d=%d", seconds),
		"-c:a", "libopus", "-b:a", "32k", "-application", "lowdelay", "-page_duration", "20000", ogg)
	for _, delays := range [][2]time.Duration{{180 * time.Millisecond, 20 * time.Millisecond}, {0, 350 * time.Millisecond}} {
		t.Run(fmt.Sprint(delays), func(t *testing.T) {
			s := newStage(t)
			v, a := s.sink("p1", media.SourceCamera, vp8), s.sink("p1", media.SourceMic, opus)
			random := rand.New(rand.NewPCG(3, 4))
			late := func(l []sent, by time.Duration) []sent {
				for i := range l {
					l[i].at += by + time.Duration(random.IntN(40))*time.Millisecond
				}
				return l
			}
			feed(s, map[media.Sink][]sent{
				v: late(packets(flash, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 7000), delays[0]),
				a: late(packets(oggPackets(t, ogg), 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 9000), delays[1]),
			}, 7000, 9000, v, a)
			f := s.finish()
			check(t, f)
			flashes, beeps := flashes(t, f.Path), beeps(t, f.Path)
			if len(flashes) != seconds/2 || len(beeps) != seconds/2 {
				t.Fatalf("flashes at %v, beeps at %v", flashes, beeps)
			}
			worst := 0.0
			for i := range flashes {
				worst = max(worst, math.Abs(flashes[i]-beeps[i]))
			}
			t.Logf("flash and beep at most %.1f ms apart", worst*1000)
			if worst > 0.040 {
				t.Errorf("flashes at %v, beeps at %v", flashes, beeps)
			}
		})
	}
}

var lumaLine = regexp.MustCompile(`pts_time:([0-9.]+)|YAVG=([0-9.]+)`)

// flashes are the times, in seconds, at which the picture turns white.
func flashes(t *testing.T, path string) []float64 {
	out := filter(t, path, "-map", "0:v", "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-", "-fps_mode", "passthrough")
	return edges(out, lumaLine, func(v float64) bool { return v > 128 })
}

var levelLine = regexp.MustCompile(`pts_time:([0-9.]+)|RMS_level=(-?[0-9.inf]+)`)

// beeps are the times, in seconds, at which the tone begins, to within 5 ms.
func beeps(t *testing.T, path string) []float64 {
	out := filter(t, path, "-map", "0:a", "-af", "asetnsamples=240,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-")
	return edges(out, levelLine, func(v float64) bool { return v > -25 })
}

func filter(t *testing.T, path string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-i", path}, args...), "-f", "null", os.DevNull)...).Output()
	must(t, err)
	return out
}

// edges are the times at which a value turns to on.
func edges(out []byte, line *regexp.Regexp, on func(float64) bool) (at []float64) {
	was, now := false, 0.0
	for _, m := range line.FindAllSubmatch(out, -1) {
		if len(m[1]) > 0 {
			now, _ = strconv.ParseFloat(string(m[1]), 64)
			continue
		}
		v, err := strconv.ParseFloat(string(m[2]), 64)
		is := err == nil && on(v)
		if is && !was {
			at = append(at, now)
		}
		was = is
	}
	return at
}
