package media

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// takeReport keeps the publisher's clock mapping and gives it to the feeds.
func (l *layer) takeReport(r senderReport) {
	l.sr = r
	l.track.peer.pub.clock.observe(r)
	for _, f := range l.track.feeds {
		f.report(l, r)
	}
}

// clock estimates how far a publisher's wall clock is behind ours, one
// estimate for all its tracks, so that lips and voice keep together. It is
// the smallest delay seen, slowly forgetting. The peer's workers share it.
type clock struct {
	mu      sync.Mutex // guards what follows
	known   bool
	offset  time.Duration // arrival minus the report's time
	updated time.Time
}

const clockForget = 50e-6 // of drift: what real clocks do at worst

func (c *clock) observe(r senderReport) {
	d := ntpDuration(ntpTime(r.arrived), r.ntp)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		c.offset += time.Duration(float64(r.arrived.Sub(c.updated)) * clockForget)
	}
	if !c.known || d < c.offset || d > c.offset+5*time.Second {
		c.offset, c.known = d, true
	}
	c.updated = r.arrived
}

func (c *clock) get() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.known
}

// reports tells both ends of each track how it goes.
func (w *worker) reports() {
	now := time.Now()
	for _, t := range w.tracks {
		t.receiverReport(now)
		w.senderReports(t)
		for _, s := range t.subscriptions() {
			s.flow.packets.Store(s.packets)
			s.flow.bytes.Store(s.octets)
		}
	}
	w.sendReports()
	w.sfu.port.flush()
}

// receiverReport tells the publisher how the track's streams arrive (RFC 3550
// section 6.4.2). What was repaired counts as received.
func (t *track) receiverReport(now time.Time) {
	report := rtcp.ReceiverReport{SSRC: t.peer.sfu.reporter.ssrc}
	for _, l := range t.layers {
		highest, expected := l.loss.Extended()
		since, got := expected-l.expected, l.loss.Received-l.received
		if since == 0 {
			continue // silent
		}
		l.expected, l.received = expected, l.loss.Received
		r := rtcp.ReceptionReport{SSRC: l.ssrc, LastSequenceNumber: highest, Jitter: uint32(l.jitter.value)}
		if got < since {
			r.FractionLost = uint8(min((since-got)*256/since, 255))
		}
		if expected > l.received {
			r.TotalLost = uint32(min(expected-l.received, 1<<23-1))
		}
		if l.sr.ntp != 0 {
			r.LastSenderReport = uint32(l.sr.ntp >> 16)
			r.Delay = uint32(now.Sub(l.sr.arrived).Seconds() * 65536)
		}
		report.Reports = append(report.Reports, r)
	}
	if len(report.Reports) > 0 {
		t.send(&report)
	}
}

// senderReports tells each receiver how the RTP clock of the track stands
// to our wall clock (RFC 3550 section 6.4.1): the publishers' reports,
// translated. They leave when the round is over, a receiver's together.
func (w *worker) senderReports(t *track) {
	offset, known := t.peer.pub.clock.get()
	if !known {
		return
	}
	for _, s := range t.subscriptions() {
		b := s.bound.Load()
		if b == nil || s.packets == 0 || s.paused || !s.ready.Load() || !s.allowed.Load() {
			continue
		}
		l := t.layerAt(s.mapper.Layer())
		if l == nil || l.sr.ntp == 0 {
			continue
		}
		now := time.Now()
		since := ntpDuration(ntpTime(now.Add(-offset)), l.sr.ntp)
		rtpNow := l.sr.rtp + uint32(int64(since.Microseconds())*int64(t.codec.ClockRate)/1e6) + s.mapper.TimestampOffset()
		if u := &s.peer.sub; u.reports.add(b.ssrc, ntpTime(now), rtpNow, s.packets, s.octets) {
			w.told = append(w.told, u)
		}
	}
}

const (
	senderReportBytes = 28                     // without reception reports (RFC 3550 section 6.4.1)
	reportsBytes      = 40 * senderReportBytes // of one compound packet
)

// reports are a receiver's sender reports of one round.
type reports struct {
	mu  sync.Mutex // guards raw
	raw []byte
}

// add puts a report with the others and tells whether it is the first of them.
func (r *reports) add(ssrc uint32, ntp uint64, rtp, packets, octets uint32) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first = len(r.raw) == 0
	b := append(r.raw, 0x80, byte(rtcp.TypeSenderReport), 0, senderReportBytes/4-1)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint64(b, ntp)
	b = binary.BigEndian.AppendUint32(b, rtp)
	b = binary.BigEndian.AppendUint32(b, packets)
	r.raw = binary.BigEndian.AppendUint32(b, octets)
	return first
}

// take empties the reports into the caller's room and leaves that in exchange.
func (r *reports) take(room []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.raw
	r.raw = room[:0]
	return out
}

// sendReports sends what the workers gathered for each receiver of this one's
// round, in as few packets as hold it. A closing connection may refuse it.
func (w *worker) sendReports() {
	for _, u := range w.told {
		w.letter = u.reports.take(w.letter)
		pc := u.writer.Load()
		for rest := w.letter; len(rest) > 0 && pc != nil; {
			n := min(len(rest), reportsBytes)
			w.compound = rest[:n]
			rest = rest[n:]
			if err := pc.WriteRTCP([]rtcp.Packet{&w.compound}); err != nil {
				w.sfu.log.Debug("media: rtcp", "err", err)
			}
		}
	}
	clear(w.told)
	w.told = w.told[:0]
}

// jitter is the interarrival jitter of RFC 3550 section 6.4.1.
type jitter struct {
	rate    uint32
	transit int64 // of the last packet, in clock units
	value   float64
	started bool
}

func (j *jitter) packet(ts uint32, arrived time.Time) {
	if j.rate == 0 {
		return
	}
	transit := int64(uint32(arrived.UnixMicro()*int64(j.rate)/1e6) - ts)
	if j.started {
		d := int64(int32(uint32(transit - j.transit)))
		if d < 0 {
			d = -d
		}
		j.value += (float64(d) - j.value) / 16
	}
	j.transit, j.started = transit, true
}

func (j *jitter) duration() time.Duration {
	if j.rate == 0 {
		return 0
	}
	return time.Duration(j.value / float64(j.rate) * float64(time.Second))
}
