package loss

import (
	"slices"
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func TestAsksUntilItComes(t *testing.T) {
	tr := New(Options{})
	for i, s := range []uint16{65533, 65534, 1, 3} { // 65535, 0 and 2 are missing
		tr.Packet(s, at(i))
	}
	if d, _ := tr.Due(nil, at(4), 0); len(d) != 0 {
		t.Errorf("asked at once for %v: it may only be reordered", d)
	}
	if d, _ := tr.Due(nil, at(20), 0); !slices.Equal(d, []uint16{65535, 0, 2}) {
		t.Errorf("asked for %v", d)
	}
	if d, _ := tr.Due(nil, at(30), 0); len(d) != 0 {
		t.Errorf("asked again too early for %v", d)
	}
	if !tr.Packet(0, at(35)) || tr.Packet(0, at(36)) || tr.Packet(65533, at(36)) {
		t.Error("fresh and repeated packets are mixed up")
	}
	if d, _ := tr.Due(nil, at(50), 100*time.Millisecond); !slices.Equal(d, []uint16{65535, 2}) {
		t.Errorf("asked for %v", d)
	}
	if d, _ := tr.Due(nil, at(100), 100*time.Millisecond); len(d) != 0 {
		t.Errorf("asked within the round trip for %v", d)
	}
	for _, tc := range []struct {
		from, to int
		want     []uint16
	}{{-1, 9, []uint16{65535, 2}}, {2, 9, []uint16{2}}, {-1, 3, []uint16{65535}}, {3, 9, nil}} { // missed at 2 and at 3
		if got := tr.Late(nil, at(tc.from), at(tc.to)); !slices.Equal(got, tc.want) {
			t.Errorf("missed between %d and %d: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
	if _, gone := tr.Due(nil, at(5000), 0); gone != 2 || tr.Lost != 2 || tr.Missing() != 0 {
		t.Errorf("gave up %d, lost %d", gone, tr.Lost)
	}
}

func TestJumpsAreNoLoss(t *testing.T) {
	tr := New(Options{})
	tr.Packet(10, at(0))
	tr.Packet(10000, at(1))
	if tr.Missing() != 0 {
		t.Errorf("%d missing after a jump", tr.Missing())
	}
	tr.Packet(5, at(2))
	if !tr.Packet(6, at(3)) || tr.Missing() != 0 {
		t.Error("a stream that started anew is not followed")
	}
	for s := uint16(7); s < 2000; s += 2 {
		tr.Packet(s, at(4))
	}
	if tr.Missing() > maxMissing {
		t.Errorf("%d missing are kept", tr.Missing())
	}
}

func BenchmarkPacket(b *testing.B) {
	tr := New(Options{})
	b.ReportAllocs()
	for i := uint16(0); b.Loop(); i++ {
		tr.Packet(i, start)
	}
}
