package grid

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"yunting/docket"
)

// words are what the film says by itself.
type words struct {
	phases     map[docket.Phase]string
	breaks     map[Break]string
	law        map[Break]string
	screen     string // after the name of who shares it
	more       string // %d: people without a tile
	clock      string // beside the time
	unnumbered string
}

var wordsZH = words{
	phases: map[docket.Phase]string{docket.PhaseOpening: "核对与告知", docket.PhaseInvestigation: "法庭调查", docket.PhaseDebate: "法庭辩论",
		docket.PhaseFinal: "最后意见", docket.PhaseRecess: "休庭"},
	breaks: map[Break]string{BreakRecess: "休庭", BreakPrivate: "不公开举证、质证", BreakMediation: "调解", BreakInterrupted: "录制中断"},
	law: map[Break]string{BreakRecess: "休庭期间不录音录像（庭审录音录像规定第三条）",
		BreakPrivate:     "公开庭审中的不公开举证、质证不录制（庭审录音录像规定第三条）",
		BreakMediation:   "不宜录制的调解不录制（庭审录音录像规定第三条）",
		BreakInterrupted: "中断的原因见案卷（庭审录音录像规定第四条、第五条）"},
	screen: "的屏幕", more: "另有 %d 人在庭", clock: "北京时间 UTC+8", unnumbered: "（尚无案号）",
}

var wordsEN = words{
	phases: map[docket.Phase]string{docket.PhaseOpening: "Opening", docket.PhaseInvestigation: "Investigation", docket.PhaseDebate: "Debate",
		docket.PhaseFinal: "Final statements", docket.PhaseRecess: "Recess"},
	breaks: map[Break]string{BreakRecess: "Recess", BreakPrivate: "Evidence in private", BreakMediation: "Mediation", BreakInterrupted: "Recording interrupted"},
	law: map[Break]string{BreakRecess: "A recess is not recorded (Provisions on recording of hearings, art. 3)",
		BreakPrivate:     "Evidence in private is not recorded (Provisions on recording of hearings, art. 3)",
		BreakMediation:   "Mediation not fit to be recorded is not (Provisions on recording of hearings, art. 3)",
		BreakInterrupted: "The cause stands in the record (Provisions on recording of hearings, arts. 4, 5)"},
	screen: "'s screen", more: "%d more in court", clock: "Beijing time, UTC+8", unnumbered: "(no number yet)",
}

func wordsOf(lang string) words {
	if strings.HasPrefix(lang, "en") {
		return wordsEN
	}
	return wordsZH
}

// safe makes any text one line of subtitles that says nothing to the renderer:
// braces open commands, backslashes escape, controls steer.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			return '｛'
		case r == '}':
			return '｝'
		case r == '\\':
			return '＼'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// fit cuts a text to a number of columns.
func fit(s string, columns int) string {
	taken := 0
	for i, r := range s {
		taken++
		if r >= 0x1100 {
			taken++
		}
		if taken > columns {
			return s[:i] + "…"
		}
	}
	return s
}

// assHead defines the styles. Alignment counts like a number pad (ASS v4+).
var assHead = fmt.Sprintf(`[Script Info]
ScriptType: v4.00+
PlayResX: %d
PlayResY: %d
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: text,Noto Serif SC,20,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,1,0,5,0,0,0,1
Style: box,Noto Serif SC,20,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`, canvasWide, canvasHigh)

// script writes subtitles.
type script struct{ strings.Builder }

func newScript() *script {
	s := &script{}
	s.WriteString(assHead)
	return s
}

func assTime(ms int64) string {
	return fmt.Sprintf("%d:%02d:%02d.%02d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000/10)
}

// say puts a text in the middle of x, y. tags are ours, text is anybody's.
func (s *script) say(layer int, when docket.Stretch, x, y, size int, tags, text string) {
	fmt.Fprintf(s, "Dialogue: %d,%s,%s,text,,0,0,0,,{\\pos(%d,%d)\\fs%d%s}%s\n", layer, assTime(when.From), assTime(when.To), x, y, size, tags, safe(text))
}

// box draws a filled rectangle; colour is BBGGRR, alpha 00 is opaque.
func (s *script) box(layer int, when docket.Stretch, x, y, wide, high int, colour, alpha string) {
	fmt.Fprintf(s, "Dialogue: %d,%s,%s,box,,0,0,0,,{\\pos(%d,%d)\\1c&H%s&\\1a&H%s&\\p1}m 0 0 l %d 0 %d %d 0 %d{\\p0}\n",
		layer, assTime(when.From), assTime(when.To), x, y, colour, alpha, wide, wide, high, high)
}

// under are the tiles without a picture: a plate with the name.
func (p Plan) under(piece Piece) string {
	s := newScript()
	for _, scene := range piece.Scenes {
		for _, t := range scene.Tiles {
			x, y, wide, high := place(t.Slot)
			s.box(0, scene.Stretch, x+2, y+2, wide-4, high-4, "302820", "00")
			s.say(1, scene.Stretch, x+wide/2, y+(high-captionHigh)/2, 24+wide/30, "", fit(p.label(t), maxLabel))
		}
	}
	return s.String()
}

// over are names, case number, phase and clock.
func (p Plan) over(piece Piece) string {
	s, w := newScript(), wordsOf(p.Lang)
	whole := docket.Stretch{From: 0, To: piece.Length}
	for _, scene := range piece.Scenes {
		for _, t := range scene.Tiles {
			x, y, wide, high := place(t.Slot)
			colour := "000000"
			if t.Speaking {
				colour = "A05A14" // the accent, and a mark: colour alone tells nobody
			}
			s.box(0, scene.Stretch, x, y+high-captionHigh, wide, captionHigh, colour, "40")
			label := fit(p.label(t), maxLabel)
			if t.Speaking {
				label = "● " + label
			}
			s.say(1, scene.Stretch, x+wide/2, y+high-captionHigh/2, 24, "", label)
		}
		if scene.More > 0 {
			s.say(1, scene.Stretch, smallWide/2, canvasHigh-11, 18, "", fmt.Sprintf(w.more, scene.More))
		}
	}
	number := p.Number
	if number == "" {
		number = w.unnumbered
	}
	if piece.Break != "" {
		from, to := p.wall(piece.Of.From), p.wall(piece.Of.To)
		s.say(1, whole, canvasWide/2, 230, 34, "", number)
		s.say(1, whole, canvasWide/2, 320, 72, "", w.breaks[piece.Break])
		s.say(1, whole, canvasWide/2, 400, 36, "", from.Format("2006-01-02 15:04:05")+" – "+to.Format("15:04:05")+"  "+w.clock)
		s.say(1, whole, canvasWide/2, 460, 26, "", w.law[piece.Break])
		return s.String()
	}
	s.say(1, whole, smallWide/2, largeHigh+26, 30, "", number)
	for _, c := range p.Chapters {
		if a, b := max(c.From-piece.At, 0), min(c.To-piece.At, piece.Length); a < b {
			s.say(1, docket.Stretch{From: a, To: b}, smallWide/2, largeHigh+60, 28, "", w.phases[c.Phase])
		}
	}
	p.clock(s, piece, w)
	return s.String()
}

// clock burns in court time, second by second (AV 3: with the time shown).
func (p Plan) clock(s *script, piece Piece, w words) {
	for at := int64(0); at < piece.Length; {
		now := p.wall(piece.Of.From + at)
		next := min(at+1000-int64(now.Nanosecond()/1e6), piece.Length)
		when := docket.Stretch{From: at, To: next}
		s.say(1, when, smallWide/2, largeHigh+91, 26, "", now.Format("2006-01-02"))
		s.say(1, when, smallWide/2, largeHigh+124, 44, "", now.Format("15:04:05"))
		at = next
	}
	s.say(1, docket.Stretch{From: 0, To: piece.Length}, smallWide/2, largeHigh+152, 18, "", w.clock)
}

// wall is the court's time of a moment of the hearing.
func (p Plan) wall(ms int64) time.Time {
	return p.Start.Add(time.Duration(ms) * time.Millisecond).In(p.Zone)
}

func (p Plan) label(t Tile) string {
	for _, person := range p.People {
		if person.ID == t.Person {
			if t.Screen {
				return person.Label + wordsOf(p.Lang).screen
			}
			return person.Label
		}
	}
	return ""
}

// metadata is the film's chapters as ffmpeg reads them (FFMETADATA1).
func (p Plan) metadata() string {
	var b strings.Builder
	escape := strings.NewReplacer("=", `\=`, ";", `\;`, "#", `\#`, `\`, `\\`, "\n", " ", "\r", " ")
	fmt.Fprintf(&b, ";FFMETADATA1\ntitle=%s\n", escape.Replace(strings.TrimSpace(p.Number+" "+p.Title)))
	for _, c := range p.Chapters {
		fmt.Fprintf(&b, "[CHAPTER]\nTIMEBASE=1/1000\nSTART=%d\nEND=%d\ntitle=%s\n", c.From, c.To, escape.Replace(wordsOf(p.Lang).phases[c.Phase]))
	}
	return b.String()
}
