package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"yunting/internal/identity"
)

// apiPrefix is where the JSON API lives. Whatever a page can do, it can do; acts in an open hearing go by the
// hearing's socket (docs/signaling-protocol.md), for pages and programs alike.
const apiPrefix = "/api/v1"

// api describes and runs the operations of the JSON API (OpenAPI 3.1, RFC 9457). Each operation is also a row in
// routes, so that the one guard stands before it.
type api struct {
	huma     huma.API
	handlers map[string]func(huma.Context) // by "METHOD pattern"
}

// collector is the huma adapter that keeps handlers for the rows instead of serving them itself.
type collector struct{ api *api }

// Handle implements huma.Adapter.
func (c collector) Handle(op *huma.Operation, handler func(huma.Context)) {
	c.api.handlers[op.Method+" "+op.Path] = handler
}

// ServeHTTP implements huma.Adapter; requests come through the rows only.
func (c collector) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func newAPI() *api {
	quietErrors()
	config := huma.DefaultConfig("Yunting 云庭", "1")
	config.Info.Description = "The court's API. Sign in with POST /api/v1/sessions and send the token as a bearer token. " +
		"Errors are RFC 9457 problems. Large evidence files go by tus 1.0 to /uploads/ and are then named to POST /api/v1/cases/{case}/evidence."
	// No $schema in bodies, no documentation page from elsewhere, and what is missing in a form is the validator's to say.
	config.CreateHooks, config.DocsPath, config.SchemasPath, config.OpenAPIPath = nil, "", "", ""
	config.FieldsOptionalByDefault = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"bearer": {}}}
	a := &api{handlers: make(map[string]func(huma.Context))}
	a.huma = huma.NewAPI(config, collector{a})
	return a
}

// operation adds one operation and returns its row. In is what the operation takes and Out what it gives, as huma
// binds them; fn gets the guarded request.
func operation[In, Out any](a *api, rt route, id, summary string, fn func(*request, *In) (*Out, error)) route {
	op := huma.Operation{OperationID: id, Method: rt.method, Path: apiPrefix + rt.pattern, Summary: summary, Tags: []string{tagOf(rt.pattern)},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict}, MaxBodyBytes: defaultLimit}
	if rt.method == http.MethodPost {
		op.DefaultStatus = http.StatusCreated
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *In) (*Out, error) {
		r := requestOf(ctx)
		out, err := fn(r, in)
		if err != nil {
			return nil, r.apiProblem(err)
		}
		return out, nil
	})
	run := a.handlers[op.Method+" "+op.Path]
	rt.pattern, rt.raw = op.Path, true
	rt.handle = func(r *request) error {
		r.w.Header().Set("Cache-Control", "no-store")
		run(humago.NewContext(&op, r.Request, r.w))
		return nil
	}
	return rt
}

func tagOf(pattern string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
	return first
}

// body is the reply of an operation that returns one thing.
type body[T any] struct{ Body T }

func reply[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// none is an operation's empty input or output.
type none struct{}

// GetStatus implements huma.StatusError.
func (p *problemBody) GetStatus() int { return p.Status }

// Error implements error.
func (p *problemBody) Error() string { return p.Type }

// ContentType implements huma.ContentTypeFilter.
func (p *problemBody) ContentType(string) string { return "application/problem+json" }

// apiProblem puts a module's error into the words of the outside.
func (r *request) apiProblem(err error) error {
	p := problemOf(err)
	if p.Status >= 500 {
		r.s.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "pattern", r.route.pattern, "error", err)
	}
	return &problemBody{Type: "yunting:problem:" + p.Code, Title: r.t("problem." + p.Code), Status: p.Status,
		Detail: r.t("problem." + p.Code + ".help"), Instance: r.URL.Path, Findings: r.findingTexts(err)}
}

// quietErrors makes huma's own errors (a body that is no JSON, a wrong type) problems of ours that never repeat the
// values that were sent: they may be personal.
var quietErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, details ...error) huma.StatusError {
		p := &problemBody{Type: "yunting:problem:bad_form", Title: message, Status: status}
		for _, d := range details {
			var detail *huma.ErrorDetail
			if errors.As(d, &detail) {
				p.Findings = append(p.Findings, problemFinding{Field: strings.TrimPrefix(detail.Location, "body."), Code: "bad_value", Message: detail.Message})
			}
		}
		return p
	}
})

// apiRoutes lists the operations of the API, each with its action, beside the addresses that are not JSON.
func (s *server) apiRoutes() []route {
	a := newAPI()
	var list []route
	list = append(list, s.apiAccountRoutes(a)...)
	list = append(list, s.apiFilingRoutes(a)...)
	list = append(list, s.apiCaseRoutes(a)...)
	list = append(list, s.apiHearingRoutes(a)...)
	list = append(list, s.apiServiceRoutes(a)...)
	return append(list, route{method: "GET", pattern: "/api/openapi.json", action: open, handle: func(r *request) error {
		spec, err := a.huma.OpenAPI().MarshalJSON()
		if err != nil {
			return err
		}
		r.w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		_, err = r.w.Write(spec)
		return err
	}})
}

// apiAccountRoutes are a person's account, log-in and desk.
func (s *server) apiAccountRoutes(a *api) []route {
	return []route{
		operation(a, route{method: "POST", pattern: "/accounts", action: open}, "register", "Register with a real name", s.apiRegister),
		operation(a, route{method: "POST", pattern: "/sessions", action: open}, "sign-in", "Sign in and get a token", s.apiSignIn),
		operation(a, route{method: "DELETE", pattern: "/sessions", action: identity.ActAccount}, "sign-out", "End the token that is sent", s.apiSignOut),
		operation(a, route{method: "GET", pattern: "/me", action: identity.ActAccount}, "me", "Who the token belongs to", s.apiMe),
		operation(a, route{method: "GET", pattern: "/desk", action: identity.ActAccount}, "desk", "What needs me, and my cases", s.apiDesk),
		operation(a, route{method: "GET", pattern: "/mailbox", action: identity.ActAccount}, "mailbox", "What was served on me", s.apiMailbox),
		operation(a, route{method: "POST", pattern: "/links", action: identity.ActLink}, "link", "Join a case with an invitation's code", s.apiLink),
		operation(a, route{method: "POST", pattern: "/admin/roles", action: identity.ActAdminister}, "grant", "Give an account a role", s.apiGrant),
	}
}
