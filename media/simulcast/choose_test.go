package simulcast

import (
	"math/rand/v2"
	"testing"
)

func all(live ...int) *[Max]Layer {
	l := [Max]Layer{{Known: true, Width: 320, Height: 180}, {Known: true, Width: 640, Height: 360}, {Known: true, Width: 1280, Height: 720}}
	for _, i := range live {
		l[i].Live = true
	}
	return &l
}

func TestChoose(t *testing.T) {
	unknown := &[Max]Layer{{Known: true, Live: true}, {Known: true, Live: true}, {Known: true, Live: true}}
	tall := &[Max]Layer{{Known: true, Live: true, Width: 180, Height: 320}, {Known: true, Live: true, Width: 360, Height: 640}}
	cases := []struct {
		name   string
		layers *[Max]Layer
		view   View
		now    uint8
		room   uint8
		want   uint8
	}{
		{"size not told takes the best", all(0, 1, 2), View{}, None, Max, 2},
		{"a thumbnail", all(0, 1, 2), View{Width: 240, Height: 135}, None, Max, 0},
		{"a thumbnail of a sharp screen", all(0, 1, 2), View{Width: 480, Height: 270}, None, Max, 1},
		{"half the window", all(0, 1, 2), View{Width: 640, Height: 360}, None, Max, 1},
		{"the whole window", all(0, 1, 2), View{Width: 1440, Height: 810}, None, Max, 2},
		{"a tall tile is filled by height", all(0, 1, 2), View{Width: 200, Height: 400}, None, Max, 1},
		{"the wanted layer is silent: the next below", all(0, 1), View{Width: 1440, Height: 810}, 2, Max, 1},
		{"all below are silent: the one above", all(2), View{Width: 240, Height: 135}, None, Max, 2},
		{"hidden", all(0, 1, 2), View{Width: 640, Height: 360, Hidden: true}, 1, Max, None},
		{"nothing arrives", all(), View{}, 1, Max, None},
		{"a link that carries the middle", all(0, 1, 2), View{Width: 1440, Height: 810}, 2, 2, 1},
		{"a link that carries the lowest, which is silent", all(1, 2), View{}, 2, 1, None},
		{"a link that carries no picture", all(0, 1, 2), View{}, 2, 0, None},
		{"a slightly smaller tile keeps the layer", all(0, 1, 2), View{Width: 400, Height: 225}, 1, Max, 1},
		{"a slightly larger tile keeps the layer", all(0, 1, 2), View{Width: 420, Height: 236}, 0, Max, 0},
		{"a much smaller tile changes it", all(0, 1, 2), View{Width: 340, Height: 190}, 1, Max, 0},
		{"sizes unknown go by the customary ones", unknown, View{Width: 640, Height: 360}, None, Max, 1},
		{"a telephone held upright", tall, View{Width: 390, Height: 600}, None, Max, 1},
	}
	for _, c := range cases {
		if got := Choose(c.layers, c.view, c.now, c.room); got != c.want {
			t.Errorf("%s: layer %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWantedLooksPastSilentLayers(t *testing.T) {
	if got := Wanted(all(0), View{Width: 1440, Height: 810}, 0, Max); got != 2 {
		t.Errorf("wanted %d of layers that are switched off, want 2", got)
	}
	if got := Wanted(&[Max]Layer{{Known: true, Live: true}}, View{Width: 1440, Height: 810}, 0, Max); got != 0 {
		t.Errorf("wanted %d of a picture with one layer", got)
	}
}

// TestChooseHolds: for any sizes the choice is live, not above what there is room for, and stable: asked again with
// the layer it gave, it gives the same.
func TestChooseHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		var l [Max]Layer
		for i := range l {
			l[i] = Layer{Known: r.IntN(4) > 0, Width: r.IntN(2000), Height: r.IntN(1200)}
			l[i].Live = l[i].Known && r.IntN(3) > 0
		}
		v := View{Width: r.IntN(3000), Height: r.IntN(2000)}
		room := uint8(r.IntN(Max + 1))
		got := Choose(&l, v, None, room)
		if got != None && (!l[got].Live || got >= room) {
			t.Fatalf("layer %d of %+v with room for %d", got, l, room)
		}
		next := Choose(&l, v, got, room)
		if again := Choose(&l, v, next, room); again != next {
			t.Fatalf("%+v at %+v: %d, then %d, then %d", l, v, got, next, again)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	layers, v := all(0, 1, 2), View{Width: 640, Height: 360}
	b.ReportAllocs()
	for b.Loop() {
		if Choose(layers, v, 1, Max) != 1 {
			b.Fatal("another layer")
		}
	}
}
