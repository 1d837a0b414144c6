package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/service/grid"
)

// FilmState is how far a film is.
type FilmState string

// The states of a film.
const (
	FilmWaiting   FilmState = "waiting"
	FilmMaking    FilmState = "making"
	FilmDone      FilmState = "done"
	FilmFailed    FilmState = "failed" // may be tried again: what is made is kept
	FilmCancelled FilmState = "cancelled"
)

// FilmStates lists every state.
func FilmStates() []FilmState {
	return []FilmState{FilmWaiting, FilmMaking, FilmDone, FilmFailed, FilmCancelled}
}

// Why a film failed.
const (
	FilmFaultEmpty = "empty" // nothing was recorded
	FilmFaultMake  = "make"  // ffmpeg or the disk; the log says what
)

// FilmFaults lists every fault.
func FilmFaults() []string { return []string{FilmFaultEmpty, FilmFaultMake} }

// Film is one film of a whole hearing, made from the participants' files (see grid).
type Film struct {
	ID       uuid.UUID  `json:"id"`
	Hearing  uuid.UUID  `json:"hearing"`
	Name     string     `json:"name"` // who asked for it
	Lang     string     `json:"lang"` // of the words in the picture
	State    FilmState  `json:"state"`
	Made     int        `json:"made"`  // steps that are done
	Steps    int        `json:"steps"` // 0 until the film is planned
	Fault    string     `json:"fault,omitempty"`
	FileName string     `json:"file_name,omitempty"`
	Blob     *blob.Ref  `json:"blob,omitempty"` // of a film that is done
	Created  time.Time  `json:"created"`
	Ended    *time.Time `json:"ended,omitempty"`
}

// Active reports whether the film is being made or waits for it.
func (f Film) Active() bool { return f.State == FilmWaiting || f.State == FilmMaking }

// Percent is how much of the film is made.
func (f Film) Percent() int {
	if f.Steps == 0 {
		return 0
	}
	return f.Made * 100 / f.Steps
}

// FilmArgs is the job that makes a film. It runs for a while, yields, and goes on with the pieces that are there.
type FilmArgs struct {
	Film uuid.UUID `json:"film"`
}

// Kind implements river.JobArgs.
func (FilmArgs) Kind() string { return "hearing_film" }

// InsertOpts keeps films to a queue of their own, so that no notice waits behind one.
func (FilmArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: FilmQueue, MaxAttempts: filmAttempts}
}

// FilmQueue is River's queue of films. One worker is enough: ffmpeg takes the cores that are free.
const FilmQueue = "films"

const filmAttempts = 3

// FilmsUnavailable says why this server makes no films; nil when it does.
func (s *Service) FilmsUnavailable() error {
	if s.filmDir == "" {
		return grid.ErrUnavailable
	}
	return s.filmTools.Unavailable()
}

// MakeFilm asks for a film of a closed hearing. ErrConflict while the hearing is open or another film of it is
// being made, and once its recordings were deleted; grid.ErrUnavailable without ffmpeg.
func (s *Service) MakeFilm(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, lang string) (Film, error) {
	if err := s.FilmsUnavailable(); err != nil {
		return Film{}, err
	}
	h, err := s.docket.Hearing(ctx, hearingID)
	if err != nil {
		return Film{}, err
	}
	keeping, err := s.docket.Keeping(ctx, hearingID)
	if err != nil {
		return Film{}, err
	}
	if h.ClosedAt == nil || keeping.Deleted() {
		return Film{}, fmt.Errorf("service: film: %w", ErrConflict)
	}
	if !strings.HasPrefix(lang, "en") {
		lang = "zh-CN"
	}
	f := Film{ID: newID(), Hearing: hearingID, Name: actor.Name, Lang: lang, State: FilmWaiting, Created: s.now()}
	return f, s.inTx(ctx, "film", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO hearing_films (id, hearing_id, account, name, lang, state, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, f.ID, hearingID, actor.Account, f.Name, f.Lang, f.State, f.Created)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrConflict
		}
		_, err = s.jobs.InsertTx(ctx, tx, FilmArgs{f.ID}, nil)
		return err
	})
}

// CancelFilm stops a film, or gives up one that failed. ErrConflict when it is done or cancelled; ErrNotFound.
func (s *Service) CancelFilm(ctx context.Context, hearingID, id uuid.UUID) error {
	return s.moveFilm(ctx, hearingID, id, FilmCancelled, FilmWaiting, FilmMaking, FilmFailed)
}

// RetryFilm goes on with a film that failed, with the pieces that are made. ErrConflict when it did not fail, or
// while another film of the hearing is made; ErrNotFound.
func (s *Service) RetryFilm(ctx context.Context, hearingID, id uuid.UUID) error {
	if err := s.FilmsUnavailable(); err != nil {
		return err
	}
	return s.moveFilm(ctx, hearingID, id, FilmWaiting, FilmFailed)
}

func (s *Service) moveFilm(ctx context.Context, hearingID, id uuid.UUID, to FilmState, from ...FilmState) error {
	return s.inTx(ctx, "film", func(tx pgx.Tx) error {
		f, err := lockFilm(ctx, tx, id)
		if err != nil {
			return err
		}
		if f.Hearing != hearingID {
			return ErrNotFound
		}
		if !slices.Contains(from, f.State) {
			return ErrConflict
		}
		if err := s.setFilm(ctx, tx, id, to, ""); err != nil {
			return err
		}
		// Cancelled too: the job clears what was made.
		_, err = s.jobs.InsertTx(ctx, tx, FilmArgs{id}, nil)
		return err
	})
}

// FilmFetched enters that the actor takes the film's file or a range of it (AV 11). ErrNotFound when the film is not of the
// hearing or not done.
func (s *Service) FilmFetched(ctx context.Context, actor identity.Actor, hearingID, id uuid.UUID, byteRange string) (Film, error) {
	f, err := s.Film(ctx, id)
	if err != nil {
		return Film{}, err
	}
	if f.Hearing != hearingID || f.Blob == nil {
		return Film{}, fmt.Errorf("service: film %s: %w", id, ErrNotFound)
	}
	h, err := s.docket.Hearing(ctx, hearingID)
	if err != nil {
		return Film{}, err
	}
	return f, s.inTx(ctx, "film taken", func(tx pgx.Tx) error {
		_, err := s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: h.Case, Actor: actor, Kind: docket.EntryCopied,
			Data: map[string]any{"hearing": hearingID, "film": id, "sha256": f.Blob.Hash, "part": byteRange != ""}})
		return err
	})
}

// ResumeFilms goes on with the films that an earlier process left unfinished, and clears the files of those that
// are finished or gone. Call it once, before the jobs start.
func (s *Service) ResumeFilms(ctx context.Context) error {
	if s.FilmsUnavailable() != nil {
		return nil
	}
	open, err := s.openFilms(ctx)
	if err != nil {
		return err
	}
	if err := s.clearFilms(open); err != nil {
		return err
	}
	return s.inTx(ctx, "resume films", func(tx pgx.Tx) error {
		for _, f := range open {
			if !f.Active() {
				continue
			}
			if _, err := s.jobs.InsertTx(ctx, tx, FilmArgs{f.ID}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// StopFilms ends the pieces that are being made, so that the jobs can stop; ResumeFilms goes on with them. Call it before the jobs are stopped.
func (s *Service) StopFilms() { s.filmStop() }

// filmFault names what the page says of a failure.
func filmFault(err error) string {
	if errors.Is(err, grid.ErrEmpty) {
		return FilmFaultEmpty
	}
	return FilmFaultMake
}
