package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// MendLists puts right in dir, the directory of a recording that nobody writes
// any more, the segment lists that the disk damaged: that are gone, are no chain
// or miss a line of entered. These are the lines that were entered elsewhere, in
// the order of each participant's list. A damaged list is set aside as a Defect
// of number 0, and the entered lines take its place, as far as they are chained;
// segments that are in neither are listed by Recover from what the disk has of
// them. It tells how many lists it found damaged.
func MendLists(dir string, entered []Segment) (damaged int, err error) {
	of := map[string][]Segment{} // by the participant's directory
	for _, l := range entered {
		own := filepath.Join(dir, peerDir(l.Participant))
		of[own] = append(of[own], l)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	if err != nil {
		return 0, fmt.Errorf("record: mend lists: %w", err)
	}
	for _, path := range found {
		own := filepath.Dir(path)
		of[own] = of[own][:len(of[own]):len(of[own])] // those without an entered line too
	}
	for own, lines := range of {
		mended, err := mendList(own, lines)
		if err != nil {
			return damaged, fmt.Errorf("record: mend list of %s: %w", filepath.Base(own), err)
		}
		if mended {
			damaged++
		}
	}
	return damaged, nil
}

// mendList puts one participant's list right and reports whether it was damaged.
// Each step can be done again after a crash.
func mendList(own string, entered []Segment) (bool, error) {
	if _, err := os.Stat(filepath.Join(own, finishedFile)); !errors.Is(err, fs.ErrNotExist) {
		return false, err // its list is in its original
	}
	if err := MakeDir(own); err != nil {
		return false, err
	}
	lines, err := readLines(own)
	if err == nil && holds(lines, entered) {
		return false, nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !unreadable(err) {
		return false, err
	}
	if err := setListAside(own); err != nil {
		return false, err
	}
	var list []byte
	for i, l := range entered {
		if CheckList(entered[:i+1]) != nil {
			break
		}
		list = append(append(list, l.Line()...), '\n')
	}
	return true, writeDurably(filepath.Join(own, openSegments), list)
}

// holds reports whether each entered line is one of lines.
func holds(lines, entered []Segment) bool {
	listed := map[string]bool{}
	for _, l := range lines {
		listed[l.Chain()] = true
	}
	return !slices.ContainsFunc(entered, func(l Segment) bool { return !listed[l.Chain()] })
}

// setListAside keeps what the disk has of a damaged list and notes the defect
// before another list takes its place.
func setListAside(own string) error {
	defects, err := readDefects(own)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(defects, func(d Defect) bool { return d.Number == 0 }) {
		return nil // what was found first is kept
	}
	path := filepath.Join(own, openSegments)
	err = os.Rename(path, path+damagedSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d, err := defectOf(own, Segment{File: openSegments})
	if err == nil && d.Path != "" && d.Size == 0 { // nothing is left of it
		err = os.Remove(d.Path)
		d = Defect{}
	}
	if err != nil {
		return err
	}
	return noteDefects(own, append(defects, d))
}
