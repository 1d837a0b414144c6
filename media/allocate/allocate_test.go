package allocate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func camera(key string, class Class, order int) Demand[string] {
	return Demand[string]{key, class, order, []int{150_000, 500_000, 1_500_000}, 2}
}

func voice(key string) Demand[string] { return Demand[string]{key, Audio, 0, []int{40_000}, 0} }

func TestShare(t *testing.T) {
	small := camera("small", Rest, 0)
	small.Want = 0
	hidden := camera("hidden", Rest, 0)
	hidden.Want = Paused
	gap := camera("gap", Rest, 0)
	gap.RateBps = []int{150_000, 0, 1_500_000}
	screen := Demand[string]{"screen", Floor, 0, []int{800_000}, 0}
	cases := map[string]struct {
		budget  int
		demands []Demand[string]
		want    []int
	}{
		"nothing is left: audio goes on":                            {0, []Demand[string]{voice("a"), voice("b"), camera("c", Floor, 0)}, []int{0, 0, Paused}},
		"audio first":                                               {200_000, []Demand[string]{camera("c", Floor, 0), voice("a"), voice("b")}, []int{Paused, 0, 0}},
		"the floor before the rest":                                 {1_000_000, []Demand[string]{camera("r", Rest, 0), camera("f", Floor, 0)}, []int{1, 1}},
		"the floor's last layer before all":                         {1_600_000, []Demand[string]{camera("r", Rest, 0), camera("f", Floor, 0)}, []int{Paused, 2}},
		"the rest in turns":                                         {900_000, []Demand[string]{camera("r", Rest, 1), camera("s", Rest, 0)}, []int{0, 1}},
		"a tile's size bounds":                                      {9_000_000, []Demand[string]{small, camera("f", Floor, 0)}, []int{0, 2}},
		"out of sight takes nothing":                                {9_000_000, []Demand[string]{hidden}, []int{Paused}},
		"a layer that is not sent is passed":                        {9_000_000, []Demand[string]{gap}, []int{2}},
		"a large screen leaves room for faces when it does not fit": {500_000, []Demand[string]{screen, camera("r", Rest, 0)}, []int{Paused, 1}},
		"nothing is demanded":                                       {100, nil, []int{}},
	}
	for name, c := range cases {
		if got := Share(c.budget, c.demands); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func random(rng *rand.Rand) []Demand[string] {
	var out []Demand[string]
	for i := range 1 + rng.IntN(12) {
		d := Demand[string]{Key: string(rune('a' + i)), Class: Class(rng.IntN(3)), Order: rng.IntN(3)}
		for range 1 + rng.IntN(3) {
			rate := rng.IntN(2_000_000)
			if rng.IntN(5) == 0 {
				rate = 0
			}
			d.RateBps = append(d.RateBps, rate)
		}
		d.Want = rng.IntN(len(d.RateBps)+1) - 1
		out = append(out, d)
	}
	return out
}

func used(demands []Demand[string], layers []int) (audio, all int) {
	for i, l := range layers {
		all += demands[i].cost(l)
		if demands[i].Class == Audio {
			audio += demands[i].cost(l)
		}
	}
	return audio, all
}

func TestShareKeepsItsPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		demands, budget := random(rng), rng.IntN(6_000_000)
		got := Share(budget, demands)
		if !slices.Equal(got, Share(budget, demands)) {
			t.Fatal("not deterministic")
		}
		if audio, all := used(demands, got); all > budget && all > audio {
			t.Fatalf("%v takes %d of %d: %v", demands, all, budget, got)
		}
		more := Share(budget+rng.IntN(1_000_000), demands)
		first := -1
		for i, d := range demands {
			if got[i] > d.Want || got[i] >= 0 && d.RateBps[got[i]] == 0 && d.Class != Audio {
				t.Fatalf("%v was given layer %d", d, got[i])
			}
			if d.Class == Audio && d.Want >= 0 && got[i] != 0 {
				t.Fatalf("audio starves: %v", got)
			}
			if d.Class == Floor && (first < 0 || d.Order < demands[first].Order) {
				first = i
			}
		}
		if first >= 0 && got[first] > Paused && more[first] == Paused {
			t.Fatalf("%v: with more budget the first is paused: %v then %v", demands, got, more)
		}
		full := Share(Need(demands), demands)
		for i, d := range demands {
			if _, ok := d.next(full[i]); ok && d.Class != Audio {
				t.Fatalf("%v: the need does not suffice: %v", demands, full)
			}
		}
	}
}

// The rest never takes what the floor could use.
func TestFloorComesFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 5_000 {
		demands, budget := random(rng), rng.IntN(6_000_000)
		alone := slices.DeleteFunc(slices.Clone(demands), func(d Demand[string]) bool { return d.Class == Rest })
		want := Share(budget, alone)
		got, j := Share(budget, demands), 0
		for i, d := range demands {
			if d.Class == Rest {
				continue
			}
			if got[i] != want[j] {
				t.Fatalf("%v: %s has layer %d beside the rest and %d without", demands, d.Key, got[i], want[j])
			}
			j++
		}
	}
}

func TestAllocatorDoesNotFlap(t *testing.T) {
	var a Allocator[string]
	now := time.Unix(1_700_000_000, 0)
	demands := []Demand[string]{voice("a"), camera("c", Rest, 0)}
	step := func(budget int, d time.Duration) int {
		now = now.Add(d)
		return a.Update(budget, demands, now)[1]
	}
	if got := step(700_000, 0); got != 1 {
		t.Fatalf("a new track starts at %d", got)
	}
	if got := step(500_000, 200*time.Millisecond); got != 0 {
		t.Fatalf("a fall must be taken at once: %d", got)
	}
	changes, was := 0, 0
	for i := range 600 { // two minutes around the limit
		budget := 500_000 + i%7*20_000 // ±11 % around 540 kbps, which layer 1 takes with the audio
		if got := step(budget, 200*time.Millisecond); got != was {
			changes++
			was = got
		}
	}
	if changes != 0 {
		t.Errorf("%d changes of layer", changes)
	}
	fits := now
	for step(700_000, 100*time.Millisecond) == 0 && now.Sub(fits) < 10*time.Second {
	}
	if d := now.Sub(fits); d < hold || d > 2*hold {
		t.Errorf("raised after %v", d)
	}
	step(100_000, time.Second)
	fits = now
	for step(700_000, 100*time.Millisecond) != 1 && now.Sub(fits) < 20*time.Second {
	}
	if d := now.Sub(fits); d < holdAfter || d > 2*holdAfter {
		t.Errorf("soon after a fall it was raised after %v", d)
	}
	sent := demands[1].RateBps
	demands[1].RateBps = make([]int, 3)
	if got := step(3_000_000, time.Second); got != Paused {
		t.Errorf("a camera that is off has layer %d", got)
	}
	demands[1].RateBps = sent
	if got := step(3_000_000, 100*time.Millisecond); got != 2 {
		t.Errorf("a camera that goes on has layer %d", got)
	}
	demands[1].Want = 0
	step(3_000_000, time.Second)
	demands[1].Want = 2
	if got := step(3_000_000, 100*time.Millisecond); got != 2 {
		t.Errorf("a larger tile has layer %d", got)
	}
}

func TestAllocatorStaysInTheBudget(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var a Allocator[string]
	now := time.Unix(1_700_000_000, 0)
	for range 20_000 {
		demands, budget := random(rng), rng.IntN(6_000_000)
		now = now.Add(time.Duration(rng.IntN(3)) * time.Second)
		got := a.Update(budget, demands, now)
		if audio, all := used(demands, got); all > budget && all > audio {
			t.Fatalf("%v takes %d of %d: %v", demands, all, budget, got)
		}
		if len(a.given) > len(demands) {
			t.Fatal("ended tracks are remembered")
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	var a Allocator[string]
	demands := []Demand[string]{voice("a"), voice("b"), camera("c", Floor, 0), camera("d", Rest, 0), camera("e", Rest, 0)}
	now := time.Now()
	for b.Loop() {
		a.Update(2_000_000, demands, now)
	}
}
