package docket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// querier is the pool, or a transaction that must see its own changes.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const caseColumns = `c.id, coalesce(c.number, ''), c.stage, c.version, c.title, c.cause_code, c.cause_name,
	coalesce(c.procedure, ''), c.amount_fen, c.fee_fen, c.court_name, c.judge, c.clerk, c.filer, c.facts, c.grounds,
	c.witnesses, c.created_at, c.updated_at, c.submitted_at, c.accepted_at, c.corrections, c.correction_rounds,
	c.correction_due, c.refusal_reason, c.filing_service`

func (d *Docket) scanCase(row pgx.CollectableRow) (Case, error) {
	var c Case
	var judge, clerk *uuid.UUID
	var due *time.Time
	var rounds int
	err := row.Scan(&c.ID, &c.Number, &c.Stage, &c.Version, &c.Title, &c.CauseCode, &c.CauseName,
		&c.Procedure, &c.AmountFen, &c.FeeFen, &c.Court, &judge, &clerk, &c.Filer, &c.Facts, &c.Grounds,
		&c.Witnesses, &c.CreatedAt, &c.UpdatedAt, &c.SubmittedAt, &c.AcceptedAt, &c.Corrections, &rounds,
		&due, &c.RefusalReason, &c.Service)
	if err != nil {
		return Case{}, err
	}
	if judge != nil {
		c.Judge = *judge
	}
	if clerk != nil {
		c.Clerk = *clerk
	}
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	c.SubmittedAt, c.AcceptedAt = utc(c.SubmittedAt), utc(c.AcceptedAt)
	c.CorrectionUsed = rounds > 0
	c.CorrectionDue = civil(due)
	c.Parties, c.Claims = []Party{}, []Claim{}
	if c.Stage == StageDraft {
		if until, ok := DraftKeptUntil(d.court.Today(c.UpdatedAt), d.court.DraftDays); ok {
			c.KeptUntil = &until
		}
	}
	if c.Stage == StageSubmitted && c.SubmittedAt != nil {
		// After corrections the period starts again the day after they arrived
		// (LR 9): SubmittedAt is then that day, which does not count.
		due := d.court.Calendar.Statutory(d.court.Today(*c.SubmittedAt), deadline.RuleReview)
		c.ReviewDue = &due
	}
	return c, nil
}

// selectCases reads the cases that the SQL after FROM chooses, with their
// parties, consents and claims. clause may begin with joins.
func (d *Docket) selectCases(ctx context.Context, q querier, clause string, args ...any) ([]Case, error) {
	rows, err := q.Query(ctx, `SELECT `+caseColumns+` FROM cases c `+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("docket: read cases: %w", err)
	}
	cases, err := pgx.CollectRows(rows, d.scanCase)
	if err != nil {
		return nil, fmt.Errorf("docket: read cases: %w", err)
	}
	byID := make(map[uuid.UUID]*Case, len(cases))
	ids := make([]uuid.UUID, len(cases))
	for i := range cases {
		ids[i] = cases[i].ID
		byID[ids[i]] = &cases[i]
	}
	if err := readParties(ctx, q, byID, ids); err != nil {
		return nil, fmt.Errorf("docket: read parties: %w", err)
	}
	if err := readClaims(ctx, q, byID, ids); err != nil {
		return nil, fmt.Errorf("docket: read claims: %w", err)
	}
	return cases, nil
}

func readParties(ctx context.Context, q querier, cases map[uuid.UUID]*Case, ids []uuid.UUID) error {
	rows, err := q.Query(ctx, `SELECT p.case_id, p.id, p.account, p.linked_at, p.standing, p.kind, p.name, p.id_kind,
			p.id_number, p.gender, p.birth, p.ethnicity, p.occupation, p.phone, p.email, p.address, p.representative,
			p.representative_title,
			(SELECT array_agg(o.stage ORDER BY o.stage) FROM online_consents o WHERE o.party_id = p.id AND o.agreed),
			(SELECT array_agg(o.stage ORDER BY o.stage) FROM online_consents o WHERE o.party_id = p.id AND NOT o.agreed), s.agreed, s.email, s.in_app, s.basis, s.at
		FROM parties p LEFT JOIN service_consents s ON s.party_id = p.id
		WHERE p.case_id = ANY($1) ORDER BY p.case_id, p.ord`, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var caseID uuid.UUID
		var p Party
		var birth, at *time.Time
		var stages, declined []string
		var agreed, inApp *bool
		var email, basis *string
		err := rows.Scan(&caseID, &p.ID, &p.Account, &p.LinkedAt, &p.Standing, &p.Kind, &p.Name, &p.IDKind,
			&p.IDNumber, &p.Gender, &birth, &p.Ethnicity, &p.Occupation, &p.Phone, &p.Email, &p.Address,
			&p.Representative, &p.RepresentativeTitle, &stages, &declined, &agreed, &email, &inApp, &basis, &at)
		if err != nil {
			return err
		}
		if birth != nil {
			p.Birth = deadline.DateOf(*birth, time.UTC)
		}
		p.LinkedAt = utc(p.LinkedAt)
		if stages != nil || declined != nil || agreed != nil {
			p.Consent = &Consent{Stages: append([]string{}, stages...), Declined: declined}
		}
		if agreed != nil && *agreed {
			p.Consent.EService, p.Consent.EmailAddress, p.Consent.InApp = true, *email, *inApp
			p.Consent.Basis, p.Consent.At = *basis, utc(at)
		}
		cases[caseID].Parties = append(cases[caseID].Parties, p)
	}
	return rows.Err()
}

func readClaims(ctx context.Context, q querier, cases map[uuid.UUID]*Case, ids []uuid.UUID) error {
	rows, err := q.Query(ctx, `SELECT case_id, text, amount_fen FROM claims WHERE case_id = ANY($1) ORDER BY case_id, ord`, ids)
	if err != nil {
		return err
	}
	var caseID uuid.UUID
	var claim Claim
	_, err = pgx.ForEachRow(rows, []any{&caseID, &claim.Text, &claim.AmountFen}, func() error {
		cases[caseID].Claims = append(cases[caseID].Claims, claim)
		return nil
	})
	return err
}

// Case reads one case; ErrNotFound.
func (d *Docket) Case(ctx context.Context, caseID uuid.UUID) (Case, error) {
	return d.readCase(ctx, d.pool, caseID)
}

func (d *Docket) readCase(ctx context.Context, q querier, caseID uuid.UUID) (Case, error) {
	cases, err := d.selectCases(ctx, q, `WHERE c.id = $1`, caseID)
	if err != nil {
		return Case{}, err
	}
	if len(cases) == 0 {
		return Case{}, fmt.Errorf("docket: case %s: %w", caseID, ErrNotFound)
	}
	return cases[0], nil
}

// lockCase reads the case and keeps others from changing it until tx ends.
func (d *Docket) lockCase(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) (Case, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM cases WHERE id = $1 FOR UPDATE`, caseID); err != nil {
		return Case{}, fmt.Errorf("docket: lock case: %w", err)
	}
	return d.readCase(ctx, tx, caseID)
}

// lockVersion is lockCase for a form made from version: ErrStale with the
// present case when it has changed since.
func (d *Docket) lockVersion(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, version int64) (Case, error) {
	c, err := d.lockCase(ctx, tx, caseID)
	if err != nil {
		return Case{}, err
	}
	if c.Version != version {
		return c, ErrStale
	}
	return c, nil
}

// SetStage moves the case in the caller's transaction; ErrConflict when the
// move is not legal. It writes no entry: the act that moves it does.
func (d *Docket) SetStage(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, to Stage) error {
	var from Stage
	err := tx.QueryRow(ctx, `SELECT stage FROM cases WHERE id = $1 FOR UPDATE`, caseID).Scan(&from)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("docket: stage of case %s: %w", caseID, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("docket: stage: %w", err)
	}
	if !from.CanMove(to) {
		return fmt.Errorf("docket: from %s to %s: %w", from, to, ErrConflict)
	}
	_, err = tx.Exec(ctx, `UPDATE cases SET stage = $2, version = version + 1, updated_at = $3 WHERE id = $1`,
		caseID, to, d.now())
	if err != nil {
		return fmt.Errorf("docket: stage: %w", err)
	}
	return nil
}

// touch raises the case's version after a change that leaves its stage.
func (d *Docket) touch(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE cases SET version = version + 1, updated_at = $2 WHERE id = $1`, caseID, d.now())
	return err
}

// View is what the policy needs to know of the case for actor; ErrNotFound.
func (d *Docket) View(ctx context.Context, actor identity.Actor, caseID uuid.UUID) (identity.CaseView, error) {
	views, err := d.Views(ctx, []uuid.UUID{actor.Account}, []uuid.UUID{caseID})
	if err != nil {
		return identity.CaseView{}, err
	}
	if views[0].ID != caseID {
		return identity.CaseView{}, fmt.Errorf("docket: case %s: %w", caseID, ErrNotFound)
	}
	return views[0], nil
}

// Views are what the policy needs to know of cases for accounts, pair by pair, in one query; the zero CaseView
// where there is no such case. Nobody (uuid.Nil) has no standing.
func (d *Docket) Views(ctx context.Context, accounts, cases []uuid.UUID) ([]identity.CaseView, error) {
	rows, err := d.pool.Query(ctx, `SELECT pair.n, c.id, c.stage, coalesce(c.judge = pair.account, false), coalesce(c.clerk = pair.account, false),
			c.filer = pair.account,
			ARRAY(SELECT DISTINCT standing FROM parties WHERE case_id = c.id AND account = pair.account),
			EXISTS (SELECT FROM hearings WHERE case_id = c.id AND public AND phase <> 'closed'),
			EXISTS (SELECT FROM recording_copies WHERE case_id = c.id AND account = pair.account AND granted)
		FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS pair (account, case_id, n) JOIN cases c ON c.id = pair.case_id`, accounts, cases)
	if err != nil {
		return nil, fmt.Errorf("docket: views of cases: %w", err)
	}
	out := make([]identity.CaseView, len(cases))
	var n int
	var judge, clerk, filer bool
	var standings []string
	var view identity.CaseView
	_, err = pgx.ForEachRow(rows, []any{&n, &view.ID, &view.Stage, &judge, &clerk, &filer, &standings, &view.PublicHearing, &view.MayCopy}, func() error {
		out[n-1] = view
		if accounts[n-1] != uuid.Nil {
			out[n-1].Standings = standingsOf(standings, filer, judge, clerk)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: views of cases: %w", err)
	}
	return out, nil
}

// standingsOf is what a person is in a case; its filer is its plaintiff before there are parties.
func standingsOf(parties []string, filer, judge, clerk bool) (out []identity.Standing) {
	for _, s := range parties {
		out = append(out, identity.Standing(s))
	}
	if filer && len(parties) == 0 {
		out = append(out, identity.StandingPlaintiff)
	}
	if judge {
		out = append(out, identity.StandingJudge)
	}
	if clerk {
		out = append(out, identity.StandingClerk)
	}
	return out
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// civil is a date column's value.
func civil(t *time.Time) *deadline.Date {
	if t == nil {
		return nil
	}
	date := deadline.DateOf(*t, time.UTC)
	return &date
}
