// Package casenumber writes and reads case numbers (案号), for example （2026）京0491民初123号:
// the year in full-width brackets, the court's code, the type code, the serial, 号 — as the Supreme People's
// Court's 关于人民法院案件案号的若干规定 lays them down. It is pure.
package casenumber

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Number is one case number. Serials count from 1 within court, type and year.
type Number struct {
	Year   int
	Court  string // "京0491": a province's character and the court's digits, or 最高法
	Type   string // "民初": civil, first instance
	Serial int
}

// ErrFormat is wrapped by every error of Parse.
var ErrFormat = errors.New("not a case number like （2026）京0491民初123号")

// Half-width brackets are accepted because keyboards give them; String always writes the full-width ones.
var pattern = regexp.MustCompile(`^[（(]([12][0-9]{3})[）)](最高法|\p{Han}(?:[0-9]{2,4})?)(\p{Han}{1,6})([1-9][0-9]{0,8})号$`)

// String gives the number as documents print it.
func (n Number) String() string {
	return fmt.Sprintf("（%d）%s%s%d号", n.Year, n.Court, n.Type, n.Serial)
}

// Parse reads a case number; it accepts half-width brackets.
func Parse(s string) (Number, error) {
	const longest = 100 // bytes, far above any real number
	if len(s) > longest {
		return Number{}, fmt.Errorf("%d bytes: %w", len(s), ErrFormat)
	}
	m := pattern.FindStringSubmatch(s)
	if m == nil {
		return Number{}, fmt.Errorf("%q: %w", s, ErrFormat)
	}
	year, err := strconv.Atoi(m[1])
	if err != nil {
		return Number{}, fmt.Errorf("year of %q: %w", s, errors.Join(ErrFormat, err))
	}
	serial, err := strconv.Atoi(m[4])
	if err != nil {
		return Number{}, fmt.Errorf("serial of %q: %w", s, errors.Join(ErrFormat, err))
	}
	return Number{Year: year, Court: m[2], Type: m[3], Serial: serial}, nil
}
