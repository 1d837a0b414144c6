package web

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

type documentPage struct {
	Case       docket.Case
	Document   service.Document
	Deliveries []service.Delivery
	Signer     string
	Reading    *service.Explanation // what an explanation of a recording says; nil for any other document
}

// seesDocument reports whether the person may see that document of the case.
// What concerns one party alone is for that party and the court's staff; a
// letter with a secret code is for the staff.
func (r *request) seesDocument(c docket.Case, d service.Document) bool {
	if d.Party == nil || r.can(identity.ActServe) || r.can(identity.ActSupervise) || r.can(identity.ActDraftJudgment) {
		return true
	}
	p, ok := c.PartyOf(r.actor.Account)
	return ok && p.ID == *d.Party && d.Kind != service.KindInvitation
}

// documentCase reads the case of the document that the path names.
func (s *server) documentCase(r *request) (docket.Case, error) {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err == nil && !r.seesDocument(c, r.document) {
		err = errForbidden
	}
	return c, err
}

func (s *server) getDocument(r *request) error {
	c, err := s.documentCase(r)
	if err != nil {
		return err
	}
	data := documentPage{Case: c, Document: r.document}
	list, err := s.caseDeliveries(r, c)
	if err != nil {
		return err
	}
	for _, d := range list {
		if slices.ContainsFunc(d.Documents, func(x service.Document) bool { return x.ID == r.document.ID }) {
			data.Deliveries = append(data.Deliveries, d)
		}
	}
	if r.document.Kind == service.KindRecordingExplanation {
		reading, err := s.Service.ExplanationOf(r.Context(), r.document.ID)
		if err != nil {
			return err
		}
		data.Reading = &reading
	}
	return r.render(http.StatusOK, "document", "document.title", data, in("cases"), func(p *page) { p.Title = r.document.Title })
}

func (s *server) getDocumentFile(r *request) error {
	if _, err := s.documentCase(r); err != nil {
		return err
	}
	return s.serveBlob(r, r.document.Blob.Hash, r.document.FileName(), "application/pdf", r.document.CreatedAt)
}

type servePage struct {
	Case       docket.Case
	Documents  []service.Document
	Deliveries []service.Delivery
	Picked     map[string]bool
}

func (s *server) getServe(r *request) error { return s.showServe(r, http.StatusOK, nil) }

func (s *server) showServe(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	data := servePage{Case: c, Picked: map[string]bool{}}
	all, err := s.Service.Documents(r.Context(), c.ID)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Kind == service.KindServiceProof || d.Kind == service.KindInvitation {
			continue
		}
		data.Documents = append(data.Documents, d)
		data.Picked[d.ID.String()] = d.Kind == service.KindJudgment
	}
	for _, p := range c.Parties {
		data.Picked[p.ID.String()] = true
	}
	if r.PostForm != nil {
		clear(data.Picked)
		for _, id := range slices.Concat(r.PostForm["document"], r.PostForm["party"]) {
			data.Picked[id] = true
		}
	}
	if data.Deliveries, err = s.Service.Deliveries(r.Context(), c.ID); err != nil {
		return err
	}
	return r.render(status, "serve", "serve.title", data, in("cases"), withErrors(wrong))
}

// ids reads a list of ticked boxes.
func (r *request) ids(name string) ([]uuid.UUID, error) {
	var out []uuid.UUID
	for _, v := range r.PostForm[name] {
		id, err := uuid.Parse(v)
		if err != nil {
			return nil, errBadForm
		}
		out = append(out, id)
	}
	return out, nil
}

func (s *server) postServe(r *request) error {
	documents, err := r.ids("document")
	if err != nil {
		return err
	}
	parties, err := r.ids("party")
	if err != nil {
		return err
	}
	var wrong []fieldError
	if len(documents) == 0 {
		wrong = append(wrong, fieldError{"documents", r.t("serve.no_document")})
	}
	if len(parties) == 0 {
		wrong = append(wrong, fieldError{"parties", r.t("serve.no_party")})
	}
	if len(wrong) > 0 {
		return s.showServe(r, http.StatusUnprocessableEntity, wrong)
	}
	if _, err := s.Service.Serve(r.Context(), r.actor, r.caseID, documents, parties); err != nil {
		return err
	}
	return r.redirect(r.casePath("/serve"), "sent")
}

type deliveryPage struct {
	Delivery service.Delivery
	Case     docket.Case
	Mine     bool
}

// getDelivery shows a delivery. Opened by its recipient it notes so in the
// chain of events; that is no receipt (a link can be opened by a machine).
func (s *server) getDelivery(r *request) error {
	mine := r.delivery.Account != nil && *r.delivery.Account == r.actor.Account
	if mine && r.delivery.OpenedAt == nil {
		if _, err := s.Service.OpenDelivery(r.Context(), r.actor, r.delivery.ID); err != nil {
			return err
		}
	}
	d, err := s.Service.Delivery(r.Context(), r.delivery.ID)
	if err != nil {
		return err
	}
	c, err := s.Docket.Case(r.Context(), d.Case)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "delivery", "delivery.title", deliveryPage{d, c, mine}, in("mailbox"))
}

func (s *server) postReceived(r *request) error {
	if _, err := s.Service.ConfirmReceipt(r.Context(), r.actor, r.delivery.ID); err != nil {
		return err
	}
	return r.redirect("/deliveries/"+r.delivery.ID.String(), "received")
}
