package docket

import (
	"strings"
	"testing"

	"yunting/internal/identity"
)

func TestMaskText(t *testing.T) {
	const number = "11010519491231002X"
	masked := identity.MaskID(number)
	for text, want := range map[string]string{
		"身份证号" + number + "。":           "身份证号" + masked + "。",
		number + "," + number:           masked + "," + masked,
		"1" + number:                    "1" + number, // a longer run is no identity number
		"ab" + number:                   "ab" + number,
		"110105194912310021":            "110105194912310021", // wrong check digit
		strings.Repeat("0123456789", 9): strings.Repeat("0123456789", 9),
		"短":                             "短",
	} {
		if got := maskText(text); got != want {
			t.Errorf("%q → %q, want %q", text, got, want)
		}
	}
}

// FuzzMaskText: whatever the text, masking twice changes nothing more, and a
// number set apart by Chinese text never survives.
func FuzzMaskText(f *testing.F) {
	f.Add("甲", "乙")
	f.Add("11010519491231002", "\xff")
	f.Fuzz(func(t *testing.T, before, after string) {
		const number = "11010519491231002X"
		got := maskText(before + "，" + number + "，" + after)
		if strings.Contains(got, "，"+number+"，") {
			t.Errorf("survived: %q", got)
		}
		if again := maskText(got); again != got {
			t.Errorf("masked twice: %q, then %q", got, again)
		}
	})
}

func TestNormalCode(t *testing.T) {
	for typed, want := range map[string]string{
		"abcd-efgh-jkmn": "ABCDEFGHJKMN",
		" 0oIl 11　":      "001111",
		"AB–CD":          "ABCD",
		"":               "",
	} {
		if got := normalCode(typed); got != want {
			t.Errorf("%q → %q, want %q", typed, got, want)
		}
	}
}
