package grid

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yunting/docket"
)

// command is what ffmpeg is told for one piece. Nothing in Graph comes from
// people: their names stand in the subtitle files alone.
type command struct {
	Inputs []input
	Graph  string // filter graph, from the inputs to [v] and [a]
	Under  string // subtitles (ASS) below the pictures: empty tiles
	Over   string // above them: names, case number, clock
	Frames int64
}

// input is a file, read from a place on.
type input struct {
	Hash   string
	Seek   int64 // milliseconds into the file
	Length int64
}

// encoder is how a piece is encoded. All pieces are encoded alike, so that they
// can be joined; sound stays exact to the sample until then. Pictures that refer
// to later ones would shift the joints.
var encoder = []string{"-c:v", "libx264", "-preset", "superfast", "-crf", "26", "-bf", "0", "-g", "250", "-pix_fmt", "yuv420p",
	"-threads", "2", "-c:a", "flac", "-sample_fmt", "s16", "-ac", "1"}

// specVersion is part of every piece's name: a change of the picture that the command does not show changes it.
const specVersion = 2

// name is the piece's file name, by all that it is made from.
func (c command) name(i int) string {
	b, err := json.Marshal(struct {
		Version int
		Encoder []string
		Command command
	}{specVersion, encoder, c})
	if err != nil { // a struct of strings and numbers
		panic(err)
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%05d-%s.mkv", i, hex.EncodeToString(sum[:8]))
}

// seconds writes milliseconds as ffmpeg reads them.
func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }

// compile makes the command of a piece.
func (p Plan) compile(piece Piece) command {
	c := command{Frames: piece.Length / frameMS, Under: p.under(piece), Over: p.over(piece)}
	g := &graph{command: &c, piece: piece}
	g.picture("color=c=0x14181f:s=%dx%d:r=%d:d=%s,format=yuv420p,ass=f=under.ass:fontsdir=fonts", canvasWide, canvasHigh, frameRate, seconds(piece.Length))
	if piece.Break == "" {
		for _, f := range p.Files {
			g.file(f)
		}
	}
	g.filter("%sass=f=over.ass:fontsdir=fonts,format=yuv420p[v]", g.canvas)
	g.sound()
	c.Graph = strings.Join(g.filters, ";")
	return c
}

// graph puts a filter graph together.
type graph struct {
	*command
	piece   Piece
	filters []string
	canvas  string   // label of the picture so far
	voices  []string // labels of the sound of each person
	labels  int
}

func (g *graph) filter(format string, args ...any) {
	g.filters = append(g.filters, fmt.Sprintf(format, args...))
}

func (g *graph) label(prefix string) string {
	g.labels++
	return fmt.Sprintf("[%s%d]", prefix, g.labels)
}

// picture makes the canvas the output of one more filter.
func (g *graph) picture(format string, args ...any) {
	next := g.label("p")
	g.filter(format+"%s", append(args, next)...)
	g.canvas = next
}

// file adds what a file shows and lets hear in the piece.
func (g *graph) file(f File) {
	if f.To <= g.piece.Of.From || f.From >= g.piece.Of.To {
		return
	}
	seek := max(g.piece.Of.From-f.From-prerollMS, 0)
	lead := g.piece.Of.From - f.From - seek // how much of the input lies before the piece; below 0: it begins later
	index := len(g.Inputs)
	used := false
	for _, s := range f.Streams {
		if s.Video {
			used = g.video(index, f, s, lead) || used
		} else {
			g.audio(index, s, lead)
			used = true
		}
	}
	if used {
		g.Inputs = append(g.Inputs, input{Hash: f.Hash, Seek: seek, Length: g.piece.Length + lead})
	}
}

// spot is a place on the canvas and when it is taken.
type spot struct {
	slot int
	when []docket.Stretch
}

// spots are where a stream of a file is seen in the piece.
func (g *graph) spots(f File, s Stream) (large []docket.Stretch, small []spot) {
	for _, scene := range g.piece.Scenes {
		for _, tile := range scene.Tiles {
			if tile.Person != f.Person || tile.Screen != s.Screen {
				continue
			}
			for _, shown := range s.Shown {
				a := max(scene.From, f.From+shown.From-g.piece.Of.From)
				b := min(scene.To, f.From+shown.To-g.piece.Of.From)
				switch {
				case a >= b:
				case tile.Slot == 0:
					large = append(large, docket.Stretch{From: a, To: b})
				default:
					i := slices.IndexFunc(small, func(p spot) bool { return p.slot == tile.Slot })
					if i < 0 {
						i, small = len(small), append(small, spot{slot: tile.Slot})
					}
					small[i].when = append(small[i].when, docket.Stretch{From: a, To: b})
				}
			}
		}
	}
	return joined(large), small
}

// joined merges stretches that touch.
func joined(list []docket.Stretch) []docket.Stretch {
	var out []docket.Stretch
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1].To >= s.From {
			out[n-1].To = max(out[n-1].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// during is an expression of ffmpeg that holds in the stretches.
func during(list []docket.Stretch, before int64) string {
	var parts []string
	for _, s := range joined(list) {
		parts = append(parts, fmt.Sprintf("gte(t,%s)*lt(t,%s)", seconds(s.From-before), seconds(s.To)))
	}
	return strings.Join(parts, "+")
}

// video lays a stream's pictures on the canvas, large and small, and tells
// whether any is seen.
func (g *graph) video(index int, f File, s Stream, lead int64) bool {
	large, small := g.spots(f, s)
	var everywhere []docket.Stretch
	for _, sp := range small {
		everywhere = append(everywhere, sp.when...)
	}
	slices.SortFunc(everywhere, func(a, b docket.Stretch) int { return cmp.Compare(a.From, b.From) })
	if len(large)+len(everywhere) == 0 {
		return false
	}
	source := fmt.Sprintf("[%d:%d]setpts=PTS-%s/TB", index, s.Index, seconds(lead))
	sized := func(when []docket.Stretch, wide, high int, label string) string {
		return fmt.Sprintf("select='%s',scale=%d:%d:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bilinear:eval=frame,setsar=1,format=yuv420p,pad=%d:%d:-1:-1:0x0b0e13:eval=frame%s",
			during(when, prerollMS), wide, high, wide, high, label)
	}
	switch a, b := g.label("l"), g.label("s"); {
	case len(everywhere) == 0:
		g.filter("%s,%s", source, sized(large, largeWide, largeHigh, a))
		g.lay(a, "0", "0", large)
	case len(large) == 0:
		g.filter("%s,%s", source, sized(everywhere, smallWide, smallHigh, b))
		g.laySmall(b, small, everywhere)
	default:
		u, w := g.label("u"), g.label("w")
		g.filter("%s,split%s%s", source, u, w)
		g.filter("%s%s", u, sized(large, largeWide, largeHigh, a))
		g.filter("%s%s", w, sized(everywhere, smallWide, smallHigh, b))
		g.lay(a, "0", "0", large)
		g.laySmall(b, small, everywhere)
	}
	return true
}

func (g *graph) lay(label, x, y string, when []docket.Stretch) {
	g.picture("%s%soverlay=x='%s':y='%s':enable='%s':eof_action=pass:format=yuv420", g.canvas, label, x, y, during(when, 0))
}

// laySmall lays small pictures, which may move in the piece.
func (g *graph) laySmall(label string, small []spot, when []docket.Stretch) {
	var xs, ys []string
	for _, sp := range small {
		x, y, _, _ := place(sp.slot)
		xs = append(xs, fmt.Sprintf("%d*(%s)", x, during(sp.when, 0)))
		ys = append(ys, fmt.Sprintf("%d*(%s)", y, during(sp.when, 0)))
	}
	g.lay(label, strings.Join(xs, "+"), strings.Join(ys, "+"), when)
}

// audio brings a stream's sound onto the piece's clock; what is missing is silence.
func (g *graph) audio(index int, s Stream, lead int64) {
	voice := g.label("a")
	g.filter("[%d:%d]aformat=sample_fmts=fltp:channel_layouts=mono:sample_rates=%d,asetpts=PTS-%s/TB,aresample=async=1:first_pts=0,apad=whole_len=%d,atrim=end_sample=%d%s",
		index, s.Index, sampleRate, seconds(lead), g.samples(), g.samples(), voice)
	g.voices = append(g.voices, voice)
}

func (g *graph) samples() int64 { return g.piece.Length * sampleRate / 1000 }

// sound mixes the voices.
func (g *graph) sound() {
	if len(g.voices) == 0 {
		g.filter("anullsrc=r=%d:cl=mono,atrim=end_sample=%d[a]", sampleRate, g.samples())
		return
	}
	g.filter("%samix=inputs=%d:normalize=0:duration=longest,alimiter=limit=0.95:level=disabled,aresample=async=1:first_pts=0,apad=whole_len=%d,atrim=end_sample=%d[a]",
		strings.Join(g.voices, ""), len(g.voices), g.samples(), g.samples())
}
