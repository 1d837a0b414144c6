package web

import (
	"fmt"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/internal/ledger"
)

// apiCaseRoutes read a case and its record, and bring its parties in.
func (s *server) apiCaseRoutes(a *api) []route {
	read := func(pattern string) route {
		return route{method: "GET", pattern: pattern, action: identity.ActReadCase, about: aboutCase}
	}
	return []route{
		operation(a, route{method: "GET", pattern: "/cases", action: identity.ActAccount}, "cases", "My cases; for staff, the court's", s.apiCases),
		operation(a, read("/cases/{case}"), "case", "One case", s.apiCase),
		operation(a, read("/cases/{case}/receipt"), "receipt", "The dated receipt of the filing", s.apiReceipt),
		operation(a, read("/cases/{case}/entries"), "entries", "The docket, oldest first", s.apiEntries),
		operation(a, read("/cases/{case}/entries/{seq}/proof"), "entry-proof", "The entry's inclusion in the ledger", s.apiEntryProof),
		operation(a, route{method: "GET", pattern: "/cases/{case}/evidence", action: identity.ActReadEvidence, about: aboutCase}, "evidence", "The evidence list", s.apiEvidence),
		operation(a, route{method: "POST", pattern: "/cases/{case}/parties/{party}/invitations", action: identity.ActInvite, about: aboutCase},
			"invite", "Make a one-time code for a party; it is shown once", s.apiInvite),
		silent(a, route{method: "POST", pattern: "/cases/{case}/consent", action: identity.ActConsent, about: aboutCase}, "consent", "Agree to online procedure or e-service", s.apiConsent),
		silent(a, route{method: "DELETE", pattern: "/cases/{case}/consent", action: identity.ActConsent, about: aboutCase}, "withdraw-consent", "Take a consent back, with the reason", s.apiWithdraw),
		file(a, route{method: "GET", pattern: "/evidence/{evidence}/file", action: identity.ActReadEvidence, about: aboutEvidence, handle: s.getEvidenceFile},
			"evidence-file", "The item's file", "application/octet-stream"),
		file(a, route{method: "GET", pattern: "/documents/{document}/file", action: identity.ActReadDocument, about: aboutDocument, handle: s.getDocumentFile},
			"document-file", "The document", "application/pdf"),
		file(a, route{method: "GET", pattern: "/hearings/{hearing}/recordings/{recording}/file", action: identity.ActPlayRecording, about: aboutHearing, handle: s.getRecordingFile},
			"recording-file", "One participant's recording; byte ranges are served", "video/webm"),
		file(a, route{method: "POST", pattern: "/cases/{case}/export", action: identity.ActExport, about: aboutCase, handle: s.postExport},
			"export", "The whole case with its proofs, as `yunting verify` checks it; the export is itself an entry", "application/zip"),
	}
}

type casesIn struct {
	Mine    bool   `query:"mine" doc:"Only cases that I stand in; always so without a staff role"`
	Stage   string `query:"stage" enum:"draft,submitted,correcting,refused,accepted,scheduled,heard,judged,served"`
	Query   string `query:"q" maxLength:"200"`
	Sort    string `query:"sort" enum:"updated,-updated,created,-created,number,-number,amount,-amount"`
	Page    int    `query:"page" minimum:"0"`
	PerPage int    `query:"per_page" minimum:"0" maximum:"100"`
}

type casesOut struct {
	Total int           `json:"total"`
	Cases []docket.Case `json:"cases"`
}

func (s *server) apiCases(r *request, in *casesIn) (*body[casesOut], error) {
	f := docket.Filter{Stage: docket.Stage(in.Stage), Query: in.Query, Sort: in.Sort, Page: in.Page, PerPage: in.PerPage}
	if in.Mine || !(r.can(identity.ActListQueue) || r.can(identity.ActSupervise)) {
		f.Mine = r.actor.Account
	}
	cases, total, err := s.Docket.Cases(r.Context(), f)
	for i := range cases {
		cases[i] = r.masked(cases[i])
	}
	return reply(casesOut{total, cases}, err)
}

func (s *server) apiCase(r *request, _ *none) (*body[docket.Case], error) {
	kase, err := s.Docket.Case(r.Context(), r.caseID)
	return reply(r.masked(kase), err)
}

func (s *server) apiReceipt(r *request, _ *none) (*body[docket.Receipt], error) {
	return reply(s.Docket.Receipt(r.Context(), r.caseID))
}

func (s *server) apiEntries(r *request, _ *none) (*body[[]docket.Entry], error) {
	return reply(s.Docket.Entries(r.Context(), r.caseID))
}

type seqIn struct {
	Seq int `path:"seq" minimum:"1"`
}

func (s *server) apiEntryProof(r *request, in *seqIn) (*body[ledger.Proof], error) {
	entries, err := s.Docket.Entries(r.Context(), r.caseID)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Seq == in.Seq {
			return reply(s.Ledger.Proof(r.Context(), e.Leaf.ID))
		}
	}
	return nil, fmt.Errorf("%w: entry %d", docket.ErrNotFound, in.Seq)
}

func (s *server) apiEvidence(r *request, _ *none) (*body[[]docket.Evidence], error) {
	return reply(s.Docket.Evidence(r.Context(), r.caseID))
}

type inviteIn struct {
	Party uuid.UUID `path:"party"`
}

func (s *server) apiInvite(r *request, in *inviteIn) (*body[docket.Invitation], error) {
	invitation, err := s.Docket.Invite(r.Context(), r.actor, r.caseID, in.Party)
	invitation.Party = maskParty(invitation.Party)
	return reply(invitation, err)
}

type consentIn struct{ Body docket.ConsentInput }

func (s *server) apiConsent(r *request, in *consentIn) (*none, error) {
	return nil, s.Docket.Consent(r.Context(), r.actor, r.caseID, in.Body)
}

type withdrawIn struct {
	Stage  string `query:"stage" doc:"The part of the procedure; empty for e-service"`
	Reason string `query:"reason" maxLength:"2000"`
}

func (s *server) apiWithdraw(r *request, in *withdrawIn) (*none, error) {
	return nil, s.Docket.WithdrawConsent(r.Context(), r.actor, r.caseID, in.Stage, in.Reason)
}
