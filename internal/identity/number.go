package identity

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"
)

// ErrIDNumber is wrapped by every error about an identity number.
var ErrIDNumber = errors.New("identity: the identity number is not valid")

// ErrPhone says that a text is no phone number.
var ErrPhone = errors.New("identity: the phone number is not valid")

// residentWeights are W(i) = 2^(18-i) mod 11 of GB 11643-1999, 3.5, for the
// first 17 digits; residentChecks the check characters for the sum mod 11.
var residentWeights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

const residentChecks = "10X98765432"

// provinces are the first two digits of 行政区划代码 (GB/T 2260), with 81, 82
// and 83 of the residence permits for people of Hong Kong, Macao and Taiwan.
const provinces = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91"

// ValidResidentID checks a 居民身份证号 (GB 11643-1999): 18 characters, a
// province, a date of birth that exists, the check character. A lower-case x
// is accepted. The error wraps ErrIDNumber and does not repeat the number.
func ValidResidentID(s string) error {
	_, err := residentBirth(s)
	return err
}

// residentBirth is ValidResidentID that also tells the date of birth.
func residentBirth(s string) (time.Time, error) {
	if len(s) != 18 {
		return time.Time{}, fmt.Errorf("%w: a resident identity number has 18 characters", ErrIDNumber)
	}
	sum := 0
	for i, weight := range residentWeights {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, fmt.Errorf("%w: character %d is not a digit", ErrIDNumber, i+1)
		}
		sum += int(s[i]-'0') * weight
	}
	if strings.ToUpper(s[17:]) != residentChecks[sum%11:sum%11+1] {
		return time.Time{}, fmt.Errorf("%w: the check character does not match", ErrIDNumber)
	}
	if !strings.Contains(provinces, s[:2]) {
		return time.Time{}, fmt.Errorf("%w: there is no such province", ErrIDNumber)
	}
	birth, err := time.Parse("20060102", s[6:14])
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: there is no such date of birth", ErrIDNumber)
	}
	return birth, nil
}

// usccAlphabet is the character set of GB 32100-2015, table 2: no I, O, S, V, Z.
// A character's value is its place.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// usccWeights are W(i) = 3^(i-1) mod 31 of GB 32100-2015, 5.2.
var usccWeights = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}

// ValidUSCC checks a 统一社会信用代码 (GB 32100-2015): 18 characters of its
// set, six digits of 行政区划代码 from the third on, the check character.
// Lower-case letters are accepted. The error wraps ErrIDNumber.
func ValidUSCC(s string) error {
	s = strings.ToUpper(s)
	if len(s) != 18 {
		return fmt.Errorf("%w: a unified social credit code has 18 characters", ErrIDNumber)
	}
	sum := 0
	for i, weight := range usccWeights {
		value := strings.IndexByte(usccAlphabet, s[i])
		if value < 0 || i >= 2 && i < 8 && value > 9 {
			return fmt.Errorf("%w: character %d does not belong there", ErrIDNumber, i+1)
		}
		sum += value * weight
	}
	if check := (31 - sum%31) % 31; s[17] != usccAlphabet[check] {
		return fmt.Errorf("%w: the check character does not match", ErrIDNumber)
	}
	return nil
}

var passportPattern = regexp.MustCompile(`^[A-Z0-9]{5,20}$`)

// ValidPassport checks the form of a passport number (ICAO Doc 9303 holds
// letters and digits; longer national numbers are allowed for). It has no
// check digit outside the machine-readable zone.
func ValidPassport(s string) error {
	if !passportPattern.MatchString(strings.ToUpper(s)) {
		return fmt.Errorf("%w: a passport number has 5 to 20 letters and digits", ErrIDNumber)
	}
	return nil
}

var (
	mainlandMobile = regexp.MustCompile(`^(\+86)?1[3-9][0-9]{9}$`)
	foreignPhone   = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
)

// ValidPhone checks a mainland mobile number (1 and ten digits, with or
// without +86) or a foreign number in E.164 form (+ and 8 to 15 digits).
// Spaces and hyphens between the digits do not matter.
func ValidPhone(s string) error {
	s = NormalizePhone(s)
	if mainlandMobile.MatchString(s) || foreignPhone.MatchString(s) && !strings.HasPrefix(s, "+86") {
		return nil
	}
	return ErrPhone
}

// NormalizePhone is the form that is stored: ASCII digits (a Chinese keyboard
// may give full-width ones), no spaces and hyphens, and no +86.
func NormalizePhone(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(width.Narrow.String(s)), ""), "-", "")
	return strings.TrimPrefix(s, "+86")
}

// NormalizeID is the form of an identity number that is stored and compared:
// ASCII upper case (a Chinese keyboard may give full-width characters),
// without spaces.
func NormalizeID(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(width.Narrow.String(s)), ""))
}

// MaskID shows the first three and last four characters of an identity number,
// so neither the date of birth nor the place (个人信息保护法 arts. 6, 51). Of a
// short number only the last character stays.
func MaskID(s string) string { return mask(s, 3, 4) }

// MaskPhone shows the first three and last four digits of a phone number.
func MaskPhone(s string) string { return mask(s, 3, 4) }

// mask hides at least four characters; what is too short for that shows its
// last character alone, and a single one nothing.
func mask(s string, head, tail int) string {
	runes := []rune(s)
	if len(runes) < head+4+tail {
		head, tail = 0, min(1, len(runes)/2)
	}
	hidden := strings.Repeat("*", len(runes)-head-tail)
	return string(runes[:head]) + hidden + string(runes[len(runes)-tail:])
}
