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
	magic         = "yunting segment 1\n"
	openSegments  = "segments.jsonl"
	segmentLength = 4 * time.Second
	segmentBytes  = 16 << 20
	recordHead    = 8
	recordBody    = 11
	maxRecord     = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is one entry of a segment.
type record struct {
	kind  byte
	track uint16
	at    time.Time
	data  []byte
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
	Previous    string    `json:"previous"` // SHA-256 of the line before, or empty
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
	dir   string
	line  Segment
	file  *os.File
	buf   *bufio.Writer
	sum   hash.Hash
	dirty bool
	head  [recordHead + recordBody]byte
}

// createSegment opens the next segment of a participant's directory.
func createSegment(dir, peer string, at time.Time) (*segmentWriter, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	last, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		return nil, err
	}
	list, err := os.OpenFile(filepath.Join(dir, openSegments), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := list.Close(); err != nil {
		return nil, err
	}
	n := 1
	if len(last) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(last[len(last)-1]), "%d.seg", &n); err != nil {
			return nil, fmt.Errorf("segment name: %w", err)
		}
		n++
	}
	name := SegmentFile(n)
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s := &segmentWriter{dir: dir, file: f, sum: sha256.New(),
		line: Segment{Number: n, Participant: peer, File: name, From: at.UTC(), To: at.UTC()}}
	s.buf = bufio.NewWriterSize(io.MultiWriter(f, s.sum), 256<<10)
	if err := errors.Join(s.put([]byte(magic)), syncDir(dir)); err != nil {
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

func (s *segmentWriter) append(r record) error {
	if len(r.data)+recordBody > maxRecord {
		return fmt.Errorf("record of %d bytes", len(r.data))
	}
	h := s.head[:]
	binary.BigEndian.PutUint32(h, uint32(recordBody+len(r.data)))
	h[8] = r.kind
	binary.BigEndian.PutUint16(h[9:], r.track)
	binary.BigEndian.PutUint64(h[11:], uint64(r.at.UnixNano()))
	crc := crc32.Update(crc32.Checksum(h[8:], castagnoli), castagnoli, r.data)
	binary.BigEndian.PutUint32(h[4:], crc)
	if r.at.After(s.line.To) {
		s.line.To = r.at.UTC()
	}
	if err := s.put(h); err != nil {
		return err
	}
	return s.put(r.data)
}

// full tells whether the segment is to be closed.
func (s *segmentWriter) full(now time.Time) bool {
	return now.Sub(s.line.From) >= segmentLength || s.line.Size >= segmentBytes
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

// close makes the segment durable and enters it in the list.
func (s *segmentWriter) close() (Segment, error) {
	if err := s.flush(); err != nil {
		s.abandon()
		return Segment{}, err
	}
	if err := s.file.Close(); err != nil {
		return Segment{}, err
	}
	s.line.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	return appendList(s.dir, s.line)
}

// abandon closes the file after a fault; its good records count as those of a
// segment that was open at a crash.
func (s *segmentWriter) abandon() { _ = s.file.Close() }

// appendList chains a line to the segment list and makes it durable.
func appendList(dir string, line Segment) (Segment, error) {
	f, err := os.OpenFile(filepath.Join(dir, openSegments), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return line, err
	}
	last, end, err := lastLine(f)
	if err != nil {
		return line, errors.Join(err, f.Close())
	}
	if last != nil {
		line.Previous = lineHash(last)
	}
	_, err = f.WriteAt(append(line.Line(), '\n'), end)
	return line, errors.Join(err, f.Sync(), f.Close())
}

// lastLine finds the last whole line of the list and where the next begins. A
// crash may have left half a line behind: it is cut off.
func lastLine(f *os.File) (line []byte, end int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return nil, 0, err
	}
	tail := make([]byte, min(size, 16<<10))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return nil, 0, err
	}
	cut := bytes.LastIndexByte(tail, '\n')
	if cut < 0 {
		return nil, 0, f.Truncate(0)
	}
	end = size - int64(len(tail)) + int64(cut) + 1
	if end < size {
		err = f.Truncate(end)
	}
	tail = tail[:cut]
	return tail[bytes.LastIndexByte(tail, '\n')+1:], end, err
}

func lineHash(line []byte) string {
	h := sha256.Sum256(line)
	return hex.EncodeToString(h[:])
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
