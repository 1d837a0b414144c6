package rewrite

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSwitchGoesOnWithoutBreak(t *testing.T) {
	m := New(100)
	m.Switch(0, In{Seq: 65534, Timestamp: 5000, Picture: 0x7ffe, TL0: 254}, 5000)
	for i := range 4 {
		in := In{Seq: uint16(65534 + i), Timestamp: 5000 + uint32(i)*3000, Picture: uint16(0x7ffe+i) & 0x7fff, TL0: uint8(254 + i)}
		out, ok := m.Map(in)
		if !ok || out.Seq != uint16(100+i) || out.Timestamp != in.Timestamp || out.Picture != in.Picture || out.TL0 != in.TL0 {
			t.Errorf("packet %d: %+v", i, out)
		}
	}
	m.Switch(2, In{Seq: 7, Timestamp: 90, Picture: 3, TL0: 4}, 17000)
	out, ok := m.Map(In{Seq: 7, Timestamp: 90, Picture: 3, TL0: 4})
	if want := (Out{104, 17000, 2, 2, 2}); !ok || out != want {
		t.Errorf("after the switch %+v, want %+v", out, want)
	}
	if _, ok := m.Map(In{Seq: 6}); ok {
		t.Error("a packet from before the switch was let through")
	}
	if layer, seq, run, ok := m.Source(102); !ok || layer != 0 || seq != 0 || m.Again(run, In{Seq: 0, Timestamp: 11000}).Seq != 102 {
		t.Errorf("source of 102: %d %d %v", layer, seq, ok)
	}
	if layer, seq, _, ok := m.Source(104); !ok || layer != 2 || seq != 7 {
		t.Errorf("source of 104: %d %d %v", layer, seq, ok)
	}
	for _, never := range []uint16{99, 105, 30000} {
		if _, _, _, ok := m.Source(never); ok {
			t.Errorf("%d was never sent", never)
		}
	}
}

// TestContinuous switches, pauses, drops and reorders at random: what goes out
// has each number once, and each can be found again with the same result.
func TestContinuous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New(uint16(rapid.Uint16Range(0, 0x3fff).Draw(t, "first")))
		type key struct {
			layer uint8
			seq   uint16
		}
		sent := map[uint16]key{}
		outs := map[uint16]Out{}
		next := [3]uint16{uint16(rapid.Uint16().Draw(t, "a")), uint16(rapid.Uint16().Draw(t, "b")), uint16(rapid.Uint16().Draw(t, "c"))}
		layer := uint8(0)
		in := func() In {
			return In{Seq: next[layer], Timestamp: uint32(next[layer]) * 90, Picture: next[layer] & 0x7fff, TL0: uint8(next[layer])}
		}
		m.Switch(0, in(), 0)
		switches := 0
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			switch rapid.IntRange(0, 19).Draw(t, "event") {
			case 0:
				layer = uint8(rapid.IntRange(0, 2).Draw(t, "layer"))
				m.Switch(layer, in(), m.Last().Timestamp+3000)
				switches++
			case 1: // a pause
				next[layer] += 7
				m.Resume(in())
				switches++
			}
			i := in()
			out, ok := m.Map(i)
			if !ok {
				t.Fatalf("packet %+v refused", i)
			}
			if k, again := sent[out.Seq]; again {
				t.Fatalf("%d sent for %v and %v", out.Seq, k, key{layer, i.Seq})
			}
			sent[out.Seq], outs[out.Seq] = key{layer, i.Seq}, out
			next[layer]++
		}
		if switches >= maxRuns {
			return
		}
		for seq, k := range sent {
			layer, source, run, ok := m.Source(seq)
			if !ok || layer != k.layer || source != k.seq {
				t.Fatalf("source of %d: %d %d %v, want %v", seq, layer, source, ok, k)
			}
			again := m.Again(run, In{Seq: source, Timestamp: uint32(source) * 90, Picture: source & 0x7fff, TL0: uint8(source)})
			if again != outs[seq] {
				t.Fatalf("%d again is %+v, was %+v", seq, again, outs[seq])
			}
		}
	})
}

func BenchmarkMap(b *testing.B) {
	m := New(1)
	m.Switch(0, In{}, 0)
	b.ReportAllocs()
	for i := uint16(0); b.Loop(); i++ {
		m.Map(In{Seq: i, Timestamp: uint32(i)})
	}
}

// TestRunOutlivesTheNumbers forwards one run three times round the numbers:
// nothing is held back, and what was just sent can be found again.
func TestRunOutlivesTheNumbers(t *testing.T) {
	m := New(1)
	m.Switch(0, In{Seq: 5}, 0)
	for i := range 200_000 {
		out, ok := m.Map(In{Seq: uint16(5 + i)})
		if !ok || out.Seq != uint16(1+i) {
			t.Fatalf("packet %d: %+v %v", i, out, ok)
		}
		back := uint16(1 + i - min(i, 1000))
		if _, in, _, ok := m.Source(back); !ok || in != back+4 {
			t.Fatalf("packet %d: the source of %d is %d %v", i, back, in, ok)
		}
		if i%7 == 6 { // one that came late
			if out, ok := m.Map(In{Seq: uint16(5 + i - 3)}); !ok || out.Seq != uint16(1+i-3) {
				t.Fatalf("late packet of %d: %+v %v", i, out, ok)
			}
		}
	}
}

// TestPaddingIsOfNoPicture: after padding, which names no picture, another layer goes on behind the last picture; in a
// stretch that is left out it counts for none.
func TestPaddingIsOfNoPicture(t *testing.T) {
	m := New(100)
	m.Switch(0, In{Seq: 7, Timestamp: 90, Picture: 300, TL0: 40}, 90)
	m.Map(In{Seq: 7, Timestamp: 90, Picture: 300, TL0: 40})
	m.Map(In{Seq: 8, Timestamp: 90, Bare: true})
	m.Omit(In{Seq: 9, Timestamp: 95, Bare: true})
	if out, _ := m.Map(In{Seq: 10, Timestamp: 100, Picture: 301, TL0: 41}); out != (Out{102, 100, 301, 41, 0}) {
		t.Errorf("the next picture: %+v", out)
	}
	m.Map(In{Seq: 11, Timestamp: 100, Bare: true})
	key := In{Seq: 9000, Timestamp: 5, Picture: 12, TL0: 200}
	m.Switch(1, key, 200)
	if out, _ := m.Map(key); out != (Out{104, 200, 302, 42, 1}) {
		t.Errorf("another layer: %+v", out)
	}
}
