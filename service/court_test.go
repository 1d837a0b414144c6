package service_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres/pgtest"
	"yunting/service"
	"yunting/service/grid"
	"yunting/service/mail"
	"yunting/service/sign"
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

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// court is a whole service over a real PostgreSQL, with working jobs.
type court struct {
	*service.Service
	t         *testing.T
	pool      *pgxpool.Pool
	docket    *docket.Docket
	clock     *clock
	blobs     blob.Store
	people    *identity.Service
	signer    *sign.Signer
	authority *authority // of time-stamps
	log       *ledger.Log
	spool     string
	films     string // where they are made

	judge, clerk, filing, zhang, li identity.Actor
}

// publicURL has a port of its own, which no link may lose.
const publicURL = "https://court.test:8443"

const zhangID = "11010519491231002X"

// soon retries jobs at once, so that tests need not wait for River's backoff.
type soon struct{}

func (soon) NextRetry(*rivertype.JobRow) time.Time { return time.Now() }

// newCourt builds the court; mailer nil takes a spool.
func newCourt(t *testing.T, mailer mail.Mailer) *court {
	t.Helper()
	return newCourtOn(t, mailer, t.TempDir())
}

// newCourtOn keeps its files at an address of the blob store.
func newCourtOn(t *testing.T, mailer mail.Mailer, files string) *court {
	t.Helper()
	pool := pgtest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	inserter, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: quiet})
	must(t, err)
	blobs, err := blob.Open(files)
	must(t, err)
	// 2026-04-01 10:00 in Beijing.
	c := &court{t: t, pool: pool, clock: &clock{now: time.Date(2026, 4, 1, 2, 0, 0, 0, time.UTC)}, blobs: blobs, spool: t.TempDir(), films: t.TempDir()}
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	c.people = identity.New(pool, identity.Options{Now: c.clock.Now, Key: bytes.Repeat([]byte{7}, 32), PasswordCost: &cheap})
	c.docket = docket.New(docket.Config{Pool: pool, Blobs: blobs, Jobs: inserter, Identity: c.people, Now: c.clock.Now,
		Court: docket.ProfileCN(), Key: []byte("the test court's key")})
	c.signer, c.authority = authoritySigner(t, c.clock)
	c.log, err = ledger.Open(t.Context(), ledger.Options{Pool: pool, Key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)),
		Origin: "court.test/ledger", Logger: quiet, Interval: 20 * time.Millisecond})
	must(t, err)
	c.log.Start()
	t.Cleanup(c.log.Stop)
	if mailer == nil {
		mailer, err = mail.NewSpool(c.spool, "")
		must(t, err)
	}
	c.Service = service.New(service.Config{Pool: pool, Docket: c.docket, Blobs: blobs, Signer: c.signer, Mail: mailer, Jobs: inserter,
		Ledger: c.log, Identity: c.people, Now: c.clock.Now, PublicURL: publicURL, Logger: quiet,
		FilmDir: c.films, FilmTools: filmTools(t)})
	c.work(quiet)
	c.judge = c.register("linjing", "林静", "31010119800307001", identity.RoleJudge)
	c.clerk = c.register("wanglei", "王磊", "31010119810307001", identity.RoleClerk)
	c.filing = c.register("zhaomin", "赵敏", "31010119820307001", identity.RoleFilingClerk)
	c.zhang = c.register("zhangwei", "张伟", zhangID[:17], identity.RoleUser)
	c.li = c.register("lina", "李娜", "31010119900307832", identity.RoleUser)
	return c
}

func filmTools(t *testing.T) grid.Tools {
	t.Helper()
	tools, err := grid.FindTools(t.Context())
	must(t, err)
	return tools
}

// work starts the job client and stops it with the test.
func (c *court) work(quiet *slog.Logger) {
	c.t.Helper()
	workers := river.NewWorkers()
	c.Workers(workers)
	client, err := river.NewClient(riverpgxv5.New(c.pool), &river.Config{Logger: quiet, Workers: workers, RetryPolicy: soon{},
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}, service.FilmQueue: {MaxWorkers: 1}},
		FetchPollInterval: 50 * time.Millisecond, FetchCooldown: 20 * time.Millisecond, TestOnly: true})
	must(c.t, err)
	must(c.t, client.Start(context.WithoutCancel(c.t.Context())))
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := client.Stop(ctx); err != nil {
			c.t.Errorf("stop the jobs: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// residentID appends the check digit of GB 11643.
func residentID(first17 string) string {
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(first17[i]-'0') * weight
	}
	return first17 + string("10X98765432"[sum%11])
}

func (c *court) register(login, name, first17 string, role identity.Role) identity.Actor {
	c.t.Helper()
	account, err := c.people.Register(c.t.Context(), identity.Registration{Login: login, Password: "correct horse 马",
		Person: identity.Person{Name: name, IDKind: identity.IDResident, IDNumber: residentID(first17), Phone: "13800138000", Email: login + "@example.org"}})
	must(c.t, err)
	return identity.Actor{Account: account.ID, Name: name, Roles: []identity.Role{identity.RoleUser, role}}
}

// settle waits until no job is left to run.
func (c *court) settle() {
	c.t.Helper()
	c.until("the jobs are done", func() bool {
		var open int
		must(c.t, c.pool.QueryRow(c.t.Context(), `SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'discarded', 'cancelled')`).Scan(&open))
		return open == 0
	})
	var failed string
	err := c.pool.QueryRow(c.t.Context(), `SELECT kind || ': ' || errors[1]::text FROM river_job WHERE state = 'discarded' LIMIT 1`).Scan(&failed)
	if err == nil {
		c.t.Fatalf("a job was given up: %s", failed)
	}
}

// until polls with a deadline.
func (c *court) until(what string, done func() bool) {
	c.t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			rows, err := c.pool.Query(context.Background(), `SELECT kind || ' ' || state || ' ' || coalesce(errors[1]::text, '') FROM river_job WHERE state <> 'completed'`)
			must(c.t, err)
			list, err := pgx.CollectRows(rows, pgx.RowTo[string])
			must(c.t, err)
			c.t.Fatalf("waited in vain until %s; jobs: %s", what, strings.Join(list, "\n"))
		}
	}
}

// submitted is a filed case of 张伟 against 李娜 that says nothing of electronic service.
func (c *court) submitted() docket.Case {
	c.t.Helper()
	return c.file(complaint.Service{})
}

// file files the complaint of 张伟 against 李娜.
func (c *court) file(declared complaint.Service) docket.Case {
	c.t.Helper()
	ctx := c.t.Context()
	opened, err := c.docket.CreateDraft(ctx, c.zhang)
	must(c.t, err)
	person := func(standing, name, number, gender, birth string) complaint.PartyInput {
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: name, IDKind: "resident_id", IDNumber: number,
			Gender: gender, Birth: deadline.MustParse(birth), Ethnicity: "汉族", Occupation: "个体经营", Phone: "13800138000",
			Email: "x@example.org", Address: "北京市朝阳区建国路1号"}
	}
	saved, err := c.docket.SaveDraft(ctx, c.zhang, opened.ID, opened.Version, docket.Draft{
		CauseCode: "04.01.11",
		Parties: []complaint.PartyInput{person(complaint.Plaintiff, "张伟", zhangID, "男", "1949-12-31"),
			person(complaint.Defendant, "李娜", residentID("31010119900307832"), "女", "1990-03-07")},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款100000元", AmountFen: 100_000_00}},
		Facts:   "2025年10月8日，原被告签订买卖合同，约定原告供应办公家具一批，价款100000元，原告已交货，被告至今未付款。",
		Grounds: "买受人应当按照约定的数额和支付方式支付价款。",
		Service: declared,
	})
	must(c.t, err)
	ref, err := c.blobs.Put(ctx, strings.NewReader("合同正文"))
	must(c.t, err)
	_, err = c.docket.AddEvidence(ctx, c.zhang, saved.ID, docket.EvidenceInput{Name: "买卖合同", Source: "原告保存", Purpose: "证明合同成立",
		FileName: "买卖合同.pdf", MediaType: "application/pdf", Blob: ref, UploadID: "one"})
	must(c.t, err)
	saved = c.read(saved.ID)
	_, err = c.docket.Submit(ctx, c.zhang, saved.ID, saved.Version)
	must(c.t, err)
	return c.read(saved.ID)
}

// accepted is a filed and accepted case.
func (c *court) accepted() docket.Case {
	c.t.Helper()
	return c.accept(c.submitted())
}

func (c *court) accept(filed docket.Case) docket.Case {
	c.t.Helper()
	accepted, err := c.docket.Accept(c.t.Context(), c.filing, filed.ID, docket.AcceptInput{Version: filed.Version,
		Procedure: docket.ProcedureOrdinary, Judge: c.judge.Account, Clerk: c.clerk.Account})
	must(c.t, err)
	return accepted
}

func (c *court) read(id uuid.UUID) docket.Case {
	c.t.Helper()
	found, err := c.docket.Case(c.t.Context(), id)
	must(c.t, err)
	return found
}

// linked is an accepted case that 李娜 joined by the code of her letter.
func (c *court) linked() docket.Case {
	c.t.Helper()
	a := c.accepted()
	invitation, err := c.docket.Invite(c.t.Context(), c.clerk, a.ID, a.Side(identity.StandingDefendant)[0].ID)
	must(c.t, err)
	c.settle() // the letter is printed before the code is used
	_, err = c.docket.Link(c.t.Context(), c.li, invitation.Code)
	must(c.t, err)
	return c.read(a.ID)
}

func (c *court) consent(actor identity.Actor, caseID uuid.UUID, inApp bool, email string) {
	c.t.Helper()
	must(c.t, c.docket.Consent(c.t.Context(), actor, caseID, docket.ConsentInput{Online: true, Stage: docket.OnlineHearing,
		EService: true, InApp: inApp, EmailAddress: email}))
}

// heard carries a linked case through its hearing.
func (c *court) heard() docket.Case {
	c.t.Helper()
	a := c.linked()
	h, err := c.docket.ScheduleHearing(c.t.Context(), c.clerk, a.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(c.t, err)
	c.clock.Set(h.Start)
	for _, phase := range []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(c.t.Context(), c.judge, h.ID, phase)
		must(c.t, err)
	}
	return c.read(a.ID)
}

// complete fills every blank of a prefilled draft.
func complete(d service.Draft) service.Draft {
	fill := func(s string) string { return strings.ReplaceAll(s, service.Blank, "三十") }
	d.Parties, d.Course, d.ClaimsAndDefence = fill(d.Parties), fill(d.Course), fill(d.ClaimsAndDefence)
	d.Reasoning, d.Law, d.Costs, d.AppealNotice = "双方买卖合同合法有效，被告应当支付货款。", fill(d.Law), fill(d.Costs), fill(d.AppealNotice)
	d.Findings, d.Items = slices.Clone(d.Findings), slices.Clone(d.Items)
	for i := range d.Findings {
		d.Findings[i].Text = fill(d.Findings[i].Text)
	}
	for i := range d.Items {
		d.Items[i] = fill(d.Items[i])
	}
	return d
}

// judged is a heard case with its signed judgment.
func (c *court) judged() (docket.Case, service.Document) {
	c.t.Helper()
	h := c.heard()
	d, err := c.JudgmentDraft(c.t.Context(), h.ID)
	must(c.t, err)
	saved, err := c.SaveJudgment(c.t.Context(), c.judge, h.ID, 0, complete(d))
	must(c.t, err)
	doc, err := c.SignJudgment(c.t.Context(), c.judge, h.ID, saved.Version)
	must(c.t, err)
	return c.read(h.ID), doc
}

// pdf writes a document into a file and gives its path and bytes.
func (c *court) pdf(d service.Document) (string, []byte) {
	c.t.Helper()
	file, err := c.blobs.Open(c.t.Context(), d.Blob.Hash)
	must(c.t, err)
	data, err := io.ReadAll(file)
	must(c.t, err)
	must(c.t, file.Close())
	path := filepath.Join(c.t.TempDir(), d.Kind+".pdf")
	must(c.t, os.WriteFile(path, data, 0o600))
	return path, data
}

// text is what pdftotext reads, without white space.
func (c *court) text(path string) string {
	c.t.Helper()
	out, err := exec.Command("pdftotext", "-layout", path, "-").CombinedOutput()
	if err != nil {
		c.t.Fatalf("pdftotext: %v: %s", err, out)
	}
	return strings.Join(strings.Fields(string(out)), "")
}

// contains checks a document's signature and words.
func (c *court) contains(d service.Document, words ...string) {
	c.t.Helper()
	path, data := c.pdf(d)
	if _, err := sign.Verify(data, c.signer.Roots()); err != nil {
		c.t.Errorf("%s: signature: %v", d.Title, err)
	}
	text := c.text(path)
	for _, w := range words {
		if !strings.Contains(text, w) {
			c.t.Errorf("%s lacks %q:\n%s", d.Title, w, text)
		}
	}
}

// only finds the one document of a kind.
func (c *court) only(caseID uuid.UUID, kind string) service.Document {
	c.t.Helper()
	found := c.all(caseID, kind)
	if len(found) != 1 {
		c.t.Fatalf("%d documents of kind %s, want 1", len(found), kind)
	}
	return found[0]
}

func (c *court) all(caseID uuid.UUID, kind string) []service.Document {
	c.t.Helper()
	list, err := c.Documents(c.t.Context(), caseID)
	must(c.t, err)
	var found []service.Document
	for _, d := range list {
		if d.Kind == kind {
			found = append(found, d)
		}
	}
	return found
}

func (c *court) parties(cs docket.Case) []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range cs.Parties {
		ids = append(ids, p.ID)
	}
	return ids
}
