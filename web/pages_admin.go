package web

import (
	"bytes"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

// getSupervision is the supervisor's list: every case, nothing to change.
func (s *server) getSupervision(r *request) error {
	f, _ := r.caseFilter()
	f.Mine = uuid.Nil
	list, total, err := s.Docket.Cases(r.Context(), f)
	if err != nil {
		return err
	}
	counts := map[docket.Stage]int{}
	for _, stage := range docket.Stages() {
		if stage == docket.StageDraft {
			continue
		}
		_, n, err := s.Docket.Cases(r.Context(), docket.Filter{Stage: stage, PerPage: 1})
		if err != nil {
			return err
		}
		counts[stage] = n
	}
	return r.render(http.StatusOK, "supervision", "supervision.title", struct {
		Cases  []docket.Case
		Total  int
		Stages []docket.Stage
		Counts map[docket.Stage]int
	}{list, total, docket.Stages()[1:], counts}, in("supervision"))
}

type roleGroup struct {
	Role     identity.Role
	Accounts []identity.Account
}

// adminPage is who has which role, and what is wrong with where the court keeps things.
type adminPage struct {
	Groups          []roleGroup
	DiskLow         bool
	Looked, Missing int // of the docket's newest files
}

func (s *server) getAdmin(r *request) error { return s.showAdmin(r, http.StatusOK, nil) }

func (s *server) showAdmin(r *request, status int, wrong []fieldError) error {
	var groups []roleGroup
	for _, role := range identity.Roles() {
		list, err := s.Identity.Staff(r.Context(), role)
		if err != nil {
			return err
		}
		groups = append(groups, roleGroup{role, list})
	}
	looked, missing := s.missingFiles()
	return r.render(status, "admin", "admin.title", adminPage{groups, s.warning() != "", looked, missing}, in("admin"), withErrors(wrong))
}

func (s *server) postGrant(r *request) error {
	role := identity.Role(r.PostFormValue("role"))
	account, err := uuid.Parse(r.PostFormValue("account"))
	if err != nil || !slices.Contains(identity.Roles(), role) {
		return s.showAdmin(r, http.StatusUnprocessableEntity, []fieldError{{"account", r.t("admin.choose")}})
	}
	if err := s.Identity.Grant(r.Context(), account, role); err != nil {
		return err
	}
	s.Logger.InfoContext(r.Context(), "role granted", "account", account, "role", role, "by", r.actor.Account)
	return r.redirect("/admin", "granted")
}

type spoolMail struct {
	Name, Subject, To string
	At                time.Time
	Text              string
	Parts             []string
}

// maxSpool bounds how many mails the demo lists, newest first.
const maxSpool = 100

func (s *server) getSpool(r *request) error {
	files, err := os.ReadDir(s.Demo.SpoolDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var list []spoolMail
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".eml") {
			continue
		}
		m, err := s.readSpool(f.Name())
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b spoolMail) int { return b.At.Compare(a.At) })
	return r.render(http.StatusOK, "spool", "spool.title", list[:min(len(list), maxSpool)])
}

func (s *server) getSpoolMail(r *request) error {
	m, err := s.readSpool(r.PathValue("name"))
	if errors.Is(err, fs.ErrNotExist) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "spoolmail", "spool.title", m)
}

// readSpool reads one mail of the spool directory; the name is one of its
// files and nothing else.
func (s *server) readSpool(name string) (spoolMail, error) {
	root, err := os.OpenRoot(s.Demo.SpoolDir)
	if err != nil {
		return spoolMail{}, err
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.Base(name))
	if err != nil {
		return spoolMail{}, err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return spoolMail{}, err
	}
	words := new(mime.WordDecoder)
	m := spoolMail{Name: name}
	if m.Subject, err = words.DecodeHeader(msg.Header.Get("Subject")); err != nil {
		m.Subject = msg.Header.Get("Subject")
	}
	if m.To, err = words.DecodeHeader(msg.Header.Get("To")); err != nil {
		m.To = msg.Header.Get("To")
	}
	if m.At, err = msg.Header.Date(); err != nil {
		m.At = time.Time{}
	}
	m.Text, m.Parts, err = mailText(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body)
	return m, err
}
