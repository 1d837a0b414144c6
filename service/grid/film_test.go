package grid

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"yunting/docket"
	"yunting/service/pdf"
)

const (
	beepEvery = 2000 // ms of the hearing: everybody flashes and beeps then
	beepLong  = 120
)

// cast is who takes part in the test's hearing. Each beeps with a tone of their own.
var cast = []struct {
	id, label string
	lead      bool
	from, to  int64
	hertz     int
	screen    bool
}{
	{id: "judge", label: "林静（审判员）", lead: true, from: 0, to: 14000, hertz: 500},
	{id: "wei", label: "𬱖伟（原告）", from: 1300, to: 14000, hertz: 800},
	{id: "evil", label: "';drawtext=text=X:%{localtime}\\N{\\fs90}[v]\nDialogue: 9", from: 2710, to: 14000, hertz: 1200},
	{id: "late", label: "李娜（被告）", from: 3000, to: 5800, hertz: 1700, screen: true},
}

func run(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, errs.String())
	}
	return out
}

// synthesise makes the cast's files as the recorder would.
func synthesise(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths := map[string]string{}
	for i, c := range cast {
		path := filepath.Join(dir, c.id+".webm")
		phase := fmt.Sprintf("lt(mod(t+%s,2),0.12)", seconds(c.from))
		length := seconds(c.to - c.from)
		args := []string{"-hide_banner", "-loglevel", "error", "-y",
			"-f", "lavfi", "-i", fmt.Sprintf("color=c=0x%06x:s=640x360:r=25:d=%s,drawbox=x=0:y=0:w=640:h=360:c=white:t=fill:enable='%s'", 0x203040+i*0x101010, length, phase),
			"-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='0.3*sin(2*PI*%d*t)*%s':s=48000:d=%s", c.hertz, phase, length)}
		maps := []string{"-map", "0:v", "-map", "1:a", "-metadata:s:v:0", "title=camera"}
		if c.screen { // from its first second to its second
			args = append(args, "-f", "lavfi", "-itsoffset", "1", "-i", "testsrc2=s=480x360:r=10:d=1")
			maps = append(maps, "-map", "2:v", "-metadata:s:v:1", "title=screen")
		}
		args = append(append(args, maps...), "-metadata:s:a:0", "title=mic", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k",
			"-auto-alt-ref", "0", "-c:a", "libopus", "-b:a", "32k", path)
		run(t, dir, "ffmpeg", args...)
		paths[c.id] = path
	}
	return paths
}

// testFilm plans a film of the synthesised hearing: a recess from 6 s to 10 s.
func testFilm(t *testing.T, dir string, paths map[string]string) *Film {
	t.Helper()
	tools, err := FindTools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Zone: time.FixedZone("", 8*3600), Lang: "zh-CN"}
	in.CaseNumber, in.Title, in.Start = "（2026）京0491民初123号", "第一次开庭", time.Date(2026, 11, 25, 2, 3, 4, 500e6, time.UTC)
	in.Parts = []docket.Stretch{{From: 0, To: 6000}, {From: 10000, To: 14000}}
	in.Chapters = []docket.Chapter{{Stretch: docket.Stretch{From: 0, To: 2500}, Phase: docket.PhaseOpening}, {Stretch: docket.Stretch{From: 2500, To: 6000}, Phase: docket.PhaseInvestigation},
		{Stretch: docket.Stretch{From: 6000, To: 10000}, Phase: docket.PhaseRecess}, {Stretch: docket.Stretch{From: 10000, To: 14000}, Phase: docket.PhaseDebate}}
	in.Speaking = []docket.SpokenSpan{{Stretch: docket.Stretch{From: 1500, To: 4000}, Participant: "wei"}, {Stretch: docket.Stretch{From: 10500, To: 14000}, Participant: "evil"}}
	files := map[string]string{}
	for _, c := range cast {
		in.People = append(in.People, Person{ID: c.id, Label: c.label, Lead: c.lead, There: []docket.Stretch{{From: c.from, To: c.to}}})
		streams, err := tools.Scan(t.Context(), paths[c.id])
		if err != nil {
			t.Fatal(err)
		}
		files[c.id] = paths[c.id]
		in.Files = append(in.Files, File{Person: c.id, Hash: c.id, Stretch: docket.Stretch{From: c.from, To: c.to}, Streams: streams})
	}
	plan, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	f := &Film{Tools: tools, Plan: plan, Dir: filepath.Join(dir, "film"), Font: pdf.FontFile, Paths: files}
	if err := f.Prepare(); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFilm makes a film of a synthesised hearing and looks at it with ffprobe and by its flashes and beeps.
func TestFilm(t *testing.T) {
	dir := t.TempDir()
	f := testFilm(t, dir, synthesise(t, dir))
	for i := range f.Plan.Pieces {
		if _, err := f.Piece(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	film, err := f.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("GRID_KEEP"); keep != "" {
		run(t, dir, "cp", film, keep)
	}
	checkStreams(t, film)
	checkChapters(t, film)
	checkSync(t, film)
	checkText(t, film)
	left, err := filepath.Glob(filepath.Join(f.Dir, "work-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files stay: %v, %v", left, err)
	}
	testResume(t, f, film)
}

func checkStreams(t *testing.T, film string) {
	t.Helper()
	var probe struct {
		Streams []struct {
			Codec    string `json:"codec_name"`
			Width    int    `json:"width"`
			Height   int    `json:"height"`
			Duration string `json:"duration"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(run(t, "", "ffprobe", "-v", "error", "-show_streams", "-of", "json", film), &probe); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range probe.Streams {
		if s.Codec != "h264" && s.Codec != "aac" {
			continue
		}
		seen[s.Codec] = true
		long, err := strconv.ParseFloat(s.Duration, 64)
		if err != nil || math.Abs(long-14) > 0.2 {
			t.Errorf("%s is %s s long, want 14", s.Codec, s.Duration)
		}
		if s.Codec == "h264" && (s.Width != canvasWide || s.Height != canvasHigh) {
			t.Errorf("the picture is %dx%d", s.Width, s.Height)
		}
	}
	if len(seen) != 2 {
		t.Errorf("streams: %v", seen)
	}
	// A whole decode finds nothing to complain about.
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", film, "-f", "null", "-")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("decode: %v: %s", err, out)
	}
}

func checkChapters(t *testing.T, film string) {
	t.Helper()
	var probe struct {
		Chapters []struct {
			Start string `json:"start_time"`
			End   string `json:"end_time"`
			Tags  struct {
				Title string `json:"title"`
			} `json:"tags"`
		} `json:"chapters"`
	}
	if err := json.Unmarshal(run(t, "", "ffprobe", "-v", "error", "-show_chapters", "-of", "json", film), &probe); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range probe.Chapters {
		got = append(got, c.Start[:len(c.Start)-3]+" "+c.End[:len(c.End)-3]+" "+c.Tags.Title)
	}
	want := []string{"0.000 2.500 核对与告知", "2.500 6.000 法庭调查", "6.000 10.000 休庭", "10.000 14.000 法庭辩论"}
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("chapters %q, want %q", got, want)
	}
}

// checkSync finds everybody's beep, and the judge's flash, at the same moments.
func checkSync(t *testing.T, film string) {
	t.Helper()
	raw := run(t, "", "ffmpeg", "-v", "error", "-i", film, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-")
	sound := make([]int16, len(raw)/2)
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, sound); err != nil {
		t.Fatal(err)
	}
	for _, c := range cast {
		for at := int64(0); at < 14000; at += beepEvery {
			inside := at >= c.from && at+beepLong <= c.to && (at < 6000 || at >= 10000)
			// The card is as long as this recess, so film and hearing run alike.
			got, found := onset(sound, c.hertz, at)
			if found != inside {
				t.Errorf("%s: beep at %d ms: %v, want %v", c.id, at, found, inside)
			}
			if found && max(got-at, at-got) > 40 {
				t.Errorf("%s: the beep of %d ms begins at %d ms", c.id, at, got)
			}
		}
	}
	// While a screen is shared the judge is the first of the small faces.
	flash := brightness(t, film, largeWide+100, 60, "3.600", "1")
	if at := 400 / frameMS; flash[at-2] > 150 || flash[at+1] < 200 || flash[at+6] > 150 {
		t.Errorf("no flash at 4 s: %v", flash)
	}
}

// onset finds the beginning of a tone within 500 ms around a moment.
func onset(sound []int16, hertz int, at int64) (int64, bool) {
	const window = 480 // 10 ms
	for ms := max(at-250, 0); ms < at+250; ms += 2 {
		from := int(ms) * 48
		if from+window > len(sound) {
			return 0, false
		}
		var re, im float64
		for i, v := range sound[from : from+window] {
			a := 2 * math.Pi * float64(hertz) * float64(i) / 48000
			re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
		}
		if math.Hypot(re, im)/window > 1500 {
			return ms, true
		}
	}
	return 0, false
}

// brightness is the luma of one spot in every frame from a second on.
func brightness(t *testing.T, film string, x, y int, from, long string) []byte {
	t.Helper()
	return run(t, "", "ffmpeg", "-v", "error", "-ss", from, "-i", film, "-t", long, "-map", "0:v",
		"-vf", fmt.Sprintf("crop=16:16:%d:%d,scale=1:1,format=gray", x, y), "-f", "rawvideo", "-")
}

// checkText: what stands in the picture has ink where it should, and no other
// text: a name that were obeyed would write over the large picture.
func checkText(t *testing.T, film string) {
	t.Helper()
	ink := func(at string, x, y, wide, high int) int {
		raw := run(t, "", "ffmpeg", "-v", "error", "-ss", at, "-i", film, "-frames:v", "1", "-map", "0:v", "-vf", fmt.Sprintf("crop=%d:%d:%d:%d,format=gray", wide, high, x, y), "-f", "rawvideo", "-")
		n := 0
		for _, v := range raw {
			if v > 160 {
				n++
			}
		}
		return n
	}
	for what, n := range map[string]int{"case number": ink("5.4", 0, largeHigh+16, smallWide, 24), "phase": ink("5.4", 0, largeHigh+50, smallWide, 22), "clock": ink("5.4", 60, largeHigh+104, 200, 40),
		"name": ink("5.4", largeWide, smallHigh-captionHigh, smallWide, captionHigh), "card": ink("8", canvasWide/2-200, 280, 400, 80), "evil name": ink("13", 0, largeHigh-captionHigh, largeWide, captionHigh)} {
		if n < 60 {
			t.Errorf("%s: %d bright pixels", what, n)
		}
	}
	if n := ink("13", 0, 0, largeWide, largeHigh-captionHigh); n > 0 {
		t.Errorf("something is written over the picture: %d bright pixels", n)
	}
	if a, b := run(t, "", "ffmpeg", clockAt(film, "12.6")...), run(t, "", "ffmpeg", clockAt(film, "13.6")...); bytes.Equal(a, b) {
		t.Error("the clock stands still")
	}
}

// clockAt are the arguments that cut the clock out of a frame.
func clockAt(film, at string) []string {
	return []string{"-v", "error", "-ss", at, "-i", film, "-frames:v", "1", "-map", "0:v", "-vf", fmt.Sprintf("crop=200:40:60:%d,format=gray", largeHigh+104), "-f", "rawvideo", "-"}
}

// testResume: pieces that are there are not made again, and a piece that depends
// on something else is.
func testResume(t *testing.T, f *Film, film string) {
	t.Helper()
	before := map[string]time.Time{}
	pieces, err := filepath.Glob(filepath.Join(f.Dir, "*.mkv"))
	if err != nil || len(pieces) != 3 {
		t.Fatalf("pieces %v, %v", pieces, err)
	}
	if err := os.Remove(pieces[1]); err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		if info, err := os.Stat(p); err == nil {
			before[p] = info.ModTime()
		}
	}
	again := *f
	if err := again.Prepare(); err != nil {
		t.Fatal(err)
	}
	if n, err := again.Done(); err != nil || n != 2 {
		t.Errorf("%d pieces are there, %v; want 2", n, err)
	}
	for i := range again.Plan.Pieces {
		if _, err := again.Piece(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	for p, at := range before {
		if info, err := os.Stat(p); err != nil || !info.ModTime().Equal(at) {
			t.Errorf("%s was made again: %v", filepath.Base(p), err)
		}
	}
	again.Plan.Number = "（2026）京0491民初124号"
	if n, err := again.Done(); err != nil || n != 0 {
		t.Errorf("pieces of another case number count: %d, %v", n, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := again.Piece(cancelled, 0); err == nil {
		t.Error("a cancelled piece is made")
	}
	if _, err := os.Stat(film); err != nil {
		t.Error(err)
	}
}

// TestFilmSurvivesKill kills a process that makes a film, and goes on in another.
func TestFilmSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	f := testFilm(t, dir, synthesise(t, dir))
	child := exec.Command(os.Args[0], "-test.run=^TestFilmChild$")
	child.Env = append(os.Environ(), "GRID_CHILD="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pieces := func() []string {
		list, err := filepath.Glob(filepath.Join(f.Dir, "*.mkv"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(pieces()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no piece was made")
		}
		<-tick.C
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	first := pieces()
	if len(first) == len(f.Plan.Pieces) {
		t.Fatal("the film was done before it was killed")
	}
	before, err := os.Stat(first[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Prepare(); err != nil {
		t.Fatal(err)
	}
	made := 0
	for i := range f.Plan.Pieces {
		fresh, err := f.Piece(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if fresh {
			made++
		}
	}
	after, err := os.Stat(first[0])
	if err != nil || !after.ModTime().Equal(before.ModTime()) || made != len(f.Plan.Pieces)-len(first) {
		t.Errorf("made %d pieces after %d of %d were there: %v", made, len(first), len(f.Plan.Pieces), err)
	}
	film, err := f.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkStreams(t, film)
}

// TestFilmChild is the process that TestFilmSurvivesKill kills.
func TestFilmChild(t *testing.T) {
	dir := os.Getenv("GRID_CHILD")
	if dir == "" {
		return
	}
	paths := map[string]string{}
	for _, c := range cast {
		paths[c.id] = filepath.Join(dir, c.id+".webm")
	}
	f := testFilm(t, dir, paths)
	for i := range f.Plan.Pieces {
		if _, err := f.Piece(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
}
