package packet

import "encoding/binary"

// MaxSpatial is how many spatial layers of a picture are told apart; streams
// with more are malformed to us.
const MaxSpatial = 3

// Resolution is a picture's size in pixels.
type Resolution struct{ Width, Height int }

// VP9 is a parsed VP9 payload descriptor (RFC 9628 section 4.2).
type VP9 struct {
	Size      int // bytes of the descriptor
	Spatial   uint8
	Temporal  uint8
	Up        bool // one may go up to Temporal here (U)
	Start     bool // first packet of a layer frame (B)
	End       bool // last packet of a layer frame (E)
	Predicted bool // from other pictures (P)
	// Layers is how many spatial layers the scalability structure tells of, with
	// their sizes if it has them; 0 without one.
	Layers int
	Sizes  [MaxSpatial]Resolution
}

// KeyFrame tells whether the packet begins a picture that needs no other.
func (d *VP9) KeyFrame() bool { return d.Start && !d.Predicted && d.Spatial == 0 }

// ParseVP9 reads the descriptor of a payload.
func ParseVP9(p []byte) (VP9, error) {
	r := reader{b: p}
	flags := r.byte()
	d := VP9{Predicted: flags&0x40 != 0, Start: flags&0x08 != 0, End: flags&0x04 != 0}
	flexible := flags&0x10 != 0
	if flags&0x80 != 0 && r.byte()&0x80 != 0 { // picture id, of 15 bits
		r.byte()
	}
	if flags&0x20 != 0 {
		l := r.byte()
		d.Temporal, d.Up, d.Spatial = l>>5, l&0x10 != 0, l>>1&7
		if !flexible {
			r.byte() // TL0PICIDX
		}
	}
	if flexible && d.Predicted {
		for n := 0; r.byte()&1 != 0; n++ {
			if n == 2 {
				return VP9{}, ErrMalformed
			}
		}
	}
	if flags&0x02 != 0 {
		r.structure(&d)
	}
	if r.over || d.Spatial >= MaxSpatial || d.Layers > MaxSpatial {
		return VP9{}, ErrMalformed
	}
	d.Size = r.at
	return d, nil
}

// structure reads the scalability structure.
func (r *reader) structure(d *VP9) {
	flags := r.byte()
	d.Layers = int(flags>>5) + 1
	if flags&0x10 != 0 {
		for i := range d.Layers {
			size := Resolution{int(r.word()), int(r.word())}
			if i < MaxSpatial {
				d.Sizes[i] = size
			}
		}
	}
	if flags&0x08 != 0 {
		for range r.byte() {
			r.skip(int(r.byte() >> 2 & 3))
		}
	}
}

// reader takes bytes; past the end it reads zeros and says so.
type reader struct {
	b    []byte
	at   int
	over bool
}

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		r.over = true
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) word() uint16 {
	if r.at+2 > len(r.b) {
		r.over = true
		return 0
	}
	r.at += 2
	return binary.BigEndian.Uint16(r.b[r.at-2:])
}

func (r *reader) skip(n int) {
	if r.over = r.over || r.at+n > len(r.b); !r.over {
		r.at += n
	}
}
