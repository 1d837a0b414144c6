// Package packet reads what a forwarder needs of an RTP packet: the fixed
// header, one header extension and the payload descriptors that tell key
// frames and picture numbers. It allocates nothing and trusts nothing.
package packet

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed says that bytes are no valid RTP packet or payload descriptor.
var ErrMalformed = errors.New("packet: malformed")

// Header is the parsed head of an RTP packet (RFC 3550 section 5.1).
type Header struct {
	PayloadType uint8
	Marker      bool
	Seq         uint16
	Timestamp   uint32
	SSRC        uint32
	Payload     int // offset of the payload
	End         int // offset behind the payload, without padding

	extProfile uint16
	extStart   int
	extEnd     int
}

// Parse reads the header of b.
func Parse(b []byte) (Header, error) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return Header{}, ErrMalformed
	}
	h := Header{
		PayloadType: b[1] & 0x7f, Marker: b[1]&0x80 != 0,
		Seq: binary.BigEndian.Uint16(b[2:]), Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC: binary.BigEndian.Uint32(b[8:]), Payload: 12 + 4*int(b[0]&15), End: len(b),
	}
	if b[0]&0x10 != 0 {
		if len(b) < h.Payload+4 {
			return Header{}, ErrMalformed
		}
		h.extProfile = binary.BigEndian.Uint16(b[h.Payload:])
		h.extStart = h.Payload + 4
		h.extEnd = h.extStart + 4*int(binary.BigEndian.Uint16(b[h.Payload+2:]))
		h.Payload = h.extEnd
	}
	if b[0]&0x20 != 0 {
		pad := int(b[len(b)-1])
		if pad == 0 {
			return Header{}, ErrMalformed
		}
		h.End -= pad
	}
	if h.Payload > h.End {
		return Header{}, ErrMalformed
	}
	return h, nil
}

// Extension returns the bytes of the header extension with this id, or nil
// (RFC 8285, one-byte and two-byte forms). b is what h was parsed from.
func (h *Header) Extension(b []byte, id uint8) []byte {
	from, to := h.Find(b, id)
	if to == 0 {
		return nil
	}
	return b[from:to]
}

// Find is as Extension, but tells where in b the bytes are; to is 0 when there are none.
func (h *Header) Find(b []byte, id uint8) (from, to int) {
	if h.extEnd <= h.extStart || h.extEnd > len(b) || id == 0 {
		return 0, 0
	}
	at := h.extStart
	e := b[:h.extEnd]
	two := h.extProfile&0xfff0 == 0x1000
	if !two && h.extProfile != 0xbede {
		return 0, 0
	}
	for at < len(e) {
		if e[at] == 0 { // padding
			at++
			continue
		}
		var eid uint8
		var n int
		if two {
			if at+2 > len(e) {
				return 0, 0
			}
			eid, n, at = e[at], int(e[at+1]), at+2
		} else {
			eid, n, at = e[at]>>4, int(e[at]&15)+1, at+1
			if eid == 15 {
				return 0, 0
			}
		}
		if at+n > len(e) {
			return 0, 0
		}
		if eid == id {
			return at, at + n
		}
		at += n
	}
	return 0, 0
}
