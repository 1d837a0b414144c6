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
	templates [maxTemplates]struct{ spatial, temporal uint8 }
	count     int
	targets   [maxTargets]uint8 // spatial layer of each decode target
	nTargets  int
	active    uint32 // decode targets that are sent, the first in the lowest bit

	// Layers is how many spatial layers there are, with their sizes if they are told.
	Layers int
	Sizes  [MaxSpatial]Resolution
}

// Dependency is one packet's dependency descriptor.
type Dependency struct {
	Start, End bool // first and last packet of the frame
	Number     uint16
	Spatial    uint8
	Temporal   uint8
	Begins     bool // it carries a structure: a coded video sequence begins
}

// KeyFrame tells whether the packet begins a picture that needs no other.
func (d *Dependency) KeyFrame() bool { return d.Start && d.Begins && d.Spatial == 0 }

// Parse reads a descriptor. A structure in it replaces s. ErrMalformed also
// for a frame of a structure that is not known. A frame's own indications,
// distances and chains, which stand last, are not read: what a receiver gets
// begins at a key frame and holds every layer up to its own.
func (s *Structure) Parse(ext []byte) (d Dependency, err error) {
	r := NewBits(ext)
	d.Start, d.End = r.flag(), r.flag()
	id := uint8(r.Read(6))
	d.Number = uint16(r.Read(16))
	if len(ext) > 3 {
		d.Begins = r.flag()
		activeToo := r.flag()
		r.Read(3) // the frame's own indications, distances, chains
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
	d.Spatial, d.Temporal = s.templates[index].spatial, s.templates[index].temporal
	return d, nil
}

// Active is how many of the lowest spatial layers have a decode target that is sent.
func (s *Structure) Active() (layers int) {
	for i, spatial := range s.targets[:s.nTargets] {
		if s.active&(1<<uint(i)) != 0 {
			layers = max(layers, int(spatial)+1)
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
	for _, t := range s.templates[:s.count] { // what each frame is to each target; 0: it is none of its frames
		for i := range s.nTargets {
			if r.Read(2) != 0 {
				s.targets[i] = max(s.targets[i], t.spatial)
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
