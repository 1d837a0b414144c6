package record

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestMendLists damages the list in every way: the very same file is made of the lines that were entered, though the last
// two were not, and what is left of the list is kept.
func TestMendLists(t *testing.T) {
	k := keepAll(t)
	for name, damage := range map[string]func([][]byte) []byte{
		"truncated":   func(l [][]byte) []byte { return append(joinLines(l[:2]), l[2][:40]...) },
		"bit flipped": func(l [][]byte) []byte { l[1][30] ^= 1; return joinLines(l) },
		"emptied":     func([][]byte) []byte { return []byte{} },
		"removed":     func([][]byte) []byte { return nil },
		"swapped":     func(l [][]byte) []byte { l[1], l[2] = l[2], l[1]; return joinLines(l) },
		"line gone":   func(l [][]byte) []byte { return joinLines(slices.Delete(l, 1, 2)) },
		"first gone":  func(l [][]byte) []byte { return joinLines(l[1:]) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, Restore(dir, k.lines, k.fetch))
			own := filepath.Dir(SegmentPath(dir, k.lines[0]))
			list := filepath.Join(own, openSegments)
			sound, err := os.ReadFile(list)
			must(t, err)
			left := damage(splitLines(bytes.Clone(sound)))
			must(t, os.Remove(list))
			if left != nil {
				must(t, os.WriteFile(list, left, 0o600))
			}
			for again, want := range []int{1, 0} {
				if n, err := MendLists(dir, k.lines[:len(k.lines)-2]); err != nil || n != want {
					t.Fatalf("mending %d: %d damaged, want %d, %v", again, n, want, err)
				}
			}
			f := recovered(t, dir)
			if f.SHA256 != k.whole.SHA256 || f.Original.SHA256 != k.whole.Original.SHA256 || len(f.Lost) > 0 {
				t.Errorf("made %x, lost %v; recorded %x", f.SHA256, f.Lost, k.whole.SHA256)
			}
			must(t, CheckList(f.Original.Segments))
			if len(f.Defects) != 1 || f.Defects[0].Number != 0 {
				t.Fatalf("defects %+v", f.Defects)
			}
			if len(left) == 0 {
				if f.Defects[0].Path != "" {
					t.Errorf("kept %+v of nothing", f.Defects[0])
				}
				return
			}
			if kept, err := os.ReadFile(f.Defects[0].Path); err != nil || !bytes.Equal(kept, left) {
				t.Errorf("what is left of the list is not kept: %v", err)
			}
		})
	}
}

// TestMendListsLeavesSound: a list with more lines than were entered, and half of one that a crash cut off, is sound.
func TestMendListsLeavesSound(t *testing.T) {
	k := keepAll(t)
	dir := t.TempDir()
	must(t, Restore(dir, k.lines, k.fetch))
	list := filepath.Join(filepath.Dir(SegmentPath(dir, k.lines[0])), openSegments)
	f, err := os.OpenFile(list, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"number":9`)
	must(t, errors.Join(err, f.Close()))
	if n, err := MendLists(dir, k.lines[:2]); err != nil || n != 0 {
		t.Fatalf("%d damaged, %v", n, err)
	}
	if f := recovered(t, dir); f.SHA256 != k.whole.SHA256 || len(f.Defects) > 0 {
		t.Errorf("made %x, defects %v; recorded %x", f.SHA256, f.Defects, k.whole.SHA256)
	}
}

// TestMendListsMissingLines: where a line is missing elsewhere too, what is behind it is listed again from the disk, and
// nothing of what was recorded is left out.
func TestMendListsMissingLines(t *testing.T) {
	k := keepAll(t)
	dir := t.TempDir()
	must(t, Restore(dir, k.lines, k.fetch))
	list := filepath.Join(filepath.Dir(SegmentPath(dir, k.lines[0])), openSegments)
	must(t, os.Remove(list))
	if n, err := MendLists(dir, slices.Delete(slices.Clone(k.lines), 2, 3)); err != nil || n != 1 {
		t.Fatalf("%d damaged, %v", n, err)
	}
	lines, err := readLines(filepath.Dir(list))
	if err != nil || len(lines) != 2 {
		t.Errorf("%d lines before the missing one, %v", len(lines), err)
	}
	f := recovered(t, dir)
	if f.SHA256 != k.whole.SHA256 || len(f.Original.Segments) != len(k.lines) {
		t.Errorf("made %x of %d segments; recorded %x of %d", f.SHA256, len(f.Original.Segments), k.whole.SHA256, len(k.lines))
	}
	// The line of a segment follows from the segment and the line before: the chain is what it was.
	if !slices.Equal(f.Original.Segments, k.lines) {
		t.Errorf("listed again %+v, recorded %+v", f.Original.Segments, k.lines)
	}
	if _, err := os.Stat(list + damagedSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left of a list that was removed: %v", err)
	}
}

func joinLines(lines [][]byte) []byte { return append(bytes.Join(lines, []byte("\n")), '\n') }
