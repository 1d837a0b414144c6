package docket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/blob"
	"yunting/internal/identity"
)

// ConsentRecording records whether the party for which the actor acts agrees that
// the recording stands for the transcript (AV 8). A later word replaces an earlier
// one until the hearing is closed. ErrConflict then, and in ordinary procedure;
// ErrForbidden when the actor acts for no party.
func (d *Docket) ConsentRecording(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, agree bool) error {
	return d.inTx(ctx, "consent to recording", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		c, party, err := d.lockParty(ctx, tx, actor, h.Case)
		if err != nil {
			return err
		}
		if !MayReplace(c.Procedure) || h.Phase == PhaseClosed {
			return ErrConflict
		}
		_, err = tx.Exec(ctx, `INSERT INTO recording_consents (hearing_id, case_id, party_id, account, agreed, at)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (hearing_id, party_id) DO UPDATE SET account = excluded.account, agreed = excluded.agreed, at = excluded.at`,
			hearingID, c.ID, party.ID, actor.Account, agree, d.now())
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryRecordingConsent,
			Data: map[string]any{"hearing": h.ID, "party": party.ID, "name": party.Name, "agreed": agree}})
		return err
	})
}

// Replacement reads whether the recording stands for the hearing's transcript.
func (d *Docket) Replacement(ctx context.Context, hearingID uuid.UUID) (Replacement, error) {
	return readReplacement(ctx, d.pool, hearingID)
}

func readReplacement(ctx context.Context, q querier, hearingID uuid.UUID) (Replacement, error) {
	var procedure string
	err := q.QueryRow(ctx, `SELECT coalesce(c.procedure, '') FROM hearings h JOIN cases c ON c.id = h.case_id WHERE h.id = $1`, hearingID).Scan(&procedure)
	if err != nil {
		return Replacement{}, fmt.Errorf("docket: hearing %s: %w", hearingID, notFound(err))
	}
	rows, err := q.Query(ctx, `SELECT p.id, p.account, p.name, r.agreed, r.at
		FROM hearings h JOIN parties p ON p.case_id = h.case_id LEFT JOIN recording_consents r ON r.hearing_id = h.id AND r.party_id = p.id
		WHERE h.id = $1 ORDER BY p.ord`, hearingID)
	if err != nil {
		return Replacement{}, fmt.Errorf("docket: consents to recording: %w", err)
	}
	parties, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RecordingConsent, error) {
		var p RecordingConsent
		err := row.Scan(&p.Party, &p.Account, &p.Name, &p.Agreed, &p.At)
		p.At = utc(p.At)
		return p, err
	})
	if err != nil {
		return Replacement{}, fmt.Errorf("docket: consents to recording: %w", err)
	}
	return replacement(procedure, parties), nil
}

// AnswerIntegrity records that the party for which the actor acts signs the
// hearing's integrity value, or what it objects to (AV 9). root is the value that
// was read: ErrStale when there is a newer one. ErrConflict unless the parties
// agreed that the recording stands for the transcript; ErrNotFound before there
// is a value; ErrForbidden when the actor acts for no party.
func (d *Docket) AnswerIntegrity(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, root blob.Hash, sign bool, objection string) error {
	objection = strings.TrimSpace(objection)
	switch {
	case sign:
		objection = ""
	case objection == "":
		return invalid("objection", "objection_missing", "《最高人民法院关于人民法院庭审录音录像的若干规定》第九条")
	case !storable(objection, maxTextRunes):
		return invalid("objection", "text_too_long", "《最高人民法院关于人民法院庭审录音录像的若干规定》第九条")
	}
	return d.inTx(ctx, "answer integrity value", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		c, party, err := d.lockParty(ctx, tx, actor, h.Case)
		if err != nil {
			return err
		}
		agreed, err := readReplacement(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		if !agreed.Agreed {
			return ErrConflict
		}
		value, err := readIntegrity(ctx, tx, hearingID, blob.Hash{})
		if err != nil {
			return err
		}
		if value.Root != root {
			return ErrStale
		}
		_, err = tx.Exec(ctx, `INSERT INTO integrity_answers (hearing_id, case_id, party_id, account, root, signed, objection, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (hearing_id, party_id) DO UPDATE SET account = excluded.account, root = excluded.root,
				signed = excluded.signed, objection = excluded.objection, at = excluded.at`,
			hearingID, c.ID, party.ID, actor.Account, root[:], sign, objection, d.now())
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryIntegrityAnswer, Data: map[string]any{
			"hearing": h.ID, "party": party.ID, "name": party.Name, "root": root, "signed": sign, "objection": objection}})
		return err
	})
}

// IntegrityAnswers lists what the parties said to the hearing's integrity value.
func (d *Docket) IntegrityAnswers(ctx context.Context, hearingID uuid.UUID) ([]IntegrityAnswer, error) {
	value, err := readIntegrity(ctx, d.pool, hearingID, blob.Hash{})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	rows, err := d.pool.Query(ctx, `SELECT a.party_id, a.account, p.name, a.root, a.signed, a.objection, a.at
		FROM integrity_answers a JOIN parties p ON p.id = a.party_id WHERE a.hearing_id = $1 ORDER BY p.ord`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: answers to the integrity value: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (IntegrityAnswer, error) {
		var a IntegrityAnswer
		var root []byte
		err := row.Scan(&a.Party, &a.Account, &a.Name, &root, &a.Signed, &a.Objection, &a.At)
		copy(a.Root[:], root)
		a.At, a.Current = a.At.UTC(), a.Root == value.Root
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: answers to the integrity value: %w", err)
	}
	return list, nil
}
