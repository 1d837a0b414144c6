package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lostFile names, in a restored directory, the segments whose bytes are gone.
const lostFile = "lost.json"

// ErrGone is what the fetch of Restore answers for a segment whose bytes nobody
// kept.
var ErrGone = errors.New("record: segment is gone")

// SegmentPath is where a recording in dir keeps a segment.
func SegmentPath(dir string, s Segment) string {
	return filepath.Join(dir, peerDir(s.Participant), filepath.Base(s.File))
}

// Restore lays out again the directory of a recording that was lost with its
// machine: lines are the segments that were entered, in the order of each
// participant's list, and fetch gives their bytes. Recover then makes the files.
// A segment that is gone, or no longer has its hash, is lost: it stays in the
// list, and the file that plays lists a gap. A participant whose list is there
// is left alone, so that a restore that was cut short goes on.
func Restore(dir string, lines []Segment, fetch func(Segment) (io.ReadCloser, error)) error {
	if err := MakeDir(dir); err != nil {
		return fmt.Errorf("record: restore: %w", err)
	}
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n].Participant == lines[0].Participant {
			n++
		}
		if err := restoreParticipant(dir, lines[:n], fetch); err != nil {
			return fmt.Errorf("record: restore: %w", err)
		}
		lines = lines[n:]
	}
	return nil
}

func restoreParticipant(dir string, lines []Segment, fetch func(Segment) (io.ReadCloser, error)) error {
	own := filepath.Join(dir, peerDir(lines[0].Participant))
	if _, err := os.Stat(filepath.Join(own, openSegments)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := CheckList(lines); err != nil {
		return err
	}
	if err := MakeDir(own); err != nil {
		return err
	}
	lost, list := []int{}, []byte(nil)
	for _, l := range lines {
		list = append(append(list, l.Line()...), '\n')
		err := restoreSegment(SegmentPath(dir, l), l, fetch)
		if errors.Is(err, ErrGone) {
			lost = append(lost, l.Number)
			continue
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", l.Number, err)
		}
	}
	note, err := json.Marshal(lost)
	if err != nil {
		return err
	}
	// The list comes last: with it the directory is whole.
	return errors.Join(writeDurably(filepath.Join(own, lostFile), note), writeDurably(filepath.Join(own, openSegments), list))
}

func restoreSegment(path string, line Segment, fetch func(Segment) (io.ReadCloser, error)) error {
	r, err := fetch(line)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(r, line.Size+1))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if n != line.Size || hex.EncodeToString(sum.Sum(nil)) != line.SHA256 {
		return errors.Join(fmt.Errorf("%w: what was kept is not what was recorded", ErrGone), os.Remove(path))
	}
	return nil
}

// readLost gives the numbers of the segments that Restore could not bring back.
func readLost(dir string) (map[int]bool, error) {
	b, err := os.ReadFile(filepath.Join(dir, lostFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	if err := json.Unmarshal(b, &numbers); err != nil {
		return nil, fmt.Errorf("%s: %w", lostFile, err)
	}
	lost := map[int]bool{}
	for _, n := range numbers {
		lost[n] = true
	}
	return lost, nil
}

// lose learns of a segment whose bytes are gone.
func (s *story) lose(l Segment) {
	gone := span{from: l.From.UnixNano(), to: l.To.UnixNano(), cause: CauseLost}
	if l.Damaged {
		gone.cause = CauseDamaged
	} else {
		s.lost = append(s.lost, l.Number)
	}
	s.last = max(s.last, gone.to)
	if n := len(s.known); n > 0 && s.known[n-1].cause == gone.cause && gone.from-s.known[n-1].to < minGap {
		s.known[n-1].to = gone.to
	} else {
		s.known = append(s.known, gone)
	}
	if len(s.files) == 0 {
		if s.head.to == 0 {
			s.head = gone
		}
		s.head.to = gone.to
	}
}
