package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/postgres/pgtest"
	"yunting/media"
)

// court is a hearing set in a real database, and a server for its room that can be stopped and started.
type court struct {
	t       testing.TB
	pool    *pgxpool.Pool
	docket  *docket.Docket
	blobs   blob.Store
	people  map[string]identity.Actor // by seat
	hearing docket.Hearing
	records string

	hub atomic.Pointer[Hub]
	sfu *media.SFU
	web *httptest.Server
}

const (
	zhangID = "11010519491231002X"
	liID    = "310101199003078328"
)

// newCourt files, accepts and links a case, sets its hearing and starts the server.
func newCourt(t testing.TB) *court {
	t.Helper()
	pool := pgtest.New(t)
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	check(t, err)
	blobs, err := blob.Open(t.TempDir())
	check(t, err)
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	people := identity.New(pool, identity.Options{Now: time.Now, Key: bytes.Repeat([]byte{7}, 32), PasswordCost: &cheap})
	c := &court{t: t, pool: pool, blobs: blobs, records: filepath.Join(t.TempDir(), "recordings")}
	c.docket = docket.New(docket.Config{Pool: pool, Blobs: blobs, Jobs: jobs, Identity: people, Now: time.Now,
		Court: docket.ProfileCN(), Key: []byte("the test court's key")})
	c.people = map[string]identity.Actor{
		"judge":     {Account: uuid.New(), Name: "林静", Roles: []identity.Role{identity.RoleUser, identity.RoleJudge}},
		"clerk":     {Account: uuid.New(), Name: "王磊", Roles: []identity.Role{identity.RoleUser, identity.RoleClerk}},
		"observer":  {Account: uuid.New(), Name: "旁听甲", Roles: []identity.Role{identity.RoleUser}},
		"plaintiff": register(t, people, "zhangwei", "张伟", zhangID, "13800138000"),
		"defendant": register(t, people, "lina", "李娜", liID, "13900139000"),
	}
	c.set()
	c.start()
	c.web = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() {
		c.stop()
		c.web.Close()
	})
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func register(t testing.TB, people *identity.Service, login, name, number, phone string) identity.Actor {
	t.Helper()
	account, err := people.Register(t.Context(), identity.Registration{Login: login, Password: "correct horse 马",
		Person: identity.Person{Name: name, IDKind: identity.IDResident, IDNumber: number, Phone: phone, Email: login + "@example.org"}})
	check(t, err)
	return identity.Actor{Account: account.ID, Name: name, Roles: account.Roles}
}

// set carries a case to its hearing.
func (c *court) set() {
	c.t.Helper()
	ctx, d := c.t.Context(), c.docket
	person := func(standing, name, number, gender, birth, phone string) complaint.PartyInput {
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: name, IDKind: "resident_id", IDNumber: number,
			Gender: gender, Birth: deadline.MustParse(birth), Ethnicity: "汉族", Occupation: "个体经营", Phone: phone,
			Email: "x@example.org", Address: "北京市朝阳区建国路1号"}
	}
	opened, err := d.CreateDraft(ctx, c.people["plaintiff"])
	check(c.t, err)
	saved, err := d.SaveDraft(ctx, c.people["plaintiff"], opened.ID, opened.Version, docket.Draft{
		CauseCode: "04.01.11",
		Parties: []complaint.PartyInput{
			person(complaint.Plaintiff, "张伟", zhangID, "男", "1949-12-31", "13800138000"),
			person(complaint.Defendant, "李娜", liID, "女", "1990-03-07", "13900139000"),
		},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款100000元", AmountFen: 100_000_00}},
		Facts:   "2025年10月8日，原被告签订买卖合同，原告已交货，被告至今未付款。",
		Grounds: "依照《中华人民共和国民法典》第六百二十六条，买受人应当支付价款。",
	})
	check(c.t, err)
	ref, err := c.blobs.Put(ctx, bytes.NewReader([]byte("合同正文")))
	check(c.t, err)
	_, err = d.AddEvidence(ctx, c.people["plaintiff"], saved.ID, docket.EvidenceInput{Name: "买卖合同", Source: "原告保存", Purpose: "证明合同成立",
		FileName: "合同.pdf", MediaType: "application/pdf", Blob: ref, UploadID: "upload-1"})
	check(c.t, err)
	_, err = d.Submit(ctx, c.people["plaintiff"], saved.ID, saved.Version)
	check(c.t, err)
	filed, err := d.Case(ctx, saved.ID)
	check(c.t, err)
	accepted, err := d.Accept(ctx, identity.Actor{Account: uuid.New(), Name: "赵敏"}, filed.ID, docket.AcceptInput{
		Version: filed.Version, Procedure: docket.ProcedureSimple, Judge: c.people["judge"].Account, Clerk: c.people["clerk"].Account})
	check(c.t, err)
	invitation, err := d.Invite(ctx, c.people["clerk"], accepted.ID, accepted.Parties[1].ID)
	check(c.t, err)
	_, err = d.Link(ctx, c.people["defendant"], invitation.Code)
	check(c.t, err)
	c.hearing, err = d.ScheduleHearing(ctx, c.people["clerk"], accepted.ID, docket.HearingInput{
		Start: time.Now().Add(time.Hour), Minutes: 60, Public: true, PartiesAgreed: true})
	check(c.t, err)
}

// start starts a server: an SFU and a hub over the same database.
func (c *court) start() {
	c.t.Helper()
	log := slog.New(slog.NewTextHandler(testLog{c.t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	sfu, err := media.New(media.Config{Logger: log, Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	check(c.t, err)
	names := make(map[uuid.UUID]string)
	for _, p := range c.people {
		names[p.Account] = p.Name
	}
	hub, err := New(Config{Docket: c.docket, SFU: sfu, Blobs: c.blobs, RecordingDir: c.records, Logger: log,
		Name: func(_ context.Context, account uuid.UUID) (string, error) { return names[account], nil }})
	check(c.t, err)
	check(c.t, hub.Start(c.t.Context()))
	c.sfu = sfu
	c.hub.Store(hub)
}

// stop stops the server gently.
func (c *court) stop() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	check(c.t, c.hub.Load().Shutdown(ctx))
	check(c.t, c.sfu.Close())
}

func (c *court) serve(w http.ResponseWriter, r *http.Request) {
	seat := r.URL.Query().Get("seat")
	actor, known := c.people[seat]
	if !known {
		http.Error(w, "who?", http.StatusForbidden)
		return
	}
	h, err := c.docket.Hearing(r.Context(), c.hearing.ID)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.hub.Load().Serve(w, r, actor, h, Seat(seat))
}

// recorded waits until the docket holds so many recordings, or more.
func (c *court) recorded(t *testing.T, n int) (list []docket.Recording) {
	t.Helper()
	eventually(t, "recordings are stored", func() bool {
		var err error
		list, err = c.docket.Recordings(t.Context(), c.hearing.ID)
		check(t, err)
		return len(list) >= n
	})
	return list
}

// events lists the kinds of the hearing's events that concern a person, in order.
func (c *court) events(account uuid.UUID) []string {
	c.t.Helper()
	entries, err := c.docket.Entries(c.t.Context(), c.hearing.Case)
	check(c.t, err)
	var kinds []string
	for _, e := range entries {
		kind, isEvent := strings.CutPrefix(e.Kind, "hearing.")
		if !isEvent || !slices.Contains(docket.HearingEvents(), kind) {
			continue
		}
		var data struct{ Detail struct{ Account uuid.UUID } }
		check(c.t, json.Unmarshal(e.Data, &data))
		if data.Detail.Account == account {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// patience is how long a test waits for what must come: so long that only what hangs meets its end. On a busy machine a
// statement of the database was seen to stand still for more than ten seconds.
const patience = 90 * time.Second

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// testLog shows the log only when asked for; the server may outlive the test's own log.
type testLog struct{ t testing.TB }

// Write implements io.Writer.
func (l testLog) Write(p []byte) (int, error) {
	if os.Getenv("YUNTING_TEST_LOG") != "" {
		return os.Stderr.Write(p)
	}
	return len(p), nil
}
