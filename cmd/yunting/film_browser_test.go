package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBrowserFilm has the judge ask for a film of the demonstration's recorded hearing: the progress moves on the page that
// stays open, a screen reader is told of it, and the film that is done is an MP4 of the whole hearing.
func TestBrowserFilm(t *testing.T) {
	p := newDemo(t, "127.0.0.1", "--no-participants", "--log-level", "warn")
	goOn := p.holdFilms()
	p.start()
	v := newVisitor(t, p.url, "judge")
	v.signIn("linjing")
	v.open(v.recordedHearing() + "s#films")
	v.axe("recordings page before a film")
	v.submit("制作合成录像")
	asked := time.Now()
	evaluate[any](v, `{ window.__same = true; window.__seen = []; new MutationObserver(() => { const e = document.querySelector('[data-films] progress');
		if (e && __seen.at(-1) !== e.value) __seen.push(e.value) }).observe(document.querySelector('main'), {subtree: true, childList: true, attributes: true, characterData: true}) }`)
	if !evaluate[bool](v, `(e => !!e && e.max === 100 && !!e.getAttribute('aria-label') && e.closest('li').querySelector('[role=status]').innerText.trim() !== '')(document.querySelector('[data-films] progress'))`) {
		t.Errorf("the page does not tell of the progress:\n%s", v.glimpse())
	}
	v.until("progress", `document.querySelector('[data-films] progress')?.value > 0`, 60*time.Second)
	if status := evaluate[string](v, `document.querySelector('[data-films] [role=status]').innerText`); !evaluate[bool](v, `/已完成 [1-9]\d* \/ \d+ 步/.test(`+quote(status)+`)`) {
		t.Errorf("the status says %q", status)
	}
	v.axe("a film in the making")
	v.shotAll("film-making")
	goOn()
	v.until("the film", `!!document.querySelector('[data-films] li .state.ok')`, 3*time.Minute)
	made := time.Since(asked)
	seen := evaluate[[]float64](v, `__seen`)
	for i := range seen {
		if i > 0 && seen[i] < seen[i-1] {
			t.Errorf("progress went back: %v", seen)
		}
	}
	if !evaluate[bool](v, `window.__same === true && !document.querySelector('[data-films] progress')`) {
		t.Error("the page was left, or still shows progress")
	}
	if said := evaluate[string](v, `document.querySelector('main').innerText`); strings.Contains(said, "开始制作") || strings.Contains(said, "制作中") || !strings.Contains(said, "已收到制作申请") {
		t.Errorf("the film is done, and the page says:\n%s", said)
	}
	v.axe("a film that is done")
	v.shotAll("film-done")
	v.choose("/theme", "dark")
	v.size(390, 800)
	v.axe("a film that is done, dark on a phone")
	v.shotAll("film-dark")
	film := v.get(evaluate[string](v, `document.querySelector('[data-films] li a.button[href$="/file"]').getAttribute('href')`))
	t.Logf("made in %v, progress %v, %d bytes", made.Round(time.Second), seen, len(film))
	playsThrough(t, written(t, t.TempDir(), "film.mp4", film))
}

// holdFilms has the demo, not started yet, make the first piece of its films and wait with all others until goOn: a fast
// machine makes a whole film between two looks at the page.
func (p *process) holdFilms() (goOn func()) {
	p.t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		p.t.Fatal(err)
	}
	dir := p.t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *piece.mkv) mkdir %[1]s/first 2>/dev/null || until [ -e %[1]s/go ]; do sleep 0.1; done;; esac\nexec %[2]s \"$@\"\n", dir, ffmpeg)
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		p.t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+dir+":"+os.Getenv("PATH"))
	goOn = func() {
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
			p.t.Error(err)
		}
	}
	p.t.Cleanup(goOn)
	return goOn
}

// playsThrough: ffprobe reads an MP4 of one picture and one sound of nearly the same length, with chapters.
func playsThrough(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_chapters", path).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	var got struct {
		Streams []struct {
			Type     string `json:"codec_type"`
			Codec    string `json:"codec_name"`
			Duration string `json:"duration"`
		} `json:"streams"`
		Chapters []json.RawMessage `json:"chapters"`
		Format   struct {
			Name string `json:"format_name"`
		} `json:"format"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	lengths := map[string]float64{}
	for _, s := range got.Streams {
		if lengths[s.Codec], err = strconv.ParseFloat(s.Duration, 64); err != nil {
			t.Fatal(err)
		}
	}
	if picture, sound := lengths["h264"], lengths["aac"]; picture < 40 || sound < picture-0.5 || sound > picture+0.5 || len(got.Chapters) < 2 || got.Format.Name != "mov,mp4,m4a,3gp,3g2,mj2" {
		t.Errorf("the film: %s", out)
	}
}

// recordedHearing is the address of the player of the demonstration's hearing that is over.
func (v *visitor) recordedHearing() string {
	v.t.Helper()
	v.open("/cases?stage=heard")
	v.open(evaluate[string](v, `document.querySelector('main a[href^="/cases/"]:not([href*=".csv"])').getAttribute('href')`))
	return evaluate[string](v, `document.querySelector('a[href$="/recording"]').getAttribute('href')`)
}
