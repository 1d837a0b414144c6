package deadline

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// Date is a civil date: a day of the Gregorian calendar without a clock or a zone. Legal periods count such
// days. The zero Date means "no date"; its text form is empty and its SQL value NULL.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

const layout = "2006-01-02"

// DateOf returns the civil date that a clock in loc shows at t.
func DateOf(t time.Time, loc *time.Location) Date {
	y, m, d := t.In(loc).Date()
	return Date{y, m, d}
}

// Parse reads "2006-01-02". The empty string, and any day that does not exist, is an error.
func Parse(s string) (Date, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q is not like 2026-03-23: %w", s, err)
	}
	return DateOf(t, time.UTC), nil
}

// MustParse is Parse for constants; it panics when s is not a date.
func MustParse(s string) Date {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// IsZero reports whether d means "no date".
func (d Date) IsZero() bool { return d == Date{} }

// String gives "2006-01-02", or "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// In returns the first instant of d in loc.
func (d Date) In(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

// AddDays returns the date days later, or earlier when days is negative.
func (d Date) AddDays(days int) Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+days, 0, 0, 0, 0, time.UTC), time.UTC)
}

// AddMonths returns the day of the same number months later; a month without such a day gives its last day
// (民法典 202).
func (d Date) AddMonths(months int) Date {
	first := time.Date(d.Year, d.Month+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(d.Day, last)}
}

// DaysUntil counts the days from d to other; it is negative when other lies before d.
func (d Date) DaysUntil(other Date) int {
	return int(other.In(time.UTC).Sub(d.In(time.UTC)) / (24 * time.Hour))
}

// Compare returns -1, 0 or +1 as d lies before, on or after other.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// Before reports whether d lies before other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After reports whether d lies after other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// Weekday returns the day of the week of d.
func (d Date) Weekday() time.Weekday { return d.In(time.UTC).Weekday() }

// Chinese writes d as a judgment does: 二〇二六年三月二十三日.
func (d Date) Chinese() string {
	var b strings.Builder
	for _, r := range fmt.Sprintf("%04d", d.Year) {
		b.WriteString(digits[r-'0'])
	}
	return b.String() + "年" + small(int(d.Month)) + "月" + small(d.Day) + "日"
}

var digits = [10]string{"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"}

// small writes 1 to 99 in Chinese numerals.
func small(n int) string {
	if n < 10 {
		return digits[n]
	}
	s := "十"
	if n >= 20 {
		s = digits[n/10] + s
	}
	if n%10 != 0 {
		s += digits[n%10]
	}
	return s
}

// MarshalText gives String; it makes JSON carry "2006-01-02".
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote; empty text gives the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	v, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Value gives the date column's value; the zero Date is NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.In(time.UTC), nil
}

// Scan reads a date column; NULL gives the zero Date.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		*d = DateOf(v, v.Location())
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	default:
		return fmt.Errorf("date from %T", src)
	}
	return nil
}
