package packet

import "encoding/binary"

// NAL unit types (RFC 6184 section 5.2, ITU-T H.264 table 7-1).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// H264 is what a payload begins of an IDR picture.
type H264 struct {
	IDR           bool // a slice of it, alone, in a STAP-A or as the start of an FU-A
	SPS           bool // a sequence parameter set, alone or in a STAP-A
	Width, Height int  // in pixels, of the sequence parameter set; 0 is unknown
}

// ParseH264 looks for what begins an IDR picture (RFC 6184 section 5).
func ParseH264(p []byte) (h H264) {
	if len(p) < 2 {
		return h
	}
	switch p[0] & 0x1f {
	case nalSTAPA:
		for p = p[1:]; len(p) > 2; {
			n := int(binary.BigEndian.Uint16(p))
			if n == 0 || n+2 > len(p) {
				return h
			}
			h.unit(p[2 : 2+n])
			p = p[2+n:]
		}
	case nalFUA:
		h.IDR = p[1]&0x80 != 0 && p[1]&0x1f == nalIDR
	default:
		h.unit(p)
	}
	return h
}

func (h *H264) unit(nal []byte) {
	switch nal[0] & 0x1f {
	case nalIDR:
		h.IDR = true
	case nalSPS:
		h.SPS = true
		h.Width, h.Height = SPSSize(nal)
	}
}

// maxSPS is how much of a sequence parameter set is read: its size stands
// far before that.
const maxSPS = 128

// SPSSize reads the picture size of a sequence parameter set (ITU-T H.264
// section 7.3.2.1.1) without scaling matrices; 0, 0 when it has them.
func SPSSize(sps []byte) (w, h int) {
	var raw [maxSPS]byte // without emulation prevention
	n := 0
	for i, v := range sps {
		if v == 3 && i >= 2 && sps[i-1] == 0 && sps[i-2] == 0 {
			continue
		}
		if n == len(raw) {
			break
		}
		raw[n] = v
		n++
	}
	r := NewBits(raw[:n])
	r.Read(8)
	profile := r.Read(8)
	r.Read(16)
	r.Golomb() // id
	chroma := uint32(1)
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128:
		if chroma = r.Golomb(); chroma == 3 {
			r.Read(1)
		}
		r.Golomb()
		r.Golomb()
		r.Read(1)
		if r.Read(1) == 1 {
			return 0, 0
		}
	}
	return r.frameSize(chroma)
}

// frameSize reads a sequence parameter set from log2_max_frame_num on.
func (r *Bits) frameSize(chroma uint32) (w, h int) {
	r.Golomb() // log2_max_frame_num
	switch r.Golomb() {
	case 0:
		r.Golomb()
	case 1:
		r.Read(1)
		r.Golomb()
		r.Golomb()
		for range min(r.Golomb(), 255) {
			r.Golomb()
		}
	}
	r.Golomb() // reference frames
	r.Read(1)
	w = int(r.Golomb()+1) * 16
	mapUnits := int(r.Golomb() + 1)
	frameOnly := int(r.Read(1))
	h = mapUnits * 16 * (2 - frameOnly)
	if frameOnly == 0 {
		r.Read(1)
	}
	r.Read(1)
	if r.Read(1) == 1 && chroma == 1 {
		w -= 2 * int(r.Golomb()+r.Golomb())
		h -= 2 * (2 - frameOnly) * int(r.Golomb()+r.Golomb())
	}
	if r.Over() || w < 2 || h < 2 || w > 16384 || h > 16384 {
		return 0, 0
	}
	return w, h
}
