package pdf

import (
	"fmt"
	"strings"
	"unicode"
)

// layouter turns a document into items. It collects what the fonts cannot print.
type layouter struct {
	regular, bold *face
	missing       map[rune]bool
	items         []item
}

func (l *layouter) face(bold bool) *face {
	if bold {
		return l.bold
	}
	return l.regular
}

// clean drops what has no printed form (controls, zero-width and direction marks) and turns other blanks into spaces.
func (l *layouter) clean(s string, bold bool) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\u2028' || r == '\u2029':
			r = '\n'
		case r == '\t' || r == '\u00a0':
			r = ' '
		case unicode.In(r, unicode.Cc, unicode.Cf) || r >= 0xFE00 && r <= 0xFE0F:
			continue
		}
		if _, ok := l.face(bold).glyph(r); !ok && r != '\n' || unicode.In(r, unicode.Co) {
			l.missing[r] = true
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// document lays out everything but the feet of the pages.
func (l *layouter) document(doc Document) error {
	if doc.Court != "" {
		l.banner(doc.Court, courtSize)
	}
	if doc.Title != "" {
		l.banner(doc.Title, titleSize)
	}
	if doc.Number != "" {
		l.paragraph(Paragraph{Text: doc.Number, Align: Right})
		l.keepLast(1)
	}
	for n, block := range doc.Body {
		switch b := block.(type) {
		case Paragraph:
			l.paragraph(b)
		case Heading:
			l.heading(b)
		case Items:
			for i, entry := range b.Texts {
				l.paragraph(Paragraph{Text: b.Style.label(i+1) + entry})
			}
		case Table:
			if err := l.table(b); err != nil {
				return err
			}
		case SignatureBlock:
			l.keepLast(2)
			l.signatures(b)
		case PageBreak:
			l.items = append(l.items, item{brk: true})
		default:
			return fmt.Errorf("pdf: block %d is of an unknown kind %T", n+1, block)
		}
	}
	return nil
}

func (n Numbering) label(i int) string {
	if n == ArabicNumbers {
		return fmt.Sprintf("%d. ", i)
	}
	return ChineseNumber(i) + "、"
}

// keepLast chains the last count items to what follows.
func (l *layouter) keepLast(count int) {
	for i := max(0, len(l.items)-count); i < len(l.items); i++ {
		l.items[i].keep = true
	}
}

// banner is a centred line of the document's head: the court's name or the title.
func (l *layouter) banner(s string, size float64) {
	s = l.clean(strings.ReplaceAll(s, "\n", " "), true)
	m := measure{size: size, width: textWidth}
	height := pitch * 1.5
	for _, line := range breakLines(s, l.bold, m) {
		line.start = max(0, (textWidth-natural(line.tokens, 0, m))/2)
		ops := l.lineOps(line, m, true, false, height)
		l.items = append(l.items, item{height: height, keep: true, ops: ops})
	}
}

func (l *layouter) heading(h Heading) {
	p := Paragraph{Text: h.Text, Bold: true, Align: Centred}
	if h.Level > 1 {
		p.Align = Justified
	}
	before := len(l.items)
	l.paragraph(p)
	l.keepLast(len(l.items) - before)
}

func (l *layouter) paragraph(p Paragraph) {
	for _, part := range strings.Split(l.clean(p.Text, p.Bold), "\n") {
		m := measure{size: bodySize, track: bodyTrack, width: textWidth}
		if p.Align == Justified {
			m.squeeze = bodySize / 2
		}
		if p.Align == Justified && !p.NoIndent {
			m.indent = 2 * cell
		}
		for _, line := range breakLines(part, l.face(p.Bold), m) {
			switch p.Align {
			case Centred:
				line.start = (textWidth - natural(line.tokens, 0, m)) / 2
			case Right:
				line.start = textWidth - natural(line.tokens, 0, m)
			}
			ops := l.lineOps(line, m, p.Bold, p.Align == Justified, pitch)
			l.items = append(l.items, item{height: pitch, ops: ops})
		}
	}
}

// maxStretch is the widest gap, in em, that justification may put beside a character; a line that would need more stays
// ragged, as it is easier to read.
const maxStretch = 0.3

// lineOps places a line's runs: wide characters in a row share a run; words stand alone, so that they keep their spacing.
// x counts from the page's left edge, y from the item's top; the characters' squares are centred in height.
func (l *layouter) lineOps(line textLine, m measure, bold, justify bool, height float64) []op {
	gap := 0.0
	if justify && (!line.last || line.room < 0) {
		if gaps := stretchable(line.tokens); gaps > 0 {
			gap = line.room / float64(gaps)
		}
		if gap > maxStretch*m.size {
			gap = 0
		}
	}
	var ops []op
	x := textLeft + line.start
	y := (height-m.size)/2 + emAscent*m.size
	for i, t := range line.tokens {
		stretch := 0.0
		if i+1 < len(line.tokens) && givesWay(t, line.tokens[i+1]) {
			stretch = gap
		}
		if last := len(ops) - 1; t.wide && i > 0 && line.tokens[i-1].wide {
			run := ops[last].(text)
			run.s += t.text
			ops[last] = run
		} else {
			run := text{x: x, y: y, s: t.text, size: m.size, bold: bold}
			if t.wide {
				run.track = m.track + gap
			}
			ops = append(ops, run)
		}
		x += m.advance(t) + stretch
	}
	return ops
}

// givesWay says whether justification may widen the gap between two tokens.
func givesWay(a, b token) bool { return a.wide || b.wide }

func stretchable(tokens []token) int {
	count := 0
	for i := 1; i < len(tokens); i++ {
		if givesWay(tokens[i-1], tokens[i]) {
			count++
		}
	}
	return count
}
