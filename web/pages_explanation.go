package web

import (
	"errors"
	"net/http"
	"strings"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

type explanationPage struct {
	Hearing    docket.Hearing
	Case       docket.Case
	E          service.Explanation
	MayWrite   bool
	MayApprove bool
}

func (s *server) getExplanation(r *request) error {
	e, err := s.Service.Explanation(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	return s.showExplanation(r, http.StatusOK, e, nil)
}

func (s *server) showExplanation(r *request, status int, e service.Explanation, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	page := explanationPage{Hearing: r.hearing, Case: c, E: e, MayWrite: e.Document == nil && r.can(identity.ActExplainRecording),
		MayApprove: e.Document == nil && e.SignedAt != nil && r.can(identity.ActApproveExplanation)}
	return r.render(status, "explanation", "explanation.title", page, in("cases"), withErrors(wrong))
}

// textPrefix begins the names of the form's texts; the interruption's key follows.
const textPrefix = "text."

// postExplanation saves the clerk's text; its buttons also sign.
func (s *server) postExplanation(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	clean := func(v string) string { return strings.ReplaceAll(v, "\r\n", "\n") }
	in := service.ExplanationInput{Version: version, Texts: map[string]string{}, Note: clean(r.PostFormValue("note")), Sign: r.PostFormValue("do") == "sign"}
	for name, values := range r.PostForm {
		if key, ok := strings.CutPrefix(name, textPrefix); ok {
			in.Texts[key] = clean(values[0])
		}
	}
	saved, err := s.Service.SaveExplanation(r.Context(), r.actor, r.hearing.ID, in)
	var unexplained *service.Unexplained
	switch {
	case errors.Is(err, docket.ErrStale):
		current, err := s.Service.Explanation(r.Context(), r.hearing.ID)
		if err != nil {
			return err
		}
		saved.Version, saved.SignedAt = current.Version, nil
		return s.showExplanation(r, http.StatusConflict, saved, []fieldError{{"", r.t("explanation.stale")}})
	case errors.As(err, &unexplained):
		var wrong []fieldError
		for _, key := range unexplained.Keys {
			field := textPrefix + key
			if key == "note" {
				field = key
			}
			wrong = append(wrong, fieldError{field, r.t("explanation.wrong")})
		}
		return s.showExplanation(r, http.StatusUnprocessableEntity, saved, wrong)
	case err != nil:
		return err
	}
	switch r.PostFormValue("do") {
	case "autosave":
		r.written = true
		return writeJSON(r.w, map[string]any{"version": saved.Version, "saved_at": s.Now().UTC()})
	case "sign":
		return r.redirect(r.explanationPath(), "explanation_signed")
	}
	return r.redirect(r.explanationPath(), "saved")
}

func (r *request) explanationPath() string {
	return "/hearings/" + r.hearing.ID.String() + "/recording/explanation"
}

// postApproveExplanation signs exactly the version that the judge has before them.
func (s *server) postApproveExplanation(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	d, err := s.Service.ApproveExplanation(r.Context(), r.actor, r.hearing.ID, version)
	if errors.Is(err, docket.ErrStale) || errors.Is(err, docket.ErrConflict) {
		e, err := s.Service.Explanation(r.Context(), r.hearing.ID)
		if err != nil {
			return err
		}
		return s.showExplanation(r, http.StatusConflict, e, []fieldError{{"", r.t("explanation.changed")}})
	}
	if err != nil {
		return err
	}
	return r.redirect("/documents/"+d.ID.String(), "explanation_approved")
}

func (s *server) getExplanationPDF(r *request) error {
	pdf, err := s.Service.PreviewExplanation(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	return r.previewPDF(pdf)
}

func explanationRoute(method, pattern string, action identity.Action) route {
	return route{method: method, pattern: "/hearings/{hearing}/recording/explanation" + pattern, action: action, about: aboutHearing}
}

// explanationRoutes are the written explanation of what interrupted a recording (AV 3, 4).
func (s *server) explanationRoutes() []route {
	at := func(method, pattern string, action identity.Action, handle func(*request) error) route {
		rt := explanationRoute(method, pattern, action)
		rt.handle = handle
		return rt
	}
	return []route{
		at("GET", "", identity.ActReadExplanation, s.getExplanation),
		at("POST", "", identity.ActExplainRecording, s.postExplanation),
		at("POST", "/approve", identity.ActApproveExplanation, s.postApproveExplanation),
		at("GET", "/preview.pdf", identity.ActReadExplanation, s.getExplanationPDF),
	}
}

type explanationIn struct{ Body service.ExplanationInput }

type approveIn struct {
	Body struct {
		Version int64 `json:"version" doc:"The version that was reviewed; another answers 409"`
	}
}

// apiExplanationRoutes do the same for programs.
func (s *server) apiExplanationRoutes(a *api) []route {
	preview := explanationRoute("GET", "/preview.pdf", identity.ActReadExplanation)
	preview.handle = s.getExplanationPDF
	return []route{
		operation(a, explanationRoute("GET", "", identity.ActReadExplanation), "explanation", "What interrupted the recording, and its explanation as it stands",
			func(r *request, _ *none) (*body[service.Explanation], error) {
				return reply(s.Service.Explanation(r.Context(), r.hearing.ID))
			}),
		operation(a, explanationRoute("PUT", "", identity.ActExplainRecording), "explain-recording", "Save the clerk's explanation, or sign it",
			func(r *request, in *explanationIn) (*body[service.Explanation], error) {
				return reply(s.Service.SaveExplanation(r.Context(), r.actor, r.hearing.ID, in.Body))
			}),
		operation(a, explanationRoute("POST", "/approve", identity.ActApproveExplanation), "approve-explanation", "Sign, as the judge, what the clerk signed",
			func(r *request, in *approveIn) (*body[service.Document], error) {
				return reply(s.Service.ApproveExplanation(r.Context(), r.actor, r.hearing.ID, in.Body.Version))
			}),
		operation(a, route{method: "GET", pattern: "/documents/{document}/explanation", action: identity.ActReadDocument, about: aboutDocument},
			"signed-explanation", "What a signed explanation of a recording says, with the record's words in English", s.apiSignedExplanation),
		file(a, preview, "explanation-preview", "The explanation as it will look, unsigned", "application/pdf"),
	}
}

func (s *server) apiSignedExplanation(r *request, _ *none) (*body[service.Explanation], error) {
	if _, err := s.documentCase(r); err != nil {
		return nil, err
	}
	return reply(s.Service.ExplanationOf(r.Context(), r.document.ID))
}
