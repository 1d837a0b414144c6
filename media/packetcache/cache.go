// Package packetcache keeps the last packets of one RTP stream for
// retransmission. One cache serves all receivers of the stream.
package packetcache

// Cache is a ring indexed by sequence number. It holds values of type T
// (pointers to the caller's buffers), so nothing is copied. It is not safe
// for concurrent use: the forwarding worker owns it.
type Cache[T any] struct {
	slots []slot[T]
	mask  uint16
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
	return displaced, ok
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
