package docket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

func (c *clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// court is a docket over a real PostgreSQL with real people.
type court struct {
	*docket.Docket
	t      *testing.T
	pool   *pgxpool.Pool
	clock  *clock
	blobs  blob.Store
	people *identity.Service

	judge, clerk, filing identity.Actor
	zhang, li            identity.Actor // plaintiff and defendant
}

const (
	zhangID = "11010519491231002X"
	salesID = "04.01.11" // 买卖合同纠纷
)

var liID = residentID("31010119900307832")

// residentID appends the check digit of GB 11643.
func residentID(first17 string) string {
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(first17[i]-'0') * weight
	}
	return first17 + string("10X98765432"[sum%11])
}

func newCourt(t *testing.T) *court {
	t.Helper()
	pool := pgtest.New(t)
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// 2026-04-01 10:00 in Beijing.
	c := &court{t: t, pool: pool, clock: &clock{now: time.Date(2026, 4, 1, 2, 0, 0, 0, time.UTC)}, blobs: blobs}
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	c.people = identity.New(pool, identity.Options{Now: c.clock.Now, Key: bytes.Repeat([]byte{7}, 32), PasswordCost: &cheap})
	c.Docket = docket.New(docket.Config{Pool: pool, Blobs: blobs, Jobs: jobs, Identity: c.people, Now: c.clock.Now,
		Court: docket.ProfileCN(), Key: []byte("the test court's key")})
	c.judge = identity.Actor{Account: uuid.New(), Name: "林静", Roles: []identity.Role{identity.RoleUser, identity.RoleJudge}}
	c.clerk = identity.Actor{Account: uuid.New(), Name: "王磊", Roles: []identity.Role{identity.RoleUser, identity.RoleClerk}}
	c.filing = identity.Actor{Account: uuid.New(), Name: "赵敏", Roles: []identity.Role{identity.RoleUser, identity.RoleFilingClerk}}
	c.zhang = c.register("zhangwei", "张伟", zhangID, "13800138000")
	c.li = c.register("lina", "李娜", liID, "13900139000")
	return c
}

func (c *court) register(login, name, number, phone string) identity.Actor {
	c.t.Helper()
	account, err := c.people.Register(c.t.Context(), identity.Registration{Login: login, Password: "correct horse 马",
		Person: identity.Person{Name: name, IDKind: identity.IDResident, IDNumber: number, Phone: phone, Email: login + "@example.org"}})
	if err != nil {
		c.t.Fatal(err)
	}
	return identity.Actor{Account: account.ID, Name: name, Roles: account.Roles}
}

func sales() docket.Draft {
	person := func(standing, name, number, phone string) complaint.PartyInput {
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: name, IDKind: "resident_id", IDNumber: number,
			Gender: "男", Birth: deadline.MustParse("1949-12-31"), Ethnicity: "汉族", Occupation: "个体经营", Phone: phone,
			Email: "x@example.org", Address: "北京市朝阳区建国路1号"}
	}
	zhang := person(complaint.Plaintiff, "张伟", zhangID, "13800138000")
	li := person(complaint.Defendant, "李娜", liID, "13900139000")
	li.Gender, li.Birth = "女", deadline.MustParse("1990-03-07")
	return docket.Draft{
		CauseCode: salesID, Parties: []complaint.PartyInput{zhang, li},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款100000元", AmountFen: 100_000_00}},
		Facts:   "2025年10月8日，原被告签订买卖合同，约定原告供应办公家具一批，价款100000元，原告已交货，被告至今未付款。",
		Grounds: "依照《中华人民共和国民法典》第六百二十六条，买受人应当按照约定的数额和支付方式支付价款。",
	}
}

func (c *court) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) is(err, want error) {
	c.t.Helper()
	if !errors.Is(err, want) {
		c.t.Fatalf("error is %v, want %v", err, want)
	}
}

func (c *court) invalid(err error, code string) {
	c.t.Helper()
	var bad *docket.Invalid
	if !errors.As(err, &bad) {
		c.t.Fatalf("error is %v, want *Invalid with %s", err, code)
	}
	for _, f := range bad.Findings {
		if f.Code == code {
			return
		}
	}
	c.t.Fatalf("findings %+v, want %s", bad.Findings, code)
}

func (c *court) file(name, content string) docket.EvidenceInput {
	c.t.Helper()
	ref, err := c.blobs.Put(c.t.Context(), strings.NewReader(content))
	c.ok(err)
	return docket.EvidenceInput{Name: name, Source: "原告保存", Purpose: "证明合同成立", FileName: name + ".pdf",
		MediaType: "application/pdf", Blob: ref, UploadID: "upload-" + name}
}

// draft is a complete complaint with one item of evidence, not yet filed.
func (c *court) draft() docket.Case {
	c.t.Helper()
	opened, err := c.CreateDraft(c.t.Context(), c.zhang)
	c.ok(err)
	saved, err := c.SaveDraft(c.t.Context(), c.zhang, opened.ID, opened.Version, sales())
	c.ok(err)
	_, err = c.AddEvidence(c.t.Context(), c.zhang, saved.ID, c.file("买卖合同", "合同正文"))
	c.ok(err)
	return saved
}

func (c *court) submitted() docket.Case {
	c.t.Helper()
	draft := c.draft()
	_, err := c.Submit(c.t.Context(), c.zhang, draft.ID, draft.Version)
	c.ok(err)
	return c.read(draft.ID)
}

func (c *court) acceptInput(version int64) docket.AcceptInput {
	return docket.AcceptInput{Version: version, Procedure: docket.ProcedureOrdinary, Judge: c.judge.Account, Clerk: c.clerk.Account}
}

func (c *court) accepted() docket.Case {
	c.t.Helper()
	s := c.submitted()
	accepted, err := c.Accept(c.t.Context(), c.filing, s.ID, c.acceptInput(s.Version))
	c.ok(err)
	return accepted
}

// linked is an accepted case that the defendant has joined.
func (c *court) linked() docket.Case {
	c.t.Helper()
	a := c.accepted()
	invitation, err := c.Invite(c.t.Context(), c.clerk, a.ID, a.Parties[1].ID)
	c.ok(err)
	linked, err := c.Link(c.t.Context(), c.li, invitation.Code)
	c.ok(err)
	return linked
}

func (c *court) hearing(caseID uuid.UUID) docket.Hearing {
	c.t.Helper()
	h, err := c.ScheduleHearing(c.t.Context(), c.clerk, caseID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 4), Minutes: 60, Public: true})
	c.ok(err)
	return h
}

func (c *court) move(h docket.Hearing, phases ...docket.Phase) docket.Hearing {
	c.t.Helper()
	for _, phase := range phases {
		var err error
		h, err = c.MovePhase(c.t.Context(), c.judge, h.ID, phase)
		c.ok(err)
	}
	return h
}

func (c *court) read(id uuid.UUID) docket.Case {
	c.t.Helper()
	found, err := c.Case(c.t.Context(), id)
	c.ok(err)
	return found
}

func (c *court) count(sql string, args ...any) int {
	c.t.Helper()
	var n int
	c.ok(c.pool.QueryRow(c.t.Context(), sql, args...).Scan(&n))
	return n
}

// checkRecord reads the case's entries back and verifies what every record must
// be: gapless, of known kinds, each payload what its leaf is the hash of, no
// full identity number anywhere.
func (c *court) checkRecord(caseID uuid.UUID) []docket.Entry {
	c.t.Helper()
	entries, err := c.Entries(c.t.Context(), caseID)
	c.ok(err)
	kinds := map[string]bool{}
	for _, kind := range docket.EntryKinds() {
		kinds[kind] = true
	}
	for i, e := range entries {
		if e.Seq != i+1 {
			c.t.Fatalf("entry %d has seq %d", i+1, e.Seq)
		}
		if !kinds[e.Kind] {
			c.t.Errorf("entry kind %q is not listed", e.Kind)
		}
		if got := ledger.LeafHash(e.Leaf.Salt, e.Payload); got != e.Leaf.Hash {
			c.t.Errorf("entry %d: leaf is not the hash of the payload", e.Seq)
		}
		if bytes.Contains(e.Payload, []byte(zhangID)) || bytes.Contains(e.Payload, []byte(liID)) {
			c.t.Errorf("entry %d holds a full identity number: %s", e.Seq, e.Payload)
		}
		if !json.Valid(e.Payload) {
			c.t.Errorf("entry %d is no JSON", e.Seq)
		}
	}
	if n := c.count(`SELECT count(*) FROM entries e JOIN ledger_leaf l ON l.id = e.leaf_id AND l.hash = e.leaf_hash WHERE e.case_id = $1`, caseID); n != len(entries) {
		c.t.Errorf("%d of %d entries have their leaf in the ledger", n, len(entries))
	}
	return entries
}

// TestWholeCase carries one case from draft to served and checks its record.
func TestWholeCase(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	opened := c.linked()
	if opened.Number != "（2026）京0491民初1号" || opened.FeeFen != 2_300_00 || opened.Title != "张伟 诉 李娜 买卖合同纠纷" {
		t.Fatalf("case %s, fee %d, title %s", opened.Number, opened.FeeFen, opened.Title)
	}
	for _, actor := range []identity.Actor{c.zhang, c.li} {
		c.ok(c.Consent(ctx, actor, opened.ID, docket.ConsentInput{Online: true, Stage: docket.OnlineHearing, EService: true, EmailAddress: "serve@example.org", InApp: true}))
	}
	h := c.hearing(opened.ID)
	c.clock.Set(h.Start)
	for _, actor := range []identity.Actor{c.judge, c.clerk, c.zhang, c.li} {
		c.ok(c.HearingEvent(ctx, actor, h.ID, docket.EventDeclared, nil))
		c.ok(c.HearingEvent(ctx, actor, h.ID, docket.EventJoined, map[string]any{"seat": "test"}))
	}
	h = c.move(h, docket.PhaseOpening, docket.PhaseInvestigation)
	line, err := c.WriteLine(ctx, c.clerk, h.ID, docket.LineInput{ID: uuid.New(), Speaker: "原告", Text: "我的身份证号是" + zhangID + "。"})
	c.ok(err)
	_, err = c.ReviseLine(ctx, c.clerk, h.ID, line.ID, 1, "原告", "请求支付货款。")
	c.ok(err)
	h = c.move(h, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed)
	for _, actor := range []identity.Actor{c.zhang, c.li} {
		c.ok(c.AnswerTranscript(ctx, actor, h.ID, true, ""))
	}
	ref, err := c.blobs.Put(ctx, strings.NewReader("webm"))
	c.ok(err)
	recording := docket.Recording{Participant: "p1", Account: c.zhang.Account, Name: "张伟", Blob: ref, Started: h.Start, Ended: h.Start.Add(time.Hour)}
	c.ok(c.RecordingPart(ctx, h.ID, recording))
	c.ok(c.RecordingPart(ctx, h.ID, recording))
	if recordings, err := c.Recordings(ctx, h.ID); err != nil || len(recordings) != 1 || recordings[0].Blob != ref {
		t.Fatalf("recordings %+v, %v", recordings, err)
	}
	for _, stage := range []docket.Stage{docket.StageJudged, docket.StageServed} {
		c.ok(pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error { return c.SetStage(ctx, tx, opened.ID, stage) }))
	}
	if got := c.read(opened.ID).Stage; got != docket.StageServed {
		t.Fatalf("stage %s", got)
	}
	var kinds []string
	for _, e := range c.checkRecord(opened.ID) {
		kinds = append(kinds, e.Kind)
	}
	want := "case.created evidence.added case.filed case.accepted party.invited party.linked party.consented party.consented " +
		"hearing.scheduled" + strings.Repeat(" hearing.declared hearing.joined", 4) + " hearing.phase hearing.phase " +
		"transcript.line transcript.revised hearing.phase hearing.phase hearing.phase transcript.answered transcript.answered recording.stored"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("record\n got %s\nwant %s", got, want)
	}
	for kind, n := range map[string]int{"notices": 1, "invitation": 1, "summons": 1} {
		if got := c.count(`SELECT count(*) FROM river_job WHERE kind = $1`, kind); got != n {
			t.Errorf("%d jobs %s, want %d", got, kind, n)
		}
	}
}

// failingJobs breaks the last step of an act.
type failingJobs struct{ docket.Enqueuer }

var errBroken = errors.New("the job table is gone")

func (f failingJobs) InsertTx(context.Context, pgx.Tx, river.JobArgs, *river.InsertOpts) (*rivertype.JobInsertResult, error) {
	return nil, errBroken
}

// TestFailedActLeavesNothing breaks each act at its last step: the case, its
// record, the counters and the ledger must be as before.
func TestFailedActLeavesNothing(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	broken := docket.New(docket.Config{Pool: c.pool, Blobs: c.blobs, Jobs: failingJobs{}, Identity: c.people, Now: c.clock.Now, Court: docket.ProfileCN()})
	waiting, accepted := c.submitted(), c.accepted()
	snapshot := func() string {
		var text string
		c.ok(c.pool.QueryRow(ctx, `SELECT concat_ws(' | ',
			(SELECT string_agg(c::text, ';' ORDER BY id) FROM cases c), (SELECT string_agg(s::text, ';' ORDER BY name) FROM docket_serials s),
			(SELECT count(*) FROM entries), (SELECT count(*) FROM ledger_leaf), (SELECT count(*) FROM hearings),
			(SELECT count(*) FROM invitations), (SELECT count(*) FROM river_job))`).Scan(&text))
		return text
	}
	acts := map[string]func() error{
		"accept": func() error {
			_, err := broken.Accept(ctx, c.filing, waiting.ID, c.acceptInput(waiting.Version))
			return err
		},
		"invite": func() error {
			_, err := broken.Invite(ctx, c.clerk, accepted.ID, accepted.Parties[1].ID)
			return err
		},
		"schedule": func() error {
			_, err := broken.ScheduleHearing(ctx, c.clerk, accepted.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 30})
			return err
		},
	}
	for name, act := range acts {
		before := snapshot()
		if err := act(); !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v", name, err)
		}
		if after := snapshot(); after != before {
			t.Errorf("%s left something:\n%s\n%s", name, before, after)
		}
	}
	again, err := c.Accept(ctx, c.filing, waiting.ID, c.acceptInput(waiting.Version))
	c.ok(err)
	if again.Number != "（2026）京0491民初2号" {
		t.Errorf("after the failure the number is %s", again.Number)
	}
}

// everyone runs fn n times at once and returns the errors.
func everyone(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wait.Wait()
	return errs
}

func numbers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("（2026）京0491民初%d号", i+1)
	}
	return list
}
