package media

import (
	"math/bits"

	"github.com/pion/rtcp"
)

const holesKept = 4096 // sequence numbers; ten seconds of a camera

// holes knows which of the last sequence numbers of a receiver's stream were sent at all. What the publisher skipped or
// lost on its way to us leaves holes in the receiver's numbers too, where it may still come, and the receiver reports
// them as lost (RFC 3550 section 6.4.1): they say nothing of the way to it. The track's worker owns it.
type holes struct {
	was      [holesKept / 64]uint64 // sent, by sequence number
	last     uint16                 // highest sent
	begun    bool
	jumped   bool   // since the last report, further than is kept
	reported uint16 // highest of the receiver's last report
}

// reception is how a receiver says that a track arrives.
type reception struct {
	lost   float64 // part of what was sent, 0 to 1
	jitter uint32  // in units of the RTP clock
}

// sent takes the number of a packet that is sent for the first time.
func (h *holes) sent(seq uint16) {
	if !h.begun {
		h.begun, h.last, h.reported = true, seq-1, seq-1
	}
	switch ahead := seq - h.last; {
	case ahead >= 1<<15: // late
		if -ahead >= holesKept {
			return
		}
	case ahead >= holesKept:
		clear(h.was[:])
		h.last, h.jumped = seq, true
	default:
		for ; h.last != seq; h.last++ {
			h.was[(h.last+1)%holesKept/64] &^= 1 << ((h.last + 1) % 64)
		}
	}
	h.was[seq%holesKept/64] |= 1 << (seq % 64)
}

// between counts the numbers after from up to to that were not sent, as far back as is known.
func (h *holes) between(from, to uint16) (n int) {
	if behind := h.last - to; behind >= holesKept || to-from >= 1<<15 {
		return 0
	}
	if oldest := h.last - holesKept; int16(from-oldest) < 0 {
		from = oldest
	}
	for from != to {
		from++
		if word := h.was[from%holesKept/64]; from%64 == 0 && to-from >= 64 {
			n += 64 - bits.OnesCount64(word)
			from += 63
		} else if word>>(from%64)&1 == 0 {
			n++
		}
	}
	return n
}

// lost is the part of what was sent since the last report that r says was lost on the way to the receiver, from 0 to 1.
func (h *holes) lost(r *rtcp.ReceptionReport) float64 {
	to := uint16(r.LastSequenceNumber)
	span := to - h.reported
	if !h.begun || span == 0 || span >= 1<<15 {
		return 0
	}
	missing, jumped := h.between(h.reported, to), h.jumped
	h.reported, h.jumped = to, false
	sent := int(span) - missing
	if sent <= 0 || jumped {
		return 0
	}
	lost := float64(r.FractionLost)*float64(span)/256 - float64(missing)
	return max(0, min(1, lost/float64(sent)))
}
