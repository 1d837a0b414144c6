// Package simulcast chooses which layer of a picture a receiver gets:
// the smallest that still looks sharp at the size shown, among those that
// arrive, and not above what the receiver's link can carry. It is pure; the
// forwarding worker calls it ten to a hundred times a second for each receiver.
package simulcast

// None is the choice of no layer: nothing is shown, or nothing arrives.
const None = 255

// Max is how many layers a picture can have.
const Max = 3

// Layer is one encoding of a picture, as its packets tell.
type Layer struct {
	Live          bool // it arrives now
	Known         bool // it arrived at some time
	Width, Height int  // in pixels, of the last key frame; 0 is unknown
}

// View is the size at which a receiver shows the picture, in device pixels.
// The zero value says that the receiver has not told; Hidden is off-screen.
type View struct {
	Width, Height int
	Hidden        bool
}

// nominal sizes of layers whose codec does not tell: a 720p camera's.
var nominal = [Max]Layer{{Width: 320, Height: 180}, {Width: 640, Height: 360}, {Width: 1280, Height: 720}}

// A picture may be stretched by 4/3 before the next layer is taken; a smaller
// layer is taken only when it need not be stretched by more than 10/9. The gap
// keeps a window that is dragged about from switching to and fro.
const (
	stretchUp   = 4.0 / 3
	stretchDown = 10.0 / 9
)

// stretch is how much layer i must be enlarged to fill the view.
func stretch(i int, l Layer, v View) float64 {
	if l.Width <= 0 || l.Height <= 0 {
		l = nominal[i]
	}
	return max(float64(v.Width)/float64(l.Width), float64(v.Height)/float64(l.Height))
}

// Wanted is the layer that suits the view if all known layers arrived, out of
// the room lowest ones that the link has room for (Max for all, 0 pauses); now
// is the layer that the receiver has, None for none.
func Wanted(layers *[Max]Layer, v View, now, room uint8) uint8 {
	return choose(layers, v, now, room, false)
}

// Choose is the layer to forward: as Wanted, among the layers that arrive.
// The result is None when only layers that the link has no room for arrive.
func Choose(layers *[Max]Layer, v View, now, room uint8) uint8 {
	return choose(layers, v, now, room, true)
}

func choose(layers *[Max]Layer, v View, now, room uint8, live bool) uint8 {
	if v.Hidden {
		return None
	}
	best := uint8(None)
	for i := range layers {
		if uint8(i) >= room || !layers[i].Known || live && !layers[i].Live {
			continue
		}
		best = uint8(i)
		if v.Width <= 0 || v.Height <= 0 {
			continue // size not told: the best there is
		}
		limit := stretchUp
		if now != None && best < now {
			limit = stretchDown
		}
		if stretch(i, layers[i], v) <= limit {
			break
		}
	}
	return best
}
