package record

import (
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media/packet"
)

const (
	reorderWait = 2 * time.Second // how long a missing packet may still come
	maxHeld     = 4096            // packets behind a hole
	maxFrame    = 4 << 20         // bytes of a picture
)

// frame is one picture or one Opus packet.
type frame struct {
	ts   int64 // unwrapped RTP timestamp
	key  bool
	lost bool // packets were missing since the frame before
	data []byte
}

// held is a packet that waits for those before it.
type held struct {
	ts      int64
	marker  bool
	payload []byte
	at      int64
}

// assembler puts the packets of a track in order and makes frames of them.
type assembler struct {
	codec string
	emit  func(frame)

	started  bool
	next     int64 // sequence number, unwrapped
	waiting  map[int64]held
	highest  int64
	h264     codecs.H264Packet
	vp9      codecs.VP9Packet
	cur      []byte
	curTS    int64
	curKey   bool
	broken   bool // the current frame lacks packets
	open     bool // cur holds the start of a frame
	needKey  bool
	lostMark bool
}

func newAssembler(codec string, emit func(frame)) *assembler {
	return &assembler{codec: codec, emit: emit, waiting: map[int64]held{}, needKey: codec != "A_OPUS", h264: codecs.H264Packet{IsAVC: true}}
}

// push takes a packet that arrived at (unix nanoseconds).
func (a *assembler) push(seq uint16, ts int64, marker bool, payload []byte, at int64) {
	if !a.started {
		a.started, a.next, a.highest = true, int64(seq), int64(seq)
	}
	ext := a.highest + int64(int16(seq-uint16(a.highest)))
	a.highest = max(a.highest, ext)
	if ext < a.next {
		return // repeated, or too late
	}
	if _, again := a.waiting[ext]; again {
		return
	}
	if ext == a.next {
		a.packet(held{ts, marker, payload, at})
		a.next++
	} else {
		a.waiting[ext] = held{ts, marker, append([]byte(nil), payload...), at}
	}
	a.release(at)
}

// release hands on what is in order, and gives up on holes that are too old.
func (a *assembler) release(now int64) {
	for len(a.waiting) > 0 {
		if h, ok := a.waiting[a.next]; ok {
			delete(a.waiting, a.next)
			a.packet(h)
			a.next++
			continue
		}
		oldest := int64(-1)
		for seq := range a.waiting {
			if oldest < 0 || seq < oldest {
				oldest = seq
			}
		}
		if len(a.waiting) < maxHeld && now-a.waiting[oldest].at < int64(reorderWait) {
			return
		}
		a.next = oldest
		a.broken, a.lostMark = true, true
	}
}

// flush ends the stream.
func (a *assembler) flush() { a.release(1 << 62) }

func (a *assembler) packet(h held) {
	if len(h.payload) == 0 {
		return // padding
	}
	if a.codec == "A_OPUS" {
		a.broken = false
		a.out(frame{ts: h.ts, key: true, data: append([]byte(nil), h.payload...)})
		return
	}
	if h.ts != a.curTS && a.open {
		a.finish() // the marker was lost or never set
	}
	part, start, key, ok := a.part(h.payload)
	if !ok {
		a.broken = true
		return
	}
	if start && !(a.open && h.ts == a.curTS) {
		a.open, a.broken, a.curTS, a.curKey, a.cur = true, false, h.ts, key, a.cur[:0]
	} else if !a.open {
		a.broken = true
		return
	}
	a.curKey = a.curKey || key
	if len(a.cur)+len(part) > maxFrame {
		a.broken = true
	} else {
		a.cur = append(a.cur, part...)
	}
	if h.marker {
		a.finish()
	}
}

// part takes the codec's payload out of a packet. start tells that a frame
// may begin here.
func (a *assembler) part(p []byte) (part []byte, start, key, ok bool) {
	switch a.codec {
	case "V_VP8":
		d, err := packet.ParseVP8(p)
		if err != nil {
			return nil, false, false, false
		}
		return p[d.Size:], d.Start, d.KeyFrame, true
	case "V_VP9":
		b, err := a.vp9.Unmarshal(p)
		if err != nil {
			return nil, false, false, false
		}
		return b, a.vp9.B, packet.VP9KeyFrame(p), true
	}
	b, err := a.h264.Unmarshal(p)
	if err != nil {
		return nil, false, false, false
	}
	k := p[0] & 0x1f
	start = k != 28 || len(p) > 1 && p[1]&0x80 != 0
	return b, start, packet.H264KeyFrame(p), true
}

func (a *assembler) finish() {
	whole := a.open && !a.broken && len(a.cur) > 0
	a.open, a.broken = false, false
	if !whole {
		a.lostMark, a.needKey = true, true
		return
	}
	a.out(frame{ts: a.curTS, key: a.curKey, data: append([]byte(nil), a.cur...)})
}

// out hands a frame on. After a loss video goes on with a key frame only: what
// refers to missing pictures would show what nobody saw.
func (a *assembler) out(f frame) {
	video := a.codec != "A_OPUS"
	if video && a.lostMark {
		a.needKey = true
	}
	if video && a.needKey && !f.key {
		a.lostMark = true
		return
	}
	a.needKey = false
	f.lost = a.lostMark
	a.lostMark = false
	a.emit(f)
}
