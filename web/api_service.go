package web

import (
	"slices"

	"github.com/google/uuid"

	"yunting/internal/identity"
	"yunting/service"
)

// apiServiceRoutes write and sign the judgment, list documents, and serve them.
func (s *server) apiServiceRoutes(a *api) []route {
	delivery := func(method, pattern string, action identity.Action) route {
		return route{method: method, pattern: pattern, action: action, about: aboutDelivery}
	}
	return []route{
		operation(a, route{method: "GET", pattern: "/cases/{case}/judgment", action: identity.ActDraftJudgment, about: aboutCase}, "judgment", "The judgment's draft", s.apiJudgment),
		operation(a, route{method: "PUT", pattern: "/cases/{case}/judgment", action: identity.ActDraftJudgment, about: aboutCase}, "save-judgment", "Save the judgment's draft", s.apiSaveJudgment),
		operation(a, route{method: "POST", pattern: "/cases/{case}/judgment/sign", action: identity.ActSignJudgment, about: aboutCase}, "sign-judgment", "Sign the judgment; it cannot change afterwards", s.apiSign),
		operation(a, route{method: "GET", pattern: "/cases/{case}/documents", action: identity.ActReadCase, about: aboutCase}, "documents", "The documents that one may read", s.apiDocuments),
		operation(a, route{method: "POST", pattern: "/cases/{case}/deliveries", action: identity.ActServe, about: aboutCase}, "serve", "Serve documents on parties", s.apiServe),
		operation(a, route{method: "GET", pattern: "/cases/{case}/deliveries", action: identity.ActServe, or: identity.ActSupervise, about: aboutCase}, "deliveries", "The case's deliveries", s.apiDeliveries),
		operation(a, delivery("GET", "/deliveries/{delivery}", identity.ActReadDelivery), "delivery", "One delivery with its events and effect", s.apiDelivery),
		operation(a, delivery("POST", "/deliveries/{delivery}/open", identity.ActConfirmReceipt), "open-delivery", "Say that the recipient opened it; this is no receipt", s.apiOpenDelivery),
		operation(a, delivery("POST", "/deliveries/{delivery}/receipt", identity.ActConfirmReceipt), "confirm-receipt", "Confirm receipt; the same again changes nothing", s.apiConfirmReceipt),
	}
}

func (s *server) apiJudgment(r *request, _ *none) (*body[service.Draft], error) {
	return reply(s.Service.JudgmentDraft(r.Context(), r.caseID))
}

type saveJudgmentIn struct {
	Version int64 `query:"version" doc:"The version that was read; a newer one answers 409"`
	Body    service.Draft
}

func (s *server) apiSaveJudgment(r *request, in *saveJudgmentIn) (*body[service.Draft], error) {
	return reply(s.Service.SaveJudgment(r.Context(), r.actor, r.caseID, in.Version, in.Body))
}

func (s *server) apiSign(r *request, in *versionIn) (*body[service.Document], error) {
	return reply(s.Service.SignJudgment(r.Context(), r.actor, r.caseID, in.Body.Version))
}

func (s *server) apiDocuments(r *request, _ *none) (*body[[]service.Document], error) {
	return reply(s.documentsFor(r))
}

// documentsFor lists the case's documents that the person may see.
func (s *server) documentsFor(r *request) ([]service.Document, error) {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return nil, err
	}
	all, err := s.Service.Documents(r.Context(), r.caseID)
	return slices.DeleteFunc(all, func(d service.Document) bool { return !r.seesDocument(c, d) }), err
}

type serveIn struct {
	Body struct {
		Documents []uuid.UUID `json:"documents"`
		Parties   []uuid.UUID `json:"parties"`
	}
}

func (s *server) apiServe(r *request, in *serveIn) (*body[[]service.Delivery], error) {
	return reply(s.Service.Serve(r.Context(), r.actor, r.caseID, in.Body.Documents, in.Body.Parties))
}

func (s *server) apiDeliveries(r *request, _ *none) (*body[[]service.Delivery], error) {
	return reply(s.Service.Deliveries(r.Context(), r.caseID))
}

func (s *server) apiDelivery(r *request, _ *none) (*body[service.Delivery], error) {
	return reply(r.delivery, nil)
}

func (s *server) apiOpenDelivery(r *request, _ *none) (*body[service.Delivery], error) {
	return reply(s.Service.OpenDelivery(r.Context(), r.actor, r.delivery.ID))
}

func (s *server) apiConfirmReceipt(r *request, _ *none) (*body[service.Delivery], error) {
	return reply(s.Service.ConfirmReceipt(r.Context(), r.actor, r.delivery.ID))
}
