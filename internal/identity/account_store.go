package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/postgres"
)

// Account is a person's account.
type Account struct {
	ID     uuid.UUID
	Login  string
	Person Person
	Roles  []Role
}

// Actor is the account as one who acts, outside any session.
func (a Account) Actor() Actor { return Actor{Account: a.ID, Name: a.Person.Name, Roles: a.Roles} }

// Register makes an account with RoleUser for a person who gave a real name
// (在线诉讼规则 art. 7). FieldErrors names every wrong field; a login or an
// identity number that already has an account is CodeTaken.
func (s *Service) Register(ctx context.Context, r Registration) (Account, error) {
	r = r.normalize()
	if errs := r.check(s.now()); len(errs) > 0 {
		return Account{}, errs
	}
	hash := string(r.Hash)
	if hash == "" {
		var err error
		if hash, err = s.hasher.hash(ctx, r.Password); err != nil {
			return Account{}, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Account{}, fmt.Errorf("identity: register: %w", err)
	}
	r.Person.ID = id
	account := Account{ID: id, Login: r.Login, Person: r.Person, Roles: []Role{RoleUser}}
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.insertAccount(ctx, tx, account, hash); err != nil {
			return err
		}
		return s.grant(ctx, tx, id, RoleUser)
	})
	switch {
	case postgres.Violated(err, "identity_account_login"):
		return Account{}, FieldErrors{{Field: "login", Code: CodeTaken}}
	case postgres.Violated(err, "identity_account_id_number"):
		return Account{}, FieldErrors{{Field: "id_number", Code: CodeTaken}}
	case err != nil:
		return Account{}, fmt.Errorf("identity: register: %w", err)
	}
	return account, nil
}

func (s *Service) insertAccount(ctx context.Context, tx pgx.Tx, a Account, passwordHash string) error {
	p := a.Person
	_, err := tx.Exec(ctx, `
		INSERT INTO identity_account
			(id, login, password_hash, name, id_kind, id_sealed, id_lookup, phone, email, locale, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, a.Login, passwordHash, p.Name, p.IDKind,
		s.sealer.Seal(p.IDNumber, a.ID[:]), s.sealer.Lookup(string(p.IDKind), p.IDNumber),
		p.Phone, p.Email, p.Locale, s.now())
	return err
}

// accountColumns are what scanAccount reads.
const accountColumns = `
	a.id, a.login, a.name, a.id_kind, a.id_sealed, a.phone, a.email, a.locale,
	ARRAY(SELECT r.role FROM identity_role r WHERE r.account_id = a.id ORDER BY r.role)`

func (s *Service) scanAccount(row pgx.CollectableRow) (Account, error) {
	var a Account
	var sealed []byte
	p := &a.Person
	err := row.Scan(&a.ID, &a.Login, &p.Name, &p.IDKind, &sealed, &p.Phone, &p.Email, &p.Locale, &a.Roles)
	if err != nil {
		return Account{}, err
	}
	p.ID = a.ID
	p.IDNumber, err = s.sealer.Open(sealed, a.ID[:])
	return a, err
}

// Account reads one account; ErrNotFound.
func (s *Service) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	return s.oneAccount(ctx, `a.id = $1`, id)
}

// AccountByLogin reads one account; ErrNotFound.
func (s *Service) AccountByLogin(ctx context.Context, login string) (Account, error) {
	return s.oneAccount(ctx, `a.login = $1`, normalizeLogin(login))
}

func (s *Service) oneAccount(ctx context.Context, where string, arg any) (Account, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+accountColumns+` FROM identity_account a WHERE `+where, arg)
	if err != nil {
		return Account{}, fmt.Errorf("identity: read an account: %w", err)
	}
	account, err := pgx.CollectExactlyOneRow(rows, s.scanAccount)
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, ErrNotFound
	}
	if err != nil {
		return Account{}, fmt.Errorf("identity: read an account: %w", err)
	}
	return account, nil
}

// Person reads the person of one account; ErrNotFound.
func (s *Service) Person(ctx context.Context, account uuid.UUID) (Person, error) {
	a, err := s.Account(ctx, account)
	return a.Person, err
}

// Staff lists the accounts that hold role, by login. Their identity numbers
// are left out: no list needs them.
func (s *Service) Staff(ctx context.Context, role Role) ([]Account, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+accountColumns+` FROM identity_account a
		WHERE EXISTS (SELECT FROM identity_role r WHERE r.account_id = a.id AND r.role = $1)
		ORDER BY a.login`, role)
	if err != nil {
		return nil, fmt.Errorf("identity: list staff: %w", err)
	}
	accounts, err := pgx.CollectRows(rows, s.scanAccount)
	if err != nil {
		return nil, fmt.Errorf("identity: list staff: %w", err)
	}
	for i := range accounts {
		accounts[i].Person.IDNumber = ""
	}
	return accounts, nil
}

// Grant gives the account a role; giving it twice changes nothing. ErrNotFound.
func (s *Service) Grant(ctx context.Context, account uuid.UUID, role Role) error {
	if !slices.Contains(Roles(), role) {
		return fmt.Errorf("identity: there is no role %q", role)
	}
	err := postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error { return s.grant(ctx, tx, account, role) })
	if postgres.Violated(err, "identity_role_account_id_fkey") {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("identity: grant a role: %w", err)
	}
	return nil
}

func (s *Service) grant(ctx context.Context, tx pgx.Tx, account uuid.UUID, role Role) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO identity_role (account_id, role, granted_at) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, account, role, s.now())
	return err
}

// Revoke takes a role from the account; taking what it does not hold changes
// nothing. RoleUser stays: who was registered remains so.
func (s *Service) Revoke(ctx context.Context, account uuid.UUID, role Role) error {
	if role == RoleUser {
		return fmt.Errorf("identity: role %q cannot be revoked", role)
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM identity_role WHERE account_id = $1 AND role = $2`, account, role)
	if err != nil {
		return fmt.Errorf("identity: revoke a role: %w", err)
	}
	return nil
}

// SetLocale sets the language of the account's pages and letters. FieldErrors
// when there is no such language, ErrNotFound.
func (s *Service) SetLocale(ctx context.Context, account uuid.UUID, locale string) error {
	if !ValidLocale(locale) {
		return FieldErrors{{Field: "locale", Code: CodeInvalid}}
	}
	tag, err := s.pool.Exec(ctx, `UPDATE identity_account SET locale = $2 WHERE id = $1`, account, locale)
	if err != nil {
		return fmt.Errorf("identity: set the language: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}
