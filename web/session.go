package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

const (
	sessionCookie = "yunting_session"
	themeCookie   = "yunting_theme"
	sessionLife   = 12 * time.Hour
	choiceLife    = 365 * 24 * time.Hour // language and theme
)

// bearer is the token that a request carries: an Authorization header of a
// program, else the session cookie of a browser.
func bearer(r *http.Request) string {
	if h := r.Header.Get("Authorization"); h != "" {
		if scheme, token, ok := strings.Cut(h, " "); ok && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
		return ""
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		return c.Value
	}
	return ""
}

// authenticate says who asks; the zero Actor when nobody is signed in.
func (s *server) authenticate(r *http.Request) (identity.Actor, error) {
	token := bearer(r)
	if token == "" {
		return identity.Actor{}, nil
	}
	actor, err := s.Identity.Authenticate(r.Context(), token)
	if errors.Is(err, identity.ErrNotSignedIn) {
		return identity.Actor{}, nil
	}
	if err != nil {
		return identity.Actor{}, fmt.Errorf("authenticate: %w", err)
	}
	return actor, nil
}

func (s *server) setSession(w http.ResponseWriter, token string) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true,
		Secure: s.secure(), SameSite: http.SameSiteLaxMode, MaxAge: int(sessionLife.Seconds()),
	})
}

func (s *server) clearSession(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Path: "/", HttpOnly: true, Secure: s.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: -1,
	})
}

func (s *server) setChoice(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int(choiceLife.Seconds()),
	})
}

// Bounds of the form tokens: how long a second submit waits for the first, how
// long the first may take before its claim counts as lost in a crash, and how
// long a token is remembered.
const (
	formWait   = 10 * time.Second
	formClaim  = time.Minute
	formMemory = 48 * time.Hour
)

// errBusy: the same form was sent a moment ago and is still being worked on.
var errBusy = errors.New("web: the same form is being processed")

// errRepeated: the act of this Idempotency-Key was done before.
var errRepeated = errors.New("web: the same request was carried out before")

// onceForForm makes one act of a page's form, so that a double click or a reload gives one act. The second submit is
// sent to where the first led.
func (s *server) onceForForm(r *request, act func() error) error {
	token, err := uuid.Parse(r.PostFormValue("form_token"))
	if err != nil || r.actor.Anonymous() {
		return act()
	}
	r.location, err = s.once(r, token, func() (string, error) {
		err := act()
		return r.location, err
	})
	return err
}

// onceForKey makes one act of all requests with the same Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header-07) to the same address. The second is told so with a problem, not with the
// first one's reply: that would have to be kept, and may hold what is kept sealed.
func (s *server) onceForKey(r *request, act func() (done bool)) error {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost || r.actor.Anonymous() {
		act()
		return nil
	}
	ran := false
	_, err := s.once(r, uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.URL.Path+"\n"+key)), func() (string, error) {
		ran = true
		if !act() {
			return "", nil
		}
		return r.URL.Path, nil
	})
	if err == nil && !ran {
		return errRepeated
	}
	return err
}

// once runs do at most one time for each token of a person, and returns where it led, now or the first time. A run that
// failed or led nowhere gives the token back.
func (s *server) once(r *request, token uuid.UUID, do func() (string, error)) (string, error) {
	ctx := r.Context()
	location, err := s.claimForm(ctx, r.actor.Account, token)
	if err != nil || location != "" {
		return location, err
	}
	location, err = do()
	if err != nil || location == "" {
		// The reply does not reach a lost client, the token must be freed all the same.
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), formWait)
		defer cancel()
		if _, ferr := s.Pool.Exec(free, `DELETE FROM web_forms WHERE account = $1 AND token = $2`, r.actor.Account, token); ferr != nil {
			return "", errors.Join(err, fmt.Errorf("free form token: %w", ferr))
		}
		return "", err
	}
	_, err = s.Pool.Exec(context.WithoutCancel(ctx), `UPDATE web_forms SET location = $3 WHERE account = $1 AND token = $2`,
		r.actor.Account, token, location)
	if err != nil {
		return "", fmt.Errorf("keep form token: %w", err)
	}
	return location, nil
}

// claimForm takes the token for this request. A token that another request
// has used gives the location to which that one led.
func (s *server) claimForm(ctx context.Context, account, token uuid.UUID) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, formWait)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		tag, err := s.Pool.Exec(ctx, `INSERT INTO web_forms (account, token, claimed_at) VALUES ($1, $2, $3)
			ON CONFLICT (account, token) DO UPDATE SET claimed_at = excluded.claimed_at
			WHERE web_forms.location IS NULL AND web_forms.claimed_at < $4`,
			account, token, s.Now(), s.Now().Add(-formClaim))
		if err != nil {
			return "", fmt.Errorf("claim form token: %w", err)
		}
		if tag.RowsAffected() == 1 {
			_, err := s.Pool.Exec(ctx, `DELETE FROM web_forms WHERE account = $1 AND claimed_at < $2`, account, s.Now().Add(-formMemory))
			return "", err
		}
		var location *string
		err = s.Pool.QueryRow(ctx, `SELECT location FROM web_forms WHERE account = $1 AND token = $2`, account, token).Scan(&location)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // freed meanwhile: claim it
		case err != nil:
			return "", fmt.Errorf("read form token: %w", err)
		case location != nil:
			return *location, nil
		}
		select {
		case <-ctx.Done():
			return "", errBusy
		case <-poll.C:
		}
	}
}
