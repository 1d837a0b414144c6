// Package deadline computes legal periods of civil days and explains them.
//
// The rule is CPL 85 (民事诉讼法第八十五条): day 0 does not count; days inside the period all count; a period
// whose last day is a legal day of rest ends on the first working day after it. A weekend day that the yearly
// notice turns into a working day (调休) is a working day. The package is pure: no clock, no I/O.
package deadline

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

//go:embed calendar_cn.json
var calendarCN []byte

// Calendar tells working days from days of rest. It never changes once loaded and may be shared.
type Calendar struct {
	version   string
	years     map[int]year
	festivals map[int]festivals
}

type year struct {
	source string
	off    map[Date]string
	work   map[Date]bool
}

// festivals holds the days of a year that the lunar calendar and the sun decide.
type festivals struct {
	Spring     Date `json:"spring"`      // 正月初一
	Qingming   Date `json:"qingming"`    // 清明
	DragonBoat Date `json:"dragon_boat"` // 端午
	MidAutumn  Date `json:"mid_autumn"`  // 中秋
}

// file is the calendar's data as an administrator writes it each year.
type file struct {
	Version string `json:"version"`
	Years   []struct {
		Year   int    `json:"year"`
		Source string `json:"source"`
		Off    []struct {
			Name string `json:"name"`
			From Date   `json:"from"`
			To   Date   `json:"to"`
		} `json:"off"`
		Work []Date `json:"work"`
	} `json:"years"`
	Festivals map[int]festivals `json:"festivals"`
}

// regulation is the source of the holidays of a year without a notice.
const regulation = "《全国年节及纪念日放假办法》（2024年修订）"

// CN returns the calendar of the People's Republic of China that is built into the program.
func CN() *Calendar { return builtin() }

var builtin = sync.OnceValue(func() *Calendar {
	c, err := Load(bytes.NewReader(calendarCN))
	if err != nil {
		panic("deadline: built-in calendar: " + err.Error())
	}
	return c
})

// maxHoliday bounds one holiday, so that a mistyped year cannot become an endless one.
const maxHoliday = 31

// Load reads calendar data in the form of calendar_cn.json: for each year its source, the days off as ranges
// with a name, and the weekend days that are worked. It rejects days outside their year and worked weekdays.
func Load(r io.Reader) (*Calendar, error) {
	var f file
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	c := &Calendar{version: f.Version, years: map[int]year{}, festivals: f.Festivals}
	for _, in := range f.Years {
		y := year{source: in.Source, off: map[Date]string{}, work: map[Date]bool{}}
		if in.Source == "" {
			return nil, fmt.Errorf("calendar: year %d names no source", in.Year)
		}
		for _, o := range in.Off {
			if o.From.Year != in.Year || o.To.Year != in.Year || o.To.Before(o.From) || o.From.DaysUntil(o.To) > maxHoliday {
				return nil, fmt.Errorf("calendar: holiday %s %s to %s does not fit year %d", o.Name, o.From, o.To, in.Year)
			}
			for d := o.From; !d.After(o.To); d = d.AddDays(1) {
				y.off[d] = o.Name
			}
		}
		for _, d := range in.Work {
			if d.Year != in.Year || !weekend(d) || y.off[d] != "" {
				return nil, fmt.Errorf("calendar: %s cannot be a worked weekend day of %d", d, in.Year)
			}
			y.work[d] = true
		}
		c.years[in.Year] = y
	}
	return c, nil
}

// Version names the calendar's data.
func (c *Calendar) Version() string { return c.version }

// Noticed reports whether the yearly holiday notice of the year is part of the data.
func (c *Calendar) Noticed(year int) bool { _, ok := c.years[year]; return ok }

// Rest reports whether d is a day of rest and why: Weekend or the holiday's Chinese name.
func (c *Calendar) Rest(d Date) (reason string, rest bool) {
	if y, ok := c.years[d.Year]; ok {
		if name, off := y.off[d]; off {
			return name, true
		}
		if y.work[d] {
			return "", false
		}
	} else if name, off := c.fallback(d.Year)[d]; off {
		return name, true
	}
	if weekend(d) {
		return Weekend, true
	}
	return "", false
}

// Add counts days from start, which is day 0, under rule. days must not be negative.
func (c *Calendar) Add(start Date, days int, rule Rule) Answer {
	if days < 0 {
		panic(fmt.Sprintf("deadline: negative period of %d days", days))
	}
	return c.finish(Answer{Start: start, Days: days, Due: start.AddDays(days), Rule: rule})
}

// AddMonths counts months from start under rule; a month without the day ends on its last (民法典 202).
func (c *Calendar) AddMonths(start Date, months int, rule Rule) Answer {
	if months < 0 {
		panic(fmt.Sprintf("deadline: negative period of %d months", months))
	}
	return c.finish(Answer{Start: start, Months: months, Due: start.AddMonths(months), Rule: rule})
}

// Statutory counts the length that rule itself sets.
func (c *Calendar) Statutory(start Date, rule Rule) Answer {
	if m := rule.Months(); m > 0 {
		return c.AddMonths(start, m, rule)
	}
	return c.Add(start, rule.Days(), rule)
}

// finish moves Due off the days of rest and records what was skipped.
func (c *Calendar) finish(a Answer) Answer {
	a.Article, a.Calendar = a.Rule.Article("zh"), c.version
	a.Provisional = !c.Noticed(a.Due.Year)
	for {
		reason, rest := c.Rest(a.Due)
		if !rest {
			break
		}
		a.Skipped = append(a.Skipped, Skip{a.Due, reason})
		a.Due = a.Due.AddDays(1)
	}
	a.Provisional = a.Provisional || !c.Noticed(a.Due.Year)
	a.Source = regulation
	if y, ok := c.years[a.Due.Year]; ok {
		a.Source = y.source
	}
	return a
}

// fallback gives the days off of a year without a notice: arts. 2 and 6 of the regulation. A holiday that
// falls on a weekend is made up on the next working day; the notice may place it otherwise.
func (c *Calendar) fallback(y int) map[Date]string {
	off := map[Date]string{}
	var order []Date
	add := func(name string, from Date, days int) {
		for i := range days {
			d := from.AddDays(i)
			if _, twice := off[d]; !twice {
				order = append(order, d)
			}
			off[d] = name
		}
	}
	add("元旦", Date{y, time.January, 1}, 1)
	if f, ok := c.festivals[y]; ok {
		add("春节", f.Spring.AddDays(-1), 4)
		add("清明节", f.Qingming, 1)
		add("端午节", f.DragonBoat, 1)
		add("中秋节", f.MidAutumn, 1)
	}
	add("劳动节", Date{y, time.May, 1}, 2)
	add("国庆节", Date{y, time.October, 1}, 3)
	for _, d := range order {
		if !weekend(d) {
			continue
		}
		name := off[d]
		for d = d.AddDays(1); off[d] != "" || weekend(d); {
			d = d.AddDays(1)
		}
		off[d] = name
	}
	return off
}

func weekend(d Date) bool {
	w := d.Weekday()
	return w == time.Saturday || w == time.Sunday
}
