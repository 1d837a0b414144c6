package pdf

import (
	"fmt"
	"math"
	"strings"
)

// The round seal: 42 mm across, 1.2 mm ring, star in the middle, name along the upper arc (GB/T 9704 7.3.5 has the seal's
// place; its measures follow the courts' seals).
const (
	sealRadius   = 21 * mm
	sealRing     = 1.2 * mm
	sealStar     = 7 * mm // circumscribed radius
	sealInk      = "0.84 0.07 0.09"
	sealNameSize = 17.0
	sealLabel    = 10.0
	maxSealName  = 24
)

// sealPath draws the seal around (x, y), in PDF space (y upwards). Everything is a shape: nothing in it is text.
func sealPath(s Seal, x, y float64, f *face) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "q %s RG %s rg %.2f w\n", sealInk, sealInk, sealRing)
	circle(&out, x, y, sealRadius-sealRing/2)
	out.WriteString("S\n")
	star(&out, x, y, sealStar)
	out.WriteString("f\n")

	name := []rune(s.Court)
	if len(name) > maxSealName {
		return "", fmt.Errorf("pdf: the seal's name has %d characters; %d fit", len(name), maxSealName)
	}
	if len(name) > 0 {
		size := min(sealNameSize, 150/float64(len(name)))
		radius := sealRadius - sealRing - 2 - size/2
		step := min(1.45*size/radius, 1.5*math.Pi/float64(len(name)))
		for i, r := range name {
			angle := (float64(i) - float64(len(name)-1)/2) * step // clockwise from the top
			place := placement{x: x + radius*math.Sin(angle), y: y + radius*math.Cos(angle), turn: -angle, size: size}
			if err := glyphPath(&out, f, r, place); err != nil {
				return "", err
			}
		}
	}
	label := []rune(s.Label)
	for i, r := range label {
		place := placement{x: x + (float64(i)-float64(len(label)-1)/2)*sealLabel*1.1, y: y - sealStar - sealLabel*1.3, size: sealLabel}
		if err := glyphPath(&out, f, r, place); err != nil {
			return "", err
		}
	}
	out.WriteString("Q\n")
	return out.String(), nil
}

// circle appends a circle of four Bézier curves.
func circle(out *strings.Builder, x, y, r float64) {
	const k = 0.5522847498 // distance of the control points of a quarter
	fmt.Fprintf(out, "%.2f %.2f m\n", x+r, y)
	for _, q := range [4][6]float64{{1, k, k, 1, 0, 1}, {-k, 1, -1, k, -1, 0}, {-1, -k, -k, -1, 0, -1}, {k, -1, 1, -k, 1, 0}} {
		fmt.Fprintf(out, "%.2f %.2f %.2f %.2f %.2f %.2f c\n", x+r*q[0], y+r*q[1], x+r*q[2], y+r*q[3], x+r*q[4], y+r*q[5])
	}
	out.WriteString("h ")
}

// star appends a five-pointed star with one point at the top.
func star(out *strings.Builder, x, y, r float64) {
	inner := r * math.Sin(math.Pi/10) / math.Sin(3*math.Pi/10)
	for i := range 10 {
		radius := r
		if i%2 == 1 {
			radius = inner
		}
		angle := float64(i) * math.Pi / 5
		verb := "l"
		if i == 0 {
			verb = "m"
		}
		fmt.Fprintf(out, "%.2f %.2f %s\n", x+radius*math.Sin(angle), y+radius*math.Cos(angle), verb)
	}
	out.WriteString("h ")
}

// placement is where a character's square has its middle, its turn (radians, anticlockwise) and its size in points.
type placement struct{ x, y, turn, size float64 }

// glyphPath appends one character as a filled shape.
func glyphPath(out *strings.Builder, f *face, r rune, p placement) error {
	glyph, ok := f.glyph(r)
	if !ok {
		return &MissingRunes{Runes: []rune{r}}
	}
	contours, err := f.outline(glyph, 0)
	if err != nil {
		return err
	}
	scale := p.size / float64(f.unitsPer)
	middleX, middleY := f.width(r)/2*p.size, (emAscent-0.5)*p.size
	sin, cos := math.Sincos(p.turn)
	place := func(q point) point {
		dx, dy := q.x*scale-middleX, q.y*scale-middleY
		return point{x: p.x + dx*cos - dy*sin, y: p.y + dx*sin + dy*cos, on: q.on}
	}
	for _, contour := range contours {
		contourPath(out, contour, place)
	}
	out.WriteString("f\n")
	return nil
}

// contourPath appends one closed contour; its quadratic curves become cubic ones.
func contourPath(out *strings.Builder, contour []point, place func(point) point) {
	if len(contour) < 2 {
		return
	}
	middle := func(a, b point) point { return point{x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, on: true} }
	start := contour[0]
	if !start.on {
		start = middle(contour[len(contour)-1], contour[0])
		if last := contour[len(contour)-1]; last.on {
			start = last
		}
	}
	from := place(start)
	fmt.Fprintf(out, "%.2f %.2f m\n", from.x, from.y)
	curve := func(control, to point) {
		fmt.Fprintf(out, "%.2f %.2f %.2f %.2f %.2f %.2f c\n", from.x+2*(control.x-from.x)/3, from.y+2*(control.y-from.y)/3,
			to.x+2*(control.x-to.x)/3, to.y+2*(control.y-to.y)/3, to.x, to.y)
		from = to
	}
	for i, raw := range contour {
		next := contour[(i+1)%len(contour)]
		switch {
		case raw.on && i > 0 && contour[i-1].on:
			from = place(raw)
			fmt.Fprintf(out, "%.2f %.2f l\n", from.x, from.y)
		case raw.on:
			from = place(raw)
		case next.on:
			curve(place(raw), place(next))
		default:
			curve(place(raw), place(middle(raw, next)))
		}
	}
	out.WriteString("h\n")
}
