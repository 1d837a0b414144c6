package web

import (
	"errors"
	"net/http"
	"slices"

	"yunting/internal/identity"
)

// about says what the path of a route names; the guard finds its case.
type about int

const (
	aboutNothing  about = iota
	aboutCase           // {case}
	aboutHearing        // {hearing}
	aboutEvidence       // {evidence}
	aboutDocument       // {document}
	aboutDelivery       // {delivery}
)

// open is the action of what anyone may do, signed in or not.
const open = identity.ActReadLedger

// Limits of request bodies, in bytes. A route without its own has defaultLimit.
const (
	defaultLimit = 1 << 20
	fileLimit    = 32 << 20 // an evidence file sent by a plain form
	noLimit      = -1       // the handler bounds it itself
)

// route is one address of the server.
type route struct {
	method, pattern string
	action          identity.Action // what it is; the policy decides on it
	or              identity.Action // a second action that opens it too; may be empty
	about           about
	handle          func(*request) error
	limit           int64
	raw             bool // POST body is not a form: the handler reads it
}

// routes is every address that the court serves, each with the action that it
// is. Nothing is registered anywhere else.
func (s *server) routes() []route {
	return slices.Concat(s.openRoutes(), s.accountRoutes(), s.filingRoutes(), s.evidenceRoutes(), s.caseRoutes(), s.reviewRoutes(),
		s.hearingRoutes(), s.playerRoutes(), s.recordingRoutes(), s.filmRoutes(), s.keepingRoutes(), s.explanationRoutes(), s.documentRoutes(), s.officeRoutes(), s.streamRoutes(), s.apiRoutes(), s.demoRoutes())
}

// openRoutes are what anyone may ask for.
func (s *server) openRoutes() []route {
	return []route{
		{method: "GET", pattern: "/{$}", action: open, handle: s.getHome},
		{method: "GET", pattern: "/login", action: open, handle: s.getLogin},
		{method: "POST", pattern: "/login", action: open, handle: s.postLogin},
		{method: "GET", pattern: "/register", action: open, handle: s.getRegister},
		{method: "POST", pattern: "/register", action: open, handle: s.postRegister},
		{method: "POST", pattern: "/language", action: open, handle: s.postLanguage},
		{method: "POST", pattern: "/theme", action: open, handle: s.postTheme},
		{method: "GET", pattern: "/licences", action: open, handle: s.getLicences},
		{method: "GET", pattern: "/static/{path...}", action: open, handle: s.getStatic},
		{method: "GET", pattern: "/healthz", action: open, handle: s.getHealth},
		{method: "GET", pattern: "/readyz", action: open, handle: s.getReady},
		{method: "GET", pattern: "/metrics", action: open, handle: s.getMetrics},
		{method: "GET", pattern: "/ledger", action: identity.ActReadLedger, handle: s.getLedger},
		{method: "GET", pattern: "/ledger/checkpoint", action: identity.ActReadLedger, handle: s.getCheckpoint},
		{method: "GET", pattern: "/ledger/tile/{path...}", action: identity.ActReadLedger, handle: s.getTile},
	}
}

// accountRoutes serve one's own account.
func (s *server) accountRoutes() []route {
	return []route{
		{method: "POST", pattern: "/logout", action: identity.ActAccount, handle: s.postLogout},
		{method: "GET", pattern: "/account", action: identity.ActAccount, handle: s.getAccount},
		{method: "GET", pattern: "/mailbox", action: identity.ActAccount, handle: s.getMailbox},
		{method: "GET", pattern: "/cases", action: identity.ActAccount, handle: s.getCases},
		{method: "GET", pattern: "/cases.csv", action: identity.ActAccount, handle: s.getCasesCSV},
		{method: "GET", pattern: "/link", action: identity.ActLink, handle: s.getLink},
		{method: "POST", pattern: "/link", action: identity.ActLink, handle: s.postLink},
	}
}

// filingRoutes take a complaint to its receipt.
func (s *server) filingRoutes() []route {
	return []route{
		{method: "POST", pattern: "/cases", action: identity.ActFile, handle: s.postCase},
		{method: "GET", pattern: "/cases/{case}/edit", action: identity.ActEditDraft, about: aboutCase, handle: s.getFiling},
		{method: "POST", pattern: "/cases/{case}/edit", action: identity.ActEditDraft, about: aboutCase, handle: s.postFiling},
		{method: "POST", pattern: "/cases/{case}/submit", action: identity.ActSubmit, about: aboutCase, handle: s.postSubmit},
		{method: "GET", pattern: "/cases/{case}/receipt", action: identity.ActReadCase, about: aboutCase, handle: s.getReceipt},
	}
}

// evidenceRoutes bring evidence and its files.
func (s *server) evidenceRoutes() []route {
	return []route{
		{method: "GET", pattern: "/cases/{case}/evidence", action: identity.ActReadEvidence, about: aboutCase, handle: s.getEvidenceList},
		{method: "POST", pattern: "/cases/{case}/evidence", action: identity.ActAddEvidence, about: aboutCase, handle: s.postEvidence, limit: fileLimit},
		{method: "POST", pattern: "/cases/{case}/uploads", action: identity.ActAddEvidence, about: aboutCase, handle: s.postFinishUpload},
		{method: "GET", pattern: "/evidence/{evidence}", action: identity.ActReadEvidence, about: aboutEvidence, handle: s.getEvidence},
		{method: "GET", pattern: "/evidence/{evidence}/file", action: identity.ActReadEvidence, about: aboutEvidence, handle: s.getEvidenceFile},
		{method: "POST", pattern: "/evidence/{evidence}/remove", action: identity.ActEditDraft, about: aboutEvidence, handle: s.postRemoveEvidence},
		{method: "POST", pattern: "/uploads/{$}", action: identity.ActAccount, handle: s.tus, limit: noLimit, raw: true},
		{method: "HEAD", pattern: "/uploads/{id}", action: identity.ActAccount, handle: s.tus, limit: noLimit, raw: true},
		{method: "PATCH", pattern: "/uploads/{id}", action: identity.ActAccount, handle: s.tus, limit: noLimit, raw: true},
		{method: "DELETE", pattern: "/uploads/{id}", action: identity.ActAccount, handle: s.tus, limit: noLimit, raw: true},
		{method: "OPTIONS", pattern: "/uploads/{$}", action: open, handle: s.tus, raw: true},
	}
}

// caseRoutes show a case, its record and its consents.
func (s *server) caseRoutes() []route {
	return []route{
		{method: "GET", pattern: "/cases/{case}", action: identity.ActReadCase, about: aboutCase, handle: s.getCase},
		{method: "GET", pattern: "/cases/{case}/entries/{seq}", action: identity.ActReadCase, about: aboutCase, handle: s.getEntry},
		{method: "GET", pattern: "/cases/{case}/entries/{seq}/proof.json", action: identity.ActReadCase, about: aboutCase, handle: s.getEntryProof},
		{method: "GET", pattern: "/cases/{case}/entries/{seq}/payload.json", action: identity.ActReadCase, about: aboutCase, handle: s.getEntryPayload},
		{method: "GET", pattern: "/cases/{case}/export", action: identity.ActExport, about: aboutCase, handle: s.getExport},
		{method: "POST", pattern: "/cases/{case}/export", action: identity.ActExport, about: aboutCase, handle: s.postExport, raw: true},
		{method: "GET", pattern: "/cases/{case}/consent", action: identity.ActConsent, about: aboutCase, handle: s.getConsent},
		{method: "POST", pattern: "/cases/{case}/consent", action: identity.ActConsent, about: aboutCase, handle: s.postConsent},
	}
}

// reviewRoutes decide on a filing and bring the other side in.
func (s *server) reviewRoutes() []route {
	return []route{
		{method: "GET", pattern: "/cases/{case}/review", action: identity.ActReview, about: aboutCase, handle: s.getReview},
		{method: "POST", pattern: "/cases/{case}/accept", action: identity.ActReview, about: aboutCase, handle: s.postAccept},
		{method: "POST", pattern: "/cases/{case}/corrections", action: identity.ActReview, about: aboutCase, handle: s.postCorrections},
		{method: "POST", pattern: "/cases/{case}/refuse", action: identity.ActReview, about: aboutCase, handle: s.postRefuse},
		{method: "GET", pattern: "/cases/{case}/parties/{party}/invite", action: identity.ActInvite, about: aboutCase, handle: s.getInvite},
		{method: "POST", pattern: "/cases/{case}/parties/{party}/invite", action: identity.ActInvite, about: aboutCase, handle: s.postInvite},
	}
}

// hearingRoutes serve hearings from their date to their recordings.
func (s *server) hearingRoutes() []route {
	return []route{
		{method: "GET", pattern: "/cases/{case}/hearings/new", action: identity.ActSchedule, about: aboutCase, handle: s.getSchedule},
		{method: "POST", pattern: "/cases/{case}/hearings", action: identity.ActSchedule, about: aboutCase, handle: s.postSchedule},
		{method: "GET", pattern: "/hearings/{hearing}", action: identity.ActJoinHearing, or: identity.ActReadCase, about: aboutHearing, handle: s.getHearing},
		{method: "GET", pattern: "/hearings/{hearing}/check", action: identity.ActJoinHearing, or: identity.ActWatchHearing, about: aboutHearing, handle: s.getCheck},
		{method: "GET", pattern: "/hearings/{hearing}/room", action: identity.ActJoinHearing, or: identity.ActWatchHearing, about: aboutHearing, handle: s.getRoom},
		{method: "GET", pattern: "/hearings/{hearing}/socket", action: identity.ActJoinHearing, or: identity.ActWatchHearing, about: aboutHearing, handle: s.getSocket, limit: noLimit},
		{method: "GET", pattern: "/hearings/{hearing}/transcript", action: identity.ActReadCase, about: aboutHearing, handle: s.getTranscript},
		{method: "POST", pattern: "/hearings/{hearing}/transcript", action: identity.ActConfirmTranscript, about: aboutHearing, handle: s.postTranscript},
	}
}

// documentRoutes write, sign, show and serve documents.
func (s *server) documentRoutes() []route {
	return []route{
		{method: "GET", pattern: "/cases/{case}/judgment", action: identity.ActDraftJudgment, about: aboutCase, handle: s.getJudgment},
		{method: "POST", pattern: "/cases/{case}/judgment", action: identity.ActDraftJudgment, about: aboutCase, handle: s.postJudgment},
		{method: "GET", pattern: "/cases/{case}/judgment/preview.pdf", action: identity.ActDraftJudgment, about: aboutCase, handle: s.getJudgmentPDF},
		{method: "GET", pattern: "/cases/{case}/judgment/sign", action: identity.ActSignJudgment, about: aboutCase, handle: s.getSign},
		{method: "POST", pattern: "/cases/{case}/judgment/sign", action: identity.ActSignJudgment, about: aboutCase, handle: s.postSign},
		{method: "GET", pattern: "/documents/{document}", action: identity.ActReadDocument, about: aboutDocument, handle: s.getDocument},
		{method: "GET", pattern: "/documents/{document}/file", action: identity.ActReadDocument, about: aboutDocument, handle: s.getDocumentFile},
		{method: "GET", pattern: "/cases/{case}/serve", action: identity.ActServe, about: aboutCase, handle: s.getServe},
		{method: "POST", pattern: "/cases/{case}/serve", action: identity.ActServe, about: aboutCase, handle: s.postServe},
		{method: "GET", pattern: "/deliveries/{delivery}", action: identity.ActReadDelivery, about: aboutDelivery, handle: s.getDelivery},
		{method: "POST", pattern: "/deliveries/{delivery}/receipt", action: identity.ActConfirmReceipt, about: aboutDelivery, handle: s.postReceived},
	}
}

// officeRoutes serve supervisors and administrators.
func (s *server) officeRoutes() []route {
	return []route{
		{method: "GET", pattern: "/supervision", action: identity.ActSupervise, handle: s.getSupervision},
		{method: "GET", pattern: "/admin", action: identity.ActAdminister, handle: s.getAdmin},
		{method: "POST", pattern: "/admin/roles", action: identity.ActAdminister, handle: s.postGrant},
	}
}

// demoRoutes show who can be played and the mail that went out; a real court
// has none of them.
func (s *server) demoRoutes() []route {
	if s.Demo == nil {
		return nil
	}
	return []route{
		{method: "POST", pattern: "/demo/login", action: open, handle: s.postDemoLogin},
		{method: "GET", pattern: "/demo/mail", action: open, handle: s.getSpool},
		{method: "GET", pattern: "/demo/mail/{name}", action: open, handle: s.getSpoolMail},
	}
}

// handler puts the routes behind what every request passes.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	list := s.routes()
	for i := range list {
		rt := &list[i]
		mux.Handle(rt.method+" "+rt.pattern, s.serve(rt))
	}
	missing := &route{pattern: "(none)", action: open, handle: func(*request) error { return errNotFound }, raw: true}
	mux.Handle("/", s.serve(missing))
	gate := http.NewServeMux()
	gate.Handle("/", s.sameOrigin(mux))
	gate.Handle("/whip/", s.anyOrigin(mux))
	gate.Handle("/whep/", s.anyOrigin(mux))
	return s.logged(s.hosts(s.headers(gate)))
}

// errCrossSite: a form of another site.
var errCrossSite = errors.New("web: cross-site request")

// sameOrigin refuses changes that another site's page asks for.
func (s *server) sameOrigin(next http.Handler) http.Handler {
	protect := http.NewCrossOriginProtection()
	if err := protect.AddTrustedOrigin(s.public.Scheme + "://" + s.public.Host); err != nil {
		s.Logger.Error("public URL is no origin", "error", err)
	}
	denied := &route{pattern: "(cross-site)", action: open, handle: func(*request) error { return errCrossSite }, raw: true}
	protect.SetDenyHandler(s.serve(denied))
	return protect.Handler(next)
}
