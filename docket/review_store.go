package docket

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/casenumber"
	"yunting/docket/cause"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/docket/fee"
	"yunting/internal/identity"
)

// The bounds on a request for corrections.
const (
	maxCorrections    = 100
	maxCorrectionDays = 60
)

// Accept registers the case (登记立案, CPL 126): it gets its 案号, the next of
// court, year and type, without gap or double whatever else is accepted at the
// same moment; its fee, halved in simple procedure (FEE 16); judge and clerk;
// and the job that makes the notices. ErrStale returns the present case.
func (d *Docket) Accept(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in AcceptInput) (Case, error) {
	if err := checkAccept(in); err != nil {
		return Case{}, err
	}
	return d.review(ctx, "accept", caseID, in.Version, func(tx pgx.Tx, c Case) error {
		if c.Stage != StageSubmitted {
			return ErrConflict
		}
		code := strings.TrimSpace(in.CauseCode)
		if code == "" {
			code = c.CauseCode
		}
		found, ok := cause.Find(code)
		if !ok {
			return invalid("cause_code", "cause_unknown", "《民事案件案由规定》")
		}
		now := d.now()
		number := casenumber.Number{Year: d.court.Today(now).Year, Court: d.court.Code, Type: d.court.TypeCode}
		var err error
		number.Serial, err = nextSerial(ctx, tx, "case "+number.Court+" "+number.Type+" "+strconv.Itoa(number.Year))
		if err != nil {
			return err
		}
		charge := fee.Property(c.AmountFen)
		if in.Procedure != ProcedureOrdinary {
			charge = fee.Half(charge)
		}
		_, err = tx.Exec(ctx, `UPDATE cases SET stage = 'accepted', version = version + 1, updated_at = $2, accepted_at = $2,
				year = $3, type_code = $4, serial = $5, number = $6, cause_code = $7, cause_name = $8, title = $9,
				procedure = $10, judge = $11, clerk = $12, fee_fen = $13 WHERE id = $1`,
			caseID, now, number.Year, number.Type, number.Serial, number.String(), found.Code, found.Name,
			title(c.Parties, found.Name), in.Procedure, in.Judge, in.Clerk, charge)
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryAccepted, Data: map[string]any{
			"number": number.String(), "cause": found.Code, "cause_name": found.Name, "procedure": in.Procedure,
			"fee_fen": charge, "judge": in.Judge, "clerk": in.Clerk}})
		if err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, NoticesArgs{Case: caseID}, nil)
		return err
	})
}

func checkAccept(in AcceptInput) error {
	switch {
	case !slices.Contains(Procedures(), in.Procedure):
		return invalid("procedure", "procedure_unknown", "《民事诉讼法》第一百三十六条")
	case in.Judge == uuid.Nil:
		return invalid("judge", "judge_missing", "")
	case in.Clerk == uuid.Nil || in.Clerk == in.Judge:
		return invalid("clerk", "clerk_missing", "")
	}
	return nil
}

// review runs one decision on a filing and returns the case after it, or the
// present case with ErrStale.
func (d *Docket) review(ctx context.Context, what string, caseID uuid.UUID, version int64, decide func(tx pgx.Tx, c Case) error) (Case, error) {
	var result Case
	err := d.inTx(ctx, what, func(tx pgx.Tx) error {
		c, err := d.lockVersion(ctx, tx, caseID, version)
		result = c
		if err != nil {
			return err
		}
		if err := decide(tx, c); err != nil {
			return err
		}
		result, err = d.readCase(ctx, tx, caseID)
		return err
	})
	if err != nil && !errors.Is(err, ErrStale) {
		return Case{}, err
	}
	return result, err
}

// RequestCorrections asks the filer, once and for everything, to put the filing
// right within days (LR 9 二, DJ 7). ErrConflict the second time. The court's
// period to decide starts again the day after the corrected filing arrives.
func (d *Docket) RequestCorrections(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, corrections []Correction, days int) (Case, error) {
	const article = "《最高人民法院关于人民法院登记立案若干问题的规定》第七条"
	if len(corrections) == 0 || len(corrections) > maxCorrections {
		return Case{}, invalid("corrections", "corrections_missing", article)
	}
	var findings []complaint.Finding
	for i, c := range corrections {
		if strings.TrimSpace(c.Text) == "" || !storable(c.Text, maxTextRunes) || !storable(c.Field, maxNameRunes) {
			findings = append(findings, complaint.Finding{Field: "corrections[" + strconv.Itoa(i) + "]", Code: "correction_text_missing", Article: article})
		}
	}
	if days < 1 || days > maxCorrectionDays {
		findings = append(findings, complaint.Finding{Field: "days", Code: "days_out_of_range", Article: article})
	}
	if len(findings) > 0 {
		return Case{}, &Invalid{Findings: findings}
	}
	return d.review(ctx, "request corrections", caseID, version, func(tx pgx.Tx, c Case) error {
		if c.Stage != StageSubmitted || c.CorrectionUsed {
			return ErrConflict
		}
		due := d.court.Calendar.Add(d.court.Today(d.now()), days, deadline.RuleCorrection)
		_, err := tx.Exec(ctx, `UPDATE cases SET corrections = $2, correction_due = $3, correction_rounds = 1 WHERE id = $1`,
			caseID, corrections, due.Due)
		if err != nil {
			return err
		}
		if err := d.SetStage(ctx, tx, caseID, StageCorrecting); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryCorrections,
			Data: map[string]any{"corrections": corrections, "due": due}})
		if err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, NoticesArgs{Case: caseID}, nil)
		return err
	})
}

// Refuse refuses the filing by ruling (裁定不予受理), with the reason (LR 9 三, DJ 9).
func (d *Docket) Refuse(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, reason string) (Case, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || !storable(reason, maxTextRunes) {
		return Case{}, invalid("reason", "reason_missing", "《最高人民法院关于人民法院登记立案若干问题的规定》第九条")
	}
	return d.review(ctx, "refuse", caseID, version, func(tx pgx.Tx, c Case) error {
		if !c.Stage.CanMove(StageRefused) {
			return ErrConflict
		}
		// A filer who still has days to correct keeps them.
		if c.Stage == StageCorrecting && !d.court.Today(d.now()).After(*c.CorrectionDue) {
			return ErrConflict
		}
		_, err := tx.Exec(ctx, `UPDATE cases SET stage = 'refused', refusal_reason = $2, version = version + 1, updated_at = $3
			WHERE id = $1`, caseID, reason, d.now())
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryRefused,
			Data: map[string]any{"reason": reason}})
		if err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, NoticesArgs{Case: caseID}, nil)
		return err
	})
}
