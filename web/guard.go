package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

// request is one request after the guard: who asks, in which language, about
// which case.
type request struct {
	*http.Request
	w     http.ResponseWriter
	s     *server
	route *route
	actor identity.Actor
	lang  string

	// What the path names; the guard has found it and its case.
	view     identity.CaseView
	caseID   uuid.UUID
	hearing  docket.Hearing
	evidence docket.Evidence
	document service.Document
	delivery service.Delivery

	location string // where the reply leads; see redirect
	written  bool   // the handler has replied itself
	back     string // page of the form that was posted
}

type requestKey struct{}

// requestOf gives the guarded request to code below another router: the
// operations of the JSON API.
func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// t translates into the request's language.
func (r *request) t(key string, pairs ...any) string {
	return r.s.pages[r.lang].words.text(key, pairs...)
}

// can asks the policy about the case of this request.
func (r *request) can(act identity.Action) bool { return identity.Can(r.actor, act, r.view) }

// redirect ends a POST: the browser goes to path. done names a message that
// the next page shows ("done." in the dictionaries); may be empty.
func (r *request) redirect(path, done string) error {
	if done != "" {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		path += sep + "done=" + url.QueryEscape(done)
	}
	r.location = path
	return nil
}

// redirectNow ends a GET by leading elsewhere.
func (r *request) redirectNow(path string) error {
	r.written = true
	r.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(r.w, r.Request, path, http.StatusSeeOther)
	return nil
}

// replaceDirective puts one directive of a policy in the place of another.
func replaceDirective(policy, old, new string) string { return strings.Replace(policy, old, new, 1) }

// casePath is the address of the request's case, with a tail.
func (r *request) casePath(tail string) string { return "/cases/" + r.caseID.String() + tail }

// serve runs one route: find, authorise, limit, act, reply.
func (s *server) serve(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, s: s, route: rt, lang: langOf(hr)}
		r.Request = hr.WithContext(context.WithValue(hr.Context(), requestKey{}, r))
		err := s.guard(r)
		if err == nil && s.probe {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err == nil {
			err = s.act(r)
		}
		if err != nil {
			s.fail(r, err)
		}
	})
}

// act runs the handler; of a form it makes one act (see onceForForm).
func (s *server) act(r *request) error {
	rt := r.route
	if rt.limit >= 0 {
		limit := rt.limit
		if limit == 0 {
			limit = defaultLimit
		}
		r.Body = http.MaxBytesReader(r.w, r.Body, limit)
	}
	if r.Method != http.MethodPost || rt.raw {
		return rt.handle(r)
	}
	if err := parseForm(r); err != nil {
		return err
	}
	r.back = localPath(r.PostFormValue("back"), r.Referer())
	if err := s.onceForForm(r, func() error { return rt.handle(r) }); err != nil {
		return err
	}
	if r.location != "" && !r.written {
		r.w.Header().Set("Cache-Control", "no-store")
		http.Redirect(r.w, r.Request, r.location, http.StatusSeeOther)
	}
	return nil
}

// formMemoryBytes is how much of a multipart form is kept in memory; the rest
// goes to temporary files.
const formMemoryBytes = 1 << 20

func parseForm(r *request) error {
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		err = r.ParseMultipartForm(formMemoryBytes)
	} else {
		err = r.ParseForm()
	}
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	return err
}

// localPath gives the first of the addresses that is a page of this server,
// as a path; "/" when none is.
func localPath(addresses ...string) string {
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(a, "\\\r\n") {
			continue
		}
		u.Scheme, u.Host, u.User = "", "", nil
		return u.RequestURI()
	}
	return "/"
}

// guard finds out who asks about what, and asks the policy.
func (s *server) guard(r *request) error {
	var err error
	if r.actor, err = s.authenticate(r.Request); err != nil {
		return err
	}
	if err := s.find(r); err != nil {
		// Nobody learns without log-in whether something exists.
		if r.actor.Anonymous() && errors.Is(err, errNotFound) {
			return errSignIn
		}
		return err
	}
	if r.can(r.route.action) || r.route.or != "" && r.can(r.route.or) {
		return s.ownDelivery(r)
	}
	if r.actor.Anonymous() {
		return errSignIn
	}
	return r.unlessLapsed()
}

// ownDelivery keeps a delivery to its recipient, the case's clerk and judge,
// and supervision: another party of the same case does not see it.
func (s *server) ownDelivery(r *request) error {
	if r.route.about != aboutDelivery {
		return nil
	}
	if r.delivery.Account != nil && *r.delivery.Account == r.actor.Account {
		return nil
	}
	if r.Method == http.MethodGet && r.seesDeliveries() {
		return nil
	}
	return errForbidden
}

// seesDeliveries reports whether the person may see what was served on
// everybody in the case, not only on themselves.
func (r *request) seesDeliveries() bool {
	return r.can(identity.ActServe) || r.can(identity.ActDraftJudgment) || r.can(identity.ActSupervise)
}

// find loads what the path names, and the policy's view of its case.
func (s *server) find(r *request) error {
	ctx := r.Context()
	id := func(name string) (uuid.UUID, error) {
		id, err := uuid.Parse(r.PathValue(name))
		if err != nil {
			return uuid.UUID{}, errNotFound
		}
		return id, nil
	}
	var of uuid.UUID
	var err error
	switch r.route.about {
	case aboutNothing:
		return nil
	case aboutCase:
		r.caseID, err = id("case")
	case aboutHearing:
		if of, err = id("hearing"); err == nil {
			r.hearing, err = s.Docket.Hearing(ctx, of)
			r.caseID = r.hearing.Case
		}
	case aboutEvidence:
		if of, err = id("evidence"); err == nil {
			r.evidence, err = s.Docket.EvidenceItem(ctx, of)
			r.caseID = r.evidence.Case
		}
	case aboutDocument:
		if of, err = id("document"); err == nil {
			r.document, err = s.Service.Document(ctx, of)
			r.caseID = r.document.Case
		}
	case aboutDelivery:
		if of, err = id("delivery"); err == nil {
			r.delivery, err = s.Service.Delivery(ctx, of)
			r.caseID = r.delivery.Case
		}
	}
	if err != nil {
		return err
	}
	r.view, err = s.Docket.View(ctx, r.actor, r.caseID)
	return err
}

// headers sets what every reply carries. Pages run no script but the court's
// own files; nothing may frame them but the court.
func (s *server) headers(next http.Handler) http.Handler {
	socket := strings.Replace(s.public.Scheme, "http", "ws", 1) + "://" + s.public.Host
	policy := "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob:; connect-src 'self' " + socket + "; frame-src 'self'; frame-ancestors 'self'; " +
		"form-action 'self'; base-uri 'none'; object-src 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// hosts refuses requests for another host than the public one, so that no
// foreign name can be bound to this server. A court that is public only on
// this machine answers to every name of the machine itself; probes of health
// and metrics come by address.
func (s *server) hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			next.ServeHTTP(w, r)
			return
		}
		if strings.EqualFold(r.Host, s.public.Host) || (loopback(s.public.Host) && loopback(r.Host)) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "421 this court is at "+s.public.String(), http.StatusMisdirectedRequest)
	})
}

func loopback(hostport string) bool {
	host := (&url.URL{Host: hostport}).Hostname()
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// logged writes one line a request, without query, names or numbers.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		next.ServeHTTP(w, r)
		s.Logger.DebugContext(r.Context(), "request", "method", r.Method, "pattern", r.Pattern, "took", s.Now().Sub(start).Round(time.Millisecond))
	})
}
