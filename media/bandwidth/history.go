package bandwidth

import (
	"sync/atomic"
	"time"
)

const ringSize = 2048 // packets remembered: 1 s at 20 Mbps

// history remembers what was sent, in a ring of one word a packet, so that
// several goroutines may send on one connection without a lock.
// A word holds the sequence number (16 bits), the size (12) and the time (36, µs).
type history struct {
	start time.Time
	next  atomic.Uint32
	bytes atomic.Uint64 // of packets without numbers
	slots [ringSize]atomic.Uint64
}

const timeMask = 1<<36 - 1

// micros is t since the start, µs.
func (h *history) micros(t time.Time) int64 { return t.Sub(h.start).Microseconds() }

func (h *history) add(size int, at int64) uint16 {
	seq := uint16(h.next.Add(1))
	size = min(max(size, 1), 0xfff)
	h.slots[seq%ringSize].Store(uint64(seq)<<48 | uint64(size)<<36 | uint64(at)&timeMask)
	return seq
}

// get finds a sent packet, unless it is forgotten; now helps over the wrap of
// the time, which comes after 19 hours.
func (h *history) get(seq uint16, now int64) (at int64, size int, ok bool) {
	w := h.slots[seq%ringSize].Load()
	size = int(w >> 36 & 0xfff)
	if uint16(w>>48) != seq || size == 0 {
		return 0, 0, false
	}
	return now - (now-int64(w&timeMask))&timeMask, size, true
}

// fates remembers what became of the packets of the ring, so that a packet
// reported twice counts once. Each byte holds the sequence number's upper
// five bits and the fate.
type fates [ringSize]uint8

const (
	fateUnknown = iota
	fateLost
	fateArrived
)

func (f *fates) get(seq uint16) uint8 {
	if v := f[seq%ringSize]; v>>3 == uint8(seq>>11) {
		return v & 7
	}
	return fateUnknown
}

func (f *fates) set(seq uint16, fate uint8) { f[seq%ringSize] = uint8(seq>>11)<<3 | fate }
