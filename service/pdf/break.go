package pdf

import (
	"strings"
	"unicode"
)

// Line breaking after the requirements for Chinese text layout (W3C clreq): which characters may not start or end a line,
// what is never split, and where a line gives way when it is justified.

// noStart holds the characters that may not stand at the start of a line.
const noStart = "，。、；：？！）》」』】〕〉｝］”’…—·・‧％‰℃々ー～,.;:?!)]}%>"

// noEnd holds the characters that may not stand at the end of a line.
const noEnd = "（《「『【〔〈｛［“‘￥＄№([{<$¥"

// closers are full-width marks whose right half is blank: at the end of a line it may hang over.
const closers = "，。、；：）》」』】〕〉｝］”’"

// units stay with the number before them: 100元, 2026年.
const units = "元年月日时分秒号万亿条款项页份件人%"

// openers are full-width marks whose left half is blank: at the start of a line it is cut off.
const openers = "（《「『【〔〈｛［“‘"

// token is the smallest piece that a line is made of: one wide character, one word, or one run of spaces.
type token struct {
	text  string
	width float64 // em, without tracking
	wide  bool    // Chinese: the line may break and stretch beside it
	space bool
}

// isWide says whether r stands in a square of its own.
func isWide(r rune, f *face) bool {
	return r >= 0x2E80 || unicode.Is(unicode.Han, r) || f.width(r) >= 0.95 && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// tokenize splits one paragraph's text.
func tokenize(text string, f *face) []token {
	var tokens []token
	for _, r := range text {
		piece := token{text: string(r), width: f.width(r), wide: isWide(r, f), space: r == ' '}
		last := len(tokens) - 1
		joins := last >= 0 && !piece.wide && !tokens[last].wide && tokens[last].space == piece.space
		if joins {
			tokens[last].text += piece.text
			tokens[last].width += piece.width
			continue
		}
		tokens = append(tokens, piece)
	}
	return tokens
}

// mayBreak says whether a line may end after a and the next start with b.
func mayBreak(a, b token) bool {
	if b.space {
		return false // the space hangs; the break comes after it
	}
	first, last := []rune(b.text)[0], lastRune(a.text)
	if strings.ContainsRune(noEnd, last) {
		return false
	}
	if a.space {
		return true
	}
	if first == '—' || first == '…' {
		return false // two of them are one mark, and neither starts a line
	}
	if !a.wide && unicode.IsDigit(last) && strings.ContainsRune(units, first) {
		return false
	}
	return (a.wide || b.wide) && !(b.wide && strings.ContainsRune(noStart, first)) &&
		!(!b.wide && strings.ContainsRune(noStart, first) && len([]rune(b.text)) == 1)
}

func lastRune(s string) rune {
	runes := []rune(s)
	return runes[len(runes)-1]
}

// measure is how wide lines are, in points.
type measure struct {
	size   float64 // of the type
	track  float64 // added after each wide character, so that the grid has its number of cells
	width  float64 // of a full line
	indent float64 // of the first line

	squeeze float64 // by how much a line may be pressed together so that a closing mark need not take a character along
}

func (m measure) advance(t token) float64 {
	if t.wide {
		return t.width*m.size + m.track
	}
	return t.width * m.size
}

// textLine is one line of tokens with its natural width.
type textLine struct {
	tokens []token
	start  float64 // where it starts, from the left margin: an indent, or minus half a cell before an opening mark
	room   float64 // what is left to fill when justified; may be slightly negative
	last   bool    // of its paragraph
}

// breakLines splits text into lines. Text without any character still makes one empty line.
func breakLines(text string, f *face, m measure) []textLine {
	tokens := splitOverlong(tokenize(text, f), f, m)
	var lines []textLine
	start := m.indent
	for {
		for len(lines) > 0 && len(tokens) > 0 && tokens[0].space {
			tokens = tokens[1:]
		}
		if len(lines) > 0 && len(tokens) > 0 {
			start = 0
			if isOne(tokens[0], openers) {
				start = -m.size / 2
			}
		}
		count := fitting(tokens, start, m)
		line := textLine{tokens: trimSpaces(tokens[:count]), start: start, last: count == len(tokens)}
		line.room = m.width - natural(line.tokens, start, m)
		lines = append(lines, line)
		if line.last {
			return lines
		}
		tokens = tokens[count:]
	}
}

// fitting returns how many tokens the next line takes: the longest legal prefix that fits, or, when there is none, as
// many tokens as fit, but at least one.
func fitting(tokens []token, start float64, m measure) int {
	x, legal, fits := start, 0, 0
	for i, t := range tokens {
		x += m.advance(t)
		if x-hang(t, m) > m.width+0.01 && !t.space {
			break
		}
		fits = i + 1
		if i+1 == len(tokens) || mayBreak(t, tokens[i+1]) {
			legal = i + 1
		}
	}
	if legal > 0 {
		return legal
	}
	return min(max(fits, 1), len(tokens))
}

// hang is how much a line may be too wide when t is its last token: the blank half of a closing mark, and what the line
// can be squeezed by.
func hang(t token, m measure) float64 {
	if isOne(t, closers) {
		return m.size/2 + m.squeeze
	}
	return 0
}

// natural is where the ink of tokens ends, from the left margin, when nothing is stretched. The blank half of a closing
// mark counts as far as there is space for it.
func natural(tokens []token, start float64, m measure) float64 {
	x := start
	for _, t := range tokens {
		x += m.advance(t)
	}
	if len(tokens) == 0 {
		return x
	}
	last := tokens[len(tokens)-1]
	if isOne(last, closers) {
		x = max(x-m.size/2, min(x, m.width))
	}
	return x
}

func isOne(t token, set string) bool { return t.wide && strings.Contains(set, t.text) }

func trimSpaces(tokens []token) []token {
	for len(tokens) > 0 && tokens[len(tokens)-1].space {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// splitOverlong cuts words that no line can hold, such as a hash in a narrow table cell.
func splitOverlong(tokens []token, f *face, m measure) []token {
	var out []token
	for _, t := range tokens {
		if t.wide || t.space || t.width*m.size <= m.width-m.indent {
			out = append(out, t)
			continue
		}
		piece := token{wide: false}
		for _, r := range t.text {
			w := f.width(r)
			if piece.text != "" && (piece.width+w)*m.size > m.width-m.indent {
				out = append(out, piece)
				piece = token{}
			}
			piece.text += string(r)
			piece.width += w
		}
		out = append(out, piece)
	}
	return out
}
