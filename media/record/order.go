package record

import "time"

const (
	reorderWait = 2 * time.Second // how long a missing packet may still come
	maxHeld     = 4096            // packets behind a hole
)

// held is a packet without its RTP header.
type held struct {
	ts      int64 // unwrapped RTP timestamp
	marker  bool
	red     bool // the payload is RFC 2198 redundant audio
	payload []byte
	at      int64 // arrival, unix nanoseconds
}

// assembler makes frames of the packets of a track, which come in order.
type assembler interface {
	// packet takes the next packet; missing tells that some before it never
	// came. The payload is valid only during the call.
	packet(h held, missing bool)
	// cut says that the recorder itself left a stretch out here.
	cut()
}

// orderer is the jitter buffer of a track: it hands the packets on in the
// order of their sequence numbers, each once.
type orderer struct {
	out assembler

	started bool
	next    int64 // sequence number, unwrapped
	highest int64
	waiting map[int64]held
	oldest  int64 // the lowest that waits
	lastAt  int64
}

func newOrderer(out assembler) *orderer { return &orderer{out: out, waiting: map[int64]held{}} }

// push takes a packet as it arrived.
func (o *orderer) push(seq uint16, h held) {
	if !o.started {
		o.started, o.next, o.highest = true, int64(seq), int64(seq)
	}
	quiet := h.at - o.lastAt
	o.lastAt = h.at
	ext := o.highest + int64(int16(seq-uint16(o.highest)))
	if ext < o.next {
		if quiet < int64(reorderWait) {
			return // repeated, or too late
		}
		// So many were lost that the number went round.
		o.flush()
		ext = o.next + 1<<15 + int64(uint16(seq-uint16(o.next+1<<15)))
	}
	o.highest = max(o.highest, ext)
	if ext == o.next {
		o.out.packet(h, false)
		o.next++
	} else if _, again := o.waiting[ext]; !again {
		if len(o.waiting) == 0 || ext < o.oldest {
			o.oldest = ext
		}
		h.payload = append([]byte(nil), h.payload...)
		o.waiting[ext] = h
	}
	o.release(h.at)
}

// release hands on what is in order, and gives up on holes that are too old.
func (o *orderer) release(now int64) {
	for len(o.waiting) > 0 {
		missing := o.oldest > o.next
		if missing && len(o.waiting) < maxHeld && now-o.waiting[o.oldest].at < int64(reorderWait) {
			return
		}
		h := o.waiting[o.oldest]
		delete(o.waiting, o.oldest)
		o.out.packet(h, missing)
		o.next = o.oldest + 1
		for len(o.waiting) > 0 {
			if _, ok := o.waiting[o.oldest]; ok {
				break
			}
			o.oldest++
		}
	}
}

// flush hands on all that waits.
func (o *orderer) flush() { o.release(1 << 62) }

// cut ends the stretch: what comes next is not its continuation.
func (o *orderer) cut() {
	o.flush()
	o.started = false
	o.out.cut()
}
