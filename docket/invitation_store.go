package docket

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

// codeAlphabet leaves out the letters that are read as digits (Crockford).
var codeAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// codeLength in letters: 60 bits, hopeless to guess at linkWindow's pace.
const codeLength = 12

// code derives the invitation's code, so that no table or job holds it.
func (d *Docket) code(invitation uuid.UUID) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte("yunting invitation code\n"))
	mac.Write(invitation[:])
	return codeAlphabet.EncodeToString(mac.Sum(nil))[:codeLength]
}

// hashCode is what the database holds of a code.
func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte("yunting invitation\n" + code))
	return sum[:]
}

// normalCode reads a code as people type it: any case, spaces and dashes, O for
// 0, I and L for 1.
func normalCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '–', '—', '\t', '\n', '\r', '　':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(typed))
}

func printedCode(code string) string { return code[:4] + "-" + code[4:8] + "-" + code[8:] }

// Invite makes a one-time code for a party that no account acts for yet, and
// the job that mails or prints its letter. An earlier open code of the party
// stops working. The code is in the answer and in InvitationLetter, nowhere else.
func (d *Docket) Invite(ctx context.Context, actor identity.Actor, caseID, partyID uuid.UUID) (Invitation, error) {
	var made Invitation
	err := d.inTx(ctx, "invite", func(tx pgx.Tx) error {
		c, err := d.lockCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		party, ok := c.Party(partyID)
		if !ok {
			return ErrNotFound
		}
		if party.Account != nil || c.AcceptedAt == nil {
			return ErrConflict
		}
		now := d.now()
		if _, err := tx.Exec(ctx, `UPDATE invitations SET revoked_at = $2 WHERE party_id = $1 AND used_at IS NULL AND revoked_at IS NULL`,
			partyID, now); err != nil {
			return err
		}
		id := newID()
		code := d.code(id)
		made = Invitation{ID: id, Case: caseID, Code: printedCode(code), Party: party,
			Expires: now.AddDate(0, 0, d.court.InvitationDays)}
		_, err = tx.Exec(ctx, `INSERT INTO invitations (id, case_id, party_id, code_hash, created_by, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id, caseID, partyID, hashCode(code), actor.Account, now, made.Expires)
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryInvited,
			Data: map[string]any{"party": partyID, "name": party.Name, "expires": made.Expires}})
		if err != nil {
			return err
		}
		_, err = d.jobs.InsertTx(ctx, tx, InvitationArgs{Invitation: id}, nil)
		return err
	})
	if err != nil {
		return Invitation{}, err
	}
	return made, nil
}

// InvitationLetter gives an open invitation with its code, to print or mail it.
// ErrCode when it is used, replaced or expired, or was made under another key.
func (d *Docket) InvitationLetter(ctx context.Context, id uuid.UUID) (Invitation, error) {
	var caseID, partyID uuid.UUID
	var expires time.Time
	code := d.code(id)
	err := d.pool.QueryRow(ctx, `SELECT case_id, party_id, expires_at FROM invitations
		WHERE id = $1 AND code_hash = $2 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $3`,
		id, hashCode(code), d.now()).Scan(&caseID, &partyID, &expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return Invitation{}, fmt.Errorf("docket: invitation letter: %w", ErrCode)
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("docket: invitation letter: %w", err)
	}
	c, err := d.Case(ctx, caseID)
	if err != nil {
		return Invitation{}, err
	}
	party, _ := c.Party(partyID)
	return Invitation{ID: id, Case: caseID, Code: printedCode(code), Expires: expires.UTC(), Party: party}, nil
}

// Invitations lists the case's invitations, newest first, without their codes.
func (d *Docket) Invitations(ctx context.Context, caseID uuid.UUID) ([]Invitation, error) {
	c, err := d.Case(ctx, caseID)
	if err != nil {
		return nil, err
	}
	rows, err := d.pool.Query(ctx, `SELECT id, case_id, party_id, expires_at, used_at IS NOT NULL FROM invitations
		WHERE case_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC`, caseID)
	if err != nil {
		return nil, fmt.Errorf("docket: invitations: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Invitation, error) {
		var in Invitation
		var partyID uuid.UUID
		err := row.Scan(&in.ID, &in.Case, &partyID, &in.Expires, &in.Used)
		in.Party, _ = c.Party(partyID)
		in.Expires = in.Expires.UTC()
		return in, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: invitations: %w", err)
	}
	return list, nil
}

// Link joins the actor's account to the party that the code invites, once. The
// account's real name must be the party's, and its identity number where the
// complaint gave one; for a legal person its own account (USCC) or its
// representative's may (LR 7, 10). ErrCode, ErrIdentity, ErrThrottled after
// maxLinkFailures wrong tries within linkWindow, ErrConflict when the account
// already stands in the case.
//
// Linking is no consent to anything.
func (d *Docket) Link(ctx context.Context, actor identity.Actor, code string) (Case, error) {
	if actor.Anonymous() {
		return Case{}, fmt.Errorf("docket: link: %w", ErrForbidden)
	}
	person, err := d.filerPerson(ctx, actor)
	if err != nil {
		return Case{}, err
	}
	attempt, err := d.beginAttempt(ctx, actor.Account)
	if err != nil {
		return Case{}, err
	}
	var linked Case
	err = d.inTx(ctx, "link", func(tx pgx.Tx) error {
		var err error
		linked, err = d.link(ctx, tx, actor, person, normalCode(code))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM link_attempts WHERE id = $1`, attempt)
		return err
	})
	if err != nil {
		return Case{}, err
	}
	return linked, nil
}

// beginAttempt counts a try before it is made, in a transaction of its own, so
// that neither a rollback nor many at once escape the count.
func (d *Docket) beginAttempt(ctx context.Context, account uuid.UUID) (int64, error) {
	var id int64
	var recent int
	now := d.now()
	err := d.inTx(ctx, "count attempt", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM link_attempts WHERE at < $1`, now.Add(-linkWindow)); err != nil {
			return err
		}
		// Serialises the tries of one account, so that each sees those before it.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('docket link ' || $1::text, 0))`, account); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `INSERT INTO link_attempts (account, at) VALUES ($1, $2) RETURNING id`, account, now).Scan(&id)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM link_attempts WHERE account = $1`, account).Scan(&recent)
	})
	if err != nil {
		return 0, err
	}
	if recent > maxLinkFailures {
		return 0, fmt.Errorf("docket: link: %w", ErrThrottled)
	}
	return id, nil
}

func (d *Docket) link(ctx context.Context, tx pgx.Tx, actor identity.Actor, person identity.Person, code string) (Case, error) {
	now := d.now()
	var invitation, caseID, partyID uuid.UUID
	err := tx.QueryRow(ctx, `SELECT id, case_id, party_id FROM invitations
		WHERE code_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2 FOR UPDATE`,
		hashCode(code), now).Scan(&invitation, &caseID, &partyID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Case{}, ErrCode
	}
	if err != nil {
		return Case{}, err
	}
	c, err := d.lockCase(ctx, tx, caseID)
	if err != nil {
		return Case{}, err
	}
	party, ok := c.Party(partyID)
	if !ok || party.Account != nil {
		return Case{}, ErrCode
	}
	if !speaksFor(person, party) {
		return Case{}, ErrIdentity
	}
	if _, stands := c.PartyOf(actor.Account); stands || actor.Account == c.Filer || actor.Account == c.Judge || actor.Account == c.Clerk {
		return Case{}, ErrConflict
	}
	if _, err := tx.Exec(ctx, `UPDATE invitations SET used_at = $2, used_by = $3 WHERE id = $1`, invitation, now, actor.Account); err != nil {
		return Case{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE parties SET account = $2, linked_at = $3 WHERE id = $1`, partyID, actor.Account, now); err != nil {
		return Case{}, err
	}
	if err := d.touch(ctx, tx, caseID); err != nil {
		return Case{}, err
	}
	_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryLinked,
		Data: map[string]any{"party": partyID, "name": party.Name}})
	if err != nil {
		return Case{}, err
	}
	return d.readCase(ctx, tx, caseID)
}

// speaksFor reports whether the real person may act for the party.
func speaksFor(person identity.Person, party Party) bool {
	sameName := strings.TrimSpace(person.Name) != "" && strings.TrimSpace(person.Name) == strings.TrimSpace(party.Name)
	sameNumber := party.IDNumber == "" || strings.EqualFold(strings.TrimSpace(party.IDNumber), strings.TrimSpace(person.IDNumber))
	if sameName && sameNumber {
		return true
	}
	representative := strings.TrimSpace(party.Representative)
	return party.Kind == PartyLegal && representative != "" && strings.TrimSpace(person.Name) == representative
}
