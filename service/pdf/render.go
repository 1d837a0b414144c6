package pdf

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// MissingRunes reports characters that the court's typeface cannot print. A document that would show a box for a
// character of somebody's name is never made.
type MissingRunes struct {
	Runes []rune // sorted, each once
}

func (e *MissingRunes) Error() string {
	var list strings.Builder
	for i, r := range e.Runes {
		if i > 0 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "%q (%U)", r, r)
	}
	return "the typeface has no glyph for " + list.String()
}

// Render lays doc out and returns the finished, unsigned PDF. The same doc gives the same bytes. It returns *MissingRunes
// when a character has no glyph. It is safe for concurrent use.
func Render(doc Document) ([]byte, error) {
	regular, err := regularFace()
	if err != nil {
		return nil, err
	}
	bold, err := boldFace()
	if err != nil {
		return nil, err
	}
	l := &layouter{regular: regular, bold: bold, missing: map[rune]bool{}}
	if err := l.document(doc); err != nil {
		return nil, err
	}
	pages := paginate(l.items)
	for i := range pages {
		pages[i] = append(pages[i], l.foot(doc, i+1)...)
	}
	l.watermark(doc.Watermark, pages)
	if len(l.missing) > 0 {
		return nil, l.missingRunes()
	}
	c, err := newCanvas(doc, pages, regular, bold)
	if err != nil {
		return nil, fmt.Errorf("pdf: prepare fonts: %w", err)
	}
	for i, ops := range pages {
		if err := c.page(ops); err != nil {
			return nil, fmt.Errorf("pdf: draw page %d: %w", i+1, err)
		}
	}
	var raw bytes.Buffer
	if err := c.out.Output(&raw); err != nil {
		return nil, fmt.Errorf("pdf: write: %w", err)
	}
	return c.finish(raw.Bytes(), doc)
}

// watermark puts s under everything on each page, along the diagonal and as large as it allows.
func (l *layouter) watermark(s string, pages [][]op) {
	s = l.clean(strings.ReplaceAll(s, "\n", " "), true)
	width := 0.0 // em
	for _, r := range s {
		width += l.bold.width(r)
	}
	if width == 0 {
		return
	}
	size := min(0.8*math.Hypot(pageWidth, pageHeight)/width, maxWatermark)
	mark := watermark{text{x: pageWidth / 2, y: pageHeight / 2, s: s, size: size, bold: true}, math.Atan2(pageHeight, pageWidth) * 180 / math.Pi}
	for i := range pages {
		pages[i] = slices.Insert(pages[i], 0, op(mark))
	}
}

// maxWatermark is the largest type of a watermark, in points.
const maxWatermark = 96.0

func (l *layouter) missingRunes() *MissingRunes {
	missing := &MissingRunes{}
	for r := range l.missing {
		missing.Runes = append(missing.Runes, r)
	}
	sort.Slice(missing.Runes, func(i, j int) bool { return missing.Runes[i] < missing.Runes[j] })
	return missing
}

// foot is the page number, — 1 —, centred 7 mm below the text, and the small text below it.
func (l *layouter) foot(doc Document, number int) []op {
	line := func(s string, size float64) ([]token, measure) {
		return tokenize(l.clean(s, false), l.regular), measure{size: size, width: textWidth}
	}
	tokens, m := line(fmt.Sprintf("— %d —", number), pageNoSize)
	middle := textLine{tokens: tokens, start: (textWidth - natural(tokens, 0, m)) / 2, last: true}
	ops := item{ops: l.lineOps(middle, m, false, false, pitch)}.at(textTop + textHeight + 7*mm)
	if doc.Footer != "" {
		tokens, m = line(strings.ReplaceAll(doc.Footer, "\n", " "), footSize)
		small := l.lineOps(textLine{tokens: tokens, last: true}, m, false, false, footSize*1.4)
		ops = append(ops, item{ops: small}.at(textTop+textHeight+7*mm+pitch)...)
	}
	return ops
}
