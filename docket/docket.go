// Package docket is the court's register: cases and their parties, filings and
// their review, evidence, hearings, transcripts and recordings, and the entries
// that record every act. It holds the rules of each act and the SQL that does it.
//
// Callers authorise with identity.Can before they call; docket itself refuses
// only what the law gives to one person (a draft to its filer, the phases of a
// hearing to its judge). Every act on a case that changes its state writes one
// Entry in the same transaction, whose salted hash goes into the ledger.
package docket

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/postgres"
)

// Enqueuer puts a job into the caller's transaction, so that the job exists
// exactly when the act does. A *river.Client[pgx.Tx] is one.
type Enqueuer interface {
	InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
}

// Config is what a Docket needs. Pool, Jobs and Court are required.
type Config struct {
	Pool     *pgxpool.Pool
	Blobs    blob.Store        // checked for every file that an act names; unchecked when nil
	Jobs     Enqueuer          //
	Identity *identity.Service // real names for CreateDraft, Submit and Link
	Now      func() time.Time  // the clock; time.Now when nil
	Court    Profile
	// Key derives the invitation codes, so that a job can print a code that the
	// database holds only as a hash. A random key (when empty) loses the codes
	// of letters that are not yet printed when the process ends.
	Key []byte
}

// Docket is the register of one court. It is safe for concurrent use.
type Docket struct {
	pool     *pgxpool.Pool
	blobs    blob.Store
	jobs     Enqueuer
	identity *identity.Service
	clock    func() time.Time
	court    Profile
	key      []byte
}

// New makes the register over the court's database.
func New(c Config) *Docket {
	d := &Docket{
		pool: c.Pool, blobs: c.Blobs, jobs: c.Jobs, identity: c.Identity,
		clock: c.Now, court: c.Court, key: c.Key,
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	if len(d.key) == 0 {
		d.key = make([]byte, 32)
		rand.Read(d.key) // never fails: crypto/rand aborts the program instead
	}
	return d
}

// Court is the profile that the register works by.
func (d *Docket) Court() Profile { return d.court }

// now is the instant of an act, at the precision that PostgreSQL keeps.
func (d *Docket) now() time.Time { return d.clock().UTC().Truncate(time.Microsecond) }

// inTx runs fn in one transaction and says what failed.
func (d *Docket) inTx(ctx context.Context, what string, fn func(tx pgx.Tx) error) error {
	if err := postgres.InTx(ctx, d.pool, fn); err != nil {
		return fmt.Errorf("docket: %s: %w", what, err)
	}
	return nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// NoticesArgs is the job that makes and serves what a decision on a filing calls
// for: on acceptance the three notices (案件受理通知书, 交纳诉讼费用通知书,
// 举证通知书; LR 9), else 补正通知书 or the ruling of refusal. service works it.
type NoticesArgs struct {
	Case uuid.UUID `json:"case"`
}

// Kind implements river.JobArgs.
func (NoticesArgs) Kind() string { return "notices" }

// StampArgs is the job that has an integrity value time-stamped (RFC 3161).
type StampArgs struct {
	Hearing uuid.UUID `json:"hearing"`
	Root    blob.Hash `json:"root"`
}

// Kind implements river.JobArgs.
func (StampArgs) Kind() string { return "stamp_integrity" }

// SummonsArgs is the job that makes and serves the summons to a hearing (传票).
type SummonsArgs struct {
	Hearing uuid.UUID `json:"hearing"`
}

// Kind implements river.JobArgs.
func (SummonsArgs) Kind() string { return "summons" }

// InvitationArgs is the job that makes the invitation letter and mails it when
// the party has an address. It carries no code: the worker asks InvitationLetter.
type InvitationArgs struct {
	Invitation uuid.UUID `json:"invitation"`
}

// Kind implements river.JobArgs.
func (InvitationArgs) Kind() string { return "invitation" }
