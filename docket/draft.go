package docket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/cause"
	"yunting/docket/complaint"
	"yunting/docket/fee"
	"yunting/internal/identity"
)

// The bounds of a draft's lists.
const (
	maxParties   = 200
	maxClaims    = 100
	maxWitnesses = 100
	maxAmountFen = 1e17 // far above any claim, far below what sums overflow at
)

// CreateDraft opens a new case that only its filer sees, with the filer as the
// first plaintiff where the account's real name is known (LR 7).
func (d *Docket) CreateDraft(ctx context.Context, actor identity.Actor) (Case, error) {
	if actor.Anonymous() {
		return Case{}, fmt.Errorf("docket: create draft: %w", ErrForbidden)
	}
	draft := Draft{}
	if d.identity != nil {
		person, err := d.identity.Person(ctx, actor.Account)
		switch {
		case err == nil:
			draft.Parties = []complaint.PartyInput{plaintiffFrom(person)}
			draft.Service = complaint.Service{Email: person.Email, InApp: true} // proposed, not agreed
		case !errors.Is(err, identity.ErrNotFound):
			return Case{}, fmt.Errorf("docket: create draft: %w", err)
		}
	}
	id, now := newID(), d.now()
	var created Case
	err := d.inTx(ctx, "create draft", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO cases (id, filer, court_code, court_name, title, created_at, updated_at)
			VALUES ($1, $2, $3, $4, '', $5, $5)`, id, actor.Account, d.court.Code, d.court.Name, now)
		if err != nil {
			return err
		}
		if err := d.storeDraft(ctx, tx, id, draft); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: id, Actor: actor, Kind: EntryCreated})
		if err != nil {
			return err
		}
		created, err = d.readCase(ctx, tx, id)
		return err
	})
	return created, err
}

func plaintiffFrom(p identity.Person) complaint.PartyInput {
	kind := PartyNatural
	if p.IDKind == identity.IDUSCC {
		kind = PartyLegal
	}
	return complaint.PartyInput{
		Standing: complaint.Plaintiff, Kind: kind, Name: p.Name,
		IDKind: string(p.IDKind), IDNumber: p.IDNumber, Phone: p.Phone, Email: p.Email,
	}
}

// SaveDraft replaces the complaint of a draft, or of a case that waits for
// corrections, with draft; its Evidence is ignored, for the uploaded items are
// the list. An incomplete draft is saved all the same: Findings tells what is
// missing. Only the filer may save.
//
// When somebody saved since version was read it changes nothing and returns the
// present case with ErrStale, so that the caller can show both.
//
// A saved draft is no act in the record: the filing, which holds the whole
// complaint, is. So SaveDraft writes no entry.
func (d *Docket) SaveDraft(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, draft Draft) (Case, error) {
	if err := checkDraft(draft); err != nil {
		return Case{}, err
	}
	var saved Case
	err := d.inTx(ctx, "save draft", func(tx pgx.Tx) error {
		c, err := d.lockVersion(ctx, tx, caseID, version)
		saved = c
		if err != nil && !errors.Is(err, ErrStale) {
			return err
		}
		if err := editable(c, actor); err != nil {
			saved = Case{}
			return err
		}
		if err != nil {
			return err
		}
		if err := d.storeDraft(ctx, tx, caseID, draft); err != nil {
			return err
		}
		if err := d.touch(ctx, tx, caseID); err != nil {
			return err
		}
		saved, err = d.readCase(ctx, tx, caseID)
		return err
	})
	return saved, err
}

// editable refuses all but the filer, and all stages but those of writing.
func editable(c Case, actor identity.Actor) error {
	if c.Filer != actor.Account && !actor.IsSystem() {
		return ErrForbidden
	}
	if c.Stage != StageDraft && c.Stage != StageCorrecting {
		return ErrConflict
	}
	return nil
}

// checkDraft refuses what the tables cannot hold; what a complaint lacks is
// left to Findings.
func checkDraft(draft Draft) error {
	var findings []complaint.Finding
	add := func(field, code string) { findings = append(findings, complaint.Finding{Field: field, Code: code}) }
	if len(draft.Parties) > maxParties {
		add("parties", "too_many_parties")
	}
	if len(draft.Claims) > maxClaims {
		add("claims", "too_many_claims")
	}
	if len(draft.Witnesses) > maxWitnesses {
		add("witnesses", "too_many_witnesses")
	}
	for i, p := range draft.Parties {
		field := "parties[" + strconv.Itoa(i) + "]."
		if !slices.Contains([]string{complaint.Plaintiff, complaint.Defendant, complaint.ThirdParty}, p.Standing) {
			add(field+"standing", "standing_unknown")
		}
		if p.Kind != PartyNatural && p.Kind != PartyLegal {
			add(field+"kind", "party_kind_unknown")
		}
		if !slices.Contains([]string{"", string(identity.IDResident), string(identity.IDUSCC), string(identity.IDPassport)}, p.IDKind) {
			add(field+"id_kind", "id_kind_missing")
		}
		for _, text := range []string{p.Name, p.IDNumber, p.Phone, p.Email, p.Address, p.Representative} {
			if !storable(text, maxNameRunes) {
				add(field+"name", "text_too_long")
				break
			}
		}
	}
	for i, c := range draft.Claims {
		field := "claims[" + strconv.Itoa(i) + "]."
		if c.AmountFen < 0 || c.AmountFen > maxAmountFen {
			add(field+"amount_fen", "claim_amount_wrong")
		}
		if !storable(c.Text, maxTextRunes) {
			add(field+"text", "text_too_long")
		}
	}
	if !storable(draft.Service.Email, maxNameRunes) {
		add("service.email", "text_too_long")
	}
	if !storable(draft.Facts, maxTextRunes) {
		add("facts", "text_too_long")
	}
	if !storable(draft.Grounds, maxTextRunes) {
		add("grounds", "text_too_long")
	}
	if len(findings) > 0 {
		return &Invalid{Findings: findings}
	}
	return nil
}

// storable reports whether PostgreSQL can hold the text and it is not too long.
func storable(text string, runes int) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0) && utf8.RuneCountInString(text) <= runes
}

// storeDraft replaces what a draft holds. Parties keep their ids and accounts
// by the id that the form brings back, and otherwise by their place.
func (d *Docket) storeDraft(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, draft Draft) error {
	old, err := d.readCase(ctx, tx, caseID)
	if err != nil {
		return err
	}
	ids := partyIDs(old.Parties, draft.Parties)
	for _, table := range []string{"online_consents", "service_consents"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE case_id = $1 AND NOT party_id = ANY($2)`, caseID, ids); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM parties WHERE case_id = $1 AND NOT id = ANY($2)`, caseID, ids); err != nil {
		return err
	}
	parties := make([]Party, len(draft.Parties))
	for i, p := range draft.Parties {
		parties[i] = Party{Standing: identity.Standing(p.Standing), Name: p.Name}
		_, err := tx.Exec(ctx, `INSERT INTO parties (id, case_id, ord, standing, kind, name, id_kind, id_number, gender, birth,
				ethnicity, occupation, phone, email, address, representative, representative_title)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
			ON CONFLICT (id) DO UPDATE SET ord = excluded.ord, standing = excluded.standing, kind = excluded.kind,
				name = excluded.name, id_kind = excluded.id_kind, id_number = excluded.id_number, gender = excluded.gender,
				birth = excluded.birth, ethnicity = excluded.ethnicity, occupation = excluded.occupation,
				phone = excluded.phone, email = excluded.email, address = excluded.address,
				representative = excluded.representative, representative_title = excluded.representative_title`,
			ids[i], caseID, i+1, p.Standing, p.Kind, p.Name, p.IDKind, p.IDNumber, p.Gender, p.Birth,
			p.Ethnicity, p.Occupation, p.Phone, p.Email, p.Address, p.Representative, p.RepresentativeTitle)
		if err != nil {
			return fmt.Errorf("party %d: %w", i+1, err)
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM claims WHERE case_id = $1`, caseID); err != nil {
		return err
	}
	for i, c := range draft.Claims {
		if _, err := tx.Exec(ctx, `INSERT INTO claims (case_id, ord, text, amount_fen) VALUES ($1, $2, $3, $4)`,
			caseID, i+1, c.Text, c.AmountFen); err != nil {
			return fmt.Errorf("claim %d: %w", i+1, err)
		}
	}
	found, _ := cause.Find(draft.CauseCode)
	witnesses := draft.Witnesses
	if witnesses == nil {
		witnesses = []Witness{}
	}
	amount := draft.AmountFen()
	_, err = tx.Exec(ctx, `UPDATE cases SET cause_code = $2, cause_name = $3, title = $4, amount_fen = $5, fee_fen = $6,
			facts = $7, grounds = $8, witnesses = $9, filing_service = $10 WHERE id = $1`,
		caseID, draft.CauseCode, found.Name, title(parties, found.Name), amount, fee.Property(amount),
		draft.Facts, draft.Grounds, witnesses, draft.Service)
	return err
}

// partyIDs chooses the stored id of each party of a form, or a new one.
func partyIDs(old []Party, form []complaint.PartyInput) []uuid.UUID {
	ids := make([]uuid.UUID, len(form))
	free := slices.Clone(old)
	take := func(match func(i int) bool) (uuid.UUID, bool) {
		for i := range free {
			if free[i].ID != uuid.Nil && match(i) {
				id := free[i].ID
				free[i].ID = uuid.Nil
				return id, true
			}
		}
		return uuid.Nil, false
	}
	for i, p := range form {
		if p.ID != "" {
			ids[i], _ = take(func(j int) bool { return free[j].ID.String() == p.ID })
		}
	}
	for i, p := range form {
		if ids[i] != uuid.Nil {
			continue
		}
		ok := false
		if p.ID == "" {
			ids[i], ok = take(func(j int) bool { return j == i && string(free[j].Standing) == p.Standing })
		}
		if !ok {
			ids[i] = newID()
		}
	}
	return ids
}

// Draft is the case's complaint as SaveDraft takes it; without the evidence
// list, which Evidence gives.
func (c Case) Draft() Draft {
	draft := Draft{CauseCode: c.CauseCode, Claims: slices.Clone(c.Claims), Facts: c.Facts, Grounds: c.Grounds,
		Witnesses: slices.Clone(c.Witnesses), Service: c.Service}
	for _, p := range c.Parties {
		draft.Parties = append(draft.Parties, complaint.PartyInput{
			ID: p.ID.String(), Standing: string(p.Standing), Kind: p.Kind, Name: p.Name, IDKind: p.IDKind,
			IDNumber: p.IDNumber, Gender: p.Gender, Birth: p.Birth, Ethnicity: p.Ethnicity, Occupation: p.Occupation,
			Phone: p.Phone, Email: p.Email, Address: p.Address, Representative: p.Representative,
			RepresentativeTitle: p.RepresentativeTitle,
		})
	}
	return draft
}

// Findings lists what the complaint lacks, by the validator (CPL 122, 124; DJ 4).
func (d *Docket) Findings(ctx context.Context, caseID uuid.UUID) ([]complaint.Finding, error) {
	c, err := d.Case(ctx, caseID)
	if err != nil {
		return nil, err
	}
	return d.findings(ctx, d.pool, c)
}

func (d *Docket) findings(ctx context.Context, q querier, c Case) ([]complaint.Finding, error) {
	items, err := readEvidence(ctx, q, `WHERE case_id = $1 ORDER BY number`, c.ID)
	if err != nil {
		return nil, err
	}
	draft := c.Draft()
	for _, e := range items {
		draft.Evidence = append(draft.Evidence, complaint.Evidence{Name: e.Name, Source: e.Source, Purpose: e.Purpose})
	}
	return complaint.Validate(draft), nil
}
