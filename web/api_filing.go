package web

import (
	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// apiFilingRoutes take a case from its draft to the reviewer's decision.
func (s *server) apiFilingRoutes(a *api) []route {
	draft := func(method, pattern string) route {
		return route{method: method, pattern: pattern, action: identity.ActEditDraft, about: aboutCase}
	}
	review := func(pattern string) route {
		return route{method: "POST", pattern: pattern, action: identity.ActReview, about: aboutCase}
	}
	return []route{
		operation(a, route{method: "POST", pattern: "/cases", action: identity.ActFile}, "create-case", "Begin a complaint", s.apiCreateCase),
		operation(a, draft("PUT", "/cases/{case}"), "save-draft", "Save the complaint as it is now", s.apiSaveDraft),
		operation(a, draft("GET", "/cases/{case}/findings"), "findings", "What is missing or wrong in the complaint", s.apiFindings),
		operation(a, route{method: "POST", pattern: "/cases/{case}/evidence", action: identity.ActAddEvidence, about: aboutCase},
			"add-evidence", "Make an uploaded file an item of evidence", s.apiAddEvidence),
		silent(a, route{method: "DELETE", pattern: "/evidence/{evidence}", action: identity.ActEditDraft, about: aboutEvidence},
			"remove-evidence", "Take an item out of a draft", s.apiRemoveEvidence),
		operation(a, route{method: "POST", pattern: "/cases/{case}/submit", action: identity.ActSubmit, about: aboutCase},
			"submit", "File the complaint; the same version again gives the same receipt", s.apiSubmit),
		operation(a, review("/cases/{case}/accept"), "accept", "Register the case and give it its number", s.apiAccept),
		operation(a, review("/cases/{case}/corrections"), "request-corrections", "Ask, once, for corrections", s.apiCorrections),
		operation(a, review("/cases/{case}/refuse"), "refuse", "Refuse the case, with reasons", s.apiRefuse),
	}
}

func (s *server) apiCreateCase(r *request, _ *none) (*body[docket.Case], error) {
	return reply(s.Docket.CreateDraft(r.Context(), r.actor))
}

type saveDraftIn struct {
	Version int64 `query:"version" required:"true" doc:"The version that was read; a newer one answers 409"`
	Body    docket.Draft
}

func (s *server) apiSaveDraft(r *request, in *saveDraftIn) (*body[docket.Case], error) {
	return reply(s.Docket.SaveDraft(r.Context(), r.actor, r.caseID, in.Version, in.Body))
}

func (s *server) apiFindings(r *request, _ *none) (*body[[]problemFinding], error) {
	findings, err := s.Docket.Findings(r.Context(), r.caseID)
	out := make([]problemFinding, 0, len(findings))
	for _, f := range findings {
		out = append(out, r.findingText(f))
	}
	return reply(out, err)
}

func (r *request) findingText(f complaint.Finding) problemFinding {
	return problemFinding{Field: f.Field, Code: f.Code, Message: r.t("finding." + f.Code), Article: f.Article}
}

type addEvidenceIn struct {
	Body struct {
		Upload  string         `json:"upload" doc:"The id of the finished tus upload: the last part of its URL"`
		Name    string         `json:"name"`
		Source  string         `json:"source" doc:"Where it comes from (证据来源)"`
		Purpose string         `json:"purpose" doc:"What it shall prove (证明目的)"`
		Date    *deadline.Date `json:"date,omitempty"`
	}
}

func (s *server) apiAddEvidence(r *request, in *addEvidenceIn) (*body[docket.Evidence], error) {
	b := in.Body
	return reply(s.uploads.finish(r.Context(), r.actor, r.caseID, b.Upload, docket.EvidenceInput{Name: b.Name, Source: b.Source, Purpose: b.Purpose, Date: b.Date}))
}

func (s *server) apiRemoveEvidence(r *request, _ *none) (*none, error) {
	return nil, s.removeEvidence(r)
}

type versionIn struct {
	Body struct {
		Version int64 `json:"version"`
	}
}

func (s *server) apiSubmit(r *request, in *versionIn) (*body[docket.Receipt], error) {
	return reply(s.Docket.Submit(r.Context(), r.actor, r.caseID, in.Body.Version))
}

type acceptIn struct{ Body docket.AcceptInput }

func (s *server) apiAccept(r *request, in *acceptIn) (*body[docket.Case], error) {
	kase, err := s.Docket.Accept(r.Context(), r.actor, r.caseID, in.Body)
	return reply(r.masked(kase), err)
}

type correctionsIn struct {
	Body struct {
		Version     int64               `json:"version"`
		Corrections []docket.Correction `json:"corrections"`
		Days        int                 `json:"days" minimum:"1" maximum:"60"`
	}
}

func (s *server) apiCorrections(r *request, in *correctionsIn) (*body[docket.Case], error) {
	kase, err := s.Docket.RequestCorrections(r.Context(), r.actor, r.caseID, in.Body.Version, in.Body.Corrections, in.Body.Days)
	return reply(r.masked(kase), err)
}

type refuseIn struct {
	Body struct {
		Version int64  `json:"version"`
		Reason  string `json:"reason"`
	}
}

func (s *server) apiRefuse(r *request, in *refuseIn) (*body[docket.Case], error) {
	kase, err := s.Docket.Refuse(r.Context(), r.actor, r.caseID, in.Body.Version, in.Body.Reason)
	return reply(r.masked(kase), err)
}
