package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
)

// secret stands for what a person might have sent: no problem may repeat it.
const secret = "SECRET11010519491231002X"

// TestAPIProblems: every refusal is an RFC 9457 problem with the right status that repeats nothing of what was sent.
func TestAPIProblems(t *testing.T) {
	w := &apiWalk{apiCourt: newAPICourt(t), t: t}
	w.enrol()
	kase := w.begin()
	path := casePath(kase.ID, "")
	person := func(change string, value any) map[string]any {
		in := map[string]any{"login": "somebody", "password": apiPassword, "name": "某人", "id_kind": "resident_id",
			"id_number": apiPersonOf("stranger").number(), "phone": "13800000009", "email": "s@example.org"}
		in[change] = value
		return in
	}
	for _, c := range []struct {
		name, who, method, path string
		in                      any
		status                  int
		code                    string
	}{
		{"too large", "plaintiff", "PUT", path + "?version=1", map[string]string{"facts": strings.Repeat(secret, 1<<16)}, 413, "too_large"},
		{"no JSON", "plaintiff", "PUT", path + "?version=1", []byte(`{"facts": "` + secret), 400, "bad_form"},
		{"wrong type", "plaintiff", "PUT", path + "?version=1", map[string]any{"claims": []any{map[string]any{"text": "x", "amount_fen": secret}}}, 422, "bad_form"},
		{"unknown property", "plaintiff", "PUT", path + "?version=1", map[string]any{secret: 1}, 422, "bad_form"},
		{"no date", "plaintiff", "PUT", path + "?version=1", map[string]any{"parties": []any{map[string]any{"birth": secret}}}, 422, "bad_form"},
		{"no version", "plaintiff", "PUT", path, docket.Draft{}, 422, "bad_form"},
		{"version is no number", "plaintiff", "PUT", path + "?version=" + secret, docket.Draft{}, 422, "bad_form"},
		{"stale version", "plaintiff", "PUT", path + "?version=1", apiComplaint(), 409, "stale"},
		{"no such case", "plaintiff", "GET", casePath(uuid.New(), ""), nil, 404, "not_found"},
		{"an id that is none", "plaintiff", "GET", "/cases/" + secret, nil, 404, "not_found"},
		{"no such operation", "plaintiff", "GET", "/" + secret, nil, 404, "not_found"},
		{"unknown role", "admin", "POST", "/admin/roles", map[string]any{"account": uuid.New(), "role": secret}, 422, "bad_form"},
		{"no such account", "admin", "POST", "/admin/roles", map[string]any{"account": uuid.New(), "role": "judge"}, 404, "not_found"},
		{"account is no id", "admin", "POST", "/admin/roles", map[string]any{"account": secret, "role": "judge"}, 422, "bad_form"},
		{"unknown stage", "plaintiff", "GET", "/cases?stage=" + secret, nil, 422, "bad_form"},
		{"unknown kind of number", "", "POST", "/accounts", person("id_kind", secret), 422, "bad_form"},
		{"wrong number", "", "POST", "/accounts", person("id_number", secret), 422, "invalid"},
		{"login is taken", "", "POST", "/accounts", person("login", "plaintiff"), 422, "invalid"},
		{"unknown stage of consent", "plaintiff", "POST", path + "/consent", map[string]any{"online": true, "stage": secret}, 422, "invalid"},
		{"wrong password", "", "POST", "/sessions", map[string]string{"login": secret, "password": secret}, 401, "credentials"},
		{"wrong code", "defendant", "POST", "/links", map[string]string{"code": secret}, 422, "code"},
		{"nobody", "", "GET", path, nil, 401, "sign_in"},
		{"another's draft", "stranger", "GET", path, nil, 403, "forbidden"},
		{"incomplete", "plaintiff", "POST", path + "/submit", map[string]any{"version": kase.Version}, 422, "invalid"},
		{"no such upload", "plaintiff", "POST", path + "/evidence", map[string]any{"upload": secret, "name": "x"}, 404, "not_found"},
	} {
		reply := w.send(c.who, c.method, apiPrefix+c.path, c.in, "Content-Type", "application/json")
		var p problemBody
		if err := json.Unmarshal(reply.body, &p); err != nil {
			t.Errorf("%s: %d %s", c.name, reply.status, reply.body)
			continue
		}
		if reply.status != c.status || p.Status != c.status || p.Type != problemPrefix+c.code || p.Title == "" || strings.HasPrefix(p.Title, "problem.") ||
			reply.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %s", c.name, reply.status, reply.header.Get("Content-Type"), reply.body)
		}
		p.Instance = "" // the address that was asked for is the client's own
		if said, err := json.Marshal(p); err != nil || bytes.Contains(said, []byte("SECRET")) || bytes.Contains(said, []byte("11010519")) {
			t.Errorf("%s: the problem repeats what was sent: %s", c.name, said)
		}
	}
	if reply := w.send("plaintiff", "PUT", apiPrefix+path+"?version=1", []byte(secret), "Content-Type", "text/plain"); reply.status != http.StatusUnsupportedMediaType {
		t.Errorf("another media type: %d %s", reply.status, reply.body)
	}
	english := w.send("plaintiff", "GET", apiPrefix+casePath(uuid.New(), ""), nil, "Accept-Language", "en")
	if !bytes.Contains(english.body, []byte(`"Not found"`)) {
		t.Errorf("in English: %s", english.body)
	}
}

// TestAPIMasksNumbers: identity numbers and phones are whole for the filer of the open draft alone, wherever a case
// or a party is shown.
func TestAPIMasksNumbers(t *testing.T) {
	w := &apiWalk{apiCourt: newAPICourt(t), t: t}
	w.enrol()
	w.file()
	shows := func(who, path string) bool {
		reply := w.send(who, "GET", apiPrefix+path, nil)
		if reply.status != http.StatusOK {
			t.Errorf("%s: GET %s: %d %s", who, path, reply.status, reply.body)
		}
		for _, login := range []string{"plaintiff", "defendant"} {
			p := apiPersonOf(login)
			if bytes.Contains(reply.body, []byte(p.number())) || bytes.Contains(reply.body, []byte(p.phone)) {
				return true
			}
		}
		return false
	}
	draft := w.begin()
	if !shows("plaintiff", casePath(draft.ID, "")) {
		t.Error("the filer does not see what they typed")
	}
	if shows("plaintiff", "/me") {
		t.Error("the account shows the number")
	}
	filed := casePath(w.kase.ID, "")
	for _, c := range []struct{ who, path string }{
		{"plaintiff", filed}, {"plaintiff", filed + "/entries"}, {"reviewer", filed}, {"reviewer", "/desk"}, {"reviewer", "/cases"}, {"reviewer", filed + "/entries"},
	} {
		if shows(c.who, c.path) {
			t.Errorf("%s sees whole numbers at %s", c.who, c.path)
		}
	}
	w.review()
	w.bringIn()
	for _, who := range []string{"plaintiff", "defendant", "judge", "clerk"} {
		for _, path := range []string{filed, filed + "/entries", "/cases?mine=true&stage=accepted", filed + "/documents"} {
			if shows(who, path) {
				t.Errorf("%s sees whole numbers at %s", who, path)
			}
		}
		if who != "plaintiff" && shows(who, "/desk") { // the plaintiff's desk shows the open draft too
			t.Errorf("%s sees whole numbers on the desk", who)
		}
	}
	invitation := w.send("clerk", "POST", apiPrefix+fmt.Sprintf("%s/parties/%s/invitations", filed, w.kase.Parties[1].ID), nil)
	if bytes.Contains(invitation.body, []byte(apiPersonOf("defendant").phone)) {
		t.Error("the invitation shows the phone")
	}
}
