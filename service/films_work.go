package service

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/service/grid"
	"yunting/service/pdf"
)

const (
	filmSlice   = 20 * time.Second // a job yields after so long, at the end of a piece
	filmWatch   = time.Second      // how soon a cancelled film stops
	filmTimeout = 4 * time.Hour    // of one run: longer than the longest film takes to be joined
)

// filmWorker makes films. A run that outlives its server is taken up by ResumeFilms; River's own rescue is the second net.
type filmWorker struct {
	river.WorkerDefaults[FilmArgs]
	s *Service
}

// Timeout implements river.Worker.
func (filmWorker) Timeout(*river.Job[FilmArgs]) time.Duration { return filmTimeout }

// Work implements river.Worker.
func (w filmWorker) Work(ctx context.Context, job *river.Job[FilmArgs]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.s.filmsEnd, cancel)()
	more, err := w.s.workFilm(ctx, job.Args.Film)
	switch {
	case w.s.filmsEnd.Err() != nil, err == nil && more:
		return river.JobSnooze(0)
	case err == nil:
		return nil
	case job.Attempt < job.MaxAttempts && !errors.Is(err, grid.ErrEmpty):
		return err
	}
	fault := filmFault(err)
	w.s.log.Error("service: film failed", "film", job.Args.Film, "error", err)
	return w.s.inTx(ctx, "film", func(tx pgx.Tx) error {
		f, err := lockFilm(ctx, tx, job.Args.Film)
		if err != nil || !f.Active() {
			return err
		}
		return w.s.setFilm(ctx, tx, f.ID, FilmFailed, fault)
	})
}

func (s *Service) filmPath(id uuid.UUID) string { return filepath.Join(s.filmDir, id.String()) }

// clearFilms removes the files of all films but those that are open.
func (s *Service) clearFilms(open []Film) error {
	keep := map[string]bool{}
	for _, f := range open {
		keep[f.ID.String()] = true
	}
	dirs, err := os.ReadDir(s.filmDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("service: films: %w", err)
	}
	for _, d := range dirs {
		if !keep[d.Name()] {
			if err := os.RemoveAll(filepath.Join(s.filmDir, d.Name())); err != nil {
				return fmt.Errorf("service: films: %w", err)
			}
		}
	}
	return nil
}

// workFilm makes pieces for a while; more says that it is not done. Another run of the same film ends at once.
func (s *Service) workFilm(ctx context.Context, id uuid.UUID) (more bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("service: film: %w", err)
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended('film ' || $1::text, 0))`, id.String()).Scan(&mine); err != nil || !mine {
		return false, err
	}
	defer func() {
		_, unlock := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended('film ' || $1::text, 0))`, id.String())
		err = errors.Join(err, unlock)
	}()
	f, err := s.Film(ctx, id)
	if err != nil {
		return false, err
	}
	if !f.Active() {
		if f.State == FilmFailed {
			return false, nil
		}
		return false, os.RemoveAll(s.filmPath(id))
	}
	h, err := s.docket.Hearing(ctx, f.Hearing)
	if err != nil {
		return false, err
	}
	wanted, stop := s.whileWanted(ctx, id)
	defer stop()
	made, err := s.planFilm(wanted, f, h)
	if err == nil {
		more, err = s.makeFilm(wanted, f, h, made)
	}
	if errors.Is(context.Cause(wanted), errCancelled) {
		return true, nil // the next run clears it
	}
	return more, err
}

// errCancelled ends the work on a film that nobody wants any more.
var errCancelled = errors.New("service: film is cancelled")

// whileWanted ends soon after the film is cancelled, and ffmpeg with it. The caller calls stop.
func (s *Service) whileWanted(ctx context.Context, id uuid.UUID) (wanted context.Context, stop func()) {
	wanted, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(filmWatch)
		defer tick.Stop()
		for {
			select {
			case <-wanted.Done():
				return
			case <-tick.C:
			}
			f, err := s.Film(wanted, id)
			if err == nil && !f.Active() {
				end(errCancelled)
			}
		}
	})
	return wanted, func() { end(nil); watch.Wait() }
}

// makeFilm makes the pieces that are missing, and joins them.
func (s *Service) makeFilm(ctx context.Context, f Film, h docket.Hearing, film *grid.Film) (more bool, err error) {
	until := time.Now().Add(filmSlice)
	steps := len(film.Plan.Pieces) + 1
	done, err := film.Done()
	if err != nil {
		return false, err
	}
	for i := range film.Plan.Pieces {
		wanted, err := s.filmProgress(ctx, f.ID, done, steps)
		if err != nil || !wanted {
			return err == nil, err // the next run clears what was cancelled
		}
		fresh, err := film.Piece(ctx, i)
		if err != nil {
			return false, err
		}
		if fresh {
			done++
		}
		if fresh && time.Now().After(until) {
			_, err := s.filmProgress(ctx, f.ID, done, steps)
			return true, err
		}
	}
	if wanted, err := s.filmProgress(ctx, f.ID, steps-1, steps); err != nil || !wanted {
		return err == nil, err
	}
	path, err := film.Join(ctx)
	if err != nil {
		return false, err
	}
	hash, err := hashFile(path)
	if err != nil {
		return false, err
	}
	ref, err := s.blobs.PutFile(ctx, path, hash)
	if err != nil {
		return false, fmt.Errorf("service: store film: %w", err)
	}
	if err := s.filmDone(ctx, f, h, filmName(h), ref, time.Duration(film.Plan.Length)*time.Millisecond); err != nil {
		return false, err
	}
	return false, os.RemoveAll(s.filmPath(f.ID))
}

// filmName is the film's file name.
func filmName(h docket.Hearing) string {
	number := h.CaseNumber
	if number == "" {
		number = h.ID.String()
	}
	return number + "-" + h.Start.UTC().Format("20060102T150405Z") + ".mp4"
}

func hashFile(path string) (blob.Hash, error) {
	var h blob.Hash
	f, err := os.Open(path)
	if err != nil {
		return h, fmt.Errorf("service: film: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	sum.Sum(h[:0])
	return h, errors.Join(err, f.Close())
}

// planFilm reads what the film is made of and plans it. What was scanned stays scanned.
func (s *Service) planFilm(ctx context.Context, f Film, h docket.Hearing) (*grid.Film, error) {
	p, err := s.docket.Playback(ctx, f.Hearing)
	if err != nil {
		return nil, err
	}
	film := &grid.Film{Tools: s.filmTools, Dir: s.filmPath(f.ID), Font: pdf.FontFile, Paths: map[string]string{}}
	if err := film.Prepare(); err != nil {
		return nil, err
	}
	in := grid.Input{Playback: p, Zone: s.court.Zone, Lang: f.Lang}
	if in.People, err = s.filmPeople(ctx, h, p, f.Lang); err != nil {
		return nil, err
	}
	for _, t := range p.Tracks {
		path, err := s.localFile(ctx, film.Dir, t.Hash)
		if err != nil {
			return nil, err
		}
		film.Paths[t.Hash.String()] = path
		streams, err := s.scanned(ctx, film.Dir, path, t.Hash)
		if err != nil {
			return nil, err
		}
		in.Files = append(in.Files, grid.File{Person: t.Participant, Hash: t.Hash.String(), Stretch: t.Stretch, Streams: streams})
	}
	film.Plan, err = grid.New(in)
	return film, err
}

// localFile gives a path from which ffmpeg can read a blob: the blob's own in a local store, else a copy in dir.
func (s *Service) localFile(ctx context.Context, dir string, hash blob.Hash) (string, error) {
	r, err := s.blobs.Open(ctx, hash)
	if err != nil {
		return "", fmt.Errorf("service: film: %w", err)
	}
	defer r.Close()
	if f, ok := r.(*os.File); ok {
		return f.Name(), nil
	}
	path := filepath.Join(dir, "source-"+hash.String())
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	out, err := os.CreateTemp(dir, "work-") // cleared when it stays behind
	if err != nil {
		return "", fmt.Errorf("service: film: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), r)
	if err := errors.Join(err, out.Close()); err != nil {
		return "", fmt.Errorf("service: film: copy %s: %w", hash, err)
	}
	if blob.Hash(sum.Sum(nil)) != hash {
		return "", fmt.Errorf("service: film: copy %s: %w", hash, blob.ErrMismatch)
	}
	return path, os.Rename(out.Name(), path)
}

// scanned tells what streams a file has, reading the file once a film.
func (s *Service) scanned(ctx context.Context, dir, path string, hash blob.Hash) ([]grid.Stream, error) {
	note := filepath.Join(dir, "scan-"+hash.String()+".json")
	var streams []grid.Stream
	if data, err := os.ReadFile(note); err == nil && json.Unmarshal(data, &streams) == nil {
		return streams, nil // one that a crash cut short is scanned again
	}
	streams, err := s.filmTools.Scan(ctx, path)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(streams)
	if err != nil {
		return nil, fmt.Errorf("service: film: %w", err)
	}
	return streams, os.WriteFile(note, data, 0o600)
}

// filmPeople are those who were recorded, the court first, with their standing and the time that they were there.
func (s *Service) filmPeople(ctx context.Context, h docket.Hearing, p docket.Playback, lang string) ([]grid.Person, error) {
	c, err := s.docket.Case(ctx, h.Case)
	if err != nil {
		return nil, err
	}
	presence, err := s.docket.Presence(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	stays := map[string][]docket.Stretch{}
	for _, one := range presence {
		to := p.Length
		if one.LeftAt != nil {
			to = one.LeftAt.Sub(p.Start).Milliseconds()
		}
		id := one.Account.String()
		stays[id] = append(stays[id], docket.Stretch{From: one.JoinedAt.Sub(p.Start).Milliseconds(), To: to})
	}
	var people []grid.Person
	index := map[string]int{}
	for _, t := range p.Tracks {
		i, known := index[t.Participant]
		if !known {
			i = len(people)
			index[t.Participant] = i
			standing := standingIn(c, t.Participant)
			people = append(people, grid.Person{ID: t.Participant, Label: filmLabel(t.Name, standing, lang), Lead: standing == identity.StandingJudge})
		}
		people[i].There = append(people[i].There, t.Stretch)
	}
	for i := range people {
		people[i].There = grid.Both(people[i].There, stays[people[i].ID])
	}
	return people, nil
}

// standingIn is what a participant is in the case; empty when none of its people.
func standingIn(c docket.Case, participant string) identity.Standing {
	account, err := uuid.Parse(participant)
	if err != nil {
		return "" // a stream that stands for no account
	}
	switch party, ok := c.PartyOf(account); {
	case account == c.Judge:
		return identity.StandingJudge
	case account == c.Clerk:
		return identity.StandingClerk
	case ok:
		return party.Standing
	}
	return ""
}

// filmStandings word a standing under a picture: Chinese, English.
var filmStandings = map[identity.Standing][2]string{
	identity.StandingJudge: {"审判员", "judge"}, identity.StandingClerk: {"书记员", "clerk"}, identity.StandingPlaintiff: {"原告", "plaintiff"},
	identity.StandingDefendant: {"被告", "defendant"}, identity.StandingThird: {"第三人", "third party"},
}

func filmLabel(name string, standing identity.Standing, lang string) string {
	words, ok := filmStandings[standing]
	switch {
	case !ok:
		return name
	case lang == "en":
		return name + " (" + words[1] + ")"
	}
	return name + "（" + words[0] + "）"
}
