package record

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yunting/media"
)

// missing is a stretch that a test takes away from a track.
type missing struct {
	from, to time.Duration
	cause    string
}

// listener sends synthetic frames of one track and knows what is missing of them.
type listener struct {
	s      *stage
	sink   media.Sink
	source string
	every  time.Duration
	rate   uint32 // ticks a second
	frame  func(key bool) []byte
	seq    uint16
	truth  []Gap
	events []event
}

// event is something that happens to a recorder.
type event struct {
	at time.Time
	do func()
}

// run sends from 0 to length, without what is missing; a picture after a loss
// or after the recorder's own gap is a key frame, which takes a while.
func (l *listener) run(length time.Duration, gone []missing, random *rand.Rand) {
	var key time.Duration // since when there is none
	wait := false
	for at := time.Duration(0); at < length; at += l.every {
		if i := slices.IndexFunc(gone, func(m missing) bool { return at >= m.from && at < m.to }); i >= 0 {
			l.miss(gone[i], at, random)
			wait, key = l.source != media.SourceMic, gone[i].to+time.Duration(300+random.IntN(300))*time.Millisecond
			continue
		}
		if last := len(l.truth) - 1; wait && at < key && l.truth[last].Cause != CauseSilent {
			l.truth[last].To = l.s.start.Add(at + l.every)
			l.send(at, false, random)
			continue
		}
		l.send(at, wait || at == 0, random)
		wait = false
	}
}

func (l *listener) send(at time.Duration, key bool, random *rand.Rand) {
	jitter := time.Duration(random.IntN(15)) * time.Millisecond
	if at == 0 {
		jitter = 0 // so that the test knows the clock
	}
	pkt, arrived := raw(96, l.seq, uint32(at.Milliseconds()*int64(l.rate)/1000), l.frame(key)), l.s.start.Add(at+jitter)
	l.events = append(l.events, event{l.s.start.Add(at), func() { l.sink.RTP(pkt, arrived) }})
	l.seq++
}

func (l *listener) miss(m missing, at time.Duration, random *rand.Rand) {
	switch m.cause {
	case CauseNetwork:
		l.seq++
	case CausePause: // the recorder drops what goes on
		l.send(at, false, random)
	}
	if at-m.from >= l.every && len(l.truth) > 0 {
		return
	}
	from, to := l.s.start.Add(m.from), l.s.start.Add(m.to)
	l.truth = append(l.truth, Gap{l.source, from, to, m.cause})
	if m.cause == CauseOverflow {
		l.events = append(l.events, event{from, func() { l.sink.(*sink).since = from }})
	}
}

// TestGapsAreTheTrueOnes loses, mutes, pauses and overflows at random and
// compares what is listed with what was taken away.
func TestGapsAreTheTrueOnes(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			s := newStage(t)
			tracks := []*listener{
				{source: media.SourceMic, every: 20 * time.Millisecond, rate: 48000, frame: func(bool) []byte { return []byte{0xf8, 1, 2, 3} }},
				{source: media.SourceCamera, every: 40 * time.Millisecond, rate: 90000, frame: func(key bool) []byte {
					if key {
						return []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
					}
					return []byte{0x10, 1, 0, 0}
				}},
			}
			const length = 60 * time.Second
			var truth []Gap
			var events []event
			pauses := randomly(random, length, []string{CausePause})
			for _, l := range tracks {
				l.s, l.seq = s, uint16(random.Uint32())
				codec := opus
				if l.source == media.SourceCamera {
					codec = vp8
				}
				l.sink = s.sink("p1", l.source, codec)
				l.run(length, between(pauses, randomly(random, length, []string{CauseNetwork, CauseSilent, CauseOverflow})), random)
				events = append(append(events, l.events...), event{s.start.Add(length), l.sink.Close})
				for _, g := range l.truth {
					if g.To.Sub(g.From) > 200*time.Millisecond {
						truth = append(truth, g)
					}
				}
			}
			for _, p := range pauses {
				events = append(events, event{s.start.Add(p.from - time.Millisecond), s.rec.Pause}, event{s.start.Add(p.to - time.Millisecond), s.rec.Resume})
			}
			slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
			for _, e := range events {
				s.set(e.at)
				e.do()
			}
			compareGaps(t, s.finish().Gaps, truth)
		})
	}
}

// randomly makes stretches of the given causes, some too short to be listed.
func randomly(random *rand.Rand, length time.Duration, causes []string) (out []missing) {
	for at := 2 * time.Second; ; {
		at += time.Duration(25+random.IntN(100)) * 40 * time.Millisecond
		lasts := []time.Duration{40, 80, 120, 160, 280, 400, 1000, 2000, 5000}[random.IntN(9)] * time.Millisecond
		if at+lasts > length-3*time.Second {
			return out
		}
		out = append(out, missing{at, at + lasts, causes[random.IntN(len(causes))]})
		at += lasts
	}
}

// between puts pauses first and keeps of the others those that are well away from them.
func between(pauses, others []missing) []missing {
	out := slices.Clone(pauses)
	for _, m := range others {
		if !slices.ContainsFunc(pauses, func(p missing) bool { return m.from < p.to+time.Second && p.from < m.to+time.Second }) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b missing) int { return int(a.from - b.from) })
	return out
}

func compareGaps(t *testing.T, found, want []Gap) {
	t.Helper()
	order := func(a, b Gap) int {
		if a.Track != b.Track {
			return len(a.Track) - len(b.Track)
		}
		return a.From.Compare(b.From)
	}
	slices.SortFunc(found, order)
	slices.SortFunc(want, order)
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= 20*time.Millisecond }
	for i, w := range want {
		if i >= len(found) || found[i].Track != w.Track || found[i].Cause != w.Cause || !near(found[i].From, w.From) || !near(found[i].To, w.To) {
			t.Errorf("gap %d: want %+v", i, w)
			if i < len(found) {
				t.Fatalf("found %+v", found[i])
			}
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d gaps, want %d: %+v", len(found), len(want), found)
	}
}
