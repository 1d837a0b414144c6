package web

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/service"
)

var updateAccess = flag.Bool("update-access", false, "write testdata/access.txt anew; read every changed line before you commit it")

// accessPeople are who walks every route. "nobody" is not signed in; the
// strangers hold a role of the court but have no part in the case.
var accessPeople = []string{"nobody", "stranger", "plaintiff", "defendant", "judge", "clerk", "otherjudge", "otherclerk", "reviewer", "supervisor", "admin"}

// extraPeople are registered beside apiPeople.
var extraPeople = map[string]struct {
	name, id string
	role     identity.Role
}{
	"otherjudge": {"吴刚", "11010119790520009", identity.RoleJudge},
	"otherclerk": {"郑爽", "11010119910417005", identity.RoleClerk},
	"supervisor": {"陈曦", "11010119750630008", identity.RoleSupervisor},
}

// enrolAll registers everybody that the walk needs.
func (c *apiCourt) enrolAll() {
	c.t.Helper()
	c.enrol()
	phone := 20
	for login, p := range extraPeople {
		phone++
		account, err := c.server.Identity.Register(c.t.Context(), identity.Registration{Login: login, Password: apiPassword, Person: identity.Person{
			Name: p.name, IDKind: identity.IDResident, IDNumber: apiPerson{id: p.id}.number(), Phone: fmt.Sprintf("138000001%02d", phone), Locale: langZH}})
		apiCheck(c.t, err)
		c.ids[login] = account.ID
		apiCheck(c.t, c.server.Identity.Grant(c.t.Context(), account.ID, p.role))
		c.signIn(login)
	}
	for _, login := range []string{"reviewer", "judge", "clerk", "admin"} {
		c.signIn(login) // with the role that was granted after the first log-in
	}
}

// actor is the person as the modules see them.
func (c *apiCourt) actor(login string) identity.Actor {
	c.t.Helper()
	a, err := c.server.Identity.Authenticate(c.t.Context(), c.tokens[login])
	apiCheck(c.t, err)
	return a
}

// goodDraft is a complaint that lacks nothing.
func goodDraft() docket.Draft {
	party := func(login, standing string) complaint.PartyInput {
		p := apiPersonOf(login)
		birth := deadline.MustParse(p.number()[6:10] + "-" + p.number()[10:12] + "-" + p.number()[12:14])
		gender := "女"
		if (p.number()[16]-'0')%2 == 1 {
			gender = "男"
		}
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: p.name, IDKind: "resident_id", IDNumber: p.number(),
			Gender: gender, Birth: birth, Ethnicity: "汉族", Occupation: "职员", Phone: p.phone, Email: login + "@example.org", Address: "北京市朝阳区云庭路1号"}
	}
	return docket.Draft{CauseCode: salesCause(), Parties: []complaint.PartyInput{party("plaintiff", complaint.Plaintiff), party("defendant", complaint.Defendant)},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款100000元", AmountFen: 10_000_000}},
		Facts:   "2026年3月6日，原告与被告签订买卖合同，原告依约交付货物，被告至今未付货款。",
		Grounds: "被告逾期不付货款，构成违约，应当承担继续履行的责任。"}
}

func salesCause() string {
	for _, c := range causeOptions(langZH) {
		if strings.TrimLeft(c.Name, "　") == "买卖合同纠纷" {
			return c.Code
		}
	}
	return ""
}

// draftCase makes a complete draft of the plaintiff with one item of evidence.
func (c *apiCourt) draftCase() (docket.Case, docket.Evidence) {
	c.t.Helper()
	ctx, s, plaintiff := c.t.Context(), c.server, c.actor("plaintiff")
	made, err := s.Docket.CreateDraft(ctx, plaintiff)
	apiCheck(c.t, err)
	made, err = s.Docket.SaveDraft(ctx, plaintiff, made.ID, made.Version, goodDraft())
	apiCheck(c.t, err)
	ref, err := s.Blobs.Put(ctx, strings.NewReader("买卖合同"))
	apiCheck(c.t, err)
	item, err := s.Docket.AddEvidence(ctx, plaintiff, made.ID, docket.EvidenceInput{Name: "买卖合同", Source: "原告", Purpose: "证明买卖关系",
		FileName: "合同.txt", MediaType: "text/plain; charset=utf-8", Blob: ref, UploadID: uuid.NewString()})
	apiCheck(c.t, err)
	made, err = s.Docket.Case(ctx, made.ID)
	apiCheck(c.t, err)
	return made, item
}

// accepted carries a draft to a case with a judge, a clerk, both parties
// linked, and the plaintiff's consent.
func (c *apiCourt) accepted() (docket.Case, docket.Evidence) {
	c.t.Helper()
	ctx, d := c.t.Context(), c.server.Docket
	made, item := c.draftCase()
	_, err := d.Submit(ctx, c.actor("plaintiff"), made.ID, made.Version)
	apiCheck(c.t, err)
	made, err = d.Case(ctx, made.ID)
	apiCheck(c.t, err)
	made, err = d.Accept(ctx, c.actor("reviewer"), made.ID, docket.AcceptInput{Version: made.Version, Procedure: docket.ProcedureSimple, Judge: c.ids["judge"], Clerk: c.ids["clerk"]})
	apiCheck(c.t, err)
	invitation, err := d.Invite(ctx, c.actor("clerk"), made.ID, made.Side(identity.StandingDefendant)[0].ID)
	apiCheck(c.t, err)
	made, err = d.Link(ctx, c.actor("defendant"), invitation.Code)
	apiCheck(c.t, err)
	apiCheck(c.t, d.Consent(ctx, c.actor("plaintiff"), made.ID, docket.ConsentInput{Online: true, Stage: docket.OnlineHearing, EService: true, InApp: true}))
	return made, item
}

// TestEveryRouteForEveryRole walks every route as everybody, over a draft and
// over a case with a hearing that is not public, and compares who gets in with
// testdata/access.txt: "+" may, "-" may not, "?" must sign in first.
func TestEveryRouteForEveryRole(t *testing.T) {
	c := newAPICourtAs(t, &DemoInfo{SpoolDir: t.TempDir()})
	c.enrolAll()
	demoIsOff(t, c)
	ctx, s := t.Context(), c.server
	draft, draftItem := c.draftCase()
	live, item := c.accepted()
	hearing, err := s.Docket.ScheduleHearing(ctx, c.actor("clerk"), live.ID, docket.HearingInput{Start: time.Now().Add(240 * time.Hour), Minutes: 60})
	apiCheck(t, err)
	var notice service.Document
	c.until("the notices are made", func() bool {
		list, err := s.Service.Documents(ctx, live.ID)
		apiCheck(t, err)
		for _, d := range list {
			if d.Kind == service.KindAcceptanceNotice {
				notice = d
				return true
			}
		}
		return false
	})
	plaintiff := live.Side(identity.StandingPlaintiff)[0]
	deliveries, err := s.Service.Serve(ctx, c.actor("clerk"), live.ID, []uuid.UUID{notice.ID}, []uuid.UUID{plaintiff.ID})
	apiCheck(t, err)
	fill := map[string]string{"{hearing}": hearing.ID.String(), "{evidence}": item.ID.String(), "{document}": notice.ID.String(), "{delivery}": deliveries[0].ID.String(),
		"{party}": plaintiff.ID.String(), "{seq}": "1", "{id}": uuid.NewString(), "{recording}": uuid.NewString(), "{request}": uuid.NewString(), "{film}": uuid.NewString(), "{deletion}": uuid.NewString(), "{path...}": "css/tokens.css", "{$}": "", "{name}": "x.eml", "{stream}": "s"}

	s.probe = true
	var got bytes.Buffer
	fmt.Fprintf(&got, "%-78s %s\n", "# "+strings.Join(accessPeople, " "), "")
	for _, rt := range s.routes() {
		stages := []struct{ name, id, evidence string }{{"", live.ID.String(), item.ID.String()}}
		if rt.about == aboutCase || rt.about == aboutEvidence {
			stages = append(stages, struct{ name, id, evidence string }{" (draft)", draft.ID.String(), draftItem.ID.String()})
		}
		for _, stage := range stages {
			path := strings.ReplaceAll(rt.pattern, "{case}", stage.id)
			path = strings.ReplaceAll(path, "{evidence}", stage.evidence)
			for from, to := range fill {
				path = strings.ReplaceAll(path, from, to)
			}
			cells := ""
			for _, who := range accessPeople {
				cells += access(t, c, who, rt.method, path)
			}
			fmt.Fprintf(&got, "%-78s %s\n", rt.method+" "+rt.pattern+stage.name, cells)
		}
	}
	file := filepath.Join("testdata", "access.txt")
	if *updateAccess {
		apiCheck(t, os.MkdirAll("testdata", 0o755))
		apiCheck(t, os.WriteFile(file, got.Bytes(), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	apiCheck(t, err)
	compareLines(t, string(want), got.String())
}

// demoIsOff: a court that is no demonstration knows none of its routes, whoever asks.
func demoIsOff(t *testing.T, c *apiCourt) {
	t.Helper()
	config := c.server.Config
	config.Demo = nil
	real, err := newServer(config)
	apiCheck(t, err)
	handler := real.handler()
	demo := c.server.demoRoutes()
	if len(demo) == 0 {
		t.Error("the demonstration has no routes")
	}
	for _, rt := range demo {
		for _, who := range accessPeople {
			ask := httptest.NewRequest(rt.method, c.url+strings.ReplaceAll(rt.pattern, "{name}", "x.eml"), nil)
			if token := c.tokens[who]; token != "" {
				ask.Header.Set("Authorization", "Bearer "+token)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, ask)
			if answer.Code != http.StatusNotFound {
				t.Errorf("demo off: %s: %s %s: status %d", who, rt.method, rt.pattern, answer.Code)
			}
		}
	}
}

// access asks one route as one person.
func access(t *testing.T, c *apiCourt, who, method, path string) string {
	t.Helper()
	reply := c.send(who, method, path, nil)
	switch {
	case reply.status == http.StatusNoContent:
		return "+"
	case reply.status == http.StatusUnauthorized, reply.status == http.StatusSeeOther && strings.HasPrefix(reply.header.Get("Location"), "/login"):
		return "?"
	case reply.status == http.StatusForbidden, reply.status == http.StatusNotFound:
		return "-"
	}
	t.Errorf("%s: %s %s: status %d: %s", who, method, path, reply.status, reply.body)
	return "!"
}

func compareLines(t *testing.T, want, got string) {
	t.Helper()
	expected := map[string]string{}
	for line := range strings.Lines(want) {
		expected[strings.TrimSpace(line[:min(len(line), 78)])] = strings.TrimSpace(line)
	}
	for line := range strings.Lines(got) {
		key := strings.TrimSpace(line[:min(len(line), 78)])
		if expected[key] != strings.TrimSpace(line) {
			t.Errorf("access differs:\n got %s\nwant %s", strings.TrimSpace(line), expected[key])
		}
		delete(expected, key)
	}
	for _, line := range expected {
		t.Errorf("no route any more: %s", line)
	}
}
