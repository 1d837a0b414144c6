// Package allocate shares what one receiver's connection can take among the
// tracks that it wants. Audio never starves; what stands on the floor (its
// speaker, a shared screen, presented evidence) comes before the rest; a video
// that cannot have even its smallest layer is paused. The package is pure.
package allocate

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// Class is a demand's priority, the first before the second.
type Class uint8

// Classes.
const (
	Audio Class = iota // always given, whatever the budget
	Floor              // given its wanted layer before the rest gets any
	Rest               // each its smallest layer first, then raised in turns
)

// Paused stands for no layer.
const Paused = -1

// Demand is what a receiver wants of one track.
type Demand[K comparable] struct {
	Key   K
	Class Class
	Order int // within the class, smaller first; equal orders: the lighter first, then by place in the list
	// RateBps is the rate of each layer, smallest first; 0: it is not being sent.
	RateBps []int
	// Want is the largest layer that is of use; Paused: none, it is out of sight.
	Want int
}

// cost is the rate of a layer, never less than a smaller layer's.
func (d *Demand[K]) cost(layer int) int {
	c := 0
	for i := 0; i <= layer && i < len(d.RateBps); i++ {
		c = max(c, d.RateBps[i])
	}
	return c
}

// next is the next larger layer that is sent and of use.
func (d *Demand[K]) next(layer int) (int, bool) {
	for l := layer + 1; l <= d.Want && l < len(d.RateBps); l++ {
		if d.RateBps[l] > 0 {
			return l, true
		}
	}
	return 0, false
}

// weight is how much the smallest layer costs, in powers of two, so that it does not change with each picture: of
// equals the light come first, and a camera that sends far too much takes the place of nobody but itself.
func (d *Demand[K]) weight() int {
	first, ok := d.next(Paused)
	if !ok {
		return 0
	}
	return bits.Len(uint(d.cost(first)))
}

// Share gives each demand a layer, in the list's order. Together they take no
// more than the budget, unless the audio alone does. Raises are tried in one
// fixed order, and each that fits is taken: so a larger budget never takes
// from the first in order.
func Share[K comparable](budgetBps int, demands []Demand[K]) []int {
	n := len(demands)
	return share(make([]int, n), make([]int, n), budgetBps, demands)
}

// share is Share into out; order is room to work in. Both are as long as demands.
func share[K comparable](out, order []int, budgetBps int, demands []Demand[K]) []int {
	for i := range demands {
		out[i], order[i] = Paused, i
		if demands[i].Class == Audio && demands[i].Want != Paused {
			out[i] = 0
			budgetBps -= demands[i].cost(0)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(demands[a].Order, demands[b].Order), cmp.Compare(demands[a].weight(), demands[b].weight()))
	})
	for _, class := range []Class{Floor, Rest} {
		budgetBps = raise(budgetBps, class, demands, order, out)
	}
	return out
}

// raise goes round the demands of a class, one layer each, until nothing fits.
func raise[K comparable](budget int, class Class, demands []Demand[K], order, out []int) int {
	for raised := true; raised; {
		raised = false
		for _, i := range order {
			d := &demands[i]
			next, ok := d.next(out[i])
			if d.Class != class || !ok {
				continue
			}
			if more := d.cost(next) - d.cost(out[i]); more <= budget {
				budget -= more
				out[i], raised = next, true
			}
		}
	}
	return budget
}

// Need is the budget at which every demand gets what it wants for good.
func Need[K comparable](demands []Demand[K]) int {
	sum := 0
	for i := range demands {
		if d := &demands[i]; d.Want != Paused {
			sum += d.cost(d.Want)
		}
	}
	return withHeadroom(sum)
}

const (
	headroom  = 15              // percent that a raise leaves free
	hold      = time.Second     // for which a raise must fit
	holdAfter = 4 * time.Second // the same soon after a fall
	soon      = 12 * time.Second
)

func withHeadroom(bps int) int    { return bps + bps/100*headroom + 1 }
func withoutHeadroom(bps int) int { return bps / (100 + headroom) * 100 }

// Allocator adds memory to Share, so that layers do not flap: a fall is taken
// at once, a raise only when it fitted with headroom for a while. Its methods
// are not safe for concurrent use. The zero value is ready.
type Allocator[K comparable] struct {
	given map[K]*given
	room  []int // to work in
}

type given struct {
	layer, want int
	since       time.Time // a raise fits; zero: it does not
	fell        time.Time
	seen        bool
}

// Update gives each demand a layer, in the list's order. The result is valid
// until the next call.
func (a *Allocator[K]) Update(budgetBps int, demands []Demand[K], now time.Time) []int {
	if a.given == nil {
		a.given = map[K]*given{}
	}
	n := len(demands)
	a.room = slices.Grow(a.room[:0], 4*n)[:4*n]
	order, out := a.room[2*n:3*n], a.room[3*n:]
	most := share(a.room[:n], order, budgetBps, demands)
	safe := share(a.room[n:2*n], order, withoutHeadroom(budgetBps), demands)
	for _, g := range a.given {
		g.seen = false
	}
	for i := range demands {
		d := &demands[i]
		if d.cost(len(d.RateBps)-1) == 0 && d.Class != Audio { // not sent: when it begins, it is new
			out[i] = Paused
			continue
		}
		g := a.given[d.Key]
		if g == nil { // new tracks need not wait
			g = &given{layer: min(most[i], safe[i]), want: d.Want}
			a.given[d.Key] = g
		}
		g.seen = true
		sent := g.layer == Paused || g.layer < len(d.RateBps) && d.RateBps[g.layer] > 0
		g.update(most[i], min(most[i], safe[i]), sent, d.Want, now)
		out[i] = g.layer
	}
	for k, g := range a.given {
		if !g.seen {
			delete(a.given, k)
		}
	}
	return out
}

// update keeps g.layer at most at most, which bounds the sum by the budget.
func (g *given) update(most, safe int, sent bool, want int, now time.Time) {
	wider := want > g.want // the receiver made the tile larger: no need to wait
	g.want = want
	switch {
	case most < g.layer:
		g.layer, g.fell, g.since = most, now, time.Time{}
	case safe <= g.layer:
		g.since = time.Time{}
		if !sent { // the layer ended
			g.layer = most
		}
	case wider || !sent:
		g.layer, g.since = safe, time.Time{}
	case g.since.IsZero():
		g.since = now
	case now.Sub(g.since) >= g.patience(now):
		g.layer, g.since = safe, time.Time{}
	}
}

func (g *given) patience(now time.Time) time.Duration {
	if !g.fell.IsZero() && now.Sub(g.fell) < soon {
		return holdAfter
	}
	return hold
}
