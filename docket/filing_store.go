package docket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/complaint"
	"yunting/internal/identity"
)

// Submit files the complaint as it stands at version and gives the dated
// receipt with the hash of every file (DJ 2, LR 9). Submitting the same version
// again, at once or later, gives the same receipt: there is one filing.
//
// *Invalid when the validator finds more than warnings, ErrStale when the
// complaint has changed since version, ErrConflict when it is filed already.
// Filing after the day for corrections is taken, and the entry says it is late:
// what follows from that is for the court to say (DJ 7).
func (d *Docket) Submit(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64) (Receipt, error) {
	person, err := d.filerPerson(ctx, actor)
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = d.inTx(ctx, "submit", func(tx pgx.Tx) error {
		c, err := d.lockCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if c.Filer != actor.Account && !actor.IsSystem() {
			return ErrForbidden
		}
		receipt, err = readReceipt(ctx, tx, `case_id = $1 AND version = $2`, caseID, version)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := editable(c, actor); err != nil {
			return err
		}
		if c.Version != version {
			return ErrStale
		}
		receipt, err = d.file(ctx, tx, c, actor, person)
		return err
	})
	if err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

// filerPerson is the filer's real name, for the link between account and party.
func (d *Docket) filerPerson(ctx context.Context, actor identity.Actor) (identity.Person, error) {
	if d.identity == nil {
		return identity.Person{Name: actor.Name}, nil
	}
	person, err := d.identity.Person(ctx, actor.Account)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return identity.Person{}, fmt.Errorf("docket: filer: %w", err)
	}
	return person, nil
}

// file does the filing of the locked case.
func (d *Docket) file(ctx context.Context, tx pgx.Tx, c Case, actor identity.Actor, person identity.Person) (Receipt, error) {
	findings, err := d.findings(ctx, tx, c)
	if err != nil {
		return Receipt{}, err
	}
	if blocking := complaint.Blocking(findings); len(blocking) > 0 {
		return Receipt{}, &Invalid{Findings: blocking}
	}
	items, err := readEvidence(ctx, tx, `WHERE case_id = $1 ORDER BY number`, c.ID)
	if err != nil {
		return Receipt{}, err
	}
	now := d.now()
	receipt := Receipt{ID: newID(), Case: c.ID, Round: 1, At: now, Files: filesOf(items)}
	kind, late := EntryFiled, false
	if c.Stage == StageCorrecting {
		receipt.Round, kind = 2, EntryRefiled
		late = c.CorrectionDue != nil && d.court.Today(now).After(*c.CorrectionDue)
	}
	day := strings.ReplaceAll(d.court.Today(now).String(), "-", "")
	serial, err := nextSerial(ctx, tx, "receipt "+d.court.Code+" "+day)
	if err != nil {
		return Receipt{}, err
	}
	receipt.Number = fmt.Sprintf("%s收%s-%04d", d.court.Code, day, serial)
	_, err = tx.Exec(ctx, `INSERT INTO filings (id, case_id, round, version, number, at, files) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		receipt.ID, c.ID, receipt.Round, c.Version, receipt.Number, now, receipt.Files)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE cases SET submitted_at = $2 WHERE id = $1`, c.ID, now); err != nil {
		return Receipt{}, err
	}
	if err := d.SetStage(ctx, tx, c.ID, StageSubmitted); err != nil {
		return Receipt{}, err
	}
	if err := d.linkFiler(ctx, tx, c, actor, person); err != nil {
		return Receipt{}, err
	}
	_, err = d.AppendEntry(ctx, tx, EntryInput{Case: c.ID, Actor: actor, Kind: kind, Files: receipt.Files,
		Data: map[string]any{"receipt": receipt.Number, "late": late, "amount_fen": c.AmountFen, "complaint": maskedComplaint(c, items)}})
	if err != nil {
		return Receipt{}, err
	}
	return receipt, d.agreeInFiling(ctx, tx, c.ID, actor)
}

// agreeInFiling makes what the complaint declares of electronic service the consent of the filer's party, once: what
// the party says later stands, also when it files again after corrections.
func (d *Docket) agreeInFiling(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, actor identity.Actor) error {
	c, err := d.readCase(ctx, tx, caseID) // the filer may have been tied to its party just now
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE cases SET filing_service = '{}' WHERE id = $1`, caseID); err != nil {
		return err
	}
	party, ok := c.PartyOf(actor.Account)
	if !ok || !c.Service.Agreed {
		return nil
	}
	in := ConsentInput{EService: true, EmailAddress: strings.TrimSpace(c.Service.Email), InApp: c.Service.InApp}
	return d.consent(ctx, tx, actor, c, party, in)
}

// maskedComplaint is the complaint for the record, without the numbers and
// addresses that the record does not need (PIPL 6).
func maskedComplaint(c Case, items []Evidence) map[string]any {
	parties := make([]map[string]any, 0, len(c.Parties))
	for _, p := range c.Parties {
		parties = append(parties, map[string]any{"standing": p.Standing, "kind": p.Kind, "name": p.Name,
			"id_kind": p.IDKind, "id_number": identity.MaskID(p.IDNumber), "phone": identity.MaskPhone(p.Phone),
			"representative": p.Representative})
	}
	list := make([]map[string]any, 0, len(items))
	for _, e := range items {
		list = append(list, map[string]any{"number": e.Number, "name": e.Name, "source": e.Source, "purpose": e.Purpose,
			"file": e.FileName, "sha256": e.Blob.Hash})
	}
	return map[string]any{"title": c.Title, "cause": c.CauseCode, "cause_name": c.CauseName, "parties": parties,
		"claims": c.Claims, "facts": c.Facts, "grounds": c.Grounds, "evidence": list}
}

// linkFiler ties the filer's account to the plaintiff that it is, or else for
// which it files: the first. Who files online chose to (LR 4 一), for the filing.
func (d *Docket) linkFiler(ctx context.Context, tx pgx.Tx, c Case, actor identity.Actor, person identity.Person) error {
	side := c.Side(identity.StandingPlaintiff)
	if _, linked := c.PartyOf(actor.Account); linked || len(side) == 0 || actor.IsSystem() {
		return nil
	}
	chosen := side[0]
	for _, p := range side {
		if p.Name == person.Name && strings.EqualFold(p.IDNumber, person.IDNumber) {
			chosen = p
			break
		}
	}
	if chosen.Account != nil {
		return nil
	}
	now := d.now()
	if _, err := tx.Exec(ctx, `UPDATE parties SET account = $2, linked_at = $3 WHERE id = $1`, chosen.ID, actor.Account, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE evidence SET party = $3 WHERE case_id = $1 AND owner = $2`, c.ID, actor.Account, chosen.ID); err != nil {
		return err
	}
	return storeOnline(ctx, tx, c.ID, chosen.ID, actor.Account, OnlineFiling, true, now)
}

// Receipt reads the receipt of the case's latest filing; ErrNotFound.
func (d *Docket) Receipt(ctx context.Context, caseID uuid.UUID) (Receipt, error) {
	return readReceipt(ctx, d.pool, `case_id = $1 ORDER BY round DESC LIMIT 1`, caseID)
}

func readReceipt(ctx context.Context, q querier, where string, args ...any) (Receipt, error) {
	rows, err := q.Query(ctx, `SELECT id, case_id, number, round, at, files FROM filings WHERE `+where, args...)
	if err != nil {
		return Receipt{}, fmt.Errorf("docket: receipt: %w", err)
	}
	receipt, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Receipt, error) {
		var r Receipt
		err := row.Scan(&r.ID, &r.Case, &r.Number, &r.Round, &r.At, &r.Files)
		r.At = r.At.UTC()
		return r, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Receipt{}, fmt.Errorf("docket: receipt: %w", ErrNotFound)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("docket: receipt: %w", err)
	}
	return receipt, nil
}

// nextSerial draws the next number of a gapless counter. Its row stays locked
// until tx ends, so that a rollback gives the number back before another draws.
func nextSerial(ctx context.Context, tx pgx.Tx, name string) (int, error) {
	var serial int
	err := tx.QueryRow(ctx, `INSERT INTO docket_serials AS s (name, last) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET last = s.last + 1 RETURNING last`, name).Scan(&serial)
	if err != nil {
		return 0, fmt.Errorf("docket: serial: %w", err)
	}
	return serial, nil
}
