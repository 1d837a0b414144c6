package record

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A segment is a file NNNNNN.seg: the magic, then records of
//
//	length of what follows the checksum (4 bytes), CRC-32C of that (4),
//	kind (1), track (2), time in unix nanoseconds (8), data
//
// all big-endian. A closed segment has a line in segments.jsonl, whose lines
// are chained: each holds the SHA-256 of the line before. A segment without a
// line was open at a crash; its records count up to the first bad checksum.
const (
	magic        = "yunting segment 1\n"
	openSegments = "segments.jsonl"
	linkFile     = "previous" // what the list's first line goes on from
	segmentBytes = 16 << 20
	recordHead   = 8
	recordBody   = 11
	maxRecord    = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is one entry of a segment.
type record struct {
	kind  byte
	track uint16
	at    time.Time
	data  []byte
}

// encode appends the record as it stands in a segment.
func (r record) encode(b []byte) []byte {
	from := len(b)
	b = append(b, make([]byte, recordHead)...)
	b = append(b, r.kind)
	b = binary.BigEndian.AppendUint16(b, r.track)
	b = binary.BigEndian.AppendUint64(b, uint64(r.at.UnixNano()))
	b = append(b, r.data...)
	body := b[from+recordHead:]
	binary.BigEndian.PutUint32(b[from:], uint32(len(body)))
	binary.BigEndian.PutUint32(b[from+4:], crc32.Checksum(body, castagnoli))
	return b
}

// Segment is a line of the segment list.
type Segment struct {
	Number      int       `json:"number"`
	Participant string    `json:"participant"`
	File        string    `json:"file"`
	Size        int64     `json:"size"`
	SHA256      string    `json:"sha256"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	// Previous is the SHA-256 of the line before. The first line's is that of a
	// line of the participant's earlier part, or empty.
	Previous string `json:"previous"`

	// Lost says that the bytes are gone: with the machine that held them, or,
	// where Damaged says so, by a defect of the disk. Neither is part of the line,
	// which was written before that.
	Lost    bool `json:"-"`
	Damaged bool `json:"-"`
}

// Line is the segment's line in the list, without its end: the bytes that the
// next line's Previous is the SHA-256 of.
func (s Segment) Line() []byte {
	b, err := json.Marshal(s)
	if err != nil { // a struct of strings, numbers and times
		panic(err)
	}
	return b
}

// Chain is the SHA-256 of Line in hexadecimal digits: the next segment's
// Previous.
func (s Segment) Chain() string { return lineHash(s.Line()) }

// SegmentFile is the name of a segment's file in its list.
func SegmentFile(number int) string { return fmt.Sprintf("%06d.seg", number) }

// segmentWriter appends to one open segment.
type segmentWriter struct {
	line  Segment
	file  file
	buf   *bufio.Writer
	sum   hash.Hash
	dirty bool
}

// createSegment opens a participant's segment with a number that no other has.
func createSegment(d disk, dir, peer string, number int, at time.Time) (*segmentWriter, error) {
	name := SegmentFile(number)
	f, err := d.Open(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	s := &segmentWriter{file: f, sum: sha256.New(),
		line: Segment{Number: number, Participant: peer, File: name, From: at.UTC(), To: at.UTC()}}
	s.buf = bufio.NewWriterSize(io.MultiWriter(f, s.sum), 256<<10)
	if err := errors.Join(s.put([]byte(magic)), d.SyncDir(dir)); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

func (s *segmentWriter) put(b []byte) error {
	n, err := s.buf.Write(b)
	s.line.Size += int64(n)
	s.dirty = true
	return err
}

// append appends a record, encoded, of what happened at a time.
func (s *segmentWriter) append(encoded []byte, at time.Time) error {
	if len(encoded) > recordHead+maxRecord {
		return fmt.Errorf("record of %d bytes", len(encoded))
	}
	if at.After(s.line.To) {
		s.line.To = at.UTC()
	}
	return s.put(encoded)
}

// age is how long the segment has been open.
func (s *segmentWriter) age(now time.Time) time.Duration { return now.Sub(s.line.From) }

// begin writes what is buffered and has the disk begin with it, where it can, so
// that flush waits for less. A fault is told by flush.
func (s *segmentWriter) begin() {
	if s.buf.Flush() != nil {
		return
	}
	if f, ok := s.file.(interface{ begin() }); ok {
		f.begin()
	}
}

// flush makes durable what was written.
func (s *segmentWriter) flush() error {
	if !s.dirty {
		return nil
	}
	s.dirty = false
	if err := s.buf.Flush(); err != nil {
		return err
	}
	return s.file.Sync()
}

// close makes the segment durable and gives its line, still without a chain.
func (s *segmentWriter) close() (Segment, error) {
	if err := errors.Join(s.flush(), s.file.Close()); err != nil {
		return Segment{}, err
	}
	s.line.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	return s.line, nil
}

// abandon closes the file after a fault; its good records count as those of a
// segment that was open at a crash.
func (s *segmentWriter) abandon() { _ = s.file.Close() }

// segmentList is the chained list of a participant's segments.
type segmentList struct {
	file file
	end  int64
	last string // SHA-256 of the last line
	torn bool   // behind end there may be a line that counts for nothing
}

// openList opens the list of a directory, or begins it. Half a line that a
// crash left behind is cut off.
func openList(d disk, dir string) (*segmentList, error) {
	path := filepath.Join(dir, openSegments)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := d.Open(path, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	link, err := readLink(dir)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &segmentList{file: f, last: link, end: int64(bytes.LastIndexByte(b, '\n') + 1)}
	if lines := splitLines(b); len(lines) > 0 {
		l.last = lineHash(lines[len(lines)-1])
	}
	err = d.SyncDir(dir)
	if l.end < int64(len(b)) {
		err = errors.Join(err, f.Truncate(l.end))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// keepLink notes durably what the list goes on from: a crash before its first
// line must not lose that. The caller syncs the directory.
func keepLink(d disk, dir, link string) error {
	if link == "" {
		return nil
	}
	f, err := d.Open(filepath.Join(dir, linkFile), os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(link))
	return errors.Join(err, f.Sync(), f.Close())
}

func readLink(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, linkFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// add chains a line to the list and makes it durable.
func (l *segmentList) add(line Segment) (Segment, error) {
	if err := l.mend(); err != nil {
		return line, err
	}
	line.Previous = l.last
	text := append(line.Line(), '\n')
	l.torn = true
	_, err := l.file.Write(text)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return line, errors.Join(err, l.mend())
	}
	l.torn = false
	l.end += int64(len(text))
	l.last = line.Chain()
	return line, nil
}

// mend cuts off what a fault left of a line. A disk that refuses that too is
// asked again before the next line, which must not be glued to half of one.
func (l *segmentList) mend() error {
	if !l.torn {
		return nil
	}
	if err := l.file.Truncate(l.end); err != nil {
		return err
	}
	l.torn = false
	return nil
}

func lineHash(line []byte) string {
	h := sha256.Sum256(line)
	return hex.EncodeToString(h[:])
}

// errBadRecord ends the reading of a segment that was cut off.
var errBadRecord = errors.New("record: bad record")

// readSegment calls f for each record up to the end or the first bad record,
// which is errBadRecord. Data is valid only during the call.
func readSegment(r io.Reader, f func(record) error) error {
	br := bufio.NewReaderSize(r, 256<<10)
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(br, head); err != nil || string(head) != magic {
		return errBadRecord
	}
	var h [recordHead]byte
	buf := make([]byte, maxRecord)
	for {
		if _, err := io.ReadFull(br, h[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return errBadRecord
		}
		n := binary.BigEndian.Uint32(h[:])
		if n < recordBody || n > maxRecord {
			return errBadRecord
		}
		b := buf[:n]
		if _, err := io.ReadFull(br, b); err != nil {
			return errBadRecord
		}
		if crc32.Checksum(b, castagnoli) != binary.BigEndian.Uint32(h[4:]) {
			return errBadRecord
		}
		err := f(record{kind: b[0], track: binary.BigEndian.Uint16(b[1:]),
			at: time.Unix(0, int64(binary.BigEndian.Uint64(b[3:]))), data: b[recordBody:]})
		if err != nil {
			return err
		}
	}
}
