package record_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunting/media"
	"yunting/media/record"
)

//go:embed testdata/publish.html
var publishPage []byte

//go:embed testdata/play.html
var playPage []byte

// theatre records what a page publishes and then shows the files to the court's player.
type theatre struct {
	hall     *hall
	stop     func() error // ends the recording; finished is complete afterwards
	finished *[]record.Finished
}

func (th theatre) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(publishPage)
	case r.URL.Path == "/player":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(playPage)
	case r.URL.Path == "/finish":
		if err := th.stop(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case r.URL.Path == "/manifest.json":
		_ = json.NewEncoder(w).Encode(th.manifest())
	case r.URL.Path == "/watched":
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(r.URL.Path, "/dist/"):
		http.StripPrefix("/dist/", http.FileServer(http.Dir("../../web/static/dist"))).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/files/"):
		for i, f := range *th.finished {
			if r.URL.Path == fmt.Sprintf("/files/%d", i) {
				w.Header().Set("Content-Type", mediaType(f))
				http.ServeFile(w, r, f.Path)
			}
		}
	default:
		th.hall.ServeHTTP(w, r)
	}
}

// mediaType is what the docket stores of a file.
func mediaType(f record.Finished) string {
	if filepath.Ext(f.Path) == ".mkv" {
		return "video/x-matroska"
	}
	return "video/webm"
}

// manifest is what the court's page gives the player: a gap in the first file is said to be there, so that its mark is seen.
func (th theatre) manifest() map[string]any {
	list := *th.finished
	start := slices.MinFunc(list, func(a, b record.Finished) int { return a.Started.Compare(b.Started) }).Started
	var length int64
	tracks, files := []map[string]any{}, map[string]string{}
	for i, f := range list {
		id := fmt.Sprint(i)
		files[id] = "/files/" + id
		length = max(length, f.Ended.Sub(start).Milliseconds())
		tracks = append(tracks, map[string]any{"recording": id, "participant": f.Participant, "name": f.Participant, "source": f.Source, "from": f.Started.Sub(start).Milliseconds(), "to": f.Ended.Sub(start).Milliseconds()})
	}
	return map[string]any{"case_number": "1", "start": start, "length": length, "viewer": "viewer", "parts": []map[string]any{{"from": 0, "to": length}}, "tracks": tracks, "files": files,
		"chapters": []int{}, "lines": []int{}, "speaking": []int{}, "interruptions": []int{},
		"gaps": []map[string]any{{"recording": "0", "track": "camera", "from": 1000, "to": 1400, "cause": "network"}}}
}

// TestChromiumPlaysEveryCodec records Chromium's VP8, VP9, AV1 and H264 and a shared screen, and plays the finished files
// together in the court's player: each decodes after a seek at every speed, and they stand at most 40 ms apart.
func TestChromiumPlaysEveryCodec(t *testing.T) {
	s, err := media.New(media.Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &hall{room: s.Room("court"), result: make(chan string, 8), peers: map[string]*media.Peer{}, offers: map[string]chan string{}}
	var finished []record.Finished
	rec, err := record.New(record.Options{Dir: t.TempDir(), OnFinished: func(f record.Finished) { finished = append(finished, f) },
		OnError: func(_ string, err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	end := h.room.Record(rec.NewSink)
	site := httptest.NewServer(theatre{hall: h, finished: &finished, stop: func() error { end(); return rec.Finish() }})
	t.Cleanup(site.Close)
	browser(t, site.URL+"/")
	var result string
	select {
	case result = <-h.result:
	case <-time.After(3 * time.Minute):
		t.Fatal("the browser says nothing")
	}
	codecs := map[string]bool{}
	for _, f := range finished {
		out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=codec_name", "-of", "csv=p=0", f.Path).Output()
		if err != nil {
			t.Error(err)
		}
		codecs[f.Source+" "+strings.TrimSpace(string(out))] = true
	}
	for _, want := range []string{"camera vp8", "camera vp9", "camera av1", "camera h264", "screen vp8"} {
		if !codecs[want] {
			t.Errorf("no %s among %v", want, codecs)
		}
	}
	checkPlayed(t, result)
}

// checkPlayed reads what testdata/play.html tells.
func checkPlayed(t *testing.T, result string) {
	t.Helper()
	var r struct {
		Error string
		Seeks []struct{ To, Rate, Median float64 }
		Files []struct {
			Src, Error              string
			Frames, Width, Duration float64
		}
		Gaps, Marks int
	}
	if err := json.Unmarshal([]byte(result), &r); err != nil || r.Error != "" {
		t.Fatalf("the player: %s %v", r.Error, err)
	}
	t.Logf("%+v", r)
	for _, s := range r.Seeks {
		if s.Median > 40 {
			t.Errorf("%.0f ms apart after a seek to %.0f at %.2f×", s.Median, s.To, s.Rate)
		}
	}
	for _, f := range r.Files {
		if f.Error != "" || f.Frames < 10 || f.Width == 0 || f.Duration < 4 {
			t.Errorf("%s: %q, %.0f frames, %.0f wide, %.1f s", f.Src, f.Error, f.Frames, f.Width, f.Duration)
		}
	}
	if len(r.Seeks) != 4 || len(r.Files) != 5 || r.Gaps != 1 || r.Marks != 1 {
		t.Errorf("want four seeks in five files, and one gap listed and marked: %+v", r)
	}
}
