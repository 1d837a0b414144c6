package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

const filmColumns = `SELECT id, hearing_id, name, lang, state, made, steps, fault, coalesce(file_name, ''), hash, coalesce(size, 0), created_at, ended_at
	FROM hearing_films `

func scanFilm(row pgx.CollectableRow) (Film, error) {
	var f Film
	var hash []byte
	var size int64
	err := row.Scan(&f.ID, &f.Hearing, &f.Name, &f.Lang, &f.State, &f.Made, &f.Steps, &f.Fault, &f.FileName, &hash, &size, &f.Created, &f.Ended)
	if hash != nil {
		f.Blob = &blob.Ref{Hash: blob.Hash(hash), Size: size}
	}
	f.Created = f.Created.UTC()
	if f.Ended != nil {
		at := f.Ended.UTC()
		f.Ended = &at
	}
	return f, err
}

// Films lists the hearing's films, the newest first.
func (s *Service) Films(ctx context.Context, hearingID uuid.UUID) ([]Film, error) {
	rows, err := s.pool.Query(ctx, filmColumns+`WHERE hearing_id = $1 ORDER BY created_at DESC, id`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("service: films: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanFilm)
	if err != nil {
		return nil, fmt.Errorf("service: films: %w", err)
	}
	return list, nil
}

// Film reads one film; ErrNotFound.
func (s *Service) Film(ctx context.Context, id uuid.UUID) (Film, error) {
	rows, err := s.pool.Query(ctx, filmColumns+`WHERE id = $1`, id)
	if err != nil {
		return Film{}, fmt.Errorf("service: film: %w", err)
	}
	return oneFilm(pgx.CollectExactlyOneRow(rows, scanFilm))
}

func lockFilm(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Film, error) {
	rows, err := tx.Query(ctx, filmColumns+`WHERE id = $1 FOR UPDATE`, id)
	if err != nil {
		return Film{}, err
	}
	return oneFilm(pgx.CollectExactlyOneRow(rows, scanFilm))
}

func oneFilm(f Film, err error) (Film, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return Film{}, fmt.Errorf("service: film: %w", ErrNotFound)
	}
	if err != nil {
		return Film{}, fmt.Errorf("service: film: %w", err)
	}
	return f, nil
}

// openFilms are those that have files in the films' directory.
func (s *Service) openFilms(ctx context.Context) ([]Film, error) {
	rows, err := s.pool.Query(ctx, filmColumns+`WHERE state IN ('waiting', 'making', 'failed')`)
	if err != nil {
		return nil, fmt.Errorf("service: films: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanFilm)
	if err != nil {
		return nil, fmt.Errorf("service: films: %w", err)
	}
	return list, nil
}

// setFilm moves a film to another state. ErrConflict when the hearing has another film in the making.
func (s *Service) setFilm(ctx context.Context, tx pgx.Tx, id uuid.UUID, to FilmState, fault string) error {
	var ended *time.Time
	if (Film{State: to}).Active() {
		var other bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM hearing_films a, hearing_films b WHERE a.id = $1 AND b.hearing_id = a.hearing_id
			AND b.id <> a.id AND b.state IN ('waiting', 'making'))`, id).Scan(&other)
		if err != nil {
			return err
		}
		if other {
			return ErrConflict
		}
	} else {
		at := s.now()
		ended = &at
	}
	_, err := tx.Exec(ctx, `UPDATE hearing_films SET state = $2, fault = $3, ended_at = $4 WHERE id = $1`, id, to, fault, ended)
	return err
}

// filmProgress notes what is made, and tells whether the film is still wanted.
func (s *Service) filmProgress(ctx context.Context, id uuid.UUID, made, steps int) (bool, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE hearing_films SET state = 'making', made = $2, steps = $3
		WHERE id = $1 AND state IN ('waiting', 'making')`, id, made, steps)
	if err != nil {
		return false, fmt.Errorf("service: film: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// filmDone records the finished film, and enters its hash in the docket.
func (s *Service) filmDone(ctx context.Context, f Film, h docket.Hearing, name string, ref blob.Ref, length time.Duration) error {
	return s.inTx(ctx, "film", func(tx pgx.Tx) error {
		if err := lockCase(ctx, tx, h.Case); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE hearing_films SET state = 'done', made = steps, file_name = $2, hash = $3, size = $4, ended_at = $5
			WHERE id = $1 AND state = 'making'`, f.ID, name, ref.Hash[:], ref.Size, s.now())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		// The hash, not the file: a film is made from files that the record holds, and an export need not carry it.
		_, err = s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: h.Case, Actor: identity.System, Kind: docket.EntryFilm,
			Data: map[string]any{"hearing": h.ID, "film": f.ID, "asked_by": f.Name, "name": name, "sha256": ref.Hash, "size": ref.Size, "seconds": length.Seconds()}})
		return err
	})
}
