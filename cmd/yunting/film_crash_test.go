package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/service"
)

// TestNothingAcknowledgedIsLostInAFilm kills the server while ffmpeg makes a film, and starts it again: the film goes on
// by itself behind the pieces that are there, none of which is made a second time, and its hash is entered once.
func TestNothingAcknowledgedIsLostInAFilm(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	token := p.token("linjing")
	h := p.heard(token)
	films := "/api/v1/hearings/" + h.ID.String() + "/films"
	var asked service.Film
	p.call(token, "POST", films, nil, &asked, http.StatusCreated)
	p.until("the first piece", func() bool { return len(p.pieces(asked.ID)) > 0 })
	p.kill()
	first := p.pieces(asked.ID)
	if len(first) == 0 {
		t.Fatal("the film was done before the server was killed")
	}

	p.start()
	var list []service.Film
	looks := 0
	p.within("the film", 4*time.Minute, func() bool {
		for name, now := range p.pieces(asked.ID) {
			if was, known := first[name]; known {
				looks++
				if !os.SameFile(was, now) || !was.ModTime().Equal(now.ModTime()) {
					t.Fatalf("%s was made again", name)
				}
			}
		}
		p.call(token, "GET", films, nil, &list, http.StatusOK)
		if len(list) != 1 || list[0].ID != asked.ID {
			t.Fatalf("films: %+v", list)
		}
		return !list[0].Active()
	})
	f := list[0]
	if looks == 0 || f.State != service.FilmDone || f.Blob == nil || f.Made != f.Steps {
		t.Fatalf("seen %d times, the film: %+v", looks, f)
	}
	t.Logf("%d of %d pieces were there when the server was killed", len(first), f.Steps-1)
	status, film, err := p.try(token, "GET", films+"/"+f.ID.String()+"/file", nil)
	if err != nil || status != http.StatusOK || int64(len(film)) != f.Blob.Size {
		t.Fatalf("the film's file: status %d, %v, %d bytes", status, err, len(film))
	}
	playsThrough(t, written(t, t.TempDir(), "film.mp4", film))
	if hashes := p.filmHashes(token, h.Case); len(hashes) != 1 || hashes[0] != f.Blob.Hash {
		t.Errorf("the docket has the hashes %v of films, want %s", hashes, f.Blob.Hash)
	}
}

// heard is the demonstration's recorded hearing, which is over.
func (p *process) heard(token string) docket.Hearing {
	p.t.Helper()
	var cases struct{ Cases []docket.Case }
	p.call(token, "GET", "/api/v1/cases?stage=heard", nil, &cases, http.StatusOK)
	var hearings []docket.Hearing
	p.call(token, "GET", "/api/v1/cases/"+cases.Cases[0].ID.String()+"/hearings", nil, &hearings, http.StatusOK)
	return hearings[0]
}

// pieces are the pieces of a film that are made, by name; none once the film is done.
func (p *process) pieces(film uuid.UUID) map[string]os.FileInfo {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "films", film.String(), "[0-9]*.mkv"))
	if err != nil {
		p.t.Fatal(err)
	}
	found := map[string]os.FileInfo{}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil { // else the film was done this moment
			found[filepath.Base(name)] = info
		}
	}
	return found
}

// filmHashes are the hashes of films that a case's docket holds.
func (p *process) filmHashes(token string, kase uuid.UUID) (hashes []blob.Hash) {
	p.t.Helper()
	var entries []docket.Entry
	p.call(token, "GET", "/api/v1/cases/"+kase.String()+"/entries", nil, &entries, http.StatusOK)
	for _, e := range entries {
		if e.Kind == docket.EntryFilm {
			var data struct{ SHA256 blob.Hash }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				p.t.Fatal(err)
			}
			hashes = append(hashes, data.SHA256)
		}
	}
	return hashes
}
