package web

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/docket"
	"yunting/service"
	"yunting/service/grid"
)

// apiClip is a recording of two seconds.
func apiClip(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.webm")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	data, err := os.ReadFile(path)
	apiCheck(t, err)
	return data
}

func apiFilmTools(t *testing.T) grid.Tools {
	t.Helper()
	tools, err := grid.FindTools(t.Context())
	apiCheck(t, err)
	return tools
}

// made waits until the newest film is no longer being made.
func (w *apiWalk) made(path string) service.Film {
	w.t.Helper()
	var list []service.Film
	w.until("the film is made or fails", func() bool {
		w.call("defendant", "GET", path+"/films", nil, &list, http.StatusOK)
		return !list[0].Active()
	})
	return list[0]
}

// films makes a film, takes it, and sees another fail.
func (w *apiWalk) films(path string) {
	w.t.Helper()
	w.call("plaintiff", "POST", path+"/films", nil, nil, http.StatusForbidden)
	w.call("clerk", "POST", path+"/films", nil, nil, http.StatusCreated)
	done := w.made(path)
	if done.State != service.FilmDone {
		w.t.Fatalf("the film: %+v", done)
	}
	address := path + "/films/" + done.ID.String() + "/file"
	w.call("plaintiff", "GET", address, nil, nil, http.StatusForbidden)
	reply := w.send("clerk", "GET", apiPrefix+address, nil)
	if reply.status != http.StatusOK || int64(len(reply.body)) != done.Blob.Size || !strings.HasPrefix(reply.header.Get("Content-Disposition"), "attachment") {
		w.t.Errorf("the film's file: %d, %d bytes, %q", reply.status, len(reply.body), reply.header.Get("Content-Disposition"))
	}
	for who, sees := range map[string]bool{"clerk": true, "plaintiff": false} {
		page := w.send(who, "GET", path+"/recordings", nil)
		if !bytes.Contains(page.body, []byte(done.Blob.Hash.String())) || bytes.Contains(page.body, []byte(address)) != sees || bytes.Contains(page.body, []byte(`action="`+path+`/films"`)) != sees {
			w.t.Errorf("%s reads on the page: %s", who, page.body)
		}
	}
	ref, err := w.server.Blobs.Put(w.t.Context(), strings.NewReader("not a recording"))
	apiCheck(w.t, err)
	apiCheck(w.t, w.server.Docket.RecordingPart(w.t.Context(), w.hearing.ID, docket.Recording{Participant: "x", Name: "x", Blob: ref, Started: time.Now().Add(-time.Second), Ended: time.Now()}))
	w.call("clerk", "POST", path+"/films", nil, nil, http.StatusCreated)
	failed := w.made(path)
	if failed.State != service.FilmFailed || failed.Fault != service.FilmFaultMake {
		w.t.Errorf("a film of what is no recording: %+v", failed)
	}
	one := path + "/films/" + failed.ID.String()
	w.call("clerk", "POST", one+"/retry", nil, nil, http.StatusCreated)
	w.call("clerk", "POST", one+"/cancel", nil, nil, http.StatusCreated)
	w.call("clerk", "POST", one+"/cancel", nil, nil, http.StatusConflict)
}

// TestPageWithoutFFmpeg: the page says plainly that this server makes no films, and the API answers why.
func TestPageWithoutFFmpeg(t *testing.T) {
	c := newAPICourt(t)
	c.enrolAll()
	live, _ := c.accepted()
	h, err := c.server.Docket.ScheduleHearing(t.Context(), c.actor("clerk"), live.ID, docket.HearingInput{Start: time.Now().Add(240 * time.Hour), Minutes: 60})
	apiCheck(t, err)
	ref, err := c.server.Blobs.Put(t.Context(), strings.NewReader("x"))
	apiCheck(t, err)
	apiCheck(t, c.server.Docket.RecordingPart(t.Context(), h.ID, docket.Recording{Participant: "x", Name: "x", Blob: ref, Started: time.Now(), Ended: time.Now().Add(time.Second)}))
	c.server.Service = service.New(service.Config{Pool: c.server.Pool, Docket: c.server.Docket, Blobs: c.server.Blobs})
	page := c.send("clerk", "GET", "/hearings/"+h.ID.String()+"/recordings", nil)
	if page.status != http.StatusOK || !bytes.Contains(page.body, []byte("没有可用的 ffmpeg")) {
		t.Errorf("the page: %d", page.status)
	}
	c.call("clerk", "POST", "/hearings/"+h.ID.String()+"/films", nil, nil, http.StatusServiceUnavailable)
}
