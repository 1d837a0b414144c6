package identity

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValidResidentID(t *testing.T) {
	valid := []string{
		"11010519491231002X", // GB 11643-1999, the standard's own examples
		"440524188001010014",
		"11010519491231002x",
	}
	for _, s := range valid {
		if err := ValidResidentID(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for s, why := range map[string]string{
		"":                    "empty",
		"110105491231002":     "the old form with 15 digits",
		"110105194912310021":  "check character",
		"110105194912310020":  "check character",
		"1101051949123100２X":  "full-width digit",
		"11010519491231002X ": "too long",
		"11010519491331002X":  "month 13",
		"1101051949123100AX":  "letter inside",
	} {
		if err := ValidResidentID(s); !errors.Is(err, ErrIDNumber) {
			t.Errorf("%s (%s): %v", s, why, err)
		}
	}
	// With a right check character, so that only the named rule refuses.
	for body, why := range map[string]string{
		"11010519490230002": "30 February", "11010519490431002": "31 April", "11010519491301002": "month 13",
		"99010519491231002": "province 99", "00010519491231002": "province 00",
	} {
		if err := ValidResidentID(body + residentCheck(body)); err == nil || strings.Contains(err.Error(), "check") {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := ValidResidentID("11010520000229002" + residentCheck("11010520000229002")); err != nil {
		t.Errorf("29 February of a leap year: %v", err)
	}
}

// residentCheck computes ISO 7064 MOD 11-2 by its recursive form, apart from
// the weights that the code under test uses.
func residentCheck(body string) string {
	p := 0
	for _, r := range body {
		p = (p + int(r-'0')) * 2 % 11
	}
	return string("0123456789X"[(12-p)%11])
}

// TestResidentIDFindsEverySlip: one digit wrong, or two neighbours swapped, is
// always found.
func TestResidentIDFindsEverySlip(t *testing.T) {
	const good = "440524188001010014"
	for i := range 17 {
		for d := byte('0'); d <= '9'; d++ {
			if d == good[i] {
				continue
			}
			if bad := good[:i] + string(d) + good[i+1:]; ValidResidentID(bad) == nil {
				t.Errorf("%s is accepted", bad)
			}
		}
		if i < 16 && good[i] != good[i+1] {
			if bad := good[:i] + string(good[i+1]) + string(good[i]) + good[i+2:]; ValidResidentID(bad) == nil {
				t.Errorf("%s is accepted", bad)
			}
		}
	}
}

func TestValidUSCC(t *testing.T) {
	// Published codes of well-known companies.
	for _, s := range []string{"914403001922038216", "9144030071526726XG", "91110000802100433B", "91330100799655058B", "91330100799655058b"} {
		if err := ValidUSCC(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "91440300192203821", "914403001922038217", "9144030071526726XX", "9144030071526726IG", "91A403001922038216",
		"914403001922O38216", "91110000802100433C", "９1110000802100433B",
	} {
		if err := ValidUSCC(s); !errors.Is(err, ErrIDNumber) {
			t.Errorf("%s: %v", s, err)
		}
	}
	const good = "9144030071526726XG"
	for i := range good {
		for _, c := range usccAlphabet {
			if bad := good[:i] + string(c) + good[i+1:]; bad != good && ValidUSCC(bad) == nil {
				t.Errorf("%s is accepted", bad)
			}
		}
	}
}

func TestValidPhone(t *testing.T) {
	for _, s := range []string{"13800138000", "+8613800138000", "138 0013 8000", "+86 138-0013-8000", "19912345678", "+85291234567", "+14155552671", "１3800138000"} {
		if err := ValidPhone(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "1380013800", "138001380000", "12800138000", "+8612345", "010-12345678", "+0123456789", "abc", "+1234567890123456"} {
		if err := ValidPhone(s); !errors.Is(err, ErrPhone) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"11010519491231002X": "110***********002X",
		"E12345678":          "********8",
		"12":                 "*2", "1": "*", "": "",
		"张三丰": "**丰",
	} {
		if got := MaskID(in); got != want {
			t.Errorf("MaskID(%q) = %q, want %q", in, got, want)
		}
	}
	if got := MaskPhone("13800138000"); got != "138****8000" {
		t.Errorf("MaskPhone = %q", got)
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add("11010519491231002X")
	f.Add("9144030071526726XG")
	f.Add("+86 138-0013-8000")
	f.Add("\xff\xfe证")
	f.Fuzz(func(t *testing.T, s string) {
		if ValidResidentID(s) == nil && len(s) != 18 || ValidUSCC(s) == nil && len(s) != 18 {
			t.Errorf("%q is accepted", s)
		}
		if ValidPhone(s) == nil && ValidPhone(NormalizePhone(s)) != nil {
			t.Errorf("%q loses its validity when normalized", s)
		}
		if utf8.ValidString(s) {
			if masked := MaskID(s); utf8.RuneCountInString(masked) != utf8.RuneCountInString(s) || s != "" && masked == s && strings.Trim(s, "*") != "" {
				t.Errorf("MaskID(%q) = %q", s, masked)
			}
		}
	})
}
