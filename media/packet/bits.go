package packet

// Bits reads a bit stream, the most significant bit first. Past the end it
// reads zeros. The zero value reads nothing.
type Bits struct {
	b  []byte
	at int
}

// NewBits reads b from its beginning.
func NewBits(b []byte) Bits { return Bits{b: b} }

// Read takes the next n bits, of which the last 32 are kept.
func (r *Bits) Read(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.at >> 3; i < len(r.b) {
			v |= uint32(r.b[i]>>(7-r.at&7)) & 1
		}
		r.at++
	}
	return v
}

// Golomb reads an unsigned Exp-Golomb number (ITU-T H.264 section 9.1).
func (r *Bits) Golomb() uint32 {
	zeros := 0
	for r.at < len(r.b)*8 && r.Read(1) == 0 {
		zeros++
	}
	if zeros > 31 {
		return 0
	}
	return 1<<zeros - 1 + r.Read(zeros)
}

// Over tells whether more was read than there is.
func (r *Bits) Over() bool { return r.at > len(r.b)*8 }
