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
