package identity

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"yunting/internal/postgres/pgtest"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func newService(t *testing.T) (*Service, *clock, *pgxpool.Pool) {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 6, 1, 0, 0, 0, time.UTC)}
	pool := pgtest.New(t)
	return New(pool, Options{Now: c.Now, Key: bytes.Repeat([]byte{7}, KeySize), PasswordCost: &cheap}), c, pool
}

const password = "correct horse 马"

// zhang is 张伟 of the standard's own example number.
func zhang() Registration {
	return Registration{Login: "ZhangWei", Password: password, Person: Person{
		Name: " 张伟 ", IDKind: IDResident, IDNumber: "11010519491231002x", Phone: "+86 138 0013 8000", Email: "zhang@example.org",
	}}
}

func register(t *testing.T, s *Service, r Registration) Account {
	t.Helper()
	account, err := s.Register(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return account
}

func TestRegister(t *testing.T) {
	s, _, pool := newService(t)
	made := register(t, s, zhang())
	want := Account{ID: made.ID, Login: "zhangwei", Roles: []Role{RoleUser}, Person: Person{
		ID: made.ID, Name: "张伟", IDKind: IDResident, IDNumber: "11010519491231002X", Phone: "13800138000",
		Email: "zhang@example.org", Locale: LocaleChinese,
	}}
	read, err := s.Account(t.Context(), made.ID)
	if err != nil || fmt.Sprint(read) != fmt.Sprint(want) || fmt.Sprint(made) != fmt.Sprint(want) {
		t.Fatalf("made %+v\nread %+v, %v\nwant %+v", made, read, err, want)
	}
	if p, err := s.Person(t.Context(), made.ID); err != nil || p != want.Person {
		t.Errorf("Person: %+v, %v", p, err)
	}
	if a, err := s.AccountByLogin(t.Context(), " ZHANGWEI"); err != nil || a.ID != made.ID {
		t.Errorf("AccountByLogin: %+v, %v", a, err)
	}
	var row string
	if err := pool.QueryRow(t.Context(), `SELECT encode(id_sealed, 'escape') || a::text FROM identity_account a`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(row, "1949") || strings.Contains(row, password) {
		t.Errorf("the row tells the number or the password: %s", row)
	}
	// A sealed number moved to another person's row does not open there.
	other := zhang()
	other.Login, other.Person.IDNumber = "other", "440524188001010014"
	second := register(t, s, other)
	if _, err := pool.Exec(t.Context(), `UPDATE identity_account SET id_sealed = (SELECT id_sealed FROM identity_account WHERE id = $1) WHERE id = $2`, made.ID, second.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context(), second.ID); !errors.Is(err, ErrSealed) {
		t.Errorf("a swapped number: %v", err)
	}
	if _, err := s.Account(t.Context(), uuid.New()); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown account: %v", err)
	}
}

func TestRegisterNamesEveryWrongField(t *testing.T) {
	s, _, _ := newService(t)
	register(t, s, zhang())
	tests := map[string]struct {
		change func(*Registration)
		want   FieldErrors
	}{
		"all empty": {func(r *Registration) { *r = Registration{} }, FieldErrors{
			{"login", CodeRequired}, {"password", CodeRequired}, {"name", CodeRequired},
			{"id_kind", CodeRequired}, {"id_number", CodeRequired}, {"phone", CodeRequired},
		}},
		"short login":    {func(r *Registration) { r.Login = "ab" }, FieldErrors{{"login", CodeTooShort}}},
		"long login":     {func(r *Registration) { r.Login = strings.Repeat("a", 65) }, FieldErrors{{"login", CodeTooLong}}},
		"login of words": {func(r *Registration) { r.Login = "li na" }, FieldErrors{{"login", CodeInvalid}}},
		"short password": {func(r *Registration) { r.Password = "马马马马马马马" }, FieldErrors{{"password", CodeTooShort}}},
		"long password":  {func(r *Registration) { r.Password = strings.Repeat("a", 257) }, FieldErrors{{"password", CodeTooLong}}},
		"login as word":  {func(r *Registration) { r.Login, r.Password = "lina2026", "LiNa2026" }, FieldErrors{{"password", CodeInvalid}}},
		"long name":      {func(r *Registration) { r.Person.Name = strings.Repeat("张", 101) }, FieldErrors{{"name", CodeTooLong}}},
		"name of digits": {func(r *Registration) { r.Person.Name = "123" }, FieldErrors{{"name", CodeInvalid}}},
		"name with bell": {func(r *Registration) { r.Person.Name = "张\a伟" }, FieldErrors{{"name", CodeInvalid}}},
		"broken name":    {func(r *Registration) { r.Person.Name = "张\xff伟" }, FieldErrors{{"name", CodeInvalid}}},
		"unknown kind":   {func(r *Registration) { r.Person.IDKind = "library_card" }, FieldErrors{{"id_kind", CodeInvalid}}},
		"wrong check":    {func(r *Registration) { r.Person.IDNumber = "110105194912310021" }, FieldErrors{{"id_number", CodeInvalid}}},
		"not yet born":   {func(r *Registration) { r.Person.IDNumber = "11010520270101002" + residentCheck("11010520270101002") }, FieldErrors{{"id_number", CodeInvalid}}},
		"wrong uscc":     {func(r *Registration) { r.Person.IDKind = IDUSCC }, FieldErrors{{"id_number", CodeInvalid}}},
		"wrong passport": {func(r *Registration) { r.Person.IDKind, r.Person.IDNumber = IDPassport, "E1" }, FieldErrors{{"id_number", CodeInvalid}}},
		"wrong phone":    {func(r *Registration) { r.Person.Phone = "110" }, FieldErrors{{"phone", CodeInvalid}}},
		"wrong email":    {func(r *Registration) { r.Person.Email = "Li <li@example.org>" }, FieldErrors{{"email", CodeInvalid}}},
		"wrong locale":   {func(r *Registration) { r.Person.Locale = "de" }, FieldErrors{{"locale", CodeInvalid}}},
		"login taken":    {func(r *Registration) { r.Login = "zhangWEI" }, FieldErrors{{"login", CodeTaken}}},
		"number taken":   {func(r *Registration) { r.Person.IDNumber = "11010519491231002X" }, FieldErrors{{"id_number", CodeTaken}}},
	}
	for name, test := range tests {
		r := zhang()
		r.Login, r.Person.IDNumber = "lina", "440524188001010014"
		test.change(&r)
		_, err := s.Register(t.Context(), r)
		var got FieldErrors
		if !errors.As(err, &got) || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestLoginAndSessions(t *testing.T) {
	s, c, pool := newService(t)
	account := register(t, s, zhang())
	ctx := t.Context()
	token, actor, err := s.Login(ctx, "zhangwei ", password, strings.Repeat("浏", 300)+"\x00\xff")
	if err != nil {
		t.Fatal(err)
	}
	if actor.Account != account.ID || actor.Name != "张伟" || !actor.Has(RoleUser) || actor.Staff() || actor.Session == uuid.Nil {
		t.Fatalf("actor %+v", actor)
	}
	var stored string
	if err := pool.QueryRow(ctx, `SELECT encode(token_hash, 'escape') FROM identity_session`).Scan(&stored); err != nil || strings.Contains(stored, token) {
		t.Fatalf("the token is stored as it is: %v", err)
	}
	if err := s.Grant(ctx, account.ID, RoleJudge); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Authenticate(ctx, token); err != nil || !again.Has(RoleJudge) || again.Session != actor.Session {
		t.Errorf("a role granted later: %+v, %v", again, err)
	}
	for _, bad := range []string{"", "x", token + "x", sessionPrefix, apiPrefix, strings.Replace(token, sessionPrefix, apiPrefix, 1)} {
		if a, err := s.Authenticate(ctx, bad); !errors.Is(err, ErrNotSignedIn) || !a.Anonymous() {
			t.Errorf("token %q: %+v, %v", bad, a, err)
		}
	}
	second, _, err := s.Login(ctx, "zhangwei", password, "phone")
	if err != nil || second == token {
		t.Fatalf("second log-in: %v", err)
	}
	if err := s.Logout(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, token); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("after log-out: %v", err)
	}
	if err := s.Logout(ctx, token); err != nil {
		t.Errorf("log-out twice: %v", err)
	}
	// In use it lives beyond idleLife, but never beyond sessionLife.
	for range int(sessionLife / (11 * time.Hour)) {
		c.Advance(11 * time.Hour)
		if _, err := s.Authenticate(ctx, second); err != nil {
			t.Fatalf("in use at %s: %v", c.Now(), err)
		}
	}
	c.Advance(4 * time.Hour)
	if _, err := s.Authenticate(ctx, second); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("after sessionLife: %v", err)
	}
	third, _, err := s.Login(ctx, "zhangwei", password, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(idleLife)
	if _, err := s.Authenticate(ctx, third); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("after idleLife: %v", err)
	}
}

func TestLoginThrottling(t *testing.T) {
	s, c, _ := newService(t)
	register(t, s, zhang())
	ctx := t.Context()
	for _, login := range []string{"zhangwei", "nobody-has-this"} {
		for i := range freeAttempts {
			if _, _, err := s.Login(ctx, login, "wrong password", ""); !errors.Is(err, ErrBadCredentials) {
				t.Fatalf("%s, attempt %d: %v", login, i+1, err)
			}
		}
		var throttled *Throttled
		_, _, err := s.Login(ctx, login, password, "")
		if !errors.Is(err, ErrThrottled) || !errors.As(err, &throttled) || !throttled.Until.Equal(c.Now().Add(firstLock)) {
			t.Fatalf("%s, locked: %v", login, err)
		}
	}
	// Each further wrong password doubles the pause, up to maxLock.
	want := firstLock
	for range 6 {
		c.Advance(want)
		if _, _, err := s.Login(ctx, "zhangwei", "wrong password", ""); !errors.Is(err, ErrBadCredentials) {
			t.Fatalf("after the pause: %v", err)
		}
		want = min(2*want, maxLock)
		var throttled *Throttled
		if _, _, err := s.Login(ctx, "zhangwei", password, ""); !errors.As(err, &throttled) || !throttled.Until.Equal(c.Now().Add(want)) {
			t.Fatalf("locked for %s: %v", want, err)
		}
	}
	c.Advance(maxLock)
	if _, _, err := s.Login(ctx, "zhangwei", password, ""); err != nil {
		t.Fatalf("the right password after the pause: %v", err)
	}
	if _, _, err := s.Login(ctx, "zhangwei", "wrong password", ""); !errors.Is(err, ErrBadCredentials) {
		t.Fatalf("counting starts again: %v", err)
	}
	// Wrong passwords are forgotten after a day.
	for range freeAttempts - 2 {
		if _, _, err := s.Login(ctx, "zhangwei", "wrong password", ""); !errors.Is(err, ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	c.Advance(attemptMemory + time.Second)
	for range freeAttempts {
		if _, _, err := s.Login(ctx, "zhangwei", "wrong password", ""); !errors.Is(err, ErrBadCredentials) {
			t.Fatalf("after a day: %v", err)
		}
	}
}

// TestManyGuessesAtOnce: parallel guesses get no more attempts than serial ones.
func TestManyGuessesAtOnce(t *testing.T) {
	s, _, _ := newService(t)
	register(t, s, zhang())
	var looked atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, _, err := s.Login(t.Context(), "zhangwei", "wrong password", "")
			switch {
			case errors.Is(err, ErrBadCredentials):
				looked.Add(1)
			case !errors.Is(err, ErrThrottled):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if looked.Load() != freeAttempts {
		t.Errorf("%d guesses were looked at, want %d", looked.Load(), freeAttempts)
	}
}

func TestManyRegistrationsAtOnce(t *testing.T) {
	s, _, _ := newService(t)
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := s.Register(t.Context(), zhang())
			var fields FieldErrors
			switch {
			case err == nil:
				made.Add(1)
			case !errors.As(err, &fields):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d accounts for one person", made.Load())
	}
}

func TestChangePassword(t *testing.T) {
	s, _, _ := newService(t)
	account := register(t, s, zhang())
	ctx := t.Context()
	here, actor, err := s.Login(ctx, "zhangwei", password, "")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, _, err := s.Login(ctx, "zhangwei", password, "")
	if err != nil {
		t.Fatal(err)
	}
	var fields FieldErrors
	if err := s.ChangePassword(ctx, account.ID, actor.Session, password, "short"); !errors.As(err, &fields) {
		t.Errorf("a short password: %v", err)
	}
	if err := s.ChangePassword(ctx, account.ID, actor.Session, "wrong password", "another password"); !errors.Is(err, ErrBadCredentials) {
		t.Errorf("a wrong old password: %v", err)
	}
	if err := s.ChangePassword(ctx, account.ID, actor.Session, password, "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, here); err != nil {
		t.Errorf("the session that changed it: %v", err)
	}
	if _, err := s.Authenticate(ctx, elsewhere); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("another session: %v", err)
	}
	if _, _, err := s.Login(ctx, "zhangwei", password, ""); !errors.Is(err, ErrBadCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, _, err := s.Login(ctx, "zhangwei", "another password", ""); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestAPITokens(t *testing.T) {
	s, c, _ := newService(t)
	account := register(t, s, zhang())
	ctx := t.Context()
	token, err := s.NewAPIToken(ctx, account.ID, " filing program ")
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(365 * 24 * time.Hour)
	actor, err := s.Authenticate(ctx, token)
	if err != nil || actor.Account != account.ID || !actor.Has(RoleUser) {
		t.Fatalf("actor %+v, %v", actor, err)
	}
	listed, err := s.APITokens(ctx, account.ID)
	if err != nil || len(listed) != 1 || listed[0].Label != "filing program" || listed[0].ID != actor.Session {
		t.Fatalf("list %+v, %v", listed, err)
	}
	if err := s.EndAPIToken(ctx, uuid.New(), listed[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ending another's token: %v", err)
	}
	if err := s.EndAPIToken(ctx, account.ID, listed[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, token); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("an ended token: %v", err)
	}
	second, err := s.NewAPIToken(ctx, account.ID, "second")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Logout(ctx, second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, second); !errors.Is(err, ErrNotSignedIn) {
		t.Errorf("a token after log-out: %v", err)
	}
	if _, err := s.NewAPIToken(ctx, uuid.New(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a token for nobody: %v", err)
	}
	var fields FieldErrors
	if _, err := s.NewAPIToken(ctx, account.ID, " "); !errors.As(err, &fields) {
		t.Errorf("a token without label: %v", err)
	}
}

func TestRolesAndLocale(t *testing.T) {
	s, _, _ := newService(t)
	ctx := t.Context()
	account := register(t, s, zhang())
	for range 2 {
		if err := s.Grant(ctx, account.ID, RoleClerk); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Grant(ctx, account.ID, "king"); err == nil {
		t.Error("an unknown role is granted")
	}
	if err := s.Grant(ctx, uuid.New(), RoleClerk); !errors.Is(err, ErrNotFound) {
		t.Errorf("a role for nobody: %v", err)
	}
	staff, err := s.Staff(ctx, RoleClerk)
	if err != nil || len(staff) != 1 || staff[0].ID != account.ID || staff[0].Person.IDNumber != "" {
		t.Fatalf("staff %+v, %v", staff, err)
	}
	if err := s.Revoke(ctx, account.ID, RoleClerk); err != nil {
		t.Fatal(err)
	}
	if staff, err := s.Staff(ctx, RoleClerk); err != nil || len(staff) != 0 {
		t.Errorf("after revoking: %+v, %v", staff, err)
	}
	if err := s.Revoke(ctx, account.ID, RoleUser); err == nil {
		t.Error("a registered person became unregistered")
	}
	if err := s.SetLocale(ctx, account.ID, LocaleEnglish); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Person(ctx, account.ID); err != nil || p.Locale != LocaleEnglish {
		t.Errorf("locale %q, %v", p.Locale, err)
	}
	var fields FieldErrors
	if err := s.SetLocale(ctx, account.ID, "xx"); !errors.As(err, &fields) {
		t.Errorf("an unknown locale: %v", err)
	}
	if err := s.SetLocale(ctx, uuid.New(), LocaleEnglish); !errors.Is(err, ErrNotFound) {
		t.Errorf("the locale of nobody: %v", err)
	}
}

// TestHashForSeveral: accounts registered with a hash made before log in with its password and with no other; what Register
// would refuse as a password is refused before it is hashed.
func TestHashForSeveral(t *testing.T) {
	s, _, _ := newService(t)
	hash, err := s.HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	other := zhang()
	other.Login, other.Person.IDNumber = "other", "440524188001010014"
	for _, r := range []Registration{zhang(), other} {
		r.Password, r.Hash = "", hash
		account := register(t, s, r)
		if _, actor, err := s.Login(t.Context(), r.Login, password, ""); err != nil || actor.Account != account.ID {
			t.Errorf("%s: %v, %v", r.Login, actor.Account, err)
		}
		if _, _, err := s.Login(t.Context(), r.Login, password+"x", ""); !errors.Is(err, ErrBadCredentials) {
			t.Errorf("%s with another password: %v", r.Login, err)
		}
	}
	var fields FieldErrors
	if _, err := s.HashPassword(t.Context(), "short"); !errors.As(err, &fields) || fields[0].Field != "password" {
		t.Errorf("a short password: %v", err)
	}
}

// TestPasswordCost: what is stored is argon2id at the cost of RFC 9106.
func TestPasswordCost(t *testing.T) {
	h := newHasher(passwordCost)
	start := time.Now()
	hash, err := h.hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Fatalf("hash %q, %v", hash, err)
	}
	t.Logf("one hash takes %s", time.Since(start))
	if ok, err := h.matches(t.Context(), password, hash); err != nil || !ok {
		t.Errorf("the right password: %v, %v", ok, err)
	}
	if ok, err := h.matches(t.Context(), password, ""); err != nil || ok {
		t.Errorf("the password of an unknown login: %v, %v", ok, err)
	}
}
