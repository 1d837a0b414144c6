package service

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
)

// purge takes the files of a confirmed deletion out of the store, and the films that were made of them. A film that is
// being made is cancelled: its job ends and clears its pieces.
func (s *Service) purge(ctx context.Context, deletion uuid.UUID) error {
	hearing, err := s.docket.Deleted(ctx, deletion)
	if err != nil {
		return fmt.Errorf("service: purge: %w", err)
	}
	films, err := s.Films(ctx, hearing)
	if err != nil {
		return err
	}
	var derived []blob.Hash
	for _, f := range films {
		if f.Active() {
			if err := s.CancelFilm(ctx, hearing, f.ID); err != nil {
				return err
			}
		}
		if f.Blob != nil {
			derived = append(derived, f.Blob.Hash)
		}
	}
	if err := s.docket.PurgeRecordings(ctx, deletion, derived...); err != nil {
		return fmt.Errorf("service: purge: %w", err)
	}
	return s.inTx(ctx, "purge films", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM hearing_films WHERE hearing_id = $1 AND state = 'done'`, hearing)
		return err
	})
}

// RemoveUnnamed takes a file out of the store that nothing names, as docket's does: no document and no film either, and nothing
// that also knows of. It reports whether the file is gone.
func (s *Service) RemoveUnnamed(ctx context.Context, hash blob.Hash, also func(tx pgx.Tx) (bool, error)) (bool, error) {
	return s.docket.RemoveUnnamed(ctx, hash, func(tx pgx.Tx) (bool, error) {
		var named bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM service_documents WHERE hash = $1) OR EXISTS (SELECT FROM hearing_films WHERE hash = $1)`, hash).Scan(&named)
		if err != nil || named {
			return named, err
		}
		return also(tx)
	})
}
