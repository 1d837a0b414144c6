package grid

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"yunting/docket"
	"yunting/service/pdf"
)

// BenchmarkMinute makes the film of one minute of four cameras of 360p, twenty frames a second, from scan to MP4.
// x/real is how many seconds of the hearing are made a second.
func BenchmarkMinute(b *testing.B) {
	const length = 60_000
	tools, err := FindTools(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	in := Input{Zone: time.UTC, Lang: "zh-CN"}
	in.Parts = []docket.Stretch{{To: length}}
	paths := map[string]string{}
	for i := range 4 {
		id := fmt.Sprint("p", i)
		path := filepath.Join(dir, id+".webm")
		out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=20:d=60", "-f", "lavfi", "-i", fmt.Sprintf("sine=f=%d:d=60", 300+100*i),
			"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M", "-c:a", "libopus", path).CombinedOutput()
		if err != nil {
			b.Fatalf("ffmpeg: %v: %s", err, out)
		}
		paths[id] = path
		in.People = append(in.People, Person{ID: id, Label: "张伟（原告）", Lead: i == 0, There: []docket.Stretch{{To: length}}})
		in.Speaking = append(in.Speaking, docket.SpokenSpan{Stretch: docket.Stretch{From: int64(i) * 15_000, To: int64(i+1) * 15_000}, Participant: id})
	}
	for i := 0; b.Loop(); i++ {
		in.Files = nil
		for id, path := range paths {
			streams, err := tools.Scan(b.Context(), path)
			if err != nil {
				b.Fatal(err)
			}
			in.Files = append(in.Files, File{Person: id, Hash: id, Stretch: docket.Stretch{To: length}, Streams: streams})
		}
		plan, err := New(in)
		if err != nil {
			b.Fatal(err)
		}
		f := &Film{Tools: tools, Plan: plan, Dir: filepath.Join(dir, fmt.Sprint("film", i)), Font: pdf.FontFile, Paths: paths}
		if err := f.Prepare(); err != nil {
			b.Fatal(err)
		}
		if _, err := f.Piece(b.Context(), 0); err != nil {
			b.Fatal(err)
		}
		if _, err := f.Join(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*length/1000/b.Elapsed().Seconds(), "x/real")
}
