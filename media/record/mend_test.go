package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// damage lays the recording out, changes a byte of segment 2 and removes segment 3.
func (k kept) damage(t *testing.T) (dir string, changed []byte) {
	t.Helper()
	dir = t.TempDir()
	must(t, Restore(dir, k.lines, k.fetch))
	changed = bytes.Clone(k.bytes[2])
	changed[len(changed)/2] ^= 1
	must(t, os.WriteFile(SegmentPath(dir, k.lines[1]), changed, 0o600))
	must(t, os.Remove(SegmentPath(dir, k.lines[2])))
	if _, err := Recover(dir); !errors.Is(err, ErrDamaged) {
		t.Fatalf("recovered a damaged recording: %v", err)
	}
	return dir, changed
}

func recovered(t *testing.T, dir string) Finished {
	t.Helper()
	found, err := Recover(dir)
	if err != nil || len(found) != 1 {
		t.Fatalf("recovered %d files, %v", len(found), err)
	}
	return found[0]
}

// TestMendFromCopies: with sound copies the very same file is made, also after a store that did not answer first and a
// copy that a crash cut short.
func TestMendFromCopies(t *testing.T) {
	k := keepAll(t)
	dir, _ := k.damage(t)
	down := errors.New("no answer")
	if _, err := Mend(dir, func(Segment) (io.ReadCloser, error) { return nil, down }); !errors.Is(err, down) {
		t.Errorf("a store that is down: %v", err)
	}
	must(t, os.WriteFile(SegmentPath(dir, k.lines[1]), k.bytes[2][:100], 0o600))
	if n, err := Mend(dir, k.fetch); err != nil || n != 0 {
		t.Fatalf("%d defects, %v", n, err)
	}
	if f := recovered(t, dir); f.SHA256 != k.whole.SHA256 || f.Original.SHA256 != k.whole.Original.SHA256 || len(f.Defects) > 0 {
		t.Errorf("mended: %x, defects %v; recorded %x", f.SHA256, f.Defects, k.whole.SHA256)
	}
	if left, err := Unkept(dir); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestMendKeepsDefects: without sound copies everything else is finished, the damaged segments are named and a gap of
// their own cause, and what the disk has of them stays.
func TestMendKeepsDefects(t *testing.T) {
	k := keepAll(t)
	dir, changed := k.damage(t)
	fetch := func(s Segment) (io.ReadCloser, error) {
		if s.Number == 3 {
			return nil, ErrGone
		}
		return io.NopCloser(bytes.NewReader(changed)), nil // on one disk the copy is the same file
	}
	for again, want := range []int{2, 0} {
		if n, err := Mend(dir, fetch); err != nil || n != want {
			t.Fatalf("mending %d: %d defects, want %d, %v", again, n, want, err)
		}
	}
	f := recovered(t, dir)
	check(t, f)
	if len(f.Lost) > 0 {
		t.Errorf("said to be lost with a machine: %v", f.Lost)
	}
	if again := recovered(t, dir); len(f.Defects) != 2 || !slices.Equal(again.Defects, f.Defects) || f.Defects[0].Number != 2 || f.Defects[1] != (Defect{Number: 3}) {
		t.Fatalf("defects %+v, then %+v", f.Defects, again.Defects)
	}
	k.checkLoss(t, "damaged", f, []int{2, 3}, CauseDamaged)
	left, err := Unkept(dir)
	must(t, err)
	if kept, err := os.ReadFile(f.Defects[0].Path); err != nil || !bytes.Equal(kept, changed) || !slices.Equal(left, []string{f.Defects[0].Path}) || f.Defects[0].Size != int64(len(changed)) {
		t.Errorf("kept %v in %s: %v", left, filepath.Base(f.Defects[0].Path), err)
	}
}

// TestMendNothingSound: a participant without one sound segment has a file that plays nothing and names what is left of
// each, and its gap is the whole stretch.
func TestMendNothingSound(t *testing.T) {
	k := keepAll(t)
	dir := t.TempDir()
	must(t, Restore(dir, k.lines, k.fetch))
	for _, l := range k.lines {
		must(t, os.Truncate(SegmentPath(dir, l), l.Size/2))
	}
	if n, err := Mend(dir, func(Segment) (io.ReadCloser, error) { return nil, ErrGone }); err != nil || n != len(k.lines) {
		t.Fatalf("%d defects of %d segments, %v", n, len(k.lines), err)
	}
	f, last := recovered(t, dir), k.lines[len(k.lines)-1]
	if len(f.Defects) != len(k.lines) || len(f.Lost) > 0 || len(f.Original.Segments) != len(k.lines) {
		t.Errorf("%d defects and %d lines of %d segments, lost %v", len(f.Defects), len(f.Original.Segments), len(k.lines), f.Lost)
	}
	if len(f.Gaps) != 1 || f.Gaps[0] != (Gap{Track: TrackAll, From: k.lines[0].From, To: last.To, Cause: CauseDamaged}) {
		t.Errorf("gaps %+v", f.Gaps)
	}
	if left, err := Unkept(dir); err != nil || len(left) != len(k.lines) {
		t.Errorf("left %v, %v", left, err)
	}
}
