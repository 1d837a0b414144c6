package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// sessionLife ends a session however busy it is; idleLife ends one that
	// nobody uses. A day in court with its breaks fits into idleLife.
	sessionLife = 7 * 24 * time.Hour
	idleLife    = 12 * time.Hour
	// seenEvery bounds how often using a session is written down.
	seenEvery = 5 * time.Minute
	// maxLabel is how long an API token's label may be, in characters.
	maxLabel = 100
	// Prefixes tell a token's kind, also to programs that look for leaked ones.
	sessionPrefix = "yts_"
	apiPrefix     = "yta_"
	tokenBytes    = 32
)

// newToken is 256 random bits as text.
func newToken(prefix string) string {
	secret := make([]byte, tokenBytes)
	rand.Read(secret) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(secret)
}

// tokenHash is what the database keeps. The token is random, so a plain hash
// tells nothing of it.
func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func (s *Service) insertSession(ctx context.Context, tx pgx.Tx, account uuid.UUID, token, userAgent string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := s.now()
	_, err = tx.Exec(ctx, `
		INSERT INTO identity_session (id, account_id, token_hash, user_agent, created_at, last_seen_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $5, $6)`,
		id, account, tokenHash(token), clip(userAgent, maxUserAgent), now, now.Add(sessionLife))
	return err
}

// Authenticate says who bears token, a session's or an API token, with the
// roles they hold now. ErrNotSignedIn for any other text.
func (s *Service) Authenticate(ctx context.Context, token string) (Actor, error) {
	switch {
	case strings.HasPrefix(token, sessionPrefix):
		return s.bySession(ctx, token)
	case strings.HasPrefix(token, apiPrefix):
		actor, _, err := s.bearer(ctx, `
			SELECT t.id, t.created_at, a.id, a.name,
				ARRAY(SELECT r.role FROM identity_role r WHERE r.account_id = a.id ORDER BY r.role)
			FROM identity_api_token t JOIN identity_account a ON a.id = t.account_id
			WHERE t.token_hash = $1 AND t.ended_at IS NULL`, tokenHash(token))
		return actor, err
	}
	return Actor{}, ErrNotSignedIn
}

func (s *Service) bySession(ctx context.Context, token string) (Actor, error) {
	now := s.now()
	actor, seen, err := s.bearer(ctx, `
		SELECT t.id, t.last_seen_at, a.id, a.name,
			ARRAY(SELECT r.role FROM identity_role r WHERE r.account_id = a.id ORDER BY r.role)
		FROM identity_session t JOIN identity_account a ON a.id = t.account_id
		WHERE t.token_hash = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND t.last_seen_at > $3`,
		tokenHash(token), now, now.Add(-idleLife))
	if err != nil || now.Sub(seen) < seenEvery {
		return actor, err
	}
	_, err = s.pool.Exec(ctx, `
		UPDATE identity_session SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2`, actor.Session, now)
	if err != nil {
		return Actor{}, fmt.Errorf("identity: note the session's use: %w", err)
	}
	return actor, nil
}

func (s *Service) bearer(ctx context.Context, query string, args ...any) (Actor, time.Time, error) {
	var actor Actor
	var at time.Time
	err := s.pool.QueryRow(ctx, query, args...).Scan(&actor.Session, &at, &actor.Account, &actor.Name, &actor.Roles)
	if errors.Is(err, pgx.ErrNoRows) {
		return Actor{}, time.Time{}, ErrNotSignedIn
	}
	if err != nil {
		return Actor{}, time.Time{}, fmt.Errorf("identity: authenticate: %w", err)
	}
	return actor, at, nil
}

// Logout ends the session or API token. One that has ended already, or never
// was, is no error: its bearer is signed out either way.
func (s *Service) Logout(ctx context.Context, token string) error {
	table := "identity_session"
	if strings.HasPrefix(token, apiPrefix) {
		table = "identity_api_token"
	}
	_, err := s.pool.Exec(ctx, `UPDATE `+table+` SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL`, tokenHash(token), s.now())
	if err != nil {
		return fmt.Errorf("identity: log out: %w", err)
	}
	return nil
}

// APIToken is a bearer token for programs, without its secret.
type APIToken struct {
	ID        uuid.UUID
	Label     string
	CreatedAt time.Time
}

// NewAPIToken makes a bearer token that acts as the account. It is shown here
// and never again. FieldErrors for the label; ErrNotFound.
func (s *Service) NewAPIToken(ctx context.Context, account uuid.UUID, label string) (string, error) {
	label = strings.TrimSpace(label)
	switch {
	case label == "":
		return "", FieldErrors{{Field: "label", Code: CodeRequired}}
	case utf8.RuneCountInString(label) > maxLabel:
		return "", FieldErrors{{Field: "label", Code: CodeTooLong}}
	case !utf8.ValidString(label) || strings.ContainsRune(label, 0):
		return "", FieldErrors{{Field: "label", Code: CodeInvalid}}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("identity: make an API token: %w", err)
	}
	token := newToken(apiPrefix)
	tag, err := s.pool.Exec(ctx, `
		INSERT INTO identity_api_token (id, account_id, token_hash, label, created_at)
		SELECT $1, a.id, $3, $4, $5 FROM identity_account a WHERE a.id = $2`,
		id, account, tokenHash(token), label, s.now())
	if err != nil {
		return "", fmt.Errorf("identity: make an API token: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", ErrNotFound
	}
	return token, nil
}

// APITokens lists the account's API tokens that have not been ended, oldest first.
func (s *Service) APITokens(ctx context.Context, account uuid.UUID) ([]APIToken, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT id, label, created_at FROM identity_api_token
		WHERE account_id = $1 AND ended_at IS NULL ORDER BY id`, account)
	if err != nil {
		return nil, fmt.Errorf("identity: list API tokens: %w", err)
	}
	tokens, err := pgx.CollectRows(rows, pgx.RowToStructByPos[APIToken])
	if err != nil {
		return nil, fmt.Errorf("identity: list API tokens: %w", err)
	}
	return tokens, nil
}

// EndAPIToken ends one of the account's API tokens; ErrNotFound.
func (s *Service) EndAPIToken(ctx context.Context, account, token uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `
		UPDATE identity_api_token SET ended_at = $3
		WHERE id = $2 AND account_id = $1 AND ended_at IS NULL`, account, token, s.now())
	if err != nil {
		return fmt.Errorf("identity: end an API token: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// Bearers tells who bears each of the sessions and API tokens now, in one query, with the roles that they hold;
// what has ended is not in the map. A session in use by something that lasts, such as a hearing's socket, does not
// fall idle.
func (s *Service) Bearers(ctx context.Context, sessions []uuid.UUID) (map[uuid.UUID]Actor, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT t.id, a.id, a.name, ARRAY(SELECT r.role FROM identity_role r WHERE r.account_id = a.id ORDER BY r.role)
		FROM (
			SELECT id, account_id FROM identity_session WHERE id = ANY($1) AND ended_at IS NULL AND expires_at > $2
			UNION ALL
			SELECT id, account_id FROM identity_api_token WHERE id = ANY($1) AND ended_at IS NULL
		) t JOIN identity_account a ON a.id = t.account_id`, sessions, s.now())
	if err != nil {
		return nil, fmt.Errorf("identity: bearers: %w", err)
	}
	bearers := map[uuid.UUID]Actor{}
	var a Actor
	_, err = pgx.ForEachRow(rows, []any{&a.Session, &a.Account, &a.Name, &a.Roles}, func() error {
		bearers[a.Session] = Actor{Session: a.Session, Account: a.Account, Name: a.Name, Roles: slices.Clone(a.Roles)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("identity: bearers: %w", err)
	}
	return bearers, nil
}
