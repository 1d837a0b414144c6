package identity

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors that callers tell apart.
var (
	ErrBadCredentials = errors.New("identity: login or password is wrong")
	ErrThrottled      = errors.New("identity: too many failed log-ins")
	ErrNotSignedIn    = errors.New("identity: not signed in")
	ErrNotFound       = errors.New("identity: no such account")
)

// Options configure a Service.
type Options struct {
	Now func() time.Time // the clock; time.Now when nil
	Key []byte           // 32 bytes that seal identity numbers at rest
}

// Account is a person's account.
type Account struct {
	ID     uuid.UUID
	Login  string
	Person Person
	Roles  []Role
}

// Registration is what a person gives to get an account.
type Registration struct {
	Login    string
	Password string
	Person   Person // its ID is ignored
}

// Service registers people and signs them in. It is safe for concurrent use.
type Service struct {
	pool *pgxpool.Pool
	opts Options
}

// New makes the service over the court's database.
func New(pool *pgxpool.Pool, opts Options) *Service { return &Service{pool: pool, opts: opts} }

var errNotBuilt = errors.New("identity: not built yet")

// Register creates an account with RoleUser; FieldErrors when the form is wrong.
func (s *Service) Register(ctx context.Context, r Registration) (Account, error) {
	return Account{}, errNotBuilt
}

// Login checks the password and opens a session.
func (s *Service) Login(ctx context.Context, login, password, userAgent string) (token string, actor Actor, err error) {
	return "", Actor{}, errNotBuilt
}

// Authenticate says who bears token, a session's or an API token; ErrNotSignedIn otherwise.
func (s *Service) Authenticate(ctx context.Context, token string) (Actor, error) {
	return Actor{}, errNotBuilt
}

// Logout ends the session or API token.
func (s *Service) Logout(ctx context.Context, token string) error { return errNotBuilt }

// NewAPIToken makes a bearer token for programs; it is shown once.
func (s *Service) NewAPIToken(ctx context.Context, account uuid.UUID, label string) (string, error) {
	return "", errNotBuilt
}

// Account reads one account; ErrNotFound.
func (s *Service) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	return Account{}, errNotBuilt
}

// Person reads the person of one account; ErrNotFound.
func (s *Service) Person(ctx context.Context, account uuid.UUID) (Person, error) {
	return Person{}, errNotBuilt
}

// Grant gives the account a role; giving it twice changes nothing.
func (s *Service) Grant(ctx context.Context, account uuid.UUID, role Role) error { return errNotBuilt }

// Staff lists the accounts that hold role, by name.
func (s *Service) Staff(ctx context.Context, role Role) ([]Account, error) { return nil, errNotBuilt }

// SetLocale sets the language of the account's pages and letters: "zh-CN" or "en".
func (s *Service) SetLocale(ctx context.Context, account uuid.UUID, locale string) error {
	return errNotBuilt
}
