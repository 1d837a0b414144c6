package identity

import (
	"errors"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors that callers tell apart.
var (
	// ErrBadCredentials does not tell whether the login exists.
	ErrBadCredentials = errors.New("identity: login or password is wrong")
	// ErrThrottled: too many failed log-ins; see Throttled for how long.
	ErrThrottled = errors.New("identity: too many failed log-ins")
	// ErrNotSignedIn: no token, an unknown one, or one that has ended.
	ErrNotSignedIn = errors.New("identity: not signed in")
	// ErrNotFound: no such account or token.
	ErrNotFound = errors.New("identity: no such account")
)

// Options configure a Service.
type Options struct {
	Now func() time.Time // the clock; time.Now when nil
	Key []byte           // KeySize bytes that seal identity numbers at rest
	// PasswordCost is how hard passwords are to hash; RFC 9106's second
	// recommended option when nil. Tests with many people may lower it.
	PasswordCost *argon2id.Params
}

// Service registers people and signs them in. It is safe for concurrent use.
type Service struct {
	pool   *pgxpool.Pool
	now    func() time.Time
	sealer *Sealer
	hasher *hasher
}

// New makes the service over the court's database. It panics when the key is
// not KeySize bytes long, which no configuration can cause: secrets.Load
// checks the length.
func New(pool *pgxpool.Pool, opts Options) *Service {
	sealer, err := NewSealer(opts.Key)
	if err != nil {
		panic(err)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.PasswordCost == nil {
		opts.PasswordCost = &passwordCost
	}
	return &Service{pool: pool, now: opts.Now, sealer: sealer, hasher: newHasher(*opts.PasswordCost)}
}
