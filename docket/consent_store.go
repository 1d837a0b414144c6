package docket

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

// Consent records what the actor declares for the party that it acts for: to do
// one stage online or not (LR 4), and to be served electronically at the named
// addresses (LR 29 一, 30). ErrForbidden when the actor acts for no party.
// EService false leaves an earlier consent to e-service as it is; to take it
// back is WithdrawConsent.
func (d *Docket) Consent(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in ConsentInput) error {
	in.EmailAddress = strings.TrimSpace(in.EmailAddress)
	if err := checkConsent(in); err != nil {
		return err
	}
	return d.inTx(ctx, "consent", func(tx pgx.Tx) error {
		c, party, err := d.lockParty(ctx, tx, actor, caseID)
		if err != nil {
			return err
		}
		return d.consent(ctx, tx, actor, c, party, in)
	})
}

// consent stores what is declared for a party of the locked case, and its entry.
func (d *Docket) consent(ctx context.Context, tx pgx.Tx, actor identity.Actor, c Case, party Party, in ConsentInput) error {
	now := d.now()
	if err := declare(ctx, tx, c.ID, party, actor.Account, in, now); err != nil {
		return err
	}
	if in.EService {
		_, err := tx.Exec(ctx, `INSERT INTO service_consents (party_id, case_id, agreed, email, in_app, basis, account, at)
			VALUES ($1, $2, true, $3, $4, 'declared', $5, $6) ON CONFLICT (party_id) DO UPDATE SET agreed = true,
			email = excluded.email, in_app = excluded.in_app, basis = excluded.basis, account = excluded.account, at = excluded.at`,
			party.ID, c.ID, in.EmailAddress, in.InApp, actor.Account, now)
		if err != nil {
			return err
		}
	}
	kind := EntryConsent
	if !in.Online && !in.EService {
		kind = EntryConsentDeclined
	}
	if err := d.touch(ctx, tx, c.ID); err != nil {
		return err
	}
	_, err := d.AppendEntry(ctx, tx, EntryInput{Case: c.ID, Actor: actor, Kind: kind, Data: map[string]any{
		"party": party.ID, "name": party.Name, "stage": in.Stage, "online": in.Online, "e_service": in.EService,
		"email": in.EmailAddress, "in_app": in.InApp}})
	return err
}

func checkConsent(in ConsentInput) error {
	const article4, article29 = "《人民法院在线诉讼规则》第四条", "《人民法院在线诉讼规则》第二十九条"
	if in.Stage == "" && in.Online || in.Stage != "" && !slices.Contains(OnlineStages(), in.Stage) {
		return invalid("stage", "consent_stage_missing", article4)
	}
	if !in.EService {
		return nil
	}
	if in.EmailAddress == "" && !in.InApp {
		return invalid("email_address", "service_address_missing", article29)
	}
	if in.EmailAddress != "" {
		address, err := mail.ParseAddress(in.EmailAddress)
		if err != nil || address.Address != in.EmailAddress || len(in.EmailAddress) > 254 {
			return invalid("email_address", "email_wrong", article29)
		}
	}
	return nil
}

// lockParty locks the case and finds the party that actor acts for.
func (d *Docket) lockParty(ctx context.Context, tx pgx.Tx, actor identity.Actor, caseID uuid.UUID) (Case, Party, error) {
	c, err := d.lockCase(ctx, tx, caseID)
	if err != nil {
		return Case{}, Party{}, err
	}
	party, ok := c.PartyOf(actor.Account)
	if !ok || actor.Anonymous() {
		return Case{}, Party{}, ErrForbidden
	}
	return c, party, nil
}

// declare stores what the input says of doing things online.
func declare(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, party Party, account uuid.UUID, in ConsentInput, at time.Time) error {
	if in.Stage != "" {
		return storeOnline(ctx, tx, caseID, party.ID, account, in.Stage, in.Online, at)
	}
	if in.EService {
		return nil
	}
	for _, stage := range OnlineStages() {
		if party.Consent != nil && (party.Consent.Online(stage) || slices.Contains(party.Consent.Declined, stage)) {
			continue
		}
		if err := storeOnline(ctx, tx, caseID, party.ID, account, stage, false, at); err != nil {
			return err
		}
	}
	return nil
}

func storeOnline(ctx context.Context, tx pgx.Tx, caseID, partyID, account uuid.UUID, stage string, agreed bool, at time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO online_consents (party_id, case_id, stage, agreed, account, at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (party_id, stage) DO UPDATE SET agreed = excluded.agreed, account = excluded.account, at = excluded.at`,
		partyID, caseID, stage, agreed, account, at)
	return err
}

// WithdrawEService as the stage of WithdrawConsent takes back the consent to
// electronic service.
const WithdrawEService = "e_service"

// WithdrawConsent takes back the actor's consent to one stage, or to e-service,
// with the reason. It says nothing of what was done online before: that stands
// (LR 5, 21). ErrConflict when there is no such consent.
func (d *Docket) WithdrawConsent(ctx context.Context, actor identity.Actor, caseID uuid.UUID, stage, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" || !storable(reason, maxTextRunes) {
		return invalid("reason", "reason_missing", "《人民法院在线诉讼规则》第五条")
	}
	return d.inTx(ctx, "withdraw consent", func(tx pgx.Tx) error {
		_, party, err := d.lockParty(ctx, tx, actor, caseID)
		if err != nil {
			return err
		}
		sql, args := `UPDATE online_consents SET agreed = false, account = $2, at = $3 WHERE party_id = $1 AND stage = $4 AND agreed`,
			[]any{party.ID, actor.Account, d.now(), stage}
		if stage == WithdrawEService {
			sql, args = `UPDATE service_consents SET agreed = false, account = $2, at = $3 WHERE party_id = $1 AND agreed`, args[:3]
		}
		tag, err := tx.Exec(ctx, sql, args...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrConflict
		}
		if err := d.touch(ctx, tx, caseID); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryConsentWithdrawn,
			Data: map[string]any{"party": party.ID, "name": party.Name, "stage": stage, "reason": reason}})
		return err
	})
}
