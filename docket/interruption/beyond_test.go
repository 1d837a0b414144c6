package interruption

import (
	"reflect"
	"testing"
)

func TestBeyond(t *testing.T) {
	stretch := func(track string, from, to float64) Stretch {
		return Stretch{Name: "张伟", Track: track, From: at(from), To: at(to)}
	}
	network := func(s ...Stretch) Interruption {
		return Interruption{Key: "network.p1", Name: "张伟", Cause: Network, Stretches: s}
	}
	recess := Interruption{Key: "pause.20260406t020010.000", Cause: Paused, Stretches: []Stretch{{From: at(10), To: at(20)}}}
	recess2 := recess
	recess2.Stretches = append(recess2.Stretches[:1:1], stretch("mic", 10, 20))
	first := network(stretch("mic", 1, 4))
	lost := Interruption{Key: "lost.p1", Name: "张伟", Cause: Lost, Stretches: []Stretch{stretch("mic", 1, 4)}}
	for name, c := range map[string]struct{ list, explained, want []Interruption }{
		"nothing explained":                 {[]Interruption{recess, first}, nil, []Interruption{recess, first}},
		"all explained":                     {[]Interruption{recess, first}, []Interruption{first, recess}, nil},
		"nothing there":                     {nil, []Interruption{first}, nil},
		"a later gap left by the recess":    {[]Interruption{recess2}, []Interruption{recess}, nil},
		"a later gap of the same cause":     {[]Interruption{network(stretch("mic", 1, 4), stretch("mic", 30, 31))}, []Interruption{first}, []Interruption{network(stretch("mic", 30, 31))}},
		"the gap grew":                      {[]Interruption{network(stretch("mic", 1, 5))}, []Interruption{first}, []Interruption{network(stretch("mic", 1, 5))}},
		"the gap shrank":                    {[]Interruption{network(stretch("mic", 2, 3))}, []Interruption{first}, nil},
		"another track":                     {[]Interruption{network(stretch("mic", 1, 4), stretch("camera", 1, 4))}, []Interruption{first}, []Interruption{network(stretch("camera", 1, 4))}},
		"another cause":                     {[]Interruption{first, lost}, []Interruption{first}, []Interruption{lost}},
		"explained in two, one after other": {[]Interruption{network(stretch("mic", 1, 4), stretch("mic", 30, 31))}, []Interruption{first, network(stretch("mic", 30, 31))}, nil},
	} {
		if got := Beyond(c.list, c.explained); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
	if len(first.Stretches) != 1 || first.Stretches[0] != stretch("mic", 1, 4) {
		t.Error("Beyond changed what it was given")
	}
}
