package record

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// TestErrorOfTheDisk makes writes fail with EIO for a while: it is told, the
// record goes on, and the gap is listed with its bounds.
func TestErrorOfTheDisk(t *testing.T) {
	c := makeClip(t, 8, "libvpx")
	d := newForgetfulDisk()
	told, works := make(chan error, 8), make(chan string, 8)
	s := newStage(t, func(o *Options) {
		o.Dir, o.disk = filepath.Join(o.Dir, "hearing"), d
		o.SegmentLength = time.Second
		o.OnError, o.OnWorks = func(_ string, err error) { told <- err }, func(p string) { works <- p }
	})
	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	failed, mended := false, false
	for _, p := range packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1) {
		s.set(s.start.Add(p.at))
		if p.at >= 3*time.Second && !failed {
			failed = true
			flushed(t, s, d)
			d.set(syscall.EIO, nil)
		}
		v.RTP(p.raw, s.start.Add(p.at))
		if failed && !mended && p.at == 3*time.Second {
			began := time.Now()
			if err := <-told; err == nil || time.Since(began) > 2*time.Second {
				t.Errorf("%v was told after %v", err, time.Since(began))
			}
		}
		if p.at >= 4*time.Second && !mended {
			mended = true
			flushed(t, s, d)
			d.set(nil, nil)
			s.set(s.start.Add(p.at + retryEvery))
		}
	}
	s.set(s.start.Add(8 * time.Second))
	v.Close()
	f := s.finish()
	check(t, f)
	if p := <-works; p != "p1" || len(told) > 0 {
		t.Errorf("%q works again, %d more errors", p, len(told))
	}
	if len(f.Gaps) != 1 || f.Gaps[0].Cause != CauseFault {
		t.Fatalf("gaps %+v", f.Gaps)
	}
	from, to := f.Gaps[0].From.Sub(s.start), f.Gaps[0].To.Sub(s.start)
	// The clip's next key frame is at 6 s.
	if from < 2900*time.Millisecond || from > 3100*time.Millisecond || to != 6*time.Second {
		t.Errorf("gap from %v to %v", from, to)
	}
	checkSegments(t, f)
}

// flushed waits until the writer has taken and synced what was sent.
func flushed(t *testing.T, s *stage, d *forgetfulDisk) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	wait := func(until func() bool) {
		for !until() {
			if time.Now().After(deadline) {
				t.Fatal("the writer does not get on")
			}
			<-time.After(time.Millisecond)
		}
	}
	wait(func() bool { return len(s.rec.queue) == 0 })
	before, empty := d.syncs.Load(), time.Now() // without a sync from here on there is nothing to be synced
	wait(func() bool { return d.syncs.Load() > before || time.Since(empty) > 4*flushEvery })
}

// checkSegments compares a finished original with its list.
func checkSegments(t *testing.T, f Finished) {
	t.Helper()
	r, size := openFile(t, f.Original.Path)
	must(t, CheckOriginal(r, size, f.Original.Segments))
}

// TestSlowDiskNeverBlocks holds every write and sends more than the queue
// takes: no packet waits, the loss is told and listed, and the record goes on.
func TestSlowDiskNeverBlocks(t *testing.T) {
	d, gate := newForgetfulDisk(), make(chan struct{})
	told, works := make(chan error, 8), make(chan string, 8)
	s := newStage(t, func(o *Options) {
		o.Dir, o.disk = filepath.Join(o.Dir, "hearing"), d
		o.OnError, o.OnWorks = func(_ string, err error) { told <- err }, func(p string) { works <- p }
	})
	a := s.sink("p1", media.SourceMic, opus)
	send := func(n int) {
		at := s.start.Add(time.Duration(n) * 20 * time.Millisecond)
		a.RTP(raw(opusPT, uint16(n), uint32(n)*960, []byte{0xf8, 1, 2, byte(n)}), at)
	}
	for n := range 100 {
		send(n)
	}
	flushed(t, s, d)
	d.set(nil, gate)
	n, slow := 100, 0
	timed := func() {
		began := time.Now()
		send(n)
		n++
		if time.Since(began) > 20*time.Millisecond {
			slow++
		}
	}
	for a.(*sink).since.IsZero() { // the writer hangs in its next flush, then the queue fills
		timed()
	}
	const lost = 5000
	for range lost - 1 {
		timed()
	}
	for range 100 { // what must not be lost has room still
		s.sink("p2", media.SourceMic, opus).Close()
	}
	s.rec.Pause()
	s.rec.Resume()
	if slow > 20 {
		t.Errorf("%d packets waited", slow)
	}
	if err := <-told; err != ErrSlow || len(told) > 0 {
		t.Errorf("%v was told, and %d more", err, len(told))
	}
	d.set(nil, nil)
	close(gate)
	for len(s.rec.queue) > queueLength/2 {
		<-time.After(time.Millisecond)
	}
	for range 100 {
		timed()
	}
	if p := <-works; p != "p1" {
		t.Errorf("%q works again", p)
	}
	s.set(s.start.Add(time.Duration(n) * 20 * time.Millisecond))
	a.Close()
	f := s.finish()
	want := time.Duration(lost) * 20 * time.Millisecond
	if len(f.Gaps) != 1 || f.Gaps[0].Cause != CauseOverflow || (f.Gaps[0].To.Sub(f.Gaps[0].From)-want).Abs() > 20*time.Millisecond {
		t.Errorf("gaps %+v, want one of %v", f.Gaps, want)
	}
}
