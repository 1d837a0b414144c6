package record

import (
	"encoding/binary"

	"yunting/media/packet"
)

// pictureInfo is what a container must know of a video track beforehand.
type pictureInfo struct {
	width, height int // the largest seen
	sps, pps      []byte
	sequence      []byte // AV1's first sequence header, as av1SequenceOf gives it
}

func reportFields(b []byte) (ntp uint64, rtp uint32) {
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
}

// learn looks for picture sizes and parameter sets in a payload.
func (p *pictureInfo) learn(codec string, payload []byte) {
	switch codec {
	case "V_VP8":
		if d, err := packet.ParseVP8(payload); err == nil {
			p.size(d.Width, d.Height)
		}
	case "V_VP9":
		if d, err := packet.ParseVP9(payload); err == nil && d.KeyFrame() {
			p.size(vp9Size(payload))
		}
	case "V_AV1":
		if obu := av1SequenceOf(payload); obu != nil {
			if p.sequence == nil {
				p.sequence = append([]byte(nil), obu...)
			}
			s := parseAV1Sequence(obu)
			p.size(s.width, s.height)
		}
	default:
		p.nal(payload)
	}
}

func (p *pictureInfo) size(w, h int) {
	p.width, p.height = max(p.width, w), max(p.height, h)
}

// nal takes SPS and PPS out of single NAL units and STAP-A (RFC 6184).
func (p *pictureInfo) nal(b []byte) {
	if len(b) < 4 {
		return
	}
	switch b[0] & 0x1f {
	case 7:
		if p.sps == nil {
			p.sps = append([]byte(nil), b...)
		}
		p.size(packet.SPSSize(b))
	case 8:
		if p.pps == nil {
			p.pps = append([]byte(nil), b...)
		}
	case 24:
		for b = b[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if n == 0 || n+2 > len(b) {
				return
			}
			if b[2]&0x1f != 24 {
				p.nal(b[2 : 2+n])
			}
			b = b[2+n:]
		}
	}
}

// private is Matroska's CodecPrivate of the codec, nil when it has none or the
// parameters never came.
func (p *pictureInfo) private(codec string) []byte {
	switch {
	case codec == "V_MPEG4/ISO/AVC":
		return p.avcC()
	case codec == "V_AV1" && p.sequence != nil:
		return av1C(p.sequence)
	}
	return nil
}

// h264Leads tells whether a payload is surely the first of a picture: an access
// unit delimiter or an SPS stands first in it.
func h264Leads(b []byte) bool {
	if b[0]&0x1f == 24 && len(b) > 3 {
		b = b[3:]
	}
	k := b[0] & 0x1f
	return k == 7 || k == 9
}

// avcC is the decoder configuration record (ISO/IEC 14496-15 section 5.3.3.1).
func (p *pictureInfo) avcC() []byte {
	if len(p.sps) < 4 || p.pps == nil {
		return nil
	}
	b := []byte{1, p.sps[1], p.sps[2], p.sps[3], 0xff, 0xe1}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.sps))), p.sps...)
	b = append(b, 1)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(p.pps))), p.pps...)
}

// bits reads a bit stream.
type bits struct{ packet.Bits }

func newBits(b []byte) *bits { return &bits{packet.NewBits(b)} }

// vp9Size reads the size of a key frame behind the RTP descriptor (VP9
// bitstream specification section 6.2).
func vp9Size(payload []byte) (w, h int) {
	// The frame marker and sync code 49 83 42 stand within the first bytes
	// behind a descriptor of variable length.
	for i := 1; i+8 < len(payload) && i < 64; i++ {
		if payload[i] == 0x49 && payload[i+1] == 0x83 && payload[i+2] == 0x42 {
			if payload[i-1]>>4 != 0b1000 { // browsers send profile 0
				return 0, 0
			}
			r := newBits(payload[i+3:])
			if r.Read(3) == 7 { // sRGB, not in profile 0
				return 0, 0
			}
			r.Read(1) // color range
			return int(r.Read(16)) + 1, int(r.Read(16)) + 1
		}
	}
	return 0, 0
}
