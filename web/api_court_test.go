package web

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres/pgtest"
	"yunting/media"
	"yunting/service"
	"yunting/service/mail"
	"yunting/service/sign"
	"yunting/signaling"
)

// apiCourt is a whole court with working jobs, media and hearing rooms, of which a test knows the URL alone.
type apiCourt struct {
	t      *testing.T
	url    string
	server *server
	tokens map[string]string    // by login
	ids    map[string]uuid.UUID // by login

	twice bool // every POST of the API is sent twice with one Idempotency-Key, and must be carried out once

	mu   sync.Mutex
	rows *http.ServeMux  // the addresses, to tell which one a request is for
	used map[string]bool // rows that answered a request with success
}

// apiPerson is one person of the tests' court. The numbers are made up; the check digits are true.
type apiPerson struct{ login, name, id, phone string }

var apiPeople = []apiPerson{
	{"admin", "周航", "110101198211010092", "13800000007"},
	{"reviewer", "赵敏", "110101198801050048", "13800000003"},
	{"judge", "林静", "110101198003120023", "13800000001"},
	{"clerk", "王磊", "11010119900722003", "13800000002"},
	{"plaintiff", "张伟", "11010519850917001", "13800000004"},
	{"defendant", "李娜", "11010819920228006", "13800000005"},
	{"stranger", "孙强", "11010819930301007", "13800000008"},
}

// number is the person's 居民身份证号 with the check digit of GB 11643.
func (p apiPerson) number() string {
	sum := 0
	for i, c := range p.id[:17] {
		sum += int(c-'0') * (1 << (17 - i) % 11)
	}
	return p.id[:17] + string("10X98765432"[sum%11])
}

func apiPersonOf(login string) apiPerson {
	for _, p := range apiPeople {
		if p.login == login {
			return p
		}
	}
	panic("no person " + login)
}

const apiPassword = "correct horse 马 2026"

func apiCheck(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newAPICourt starts the court. Nobody is registered.
func newAPICourt(t *testing.T) *apiCourt { return newAPICourtAs(t, nil) }

// newAPICourtAs starts it as a demonstration when demo is not nil.
func newAPICourtAs(t *testing.T, demo *DemoInfo) *apiCourt {
	t.Helper()
	pool, dir := pgtest.New(t), t.TempDir()
	log := slog.New(slog.DiscardHandler)
	inserter, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: log})
	apiCheck(t, err)
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	apiCheck(t, err)
	transparency, err := ledger.Open(t.Context(), ledger.Options{Pool: pool, Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Origin: "court.test/ledger",
		Logger: log, Interval: 20 * time.Millisecond})
	apiCheck(t, err)
	transparency.Start()
	t.Cleanup(transparency.Stop)
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	people := identity.New(pool, identity.Options{Key: bytes.Repeat([]byte{7}, 32), PasswordCost: &cheap})
	register := docket.New(docket.Config{Pool: pool, Blobs: blobs, Jobs: inserter, Identity: people, Court: docket.ProfileCN(), Key: make([]byte, 32)})
	signer, err := sign.LoadOrCreate(filepath.Join(dir, "keys"), register.Court().Name, time.Now)
	apiCheck(t, err)
	spool, err := mail.NewSpool(filepath.Join(dir, "mail"), "")
	apiCheck(t, err)
	web := httptest.NewUnstartedServer(nil)
	public := "http://" + web.Listener.Addr().String()
	papers := service.New(service.Config{Pool: pool, Docket: register, Blobs: blobs, Signer: signer, Mail: spool, Jobs: inserter,
		Ledger: transparency, Identity: people, PublicURL: public, Logger: log, FilmDir: filepath.Join(dir, "films"), FilmTools: apiFilmTools(t)})
	sfu, err := media.New(media.Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Logger: log})
	apiCheck(t, err)
	t.Cleanup(func() {
		if err := sfu.Close(); err != nil {
			t.Error(err)
		}
	})
	hub, err := signaling.New(signaling.Config{Docket: register, SFU: sfu, Blobs: blobs, RecordingDir: filepath.Join(dir, "recordings"), Logger: log})
	apiCheck(t, err)
	s, err := newServer(Config{Pool: pool, Docket: register, Service: papers, Identity: people, Hub: hub, SFU: sfu, Ledger: transparency, Blobs: blobs,
		PublicURL: public, Demo: demo, DataDir: dir, Logger: slog.New(slog.NewTextHandler(apiLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	apiCheck(t, err)
	web.Config.Handler = s.handler()
	web.Start()
	apiWork(t, papers, riverpgxv5.New(pool))
	t.Cleanup(web.Close)
	t.Cleanup(func() { // before the server, whose open sockets it ends
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	c := &apiCourt{t: t, url: public, server: s, tokens: map[string]string{}, ids: map[string]uuid.UUID{}, rows: http.NewServeMux(), used: map[string]bool{}}
	for _, rt := range s.routes() {
		c.rows.HandleFunc(rt.method+" "+rt.pattern, func(http.ResponseWriter, *http.Request) {})
	}
	return c
}

// soon retries jobs at once, so that tests need not wait for River's backoff.
type soon struct{}

func (soon) NextRetry(*rivertype.JobRow) time.Time { return time.Now() }

// apiWork works the queues until the test ends.
func apiWork(t *testing.T, papers *service.Service, driver *riverpgxv5.Driver) {
	t.Helper()
	workers := river.NewWorkers()
	papers.Workers(workers)
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler), Workers: workers, FetchPollInterval: 100 * time.Millisecond,
		Queues:      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}, service.FilmQueue: {MaxWorkers: 1}},
		RetryPolicy: soon{}})
	apiCheck(t, err)
	apiCheck(t, client.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		defer cancel()
		if err := client.StopAndCancel(ctx); err != nil {
			t.Error(err)
		}
	})
}

// apiLog writes the server's warnings into the test's log.
type apiLog struct{ t *testing.T }

func (l apiLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// apiReply is what the court answered.
type apiReply struct {
	status int
	header http.Header
	body   []byte
}

// send does one request as the person with that login; "" is nobody. A body that is no []byte is sent as JSON.
func (c *apiCourt) send(login, method, path string, in any, header ...string) apiReply {
	c.t.Helper()
	if !c.twice || method != http.MethodPost || !strings.HasPrefix(path, apiPrefix) || c.tokens[login] == "" || strings.HasSuffix(path, "/export") {
		return c.sendOnce(login, method, path, in, header...)
	}
	header = append(header, "Idempotency-Key", uuid.NewString())
	first := c.sendOnce(login, method, path, in, header...)
	if first.status >= 300 {
		return first
	}
	if again := c.sendOnce(login, method, path, in, header...); again.status != http.StatusConflict || !bytes.Contains(again.body, []byte(problemPrefix+"repeated")) {
		c.t.Errorf("%s: %s %s, sent again with the same key: status %d: %s", login, method, path, again.status, again.body)
	}
	return first
}

func (c *apiCourt) sendOnce(login, method, path string, in any, header ...string) apiReply {
	c.t.Helper()
	var content io.Reader
	kind := ""
	switch in := in.(type) {
	case nil:
	case []byte:
		content = bytes.NewReader(in)
	default:
		data, err := json.Marshal(in)
		apiCheck(c.t, err)
		content, kind = bytes.NewReader(data), "application/json"
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, content)
	apiCheck(c.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if token := c.tokens[login]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	apiCheck(c.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	apiCheck(c.t, err)
	if _, row := c.rows.Handler(req); res.StatusCode < 300 {
		c.mu.Lock()
		c.used[row] = true
		c.mu.Unlock()
	}
	return apiReply{res.StatusCode, res.Header, body}
}

// call does one request that must be answered with status, and decodes the reply into out unless that is nil.
func (c *apiCourt) call(login, method, path string, in, out any, status int) {
	c.t.Helper()
	reply := c.send(login, method, apiPrefix+path, in)
	if reply.status != status {
		c.t.Fatalf("%s: %s %s: status %d, want %d: %s", login, method, path, reply.status, status, reply.body)
	}
	if out == nil {
		return
	}
	if strings.TrimSpace(string(reply.body)) == "null" {
		c.t.Errorf("%s %s: null in the place of a value", method, path)
	}
	if err := json.Unmarshal(reply.body, out); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, reply.body)
	}
}

// enrol registers everybody and signs them in, by the API; only the first administrator is made by hand.
func (c *apiCourt) enrol() {
	c.t.Helper()
	for _, p := range apiPeople {
		var account apiAccount
		c.call("", "POST", "/accounts", map[string]any{"login": p.login, "password": apiPassword, "name": p.name, "id_kind": "resident_id",
			"id_number": p.number(), "phone": p.phone, "email": p.login + "@example.org"}, &account, http.StatusCreated)
		c.ids[p.login] = account.ID
		if account.IDMask == p.number() || account.Phone == p.phone {
			c.t.Errorf("%s: number or phone in full in the reply to the registration", p.login)
		}
	}
	apiCheck(c.t, c.server.Identity.Grant(c.t.Context(), c.ids["admin"], identity.RoleAdministrator))
	for _, p := range apiPeople {
		c.signIn(p.login)
	}
	for login, role := range map[string]identity.Role{"reviewer": identity.RoleFilingClerk, "judge": identity.RoleJudge, "clerk": identity.RoleClerk} {
		c.call("admin", "POST", "/admin/roles", map[string]any{"account": c.ids[login], "role": role}, nil, http.StatusCreated)
	}
}

func (c *apiCourt) signIn(login string) {
	c.t.Helper()
	var session signInOut
	c.call("", "POST", "/sessions", map[string]any{"login": login, "password": apiPassword}, &session, http.StatusCreated)
	c.tokens[login] = session.Token
	if session.Account != c.ids[login] {
		c.t.Fatalf("%s signed in as %s", login, session.Account)
	}
}

// until polls until ok, for what jobs and the ledger do behind the replies.
func (c *apiCourt) until(what string, ok func() bool) {
	c.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			c.t.Fatalf("waited too long: %s", what)
		case <-tick.C:
		}
	}
}

func casePath(id uuid.UUID, tail string) string { return fmt.Sprintf("/cases/%s%s", id, tail) }
