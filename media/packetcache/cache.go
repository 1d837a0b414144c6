// Package packetcache keeps the last packets of one RTP stream for
// retransmission. One cache serves all receivers of the stream.
package packetcache

// Cache is a ring indexed by sequence number. It holds values of type T
// (pointers to the caller's buffers), so nothing is copied. It is not safe
// for concurrent use: the forwarding worker owns it.
type Cache[T any] struct {
	slots []slot[T]
	mask  uint16
	low   uint16 // nothing within a ring's length before high is held below it
	high  uint16 // highest ever stored
	begun bool
}

type slot[T any] struct {
	seq  uint16
	used bool
	v    T
}

// New makes a cache of size packets, a power of two up to 32768.
func New[T any](size int) *Cache[T] {
	if size < 1 || size > 1<<15 || size&(size-1) != 0 {
		panic("packetcache: size is not a power of two")
	}
	return &Cache[T]{slots: make([]slot[T], size), mask: uint16(size - 1)}
}

// Put stores v under seq and returns what it displaced. A packet older than
// the one in its slot is not stored: it is returned itself with ok true.
func (c *Cache[T]) Put(seq uint16, v T) (displaced T, ok bool) {
	s := &c.slots[seq&c.mask]
	if s.used && (s.seq == seq || int16(seq-s.seq) < 0) {
		return v, true
	}
	displaced, ok = s.v, s.used
	s.seq, s.used, s.v = seq, true, v
	c.reach(seq)
	return displaced, ok
}

// reach keeps low and high around seq.
func (c *Cache[T]) reach(seq uint16) {
	if !c.begun {
		c.begun, c.low, c.high = true, seq, seq
	}
	if int16(seq-c.high) > 0 {
		c.high = seq
	}
	if int16(seq-c.low) < 0 {
		c.low = seq
	}
	if c.high-c.low > c.mask {
		c.low = c.high - c.mask
	}
}

// Oldest is the packet with the lowest sequence number; ok is false when none
// is held. What lies more than the ring's length behind, after a leap of the
// numbers, is not counted.
func (c *Cache[T]) Oldest() (v T, ok bool) {
	for ; c.begun && c.low != c.high+1; c.low++ {
		if s := &c.slots[c.low&c.mask]; s.used && s.seq == c.low {
			return s.v, true
		}
	}
	return v, false
}

// DropOldest forgets what Oldest returned.
func (c *Cache[T]) DropOldest() {
	if _, ok := c.Oldest(); ok {
		c.slots[c.low&c.mask] = slot[T]{}
		c.low++
	}
}

// Get returns the packet with this sequence number.
func (c *Cache[T]) Get(seq uint16) (v T, ok bool) {
	s := &c.slots[seq&c.mask]
	if !s.used || s.seq != seq {
		return v, false
	}
	return s.v, true
}

// Drain empties the cache, giving each packet to f.
func (c *Cache[T]) Drain(f func(T)) {
	for i := range c.slots {
		if c.slots[i].used {
			f(c.slots[i].v)
		}
		c.slots[i] = slot[T]{}
	}
}
