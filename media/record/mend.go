package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	damagedFile   = "damaged.json" // the defects of a participant's directory
	damagedSuffix = ".damaged"     // of a segment's file that is not what was recorded
)

// Defect is a closed segment that the disk no longer has as it was recorded and
// of which nobody kept a copy, or a list of segments that it no longer has so. What
// the disk has of it is kept.
type Defect struct {
	Number int      // of the segment; 0 is the list
	Path   string   // of what is left; empty when nothing is, or it cannot be read
	SHA256 [32]byte // of what is left
	Size   int64    // likewise
}

// Mend puts right in dir, a recording's directory, what Recover told as
// ErrDamaged. A closed segment that is not what its list says is replaced by the
// copy that fetch gives. One without a copy, or whose copy does not have its
// hash either, is a defect: it stays in the list, and the file that plays lists
// a gap. Recover then makes the files. Mend tells how many defects it found; an
// error of fetch but ErrGone ends it, to be tried again.
func Mend(dir string, fetch func(Segment) (io.ReadCloser, error)) (defects int, err error) {
	lists, err := filepath.Glob(filepath.Join(dir, "*", openSegments))
	if err != nil {
		return 0, fmt.Errorf("record: mend: %w", err)
	}
	for _, l := range lists {
		n, err := mendParticipant(filepath.Dir(l), fetch)
		if err != nil {
			return defects, fmt.Errorf("record: mend: %w", err)
		}
		defects += n
	}
	return defects, nil
}

func mendParticipant(dir string, fetch func(Segment) (io.ReadCloser, error)) (int, error) {
	if _, err := os.Stat(filepath.Join(dir, finishedFile)); !errors.Is(err, fs.ErrNotExist) {
		return 0, err // its segments are in its original
	}
	lines, err := readLines(dir)
	if err != nil {
		return 0, err
	}
	defects, err := readDefects(dir)
	if err != nil {
		return 0, err
	}
	known := len(defects)
	for _, l := range lines {
		if l.Lost {
			continue
		}
		err := checkSegment(dir, l)
		if errors.Is(err, ErrDamaged) {
			err = mendSegment(dir, l, fetch)
		}
		if errors.Is(err, ErrGone) {
			var d Defect
			d, err = defectOf(dir, l)
			defects = append(defects, d)
		}
		if err != nil {
			return 0, fmt.Errorf("segment %d: %w", l.Number, err)
		}
	}
	if len(defects) == known {
		return 0, nil
	}
	return len(defects) - known, noteDefects(dir, defects)
}

// noteDefects replaces the note that readDefects reads.
func noteDefects(dir string, defects []Defect) error {
	b, err := json.Marshal(defects)
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, damagedFile), b)
}

// mendSegment sets aside what the disk has of a segment and puts the copy in its
// place. ErrGone: there is none.
func mendSegment(dir string, l Segment, fetch func(Segment) (io.ReadCloser, error)) error {
	path := filepath.Join(dir, l.File)
	aside := path + damagedSuffix
	_, err := os.Stat(aside)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(path, aside)
	} else if err == nil { // a mending that was cut short left half a copy
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := restoreSegment(path, l, fetch); err != nil {
		return errors.Join(err, SyncDir(dir))
	}
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return SyncDir(dir)
}

// defectOf describes what is left of a segment.
func defectOf(dir string, l Segment) (d Defect, err error) {
	d.Number = l.Number
	path := filepath.Join(dir, l.File+damagedSuffix)
	sum, size, err := hashFile(path)
	if unreadable(err) {
		return d, nil
	}
	d.Path, d.SHA256, d.Size = path, sum, size
	return d, err
}

// readDefects gives what Mend noted.
func readDefects(dir string) (list []Defect, err error) {
	b, err := os.ReadFile(filepath.Join(dir, damagedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", damagedFile, err)
	}
	for i := range list {
		list[i].moveTo(dir)
	}
	return list, nil
}

// moveTo says in which directory the file is.
func (d *Defect) moveTo(dir string) {
	if d.Path != "" {
		d.Path = filepath.Join(dir, filepath.Base(d.Path))
	}
}

// Unkept lists the files in dir, a recording's directory, of defects that nobody
// took over.
func Unkept(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "*", "*"+damagedSuffix))
}
