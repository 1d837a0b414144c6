package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Original is a participant's segments, one after the other in one file: what
// arrived, as it arrived. It is the original of the evidence; the file that
// plays is made from it.
type Original struct {
	Path     string
	SHA256   [32]byte
	Size     int64
	Segments []Segment // in the file's order; their Size says where each ends, but for those that are lost
}

// OriginalSuffix is how an original's file name ends.
const OriginalSuffix = ".segments"

// pack puts a participant's segments into one durable file beside dir.
func pack(dir string, lines []Segment) (Original, error) {
	o := Original{Path: dir + OriginalSuffix, Segments: lines}
	out, err := os.OpenFile(o.Path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return o, err
	}
	sum := sha256.New()
	for _, l := range lines {
		if l.Lost {
			continue
		}
		if err := appendFile(io.MultiWriter(out, sum), filepath.Join(dir, l.File), l.Size); err != nil {
			return o, errors.Join(err, out.Close())
		}
		o.Size += l.Size
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return o, err
	}
	sum.Sum(o.SHA256[:0])
	return o, errors.Join(os.Rename(o.Path+".tmp", o.Path), SyncDir(filepath.Dir(o.Path)))
}

func appendFile(w io.Writer, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, f)
	if err == nil && n != size {
		err = fmt.Errorf("%w: %s has %d bytes, the list says %d", ErrDamaged, filepath.Base(path), n, size)
	}
	return errors.Join(err, f.Close())
}

// BadSegment says which segment of an original is not what the list says.
type BadSegment struct {
	Number int // of the segment in the list; 0 when what is wrong lies behind the last one
	Reason string
}

// Error implements error.
func (e *BadSegment) Error() string {
	if e.Number == 0 {
		return "record: " + e.Reason
	}
	return fmt.Sprintf("record: segment %d %s", e.Number, e.Reason)
}

// CheckParts checks that the parts of one participant's recording, in order,
// are linked: the first line of each is chained to a line of an earlier part,
// unless it is chained to nothing since the earlier lines could not be read when
// it began. The error is a *BadSegment.
func CheckParts(parts [][]Segment) error {
	earlier := map[string]bool{}
	for _, lines := range parts {
		if len(lines) > 0 && lines[0].Previous != "" && !earlier[lines[0].Previous] {
			return &BadSegment{lines[0].Number, "is not chained to an earlier part of the recording: that was changed, removed or moved"}
		}
		for _, l := range lines {
			earlier[l.Chain()] = true
		}
	}
	return nil
}

// CheckList checks that lines are one chain of one participant, numbered in
// order. The first may be chained to an earlier part, see CheckParts. The error
// is a *BadSegment.
func CheckList(lines []Segment) error {
	previous, last := "", 0
	if len(lines) > 0 {
		previous = lines[0].Previous
	}
	for _, l := range lines {
		switch {
		case l.Number <= last:
			return &BadSegment{l.Number, fmt.Sprintf("stands behind segment %d in the list", last)}
		case l.Previous != previous:
			return &BadSegment{l.Number, fmt.Sprintf("is not chained to segment %d: a line of the list was changed, removed or moved", last)}
		case l.Participant != lines[0].Participant:
			return &BadSegment{l.Number, "is another participant's"}
		case l.Size < 0:
			return &BadSegment{l.Number, "has no size"}
		}
		previous, last = l.Chain(), l.Number
	}
	return nil
}

// CheckOriginal compares the bytes of an original with its list and names the
// first segment that was changed, removed, moved or swapped, as a *BadSegment.
// Memory is bounded whatever r holds.
func CheckOriginal(r io.ReaderAt, size int64, lines []Segment) error {
	if err := CheckList(lines); err != nil {
		return err
	}
	at := int64(0)
	for i, l := range lines {
		if l.Lost {
			continue
		}
		sum, err := hashAt(r, at, l.Size)
		if err != nil {
			return fmt.Errorf("record: read segment %d: %w", l.Number, err)
		}
		if sum == l.SHA256 {
			at += l.Size
			continue
		}
		for j, other := range lines {
			if j == i || other.Lost {
				continue
			}
			s, err := hashAt(r, at, other.Size)
			if err != nil {
				return fmt.Errorf("record: read segment %d: %w", l.Number, err)
			}
			if s == other.SHA256 {
				return &BadSegment{l.Number, fmt.Sprintf("was removed or moved: segment %d stands in its place", other.Number)}
			}
		}
		if at+l.Size > size {
			return &BadSegment{l.Number, "is cut short or was removed"}
		}
		return &BadSegment{l.Number, "was changed: its SHA-256 is not " + l.SHA256}
	}
	if at != size {
		return &BadSegment{0, fmt.Sprintf("%d bytes were added behind the last segment", size-at)}
	}
	return nil
}

// hashAt is the SHA-256 of size bytes at an offset, in hexadecimal digits, or
// of as many as there are.
func hashAt(r io.ReaderAt, at, size int64) (string, error) {
	var h hash.Hash = sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, at, size)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
