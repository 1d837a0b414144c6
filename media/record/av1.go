package record

// The OBU types that matter here (AV1 specification section 6.2.2).
const obuSequence = 1

// av1NewSequence tells whether an RTP payload is the first packet of a coded
// video sequence: N and not Z of its aggregation header (RTP Payload Format For
// AV1 section 4.4).
func av1NewSequence(b []byte) bool { return len(b) > 1 && b[0]&0x88 == 0x08 }

// av1SequenceOf finds the sequence header OBU in an RTP payload that begins a
// coded video sequence: without its size field, nil when there is none.
func av1SequenceOf(b []byte) []byte {
	if !av1NewSequence(b) {
		return nil
	}
	count := int(b[0] >> 4 & 3)
	b = b[1:]
	for n := 1; len(b) > 0; n++ {
		size := len(b)
		if n != count { // only the last of a counted packet has no length
			var used int
			if size, used = leb128(b); used == 0 || size > len(b)-used {
				return nil
			}
			b = b[used:]
		}
		obu := b[:size]
		b = b[size:]
		if len(obu) > 1 && obu[0]>>3&0xf == obuSequence {
			return av1Bare(obu)
		}
	}
	return nil
}

// av1Bare drops an OBU's size field and header extension.
func av1Bare(obu []byte) []byte {
	head := obu[0]
	body := obu[1:]
	if head&4 != 0 { // extension
		body = body[1:]
	}
	if head&2 != 0 { // size
		size, used := leb128(body)
		if used == 0 || size > len(body)-used {
			return nil
		}
		body = body[used : used+size]
	}
	return append([]byte{obuSequence << 3}, body...)
}

// leb128 reads a little-endian base-128 number (AV1 specification section
// 4.10.5); used is 0 when there is none.
func leb128(b []byte) (v, used int) {
	for i := 0; i < len(b) && i < 4; i++ {
		v |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

// av1Sequence is what a container must know of a sequence header.
type av1Sequence struct {
	width, height int
	config        [3]byte // bytes 1 to 3 of the configuration record
}

// parseAV1Sequence reads a bare sequence header OBU (AV1 specification section
// 5.5.1). What is cut off reads as zeros, and then as no picture.
func parseAV1Sequence(obu []byte) (s av1Sequence) {
	r := newBits(obu[1:])
	profile := r.Read(3)
	r.Read(1) // still picture
	reduced := r.Read(1) == 1
	var level, tier uint32
	if reduced {
		level = r.Read(5)
	} else {
		level, tier = r.av1OperatingPoints()
	}
	wide, high := int(r.Read(4))+1, int(r.Read(4))+1
	s.width, s.height = int(r.Read(wide))+1, int(r.Read(high))+1
	if !reduced {
		if r.Read(1) == 1 { // frame ids
			r.Read(7)
		}
	}
	r.Read(3) // superblocks of 128, filter intra, intra edge filter
	if !reduced {
		r.av1Tools()
	}
	r.Read(3) // superres, cdef, restoration
	s.config = [3]byte{byte(profile<<5 | level), byte(tier<<7) | r.av1Colours(profile), 0}
	return s
}

// av1OperatingPoints reads up to the frame size and returns the first point's
// level and tier.
func (r *bits) av1OperatingPoints() (level, tier uint32) {
	model, delayLength := false, 0
	if r.Read(1) == 1 { // timing info
		r.Read(32)
		r.Read(32)
		if r.Read(1) == 1 {
			r.Golomb()
		}
		if model = r.Read(1) == 1; model {
			delayLength = int(r.Read(5)) + 1
			r.Read(32)
			r.Read(10)
		}
	}
	display := r.Read(1) == 1
	for i := range r.Read(5) + 1 {
		r.Read(12)
		l, t := r.Read(5), uint32(0)
		if l > 7 {
			t = r.Read(1)
		}
		if model && r.Read(1) == 1 {
			r.Read(2*delayLength + 1)
		}
		if display && r.Read(1) == 1 {
			r.Read(4)
		}
		if i == 0 {
			level, tier = l, t
		}
	}
	return level, tier
}

// av1Tools reads what a sequence header that is not reduced says of tools.
func (r *bits) av1Tools() {
	r.Read(4) // interintra, masked, warped motion, dual filter
	hint := r.Read(1) == 1
	if hint {
		r.Read(2) // jnt_comp, ref_frame_mvs
	}
	content := uint32(2) // seq_force_screen_content_tools: SELECT
	if r.Read(1) == 0 {
		content = r.Read(1)
	}
	if content > 0 && r.Read(1) == 0 {
		r.Read(1)
	}
	if hint {
		r.Read(3)
	}
}

// av1Colours reads color_config (section 5.5.2) into the bits of the
// configuration record below the tier.
func (r *bits) av1Colours(profile uint32) byte {
	high := r.Read(1)
	twelve := uint32(0)
	if profile == 2 && high == 1 {
		twelve = r.Read(1)
	}
	mono := uint32(0)
	if profile != 1 {
		mono = r.Read(1)
	}
	primaries, transfer, matrix := uint32(2), uint32(2), uint32(2)
	if r.Read(1) == 1 {
		primaries, transfer, matrix = r.Read(8), r.Read(8), r.Read(8)
	}
	x, y, position := uint32(1), uint32(1), uint32(0)
	switch {
	case mono == 1:
	case primaries == 1 && transfer == 13 && matrix == 0: // sRGB
		x, y = 0, 0
	default:
		r.Read(1) // range
		switch {
		case profile == 1:
			x, y = 0, 0
		case profile == 2 && twelve == 1:
			if x = r.Read(1); x == 1 {
				y = r.Read(1)
			} else {
				y = 0
			}
		case profile == 2:
			y = 0
		}
		if x == 1 && y == 1 {
			position = r.Read(2)
		}
	}
	return byte(high<<6 | twelve<<5 | mono<<4 | x<<3 | y<<2 | position)
}

// av1C is the configuration record of a bare sequence header OBU (AV1 Codec ISO
// Media File Format Binding section 2.3), which is Matroska's CodecPrivate.
func av1C(obu []byte) []byte {
	c := parseAV1Sequence(obu).config
	b := []byte{0x81, c[0], c[1], c[2], obu[0] | 2}
	size := len(obu) - 1
	for ; size >= 0x80; size >>= 7 {
		b = append(b, byte(size)|0x80)
	}
	return append(append(b, byte(size)), obu[1:]...)
}
