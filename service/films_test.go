package service_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/blob/s3test"
	"yunting/internal/identity"
	"yunting/service"
	"yunting/service/grid"
)

// recorded is a closed hearing of four seconds with a recording of the judge and one of 李娜, who came a second late.
func (c *court) recorded() docket.Hearing { return c.recordedFor(4) }

func (c *court) recordedFor(seconds int) docket.Hearing {
	c.t.Helper()
	a := c.linked()
	h, err := c.docket.ScheduleHearing(c.t.Context(), c.clerk, a.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(c.t, err)
	for i, phase := range []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed} {
		c.clock.Set(h.Start.Add(time.Duration(i*seconds) * time.Second / 4))
		_, err := c.docket.MovePhase(c.t.Context(), c.judge, h.ID, phase)
		must(c.t, err)
	}
	for i, who := range []identity.Actor{c.judge, c.li} {
		from := h.Start.Add(time.Duration(i) * time.Second)
		must(c.t, c.docket.RecordingPart(c.t.Context(), h.ID, docket.Recording{Participant: who.Account.String(), Account: who.Account, Name: who.Name,
			Session: "s", Blob: c.clip(seconds - i), Started: from, Ended: h.Start.Add(time.Duration(seconds) * time.Second)}))
	}
	h, err = c.docket.Hearing(c.t.Context(), h.ID)
	must(c.t, err)
	return h
}

// clip stores a recording as long as that.
func (c *court) clip(seconds int) blob.Ref {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "clip.webm")
	length := strconv.Itoa(seconds)
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d="+length, "-f", "lavfi", "-i", "sine=d="+length,
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", path).CombinedOutput()
	if err != nil {
		c.t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	f, err := os.Open(path)
	must(c.t, err)
	defer f.Close()
	ref, err := c.blobs.Put(c.t.Context(), f)
	must(c.t, err)
	return ref
}

func (c *court) film(id uuid.UUID) service.Film {
	c.t.Helper()
	f, err := c.Film(c.t.Context(), id)
	must(c.t, err)
	return f
}

// TestFilm makes a film of a hearing by its job and finds its hash in the docket.
func TestFilm(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.recorded()
	f, err := c.MakeFilm(ctx, c.clerk, h.ID, "zh-CN")
	must(t, err)
	if _, err := c.MakeFilm(ctx, c.clerk, h.ID, "en"); !errors.Is(err, service.ErrConflict) {
		t.Errorf("a second film at the same time: %v", err)
	}
	c.until("the film is made", func() bool { return !c.film(f.ID).Active() })
	f = c.film(f.ID)
	if f.State != service.FilmDone || f.Blob == nil || f.Made != f.Steps || f.Steps != 2 || !strings.HasSuffix(f.FileName, ".mp4") {
		t.Fatalf("the film: %+v", f)
	}
	if stored, err := c.blobs.Stat(ctx, f.Blob.Hash); err != nil || stored != *f.Blob {
		t.Errorf("stored: %v, %v", stored, err)
	}
	entries, err := c.docket.Entries(ctx, h.Case)
	must(t, err)
	found := 0
	for _, e := range entries {
		var data struct {
			SHA256  blob.Hash `json:"sha256"`
			Seconds float64   `json:"seconds"`
		}
		if e.Kind == docket.EntryFilm {
			found++
			must(t, json.Unmarshal(e.Data, &data))
			if data.SHA256 != f.Blob.Hash || data.Seconds != 4 || len(e.Files) != 0 {
				t.Errorf("entry %s", e.Payload)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d entries of the film", found)
	}
	if _, err := c.FilmFetched(ctx, c.clerk, h.ID, f.ID, ""); err != nil {
		t.Error(err)
	}
	if _, err := c.FilmFetched(ctx, c.clerk, uuid.New(), f.ID, ""); !errors.Is(err, service.ErrNotFound) {
		t.Errorf("the film of another hearing: %v", err)
	}
	for what, err := range map[string]error{"cancel": c.CancelFilm(ctx, h.ID, f.ID), "retry": c.RetryFilm(ctx, h.ID, f.ID)} {
		if !errors.Is(err, service.ErrConflict) {
			t.Errorf("%s a film that is done: %v", what, err)
		}
	}
	c.settle()
}

// TestFilmFromS3 makes a film of recordings in an S3 store, which gets the film too.
func TestFilmFromS3(t *testing.T) {
	c := newCourtOn(t, nil, s3test.Start(t).Address)
	f, err := c.MakeFilm(t.Context(), c.clerk, c.recorded().ID, "en")
	must(t, err)
	c.until("the film is made", func() bool { return !c.film(f.ID).Active() })
	f = c.film(f.ID)
	if f.State != service.FilmDone || f.Blob == nil {
		t.Fatalf("the film: %+v", f)
	}
	if stored, err := c.blobs.Stat(t.Context(), f.Blob.Hash); err != nil || stored != *f.Blob {
		t.Errorf("stored: %v, %v", stored, err)
	}
	c.settle()
	c.until("the copies are cleared", func() bool {
		left, err := os.ReadDir(c.films)
		must(t, err)
		return len(left) == 0
	})
}

// TestCancelStopsFFmpeg cancels a film in the middle of its one piece: ffmpeg ends, and what it made is cleared, long
// before the piece is done.
func TestCancelStopsFFmpeg(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.recordedFor(30)
	f, err := c.MakeFilm(ctx, c.clerk, h.ID, "zh-CN")
	must(t, err)
	c.until("a piece is being made", func() bool { return c.film(f.ID).Steps == 2 })
	must(t, c.CancelFilm(ctx, h.ID, f.ID))
	c.until("what was made is cleared", func() bool {
		made, err := filepath.Glob(filepath.Join(c.films, f.ID.String(), "0*.mkv"))
		must(t, err)
		if len(made) > 0 {
			t.Fatalf("the piece was made all the same: %v", made)
		}
		_, err = os.Stat(filepath.Join(c.films, f.ID.String()))
		return errors.Is(err, os.ErrNotExist)
	})
	c.settle()
	if got := c.film(f.ID); got.State != service.FilmCancelled || got.Made != 0 {
		t.Errorf("after the cancel: %+v", got)
	}
}

// TestFilmFails: what was recorded cannot be read; the film fails, is given up, and another can be asked for.
func TestFilmFails(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.recorded()
	bad, err := c.blobs.Put(ctx, strings.NewReader("not a recording"))
	must(t, err)
	must(t, c.docket.RecordingPart(ctx, h.ID, docket.Recording{Participant: "x", Name: "x", Blob: bad, Started: h.Start, Ended: h.Start.Add(time.Second)}))
	f, err := c.MakeFilm(ctx, c.clerk, h.ID, "en")
	must(t, err)
	c.until("the film fails", func() bool { return c.film(f.ID).State == service.FilmFailed })
	if got := c.film(f.ID).Fault; got != service.FilmFaultMake {
		t.Errorf("fault %q", got)
	}
	must(t, c.RetryFilm(ctx, h.ID, f.ID))
	must(t, c.CancelFilm(ctx, h.ID, f.ID))
	c.settle()
	if got := c.film(f.ID).State; got != service.FilmCancelled {
		t.Errorf("state %s", got)
	}
}

// TestFilmWithoutFFmpeg: a server without ffmpeg says so, and makes none.
func TestFilmWithoutFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := grid.FindTools(t.Context()); !errors.Is(err, grid.ErrUnavailable) {
		t.Errorf("tools: %v", err)
	}
	s := service.New(service.Config{Docket: docket.New(docket.Config{Court: docket.ProfileCN()}), FilmDir: t.TempDir()})
	if _, err := s.MakeFilm(t.Context(), identity.Actor{}, uuid.New(), "en"); !errors.Is(err, grid.ErrUnavailable) {
		t.Errorf("a film without ffmpeg: %v", err)
	}
	must(t, s.ResumeFilms(t.Context()))
}
