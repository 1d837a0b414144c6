package record

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// forgetfulDisk keeps apart what was synced from what was only written: lose
// leaves what a power cut would. It fails and blocks on demand.
type forgetfulDisk struct {
	syncs atomic.Int64

	mu      sync.Mutex // guards what follows
	durable map[string]bool
	files   map[string]*forgetfulFile
	fail    error         // of writes and syncs
	gate    chan struct{} // writes and syncs wait until it is closed
}

type forgetfulFile struct {
	disk   *forgetfulDisk
	path   string
	real   file
	synced []byte
}

func newForgetfulDisk() *forgetfulDisk {
	return &forgetfulDisk{durable: map[string]bool{}, files: map[string]*forgetfulFile{}}
}

func (d *forgetfulDisk) Mkdir(dir string) error { return machine{}.Mkdir(dir) }

func (d *forgetfulDisk) Open(path string, flag int) (file, error) {
	f, err := machine{}.Open(path, flag)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		_ = f.Close()
		return nil, d.fail
	}
	d.files[path] = &forgetfulFile{disk: d, path: path, real: f}
	return d.files[path], nil
}

func (d *forgetfulDisk) SyncDir(dir string) error {
	names, err := os.ReadDir(dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range names {
		d.durable[filepath.Join(dir, n.Name())] = true
	}
	return err
}

// set makes everything fail from now on, or block, or neither.
func (d *forgetfulDisk) set(fail error, gate chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail, d.gate = fail, gate
}

// pass waits for the gate and gives the error to be had.
func (d *forgetfulDisk) pass() error {
	d.mu.Lock()
	gate, fail := d.gate, d.fail
	d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return fail
}

func (f *forgetfulFile) Write(b []byte) (int, error) {
	if err := f.disk.pass(); err != nil {
		n, torn := f.real.Write(b[:len(b)/2])
		return n, errors.Join(err, torn)
	}
	return f.real.Write(b)
}

func (f *forgetfulFile) Sync() error {
	if err := f.disk.pass(); err != nil {
		return err
	}
	b, err := os.ReadFile(f.path)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.synced = b
	f.disk.syncs.Add(1)
	return err
}

func (f *forgetfulFile) Truncate(size int64) error {
	if err := f.disk.pass(); err != nil {
		return err
	}
	return f.real.Truncate(size)
}

func (f *forgetfulFile) Close() error { return f.real.Close() }

// lose makes dst what is left of root when the power goes now: what was synced,
// and by chance a part of what was not, also torn.
func (d *forgetfulDisk) lose(root, dst string, random *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		f := d.files[path]
		named := true
		for p := path; p != root; p = filepath.Dir(p) {
			named = named && d.durable[p]
		}
		if !named && random.IntN(2) == 0 {
			continue
		}
		written, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		left := slices.Clone(f.synced)
		if more := len(written) - len(left); more > 0 && random.IntN(2) == 0 {
			left = append(left, written[len(left):len(left)+random.IntN(more+1)]...)
			if n := len(left) - len(f.synced); n > 0 && random.IntN(2) == 0 {
				clear(left[len(f.synced)+random.IntN(n):]) // blocks that were never written
			}
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, left, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cutOff is what a power cut left, and what must be in it.
type cutOff struct {
	dir    string
	fed    time.Time // arrival of the last packet before
	slack  time.Duration
	closed []Segment
}

// TestNothingAcknowledgedIsLostByPowerCut cuts the power at 200 moments of a recording
// and recovers from what was synced.
func TestNothingAcknowledgedIsLostByPowerCut(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	d := newForgetfulDisk()
	root := t.TempDir()
	var mu sync.Mutex // guards closed
	var closed []Segment
	rec, err := New(Options{Dir: filepath.Join(root, "hearing", "session"), SegmentLength: time.Second, disk: d,
		OnSegment: func(s Segment) { mu.Lock(); closed = append(closed, s); mu.Unlock() },
		OnError:   func(_ string, err error) { t.Error(err) }})
	must(t, err)
	random := rand.New(rand.NewPCG(8, 9))
	var cuts []cutOff
	next := time.Duration(0)
	fed, slack := playNow(rec, c, func(at, late time.Duration, arrived time.Time) {
		if at < next {
			return
		}
		next = at + time.Duration(random.IntN(40))*time.Millisecond
		cut := cutOff{dir: filepath.Join(t.TempDir(), fmt.Sprint(len(cuts))), fed: arrived, slack: late}
		mu.Lock()
		cut.closed = slices.Clone(closed)
		mu.Unlock()
		must(t, d.lose(root, cut.dir, random))
		cuts = append(cuts, cut)
	})
	rec.Close()
	whole := cutOff{dir: root, fed: fed, slack: slack}
	whole.check(t, fed.Add(-6*time.Second))
	if len(cuts) < 200 {
		t.Errorf("only %d cuts", len(cuts))
	}
	t.Logf("%d cuts, the machine was late by up to %v", len(cuts), slack)
	var files []string
	for _, cut := range cuts {
		for _, f := range cut.check(t, fed.Add(-6*time.Second)) {
			files = append(files, f.Path)
		}
	}
	decodeAll(t, files)
}

// decodeAll decodes files wholly, many in one run of ffmpeg.
func decodeAll(t *testing.T, files []string) {
	t.Helper()
	for some := range slices.Chunk(files, 25) {
		args := []string{"-v", "warning"}
		for _, f := range some {
			args = append(args, "-i", f)
		}
		for i := range some {
			args = append(args, "-map", fmt.Sprint(i))
		}
		out, err := exec.Command("ffmpeg", append(args, "-fps_mode", "vfr", "-enc_time_base", "1:1000", "-f", "null", "-")...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("decode: %v\n%s", err, out)
		}
	}
}

// playNow records a clip as one participant in real time and returns when the
// last packet arrived, and by how much the machine was late at worst. each is
// called after each packet with its place in the clip.
func playNow(rec *Recorder, c clip, each func(at, late time.Duration, arrived time.Time)) (last time.Time, worst time.Duration) {
	track := func(source, kind string) media.TrackInfo {
		return media.TrackInfo{ID: "p1." + source, Peer: "p1", Kind: kind, Source: source}
	}
	v := rec.NewSink("p1", track(media.SourceCamera, media.KindVideo), c.videoCodec)
	a := rec.NewSink("p1", track(media.SourceMic, media.KindAudio), opus)
	type due struct {
		sent
		sink media.Sink
	}
	var all []due
	for _, p := range packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1) {
		all = append(all, due{p, v})
	}
	for _, p := range packets(c.audio, 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 1) {
		all = append(all, due{p, a})
	}
	sortByTime(all, func(d due) time.Duration { return d.at })
	start := time.Now()
	for _, p := range all {
		<-time.After(time.Until(start.Add(p.at)))
		last = time.Now()
		worst = max(worst, last.Sub(start)-p.at)
		p.sink.RTP(p.raw, last)
		each(p.at, worst, last)
	}
	v.Close()
	a.Close()
	return last, worst
}

// check recovers what was left and looks for what must be in it.
func (c cutOff) check(t *testing.T, began time.Time) []Finished {
	t.Helper()
	allowed := time.Second + c.slack
	sessions, err := filepath.Glob(filepath.Join(c.dir, "hearing", "session"))
	must(t, err)
	if len(sessions) == 0 {
		if len(c.closed) > 0 || c.fed.Sub(began) > allowed {
			t.Errorf("nothing is left after %v", c.fed.Sub(began))
		}
		return nil
	}
	found, err := Recover(sessions[0])
	if err != nil {
		t.Errorf("%s: %v", c.dir, err)
		return nil
	}
	if len(found) == 0 {
		if len(c.closed) > 0 || c.fed.Sub(began) > allowed {
			t.Errorf("nothing is recovered after %v", c.fed.Sub(began))
		}
		return nil
	}
	if lost := c.fed.Sub(found[0].Ended); lost > allowed {
		t.Errorf("%v are lost, the machine was late by %v", lost, c.slack)
	}
	for _, s := range c.closed {
		if !slices.Contains(found[0].Original.Segments, s) {
			t.Errorf("closed segment %d is not among the %d recovered", s.Number, len(found[0].Original.Segments))
		}
	}
	return found
}
