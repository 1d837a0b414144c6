package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// apiForForm names, for every form of the pages, the operations that do the same by the API.
var apiForForm = map[string][]string{
	"/login":                                            {"POST /sessions"},
	"/register":                                         {"POST /accounts"},
	"/logout":                                           {"DELETE /sessions"},
	"/link":                                             {"POST /links"},
	"/cases":                                            {"POST /cases"},
	"/cases/{case}/edit":                                {"PUT /cases/{case}", "GET /cases/{case}/findings"},
	"/cases/{case}/submit":                              {"POST /cases/{case}/submit"},
	"/cases/{case}/evidence":                            {"POST /cases/{case}/evidence"},
	"/cases/{case}/uploads":                             {"POST /cases/{case}/evidence"},
	"/evidence/{evidence}/remove":                       {"DELETE /evidence/{evidence}"},
	"/cases/{case}/export":                              {"POST /cases/{case}/export"},
	"/cases/{case}/consent":                             {"POST /cases/{case}/consent", "DELETE /cases/{case}/consent"},
	"/cases/{case}/accept":                              {"POST /cases/{case}/accept"},
	"/cases/{case}/corrections":                         {"POST /cases/{case}/corrections"},
	"/cases/{case}/refuse":                              {"POST /cases/{case}/refuse"},
	"/cases/{case}/hearings":                            {"POST /cases/{case}/hearings"},
	"/hearings/{hearing}/transcript":                    {"POST /hearings/{hearing}/transcript/answer"},
	"/hearings/{hearing}/recording/consent":             {"POST /hearings/{hearing}/recording/consent"},
	"/hearings/{hearing}/recording/integrity":           {"POST /hearings/{hearing}/recording/integrity"},
	"/hearings/{hearing}/recording/watched":             {"POST /hearings/{hearing}/recording/watched"},
	"/hearings/{hearing}/recording/copy":                {"POST /hearings/{hearing}/recording/copy"},
	"/hearings/{hearing}/recording/copy/{request}":      {"POST /hearings/{hearing}/recording/copy/{request}"},
	"/hearings/{hearing}/keeping/hold":                  {"POST /hearings/{hearing}/keeping/hold", "POST /hearings/{hearing}/keeping/release"},
	"/hearings/{hearing}/keeping/deletion":              {"POST /hearings/{hearing}/keeping/deletion"},
	"/hearings/{hearing}/keeping/deletion/{deletion}":   {"POST /hearings/{hearing}/keeping/deletion/{deletion}"},
	"/hearings/{hearing}/films":                         {"POST /hearings/{hearing}/films"},
	"/hearings/{hearing}/films/{film}/cancel":           {"POST /hearings/{hearing}/films/{film}/cancel"},
	"/hearings/{hearing}/films/{film}/retry":            {"POST /hearings/{hearing}/films/{film}/retry"},
	"/hearings/{hearing}/recording/explanation":         {"PUT /hearings/{hearing}/recording/explanation"},
	"/hearings/{hearing}/recording/explanation/approve": {"POST /hearings/{hearing}/recording/explanation/approve"},
	"/cases/{case}/judgment":                            {"PUT /cases/{case}/judgment"},
	"/cases/{case}/judgment/sign":                       {"POST /cases/{case}/judgment/sign"},
	"/cases/{case}/serve":                               {"POST /cases/{case}/deliveries"},
	"/deliveries/{delivery}/receipt":                    {"POST /deliveries/{delivery}/receipt"},
	"/admin/roles":                                      {"POST /admin/roles"},
	"/cases/{case}/parties/{party}/invite":              {"POST /cases/{case}/parties/{party}/invitations"},
}

// pagesAlone are the forms that programs do not need, each with the reason.
var pagesAlone = map[string]string{
	"/language":   "a browser's own choice, kept in its cookie; a program says Accept-Language",
	"/theme":      "light or dark: nothing of it exists outside a page",
	"/demo/login": "one click of the demonstration; programs take their tokens from demo.json",
}

// programsAlone are posts that no page's form sends: a script, an encoder or a player does.
var programsAlone = []string{"/uploads/", "/whip/", "/whep/"}

// TestAPIDoesWhatPagesDo: no form of a page lacks its operation, and both ask the policy the same question.
func TestAPIDoesWhatPagesDo(t *testing.T) {
	s := &server{Config: Config{Demo: &DemoInfo{}}}
	api, left := map[string]route{}, map[string]bool{}
	for _, rt := range s.routes() {
		if path, ok := strings.CutPrefix(rt.pattern, apiPrefix); ok {
			api[rt.method+" "+path] = rt
		}
	}
	for form := range apiForForm {
		left[form] = true
	}
	for form := range pagesAlone {
		left[form] = true
	}
	for _, rt := range s.routes() {
		if rt.method != http.MethodPost || strings.HasPrefix(rt.pattern, "/api/") ||
			slices.ContainsFunc(programsAlone, func(p string) bool { return strings.HasPrefix(rt.pattern, p) }) {
			continue
		}
		delete(left, rt.pattern)
		operations := apiForForm[rt.pattern]
		if len(operations) == 0 && pagesAlone[rt.pattern] == "" {
			t.Errorf("the form %s has no operation in the API and no reason why", rt.pattern)
		}
		for _, name := range operations {
			op, ok := api[name]
			switch {
			case !ok:
				t.Errorf("%s: there is no operation %s", rt.pattern, name)
			case op.action != rt.action || op.or != rt.or || op.about != rt.about:
				t.Errorf("%s asks for %s, %s for %s", rt.pattern, rt.action, name, op.action)
			}
		}
	}
	for form := range left {
		t.Errorf("there is no form %s any more", form)
	}
}
