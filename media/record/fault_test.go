package record

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// TestFaultIsToldAndListed makes the disk refuse a participant for a while:
// it is told once, and the record goes on afterwards with the gap listed.
func TestFaultIsToldAndListed(t *testing.T) {
	c := makeClip(t, 6, "libvpx")
	var now atomic.Int64
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	now.Store(start.UnixNano())
	told := make(chan error, 10)
	s := &stage{t: t, dir: t.TempDir(), start: start}
	var err error
	s.rec, err = New(Options{Dir: s.dir, Now: func() time.Time { return time.Unix(0, now.Load()) },
		OnFinished: func(f Finished) { s.done = append(s.done, f) }, OnError: func(_ string, err error) { told <- err }})
	must(t, err)
	blocker := filepath.Join(s.dir, "p1")
	must(t, os.WriteFile(blocker, nil, 0o600))

	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	drained := func() {
		for len(s.rec.queue) > 0 {
			<-time.After(time.Millisecond)
		}
	}
	unblocked := false
	for _, p := range packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1) {
		if p.at >= 2*time.Second && !unblocked {
			unblocked = true
			drained()
			must(t, os.Remove(blocker))
			now.Store(start.Add(p.at + retryEvery).UnixNano())
		}
		v.RTP(p.raw, start.Add(p.at))
	}
	drained()
	if err := <-told; err == nil {
		t.Error("no error was told")
	}
	if len(told) > 0 {
		t.Errorf("the fault was told %d times more", len(told))
	}
	f := s.finish()
	p := check(t, f)
	if len(p.Streams) != 1 || f.Started.Before(start.Add(1900*time.Millisecond)) {
		t.Errorf("started %v, streams %+v", f.Started, p.Streams)
	}
}

func FuzzReadSegment(f *testing.F) {
	dir := f.TempDir()
	w, err := createSegment(machine{}, dir, "p", 1, time.Unix(1, 0))
	must(f, err)
	r := record{kind: kindPacket, track: 1, at: time.Unix(1, 0), data: []byte("packet")}
	must(f, w.append(r.encode(nil), r.at))
	must(f, closeSegment(w))
	b, err := os.ReadFile(filepath.Join(dir, "000001.seg"))
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = readSegment(bytes.NewReader(b), func(r record) error {
			if len(r.data) > maxRecord {
				t.Error("record is too long")
			}
			return nil
		})
	})
}

func FuzzPictures(f *testing.F) {
	f.Add([]byte{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8})
	f.Add([]byte{24, 0, 4, 0x67, 0x42, 0xc0, 0x1f})
	f.Add([]byte{0x18, 0x0a, 0x0a, 0, 0, 0, 1, 0x13, 0xbf, 0xd9, 0x3b, 0x2b, 0x20})
	f.Add([]byte{0xef, 0x0f, 0x00, 3, 0x6f, 0x78, 1, 2, 0x78, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, codec := range []string{"V_VP8", "V_VP9", "V_AV1", "V_MPEG4/ISO/AVC"} {
			var p pictureInfo
			if len(b) > 0 {
				p.learn(codec, b)
			}
			p.private(codec)
			order(newPictures(codec, func(frame) {}), b)
		}
		order(&sounds{emit: func(frame) {}}, b)
	})
}

// order pushes a payload several times, with holes.
func order(a assembler, b []byte) {
	o := newOrderer(a)
	for i := range 6 {
		o.push(uint16(i*i), held{ts: int64(i), marker: i%2 == 0, red: i != 3, payload: b, at: int64(i) * int64(time.Second)})
	}
	o.cut()
}

// openFile opens a file until the test ends.
func openFile(t *testing.T, path string) (*os.File, int64) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, f.Close()) })
	info, err := f.Stat()
	must(t, err)
	return f, info.Size()
}

func closeSegment(w *segmentWriter) error {
	_, err := w.close()
	return err
}
