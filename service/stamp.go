package service

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
)

// stamp has the file that an integrity value is of time-stamped (RFC 3161), once. An authority that does not answer is
// asked again by the job, over about three weeks.
func (s *Service) stamp(ctx context.Context, hearing uuid.UUID, root blob.Hash) error {
	value, err := s.docket.IntegrityValue(ctx, hearing, root)
	if err != nil {
		return fmt.Errorf("service: time-stamp: %w", err)
	}
	if value.Stamp != nil {
		return nil
	}
	token, stamped, err := s.signer.Stamp(value.File.Hash)
	if err != nil {
		s.log.Warn("service: the integrity value waits for its time-stamp", "hearing", hearing, "error", err)
		return fmt.Errorf("service: time-stamp: %w", err)
	}
	ref, err := s.blobs.Put(ctx, bytes.NewReader(token))
	if err != nil {
		return fmt.Errorf("service: time-stamp: %w", err)
	}
	err = s.docket.StampIntegrity(ctx, hearing, root, docket.Stamp{At: stamped.At, Authority: stamped.By.Subject.CommonName,
		File: docket.FileRef{Hash: ref.Hash, Size: ref.Size}})
	if err != nil {
		return fmt.Errorf("service: time-stamp: %w", err)
	}
	return nil
}
