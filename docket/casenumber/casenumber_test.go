package casenumber

import (
	"errors"
	"testing"
)

func TestNumber(t *testing.T) {
	cases := []struct {
		text string
		want Number
		ok   bool
	}{
		{"（2026）京0491民初123号", Number{2026, "京0491", "民初", 123}, true},
		{"(2026)京0491民初123号", Number{2026, "京0491", "民初", 123}, true},
		{"（2025）最高法民终7号", Number{2025, "最高法", "民终", 7}, true},
		{"（2026）浙民申15号", Number{2026, "浙", "民申", 15}, true}, // a high court has no digits,
		{"（2026）京0491民初0号", Number{}, false},
		{"（2026）京0491民初01号", Number{}, false},
		{"（2026）京0491民初号", Number{}, false},
		{"（26）京0491民初1号", Number{}, false},
		{"（2026）京0491民初1号 ", Number{}, false},
		{"", Number{}, false},
	}
	for _, c := range cases {
		got, err := Parse(c.text)
		if !c.ok {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%q: %+v %v", c.text, got, err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v", c.text, got, err)
		}
	}
	if s := (Number{2026, "京0491", "民初", 123}).String(); s != "（2026）京0491民初123号" {
		t.Error(s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("（2026）京0491民初123号")
	f.Add("(2026)最高法民终1号")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(n.String())
		if err != nil || again != n {
			t.Errorf("%q: %+v became %+v: %v", s, n, again, err)
		}
	})
}
