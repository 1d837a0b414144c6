package packet

// Bounds of a dependency descriptor (RTP Payload Format For AV1 appendix A.8).
const (
	maxTemplates = 64
	maxTargets   = 32
	maxFdiffs    = 64 // of one template: more is nonsense
)

// Structure is what dependency descriptors refer to: the templates and decode
// targets of a coded video sequence. It is for one stream and not safe for
// concurrent use; the zero value waits for the first structure.
type Structure struct {
	offset    uint8
	templates [maxTemplates]template
	count     int
	targets   [maxTargets]struct{ spatial, temporal uint8 } // the highest layers of each decode target
	nTargets  int
	active    uint32 // decode targets that are sent, the first in the lowest bit

	// Layers is how many spatial layers there are, with their sizes if they are told.
	Layers int
	Sizes  [MaxSpatial]Resolution
}

// template is what frames have in common that refer to it.
type template struct {
	spatial, temporal uint8
	indications       indications
}

// indications tell what a frame is to each decode target, two bits each.
type indications [maxTargets]uint8

const switchable = 2 // every later frame of the target can be decoded if this one can

// Dependency is one packet's dependency descriptor.
type Dependency struct {
	Start, End bool // first and last packet of the frame
	Number     uint16
	Spatial    uint8
	Temporal   uint8
	Begins     bool // it carries a structure: a coded video sequence begins
	// Up is the highest temporal layer to which a receiver of this frame can go
	// from it on, within the frame's spatial layer; Temporal when to none above.
	Up uint8
}

// KeyFrame tells whether the packet begins a picture that needs no other.
func (d *Dependency) KeyFrame() bool { return d.Start && d.Begins && d.Spatial == 0 }

// Parse reads a descriptor. A structure in it replaces s. ErrMalformed also
// for a frame of a structure that is not known. A frame's own distances and
// chains, which stand last, are not read.
func (s *Structure) Parse(ext []byte) (d Dependency, err error) {
	r := NewBits(ext)
	d.Start, d.End = r.flag(), r.flag()
	id, own := uint8(r.Read(6)), false
	d.Number = uint16(r.Read(16))
	if len(ext) > 3 {
		d.Begins = r.flag()
		activeToo := r.flag()
		own = r.flag()
		r.Read(2) // its own distances, chains
		if d.Begins {
			*s = Structure{}
			if !s.read(&r) {
				*s = Structure{}
				return Dependency{}, ErrMalformed
			}
		}
		if activeToo {
			s.active = r.Read(s.nTargets)
		}
	}
	index := int(id+maxTemplates-s.offset) % maxTemplates
	if r.Over() || index >= s.count {
		return Dependency{}, ErrMalformed
	}
	t := &s.templates[index]
	d.Spatial, d.Temporal = t.spatial, t.temporal
	is := &t.indications
	if own {
		is = new(indications)
		if is.read(&r, s.nTargets); r.Over() {
			return Dependency{}, ErrMalformed
		}
	}
	d.Up = s.up(&d, is)
	return d, nil
}

// up finds the highest temporal layer that is switched to at a frame.
func (s *Structure) up(d *Dependency, is *indications) uint8 {
	up := d.Temporal
	for i, t := range s.targets[:s.nTargets] {
		if t.spatial == d.Spatial && is[i] == switchable {
			up = max(up, t.temporal)
		}
	}
	return up
}

func (is *indications) read(r *Bits, targets int) {
	for i := range targets {
		is[i] = uint8(r.Read(2))
	}
}

// Active is how many of the lowest spatial layers have a decode target that is sent.
func (s *Structure) Active() (layers int) {
	for i, t := range s.targets[:s.nTargets] {
		if s.active&(1<<uint(i)) != 0 {
			layers = max(layers, int(t.spatial)+1)
		}
	}
	return layers
}

// read takes a template_dependency_structure (appendix A.8.1).
func (s *Structure) read(r *Bits) bool {
	s.offset = uint8(r.Read(6))
	s.nTargets = int(r.Read(5)) + 1
	s.active = 1<<s.nTargets - 1
	if !s.readLayers(r) {
		return false
	}
	for i := range s.templates[:s.count] {
		t := &s.templates[i]
		t.indications.read(r, s.nTargets)
		for i := range s.nTargets {
			if target := &s.targets[i]; t.indications[i] != 0 { // the frame is one of the target's
				target.spatial, target.temporal = max(target.spatial, t.spatial), max(target.temporal, t.temporal)
			}
		}
	}
	for range s.count { // how far back lies what a frame needs
		n := 0
		for ; r.flag(); r.Read(4) {
			if n++; n > maxFdiffs {
				return false
			}
		}
	}
	if chains := r.nonSymmetric(uint32(s.nTargets) + 1); chains > 0 {
		for range s.nTargets {
			r.nonSymmetric(chains)
		}
		r.Read(4 * int(chains) * s.count)
	}
	if r.flag() {
		for i := range s.Layers {
			s.Sizes[i] = Resolution{int(r.Read(16)) + 1, int(r.Read(16)) + 1}
		}
	}
	return !r.Over()
}

// readLayers reads the templates' layers.
func (s *Structure) readLayers(r *Bits) bool {
	var spatial, temporal uint8
	for {
		if s.count == maxTemplates || spatial >= MaxSpatial || r.Over() {
			return false
		}
		s.templates[s.count].spatial, s.templates[s.count].temporal = spatial, temporal
		s.count++
		s.Layers = int(spatial) + 1
		switch r.Read(2) {
		case 1:
			temporal++
		case 2:
			spatial, temporal = spatial+1, 0
		case 3:
			return true
		}
	}
}

func (r *Bits) flag() bool { return r.Read(1) == 1 }

// nonSymmetric reads a number below n (appendix A.8.1, ns(n)).
func (r *Bits) nonSymmetric(n uint32) uint32 {
	w := 0
	for x := n; x != 0; x >>= 1 {
		w++
	}
	m := uint32(1)<<w - n
	v := r.Read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.Read(1)
}
