package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/service"
	"yunting/service/grid"
)

// Errors of the web itself.
var (
	errNotFound  = errors.New("web: no such page")
	errForbidden = errors.New("web: not allowed")
	errSignIn    = errors.New("web: sign in first")
	errBadForm   = errors.New("web: the form cannot be read")
	errNoHearing = errors.New("web: no hearing room on this server")
)

// problem is one kind of failure as the outside sees it. Code names the texts
// "problem.<code>" and "problem.<code>.help" in the dictionaries and the type
// of the RFC 9457 problem.
type problem struct {
	Status int
	Code   string
}

// problemOf maps every error of the modules to what the outside sees. What is
// not listed is a fault of the server, and its text stays in the log.
func problemOf(err error) problem {
	var tooLarge *http.MaxBytesError
	var invalid *docket.Invalid
	var incomplete *service.Incomplete
	var unexplained *service.Unexplained
	var fields identity.FieldErrors
	var deleted *deletedError
	var lapsed *lapsedError
	switch {
	case errors.As(err, &deleted):
		return problem{http.StatusGone, "deleted"}
	case errors.As(err, &lapsed):
		return problem{http.StatusGone, "draft_lapsed"}
	case errors.As(err, &tooLarge):
		return problem{http.StatusRequestEntityTooLarge, "too_large"}
	case errors.As(err, &invalid), errors.As(err, &incomplete), errors.As(err, &unexplained), errors.As(err, &fields):
		return problem{http.StatusUnprocessableEntity, "invalid"}
	}
	for _, known := range []struct {
		err error
		problem
	}{
		{errNotFound, problem{http.StatusNotFound, "not_found"}},
		{docket.ErrNotFound, problem{http.StatusNotFound, "not_found"}},
		{blob.ErrNotFound, problem{http.StatusNotFound, "not_found"}},
		{identity.ErrNotFound, problem{http.StatusNotFound, "not_found"}},
		{ledger.ErrNotFound, problem{http.StatusNotFound, "not_found"}},
		{ledger.ErrNotIntegrated, problem{http.StatusServiceUnavailable, "not_integrated"}},
		{errForbidden, problem{http.StatusForbidden, "forbidden"}},
		{errCrossSite, problem{http.StatusForbidden, "cross_site"}},
		{docket.ErrForbidden, problem{http.StatusForbidden, "forbidden"}},
		{errSignIn, problem{http.StatusUnauthorized, "sign_in"}},
		{identity.ErrNotSignedIn, problem{http.StatusUnauthorized, "sign_in"}},
		{identity.ErrBadCredentials, problem{http.StatusUnauthorized, "credentials"}},
		{identity.ErrThrottled, problem{http.StatusTooManyRequests, "throttled"}},
		{docket.ErrThrottled, problem{http.StatusTooManyRequests, "throttled"}},
		{docket.ErrStale, problem{http.StatusConflict, "stale"}},
		{docket.ErrConflict, problem{http.StatusConflict, "conflict"}},
		{docket.ErrShortNotice, problem{http.StatusUnprocessableEntity, "short_notice"}},
		{docket.ErrCode, problem{http.StatusUnprocessableEntity, "code"}},
		{docket.ErrIdentity, problem{http.StatusForbidden, "identity"}},
		{docket.ErrNotSigned, problem{http.StatusConflict, "not_open"}},
		{errBusy, problem{http.StatusConflict, "busy"}},
		{errRepeated, problem{http.StatusConflict, "repeated"}},
		{service.ErrInput, problem{http.StatusUnprocessableEntity, "bad_form"}},
		{errBadForm, problem{http.StatusBadRequest, "bad_form"}},
		{errCollected, problem{http.StatusGone, "upload_collected"}},
		{errIncomplete, problem{http.StatusConflict, "incomplete_upload"}},
		{handler.ErrNotFound, problem{http.StatusNotFound, "not_found"}},
		{grid.ErrUnavailable, problem{http.StatusServiceUnavailable, "no_ffmpeg"}},
		{errNoHearing, problem{http.StatusServiceUnavailable, "no_hearing"}},
	} {
		if errors.Is(err, known.err) {
			return known.problem
		}
	}
	return problem{http.StatusInternalServerError, "internal"}
}

// problemPrefix begins the type of every problem.
const problemPrefix = "yunting:problem:"

// problemBody is an RFC 9457 problem.
type problemBody struct {
	Type     string           `json:"type"` // problemPrefix and the code
	Title    string           `json:"title"`
	Status   int              `json:"status"`
	Detail   string           `json:"detail,omitempty"`
	Instance string           `json:"instance,omitempty"`
	Findings []problemFinding `json:"findings,omitempty"`
}

// problemFinding is one wrong item of a form.
type problemFinding struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Article string `json:"article,omitempty"`
}

// fail replies to a request that did not succeed: a problem to programs, a
// page to people, the log-in page to whoever only has to sign in.
func (s *server) fail(r *request, err error) {
	p := problemOf(err)
	if p.Status >= 500 {
		s.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "pattern", r.route.pattern, "error", err)
	}
	if r.written {
		return // the reply has begun; there is nothing left to say
	}
	if r.wantsProblem() {
		s.writeProblem(r, p, err)
		return
	}
	if p.Code == "sign_in" {
		next := r.URL.RequestURI()
		if r.Method != http.MethodGet {
			next = localPath(r.Referer())
		}
		http.Redirect(r.w, r.Request, "/login?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	data := problemPage{Code: p.Code, Status: p.Status, Typed: typed(r), Back: r.back, Findings: r.findingTexts(err)}
	errors.As(err, &data.Deleted)
	errors.As(err, &data.Lapsed)
	if rerr := r.render(p.Status, "problem", "problem."+p.Code, data); rerr != nil {
		s.Logger.ErrorContext(r.Context(), "error page failed", "error", rerr)
		http.Error(r.w, fmt.Sprintf("%d %s", p.Status, http.StatusText(p.Status)), p.Status)
	}
}

type problemPage struct {
	Code     string
	Status   int
	Typed    []typedField // what the person had entered: never lost
	Back     string
	Findings []problemFinding
	Deleted  *deletedError // of recordings that were deleted by decision
	Lapsed   *lapsedError  // of a draft that was cleared after its period
}

type typedField struct{ Name, Value string }

// hiddenFields never come back in a page.
var hiddenFields = map[string]bool{"form_token": true, "password": true, "back": true, "version": true, "id_number": true}

// typed lists what a failed form held, in the order of its field names.
func typed(r *request) []typedField {
	var out []typedField
	for _, name := range sortedKeys(r.PostForm) {
		if hiddenFields[name] || strings.HasSuffix(name, ".id_number") {
			continue
		}
		for _, v := range r.PostForm[name] {
			if strings.TrimSpace(v) != "" {
				out = append(out, typedField{name, v})
			}
		}
	}
	return out
}

// wantsProblem reports whether a program asks: the API, a media client, or a
// script of a page that says so.
func (r *request) wantsProblem() bool {
	for _, prefix := range []string{"/api/", "/whip/", "/whep/", "/uploads", "/ledger/checkpoint", "/ledger/tile/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

func (s *server) writeProblem(r *request, p problem, err error) {
	body := problemBody{
		Type: problemPrefix + p.Code, Title: r.t("problem." + p.Code), Status: p.Status,
		Detail: r.t("problem." + p.Code + ".help"), Instance: r.URL.Path, Findings: r.findingTexts(err),
	}
	var deleted *deletedError
	if errors.As(err, &deleted) {
		body.Detail = r.deletedText(deleted)
	}
	var lapsed *lapsedError
	if errors.As(err, &lapsed) {
		body.Detail = r.lapsedText(lapsed)
	}
	h := r.w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	r.w.WriteHeader(p.Status)
	if err := json.NewEncoder(r.w).Encode(body); err != nil {
		s.Logger.DebugContext(r.Context(), "problem not sent", "error", err)
	}
}

// findingTexts puts what is wrong with a form into words.
func (r *request) findingTexts(err error) []problemFinding {
	var out []problemFinding
	var invalid *docket.Invalid
	if errors.As(err, &invalid) {
		for _, f := range invalid.Findings {
			out = append(out, problemFinding{f.Field, f.Code, r.t("finding." + f.Code), f.Article})
		}
	}
	var incomplete *service.Incomplete
	if errors.As(err, &incomplete) {
		for _, f := range incomplete.Fields {
			out = append(out, problemFinding{f, "missing", r.missing([]string{f})[0].Message, ""})
		}
	}
	var unexplained *service.Unexplained
	if errors.As(err, &unexplained) {
		for _, key := range unexplained.Keys {
			out = append(out, problemFinding{key, "missing", r.t("explanation.wrong"), ""})
		}
	}
	var fields identity.FieldErrors
	if errors.As(err, &fields) {
		for _, f := range fields {
			out = append(out, problemFinding{f.Field, f.Code, r.t("account." + f.Code), ""})
		}
	}
	return out
}
