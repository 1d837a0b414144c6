package packet

import "encoding/binary"

// VP8 is a parsed VP8 payload descriptor (RFC 7741 section 4.2). Offsets
// count from the payload's first byte; 0 means absent (the field never
// stands first).
type VP8 struct {
	Size        int // bytes of the descriptor
	PictureIDAt int
	PictureID   uint16 // 15 bits when Long, else 7
	Long        bool
	TL0At       int
	TL0PicIdx   uint8
	Temporal    uint8
	Sync        bool // of the layers below it needs the lowest alone (Y)
	Start       bool // first packet of a frame's first partition
	KeyFrame    bool // Start of a key frame
	Width       int  // of a key frame's start, else 0
	Height      int
}

// ParseVP8 reads the descriptor of a payload.
func ParseVP8(p []byte) (VP8, error) {
	if len(p) < 1 {
		return VP8{}, ErrMalformed
	}
	var d VP8
	d.Start = p[0]&0x10 != 0 && p[0]&0x0f == 0
	at := 1
	if p[0]&0x80 != 0 {
		if len(p) < 2 {
			return VP8{}, ErrMalformed
		}
		flags := p[1]
		at = 2
		if flags&0x80 != 0 {
			if len(p) < at+1 {
				return VP8{}, ErrMalformed
			}
			d.PictureIDAt = at
			d.PictureID = uint16(p[at] & 0x7f)
			if p[at]&0x80 != 0 {
				if len(p) < at+2 {
					return VP8{}, ErrMalformed
				}
				d.Long, d.PictureID = true, binary.BigEndian.Uint16(p[at:])&0x7fff
				at++
			}
			at++
		}
		if flags&0x40 != 0 {
			if len(p) < at+1 {
				return VP8{}, ErrMalformed
			}
			d.TL0At, d.TL0PicIdx = at, p[at]
			at++
		}
		if flags&0x30 != 0 {
			if len(p) < at+1 {
				return VP8{}, ErrMalformed
			}
			if flags&0x20 != 0 {
				d.Temporal, d.Sync = p[at]>>6, p[at]&0x20 != 0
			}
			at++
		}
	}
	if at > len(p) {
		return VP8{}, ErrMalformed
	}
	d.Size = at
	d.readKeyFrame(p[at:])
	return d, nil
}

// Apart is how many pictures d's is after that of an earlier descriptor of the stream, by their ids.
func (d VP8) Apart(earlier VP8) int {
	mask := uint16(0x7f)
	if d.Long && earlier.Long {
		mask = 0x7fff
	}
	return int((d.PictureID - earlier.PictureID) & mask)
}

// readKeyFrame reads the frame header (RFC 6386 section 9.1).
func (d *VP8) readKeyFrame(f []byte) {
	if !d.Start || len(f) < 1 || f[0]&1 != 0 {
		return
	}
	d.KeyFrame = true
	if len(f) >= 10 && f[3] == 0x9d && f[4] == 0x01 && f[5] == 0x2a {
		d.Width = int(binary.LittleEndian.Uint16(f[6:]) & 0x3fff)
		d.Height = int(binary.LittleEndian.Uint16(f[8:]) & 0x3fff)
	}
}

// SetPicture writes a picture id and TL0PICIDX into the payload that d was
// parsed from; absent fields are left alone.
func (d *VP8) SetPicture(p []byte, picture uint16, tl0 uint8) {
	if d.PictureIDAt > 0 {
		if d.Long {
			binary.BigEndian.PutUint16(p[d.PictureIDAt:], picture|0x8000)
		} else {
			p[d.PictureIDAt] = byte(picture & 0x7f)
		}
	}
	if d.TL0At > 0 {
		p[d.TL0At] = tl0
	}
}
