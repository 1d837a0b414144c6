// Package feedback writes transport-wide congestion control feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01): which packets of a
// connection arrived, and when. It is pure and allocates nothing for a packet.
package feedback

import (
	"encoding/binary"
	"time"
)

const (
	window      = 1024 // packets that are remembered; a power of two
	maxStatuses = 400  // packets that one feedback tells of: it stays below 1000 bytes
	tick        = 250 * time.Microsecond
	vectorOne   = 14 // packets of a chunk with a bit for each
	vectorTwo   = 7  // packets of a chunk with two bits for each
)

// The statuses of a packet (section 3.1.1).
const (
	missing = iota
	small   // arrived, 0 to 63.75 ms after the packet before
	large   // arrived, up to 8.2 s before or after it
)

// Recorder holds the arrivals of one connection until they were told. It is
// not safe for concurrent use; its zero value is ready.
type Recorder struct {
	started  bool
	next     int64 // the first packet that no feedback told of
	highest  int64 // that arrived
	here     [window / 64]uint64
	ticks    [window]uint32 // of 250 µs; the 24 bits of a reference time are the upper ones
	count    uint8          // of feedbacks
	statuses [maxStatuses]uint8
}

// Record takes the transport-wide number of a packet and the time of its
// arrival on any clock that does not go back. A packet that comes after it was
// told to be missing is told again, with what followed it, as libwebrtc does;
// one that comes later than the window is forgotten.
func (r *Recorder) Record(seq uint16, at time.Duration) {
	if !r.started {
		r.started, r.next, r.highest = true, int64(seq), int64(seq)-1
	}
	n := r.highest + int64(int16(seq-uint16(r.highest)))
	switch {
	case n > r.highest:
		for i := max(r.highest+1, n-window+1); i < n; i++ {
			r.mark(i, false)
		}
		r.highest = n
		r.next = max(r.next, n-window+1)
	case n <= r.highest-window || r.has(n):
		return
	default:
		r.next = min(r.next, n)
	}
	r.mark(n, true)
	r.ticks[n&(window-1)] = uint32(at / tick)
}

func (r *Recorder) mark(n int64, here bool) {
	word, bit := &r.here[(n&(window-1))>>6], uint64(1)<<(n&63)
	*word &^= bit
	if here {
		*word |= bit
	}
}

func (r *Recorder) has(n int64) bool { return r.here[(n&(window-1))>>6]>>(n&63)&1 == 1 }

// Append adds to b one RTCP packet about what no feedback told of yet, and
// nothing when there is nothing to tell. It is to be called until it adds
// nothing: a packet tells of 400 at most. sender and media are the SSRCs of its head.
func (r *Recorder) Append(b []byte, sender, media uint32) []byte {
	if !r.started || r.next > r.highest {
		return b
	}
	first := r.next
	for !r.has(first) { // the highest is here
		first++
	}
	begin := max(r.next, first-maxStatuses+1)
	reference := r.ticks[first&(window-1)] >> 8
	n := r.judge(begin, reference)
	start := len(b)
	b = append(b, 0x8f, 205, 0, 0)
	b = binary.BigEndian.AppendUint32(b, sender)
	b = binary.BigEndian.AppendUint32(b, media)
	b = binary.BigEndian.AppendUint16(b, uint16(begin))
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = binary.BigEndian.AppendUint32(b, reference<<8|uint32(r.count))
	b = appendChunks(b, r.statuses[:n])
	b = r.appendDeltas(b, begin, reference<<8, r.statuses[:n])
	if odd := (len(b) - start) % 4; odd != 0 {
		b[start] |= 0x20
		b = append(b, 0, 0, 0)[:len(b)+4-odd]
		b[len(b)-1] = byte(4 - odd)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	r.count++
	r.next = begin + int64(n)
	return b
}

// judge finds the statuses of the packets from begin on, as many as one
// feedback holds, and tells how many; the last of them is here.
func (r *Recorder) judge(begin int64, reference uint32) (n int) {
	before := reference << 8
	for i := range min(int(r.highest-begin)+1, maxStatuses) {
		r.statuses[i] = missing
		if !r.has(begin + int64(i)) {
			continue
		}
		now := r.ticks[(begin+int64(i))&(window-1)]
		switch d := int32(now - before); {
		case d >= 0 && d <= 0xff:
			r.statuses[i] = small
		case int32(int16(d)) == d:
			r.statuses[i] = large
		default:
			return n // another reference time is needed
		}
		before, n = now, i+1
	}
	return n
}

func (r *Recorder) appendDeltas(b []byte, begin int64, before uint32, statuses []uint8) []byte {
	for i, s := range statuses {
		if s == missing {
			continue
		}
		now := r.ticks[(begin+int64(i))&(window-1)]
		if s == small {
			b = append(b, byte(now-before))
		} else {
			b = binary.BigEndian.AppendUint16(b, uint16(now-before))
		}
		before = now
	}
	return b
}

// appendChunks writes the statuses as runs where that is shorter, else as vectors (section 3.1.2 to 3.1.4).
func appendChunks(b []byte, statuses []uint8) []byte {
	for len(statuses) > 0 {
		run, plain := leading(statuses)
		var chunk uint16
		n := 0
		switch {
		case plain >= vectorOne && run < vectorOne || plain == len(statuses) && run < plain:
			n = min(vectorOne, plain)
			chunk = 1 << 15
			for i, s := range statuses[:n] {
				chunk |= uint16(s) << (vectorOne - 1 - i)
			}
		case run >= vectorTwo || run == len(statuses):
			n = run // 13 bits hold maxStatuses
			chunk = uint16(statuses[0])<<13 | uint16(n)
		default:
			n = min(vectorTwo, len(statuses))
			chunk = 3 << 14
			for i, s := range statuses[:n] {
				chunk |= uint16(s) << (2 * (vectorTwo - 1 - i))
			}
		}
		b = binary.BigEndian.AppendUint16(b, chunk)
		statuses = statuses[n:]
	}
	return b
}

// leading counts the statuses that are the same as the first, and those before the first large one.
func leading(statuses []uint8) (run, plain int) {
	for run < len(statuses) && statuses[run] == statuses[0] {
		run++
	}
	for plain < len(statuses) && plain < vectorOne && statuses[plain] != large {
		plain++
	}
	return run, plain
}
