package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/service"
)

// waitsForReceipt reports whether the recipient may still say "received".
func waitsForReceipt(d service.Delivery) bool { return d.CanConfirm() }

type deskPage struct {
	Todo     []todoItem
	Mail     []service.Delivery
	Cases    []docket.Case
	CanFile  bool
	Today    deadline.Date
	Hearings string
}

// todoItem is one thing that needs the person, with the page that does it.
type todoItem struct {
	docket.Todo
	Link string
	Soon bool // due within two days or late
}

func (s *server) getHome(r *request) error {
	if r.actor.Anonymous() {
		return r.render(http.StatusOK, "landing", "landing.title", nil)
	}
	desk, err := s.desk(r)
	if err != nil {
		return err
	}
	mail, err := s.Service.Mailbox(r.Context(), r.actor.Account)
	if err != nil {
		return err
	}
	mail = slices.DeleteFunc(mail, func(d service.Delivery) bool { return !waitsForReceipt(d) })
	today := s.Docket.Court().Today(s.Now())
	data := deskPage{Mail: mail, Cases: desk.Cases, Today: today, CanFile: r.can(identity.ActFile)}
	for _, t := range desk.Todo {
		soon := t.Due != nil && today.DaysUntil(*t.Due) <= 2
		data.Todo = append(data.Todo, todoItem{Todo: t, Link: todoLink(t), Soon: soon})
	}
	return r.render(http.StatusOK, "desk", "desk.title", data, in("desk"))
}

// desk is what needs the person: the docket's, and the explanations of recordings, which have no day, after it.
func (s *server) desk(r *request) (docket.Desk, error) {
	desk, err := s.Docket.Desk(r.Context(), r.actor)
	if err != nil {
		return desk, err
	}
	due, err := s.Service.ExplanationsDue(r.Context(), r.actor)
	desk.Todo = append(desk.Todo, due...)
	return desk, err
}

// todoLink is the page on which the thing is done.
func todoLink(t docket.Todo) string {
	base := "/cases/" + t.Case.ID.String()
	switch t.Kind {
	case docket.TodoFinishDraft, docket.TodoCorrect:
		return base + "/edit"
	case docket.TodoReview:
		return base + "/review"
	case docket.TodoInvite:
		if t.Party != nil {
			return base + "/parties/" + t.Party.ID.String() + "/invite"
		}
	case docket.TodoConsent:
		return base + "/consent"
	case docket.TodoSchedule:
		return base + "/hearings/new"
	case docket.TodoHearing, docket.TodoTranscript:
		if t.Hearing != nil {
			tail := ""
			if t.Kind == docket.TodoTranscript {
				tail = "/transcript"
			}
			return "/hearings/" + t.Hearing.ID.String() + tail
		}
	case docket.TodoExplain, docket.TodoSupplement, docket.TodoApproveExplanation:
		if t.Hearing != nil {
			return "/hearings/" + t.Hearing.ID.String() + "/recording/explanation"
		}
	case docket.TodoJudge:
		return base + "/judgment"
	case docket.TodoServe:
		return base + "/serve"
	}
	return base
}

const casesPerPage = 20

type casesPage struct {
	Cases      []docket.Case
	Filter     docket.Filter
	All        bool // staff see the court's list, others their own
	MayAll     bool
	Total      int
	First      int
	Last       int
	Prev, Next string
	CSV        string
	Stages     []docket.Stage
	Sorts      []string
	CanFile    bool
}

var caseSorts = []string{"-updated", "-created", "number", "-number", "-amount", "amount"}

// caseFilter reads the list's filter out of the address.
func (r *request) caseFilter() (docket.Filter, bool) {
	q := r.URL.Query()
	f := docket.Filter{Query: q.Get("q"), Sort: q.Get("sort"), PerPage: casesPerPage, Page: 1}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		f.Page = n
	}
	if stage := docket.Stage(q.Get("stage")); slices.Contains(docket.Stages(), stage) {
		f.Stage = stage
	}
	if !slices.Contains(caseSorts, f.Sort) {
		f.Sort = "-updated"
	}
	mayAll := r.can(identity.ActListQueue) || r.can(identity.ActSupervise)
	all := mayAll && q.Get("scope") != "mine"
	if !all {
		f.Mine = r.actor.Account
	}
	return f, all
}

func (s *server) getCases(r *request) error {
	f, all := r.caseFilter()
	list, total, err := s.Docket.Cases(r.Context(), f)
	if err != nil {
		return err
	}
	page := func(n int) string {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return "/cases?" + q.Encode()
	}
	data := casesPage{Cases: list, Filter: f, All: all, Total: total, Stages: docket.Stages(), Sorts: caseSorts,
		MayAll: r.can(identity.ActListQueue) || r.can(identity.ActSupervise), CanFile: r.can(identity.ActFile),
		First: (f.Page-1)*casesPerPage + 1, Last: (f.Page-1)*casesPerPage + len(list), CSV: "/cases.csv?" + r.URL.RawQuery}
	if f.Page > 1 {
		data.Prev = page(f.Page - 1)
	}
	if data.Last < total {
		data.Next = page(f.Page + 1)
	}
	return r.render(http.StatusOK, "cases", "cases.title", data, in("cases"))
}

// maxCSV bounds the rows of one download.
const maxCSV = 10000

func (s *server) getCasesCSV(r *request) error {
	f, _ := r.caseFilter()
	f.PerPage = 100
	var rows [][]string
	for f.Page = 1; len(rows) < maxCSV; f.Page++ {
		list, _, err := s.Docket.Cases(r.Context(), f)
		if err != nil {
			return err
		}
		for _, c := range list {
			rows = append(rows, s.caseRow(r, c))
		}
		if len(list) < f.PerPage {
			break
		}
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="cases.csv"`)
	h.Set("Cache-Control", "no-store")
	r.written = true
	if _, err := r.w.Write([]byte("\ufeff")); err != nil { // spreadsheets then read UTF-8
		return err
	}
	out := csv.NewWriter(r.w)
	if err := out.Write([]string{r.t("case.number"), r.t("case.parties"), r.t("case.cause"), r.t("case.stage"), r.t("case.amount"), r.t("case.filed"), r.t("case.updated")}); err != nil {
		return err
	}
	return out.WriteAll(rows)
}

func (s *server) caseRow(r *request, c docket.Case) []string {
	zone := s.Docket.Court().Zone
	filed := ""
	if c.SubmittedAt != nil {
		filed = c.SubmittedAt.In(zone).Format(time.DateOnly)
	}
	row := []string{c.Number, c.Title, c.CauseName, r.t("stage." + string(c.Stage)), plainYuan(c.AmountFen), filed, c.UpdatedAt.In(zone).Format(time.DateTime)}
	for i, v := range row {
		row[i] = safeCell(v)
	}
	return row
}

// safeCell keeps a spreadsheet from running a cell that a party wrote as a
// formula.
func safeCell(v string) string {
	if v != "" && (v[0] == '=' || v[0] == '+' || v[0] == '-' || v[0] == '@' || v[0] == '\t' || v[0] == '\r') {
		return "'" + v
	}
	return v
}

type mailboxPage struct {
	Notices       []docket.DraftNotice
	Waiting, Done []service.Delivery
	Cases         map[uuid.UUID]docket.Case
}

func (s *server) getMailbox(r *request) error {
	list, err := s.Service.Mailbox(r.Context(), r.actor.Account)
	if err != nil {
		return err
	}
	data := mailboxPage{Cases: map[uuid.UUID]docket.Case{}}
	if data.Notices, err = s.Docket.DraftNotices(r.Context(), r.actor); err != nil {
		return err
	}
	for _, d := range list {
		if _, ok := data.Cases[d.Case]; !ok {
			if data.Cases[d.Case], err = s.Docket.Case(r.Context(), d.Case); err != nil {
				return err
			}
		}
		if waitsForReceipt(d) {
			data.Waiting = append(data.Waiting, d)
		} else {
			data.Done = append(data.Done, d)
		}
	}
	return r.render(http.StatusOK, "mailbox", "mailbox.title", data, in("mailbox"))
}

func (s *server) getLink(r *request) error {
	return r.render(http.StatusOK, "link", "link.title", r.URL.Query().Get("code"))
}

func (s *server) postLink(r *request) error {
	code := r.PostFormValue("code")
	c, err := s.Docket.Link(r.Context(), r.actor, code)
	if err != nil {
		if p := problemOf(err); p.Status < 500 {
			return r.render(p.Status, "link", "link.title", code, withErrors([]fieldError{{"code", r.t("problem."+p.Code) + " " + r.t("problem."+p.Code+".help")}}))
		}
		return err
	}
	return r.redirect(fmt.Sprintf("/cases/%s/consent", url.PathEscape(c.ID.String())), "linked")
}
