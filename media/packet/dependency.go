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
	chains    int
	protects  [maxTargets]uint8 // the chain of each decode target

	// Layers is how many spatial layers there are, with their sizes if they are told.
	Layers int
	Sizes  [MaxSpatial]Resolution
}

// template is what frames have in common that refer to it.
type template struct {
	spatial, temporal uint8
	indications       indications
	back              uint16            // as Dependency.Back
	chains            [maxTargets]uint8 // how many frames before lies the one before in each chain
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
	// Serves is the highest spatial layer that cannot be shown without the frame.
	Serves uint8
	// Leads tells that who can show the frame can go on with its spatial layer from it on.
	Leads bool
	// Back is how many frames before lies the earliest that it needs; 0: it needs none.
	Back uint16
	// Chained tells that Chain is known: how many frames before lies the last that
	// each spatial layer cannot do without, 0 for none. When that one does not
	// come nothing more of the layer can be shown until a key picture.
	Chained bool
	Chain   [MaxSpatial]uint8
}

// KeyFrame tells whether the packet begins a picture that needs no other.
func (d *Dependency) KeyFrame() bool { return d.Start && d.Begins && d.Spatial == 0 }

// Parse reads a descriptor. A structure in it replaces s. ErrMalformed also
// for a frame of a structure that is not known.
func (s *Structure) Parse(ext []byte) (d Dependency, err error) {
	r := NewBits(ext)
	d.Start, d.End = r.flag(), r.flag()
	id := uint8(r.Read(6))
	var ownIndications, ownDistances, ownChains bool
	d.Number = uint16(r.Read(16))
	if len(ext) > 3 {
		d.Begins = r.flag()
		activeToo := r.flag()
		ownIndications, ownDistances, ownChains = r.flag(), r.flag(), r.flag()
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
	t := s.templates[index]
	if ownIndications {
		t.indications.read(&r, s.nTargets)
	}
	if ownDistances && !t.readDistances(&r) {
		return Dependency{}, ErrMalformed
	}
	if ownChains {
		for i := range s.chains {
			t.chains[i] = uint8(r.Read(8))
		}
	}
	if r.Over() {
		return Dependency{}, ErrMalformed
	}
	s.resolve(&d, &t)
	return d, nil
}

// resolve tells what a frame is to the decode targets of each layer.
func (s *Structure) resolve(d *Dependency, t *template) {
	d.Spatial, d.Temporal, d.Back = t.spatial, t.temporal, t.back
	d.Up, d.Serves, d.Chained = d.Temporal, d.Spatial, s.chains > 0
	for i, target := range s.targets[:s.nTargets] {
		if t.indications[i] != 0 {
			d.Serves = max(d.Serves, target.spatial)
		}
		if target.spatial == d.Spatial && t.indications[i] == switchable {
			d.Leads, d.Up = true, max(d.Up, target.temporal)
		}
		d.Chain[target.spatial] = t.chains[s.protects[i]] // one chain protects all targets of a layer
	}
}

// readDistances reads how far back lies what a frame needs (appendix A.8.2).
func (t *template) readDistances(r *Bits) bool {
	t.back = 0
	for n := 0; ; n++ {
		size := int(r.Read(2))
		if size == 0 {
			return true
		}
		if n == maxFdiffs {
			return false
		}
		t.back = max(t.back, uint16(r.Read(4*size))+1)
	}
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
	for i := range s.templates[:s.count] { // how far back lies what a frame needs
		for n := 0; r.flag(); n++ {
			if n == maxFdiffs {
				return false
			}
			s.templates[i].back = max(s.templates[i].back, uint16(r.Read(4))+1)
		}
	}
	s.readChains(r)
	if r.flag() {
		for i := range s.Layers {
			s.Sizes[i] = Resolution{int(r.Read(16)) + 1, int(r.Read(16)) + 1}
		}
	}
	return !r.Over()
}

// readChains reads which chain protects each decode target, and where each
// template's frames stand in them.
func (s *Structure) readChains(r *Bits) {
	chains := r.nonSymmetric(uint32(s.nTargets) + 1)
	if s.chains = int(chains); chains == 0 {
		return
	}
	for i := range s.nTargets {
		s.protects[i] = uint8(r.nonSymmetric(chains))
	}
	for i := range s.templates[:s.count] {
		for c := range s.chains {
			s.templates[i].chains[c] = uint8(r.Read(4))
		}
	}
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
