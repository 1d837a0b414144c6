package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// kept is a recording whose segments were given away before its machine was lost.
type kept struct {
	whole Finished
	lines []Segment
	bytes map[int][]byte // by the segment's number
}

// keepAll records 16 s of sound and picture and keeps a copy of every segment.
func keepAll(t *testing.T) kept {
	t.Helper()
	c := makeClip(t, 16, "libvpx")
	k := kept{bytes: map[int][]byte{}}
	s := newStage(t, func(o *Options) {
		o.SegmentLength = time.Second
		o.OnSegment = func(l Segment) {
			b, err := os.ReadFile(SegmentPath(o.Dir, l))
			if err != nil {
				t.Error(err)
			}
			k.lines, k.bytes[l.Number] = append(k.lines, l), b
		}
	})
	v, a := s.sink("p1", media.SourceCamera, c.videoCodec), s.sink("p1", media.SourceMic, opus)
	feed(s, map[media.Sink][]sent{
		v: packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1),
		a: packets(c.audio, 20*time.Millisecond, 48000, &codecs.OpusPayloader{}, 1),
	}, 1, 1, v, a)
	k.whole = s.finish()
	if len(k.lines) < 5 {
		t.Fatalf("%d segments", len(k.lines))
	}
	return k
}

// restore lays the recording out on another machine and finishes it there.
func (k kept) restore(t *testing.T, fetch func(Segment) (io.ReadCloser, error)) Finished {
	t.Helper()
	dir := t.TempDir()
	must(t, Restore(dir, k.lines, fetch))
	must(t, Restore(dir, k.lines, func(Segment) (io.ReadCloser, error) { return nil, errors.New("fetched again") }))
	found, err := Recover(dir)
	if err != nil || len(found) != 1 {
		t.Fatalf("recovered %d files, %v", len(found), err)
	}
	return found[0]
}

func (k kept) fetch(s Segment) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(k.bytes[s.Number])), nil
}

// TestRestore finishes a recording from the segments that others kept: all of them give the very same file; those that
// are gone or damaged are lost, named, and a gap.
func TestRestore(t *testing.T) {
	k := keepAll(t)
	if f := k.restore(t, k.fetch); f.SHA256 != k.whole.SHA256 || f.Original.SHA256 != k.whole.Original.SHA256 || len(f.Lost) > 0 {
		t.Errorf("restored whole: %x, lost %v; recorded %x", f.SHA256, f.Lost, k.whole.SHA256)
	}
	last := k.lines[len(k.lines)-1].Number
	for name, lost := range map[string][]int{"head": {1, 2}, "middle": {3}, "tail": {last - 1, last}} {
		f := k.restore(t, func(s Segment) (io.ReadCloser, error) {
			switch {
			case !slices.Contains(lost, s.Number):
				return k.fetch(s)
			case s.Number%2 == 0:
				return nil, ErrGone
			}
			damaged := bytes.Clone(k.bytes[s.Number])
			damaged[len(damaged)/2] ^= 1
			return io.NopCloser(bytes.NewReader(damaged)), nil
		})
		check(t, f)
		if !slices.Equal(f.Lost, lost) {
			t.Errorf("%s: lost %v, want %v", name, f.Lost, lost)
		}
		k.checkLoss(t, name, f, f.Lost, CauseLost)
	}
}

// TestRestoreOfNothing: a participant of whom no segment is left has a recording still, which plays nothing, and names
// every segment and the whole stretch as gone.
func TestRestoreOfNothing(t *testing.T) {
	k := keepAll(t)
	f := k.restore(t, func(Segment) (io.ReadCloser, error) { return nil, ErrGone })
	first, last := k.lines[0], k.lines[len(k.lines)-1]
	if len(f.Lost) != len(k.lines) || f.Participant != "p1" || !f.Started.Equal(first.From) || !f.Ended.Equal(last.To) {
		t.Errorf("lost %v of %s from %v to %v, want all of %d", f.Lost, f.Participant, f.Started, f.Ended, len(k.lines))
	}
	if len(f.Gaps) != 1 || f.Gaps[0] != (Gap{Track: TrackAll, From: first.From, To: last.To, Cause: CauseLost}) {
		t.Errorf("gaps %+v", f.Gaps)
	}
	if out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "format=format_name", "-of", "default=nw=1:nk=1", f.Path).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "matroska,webm" {
		t.Errorf("ffprobe says %s of the file: %v", out, err)
	}
	if f.Original.Size != 0 || len(f.Original.Segments) != len(k.lines) {
		t.Errorf("original of %d bytes and %d lines", f.Original.Size, len(f.Original.Segments))
	}
}

// checkLoss: the original holds what is there and the list what was, and each track lists one gap that is as long as
// what is gone and no longer than until the next key frame.
func (k kept) checkLoss(t *testing.T, name string, f Finished, missing []int, cause string) {
	t.Helper()
	b, err := os.ReadFile(f.Original.Path)
	must(t, err)
	lines := slices.Clone(k.lines)
	var gone time.Duration
	for i := range lines {
		if lines[i].Lost = slices.Contains(missing, lines[i].Number); lines[i].Lost {
			gone += lines[i].To.Sub(lines[i].From)
		}
	}
	must(t, CheckOriginal(bytes.NewReader(b), int64(len(b)), lines))
	for _, track := range []string{media.SourceMic, media.SourceCamera} {
		gaps := slices.DeleteFunc(slices.Clone(f.Gaps), func(g Gap) bool { return g.Track != track || g.Cause != cause })
		if len(gaps) != 1 {
			t.Errorf("%s: %s has gaps %+v", name, track, f.Gaps)
			continue
		}
		if length := gaps[0].To.Sub(gaps[0].From); length < gone-200*time.Millisecond || length > gone+3*time.Second {
			t.Errorf("%s: %s misses %v, %v are gone", name, track, length, gone)
		}
	}
}

// TestRestoreStopsAtFaults: a store that does not answer is no loss, and a list that is no chain is refused.
func TestRestoreStopsAtFaults(t *testing.T) {
	k := kept{lines: []Segment{{Number: 1, Participant: "p1", File: SegmentFile(1)}}}
	k.lines = append(k.lines, Segment{Number: 2, Participant: "p1", File: SegmentFile(2), Previous: k.lines[0].Chain()})
	down := errors.New("no answer")
	dir := t.TempDir()
	if err := Restore(dir, k.lines, func(Segment) (io.ReadCloser, error) { return nil, down }); !errors.Is(err, down) {
		t.Errorf("a store that is down: %v", err)
	}
	if found, err := Recover(dir); err != nil || len(found) > 0 {
		t.Errorf("half a restore was finished: %v, %v", found, err)
	}
	k.lines[1].Previous = "00"
	var bad *BadSegment
	if err := Restore(t.TempDir(), k.lines, k.fetch); !errors.As(err, &bad) || bad.Number != 2 {
		t.Errorf("a broken chain: %v", err)
	}
}
