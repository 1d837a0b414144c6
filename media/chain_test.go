package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/packet"
	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// lost is which part of which layer of a picture does not come; of the layer allParts of it.
type lost struct{ picture, layer, part int }

const allParts = -1

func (x lost) has(picture int, n int) bool {
	return x.picture == picture && x.layer == n/svcParts && (x.part == allParts || x.part == n%svcParts)
}

// TestSevered: what is lost of a layer's chain is told apart from what a receiver can do without, by real descriptors and
// without any.
func TestSevered(t *testing.T) {
	for _, tc := range []struct {
		name, mode string
		lost       lost
		want       uint8
	}{
		{"full: the lowest layer is every layer's", fullMode, lost{3, 0, 1}, 0b111},
		{"full: a whole frame of the lowest", fullMode, lost{3, 0, allParts}, 0b111},
		{"full: the middle layer", fullMode, lost{3, 1, 0}, 0b110},
		{"full: the highest", fullMode, lost{3, 2, 1}, 0b100},
		{"KEY: the lowest is its own alone", keyMode, lost{3, 0, 0}, 0b001},
		{"KEY: the middle", keyMode, lost{3, 1, 1}, 0b010},
		{"KEY: a whole frame of the middle", keyMode, lost{3, 1, allParts}, 0b010},
		{"KEY: the highest", keyMode, lost{3, 2, 0}, 0b100},
		{"KEY: in the key picture the lowest is every layer's", keyMode, lost{0, 0, 1}, 0b111},
		{"KEY: in the key picture the middle", keyMode, lost{0, 1, allParts}, 0b110},
		{"no descriptor: from the packet's layer on", "", lost{3, 1, 1}, 0b110},
		{"no descriptor: a layer that began", "", lost{3, 2, 1}, 0b111},
	} {
		_, stream, _, _ := svcTrack(t, webrtc.MimeTypeVP9)
		stream.mode = tc.mode
		now := time.Now()
		var seqs []uint16
		for picture := range 6 {
			now = now.Add(50 * time.Millisecond)
			var arrive []*buffer
			for n, b := range stream.next(t, now, picture == 0) {
				if tc.lost.has(picture, n) {
					seqs = append(seqs, b.head.Seq)
				} else {
					arrive = append(arrive, b)
				}
			}
			stream.layer.accept(arrive)
		}
		if len(seqs) == 0 {
			t.Fatalf("%s: nothing is lost", tc.name)
		}
		for _, seq := range seqs {
			if got := stream.layer.severed(seq); got != tc.want {
				t.Errorf("%s: layers %03b, want %03b", tc.name, got, tc.want)
			}
		}
	}
}

// TestChainIsMended: a key picture is asked for when what is lost is of the receiver's layer, once it has been missing for
// long, and not again when one has come.
func TestChainIsMended(t *testing.T) {
	for layer, want := range []bool{false, true, false} { // of what the receiver has: the middle layer is hit
		_, stream, s, _ := svcTrack(t, webrtc.MimeTypeAV1)
		stream.mode = keyMode
		s.target = uint8(layer)
		now := time.Now()
		w := stream.layer.track.w
		pictures := func(n int, key bool, lost lost) {
			for picture := range n {
				now = now.Add(50 * time.Millisecond)
				var arrive []*buffer
				for n, b := range stream.next(t, now, key && picture == 0) {
					if !lost.has(picture, n) {
						arrive = append(arrive, b)
					}
				}
				s.forward(stream.layer.accept(arrive), now)
				w.mendChain(stream.layer, now, 0)
			}
		}
		pictures(8, true, lost{picture: 3, layer: 1, part: 1})
		if stream.layer.wantKey || int(s.sent()) != layer {
			t.Fatalf("layer %d: a key picture is wanted of what may still come; layer %d is sent", layer, s.sent())
		}
		pictures(15, false, lost{picture: -1})
		if stream.layer.wantKey != want {
			t.Errorf("layer %d: a key picture is wanted: %v", layer, stream.layer.wantKey)
		}
		pictures(15, true, lost{picture: -1})
		if stream.layer.wantKey {
			t.Errorf("layer %d: a key picture is wanted after one has come", layer)
		}
	}
}

// TestUnchained: without chains an upper temporal layer's loss passes.
func TestUnchained(t *testing.T) {
	at := func(timestamp uint32, spatial, temporalLayer uint8, ends bool) *buffer {
		b := &buffer{spatial: spatial, temporal: temporal{layer: temporalLayer}, ends: ends}
		b.head.Timestamp = timestamp
		return b
	}
	for _, tc := range []struct {
		name          string
		before, after *buffer
		want          uint8
	}{
		{"of the lowest", at(1, 0, 0, false), at(1, 0, 0, true), 0b111},
		{"of the middle", at(1, 1, 0, false), at(1, 1, 0, true), 0b110},
		{"the layer above the one that ended", at(1, 1, 0, true), at(1, 2, 0, false), 0b100},
		{"of an upper temporal layer", at(1, 0, 2, false), at(1, 2, 2, true), 0},
		{"between pictures", at(1, 2, 2, true), at(2, 0, 2, false), 0b111},
	} {
		if got := unchained(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: layers %03b, want %03b", tc.name, got, tc.want)
		}
	}
}

// TestUpWhereALayerBegins: when an upper layer comes again and begins from the one below, a receiver that wants it gets it
// from there on without a key picture, one with no room for it does not; a layer that goes on from earlier pictures is not
// entered. In VP9 its payload descriptor tells it, in AV1 the dependency descriptor.
func TestUpWhereALayerBegins(t *testing.T) {
	for _, tc := range []struct {
		name, codec, mode string
		fresh             int
		limit             int32
		want              uint8
	}{
		{"VP9", webrtc.MimeTypeVP9, "", 1, unlimited, 2},
		{"VP9, described", webrtc.MimeTypeVP9, fullMode, 1, unlimited, 2},
		{"AV1", webrtc.MimeTypeAV1, fullMode, 1, unlimited, 2},
		{"AV1, room for the middle layer", webrtc.MimeTypeAV1, fullMode, 1, 1, 1},
		{"AV1, no room", webrtc.MimeTypeAV1, fullMode, 1, 0, 0},
		{"AV1, the middle layer goes on", webrtc.MimeTypeAV1, fullMode, 2, unlimited, 0},
		{"AV1, both go on", webrtc.MimeTypeAV1, fullMode, 0, unlimited, 0},
	} {
		tr, stream, s, out := svcTrack(t, tc.codec)
		stream.mode = tc.mode
		s.limit.Store(tc.limit)
		now := time.Now()
		send := func(pictures int, key bool) {
			for n := range pictures {
				now = now.Add(50 * time.Millisecond)
				s.forward(stream.layer.accept(stream.next(t, now, key && n == 0)), now)
				tr.retarget(now)
			}
		}
		send(2, true)
		stream.count = 1
		send(20, false) // the upper layers are silent, and the receiver goes down
		if s.sent() != 0 {
			t.Fatalf("%s: layer %d is sent of one", tc.name, s.sent())
		}
		stream.count, stream.fresh = simulcast.Max, tc.fresh
		begins, before := stream.picture, len(out.packets)
		send(1, false)
		if s.sent() != tc.want {
			t.Errorf("%s: layer %d is sent, want %d", tc.name, s.sent(), tc.want)
		}
		for i, p := range out.packets[before:] {
			if p.picture != begins || int(p.spatial) != i/svcParts || p.empty || p.head.Marker != (i%svcParts == svcParts-1) { // what comes next is not known where a layer ends
				t.Errorf("%s: packet %d: %+v", tc.name, i, p)
			}
		}
		if got := len(out.packets) - before; got != (int(tc.want)+1)*svcParts {
			t.Errorf("%s: %d packets", tc.name, got)
		}
		if send(3, false); s.sent() != tc.want {
			t.Errorf("%s: later layer %d is sent", tc.name, s.sent())
		}
	}
}

// TestBaseIsMissed loses packets of a VP8 stream of three temporal layers and padding at random, round all wraps of its numbers:
// a hole is told to hold something of the lowest layer exactly when it does.
func TestBaseIsMissed(t *testing.T) {
	stream, _, _ := thinTrack(t)
	stream.seq, stream.picture, stream.tl0 = 65_000, 0x7f00, 200
	now, r, told := time.Now(), stream.r, map[bool]int{}
	for round := range 400 {
		var arrive []*buffer
		var missed []uint16
		var hole []uint16 // lost in a row
		base := false     // something of the lowest layer is in it
		want := map[uint16]bool{}
		for n := range 24 {
			now = now.Add(40 * time.Millisecond)
			packets := stream.next(t, now, n == 0)
			if r.IntN(3) == 0 { // lost or not, it is of no picture
				pad := stream.layer.takes(t, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: stream.seq, Timestamp: packets[0].head.Timestamp,
					SSRC: stream.layer.ssrc, Padding: true}, PaddingSize: 100}, now)
				stream.seq++
				packets = append(packets, pad)
			}
			for _, b := range packets {
				if n > 0 && n < 23 && r.IntN(4) == 0 {
					hole, base = append(hole, b.head.Seq), base || !b.empty() && b.temporal.layer == 0
					missed = append(missed, b.head.Seq)
					continue
				}
				arrive = append(arrive, b)
				if b.empty() { // the hole goes on behind it
					continue
				}
				for _, seq := range hole {
					want[seq] = base
				}
				hole, base = hole[:0], false
			}
		}
		stream.layer.accept(arrive)
		for _, seq := range missed {
			got := stream.layer.severed(seq) != 0
			if told[got]++; got != want[seq] {
				t.Fatalf("round %d, packet %d: severed %v, want %v", round, seq, got, want[seq])
			}
		}
	}
	if told[true] < 1000 || told[false] < 1000 {
		t.Errorf("%d holes cut the stream and %d do not", told[true], told[false])
	}
}

// TestBrokenStreamIsMended: of a stream of one layer, a key picture is asked for when something that later pictures need stays
// away from a receiver or the record, until one comes; not for what came late, nor where nobody gets it.
func TestBrokenStreamIsMended(t *testing.T) {
	all := codecs()
	for _, tc := range []struct {
		name     string
		codec    webrtc.RTPCodecParameters
		lost     int           // picture of forty
		late     time.Duration // when it comes all the same; 0 never
		received uint8         // layer; the middle one is hit
		recorded uint8
		want     bool
	}{
		{"VP8", all[0], 4, 0, 1, simulcast.None, true},
		{"VP8, repaired", all[0], 4, 300 * time.Millisecond, 1, simulcast.None, false},
		{"VP8, nothing lost", all[0], -1, 0, 1, 1, false},
		{"VP8, of another layer", all[0], 4, 0, 0, 0, false},
		{"VP8, of the record", all[0], 4, 0, 0, 1, true},
		{"H264", all[1], 4, 0, 1, simulcast.None, true},
		{"H264, repaired", all[1], 4, 300 * time.Millisecond, 1, simulcast.None, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, layers := threeLayers(t, tc.codec)
			s, _ := subscribe(tr)
			s.target = tc.received
			e, now := layers[1], time.Now()
			e.seq = 65_530
			if tc.recorded != simulcast.None {
				tr.feeds = []*feed{{sink: &countSink{n: map[uint32]bool{}}, track: tr, mapper: &rewrite.Mapper{}, target: tc.recorded}}
			}
			s.forward(layers[0].layer.accept([]*buffer{layers[0].next(t, now, true)}), now)
			var missing *buffer
			var missedAt time.Time
			asked := 0
			for n := range 40 {
				now = now.Add(40 * time.Millisecond)
				b := e.next(t, now, n == 0)
				arrive := []*buffer{b}
				if n == tc.lost {
					missing, missedAt, arrive = b, now, nil
				}
				if missing != nil && tc.late > 0 && now.Sub(missedAt) >= tc.late {
					missing.arrived = now
					arrive, missing = append(arrive, missing), nil
				}
				s.forward(e.layer.accept(arrive), now)
				e.layer.wantKey = false
				tr.w.mendChain(e.layer, now, 100*time.Millisecond)
				if e.layer.wantKey {
					if asked++; now.Sub(missedAt) < mendAfter+100*time.Millisecond {
						t.Errorf("asked %v after the loss", now.Sub(missedAt))
					}
				}
			}
			if (asked > 0) != tc.want {
				t.Errorf("asked %d times, want any: %v", asked, tc.want)
			}
			e.layer.wantKey = false
			s.forward(e.layer.accept([]*buffer{e.next(t, now.Add(time.Millisecond), true)}), now)
			if tr.w.mendChain(e.layer, now.Add(time.Second), 0); e.layer.wantKey {
				t.Error("asked again after a key picture")
			}
		})
	}
}

// TestBaseBetween: what tells streams without temporal layers, or without numbers of pictures, apart.
func TestBaseBetween(t *testing.T) {
	vp8 := func(picture uint16, start, marker bool) *buffer {
		b := &buffer{vp8: packet.VP8{PictureIDAt: 2, Long: true, PictureID: picture, Start: start}}
		b.head.Timestamp, b.head.Marker = uint32(picture), marker
		return b
	}
	h264 := func(timestamp uint32) *buffer {
		b := &buffer{}
		b.head.Timestamp, b.head.Marker = timestamp, true
		return b
	}
	for _, tc := range []struct {
		name          string
		before, after *buffer
		want          bool
	}{
		{"padding between two pictures", vp8(0x7fff, false, true), vp8(0, true, true), false},
		{"a whole picture", vp8(0x7fff, false, true), vp8(1, true, true), true},
		{"the end of a picture", vp8(7, true, false), vp8(8, true, true), true},
		{"the beginning of a picture", vp8(7, true, true), vp8(8, false, true), true},
		{"the middle of a picture", vp8(7, true, false), vp8(7, false, true), true},
		{"H264 does not tell", h264(1), h264(2), true},
	} {
		if got := baseBetween(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
