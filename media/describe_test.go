package media

import "yunting/media/simulcast"

// The scalability modes of three spatial layers that are described: fullMode has each layer need those below it in every
// picture (L3T1), keyMode in key pictures alone (L3T1_KEY).
const (
	fullMode = "L3T1"
	keyMode  = "L3T1_KEY"
)

// description writes the dependency descriptors of a stream: one decode target and chain for each spatial layer, with the
// distances of each frame its own, as an encoder writes them when layers come and go.
type description struct {
	mode   string // empty: nothing is described
	number uint16
	layer  uint8                 // of the frame
	key    bool                  // it is of a key picture
	anew   bool                  // it needs no earlier picture
	last   [simulcast.Max]uint16 // number of the last frame of each layer
	chain  [simulcast.Max]uint16 // of the last frame of each layer's chain
	back   []uint16              // what the frame needs
	links  [simulcast.Max]uint16 // how far back lies the last of each chain
}

// frame begins a frame of a spatial layer.
func (d *description) frame(spatial uint8, key, anew bool) {
	d.number++
	d.layer, d.key, d.anew, d.back, d.links = spatial, key, anew, nil, [simulcast.Max]uint16{}
	if !anew {
		d.back = append(d.back, d.number-d.last[spatial])
	}
	if spatial > 0 && (anew || d.mode == fullMode) {
		d.back = append(d.back, d.number-d.last[spatial-1])
	}
	for i := range d.links {
		if !key || spatial > 0 {
			d.links[i] = d.number - d.chain[i]
		}
		if i == int(spatial) || i > int(spatial) && (key || d.mode == fullMode) {
			defer func() { d.chain[i] = d.number }()
		}
	}
	d.last[spatial] = d.number
}

// descriptor is that of one packet of the frame, of a picture of so many layers.
func (d *description) descriptor(start, end bool, layers int) []byte {
	w := bitWriter{}
	w.flag(start)
	w.flag(end)
	begins := d.key && d.layer == 0 && start
	template := 2 * uint32(d.layer)
	if d.anew {
		template++
	}
	w.put(template, 6)
	w.put(uint32(d.number), 16)
	w.flag(begins)
	w.put(0b1011, 4) // active targets, no indications of its own, distances and chains of its own
	if begins {
		d.structure(&w)
	}
	w.put(1<<layers-1, simulcast.Max)
	for _, back := range d.back {
		w.put(2, 2)
		w.put(uint32(back-1), 8)
	}
	w.put(0, 2)
	for _, link := range d.links {
		w.put(uint32(link), 8)
	}
	return w.b
}

// structure is the templates: of each layer the frames that need an earlier picture, and those that do not.
func (d *description) structure(w *bitWriter) {
	w.put(0, 6)
	w.put(simulcast.Max-1, 5)
	for _, next := range []uint32{0, 2, 0, 2, 0, 3} { // the same layer, the next spatial one, the end
		w.put(next, 2)
	}
	symbols := "SRR SSS -SR -SS --S --S"
	if d.mode == keyMode {
		symbols = "S-- SSS -S- -SS --S --S"
	}
	for _, symbol := range symbols {
		switch symbol {
		case '-':
			w.put(0, 2)
		case 'S':
			w.put(2, 2)
		case 'R':
			w.put(3, 2)
		}
	}
	w.put(0, 6)       // the templates tell no distances
	w.put(0b11, 2)    // three chains: ns(4)
	w.put(0b01011, 5) // 0, 1 and 2 protect the targets: ns(3)
	w.put(0, 6*simulcast.Max*4)
	w.flag(false) // no sizes
}

// bitWriter writes bits, the most significant first.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) flag(on bool) {
	if on {
		w.put(1, 1)
	} else {
		w.put(0, 1)
	}
}

func (w *bitWriter) put(v uint32, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(uint64(v)>>i&1) << (7 - w.n%8)
		w.n++
	}
}
