package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
)

// passwordCost is RFC 9106 section 4, the second recommended option: 64 MiB,
// three passes, four lanes.
var passwordCost = argon2id.Params{Memory: 64 * 1024, Iterations: 3, Parallelism: 4, SaltLength: 16, KeyLength: 32}

// Hash is a password as it is stored: argon2id in PHC string format, with its salt and cost.
type Hash string

// HashPassword hashes a password for several registrations at once: about 0.4 s of a core, paid once. Who reads the stored
// hashes sees that these accounts share a password, so it is for passwords that everybody knows, a demonstration's. A
// password that Register would refuse of every login is a FieldErrors.
func (s *Service) HashPassword(ctx context.Context, password string) (Hash, error) {
	if code := checkPassword(password, ""); code != "" {
		return "", FieldErrors{{Field: "password", Code: code}}
	}
	hash, err := s.hasher.hash(ctx, password)
	return Hash(hash), err
}

// hasher hashes passwords, as many at once as there are processors: each takes
// the memory of passwordCost, and a crowd at the door must not take it all.
type hasher struct {
	cost  argon2id.Params
	slots chan struct{}
	dummy string // in the form of a hash, of no password; compared with for unknown logins
}

func newHasher(cost argon2id.Params) *hasher {
	random := make([]byte, cost.SaltLength+cost.KeyLength)
	rand.Read(random) // never fails
	encode := base64.RawStdEncoding.EncodeToString
	return &hasher{
		cost:  cost,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		dummy: fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.Memory, cost.Iterations,
			cost.Parallelism, encode(random[:cost.SaltLength]), encode(random[cost.SaltLength:])),
	}
}

func (h *hasher) acquire(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("identity: hash a password: %w", ctx.Err())
	}
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	hash, err := argon2id.CreateHash(password, &h.cost)
	if err != nil {
		return "", fmt.Errorf("identity: hash a password: %w", err)
	}
	return hash, nil
}

// matches compares a password with a stored hash. An empty hash, of a login
// that nobody has, takes as long and never matches.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	stored := hash
	if stored == "" {
		stored = h.dummy
	}
	match, err := argon2id.ComparePasswordAndHash(password, stored)
	if err != nil {
		return false, fmt.Errorf("identity: compare a password: %w", err)
	}
	return match && hash != "", nil
}
