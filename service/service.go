// Package service makes the court's documents, signs them and serves them: notices, summons,
// judgments, electronic deliveries, receipts and proofs of service, and the export of a whole
// case. It holds the rules, the SQL and the jobs of these; cases and hearings are docket's.
//
// Callers authorise with identity.Can before they call. The package itself refuses only what the law
// gives to one person: a judgment to its judge, a receipt to the recipient. Every document, delivery
// and effect is an entry of the docket, written in the same transaction.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres"
	"yunting/service/grid"
	"yunting/service/mail"
	"yunting/service/sign"
)

// Config is what a Service needs. Pool, Docket, Blobs, Signer, Mail, Jobs and Identity are required;
// Ledger is needed by Export alone.
type Config struct {
	Pool      *pgxpool.Pool
	Docket    *docket.Docket
	Blobs     blob.Store
	Signer    *sign.Signer
	Mail      mail.Mailer
	Jobs      docket.Enqueuer
	Ledger    *ledger.Log
	Identity  *identity.Service
	Now       func() time.Time // time.Now when nil
	PublicURL string           // of the court's server, without a slash at the end; links in mails start with it
	Logger    *slog.Logger     // slog.Default when nil; gets no personal data
	FilmDir   string           // where films of hearings are put together; empty: none are made
	FilmTools grid.Tools       // from grid.FindTools; the zero Tools make no films
}

// Service makes, signs and serves documents. It is safe for concurrent use.
type Service struct {
	pool      *pgxpool.Pool
	docket    *docket.Docket
	blobs     blob.Store
	signer    *sign.Signer
	mail      mail.Mailer
	jobs      docket.Enqueuer
	ledger    *ledger.Log
	identity  *identity.Service
	clock     func() time.Time
	publicURL string
	log       *slog.Logger
	court     docket.Profile
	filmDir   string
	filmTools grid.Tools
	filmsEnd  context.Context // ends with StopFilms
	filmStop  context.CancelFunc
}

// New makes the service over the court's database and docket.
func New(c Config) *Service {
	s := &Service{
		pool: c.Pool, docket: c.Docket, blobs: c.Blobs, signer: c.Signer, mail: c.Mail, jobs: c.Jobs,
		ledger: c.Ledger, identity: c.Identity, clock: c.Now, publicURL: strings.TrimSuffix(c.PublicURL, "/"), log: c.Logger,
		court: c.Docket.Court(), filmDir: c.FilmDir, filmTools: c.FilmTools,
	}
	s.filmsEnd, s.filmStop = context.WithCancel(context.Background())
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s
}

// The errors that this package shares with docket, under either name.
var (
	ErrNotFound  = docket.ErrNotFound  // no such document or delivery
	ErrStale     = docket.ErrStale     // somebody saved a newer judgment draft
	ErrConflict  = docket.ErrConflict  // the case's stage or the delivery's state does not allow it
	ErrForbidden = docket.ErrForbidden // another person's act
)

// ErrInput says that a call named documents or parties that are not of the case, or none.
var ErrInput = errors.New("service: documents or parties are missing or not of this case")

// now is the instant of an act, at the precision that PostgreSQL keeps.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// inTx runs fn in one transaction and says what failed.
func (s *Service) inTx(ctx context.Context, what string, fn func(tx pgx.Tx) error) error {
	if err := postgres.InTx(ctx, s.pool, fn); err != nil {
		return fmt.Errorf("service: %s: %w", what, err)
	}
	return nil
}

// lockCase lets one transaction at a time change a case's documents and deliveries. It is taken before
// any lock of docket's, so that the two cannot deadlock.
func lockCase(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('service ' || $1::text, 0))`, caseID.String())
	return err
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
