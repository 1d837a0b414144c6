package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
)

// submit posts a form as a browser of the person does and returns the reply.
func (c *apiCourt) submit(login, path string, form url.Values, header ...string) apiReply {
	c.t.Helper()
	header = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Origin", c.url, "Sec-Fetch-Site", "same-origin",
		"Cookie", sessionCookie + "=" + c.tokens[login]}, header...)
	return c.send("", http.MethodPost, path, []byte(form.Encode()), header...)
}

// page gets a page as a browser of the person does.
func (c *apiCourt) page(login, path string, status int) string {
	c.t.Helper()
	reply := c.send("", http.MethodGet, path, nil, "Cookie", sessionCookie+"="+c.tokens[login])
	if reply.status != status {
		c.t.Fatalf("%s: GET %s: status %d, want %d: %s", login, path, reply.status, status, reply.body)
	}
	return string(reply.body)
}

func formToken() string { return uuid.NewString() }

func TestOneFormSentTwiceFilesOneCase(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	form := url.Values{"form_token": {formToken()}}
	const clicks = 4
	places := make([]string, clicks)
	var wait sync.WaitGroup
	for i := range clicks {
		wait.Go(func() { places[i] = c.submit("plaintiff", "/cases", form).header.Get("Location") })
	}
	wait.Wait()
	for _, p := range places {
		if p == "" || p != places[0] {
			t.Errorf("clicks led to %q", places)
			break
		}
	}
	_, total, err := c.server.Docket.Cases(t.Context(), docket.Filter{Mine: c.ids["plaintiff"], Stage: docket.StageDraft})
	apiCheck(t, err)
	if total != 1 {
		t.Errorf("%d drafts, want 1", total)
	}
	if other := c.submit("plaintiff", "/cases", url.Values{"form_token": {formToken()}}).header.Get("Location"); other == places[0] {
		t.Error("another form led to the first one's case")
	}
}

// filingFields is the form of a complete complaint, as the page would send it.
func filingFields(version int64) url.Values {
	v := url.Values{"form_token": {formToken()}, "version": {fmt.Sprint(version)}, "cause_code": {salesCause()}}
	d := goodDraft()
	for i, p := range d.Parties {
		for name, value := range map[string]string{"id": "", "standing": p.Standing, "kind": p.Kind, "name": p.Name, "id_kind": p.IDKind, "id_number": p.IDNumber,
			"gender": p.Gender, "birth": p.Birth.String(), "ethnicity": p.Ethnicity, "occupation": p.Occupation, "phone": p.Phone, "email": p.Email, "address": p.Address} {
			v.Set(fmt.Sprintf("parties[%d].%s", i, name), value)
		}
	}
	v.Set("claims[0].text", d.Claims[0].Text)
	v.Set("claims[0].amount_fen", "100,000.00")
	v.Set("facts", d.Facts)
	v.Set("grounds", d.Grounds)
	return v
}

func TestFilingKeepsWhatWasTyped(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	path := "/cases/" + made.ID.String()

	t.Run("an amount that cannot be read", func(t *testing.T) {
		form := filingFields(made.Version)
		form.Set("claims[0].amount_fen", "十万")
		form.Set("facts", "我写了很久的事实")
		reply := c.submit("plaintiff", path+"/edit", form)
		if reply.status != http.StatusUnprocessableEntity {
			t.Fatalf("status %d", reply.status)
		}
		for _, want := range []string{"十万", "我写了很久的事实", "金额写法不正确", `href="#claims%5b0%5d.amount_fen"`} {
			if !strings.Contains(string(reply.body), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
	})
	t.Run("a stale form shows both and can be sent again", func(t *testing.T) {
		newer := goodDraft()
		newer.Facts = "别处保存的事实，经过相当清楚。"
		now, err := c.server.Docket.SaveDraft(t.Context(), c.actor("plaintiff"), made.ID, made.Version, newer)
		apiCheck(t, err)
		form := filingFields(made.Version)
		form.Set("facts", "我在旧窗口写的事实")
		reply := c.submit("plaintiff", path+"/edit", form)
		if reply.status != http.StatusConflict {
			t.Fatalf("status %d", reply.status)
		}
		for _, want := range []string{"我在旧窗口写的事实", newer.Facts, fmt.Sprintf(`name="version" value="%d"`, now.Version)} {
			if !strings.Contains(string(reply.body), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		form.Set("version", fmt.Sprint(now.Version))
		if reply := c.submit("plaintiff", path+"/edit", form); reply.status != http.StatusSeeOther {
			t.Errorf("second try: status %d", reply.status)
		}
	})
	t.Run("a missing item comes back with its cause, its fix and the form", func(t *testing.T) {
		now, err := c.server.Docket.Case(t.Context(), made.ID)
		apiCheck(t, err)
		form := filingFields(now.Version)
		form.Set("parties[1].address", "")
		reply := c.submit("plaintiff", path+"/submit", form)
		if reply.status != http.StatusUnprocessableEntity {
			t.Fatalf("status %d", reply.status)
		}
		for _, want := range []string{"缺少住所", "请填写省、市、街道和门牌号", `href="#parties%5b1%5d.address"`} {
			if !strings.Contains(string(reply.body), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
	})
	t.Run("submitted twice, one receipt", func(t *testing.T) {
		now, err := c.server.Docket.Case(t.Context(), made.ID)
		apiCheck(t, err)
		form := filingFields(now.Version)
		for range 2 {
			form.Set("form_token", formToken()) // as from two windows
			reply := c.submit("plaintiff", path+"/submit", form)
			if reply.status != http.StatusSeeOther || !strings.HasPrefix(reply.header.Get("Location"), path+"/receipt") {
				t.Fatalf("status %d to %q: %s", reply.status, reply.header.Get("Location"), reply.body)
			}
		}
		receipt := c.page("plaintiff", path+"/receipt", http.StatusOK)
		hashes := regexp.MustCompile(`[0-9a-f]{64}`).FindAllString(receipt, -1)
		if len(hashes) == 0 {
			t.Error("the receipt names no SHA-256")
		}
	})
}

// TestElectronicServiceIsAskedBeforeFiling, by page and by API: scope, effect and change are told, an address is
// wanted with a yes, and what is declared is the party's consent once the complaint is filed.
func TestElectronicServiceIsAskedBeforeFiling(t *testing.T) {
	c := newAPICourt(t)
	c.enrolAll()
	consent := func(id uuid.UUID) *docket.Consent {
		c.t.Helper()
		kase, err := c.server.Docket.Case(t.Context(), id)
		apiCheck(t, err)
		p, ok := kase.PartyOf(c.ids["plaintiff"])
		if !ok {
			t.Fatal("the filer is no party")
		}
		return p.Consent
	}
	t.Run("page", func(t *testing.T) {
		made, _ := c.draftCase()
		path := "/cases/" + made.ID.String()
		page := c.page("plaintiff", path+"/edit", http.StatusOK)
		for _, want := range []string{`name="service.agreed"`, `name="service.in_app"`, `name="service.email"`, "适用范围", "变更方式", "第三十一条"} {
			if !strings.Contains(page, want) {
				t.Errorf("the filing form lacks %q", want)
			}
		}
		form := filingFields(made.Version)
		form.Set("service.agreed", "yes")
		reply := c.submit("plaintiff", path+"/submit", form)
		if reply.status != http.StatusUnprocessableEntity || !strings.Contains(string(reply.body), `href="#service.email"`) {
			t.Fatalf("agreed without an address: status %d", reply.status)
		}
		now, err := c.server.Docket.Case(t.Context(), made.ID)
		apiCheck(t, err)
		form = filingFields(now.Version)
		form.Set("service.agreed", "yes")
		form.Set("service.email", "served@example.org")
		if reply = c.submit("plaintiff", path+"/submit", form); reply.status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", reply.status, reply.body)
		}
		if got := consent(made.ID); !got.EService || got.EmailAddress != "served@example.org" || got.InApp {
			t.Errorf("consent %+v", got)
		}
	})
	t.Run("API", func(t *testing.T) {
		made, _ := c.draftCase()
		path := casePath(made.ID, "")
		draft := goodDraft()
		draft.Service = complaint.Service{Agreed: true}
		c.call("plaintiff", "PUT", path+fmt.Sprintf("?version=%d", made.Version), draft, &made, http.StatusOK)
		c.call("plaintiff", "POST", path+"/submit", map[string]any{"version": made.Version}, nil, http.StatusUnprocessableEntity)
		draft.Service.InApp = true
		c.call("plaintiff", "PUT", path+fmt.Sprintf("?version=%d", made.Version), draft, &made, http.StatusOK)
		c.call("plaintiff", "POST", path+"/submit", map[string]any{"version": made.Version}, nil, http.StatusCreated)
		if got := consent(made.ID); !got.EService || !got.InApp || got.EmailAddress != "" {
			t.Errorf("consent %+v", got)
		}
	})
}

func TestAutosaveAnswersWithTheVersion(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	form := filingFields(made.Version)
	form.Del("form_token")
	form.Set("do", "autosave")
	path := "/cases/" + made.ID.String() + "/edit"
	reply := c.submit("plaintiff", path, form, "Accept", "application/json")
	if reply.status != http.StatusOK || !strings.Contains(string(reply.body), fmt.Sprintf(`"version":%d`, made.Version+1)) {
		t.Fatalf("status %d: %s", reply.status, reply.body)
	}
	reply = c.submit("plaintiff", path, form, "Accept", "application/json")
	if reply.status != http.StatusConflict || !strings.Contains(string(reply.body), "yunting:problem:stale") {
		t.Errorf("a stale autosave: status %d: %s", reply.status, reply.body)
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	for _, tc := range []struct {
		name   string
		send   func() apiReply
		status int
		text   string
	}{
		{"a form of another site", func() apiReply {
			return c.submit("plaintiff", "/cases", url.Values{}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
		}, http.StatusForbidden, "请求来自其他网站"},
		{"a foreign host name", func() apiReply {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/", nil)
			apiCheck(t, err)
			req.Host = "evil.example"
			res, err := http.DefaultTransport.RoundTrip(req)
			apiCheck(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			apiCheck(t, err)
			return apiReply{res.StatusCode, res.Header, body}
		}, http.StatusMisdirectedRequest, "this court is at"},
		{"too large a body", func() apiReply {
			return c.submit("plaintiff", "/link", url.Values{"code": {strings.Repeat("x", 2<<20)}})
		}, http.StatusRequestEntityTooLarge, "过大"},
		{"an unknown case", func() apiReply {
			return c.send("plaintiff", http.MethodGet, "/cases/"+uuid.NewString(), nil)
		}, http.StatusNotFound, "没有找到"},
		{"a form for an unknown case", func() apiReply {
			return c.submit("plaintiff", "/cases/"+uuid.NewString()+"/submit", url.Values{"form_token": {formToken()}})
		}, http.StatusNotFound, "没有找到"},
		{"a form for what is no case", func() apiReply { return c.submit("plaintiff", "/cases/1/submit", url.Values{}) }, http.StatusNotFound, "没有找到"},
		{"a body that is no form", func() apiReply {
			return c.submit("plaintiff", "/link", url.Values{"code": {"x"}}, "Content-Type", "multipart/form-data; boundary=x")
		}, http.StatusBadRequest, "表单无法识别"},
		{"too large a file", func() apiReply {
			made, _ := c.draftCase()
			file := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n" + strings.Repeat("x", fileLimit) + "\r\n--x--\r\n"
			return c.send("", http.MethodPost, "/cases/"+made.ID.String()+"/evidence", []byte(file), "Content-Type", "multipart/form-data; boundary=x",
				"Origin", c.url, "Cookie", sessionCookie+"="+c.tokens["plaintiff"])
		}, http.StatusRequestEntityTooLarge, "过大"},
		{"no such page", func() apiReply { return c.send("plaintiff", http.MethodGet, "/nowhere", nil) }, http.StatusNotFound, "没有找到"},
		{"a wrong code", func() apiReply {
			return c.submit("plaintiff", "/link", url.Values{"form_token": {formToken()}, "code": {"AAAA-BBBB-CCCC"}})
		}, http.StatusUnprocessableEntity, "AAAA-BBBB-CCCC"},
		{"a wrong check digit", func() apiReply {
			return c.submit("", "/register", url.Values{"login": {"fresh"}, "password": {apiPassword}, "password2": {apiPassword}, "name": {"钱多"},
				"id_kind": {"resident_id"}, "id_number": {"110105198509170011"}, "phone": {"13800000099"}})
		}, http.StatusUnprocessableEntity, `id="id_number-error"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := tc.send()
			if reply.status != tc.status || !strings.Contains(string(reply.body), tc.text) {
				t.Errorf("status %d, want %d with %q: %.3000s", reply.status, tc.status, tc.text, reply.body)
			}
		})
	}
}

func TestEveryReplyIsGuarded(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	reply := c.send("", http.MethodGet, "/login", nil)
	policy := reply.header.Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self'", "frame-ancestors 'self'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe-inline") || strings.Contains(string(reply.body), "<script>") || strings.Contains(string(reply.body), " style=") {
		t.Error("inline script or style")
	}
	if reply.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("no nosniff")
	}
	signed := c.submit("", "/login", url.Values{"login": {"plaintiff"}, "password": {apiPassword}, "next": {"//evil.example/x"}})
	if to := signed.header.Get("Location"); to != "/x" { // the path, on this server
		t.Errorf("the log-in leads to %q", to)
	}
	cookie := signed.header.Get("Set-Cookie")
	for _, want := range []string{sessionCookie + "=", "HttpOnly", "SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie lacks %s: %s", want, cookie)
		}
	}
}

func TestPagesRenderInBothLanguages(t *testing.T) {
	c := newAPICourt(t)
	c.enrolAll()
	live, item := c.accepted()
	base := "/cases/" + live.ID.String()
	missing := regexp.MustCompile(`>\s*([a-z_]+\.[a-z_.]+)\s*<`)
	for _, lang := range languages {
		for _, tc := range []struct{ who, path string }{
			{"", "/"}, {"", "/login"}, {"", "/register"}, {"", "/ledger"}, {"plaintiff", "/"}, {"plaintiff", "/cases"}, {"reviewer", "/cases?scope=all"},
			{"plaintiff", "/mailbox"}, {"plaintiff", "/account"}, {"plaintiff", "/link"}, {"plaintiff", base}, {"defendant", base}, {"judge", base}, {"clerk", base},
			{"supervisor", base}, {"plaintiff", base + "/evidence"}, {"plaintiff", "/evidence/" + item.ID.String()}, {"plaintiff", base + "/entries/1"},
			{"plaintiff", base + "/receipt"}, {"plaintiff", base + "/consent"}, {"plaintiff", base + "/export"}, {"clerk", base + "/serve"},
			{"clerk", base + "/hearings/new"}, {"clerk", base + "/parties/" + live.Parties[0].ID.String() + "/invite"}, {"judge", base + "/judgment"},
			{"reviewer", base + "/review"}, {"supervisor", "/supervision"}, {"admin", "/admin"},
		} {
			cookie := langCookie + "=" + lang
			if tc.who != "" {
				cookie += "; " + sessionCookie + "=" + c.tokens[tc.who]
			}
			reply := c.send("", http.MethodGet, tc.path, nil, "Cookie", cookie)
			if reply.status != http.StatusOK {
				t.Errorf("%s %s %s: status %d: %s", lang, tc.who, tc.path, reply.status, reply.body)
				continue
			}
			text := string(reply.body)
			if m := missing.FindStringSubmatch(text); m != nil && !strings.HasSuffix(m[1], ".json") {
				t.Errorf("%s %s %s: untranslated %q", lang, tc.who, tc.path, m[1])
			}
			if !strings.Contains(text, `<html lang="`+lang+`"`) {
				t.Errorf("%s %s: another language", lang, tc.path)
			}
		}
	}
}

func TestAFormWhoseServerDiedCanBeSentAgain(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	token := uuid.New()
	_, err := c.server.Pool.Exec(context.Background(), `INSERT INTO web_forms (account, token, claimed_at) VALUES ($1, $2, $3)`,
		c.ids["plaintiff"], token, c.server.Now().Add(-2*formClaim))
	apiCheck(t, err)
	if reply := c.submit("plaintiff", "/cases", url.Values{"form_token": {token.String()}}); reply.status != http.StatusSeeOther {
		t.Errorf("status %d: %s", reply.status, reply.body)
	}
}

func TestSupervisionLeavesATrace(t *testing.T) {
	c := newAPICourt(t)
	c.enrolAll()
	live, _ := c.accepted()
	for range 2 {
		c.page("supervisor", "/cases/"+live.ID.String(), http.StatusOK)
	}
	entries, err := c.server.Docket.Entries(t.Context(), live.ID)
	apiCheck(t, err)
	n := 0
	for _, e := range entries {
		if e.Kind == docket.EntryRead && e.Actor == c.ids["supervisor"] {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d entries of reading, want 1 a day", n)
	}
}
