package bandwidth

import (
	"errors"
	"testing"
	"time"
)

func steps(at time.Duration) float64 {
	if at >= 20*time.Second && at < 50*time.Second {
		return 500e3
	}
	return 3e6
}

func TestFollowsCapacity(t *testing.T) {
	cases := map[string]struct {
		layers []float64
		want   float64
		most   float64 // target when squeezed: a layer that fits does not try what it leaves over
	}{
		"media fill the target": {nil, 3e6, 560e3},
		"simulcast layers":      {[]float64{150e3, 400e3, 1e6, 1.9e6, 2.6e6}, 2.8e6, 800e3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, Options{StartBps: 1_500_000})
			l.capacity, l.layers, l.want = steps, c.layers, c.want
			l.run(20 * time.Second)
			if m := l.mean(15 * time.Second); m < 2.2e6 || m > 4.5e6 {
				t.Errorf("before the fall the target is %.0f", m)
			}
			l.run(10 * time.Second)
			down := l.reached(20*time.Second, func(b int) bool { return b < 1000e3 })
			mark := len(l.delays)
			l.run(20 * time.Second)
			bits := l.delivered
			if m := l.mean(30 * time.Second); m < 350e3 || m > c.most {
				t.Errorf("squeezed, the target is %.0f", m)
			}
			p95 := l.queued(mark, 0.95)
			l.run(25 * time.Second)
			up := l.reached(50*time.Second, func(b int) bool { return b > 2_100_000 })
			t.Logf("down in %v, up in %v, queue p95 %v, then %.0f bps", down, up, p95, (l.delivered-bits)/25)
			if down > 5*time.Second || up > 15*time.Second {
				t.Errorf("down in %v, up in %v", down, up)
			}
			if p95 > 150*time.Millisecond {
				t.Errorf("packets waited %v", p95)
			}
		})
	}
}

func TestRandomLossDoesNotCollapse(t *testing.T) {
	for _, loss := range []float64{0.05, 0.1, 0.2, 0.3} {
		l := newLink(t, Options{StartBps: 1_500_000})
		l.loss, l.feedLoss, l.layers, l.want = loss, loss, []float64{40e3, 150e3, 500e3, 1.5e6, 2.4e6}, 2.5e6
		l.run(60 * time.Second)
		m := l.mean(20 * time.Second)
		t.Logf("%.0f%% loss: target %.0f", loss*100, m)
		if m < 1_200_000 {
			t.Errorf("%.0f%% loss pressed the target down to %.0f of 3 Mbps", loss*100, m)
		}
	}
}

// TestSenderFallsBehind holds back what is sent in two of three stretches of 300 ms, longer and longer, as a server does
// that gets no processor: told of it, the estimator does not take it for a weak way.
func TestSenderFallsBehind(t *testing.T) {
	mean := func(excused bool) float64 {
		l := newLink(t, Options{StartBps: 2_000_000})
		l.layers, l.want, l.excused = []float64{150e3, 500e3, 1.5e6, 2.4e6}, 2.5e6, excused
		l.stall = func(at time.Duration) time.Duration {
			if in := at % (900 * time.Millisecond); at > 10*time.Second && in < 600*time.Millisecond {
				return in / 2
			}
			return 0
		}
		l.run(40 * time.Second)
		return l.mean(20 * time.Second)
	}
	told, untold := mean(true), mean(false)
	t.Logf("target %.0f, untold %.0f", told, untold)
	if told < 2e6 || untold > told/2 {
		t.Errorf("a server that falls behind: target %.0f, untold %.0f", told, untold)
	}
}

// A policer drops what exceeds its rate and delays nothing.
func TestFollowsLossOfAPolicer(t *testing.T) {
	l := newLink(t, Options{StartBps: 1_500_000})
	l.capacity, l.queue = steps, 8*time.Millisecond
	l.layers, l.want = []float64{40e3, 150e3, 400e3, 1e6, 1.9e6}, 2e6
	l.run(50 * time.Second)
	down := l.reached(20*time.Second, func(b int) bool { return b < 700e3 })
	t.Logf("down in %v, mean %.0f", down, l.mean(30*time.Second))
	if m := l.mean(30 * time.Second); down > 5*time.Second || m > 900e3 {
		t.Errorf("down in %v, then %.0f", down, m)
	}
}

func TestJitterIsNotCongestion(t *testing.T) {
	l := newLink(t, Options{StartBps: 1_500_000})
	l.jitter, l.layers, l.want = 30*time.Millisecond, []float64{150e3, 500e3, 1.2e6}, 1.4e6
	l.run(40 * time.Second)
	if m := l.mean(10 * time.Second); m < 1_100_000 {
		t.Errorf("30 ms of jitter pressed the target down to %.0f", m)
	}
}

func TestLeavesRoomForACompetingFlow(t *testing.T) {
	l := newLink(t, Options{StartBps: 1_500_000})
	l.want = 3e6
	l.cross = func(at time.Duration) float64 {
		if at > 15*time.Second {
			return 1.8e6
		}
		return 0
	}
	l.run(20 * time.Second)
	mark := len(l.delays)
	l.run(25 * time.Second)
	m, p95 := l.mean(25*time.Second), l.queued(mark, 0.95)
	t.Logf("beside 1.8 Mbps: target %.0f, queue p95 %v", m, p95)
	if m < 600e3 || m > 1.35e6 || p95 > 200*time.Millisecond {
		t.Errorf("beside 1.8 of 3 Mbps the target is %.0f, packets wait %v", m, p95)
	}
}

func TestTinyLink(t *testing.T) {
	l := newLink(t, Options{StartBps: 1_500_000})
	l.capacity = func(at time.Duration) float64 {
		if at > 10*time.Second {
			return 60e3
		}
		return 3e6
	}
	l.layers, l.want = []float64{30e3, 150e3, 500e3, 1.5e6}, 1.6e6
	l.run(40 * time.Second)
	down := l.reached(10*time.Second, func(b int) bool { return b < 100e3 })
	if m := l.mean(20 * time.Second); down > 5*time.Second || m > 100e3 || m < 31e3 {
		t.Errorf("60 kbps: below 100 after %v, then %.0f", down, m)
	}
}

func TestSilenceLowersTheTarget(t *testing.T) {
	l := newLink(t, Options{})
	l.run(5 * time.Second)
	before := l.e.TargetBps()
	l.feedLoss = 1
	l.run(8 * time.Second)
	if after := l.e.TargetBps(); after > before/4 {
		t.Errorf("without feedback the target stayed at %d of %d", after, before)
	}
}

// TestComesBackWithNothingToSend: a way that carried nothing for a while, so that every picture was paused, and carries again
// when no media are left that feedback could be of, as while nobody speaks: probes alone bring the estimate back.
func TestComesBackWithNothingToSend(t *testing.T) {
	for name, lost := range map[string]float64{"whole": 0, "a tenth lost both ways": 0.1} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, Options{StartBps: 1_500_000})
			l.layers, l.want, l.loss, l.feedLoss = []float64{40e3, 150e3, 500e3, 1.5e6}, 1.5e6, lost, lost
			l.run(10 * time.Second)
			l.loss = 1
			l.run(20 * time.Second)
			if got := l.e.TargetBps(); got > 40_000 {
				t.Fatalf("after 20 s of silence the target is %d", got)
			}
			l.loss, l.layers = lost, []float64{0}
			l.run(40 * time.Second)
			if d := l.reached(30*time.Second, func(bps int) bool { return bps > 1_000_000 }); d > 25*time.Second {
				t.Errorf("the target is %d after 40 s of a sound way", l.e.TargetBps())
			} else {
				t.Logf("above 1 Mbps in %v", d)
			}
		})
	}
}

// TestTrialWithoutPacketsEnds: media that stop while a lower rate is tried for a loss leave nothing to judge it by; it does not
// keep probes away for ever.
func TestTrialWithoutPacketsEnds(t *testing.T) {
	l := newLink(t, Options{StartBps: 1_500_000})
	l.layers, l.want = []float64{40e3, 150e3, 500e3}, 1.5e6
	l.run(10 * time.Second)
	l.loss = 0.9
	for !l.e.loss.trial.running {
		if l.run(50 * time.Millisecond); l.at > time.Minute {
			t.Fatal("no trial began")
		}
	}
	l.loss, l.layers = 0, []float64{0}
	began, lowered := l.at, l.e.TargetBps()
	l.run(40 * time.Second)
	if d := l.reached(began, func(bps int) bool { return bps > 1_000_000 }); d > 30*time.Second {
		t.Errorf("from %d the target is %d 40 s later", lowered, l.e.TargetBps())
	} else {
		t.Logf("from %d above 1 Mbps in %v", lowered, d)
	}
}

// TestMoved: a way that died says nothing of the next one, which is tried afresh; nor does what is reported of it late.
func TestMoved(t *testing.T) {
	l := newLink(t, Options{})
	l.run(5 * time.Second)
	l.feedLoss = 1
	l.run(8 * time.Second)
	dead := l.e.TargetBps()
	sent := l.e.history.next.Load()
	l.feedLoss = 0
	l.e.Moved(l.now())
	if fresh := l.e.TargetBps(); fresh != 1_500_000 || dead > fresh/4 {
		t.Errorf("after the move the target is %d, %d before", fresh, dead)
	}
	lost := make([]status, 100)
	for i := range lost {
		lost[i] = status{seq: uint16(sent) - 99 + uint16(i), at: notReceived}
	}
	if err := l.e.Feedback(encode(lost, 0), l.now()); err != nil {
		t.Fatal(err)
	}
	if got := l.e.loss.received + l.e.loss.lost; got != 0 {
		t.Errorf("%d packets of the old way were counted", got)
	}
	l.run(5 * time.Second)
	if after := l.mean(14 * time.Second); after < 1_500_000 {
		t.Errorf("the new way carries 3 Mbps, the target is %.0f", after)
	}
}

func TestReportsAndRemb(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	e := New(Options{StartBps: 1_000_000}, now)
	second := func(loss float64) int {
		for range 100 {
			e.Count(1250) // 1 Mbps
		}
		now = now.Add(time.Second)
		e.Report(loss, now)
		return e.TargetBps()
	}
	second(0)
	if up := second(0); up <= 1_000_000 {
		t.Errorf("no loss gave %d", up)
	}
	if down := second(0.4); down > 600_000 {
		t.Errorf("40%% loss of 1 Mbps gave %d", down)
	}
	e.Remb(200_000)
	if got := e.TargetBps(); got != 200_000 {
		t.Errorf("REMB of 200 kbps gave %d", got)
	}
}

func TestMalformedFeedbackChangesNothing(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	e := New(Options{}, now)
	for range 10 {
		e.Sent(1000, now)
	}
	good := encode([]status{{1, 100_000}, {2, notReceived}, {3, 200_000}}, 0)
	if err := e.Feedback(good, now.Add(100*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for cut := range good[:len(good)-1] {
		if err := e.Feedback(good[:cut], now); !errors.Is(err, ErrFeedback) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
}

func TestSentAndFeedbackAllocateNothing(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	e := New(Options{}, now)
	fb := encode([]status{{1, 100_000}, {2, notReceived}, {3, 200_000}}, 0)
	if err := e.Feedback(fb, now); err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		e.Sent(1200, now)
		if e.Feedback(fb, now) != nil {
			t.Fatal("refused")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHistoryWraps(t *testing.T) {
	h := &history{start: time.Unix(0, 0)}
	for i := range 200_000 {
		at := int64(i) * 1_000_000 // 55 hours
		seq := h.add(1000+i%100, at)
		if got, size, ok := h.get(seq, at+500_000); !ok || got != at || size != 1000+i%100 {
			t.Fatalf("packet %d: %d %d %v", i, got, size, ok)
		}
		if _, _, ok := h.get(seq-ringSize, at); ok {
			t.Fatalf("packet %d: a forgotten one was found", i)
		}
	}
}

func BenchmarkSent(b *testing.B) {
	now := time.Now()
	e := New(Options{}, now)
	b.ReportAllocs()
	for b.Loop() {
		e.Sent(1200, now)
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add(encode([]status{{1, 100_000}, {2, notReceived}, {3, 200_000}}, 0))
	f.Add(encode([]status{{65535, 64_000}, {0, 64_250}, {1, 10_000_000}}, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		now := time.Unix(1_700_000_000, 0)
		e := New(Options{}, now)
		for range 300 {
			e.Sent(1000, now)
			now = now.Add(time.Millisecond)
		}
		err := e.Feedback(b, now)
		if err == nil && (len(e.feedback.statuses) == 0 || len(e.feedback.statuses) > maxStatuses) {
			t.Fatalf("%d statuses", len(e.feedback.statuses))
		}
		if bps := e.TargetBps(); bps < int(e.min) || bps > int(e.max) {
			t.Fatalf("target %d", bps)
		}
	})
}
