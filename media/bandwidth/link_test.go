package bandwidth

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// link simulates one connection by a clock of its own: frames of 30 a second,
// a bottleneck with a queue, feedback each 50 ms in real RTCP bytes.
type link struct {
	t   *testing.T
	e   *Estimator
	rng *rand.Rand

	capacity func(at time.Duration) float64 // bps
	queue    time.Duration                  // longest
	loss     float64                        // random, without congestion
	feedLoss float64                        // of feedback packets
	jitter   time.Duration
	cross    func(at time.Duration) float64       // bps of a competing flow
	layers   []float64                            // what the media may take, bps; nil: as much as the target
	want     float64                              // bps for probing; 0 never probes
	stall    func(at time.Duration) time.Duration // what is sent then leaves so much later
	excused  bool                                 // and the estimator is told

	start   time.Time
	at      time.Duration
	free    time.Duration // when the bottleneck is idle again
	flight  []flying
	feeds   []flying
	pending []status // arrived or passed over, by seq, since the last feedback
	nextSeq uint16
	count   uint8
	probe   Probe
	until   time.Duration

	delivered float64 // bits
	delays    []time.Duration
	targets   []int   // one each 50 ms
	media     float64 // bps that the media take now
}

type flying struct {
	seq  uint16
	at   time.Duration
	rtcp []byte
}

const oneWay = 25 * time.Millisecond

func newLink(t *testing.T, o Options) *link {
	start := time.Unix(1_700_000_000, 0)
	return &link{t: t, e: New(o, start), rng: rand.New(rand.NewPCG(1, 2)), start: start, queue: 300 * time.Millisecond, nextSeq: 1,
		capacity: func(time.Duration) float64 { return 3e6 }}
}

func (l *link) now() time.Time { return l.start.Add(l.at) }

func (l *link) run(d time.Duration) {
	const step = time.Millisecond
	for end := l.at + d; l.at < end; l.at += step {
		ms := int(l.at / step)
		if l.cross != nil {
			l.pass(l.cross(l.at) / 1000)
		}
		if ms%33 == 0 {
			rate := float64(l.e.TargetBps())
			if l.layers != nil {
				chosen := l.layers[0]
				for _, r := range l.layers {
					if r <= rate {
						chosen = r
					}
				}
				rate = chosen
			}
			l.media = rate
			l.frame(int(rate * 0.033 / 8 * (0.8 + 0.4*l.rng.Float64())))
		}
		if ms%10 == 0 {
			l.probing()
		}
		l.deliver()
		if ms%50 == 0 {
			l.report()
			l.targets = append(l.targets, l.e.TargetBps())
			l.e.Tick(l.now())
		}
	}
}

func (l *link) probing() {
	if l.at < l.until {
		l.burst(int((float64(l.probe.RateBps) - l.media) * 0.01 / 8))
		if l.at+10*time.Millisecond >= l.until {
			l.e.ProbeSent()
		}
	} else if p, ok := l.e.Probe(int(l.want), l.now()); l.want > 0 && ok {
		l.probe, l.until = p, l.at+p.Duration
	}
}

// burst is padding on top of the media.
func (l *link) burst(bytes int) {
	for bytes > 0 {
		l.packet(min(bytes, 280))
		bytes -= 280
	}
}

func (l *link) frame(bytes int) {
	for bytes > 0 {
		l.packet(min(bytes, 1200))
		bytes -= 1200
	}
}

// pass puts bits into the bottleneck and tells when they are through.
func (l *link) pass(bits float64) (time.Duration, bool) {
	c := l.capacity(l.at)
	begin := max(l.free, l.at)
	if begin-l.at > l.queue {
		return 0, false
	}
	l.free = begin + time.Duration(bits/c*float64(time.Second))
	return l.free, true
}

func (l *link) packet(bytes int) {
	seq := l.e.Sent(bytes, l.now())
	through, ok := l.pass(float64(bytes * 8))
	if l.stall != nil {
		held := l.stall(l.at)
		through += held
		if held > 0 && l.excused {
			l.e.Late(l.now())
		}
	}
	if !ok || l.rng.Float64() < l.loss {
		return
	}
	l.delays = append(l.delays, through-l.at)
	l.delivered += float64(bytes * 8)
	arrive := through + oneWay
	if l.jitter > 0 {
		arrive += time.Duration(l.rng.Int64N(int64(l.jitter)))
	}
	l.flight = append(l.flight, flying{seq: seq, at: arrive})
}

func (l *link) deliver() {
	l.flight = slices.DeleteFunc(l.flight, func(f flying) bool {
		if f.at > l.at {
			return false
		}
		l.pending = append(l.pending, status{f.seq, f.at.Microseconds()})
		return true
	})
	l.feeds = slices.DeleteFunc(l.feeds, func(f flying) bool {
		if f.at > l.at {
			return false
		}
		if err := l.e.Feedback(f.rtcp, l.now()); err != nil {
			l.t.Fatal(err)
		}
		return true
	})
}

func (l *link) report() {
	if len(l.pending) == 0 {
		return
	}
	slices.SortFunc(l.pending, func(a, b status) int { return int(int16(a.seq - b.seq)) })
	first, last := l.nextSeq, l.pending[len(l.pending)-1].seq
	if int16(l.pending[0].seq-first) < 0 {
		first = l.pending[0].seq
	}
	var all []status
	for seq, i := first, 0; int16(seq-last) <= 0; seq++ {
		if i < len(l.pending) && l.pending[i].seq == seq {
			all = append(all, l.pending[i])
			i++
		} else {
			all = append(all, status{seq, notReceived})
		}
	}
	l.nextSeq, l.pending = last+1, l.pending[:0]
	b := encode(all, l.count)
	l.count++
	if l.rng.Float64() >= l.feedLoss {
		l.feeds = append(l.feeds, flying{at: l.at + oneWay, rtcp: b})
	}
}

// encode writes a feedback packet with two-bit vectors; instants are absolute µs.
func encode(all []status, count uint8) []byte {
	var ref int64
	for _, s := range all {
		if s.at != notReceived {
			ref = s.at / referenceTick
			break
		}
	}
	b := []byte{0x80 | transportFBFmt, transportFB, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}
	b = binary.BigEndian.AppendUint16(b, all[0].seq)
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)))
	b = append(b, byte(ref>>16), byte(ref>>8), byte(ref), count)
	var deltas []byte
	at := ref * (referenceTick / deltaTick)
	for i := 0; i < len(all); i += 7 {
		chunk := uint16(3 << 14)
		for j, s := range all[i:min(i+7, len(all))] {
			if s.at == notReceived {
				continue
			}
			d := s.at/deltaTick - at
			at += d
			if d >= 0 && d < 256 {
				chunk |= symbolSmall << (12 - 2*j)
				deltas = append(deltas, byte(d))
			} else {
				chunk |= symbolLarge << (12 - 2*j)
				deltas = binary.BigEndian.AppendUint16(deltas, uint16(int16(d)))
			}
		}
		b = binary.BigEndian.AppendUint16(b, chunk)
	}
	b = append(b, deltas...)
	if pad := (4 - len(b)%4) % 4; pad > 0 {
		b = append(b, make([]byte, pad)...)
		b[len(b)-1] = byte(pad)
		b[0] |= 0x20
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}

// mean of the targets since a time.
func (l *link) mean(from time.Duration) float64 {
	sum, n := 0.0, 0
	for _, v := range l.targets[int(from/(50*time.Millisecond)):] {
		sum += float64(v)
		n++
	}
	return sum / float64(n)
}

// reached is how long after from the target first satisfied f and went on to for a second.
func (l *link) reached(from time.Duration, f func(bps int) bool) time.Duration {
	run := 0
	for i := int(from / (50 * time.Millisecond)); i < len(l.targets); i++ {
		if !f(l.targets[i]) {
			run = 0
		} else if run++; run == 20 {
			return time.Duration(i-19)*50*time.Millisecond - from
		}
	}
	return time.Hour
}

// queued is the given quantile of the time that packets waited since the mark.
func (l *link) queued(from int, quantile float64) time.Duration {
	d := slices.Clone(l.delays[from:])
	slices.Sort(d)
	return d[int(quantile*float64(len(d)-1))]
}
