package service

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/ledger/bundle"
)

// Export writes a whole case to w as one zip that proves itself offline (see ledger/bundle): every docket entry with
// its ledger proof and every file that an entry names. The export is an entry of the docket itself and
// in the bundle. Nothing is written to w before all proofs are there and all files are checked.
func (s *Service) Export(ctx context.Context, actor identity.Actor, caseID uuid.UUID, w io.Writer) error {
	c, err := s.docket.Case(ctx, caseID)
	if err != nil {
		return fmt.Errorf("service: export: %w", err)
	}
	at := s.now()
	err = s.inTx(ctx, "export", func(tx pgx.Tx) error {
		_, err := s.docket.AppendEntry(ctx, tx, docket.EntryInput{Case: caseID, Actor: actor, Kind: docket.EntryExported,
			Data: map[string]any{"title": c.Title}})
		return err
	})
	if err != nil {
		return err
	}
	entries, err := s.docket.Entries(ctx, caseID)
	if err != nil {
		return fmt.Errorf("service: export: %w", err)
	}
	proofs, err := s.proofs(ctx, entries)
	if err != nil {
		return err
	}
	title := c.Number
	if title == "" {
		title = c.Title
	}
	b := bundle.Bundle{Title: title, Created: at, Key: s.ledger.PublicKey(), Seal: func(payload []byte) (ledger.Proof, error) { return s.seal(ctx, payload) }}
	for i, e := range entries {
		one := bundle.Entry{Payload: e.Payload, Proof: proofs[i]}
		for _, f := range e.Files {
			file := bundle.File{Name: f.Name, Hash: f.Hash, Size: f.Size, Open: func() (io.ReadCloser, error) { return s.blobs.Open(ctx, f.Hash) }}
			if _, err := s.blobs.Stat(ctx, f.Hash); errors.Is(err, blob.ErrNotFound) {
				file.Open = nil // by a tombstone, or the export is refused
			}
			one.Files = append(one.Files, file)
		}
		b.Entries = append(b.Entries, one)
	}
	if err := bundle.Write(w, b); err != nil {
		return fmt.Errorf("service: export: %w", err)
	}
	return nil
}

// proofs waits until every entry is in the ledger and gives their proofs in order.
func (s *Service) proofs(ctx context.Context, entries []docket.Entry) ([]ledger.Proof, error) {
	ids := make([]int64, len(entries))
	for i, e := range entries {
		ids[i] = e.Leaf.ID
		if _, err := s.ledger.Wait(ctx, e.Leaf.ID); err != nil {
			return nil, fmt.Errorf("service: export: proof of entry %d: %w", e.Seq, err)
		}
	}
	proofs, err := s.ledger.Proofs(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("service: export: %w", err)
	}
	return proofs, nil
}

// seal puts the bundle's manifest into the ledger.
func (s *Service) seal(ctx context.Context, payload []byte) (ledger.Proof, error) {
	var leaf ledger.Leaf
	err := s.inTx(ctx, "seal an export", func(tx pgx.Tx) (err error) {
		leaf, err = ledger.Queue(ctx, tx, payload)
		return err
	})
	if err != nil {
		return ledger.Proof{}, err
	}
	return s.ledger.Wait(ctx, leaf.ID)
}
