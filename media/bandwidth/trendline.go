package bandwidth

import "math"

// signal is what the delay tells of the link (gcc-02 section 5.4).
type signal uint8

const (
	signalNormal signal = iota
	signalUnderuse
	signalOveruse
)

const (
	burst          = 5_000   // µs: packets sent within are one group
	maxBurst       = 100_000 // µs: a group never lasts longer at the receiver
	trendWindow    = 20      // groups
	trendSmoothing = 0.9
	trendGain      = 4
	trendCount     = 60 // groups after which the gradient's weight is full
	overuseTime    = 10 // ms
	thresholdUp    = 0.0087
	thresholdDown  = 0.039
	thresholdMin   = 6
	thresholdMax   = 600
	thresholdStart = 12.5
	outlier        = 15 // over the threshold: a spike that does not adapt it
)

// group is a burst of packets (gcc-02 section 5.2). Times are µs.
type group struct {
	set                              bool
	firstSent, lastSent              int64
	firstArrival, lastArrival, bytes int64
}

// detector follows the gradient of the one-way delay.
type detector struct {
	previous, current group
	reordered         int

	count           int
	firstArrival    float64 // ms
	delay, smoothed float64 // ms
	x, y            [trendWindow]float64
	threshold       float64
	adaptedAt       float64 // ms
	over            float64 // ms
	overCount       int
	trend           float64
	state           signal
}

// reset forgets everything: the clocks jumped.
func (d *detector) reset() { *d = detector{threshold: thresholdStart} }

// cut forgets the running groups, so that no gradient is taken across a
// stretch of packets that are not the media's own.
func (d *detector) cut() { d.previous, d.current = group{}, group{} }

// packet takes one arrival in the order of sending.
func (d *detector) packet(sent, arrived int64, size int) {
	c := &d.current
	if c.set && sent < c.firstSent {
		return
	}
	if c.set && !d.belongs(sent, arrived) {
		if d.previous.set {
			d.compare()
		}
		d.previous, *c = *c, group{}
	}
	if !c.set {
		*c = group{set: true, firstSent: sent, firstArrival: arrived, lastArrival: arrived}
	}
	c.lastSent = max(c.lastSent, sent)
	c.lastArrival = max(c.lastArrival, arrived)
	c.bytes += int64(size)
}

func (d *detector) belongs(sent, arrived int64) bool {
	c := &d.current
	if sent-c.firstSent <= burst {
		return true
	}
	between := arrived - c.lastArrival
	return between <= burst && between-(sent-c.lastSent) < 0 && arrived-c.firstArrival < maxBurst
}

func (d *detector) compare() {
	sent := float64(d.current.lastSent-d.previous.lastSent) / 1000
	arrived := float64(d.current.lastArrival-d.previous.lastArrival) / 1000
	if arrived < 0 || math.Abs(arrived-sent) > 5000 {
		if d.reordered++; d.reordered >= 3 {
			d.reset()
		}
		return
	}
	d.reordered = 0
	d.update(arrived-sent, sent, float64(d.current.lastArrival)/1000)
}

// update takes one group's delay variation and judges the trend (all ms).
func (d *detector) update(variation, sent, arrival float64) {
	if d.count == 0 {
		d.firstArrival = arrival
	}
	i := d.count % trendWindow
	d.count++
	d.delay += variation
	d.smoothed = trendSmoothing*d.smoothed + (1-trendSmoothing)*d.delay
	d.x[i], d.y[i] = arrival-d.firstArrival, d.smoothed
	if d.count < trendWindow {
		return
	}
	d.judge(slope(&d.x, &d.y), sent, arrival)
}

func (d *detector) judge(trend, sent, arrival float64) {
	modified := float64(min(d.count, trendCount)) * trend * trendGain
	switch {
	case modified > d.threshold:
		if d.over == 0 {
			d.over = sent / 2
		} else {
			d.over += sent
		}
		d.overCount++
		if d.over > overuseTime && d.overCount > 1 && trend >= d.trend {
			d.over, d.overCount, d.state = 0, 0, signalOveruse
		}
	case modified < -d.threshold:
		d.over, d.overCount, d.state = 0, 0, signalUnderuse
	default:
		d.over, d.overCount, d.state = 0, 0, signalNormal
	}
	d.trend = trend
	d.adapt(math.Abs(modified), arrival)
}

// adapt moves the threshold after the gradient (gcc-02 section 5.4), so that
// neither jitter nor a competing TCP flow starves this one.
func (d *detector) adapt(modified, arrival float64) {
	dt := min(max(arrival-d.adaptedAt, 0), 100)
	d.adaptedAt = arrival
	if modified > d.threshold+outlier {
		return
	}
	k := thresholdUp
	if modified < d.threshold {
		k = thresholdDown
	}
	d.threshold = min(max(d.threshold+k*(modified-d.threshold)*dt, thresholdMin), thresholdMax)
}

// slope is the least squares gradient of y over x.
func slope(x, y *[trendWindow]float64) float64 {
	var sx, sy float64
	for i := range x {
		sx += x[i]
		sy += y[i]
	}
	mx, my := sx/trendWindow, sy/trendWindow
	var num, den float64
	for i := range x {
		num += (x[i] - mx) * (y[i] - my)
		den += (x[i] - mx) * (x[i] - mx)
	}
	if den == 0 {
		return 0
	}
	return num / den
}
