package fee

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestProperty(t *testing.T) {
	cases := []struct{ amount, fee int64 }{ // fen
		{0, 50_00}, {-5, 50_00}, {1, 50_00},
		{10_000_00, 50_00},
		{100_000_00, 2_300_00},
		{200_000_00, 4_300_00},
		{500_000_00, 8_800_00},
		{1_000_000_00, 13_800_00},
		{2_000_000_00, 22_800_00},
		{5_000_000_00, 46_800_00},
		{10_000_000_00, 81_800_00},
		{20_000_000_00, 141_800_00},
		{100_000_000_00, 541_800_00},
		{1_123_685_86, 14_913_00},
	}
	for _, c := range cases {
		if got := Property(c.amount); got != c.fee {
			t.Errorf("%s: %s, want %s", Yuan(c.amount), Yuan(got), Yuan(c.fee))
		}
	}
	if got := PropertyExact(1_123_685_86); got != 14_913_17 {
		t.Errorf("exact: %s", Yuan(got))
	}
}

func TestPreservation(t *testing.T) {
	for amount, want := range map[int64]int64{
		0: 30_00, 1_000_00: 30_00, 100_000_00: 1_020_00, 200_000_00: 1_520_00, 896_000_00: 5_000_00, 5_000_000_00: 5_000_00, math.MaxInt64: 5_000_00,
	} {
		if got := Preservation(amount); got != want {
			t.Errorf("%s: %s, want %s", Yuan(amount), Yuan(got), Yuan(want))
		}
	}
}

func TestHalf(t *testing.T) {
	for whole, want := range map[int64]int64{50_00: 25_00, 14_913_00: 7_456_50, 13_800_00: 6_900_00} {
		if got := Half(whole); got != want {
			t.Errorf("half of %s: %s", Yuan(whole), Yuan(got))
		}
	}
}

func TestExplain(t *testing.T) {
	zh, en := Explain(1_123_685_86, "zh-CN"), Explain(1_123_685_86, "en")
	for _, part := range []string{"第十三条", "1,123,685.86", "123,685.86 × 0.9%", "14,913.17", "14,913元"} {
		if !strings.Contains(zh, part) {
			t.Errorf("%q is not in %q", part, zh)
		}
	}
	if !strings.Contains(en, "art. 13(1)") || !strings.Contains(en, "90,000 × 2.5%") {
		t.Error(en)
	}
}

func TestMoreNeverCostsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, math.MaxInt64).Draw(t, "a")
		b := rapid.Int64Range(a, math.MaxInt64).Draw(t, "b")
		if Property(a) > Property(b) || Preservation(a) > Preservation(b) || PropertyExact(a) < 50_00 {
			t.Fatalf("fee falls from %d to %d", a, b)
		}
		if d := Property(a) - PropertyExact(a); d < -50 || d > 50 {
			t.Fatalf("rounding of %d moves the fee by %d fen", a, d)
		}
	})
}
