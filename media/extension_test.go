package media

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// TestExtensionsArePassedOn: a packet's extensions go out under the receiver's ids, those that it did not negotiate or
// that nobody knows do not, and none stays for the next packet. The dependency descriptor of a stream that is one
// encoding of several does not go on.
func TestExtensionsArePassedOn(t *testing.T) {
	s, _, _ := bench(t)
	out := &paper{}
	s.bound.Store(&binding{out: out, ssrc: 1, pt: 98, sequence: 3, ext: extensionIDs{extOrientation: 7, extDependency: 9}})
	l := &layer{track: s.track, ssrc: 7, svc: true}
	s.track.layers, s.track.format = []*layer{l}, formatOther
	s.track.ext = extensionIDs{extOrientation: 5, extDependency: 12, extDelay: 6}
	seq := uint16(1)
	packetWith := func(ext map[uint8][]byte) *buffer {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, SSRC: 7}, Payload: []byte{1, 2, 3}}
		seq++
		for id, b := range ext {
			if err := p.SetExtensionWithProfile(id, b, rtp.ExtensionProfileTwoByte); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b := &buffer{}
		if !l.parse(b, copy(b.data[:], raw)) {
			t.Fatal("our own packet is malformed")
		}
		b.key, b.arrived = true, time.Now()
		return b
	}
	turned, long := []byte{2}, bytes.Repeat([]byte{0xaa}, 90)
	for i, tc := range []struct {
		in, want map[uint8][]byte
		encoding bool
	}{
		{nil, nil, false},
		{map[uint8][]byte{5: turned, 6: {1, 2, 3}, 11: {9}}, map[uint8][]byte{7: turned}, false},
		{map[uint8][]byte{12: long, 5: turned}, map[uint8][]byte{9: long, 7: turned}, false},
		{nil, nil, false},
		{map[uint8][]byte{12: long, 5: turned}, map[uint8][]byte{7: turned}, true},
	} {
		l.svc = !tc.encoding
		s.forward([]*buffer{packetWith(tc.in)}, time.Now())
		if len(out.heads) != i+1 {
			t.Fatalf("packet %d: %d sent", i, len(out.heads))
		}
		h := out.heads[i]
		ids := h.GetExtensionIDs()
		if !slices.Contains(ids, 3) || len(ids) != 1+len(tc.want) {
			t.Errorf("packet %d: extensions %v, want the number and %d more", i, ids, len(tc.want))
		}
		for id, want := range tc.want {
			if got := h.GetExtension(id); !bytes.Equal(got, want) {
				t.Errorf("packet %d: extension %d is %x, want %x", i, id, got, want)
			}
		}
		if _, err := h.Marshal(); err != nil {
			t.Errorf("packet %d: %v", i, err)
		}
	}
	s.bound.Load().out = &sinkhole{}
	run := []*buffer{packetWith(map[uint8][]byte{12: long, 5: turned})}
	s.forward(run, time.Now())
	if n := testing.AllocsPerRun(1000, func() { run[0].head.Seq++; s.forward(run, run[0].arrived) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// TestVP8DescribesItself: the answer to a publisher leaves the dependency descriptor out where VP8 is sent, there alone.
func TestVP8DescribesItself(t *testing.T) {
	dependency := "a=extmap:9 " + extensions[extDependency].uri + "\r\n"
	section := func(mid, types, dependency string) string {
		return "m=video 9 UDP/TLS/RTP/SAVPF " + types + "\r\na=mid:" + mid + "\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:45 AV1/90000\r\n" +
			"a=extmap:4 " + extensions[extOrientation].uri + "\r\n" + dependency + "a=recvonly\r\n"
	}
	answer := func(vp8 string) string {
		return "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n" +
			section("1", "96 45", vp8) + section("2", "45 96", dependency) + section("3", "96", vp8)
	}
	if got := selfDescribed(answer(dependency)); got != answer("") {
		t.Errorf("%q", got)
	}
	for _, s := range []string{"", "v=0", "m=video", "\r\nm=", "\r\nm=video 9 UDP 96"} {
		if got := selfDescribed(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
