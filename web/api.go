package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

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
		"Errors are RFC 9457 problems. Large evidence files go by tus 1.0 to /uploads/ and are then named to POST /api/v1/cases/{case}/evidence. " +
		"When the reply to a POST may be lost, send an Idempotency-Key and, until there is a reply, the same request again: it is carried out once."
	// No $schema in bodies, no documentation page from elsewhere, and what is missing in a form is the validator's to say.
	config.CreateHooks, config.DocsPath, config.SchemasPath, config.OpenAPIPath = nil, "", "", ""
	config.FieldsOptionalByDefault = true
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"bearer": {}}}
	a := &api{handlers: make(map[string]func(huma.Context))}
	a.huma = huma.NewAPI(config, collector{a})
	return a
}

// operation adds one operation that replies with a T, and returns its row. In is what it takes, as huma binds it; fn gets
// the guarded request.
func operation[In, T any](a *api, rt route, id, summary string, fn func(*request, *In) (*body[T], error)) route {
	return register(a, rt, id, summary, reflect.TypeFor[body[T]](), func(r *request, in *In) (*anyBody, error) {
		out, err := fn(r, in)
		if err != nil {
			return nil, err
		}
		return &anyBody{out.Body}, nil
	})
}

// silent adds one operation that replies with nothing, and returns its row.
func silent[In any](a *api, rt route, id, summary string, fn func(*request, *In) (*none, error)) route {
	return register(a, rt, id, summary, nil, fn)
}

// register describes and runs an operation for operation and silent. shape is the reply as it is described, nil for none. Out
// is one type for all bodies, as huma's part is compiled anew for each pair of types.
func register[In, Out any](a *api, rt route, id, summary string, shape reflect.Type, fn func(*request, *In) (*Out, error)) route {
	op := huma.Operation{OperationID: id, Method: rt.method, Path: apiPrefix + rt.pattern, Summary: summary, Tags: []string{tagOf(rt.pattern)},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict}, MaxBodyBytes: defaultLimit}
	if rt.method == http.MethodPost {
		op.DefaultStatus = http.StatusCreated
		op.Parameters = []*huma.Param{idempotencyKey}
	}
	if shape != nil {
		a.describeReply(&op, shape)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *In) (*Out, error) {
		r := requestOf(ctx)
		out, err := fn(r, in)
		if err != nil {
			return nil, r.apiProblem(err)
		}
		return out, nil
	})
	describePath(a.huma.OpenAPI(), op.Method, op.Path)
	run := a.handlers[op.Method+" "+op.Path]
	rt.pattern, rt.raw = op.Path, true
	rt.handle = func(r *request) error {
		r.w.Header().Set("Cache-Control", "no-store")
		return r.s.onceForKey(r, func() bool {
			r.written = true
			w := &replyStatus{ResponseWriter: r.w}
			run(humago.NewContext(&op, r.Request, w))
			return w.status < 300
		})
	}
	return rt
}

// describeReply gives the operation the schema of what it replies with.
func (a *api) describeReply(op *huma.Operation, shape reflect.Type) {
	field, _ := shape.FieldByName("Body")
	schema := huma.SchemaFromField(a.huma.OpenAPI().Components.Schemas, field, shape.Name()+field.Name)
	status := cmp.Or(op.DefaultStatus, http.StatusOK)
	op.Responses = map[string]*huma.Response{strconv.Itoa(status): {Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
}

// replyStatus remembers the status that was sent.
type replyStatus struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *replyStatus) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what the writer stands before.
func (w *replyStatus) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// idempotencyKey describes the header that every POST may carry; see onceForKey.
var idempotencyKey = &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
	Description: "A text of the client's own, such as a UUID. The same request with the same key is carried out once: the next one is answered with the problem \"repeated\"."}

// schemaName names a type's schema with its package: several modules have an Answer or a Draft.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if pkg := path.Base(t.PkgPath()); t.Name() != "" && pkg != "." && pkg != "web" && !strings.Contains(t.Name(), "[") {
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// file describes a row that replies with a file of that media type, and returns it.
func file(a *api, rt route, id, summary, mediaType string) route {
	problem := func(description string) *huma.Response { return &huma.Response{Description: description} }
	op := &huma.Operation{OperationID: id, Method: rt.method, Path: apiPrefix + rt.pattern, Summary: summary, Tags: []string{tagOf(rt.pattern)},
		Responses: map[string]*huma.Response{
			"200": {Description: "The file", Content: map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}},
			"401": problem("Not signed in"), "403": problem("Not allowed"), "404": problem("Not found")}}
	for _, name := range pathNames(rt.pattern) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	a.huma.OpenAPI().AddOperation(op)
	rt.pattern, rt.raw = op.Path, true
	return rt
}

// describePath adds the parts of the path that the guard reads and the operation's input therefore does not name.
func describePath(spec *huma.OpenAPI, method, path string) {
	item := spec.Paths[path]
	op := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete}[method]
	for _, name := range pathNames(path) {
		if !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name }) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}})
		}
	}
}

// pathNames are the names in a pattern's braces.
func pathNames(pattern string) []string {
	var names []string
	for part := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

func tagOf(pattern string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
	return first
}

// body is the reply of an operation that returns one thing.
type body[T any] struct{ Body T }

// anyBody is every body as huma sees it.
type anyBody struct{ Body any }

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
	return &problemBody{Type: problemPrefix + p.Code, Title: r.t("problem." + p.Code), Status: p.Status,
		Detail: r.t("problem." + p.Code + ".help"), Instance: r.URL.Path, Findings: r.findingTexts(err)}
}

// quietErrors makes huma's own errors (a body that is no JSON, a wrong type) problems of ours that never repeat the
// values that were sent: they may be personal.
var quietErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, _ string, details ...error) huma.StatusError { return quietProblem(status, details) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, details ...error) huma.StatusError {
		p := quietProblem(status, details)
		if ctx == nil {
			return p
		}
		if r := requestOf(ctx.Context()); r != nil {
			p.Title, p.Instance = r.t("problem."+strings.TrimPrefix(p.Type, problemPrefix)), r.URL.Path
		}
		return p
	}
})

func quietProblem(status int, details []error) *problemBody {
	code := "bad_form"
	switch {
	case status == http.StatusRequestEntityTooLarge:
		code = "too_large"
	case status >= http.StatusInternalServerError:
		code = "internal"
	}
	p := &problemBody{Type: problemPrefix + code, Title: http.StatusText(status), Status: status}
	for _, d := range details {
		var detail *huma.ErrorDetail
		if errors.As(d, &detail) {
			p.Findings = append(p.Findings, quietFinding(detail))
		}
	}
	return p
}

// quietFinding says where the body is wrong and what the schema wants there. huma's own words begin with "expected"
// and end before a colon; what follows, and every other text, comes from a parser and may hold what was sent, as
// does the name of a property that the schema does not know.
func quietFinding(detail *huma.ErrorDetail) problemFinding {
	f := problemFinding{Field: strings.TrimPrefix(detail.Location, "body."), Code: "bad_value", Message: "not of the form that the schema asks for"}
	words, _, _ := strings.Cut(detail.Message, ": ")
	switch {
	case words == validation.MsgUnexpectedProperty:
		f.Field, f.Code, f.Message = "body", "unknown_property", "a property that the schema does not know"
	case strings.HasPrefix(words, "expected "):
		f.Message = words
	}
	return f
}

// apiRoutes lists the operations of the API, each with its action, beside the addresses that are not JSON.
func (s *server) apiRoutes() []route {
	a := newAPI()
	var list []route
	list = append(list, s.apiAccountRoutes(a)...)
	list = append(list, s.apiFilingRoutes(a)...)
	list = append(list, s.apiCaseRoutes(a)...)
	list = append(list, s.apiHearingRoutes(a)...)
	list = append(list, s.apiPlayerRoutes(a)...)
	list = append(list, s.apiRecordingRoutes(a)...)
	list = append(list, s.apiKeepingRoutes(a)...)
	list = append(list, s.apiFilmRoutes(a)...)
	list = append(list, s.apiExplanationRoutes(a)...)
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
		silent(a, route{method: "DELETE", pattern: "/sessions", action: identity.ActAccount}, "sign-out", "End the token that is sent", s.apiSignOut),
		operation(a, route{method: "GET", pattern: "/me", action: identity.ActAccount}, "me", "Who the token belongs to", s.apiMe),
		operation(a, route{method: "GET", pattern: "/desk", action: identity.ActAccount}, "desk", "What needs me, and my cases", s.apiDesk),
		operation(a, route{method: "GET", pattern: "/mailbox", action: identity.ActAccount}, "mailbox", "What was served on me", s.apiMailbox),
		operation(a, route{method: "GET", pattern: "/notices", action: identity.ActAccount}, "notices", "Which of my drafts will be cleared soon", s.apiNotices),
		operation(a, route{method: "POST", pattern: "/links", action: identity.ActLink}, "link", "Join a case with an invitation's code", s.apiLink),
		silent(a, route{method: "POST", pattern: "/admin/roles", action: identity.ActAdminister}, "grant", "Give an account a role", s.apiGrant),
	}
}
