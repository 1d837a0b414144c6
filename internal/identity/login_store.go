package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/postgres"
)

const (
	// freeAttempts is how many wrong passwords in a row cost nothing.
	freeAttempts = 5
	// firstLock is the pause after the last free attempt; each further wrong
	// password doubles it up to maxLock.
	firstLock = time.Minute
	maxLock   = 15 * time.Minute
	// attemptMemory is how long wrong passwords are remembered.
	attemptMemory = 24 * time.Hour
	// sweepBatch bounds how many forgotten rows one log-in clears.
	sweepBatch = 100
	// maxUserAgent is how many characters of a browser's name are kept.
	maxUserAgent = 200
)

// Throttled is an ErrThrottled that says when to try again.
type Throttled struct{ Until time.Time }

// Error implements error.
func (e *Throttled) Error() string {
	return ErrThrottled.Error() + ", locked until " + e.Until.UTC().Format(time.RFC3339)
}

// Is makes errors.Is(err, ErrThrottled) true.
func (e *Throttled) Is(target error) bool { return target == ErrThrottled }

// Login checks the password and opens a session. userAgent is kept with the
// session so that its owner recognises it. ErrBadCredentials; *Throttled
// (ErrThrottled) after freeAttempts wrong passwords for that login, also when
// nobody has it and also when the password would be right.
func (s *Service) Login(ctx context.Context, login, password, userAgent string) (token string, actor Actor, err error) {
	login = normalizeLogin(login)
	if len(password) > maxPassword {
		return "", Actor{}, ErrBadCredentials
	}
	// The attempt counts before the password is looked at, so that many
	// guesses at once are no faster than one after the other.
	if err := s.countAttempt(ctx, login); err != nil {
		return "", Actor{}, err
	}
	var id uuid.UUID
	var hash string
	err = s.pool.QueryRow(ctx, `SELECT id, password_hash FROM identity_account WHERE login = $1`, login).Scan(&id, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", Actor{}, fmt.Errorf("identity: log in: %w", err)
	}
	match, err := s.hasher.matches(ctx, password, hash)
	if err != nil {
		return "", Actor{}, err
	}
	if !match {
		return "", Actor{}, ErrBadCredentials
	}
	token = newToken(sessionPrefix)
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM identity_login_failure WHERE login_hash = $1`, s.loginHash(login))
		if err != nil {
			return err
		}
		return s.insertSession(ctx, tx, id, token, userAgent)
	})
	if err != nil {
		return "", Actor{}, fmt.Errorf("identity: log in: %w", err)
	}
	actor, err = s.Authenticate(ctx, token)
	return token, actor, err
}

func (s *Service) loginHash(login string) []byte { return s.sealer.Lookup("login", login) }

// countAttempt counts an attempt as failed until it succeeds, and refuses it
// while the login is locked. One statement does both, so attempts at once
// cannot pass each other.
func (s *Service) countAttempt(ctx context.Context, login string) error {
	now := s.now()
	hash := s.loginHash(login)
	var failures int
	err := s.pool.QueryRow(ctx, `
		INSERT INTO identity_login_failure AS f (login_hash, failures, last_at) VALUES ($1, 1, $2)
		ON CONFLICT (login_hash) DO UPDATE SET
			failures = CASE WHEN f.last_at < $3 THEN 1 ELSE f.failures + 1 END,
			last_at = $2,
			locked_until = CASE
				WHEN f.last_at < $3 OR f.failures + 1 < $4 THEN NULL
				ELSE $2::timestamptz + least($5::interval * power(2, least(f.failures + 1 - $4, 20)), $6::interval)
			END
		WHERE f.locked_until IS NULL OR f.locked_until <= $2
		RETURNING f.failures`,
		hash, now, now.Add(-attemptMemory), freeAttempts, firstLock, maxLock).Scan(&failures)
	if errors.Is(err, pgx.ErrNoRows) {
		return s.throttled(ctx, hash)
	}
	if err != nil {
		return fmt.Errorf("identity: count a log-in: %w", err)
	}
	_, err = s.pool.Exec(ctx, `
		DELETE FROM identity_login_failure WHERE login_hash IN (
			SELECT login_hash FROM identity_login_failure WHERE last_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
		now.Add(-attemptMemory), sweepBatch)
	if err != nil {
		return fmt.Errorf("identity: forget old log-ins: %w", err)
	}
	return nil
}

func (s *Service) throttled(ctx context.Context, hash []byte) error {
	var until *time.Time
	err := s.pool.QueryRow(ctx, `SELECT locked_until FROM identity_login_failure WHERE login_hash = $1`, hash).Scan(&until)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("identity: read a lock: %w", err)
	}
	if until == nil {
		return &Throttled{Until: s.now()} // released between the two statements
	}
	return &Throttled{Until: *until}
}

// ChangePassword sets a new password when the old one is right, and ends every
// session of the account except the one given (the zero id: all). FieldErrors
// for the new password; ErrBadCredentials, ErrThrottled, ErrNotFound.
func (s *Service) ChangePassword(ctx context.Context, account, keep uuid.UUID, old, new string) error {
	a, err := s.Account(ctx, account)
	if err != nil {
		return err
	}
	if code := checkPassword(new, a.Login); code != "" {
		return FieldErrors{{Field: "password", Code: code}}
	}
	if len(old) > maxPassword {
		return ErrBadCredentials
	}
	if err := s.countAttempt(ctx, a.Login); err != nil {
		return err
	}
	var hash string
	if err := s.pool.QueryRow(ctx, `SELECT password_hash FROM identity_account WHERE id = $1`, account).Scan(&hash); err != nil {
		return fmt.Errorf("identity: change a password: %w", err)
	}
	match, err := s.hasher.matches(ctx, old, hash)
	if err != nil {
		return err
	}
	if !match {
		return ErrBadCredentials
	}
	fresh, err := s.hasher.hash(ctx, new)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE identity_account SET password_hash = $2 WHERE id = $1`, account, fresh); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM identity_login_failure WHERE login_hash = $1`, s.loginHash(a.Login)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			UPDATE identity_session SET ended_at = $3 WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL`,
			account, keep, s.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("identity: change a password: %w", err)
	}
	return nil
}

// clip shortens what a browser says of itself.
func clip(s string, runes int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes])
}
