package pdf

import (
	"encoding/binary"
	"fmt"
)

// point is a point of an outline, in font units, y upwards.
type point struct {
	x, y float64
	on   bool // on the curve; otherwise a control point of a quadratic curve
}

const maxOutlineDepth = 4

// outline returns a glyph's closed contours. The seal draws its characters so, as shapes and not as text: text along an
// arc would scatter single characters over what a reader copies out of the page.
func (f *face) outline(glyph, depth int) ([][]point, error) {
	data := f.outlineBytes(glyph)
	if len(data) < componentHeader {
		return nil, nil
	}
	if contours := int(int16(binary.BigEndian.Uint16(data))); contours >= 0 {
		return simpleOutline(data[componentHeader:], contours)
	}
	parts, err := components(data)
	if err != nil {
		return nil, err
	}
	var all [][]point
	for _, part := range parts {
		if depth >= maxOutlineDepth || part.flags&argsAreXY == 0 || part.flags&(hasScale|hasXYScale|hasTwoByTwo) != 0 {
			return nil, fmt.Errorf("glyph %d is composed in a way that is not drawn: %w", glyph, errFont)
		}
		contours, err := f.outline(part.glyph, depth+1)
		if err != nil {
			return nil, err
		}
		for _, contour := range contours {
			for i := range contour {
				contour[i].x += float64(part.dx)
				contour[i].y += float64(part.dy)
			}
			all = append(all, contour)
		}
	}
	return all, nil
}

// Flags of a point of a simple glyph (OpenType, glyf table).
const (
	pointOnCurve = 1 << 0
	xShort       = 1 << 1
	yShort       = 1 << 2
	flagRepeats  = 1 << 3
	xSameOrPlus  = 1 << 4
	ySameOrPlus  = 1 << 5
)

// simpleOutline reads the body of a simple glyph, after its header.
func simpleOutline(data []byte, contours int) ([][]point, error) {
	r := glyphReader{data: data}
	ends := make([]int, contours)
	for i := range ends {
		ends[i] = int(r.uint16())
	}
	if contours == 0 || r.short {
		return nil, nil
	}
	count := ends[contours-1] + 1
	r.skip(int(r.uint16())) // hinting instructions
	flags := make([]byte, 0, count)
	for len(flags) < count && !r.short {
		flag := r.byte()
		flags = append(flags, flag)
		if flag&flagRepeats != 0 {
			for n := r.byte(); n > 0 && len(flags) < count; n-- {
				flags = append(flags, flag)
			}
		}
	}
	if r.short {
		return nil, fmt.Errorf("glyph outline: %w", errFont)
	}
	points := make([]point, count)
	at := 0
	for i, flag := range flags {
		at += r.delta(flag, xShort, xSameOrPlus)
		points[i] = point{x: float64(at), on: flag&pointOnCurve != 0}
	}
	at = 0
	for i, flag := range flags {
		at += r.delta(flag, yShort, ySameOrPlus)
		points[i].y = float64(at)
	}
	var all [][]point
	start := 0
	for _, end := range ends {
		if r.short || end+1 > count || end < start {
			return nil, fmt.Errorf("glyph outline: %w", errFont)
		}
		all = append(all, points[start:end+1])
		start = end + 1
	}
	return all, nil
}

// glyphReader reads big-endian values; short is set once the data does not suffice.
type glyphReader struct {
	data  []byte
	short bool
}

func (r *glyphReader) skip(n int) {
	if n > len(r.data) {
		r.data, r.short = nil, true
		return
	}
	r.data = r.data[n:]
}

func (r *glyphReader) byte() byte {
	if len(r.data) < 1 {
		r.short = true
		return 0
	}
	v := r.data[0]
	r.data = r.data[1:]
	return v
}

func (r *glyphReader) uint16() uint16 { return uint16(r.byte())<<8 | uint16(r.byte()) }

// delta reads one coordinate's difference as the point's flags encode it.
func (r *glyphReader) delta(flag, short, sameOrPlus byte) int {
	switch {
	case flag&short != 0 && flag&sameOrPlus != 0:
		return int(r.byte())
	case flag&short != 0:
		return -int(r.byte())
	case flag&sameOrPlus != 0:
		return 0
	}
	return int(int16(r.uint16()))
}
