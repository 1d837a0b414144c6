package grid

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/interruption"
)

func span(from, to int64) docket.Stretch { return docket.Stretch{From: from, To: to} }

// draw writes a scene as "LARGE | SMALL SMALL": ' is a screen, * who speaks.
func draw(s Scene) string {
	var out []string
	for i, t := range s.Tiles {
		name := t.Person
		if t.Screen {
			name += "'"
		}
		if t.Speaking {
			name += "*"
		}
		out = append(out, name)
		if i == 0 {
			out = append(out, "|")
		}
	}
	if s.More > 0 {
		out = append(out, fmt.Sprint("+", s.More))
	}
	return fmt.Sprintf("%d-%d %s", s.From, s.To, strings.Join(out, " "))
}

func drawAll(pieces []Piece) string {
	var lines []string
	for _, p := range pieces {
		if p.Break != "" {
			lines = append(lines, fmt.Sprintf("%d+%d %s", p.At, p.Length, p.Break))
		}
		for _, s := range p.Scenes {
			s.From, s.To = s.From+p.At, s.To+p.At
			lines = append(lines, draw(s))
		}
	}
	return strings.Join(lines, "\n")
}

func person(id string, there ...docket.Stretch) Person {
	return Person{ID: id, Label: id, Lead: id == "j", There: there}
}

func spoken(who string, from, to int64) docket.SpokenSpan {
	return docket.SpokenSpan{Stretch: span(from, to), Participant: who}
}

func TestLayout(t *testing.T) {
	always := span(0, 1<<40)
	for name, c := range map[string]struct {
		people []Person
		speech []docket.SpokenSpan
		files  []File
		parts  []docket.Stretch
		want   string
	}{
		"nobody speaks: the judge is large": {
			people: []Person{person("a", always), person("j", always)}, parts: []docket.Stretch{span(0, 2000)},
			want: "0-2000 j | a"},
		"who speaks is large, and stays so in silence": {
			people: []Person{person("j", always), person("a", always), person("b", always)}, parts: []docket.Stretch{span(0, 10000)},
			speech: []docket.SpokenSpan{spoken("a", 4000, 6000)},
			want:   "0-4000 j | a b\n4000-6000 a* | j b\n6000-10000 a | j b"},
		"no face leaves within three seconds, nor while it speaks": {
			people: []Person{person("j", always), person("a", always), person("b", always)}, parts: []docket.Stretch{span(0, 12000)},
			speech: []docket.SpokenSpan{spoken("a", 3000, 4000), spoken("b", 4000, 10000), spoken("j", 8000, 12000)},
			want:   "0-3000 j | a b\n3000-4000 a* | j b\n4000-6000 a | j b*\n6000-8000 b* | j a\n8000-10000 b* | j* a\n10000-12000 j* | a b"},
		"the first of two who begin together": {
			people: []Person{person("j", always), person("a", always), person("b", always)}, parts: []docket.Stretch{span(3000, 4000)},
			speech: []docket.SpokenSpan{spoken("b", 2000, 4000), spoken("a", 2500, 4000)},
			want:   "0-1000 b* | j a*"},
		"tiles come and go with people": {
			people: []Person{person("j", always), person("a", span(1000, 2000), span(3000, 4000))}, parts: []docket.Stretch{span(0, 5000)},
			want: "0-1000 j |\n1000-2000 j | a\n2000-3000 j |\n3000-4000 j | a\n4000-5000 j |"},
		"the speaker leaves: the judge again": {
			people: []Person{person("j", always), person("a", span(0, 5000))}, parts: []docket.Stretch{span(3000, 6000)},
			speech: []docket.SpokenSpan{spoken("a", 3000, 5000)},
			want:   "0-2000 a* | j\n2000-3000 j |"},
		"a screen is large, its owner small": {
			people: []Person{person("j", always), person("a", always)}, parts: []docket.Stretch{span(0, 3000)},
			files: []File{{Person: "a", Stretch: span(500, 3000), Streams: []Stream{{Index: 2, Video: true, Screen: true, Shown: []docket.Stretch{span(500, 1500)}}}}},
			want:  "0-1000 j | a\n1000-2000 a' | j a\n2000-3000 j | a"},
		"more people than tiles: the judge and who spoke last": {
			people: []Person{person("a", always), person("b", always), person("c", always), person("d", always), person("e", always), person("f", always), person("g", always), person("h", always), person("j", always)},
			parts:  []docket.Stretch{span(3000, 8000)}, speech: []docket.SpokenSpan{spoken("h", 3000, 4000), spoken("g", 4000, 8000)},
			want: "0-1000 h* | j a b c d e +2\n1000-3000 h | j a b c d g* +2\n3000-5000 g* | j a b c d h +2"},
		"a recess is a card, a short hole is cut": {
			people: []Person{person("j", always)}, parts: []docket.Stretch{span(0, 1000), span(5000, 6000), span(6500, 7000), span(9000, 9080)},
			want: "0-1000 j |\n1000+4000 recess\n5000-6000 j |\n6000-6520 j |\n6520+4000 interrupted\n10520-10600 j |"},
	} {
		in := Input{Lang: "zh-CN", Zone: time.UTC, People: c.people, Files: c.files}
		in.Parts, in.Speaking = c.parts, c.speech
		in.Chapters = []docket.Chapter{{Stretch: span(1000, 5000), Phase: docket.PhaseRecess}}
		plan, err := New(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := drawAll(plan.Pieces); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, c.want)
		}
	}
}

func TestPieces(t *testing.T) {
	in := Input{Zone: time.UTC, People: []Person{person("j", span(0, 1<<40))}}
	in.Parts = []docket.Stretch{span(10, 150_001)}
	in.Chapters = []docket.Chapter{{Stretch: span(0, 90_000), Phase: docket.PhaseOpening}, {Stretch: span(90_000, 90_000), Phase: docket.PhaseDebate}, {Stretch: span(90_000, 150_001), Phase: docket.PhaseFinal}}
	plan, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Pieces) != 3 || plan.Length != 150_040 || plan.Pieces[2].Length != 30_040 {
		t.Errorf("%d pieces, %d ms: %+v", len(plan.Pieces), plan.Length, plan.Pieces)
	}
	for _, p := range plan.Pieces {
		if p.Length%frameMS != 0 || len(p.Scenes) != 1 || p.Scenes[0].To != p.Length {
			t.Errorf("piece %+v", p)
		}
	}
	if got := fmt.Sprint(plan.Chapters); got != "[{{0 90000} opening} {{90000 150040} final_statements}]" {
		t.Errorf("chapters %s", got)
	}
	if _, err := New(Input{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing recorded: %v", err)
	}
}

// TestHostileText: no name reaches the filter graph, and in the subtitles a name is one line without commands.
func TestHostileText(t *testing.T) {
	evil := []string{"';drawtext=text=x:fontfile=/etc/passwd", "{\\an9\\fs200}HACK", "a\nDialogue: 9,0:00:00.00,9:00:00.00,text,,0,0,0,,HACK", "a\r\nb\x00c\u2028d", "\\N\\h\\", "%{localtime}", "𬱖", "\xff\xfe", "[0:v]", "‮rtl"}
	for _, name := range evil {
		in := Input{Zone: time.UTC, People: []Person{{ID: "a", Label: name, Lead: true, There: []docket.Stretch{span(0, 1000)}}}}
		in.Parts, in.CaseNumber, in.Title = []docket.Stretch{span(0, 1000)}, name, name
		in.Files = []File{{Person: "a", Hash: "h", Stretch: span(0, 1000), Streams: []Stream{{Index: 0, Video: true, Shown: []docket.Stretch{span(0, 1000)}}, {Index: 1}}}}
		plan, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		c := plan.compile(plan.Pieces[0])
		plain := plainFilm(t, in, "plain")
		if c.Graph != plain.Graph {
			t.Errorf("%q changes the filter graph", name)
		}
		for what, pair := range map[string][2]string{"under": {c.Under, plain.Under}, "over": {c.Over, plain.Over}} {
			if strings.Count(pair[0], "\n") != strings.Count(pair[1], "\n") || strings.Count(pair[0], "{") != strings.Count(pair[1], "{") || strings.Count(pair[0], "\\") != strings.Count(pair[1], "\\") || strings.ContainsAny(pair[0], "\x00\r\u2028‮") {
				t.Errorf("%q changes the commands of the subtitles %s:\n%s", name, what, pair[0])
			}
		}
		if lines := strings.Split(strings.TrimRight(plan.metadata(), "\n"), "\n"); len(lines) != 2 {
			t.Errorf("%q in the metadata: %q", name, lines)
		}
	}
	if safe("𬱖") != "𬱖" || fit("张三李四", 4) != "张三…" || fit("abcd", 4) != "abcd" {
		t.Error("good names are changed")
	}
}

// plainFilm compiles the same film with plain texts.
func plainFilm(t *testing.T, in Input, text string) command {
	t.Helper()
	in.People = []Person{{ID: "a", Label: text, Lead: true, There: in.People[0].There}}
	in.CaseNumber, in.Title = text, text
	plan, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	return plan.compile(plan.Pieces[0])
}

func TestPictures(t *testing.T) {
	streams := []Stream{{Index: 0, Video: true}, {Index: 1}, {Index: 2, Video: true, Screen: true}}
	err := pictures(strings.NewReader("0,0.000000\n0,0.050\n2,1.5,\n0,N/A\n0,0.020\n0,9.000\n7,1\nx\n2,3.0\n"), streams)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(streams[0].Shown, streams[2].Shown); got != "[{0 90} {9000 9040}] [{1500 3040}]" {
		t.Errorf("pictures at %s", got)
	}
}

// TestBreaks: a lawful pause is a card of its own, also between two files of a server that was restarted in it; what no
// rule explains is an interruption.
func TestBreaks(t *testing.T) {
	pause := func(from, to int64, cause interruption.Cause, reason interruption.Reason) docket.PlaybackInterruption {
		return docket.PlaybackInterruption{Stretch: span(from, to), Cause: cause, Reason: reason}
	}
	in := Input{Lang: "en", Zone: time.UTC, People: []Person{person("j", span(0, 1<<40))}}
	in.Parts = []docket.Stretch{span(0, 1000), span(5000, 6000), span(10000, 11000), span(15000, 16000), span(20000, 21000)}
	in.Interruptions = []docket.PlaybackInterruption{
		pause(1000, 5000, interruption.Paused, interruption.Mediation),
		pause(6000, 9000, interruption.Paused, interruption.PrivateEvidence), pause(8000, 10000, interruption.Crash, ""),
		pause(11000, 15000, interruption.Paused, interruption.Recess),
		pause(16000, 20000, interruption.Failed, ""),
	}
	plan, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var got []Break
	for _, p := range plan.Pieces {
		if p.Break != "" {
			got = append(got, p.Break)
			for lang, w := range map[string]words{"zh-CN": wordsZH, "en": wordsEN} {
				if w.breaks[p.Break] == "" || w.law[p.Break] == "" {
					t.Errorf("%s has no words for %s", lang, p.Break)
				}
			}
		}
	}
	if want := []Break{BreakMediation, BreakPrivate, BreakRecess, BreakInterrupted}; !slices.Equal(got, want) {
		t.Errorf("breaks %v, want %v", got, want)
	}
}
