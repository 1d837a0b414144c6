package record

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtp/codecs"

	"yunting/media/packet"
)

const maxFrame = 4 << 20 // bytes of a picture

// frame is one picture or one Opus packet.
type frame struct {
	ts    int64 // unwrapped RTP timestamp
	ticks int64 // how long it sounds, on the RTP clock; 0 for a picture
	key   bool
	lost  bool // packets were missing since the frame before
	data  []byte
}

// pictures makes the frames of a video track.
type pictures struct {
	codec string
	emit  func(frame)

	h264    codecs.H264Packet
	vp9     codecs.VP9Packet
	av1     codecs.AV1Depacketizer
	cur     frame // its data are used again
	layers  []int // where the frames of VP9's spatial layers begin in cur
	open    bool  // cur holds the start of a frame
	broken  bool  // cur lacks packets
	ended   bool  // the packet before ended a frame
	needKey bool
	lost    bool // since the frame before
}

func newPictures(codec string, emit func(frame)) *pictures {
	return &pictures{codec: codec, emit: emit, needKey: true}
}

// cut implements assembler: after it the record goes on with a key frame.
func (p *pictures) cut() { p.open, p.ended, p.needKey = false, false, true }

// packet implements assembler.
func (p *pictures) packet(h held, missing bool) {
	if missing {
		p.broken, p.lost, p.ended = true, true, false
	}
	if len(h.payload) == 0 {
		return // padding
	}
	if p.open && h.ts != p.cur.ts {
		p.broken = true // its last packet, which has the marker, never came
		p.finish()
	}
	begins := p.begins(h.payload)
	if !p.open {
		if !begins {
			p.lost = true
			p.ended = h.marker
			return
		}
		p.open, p.broken = true, false
		p.cur, p.layers = frame{ts: h.ts, data: p.cur.data[:0]}, p.layers[:0]
		// A fragment of a frame that was lost stays in the depacketizers.
		p.h264, p.av1 = codecs.H264Packet{IsAVC: true}, codecs.AV1Depacketizer{}
	}
	part, key, err := p.part(h.payload)
	if err != nil || len(p.cur.data)+len(part) > maxFrame {
		p.broken = true
	} else {
		p.cur.key = p.cur.key || key
		p.cur.data = append(p.cur.data, part...)
	}
	if h.marker {
		p.finish()
	}
	p.ended = h.marker
}

// begins tells whether a packet is the first of a frame. Where the payload does
// not say so, it is the one behind the last of the frame before.
func (p *pictures) begins(b []byte) bool {
	switch p.codec {
	case "V_VP8":
		d, err := packet.ParseVP8(b)
		return err == nil && d.Start
	case "V_VP9":
		d, err := packet.ParseVP9(b)
		return err == nil && d.Start && d.Spatial == 0
	case "V_AV1":
		return p.ended || av1NewSequence(b)
	}
	return p.ended || h264Leads(b)
}

// part takes the codec's payload out of a packet.
func (p *pictures) part(b []byte) (part []byte, key bool, err error) {
	switch p.codec {
	case "V_VP8":
		d, err := packet.ParseVP8(b)
		if err != nil {
			return nil, false, err
		}
		return b[d.Size:], d.KeyFrame, nil
	case "V_VP9":
		part, err = p.vp9.Unmarshal(b)
		d, wrong := packet.ParseVP9(b)
		if d.Start {
			p.layers = append(p.layers, len(p.cur.data))
		}
		return part, d.KeyFrame(), errors.Join(err, wrong)
	case "V_AV1":
		part, err = p.av1.Unmarshal(b)
		return part, av1NewSequence(b), err
	}
	part, err = p.h264.Unmarshal(b)
	h := packet.ParseH264(b)
	return part, h.IDR || h.SPS, err
}

// finish hands a frame on. After a loss the record goes on with a key frame
// only: what refers to missing pictures would show what nobody saw.
func (p *pictures) finish() {
	whole := !p.broken && len(p.cur.data) > 0
	p.open, p.broken = false, false
	if !whole {
		p.lost = true
	}
	if p.lost {
		p.needKey = true
	}
	if !whole || p.needKey && !p.cur.key {
		return
	}
	f := p.cur
	f.data = append([]byte(nil), f.data...)
	if len(p.layers) > 1 {
		f.data = appendSuperframeIndex(f.data, p.layers)
	}
	f.lost = p.lost
	p.needKey, p.lost = false, false
	p.emit(f)
}

// appendSuperframeIndex ends a VP9 picture of several frames, which begin at
// these offsets, with their sizes: a file's decoder finds them by it (VP9
// bitstream specification annex B). Each size takes four bytes.
func appendSuperframeIndex(data []byte, begins []int) []byte {
	marker := byte(0b110<<5 | 3<<3 | len(begins) - 1)
	end := len(data)
	data = append(data, marker)
	for i, begin := range begins {
		next := end
		if i+1 < len(begins) {
			next = begins[i+1]
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(next-begin))
	}
	return append(data, marker)
}
