package packet

// MaxBlocks is how many blocks of a RED packet are read: browsers send two or three.
const MaxBlocks = 8

// Block is one block of a RED packet.
type Block struct {
	PayloadType uint8
	Back        uint32 // how much earlier its timestamp is than the packet's
	Start, End  int    // in the payload
}

// RED is a parsed payload of redundant audio (RFC 2198 section 3).
type RED struct {
	Blocks [MaxBlocks]Block
	N      int // blocks there are; the last is the primary, the others are of packets before
}

// ParseRED takes a payload apart: at least one block. ErrMalformed also when
// there are more than MaxBlocks.
func ParseRED(p []byte) (r RED, err error) {
	at := 0
	var size [MaxBlocks]int
	for more := true; more; r.N++ {
		if at >= len(p) || r.N == MaxBlocks {
			return RED{}, ErrMalformed
		}
		r.Blocks[r.N].PayloadType = p[at] & 0x7f
		if more = p[at]&0x80 != 0; !more {
			at++
			continue
		}
		if len(p) < at+4 {
			return RED{}, ErrMalformed
		}
		r.Blocks[r.N].Back = uint32(p[at+1])<<6 | uint32(p[at+2])>>2
		size[r.N] = int(p[at+2]&3)<<8 | int(p[at+3])
		at += 4
	}
	for i := range r.N {
		b := &r.Blocks[i]
		b.Start, b.End = at, at+size[i]
		if i == r.N-1 {
			b.End = len(p)
		}
		if b.End > len(p) {
			return RED{}, ErrMalformed
		}
		at = b.End
	}
	return r, nil
}

// Primary is the block that the packet itself is about.
func (r *RED) Primary() *Block { return &r.Blocks[r.N-1] }

// SetREDPayloadType writes one payload type into the headers of a RED
// payload's blocks, of which there are n.
func SetREDPayloadType(p []byte, n int, pt uint8) {
	for i := range n {
		p[4*i] = p[4*i]&0x80 | pt
	}
}

// OpusTicks is how long an Opus packet sounds, in samples of 48 kHz (RFC 6716
// section 3.1); 0 for an empty one.
func OpusTicks(p []byte) uint32 {
	if len(p) == 0 {
		return 0
	}
	config := p[0] >> 3
	var one uint32
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		one = [...]uint32{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		one = [...]uint32{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		one = 120 << (config & 3)
	}
	switch p[0] & 3 {
	case 0:
		return one
	case 1, 2:
		return 2 * one
	}
	if len(p) < 2 {
		return one
	}
	return min(uint32(p[1]&0x3f)*one, 5760) // 120 ms at most
}

// AudioLevel reads the client-to-mixer level (RFC 6464): -dBov and the voice bit.
func AudioLevel(ext []byte) (level uint8, voice bool, ok bool) {
	if len(ext) < 1 {
		return 0, false, false
	}
	return ext[0] & 0x7f, ext[0]&0x80 != 0, true
}
