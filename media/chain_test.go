package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

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
