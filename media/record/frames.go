package record

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	mathbits "math/bits"
	"os"
)

// FrameSum is what one track of a finished file must hold: the frames that
// were put together from the segments' packets, and nothing else. SHA256 runs
// over each frame's length (8 bytes, big-endian) and bytes, in order.
type FrameSum struct {
	Track  uint64 `json:"track"` // Matroska track number
	Source string `json:"source"`
	Frames int    `json:"frames"`
	SHA256 string `json:"sha256"`
}

// frameSummer adds frames up; the zero value is ready.
type frameSummer struct {
	n   int
	sum hash.Hash
}

func (s *frameSummer) begin(size int64) {
	if s.sum == nil {
		s.sum = sha256.New()
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(size))
	s.sum.Write(b[:])
	s.n++
}

func (s *frameSummer) add(frame []byte) {
	s.begin(int64(len(frame)))
	s.sum.Write(frame)
}

func (s *frameSummer) hex() string {
	if s.sum == nil {
		return ""
	}
	return hex.EncodeToString(s.sum.Sum(nil))
}

// checkFrames reads the written file again and compares every track's frames
// with those that were made of the segments.
func (r *reel) checkFrames() ([]FrameSum, error) {
	f, err := os.Open(r.path)
	if err != nil {
		return nil, err
	}
	found, err := readFrames(bufio.NewReaderSize(f, 256<<10))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read again: %w", err)
	}
	var out []FrameSum
	for _, o := range r.outputs {
		n := o.entry.TrackNumber
		got := found[n]
		if got == nil {
			got = &frameSummer{}
		}
		if got.n != o.sum.n || got.hex() != o.sum.hex() {
			return nil, fmt.Errorf("track %d holds %d frames that are not the %d of the segments", n, got.n, o.sum.n)
		}
		out = append(out, FrameSum{Track: n, Source: o.source, Frames: got.n, SHA256: got.hex()})
	}
	return out, nil
}

// The elements of a Matroska file (RFC 9559) that hold frames, or hold those.
const (
	elementSegment     = 0x18538067
	elementCluster     = 0x1F43B675
	elementBlockGroup  = 0xA0
	elementBlock       = 0xA1
	elementSimpleBlock = 0xA3
)

const unknownSize = -1

// readFrames sums the frames of a Matroska file by track. Lacing, which this
// muxer never writes, is an error.
func readFrames(r *bufio.Reader) (map[uint64]*frameSummer, error) {
	out := map[uint64]*frameSummer{}
	for {
		id, _, err := vint(r, false)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		size, _, err := vint(r, true)
		if err != nil {
			return nil, err
		}
		switch id {
		case elementSegment, elementCluster, elementBlockGroup: // their children follow
		case elementBlock, elementSimpleBlock:
			if err := readBlock(r, size, out); err != nil {
				return nil, err
			}
		default:
			if size == unknownSize {
				return nil, fmt.Errorf("element %x has no size", id)
			}
			if _, err := io.CopyN(io.Discard, r, size); err != nil {
				return nil, err
			}
		}
	}
}

func readBlock(r *bufio.Reader, size int64, out map[uint64]*frameSummer) error {
	track, n, err := vint(r, true)
	if err != nil {
		return err
	}
	var head [3]byte // time in the cluster, flags
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size -= int64(n + len(head))
	if size < 0 || head[2]&0x06 != 0 {
		return fmt.Errorf("block of track %d is laced or has no frame", track)
	}
	s := out[uint64(track)]
	if s == nil {
		s = &frameSummer{}
		out[uint64(track)] = s
	}
	s.begin(size)
	_, err = io.CopyN(s.sum, r, size)
	return err
}

// vint reads an EBML variable-size integer (RFC 8794 section 4) and how many
// bytes it took; unmarked drops the length marker, as in sizes and track
// numbers, and gives unknownSize when all bits are ones.
func vint(r *bufio.Reader, unmarked bool) (v int64, n int, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	n = mathbits.LeadingZeros8(first) + 1
	if n > 8 {
		return 0, 0, errors.New("bad variable-size integer")
	}
	v = int64(first)
	if unmarked {
		v &= 1<<(8-n) - 1
	}
	for range n - 1 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, io.ErrUnexpectedEOF
		}
		v = v<<8 | int64(b)
	}
	if unmarked && v == 1<<(7*n)-1 {
		v = unknownSize
	}
	return v, n, nil
}
