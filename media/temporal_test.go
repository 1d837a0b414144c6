package media

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/allocate"
	"yunting/media/packet"
)

// thinStream is one synthetic VP8 stream of three temporal layers, 0 2 1 2 and so on, of one to three packets a picture.
// A payload tells which earlier picture its own needs most lately of each layer.
type thinStream struct {
	layer   *layer
	r       *rand.Rand
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
	n       int
	last    [temporalLayers]int // newest picture of each layer, from 1; 0: none since the key picture
}

// needed is what a test's decoder reads of a payload, behind the VP8 descriptor of six bytes and the frame header of ten.
type needed struct {
	n, part, parts int
	needs          [temporalLayers]int
}

func (v *thinStream) next(t *testing.T, at time.Time, key bool) (out []*buffer) {
	t.Helper()
	v.n++
	temporal := []uint8{0, 2, 1, 2}[v.n%4]
	sync := v.r.IntN(4) == 0
	if key {
		temporal, v.last = 0, [temporalLayers]int{}
	}
	if temporal == 0 {
		v.tl0++
	}
	needs := v.last
	for i := range needs {
		if sync && i > 0 && i >= int(temporal) || i > int(temporal) {
			needs[i] = 0
		}
	}
	parts := 1 + v.r.IntN(3)
	for part := range parts {
		flags := []byte{0x80, 0xe0, byte(v.picture>>8) | 0x80, byte(v.picture), v.tl0, temporal << 6}
		if part == 0 {
			flags[0] |= 0x10
		}
		if sync && temporal > 0 {
			flags[5] |= 0x20
		}
		frame := []byte{0x01, 0, 0, 0x9d, 0x01, 0x2a, 64, 1, 180, 0}
		if key {
			frame[0] = 0
		}
		payload := append(flags, frame...)
		for _, x := range []int{v.n, part, parts, needs[0], needs[1], needs[2]} {
			payload = binary.BigEndian.AppendUint32(payload, uint32(x))
		}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: part == parts-1, SequenceNumber: v.seq, Timestamp: v.ts, SSRC: v.layer.ssrc}, Payload: payload}
		out = append(out, v.layer.takes(t, p, at))
		v.seq++
	}
	v.last[temporal] = v.n
	v.ts, v.picture = v.ts+4500, (v.picture+1)&0x7fff
	return out
}

// thinGot is one packet as a receiver sees it.
type thinGot struct {
	head  rtp.Header
	vp8   packet.VP8
	empty bool
	needed
}

// thinViewer is a track writer that reads thinStream's payloads.
type thinViewer struct{ packets []thinGot }

func (v *thinViewer) WriteRTP(h *rtp.Header, p []byte) (int, error) {
	g := thinGot{head: *h, empty: len(p) == 0}
	if !g.empty {
		var err error
		if g.vp8, err = packet.ParseVP8(p); err != nil {
			return 0, err
		}
		word := func(i int) int { return int(binary.BigEndian.Uint32(p[16+4*i:])) }
		g.needed = needed{word(0), word(1), word(2), [temporalLayers]int{word(3), word(4), word(5)}}
	}
	v.packets = append(v.packets, g)
	return len(p), nil
}
func (v *thinViewer) Write(b []byte) (int, error) { return len(b), nil }

func thinTrack(t *testing.T) (*thinStream, *subscription, *thinViewer) {
	all := codecs()
	tr, _ := threeLayers(t, all[slices.IndexFunc(all, func(c webrtc.RTPCodecParameters) bool { return c.MimeType == webrtc.MimeTypeVP8 })])
	tr.layers = tr.layers[:1]
	out := &thinViewer{}
	s := receive(tr, out)
	r := rand.New(rand.NewPCG(11, 12))
	return &thinStream{layer: tr.layers[0], r: r, seq: uint16(r.Uint32()), ts: r.Uint32(), picture: uint16(r.IntN(1 << 15))}, s, out
}

// TestTemporalLayersFollow lets the room of a link change at random: to the decoder it is one stream without a hole in
// sequence numbers, PictureID and TL0PICIDX, and each picture comes behind all that it needs.
func TestTemporalLayersFollow(t *testing.T) {
	stream, s, out := thinTrack(t)
	now := time.Now()
	var sent [thinner + 1]int
	for n := range 6000 {
		now = now.Add(50 * time.Millisecond)
		if n%25 == 0 {
			s.spare.Store(int32(stream.r.IntN(thinner + 1)))
		}
		for _, b := range stream.layer.accept(stream.next(t, now, n%500 == 0)) { // each in a run of its own: what was begun is sent whole
			s.forward([]*buffer{b}, now)
			if stream.r.IntN(50) == 0 {
				s.spare.Store(int32(stream.r.IntN(thinner + 1)))
			}
		}
	}
	have := map[int]bool{}
	for i, p := range out.packets {
		if p.empty {
			t.Fatalf("packet %d is empty though nothing came late", i)
		}
		if i > 0 {
			before := out.packets[i-1]
			if p.head.SequenceNumber != before.head.SequenceNumber+1 {
				t.Fatalf("packet %d: sequence %d after %d", i, p.head.SequenceNumber, before.head.SequenceNumber)
			}
			first := p.part == 0
			if first != (before.part == before.parts-1) || !first && p.n != before.n {
				t.Fatalf("packet %d: part %d of %d after part %d of %d", i, p.part, p.n, before.part, before.n)
			}
			if want := before.vp8.PictureID; first && p.vp8.PictureID != (want+1)&0x7fff || !first && p.vp8.PictureID != want {
				t.Fatalf("packet %d: picture %d after %d", i, p.vp8.PictureID, want)
			}
			want := before.vp8.TL0PicIdx
			if first && p.vp8.Temporal == 0 {
				want++
			}
			if p.vp8.TL0PicIdx != want {
				t.Fatalf("packet %d: TL0PICIDX %d, want %d", i, p.vp8.TL0PicIdx, want)
			}
		}
		for _, n := range p.needs {
			if n > 0 && !have[n] {
				t.Fatalf("packet %d: picture %d of layer %d needs %d, which was not sent", i, p.n, p.vp8.Temporal, n)
			}
		}
		if p.part == p.parts-1 {
			have[p.n] = true
			sent[p.vp8.Temporal]++
		}
	}
	if sent[0] < 1500 || sent[1] < 400 || sent[2] < 300 || sent[1] > 1400 || sent[2] > 2500 {
		t.Errorf("pictures of each temporal layer: %v", sent)
	}
}

// TestTemporalLayersWithLoss loses and delays packets on the way from the publisher while layers are left out: each
// number goes out once and in no other picture than its own, and a NACK gets the same bytes again.
func TestTemporalLayersWithLoss(t *testing.T) {
	stream, s, out := thinTrack(t)
	now, empty, filled := time.Now(), 0, 0
	way := &roughWay{r: stream.r, one: 12}
	for n := range 8000 {
		now = now.Add(50 * time.Millisecond)
		if n%25 == 0 {
			s.spare.Store(int32(stream.r.IntN(thinner + 1)))
		}
		arrive := way.carry(stream.next(t, now, n%100 == 0))
		count := len(out.packets)
		s.forward(stream.layer.accept(arrive), now)
		if fresh := out.packets[count:]; len(fresh) > 0 {
			again := fresh[stream.r.IntN(len(fresh))]
			count = len(out.packets)
			s.resendOne(s.bound.Load(), again.head.SequenceNumber)
			if len(out.packets) != count+1 || !sameThin(out.packets[count], again) {
				t.Fatalf("picture %d: sent again %+v, first %+v", n, out.packets[count:], again)
			}
			out.packets = out.packets[:count]
		}
	}
	type number struct {
		round int
		seq   uint16
	}
	seen, pictures, round, highest := map[number]bool{}, map[uint16]int{}, 0, out.packets[0].head.SequenceNumber
	for i, p := range out.packets {
		q := number{round, p.head.SequenceNumber}
		if d := int16(q.seq - highest); d > 0 {
			if q.seq < highest {
				round, q.round = round+1, round+1
			}
			highest = q.seq
		} else if i > 0 {
			filled++
			if q.seq > highest {
				q.round--
			}
		}
		if seen[q] {
			t.Fatalf("packet %d: sequence %d twice", i, q.seq)
		}
		seen[q] = true
		if p.empty {
			empty++
			continue
		}
		if n, ok := pictures[p.vp8.PictureID]; ok && n != p.n && p.n-n < 1<<14 {
			t.Fatalf("packet %d: picture id %d for pictures %d and %d", i, p.vp8.PictureID, n, p.n)
		}
		pictures[p.vp8.PictureID] = p.n
	}
	if filled < 50 || empty < 10 {
		t.Errorf("%d late packets in their places, %d of them empty", filled, empty)
	}
}

func sameThin(a, b thinGot) bool {
	return a.head.SequenceNumber == b.head.SequenceNumber && a.head.Timestamp == b.head.Timestamp && a.head.Marker == b.head.Marker &&
		a.empty == b.empty && a.needed == b.needed && a.vp8 == b.vp8
}

// TestClimb: down at once, up where the encoder provides for it, and at a key picture in any case.
func TestClimb(t *testing.T) {
	cases := []struct {
		name      string
		picture   temporal
		now, room uint8
		key       bool
		want      uint8
	}{
		{"down", synced(0, false), 2, 0, false, 0},
		{"a key picture", synced(0, false), 0, 2, true, 2},
		{"VP8: the next layer's mark", synced(1, true), 0, 2, false, 1},
		{"VP8: a mark two layers up", synced(2, true), 0, 2, false, 0},
		{"VP8: no mark", synced(1, false), 0, 2, false, 0},
		{"VP8: the lowest layer marks nothing", synced(0, true), 0, 2, false, 0},
		{"AV1: the lowest layer leads to every target", temporal{0, 0, 2}, 0, 2, false, 2},
		{"AV1: as far as there is room", temporal{0, 0, 2}, 0, 1, false, 1},
		{"AV1: a picture that is not sent leads nowhere", temporal{1, 1, 2}, 0, 2, false, 0},
	}
	for _, c := range cases {
		if got := c.picture.climb(c.now, c.room, c.key); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestRungs: the allocator sees what fewer frames would cost, and what it gives is what the receiver gets.
func TestRungs(t *testing.T) {
	stream, s, _ := thinTrack(t)
	tr := stream.layer.track
	now := time.Now()
	w := &worker{tracks: []*track{tr}, rated: now}
	for n := range 40 {
		now = now.Add(50 * time.Millisecond)
		stream.layer.accept(stream.next(t, now, n == 0))
	}
	w.rate(now)
	bps := make([]int, rungs)
	tr.costs(bps)
	for i, part := range []int{1, 2, 4} { // of the pictures, by 0 2 1 2
		if want := bps[thinner] * part / 4; bps[i] < want*6/10 || bps[i] > want*14/10 || bps[i] == 0 {
			t.Errorf("rung %d costs %d of %d", i, bps[i], bps[thinner])
		}
	}
	p := s.peer
	p.down.weak = map[*subscription]bool{}
	tr.subscriptions()[0].want.Store(0)
	for budget, spare := range map[int]int32{bps[0] + 1: 2, bps[1] + 1: 1, bps[2] + 1: 0} {
		x := p.down.demandsLocked(map[*track]*subscription{tr: s})
		if len(x) != 1 {
			t.Fatalf("%d demands", len(x))
		}
		p.down.applyLocked(&x[0], allocate.Share(budget, x)[0])
		if s.limit.Load() != 0 || s.spare.Load() != spare {
			t.Errorf("with %d bps: layer %d without %d temporal layers, want %d", budget, s.limit.Load(), s.spare.Load(), spare)
		}
	}
}
