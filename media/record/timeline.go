package record

import (
	"slices"
	"time"
)

const (
	skewWindow   = 30 * time.Second
	sameClock    = 500 * time.Millisecond // offsets nearer than this are one machine's
	rateError    = 0.02                   // a sender report that implies more is wrong
	minReportGap = 200 * time.Millisecond
)

// unwrapper extends 32-bit timestamps to 64 bits.
type unwrapper struct {
	last    int64
	started bool
}

func (u *unwrapper) extend(v uint32) int64 {
	if !u.started {
		u.last, u.started = int64(v), true
		return u.last
	}
	u.last += int64(int32(v - uint32(u.last)))
	return u.last
}

// point is a sender report: the RTP clock and the sender's wall clock, in
// nanoseconds since 1900.
type point struct {
	ts   int64
	wall int64
}

// sample is how far the sender's wall clock was behind ours at a moment.
type sample struct {
	at     int64 // sender's wall clock
	offset int64 // ours minus the sender's
}

// timeline turns a track's RTP timestamps into our wall clock: by the
// sender reports where there are any, otherwise by arrival.
type timeline struct {
	rate    int64
	clock   unwrapper // of packets and reports
	points  []point
	packets []sample // the fastest packet of each window, against the RTP clock
	reports []sample
	curve   []sample // smoothed offsets
	byRTP   bool     // no report: the RTP clock stands for the sender's wall clock
}

func (t *timeline) duration(ts int64) int64 {
	return ts/t.rate*int64(time.Second) + ts%t.rate*int64(time.Second)/t.rate
}

// packet notes a packet's arrival (unix nanoseconds).
func (t *timeline) packet(ts uint32, arrived int64) int64 {
	ext := t.clock.extend(ts)
	at := t.duration(ext)
	t.packets = fastest(t.packets, sample{at, arrived - at}, skewWindow)
	return ext
}

// fastest keeps the smallest offset of each window.
func fastest(l []sample, s sample, window time.Duration) []sample {
	if n := len(l); n > 0 && s.at/int64(window) == l[n-1].at/int64(window) {
		if s.offset < l[n-1].offset {
			l[n-1] = s
		}
		return l
	}
	return append(l, s)
}

// report notes a sender report.
func (t *timeline) report(ntp uint64, rtp uint32, arrived int64) {
	wall := int64(ntp>>32)*int64(time.Second) + int64((ntp&0xffffffff)*uint64(time.Second)>>32)
	p := point{t.clock.extend(rtp), wall}
	if n := len(t.points); n > 0 {
		last := t.points[n-1]
		passed := p.wall - last.wall
		if passed < int64(minReportGap) {
			return
		}
		wrong := float64(t.duration(p.ts-last.ts)-passed) / float64(passed)
		if wrong > rateError || wrong < -rateError {
			return
		}
	}
	t.points = append(t.points, p)
	t.reports = append(t.reports, sample{wall, arrived - wall})
}

// sender maps a timestamp to the sender's wall clock.
func (t *timeline) sender(ts int64) int64 {
	if t.byRTP {
		return t.duration(ts)
	}
	i, _ := slices.BinarySearchFunc(t.points, ts, func(p point, ts int64) int { return int(p.ts - ts) })
	switch {
	case i == 0:
		return t.points[0].wall + t.duration(ts-t.points[0].ts)
	case i == len(t.points):
		last := t.points[i-1]
		return last.wall + t.duration(ts-last.ts)
	}
	a, b := t.points[i-1], t.points[i]
	return a.wall + int64(float64(ts-a.ts)/float64(b.ts-a.ts)*float64(b.wall-a.wall))
}

// at maps a timestamp to our wall clock, in unix nanoseconds.
func (t *timeline) at(ts int64) int64 {
	s := t.sender(ts)
	i, _ := slices.BinarySearchFunc(t.curve, s, func(c sample, s int64) int { return int(c.at - s) })
	switch {
	case len(t.curve) == 0:
		return s
	case i == 0:
		return s + t.curve[0].offset
	case i == len(t.curve):
		return s + t.curve[i-1].offset
	}
	a, b := t.curve[i-1], t.curve[i]
	return s + a.offset + int64(float64(s-a.at)/float64(b.at-a.at)*float64(b.offset-a.offset))
}

// align settles the offsets of one participant's tracks. Tracks whose
// sender clocks are the same machine's get one common curve, so that
// lips and voice keep together whatever the network did.
func align(tracks []*timeline) {
	var groups [][]*timeline
	for _, t := range tracks {
		t.byRTP = len(t.points) == 0
		if t.byRTP {
			t.curve = t.packets
			continue
		}
		i := slices.IndexFunc(groups, func(g []*timeline) bool {
			d := lowest(g[0].reports) - lowest(t.reports)
			return d < int64(sameClock) && d > -int64(sameClock)
		})
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], t)
	}
	for _, g := range groups {
		var all, curve []sample
		for _, t := range g {
			all = append(all, t.reports...)
		}
		slices.SortFunc(all, func(a, b sample) int { return int(a.at - b.at) })
		for _, s := range all {
			curve = fastest(curve, s, skewWindow)
		}
		for _, t := range g {
			t.curve = curve
		}
	}
}

func lowest(l []sample) int64 {
	low := l[0].offset
	for _, s := range l {
		low = min(low, s.offset)
	}
	return low
}
