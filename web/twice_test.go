package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

// rawPosts are the addresses whose body is no form, each with what makes a second post harmless.
var rawPosts = map[string]string{
	"/cases/{case}/export":                  "each export is a file of its own, and entered as such",
	"/hearings/{hearing}/recording/watched": "its batches are numbered",
	"/uploads/{$}":                          "tus: what begins is an upload, not an item of evidence",
	"/whip/{hearing}/{stream}":              "RFC 9725: a media session",
	"/whep/{hearing}/{stream}":              "a media session",
	"/whep/{hearing}":                       "a media session",
}

// TestEveryFormActsOnce: whatever form the court has or will have, several submits of the same one at once are one act,
// and all of them lead to where it led. A form that failed can be sent again.
func TestEveryFormActsOnce(t *testing.T) {
	c := newAPICourtAs(t, &DemoInfo{SpoolDir: t.TempDir()})
	c.enrol()
	s, actor := c.server, c.actor("plaintiff")
	forms := 0
	for _, rt := range s.routes() {
		if rt.method != http.MethodPost || strings.HasPrefix(rt.pattern, apiPrefix) {
			continue
		}
		if rt.raw {
			if rawPosts[rt.pattern] == "" {
				t.Errorf("POST %s takes no form: nothing says why a second one is harmless", rt.pattern)
			}
			continue
		}
		forms++
		token := url.Values{"form_token": {formToken()}}.Encode()
		submit := func() (string, error) {
			w, ask := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, c.url+"/", strings.NewReader(token))
			ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			err := s.act(&request{Request: ask.WithContext(t.Context()), w: w, s: s, route: &rt, actor: actor})
			return w.Header().Get("Location"), err
		}
		refused := errors.New("refused")
		rt.handle = func(*request) error { return refused }
		if _, err := submit(); !errors.Is(err, refused) {
			t.Errorf("%s: %v", rt.pattern, err)
		}
		var acts atomic.Int32
		rt.handle = func(r *request) error { return r.redirect(fmt.Sprintf("/done/%d", acts.Add(1)), "") }
		var clicks sync.WaitGroup
		for range 3 {
			clicks.Go(func() {
				if to, err := submit(); err != nil || to != "/done/1" {
					t.Errorf("%s: led to %q, %v", rt.pattern, to, err)
				}
			})
		}
		clicks.Wait()
		if n := acts.Load(); n != 1 {
			t.Errorf("%s: three clicks acted %d times", rt.pattern, n)
		}
	}
	t.Logf("%d forms", forms)
}

// withoutToken are the forms that carry no token: who sends them is nobody yet, or what they set may be set twice.
var withoutToken = []string{"/login", "/register", "/logout", "/language", "/theme", "/demo/login", "/cases/{{.Data.ID}}/export"}

// TestEveryFormCarriesAToken: what makes a second submit harmless stands in every form of the templates.
func TestEveryFormCarriesAToken(t *testing.T) {
	form, action := regexp.MustCompile(`(?s)<form[^>]*method="post".*?</form>`), regexp.MustCompile(`action="([^"]*)"`)
	seen := map[string]bool{}
	err := fs.WalkDir(templates, "templates", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(templates, name)
		for _, f := range form.FindAllString(string(text), -1) {
			to := ""
			if m := action.FindStringSubmatch(f); m != nil {
				to = m[1]
			}
			free := slices.Contains(withoutToken, to)
			if has := strings.Contains(f, `{{template "token"`); has == free {
				t.Errorf("%s: the form to %q: token %v", name, to, has)
			}
			seen[to] = true
		}
		return err
	})
	apiCheck(t, err)
	for _, to := range withoutToken {
		if !seen[to] {
			t.Errorf("there is no form to %s any more", to)
		}
	}
}

// TestTheSameActFromAnotherWindow: without token or key, as from another window or a program that forgot, no act that
// may be done once is done twice.
func TestTheSameActFromAnotherWindow(t *testing.T) {
	c := newAPICourt(t)
	c.enrolAll()
	made, _ := c.draftCase()
	path := casePath(made.ID, "")
	submit := map[string]any{"version": made.Version}
	var receipt, again docket.Receipt
	c.call("plaintiff", "POST", path+"/submit", submit, &receipt, http.StatusCreated)
	c.call("plaintiff", "POST", path+"/submit", submit, &again, http.StatusCreated)
	if again.ID != receipt.ID {
		t.Errorf("receipt %s after %s", again.ID, receipt.ID)
	}
	var filed docket.Case
	c.call("reviewer", "GET", path, nil, &filed, http.StatusOK)
	accept := map[string]any{"version": filed.Version, "procedure": "simple", "judge": c.ids["judge"], "clerk": c.ids["clerk"]}
	c.call("reviewer", "POST", path+"/accept", accept, &filed, http.StatusCreated)
	c.call("reviewer", "POST", path+"/accept", accept, nil, http.StatusConflict)
	hearing := map[string]any{"start": time.Now().Add(240 * time.Hour).Truncate(time.Second), "minutes": 60}
	c.call("clerk", "POST", path+"/hearings", hearing, nil, http.StatusCreated)
	c.call("clerk", "POST", path+"/hearings", hearing, nil, http.StatusConflict)
	var papers []service.Document
	c.until("the notices are made", func() bool {
		c.call("clerk", "GET", path+"/documents", nil, &papers, http.StatusOK)
		return slices.ContainsFunc(papers, func(d service.Document) bool { return d.Kind == service.KindAcceptanceNotice })
	})
	c.serveTwice(path, filed, papers)
	entries, err := c.server.Docket.Entries(t.Context(), made.ID)
	apiCheck(t, err)
	seen := map[string]int{}
	for _, e := range entries {
		seen[e.Kind]++
	}
	for _, kind := range []string{docket.EntryFiled, docket.EntryAccepted, docket.EntryHearingScheduled} {
		if seen[kind] != 1 {
			t.Errorf("%s stands in the docket %d times", kind, seen[kind])
		}
	}
}

// serveTwice: a document is served on a party once, and received once.
func (c *apiCourt) serveTwice(path string, kase docket.Case, papers []service.Document) {
	c.t.Helper()
	at := slices.IndexFunc(papers, func(d service.Document) bool { return d.Kind == service.KindAcceptanceNotice })
	serve := map[string]any{"documents": []uuid.UUID{papers[at].ID}, "parties": []uuid.UUID{kase.Side(identity.StandingPlaintiff)[0].ID}}
	var first, second []service.Delivery
	c.call("clerk", "POST", path+"/deliveries", serve, &first, http.StatusCreated)
	c.call("clerk", "POST", path+"/deliveries", serve, &second, http.StatusCreated)
	if len(first) != 1 || len(second) != 1 || first[0].ID != second[0].ID {
		c.t.Errorf("served as %+v, then as %+v", first, second)
	}
}
