// Package rewrite gives each receiver one continuous RTP stream out of a
// source that pauses, resumes and switches between layers: sequence number,
// timestamp, VP8 PictureID and TL0PICIDX go on without a break.
package rewrite

const (
	maxRuns = 64     // how far back a NACK can reach, in switches and stretches left out
	maxBack = 0x3fff // packets of a run that are remembered: numbers wrap, runs go on
)

// In is what a packet says at the source.
type In struct {
	Seq       uint16
	Timestamp uint32
	Picture   uint16
	TL0       uint8
	Bare      bool // padding, which is of no picture
}

// Omitted is the layer of a packet of a picture that was left out: a number was
// kept for it, but its payload must not be sent.
const Omitted = -1

// Out is what the receiver is to see.
type Out struct {
	Seq       uint16
	Timestamp uint32
	Picture   uint16
	TL0       uint8
	Layer     int8 // that the receiver had where the packet stands; Omitted
}

// run is a stretch of the source that is forwarded with fixed offsets.
type run struct {
	layer    uint8
	follows  bool // the run before is of the same stream, without a pause between
	omits    bool // pictures were left out where it begins, of the timestamps from … to
	tl0      uint8
	firstIn  uint16
	firstOut uint16
	lastIn   uint16 // highest that has a number, be it forwarded or still to come
	seq      uint16 // out = in + offset
	pic      uint16
	ts       uint32
	from, to uint32
}

// Mapper rewrites for one receiver. It is not safe for concurrent use: the
// forwarding worker owns it. The zero value is ready; Switch must come first.
type Mapper struct {
	runs  [maxRuns]run
	n     int // runs ever made
	first uint16
	last  Out // highest sent
}

// New makes a mapper whose stream begins at sequence number first.
func New(first uint16) *Mapper { return &Mapper{first: first} }

// Started tells whether anything was mapped yet.
func (m *Mapper) Started() bool { return m.n > 0 }

// Layer is the layer of the present run.
func (m *Mapper) Layer() uint8 { return m.current().layer }

// Last is the newest packet that was mapped.
func (m *Mapper) Last() Out { return m.last }

func (m *Mapper) current() *run { return &m.runs[(m.n+maxRuns-1)%maxRuns] }

// Switch begins a new run at the packet in, of the given layer, with the
// packet's timestamp shown as ts. Out continues behind what was sent last.
func (m *Mapper) Switch(layer uint8, in In, ts uint32) {
	next := Out{Seq: m.first, Picture: in.Picture, TL0: in.TL0}
	if m.n > 0 {
		next = Out{Seq: m.last.Seq + 1, Picture: m.last.Picture + 1, TL0: m.last.TL0 + 1}
	}
	m.runs[m.n%maxRuns] = run{layer: layer, firstIn: in.Seq, lastIn: in.Seq - 1, firstOut: next.Seq,
		seq: next.Seq - in.Seq, ts: ts - in.Timestamp, pic: next.Picture - in.Picture, tl0: next.TL0 - in.TL0}
	m.n++
}

// Resume begins a new run of the same layer after a pause, with the source's
// clock running on.
func (m *Mapper) Resume(in In) {
	r := m.current()
	m.Switch(r.layer, in, in.Timestamp+r.ts)
}

// Late tells whether a packet stands before one that was mapped or left out.
func (m *Mapper) Late(seq uint16) bool { return int16(seq-m.current().lastIn) <= 0 }

// Step goes on with the same stream from the packet seq on, at another layer.
func (m *Mapper) Step(layer uint8, seq uint16) { m.cut(seq, seq, layer) }

// Skip leaves a packet of the same stream out: the numbers close up behind it.
// Those of packets before it that have not come are kept for them.
func (m *Mapper) Skip(seq uint16) { m.cut(seq, seq+1, m.current().layer) }

// Omit leaves out a packet of a picture of which nothing is sent, as Skip does.
// The picture's id closes up too.
func (m *Mapper) Omit(in In) {
	again := m.current().omitted(in.Timestamp)
	m.Skip(in.Seq)
	r := m.current()
	if !again && !in.Bare {
		r.pic--
	}
	if !r.omits {
		r.omits, r.from = true, in.Timestamp
	}
	r.to = in.Timestamp
}

// omitted tells whether the picture of a timestamp was left out where r begins.
func (r *run) omitted(ts uint32) bool { return r.omits && ts-r.from <= r.to-r.from }

// cut ends the present run before end and begins one that follows it at first.
func (m *Mapper) cut(end, first uint16, layer uint8) {
	r := m.current()
	next := *r
	next.layer, next.firstIn, next.lastIn = layer, first, first-1
	next.seq -= first - end
	if end == r.firstIn { // nothing was to be sent of the run
		next.firstOut = r.firstOut
		*r = next
		return
	}
	r.lastIn = end - 1
	m.last.Seq = r.lastIn + r.seq
	next.firstOut, next.follows, next.omits = m.last.Seq+1, true, false
	m.runs[m.n%maxRuns] = next
	m.n++
}

// earlier finds the run that a late packet of the same stream belongs to.
func (m *Mapper) earlier(seq uint16) (i int, ok bool) {
	for i := m.n - 1; i > 0 && i > m.n-maxRuns && m.runs[i%maxRuns].follows; i-- {
		if r := &m.runs[(i-1)%maxRuns]; int16(seq-r.firstIn) >= 0 {
			return (i - 1) % maxRuns, int16(seq-r.lastIn) <= 0
		}
	}
	return 0, false
}

// TimestampOffset is what the present run adds to timestamps.
func (m *Mapper) TimestampOffset() uint32 { return m.current().ts }

// Map rewrites a packet of the present run. ok is false for a packet older
// than the run: it belongs to a stretch that the receiver does not get.
func (m *Mapper) Map(in In) (out Out, ok bool) {
	r := m.current()
	if int16(in.Seq-r.firstIn) < 0 {
		i, ok := m.earlier(in.Seq)
		if !ok {
			return out, false
		}
		return m.Again(i, in), true
	}
	out = r.out(in)
	if int16(in.Seq-r.lastIn) > 0 {
		r.lastIn = in.Seq
		if in.Bare {
			out.Picture, out.TL0 = m.last.Picture, m.last.TL0
		}
		m.last = out
		r.forget()
	} else if r.omitted(in.Timestamp) {
		out.Layer = Omitted
	}
	return out, true
}

// forget moves the run's beginning along, so that it never seems to lie ahead.
func (r *run) forget() {
	if over := r.lastIn - r.firstIn; over > maxBack && over < 1<<15+maxBack {
		r.firstIn += over - maxBack
		r.firstOut += over - maxBack
	}
}

// Again rewrites a packet that was sent before, found by Source: the same
// bytes as then.
func (m *Mapper) Again(run int, in In) Out {
	r, next := &m.runs[run], &m.runs[(run+1)%maxRuns]
	out := r.out(in)
	if r.omitted(in.Timestamp) || r != m.current() && next.follows && next.omitted(in.Timestamp) {
		out.Layer = Omitted
	}
	return out
}

func (r *run) out(in In) Out {
	return Out{in.Seq + r.seq, in.Timestamp + r.ts, (in.Picture + r.pic) & 0x7fff, in.TL0 + r.tl0, int8(r.layer)}
}

// Source finds which packet of which layer was sent as sequence number out;
// run is to be given to Again.
func (m *Mapper) Source(out uint16) (layer uint8, seq uint16, run int, ok bool) {
	for i := m.n - 1; i >= 0 && i >= m.n-maxRuns; i-- {
		r := &m.runs[i%maxRuns]
		if int16(out-r.firstOut) < 0 {
			continue
		}
		in := out - r.seq
		if int16(in-r.lastIn) > 0 {
			return 0, 0, 0, false
		}
		return r.layer, in, i % maxRuns, true
	}
	return 0, 0, 0, false
}
