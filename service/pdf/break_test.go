package pdf

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func faceForTest(t testing.TB) *face {
	t.Helper()
	f, err := regularFace()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func lineTexts(lines []textLine) []string {
	var out []string
	for _, line := range lines {
		var s strings.Builder
		for _, tok := range line.tokens {
			s.WriteString(tok.text)
		}
		out = append(out, s.String())
	}
	return out
}

var page28 = measure{size: bodySize, track: bodyTrack, width: textWidth, squeeze: bodySize / 2}

func TestTwentyEightCharactersFillALine(t *testing.T) {
	f := faceForTest(t)
	lines := lineTexts(breakLines(strings.Repeat("本", 57), f, page28))
	if len(lines) != 3 || utf8.RuneCountInString(lines[0]) != 28 || utf8.RuneCountInString(lines[1]) != 28 {
		t.Errorf("lines of %d: %q", utf8.RuneCountInString(lines[0]), lines)
	}
	indented := page28
	indented.indent = 2 * cell
	lines = lineTexts(breakLines(strings.Repeat("本", 57), f, indented))
	if utf8.RuneCountInString(lines[0]) != 26 || utf8.RuneCountInString(lines[1]) != 28 {
		t.Errorf("indented: %q", lines)
	}
}

func TestWhereLinesBreak(t *testing.T) {
	f := faceForTest(t)
	fill := func(n int) string { return strings.Repeat("本", n) }
	for name, test := range map[string]struct{ text, first string }{
		"a closing mark hangs over":          {fill(28) + "。" + fill(3), fill(28) + "。"},
		"two closing marks take one along":   {fill(28) + "》。" + fill(3), fill(27)},
		"an opening mark moves down":         {fill(27) + "（甲）", fill(27)},
		"quotes and brackets move together":  {fill(26) + "（“甲”）", fill(26)},
		"a number stays whole":               {fill(26) + "1,123,685.86元", fill(26)},
		"a unit stays with its number":       {fill(27) + "5元整", fill(27)},
		"a word stays whole":                 {fill(26) + "counterclaim", fill(26)},
		"a dash is not torn":                 {fill(27) + "——甲", fill(26)},
		"an ellipsis is not torn":            {fill(27) + "……甲", fill(26)},
		"English breaks at blanks":           {"the quick brown fox jumps over the lazy dog and then rests for a while", "the quick brown fox jumps over the lazy dog and then"},
		"a mark after a word stays with it":  {fill(24) + "contract，甲", fill(24)},
		"a short text stays on its one line": {"判决如下：", "判决如下："},
	} {
		if got := lineTexts(breakLines(test.text, f, page28))[0]; got != test.first {
			t.Errorf("%s: first line %q, want %q", name, got, test.first)
		}
	}
}

func TestOverlongWordIsCut(t *testing.T) {
	f := faceForTest(t)
	hash := strings.Repeat("9f86d081884c7d65", 8)
	lines := lineTexts(breakLines(hash, f, measure{size: cellSize, width: 100}))
	if len(lines) < 5 || strings.Join(lines, "") != hash {
		t.Errorf("lines %q", lines)
	}
}

// No text is lost, no line is too wide, and no line starts with what may not start one, whatever the text.
func FuzzBreakLines(f *testing.F) {
	for _, seed := range []string{"", " ", "，，，，", "（（（（（（", "原告：张伟，1985年3月12日出生。", "a b c " + strings.Repeat("长", 40), strings.Repeat("x", 300), strings.Repeat("。", 90)} {
		f.Add(seed, 20.0)
	}
	font := faceForTest(f)
	f.Fuzz(func(t *testing.T, s string, cells float64) {
		if len(s) > 2000 || !utf8.ValidString(s) || !(cells >= 4 && cells <= 40) {
			return
		}
		m := measure{size: bodySize, width: cells * bodySize}
		var got strings.Builder
		for i, line := range breakLines(s, font, m) {
			for _, tok := range line.tokens {
				got.WriteString(tok.text)
			}
			if len(line.tokens) > 1 && natural(line.tokens, line.start, m) > m.width+0.02 {
				t.Errorf("line %d is wider than the page", i)
			}
		}
		if strings.ReplaceAll(got.String(), " ", "") != strings.ReplaceAll(s, " ", "") {
			t.Errorf("text was lost: %q became %q", s, got.String())
		}
	})
}

func TestNumerals(t *testing.T) {
	for n, want := range map[int]string{1: "一", 10: "十", 11: "十一", 20: "二十", 23: "二十三", 99: "九十九", 100: "100", 0: "0"} {
		if got := ChineseNumber(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for _, test := range []struct {
		year  int
		month time.Month
		day   int
		want  string
	}{{2026, 3, 23, "二〇二六年三月二十三日"}, {2026, 10, 1, "二〇二六年十月一日"}, {2030, 12, 31, "二〇三〇年十二月三十一日"}} {
		if got := ChineseDate(test.year, test.month, test.day); got != test.want {
			t.Errorf("%v: %q", test, got)
		}
	}
}

// The page says what the rule says: 22 lines of 28 characters in 156 × 225 mm.
func TestPageMeasures(t *testing.T) {
	if height := textHeight / mm; height < 224.5 || height > 225.5 {
		t.Errorf("22 lines are %.1f mm high", height)
	}
	var body []Block
	for range linesOnPage {
		body = append(body, Paragraph{Text: "行"})
	}
	for lines, want := range map[int]int{linesOnPage: 1, linesOnPage + 1: 2} {
		l := &layouter{regular: faceForTest(t), bold: faceForTest(t), missing: map[rune]bool{}}
		if err := l.document(Document{Body: body}); err != nil {
			t.Fatal(err)
		}
		for range lines - linesOnPage {
			l.paragraph(Paragraph{Text: "行"})
		}
		if got := len(paginate(l.items)); got != want {
			t.Errorf("%d lines take %d pages", lines, got)
		}
	}
}
