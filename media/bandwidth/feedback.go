package bandwidth

import (
	"encoding/binary"
	"errors"
)

// ErrFeedback says that a transport-wide feedback packet was malformed.
var ErrFeedback = errors.New("bandwidth: malformed transport feedback")

const (
	feedbackFixed  = 20        // header, SSRCs, base, count, reference time, feedback count
	maxStatuses    = ringSize  // packets one feedback may tell of
	referenceTick  = 64 * 1000 // µs
	deltaTick      = 250       // µs
	transportFB    = 205       // RFC 4585 section 6.1
	transportFBFmt = 15
	notReceived    = -1 << 62
)

// IsFeedback tells whether an RTCP packet is transport-wide feedback.
func IsFeedback(p []byte) bool {
	return len(p) >= 4 && p[0]>>6 == 2 && p[0]&31 == transportFBFmt && p[1] == transportFB
}

// status is what a feedback tells of one packet.
type status struct {
	seq uint16
	at  int64 // receiver's clock from the reference time, µs; notReceived
}

// feedback is a parsed feedback packet. Its slice is reused.
type feedback struct {
	reference uint32 // 24 bits, of 64 ms
	count     uint8  // of the feedbacks of this receiver
	statuses  []status
}

// parse reads one RTCP packet with its header. What it allocates is bounded
// by maxStatuses and kept for the next call. On an error f.statuses is empty.
func (f *feedback) parse(p []byte) error {
	f.statuses = f.statuses[:0]
	if len(p) < feedbackFixed || !IsFeedback(p) {
		return ErrFeedback
	}
	size := (int(binary.BigEndian.Uint16(p[2:])) + 1) * 4
	if size < feedbackFixed || size > len(p) {
		return ErrFeedback
	}
	p = p[:size]
	if p[0]&0x20 != 0 { // padding
		pad := int(p[size-1])
		if pad == 0 || pad > size-feedbackFixed {
			return ErrFeedback
		}
		p = p[:size-pad]
	}
	count := int(binary.BigEndian.Uint16(p[14:]))
	if count == 0 || count > maxStatuses {
		return ErrFeedback
	}
	f.reference = binary.BigEndian.Uint32(p[16:]) >> 8
	f.count = p[19]
	rest, err := f.chunks(p[feedbackFixed:], binary.BigEndian.Uint16(p[12:]), count)
	if err == nil {
		err = f.deltas(rest)
	}
	if err != nil {
		f.statuses = f.statuses[:0]
	}
	return err
}

// Symbols of a status chunk (section 3.1.1), kept in status.at until the
// deltas are read.
const (
	symbolLost = iota
	symbolSmall
	symbolLarge
)

func (f *feedback) chunks(p []byte, seq uint16, count int) ([]byte, error) {
	add := func(symbol uint16) {
		if len(f.statuses) < count {
			f.statuses = append(f.statuses, status{seq, int64(symbol)})
			seq++
		}
	}
	for len(f.statuses) < count {
		if len(p) < 2 {
			return nil, ErrFeedback
		}
		chunk := binary.BigEndian.Uint16(p)
		p = p[2:]
		switch {
		case chunk>>15 == 0: // run length
			n := int(chunk & 0x1fff)
			if n == 0 {
				return nil, ErrFeedback
			}
			for range min(n, count-len(f.statuses)) {
				add(chunk >> 13 & 3)
			}
		case chunk>>14&1 == 0: // 14 symbols of one bit
			for shift := 13; shift >= 0; shift-- {
				add(chunk >> shift & 1)
			}
		default: // 7 symbols of two bits
			for shift := 12; shift >= 0; shift -= 2 {
				add(chunk >> shift & 3)
			}
		}
	}
	return p, nil
}

func (f *feedback) deltas(p []byte) error {
	var at int64
	for i := range f.statuses {
		s := &f.statuses[i]
		switch s.at {
		case symbolLost:
			s.at = notReceived
			continue
		case symbolSmall:
			if len(p) < 1 {
				return ErrFeedback
			}
			at += int64(p[0]) * deltaTick
			p = p[1:]
		case symbolLarge:
			if len(p) < 2 {
				return ErrFeedback
			}
			at += int64(int16(binary.BigEndian.Uint16(p))) * deltaTick
			p = p[2:]
		default:
			return ErrFeedback
		}
		s.at = at
	}
	return nil
}
