package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/cause"
	"yunting/docket/complaint"
	"yunting/docket/fee"
	"yunting/internal/identity"
)

func (s *server) postCase(r *request) error {
	c, err := s.Docket.CreateDraft(r.Context(), r.actor)
	if err != nil {
		return err
	}
	return r.redirect("/cases/"+c.ID.String()+"/edit", "")
}

type filingPage struct {
	Case     docket.Case
	Form     filingForm
	Causes   []causeOption
	Items    []docket.Evidence
	Pending  []pendingUpload
	Findings []findingRow
	Checked  bool // the findings are shown because the person asked to submit
	Asks     bool // for consent to electronic service: the filer's party has not given it yet
	AmountFen,
	FeeFen int64
	Current  *docket.Case // stale form: what is stored now
	MaxPlain int64        // largest file of a plain form, bytes
	MaxTus   int64
}

// findingRow is a finding in words.
type findingRow struct {
	complaint.Finding
	Text, Fix string
}

func (r *request) findingRows(list []complaint.Finding) []findingRow {
	var out []findingRow
	for _, f := range list {
		out = append(out, findingRow{f, r.t("finding." + f.Code), r.t("finding." + f.Code + ".fix")})
	}
	return out
}

// causeOption is a selectable 案由, indented by its level.
type causeOption struct {
	Code, Name string
}

func causeOptions(lang string) []causeOption {
	var out []causeOption
	for _, c := range cause.All() {
		name := c.Name
		if lang == langEN && c.NameEN != "" {
			name = c.NameEN
		}
		out = append(out, causeOption{c.Code, strings.Repeat("　", max(c.Level-1, 0)) + name})
	}
	return out
}

// showFiling renders the form with everything that stands beside it.
func (s *server) showFiling(r *request, status int, c docket.Case, data filingPage) error {
	items, err := s.Docket.Evidence(r.Context(), c.ID)
	if err != nil {
		return err
	}
	if data.Pending, err = s.uploads.pending(r.Context(), r.actor.Account, c.ID); err != nil {
		return err
	}
	data.Case, data.Items, data.Causes = c, items, causeOptions(r.lang)
	data.AmountFen = data.Form.AmountFen()
	data.FeeFen = fee.Property(data.AmountFen)
	mine, _ := c.PartyOf(r.actor.Account)
	data.Asks = mine.Consent == nil || !mine.Consent.EService
	data.MaxPlain, data.MaxTus = fileLimit, maxUpload
	errs := data.Form.wrong
	for _, f := range data.Findings {
		if !f.Warning {
			errs = append(errs, fieldError{f.Field, f.Text + r.t("punct.sep") + f.Fix})
		}
	}
	return r.render(status, "filing", "filing.title", data, in("cases"), withErrors(errs))
}

func (s *server) getFiling(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	data := filingPage{Form: formOf(c.Draft(), c.Version)}
	if r.URL.Query().Get("check") != "" {
		found, err := s.Docket.Findings(r.Context(), c.ID)
		if err != nil {
			return err
		}
		data.Findings, data.Checked = r.findingRows(found), true
	}
	return s.showFiling(r, http.StatusOK, c, data)
}

// stale shows what the person typed beside what is stored now. The form that
// it shows holds the current version: sent again, it replaces the other.
func (s *server) stale(r *request, form filingForm) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	if r.wantsProblem() {
		return docket.ErrStale
	}
	form.Version = c.Version
	return s.showFiling(r, http.StatusConflict, c, filingPage{Form: form, Current: &c})
}

// save stores the form when it can be read. done says that the reply is given.
func (s *server) save(r *request, form *filingForm) (c docket.Case, done bool, err error) {
	if len(form.wrong) > 0 {
		if c, err = s.Docket.Case(r.Context(), r.caseID); err != nil {
			return c, false, err
		}
		return c, true, s.showFiling(r, http.StatusUnprocessableEntity, c, filingPage{Form: *form})
	}
	c, err = s.Docket.SaveDraft(r.Context(), r.actor, r.caseID, form.Version, form.Draft)
	if errors.Is(err, docket.ErrStale) {
		return c, true, s.stale(r, *form)
	}
	return c, false, err
}

// postFiling saves the form and does what its button says: only save, add or
// remove a row, or add the item of evidence that stands in it.
func (s *server) postFiling(r *request) error {
	form := readFiling(r)
	do := r.PostFormValue("do")
	anchor := form.change(do)
	c, done, err := s.save(r, &form)
	if done || err != nil {
		return err
	}
	if do == "autosave" {
		r.written = true
		r.w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(r.w).Encode(map[string]any{"version": c.Version, "saved_at": s.Now().UTC().Format(time.RFC3339)})
	}
	switch {
	case do == "evidence":
		if err := s.addEvidence(r, c); err != nil {
			return s.evidenceFailed(r, err, func(list []fieldError) error {
				form.Version, form.wrong = c.Version, list
				return s.showFiling(r, http.StatusUnprocessableEntity, c, filingPage{Form: form})
			})
		}
		return r.redirect(r.casePath("/edit?done=evidence_added#evidence"), "")
	case anchor != "":
		return r.redirect(r.casePath("/edit#"+anchor), "")
	}
	return r.redirect(r.casePath("/edit"), "saved")
}

// postSubmit saves what the form holds and submits it. A complaint with
// something missing comes back with every finding.
func (s *server) postSubmit(r *request) error {
	form := readFiling(r)
	c, done, err := s.save(r, &form)
	if errors.Is(err, docket.ErrConflict) {
		// Submitted already, by the same form: the receipt of the first stands.
		if receipt, rerr := s.Docket.Receipt(r.Context(), r.caseID); rerr == nil && receipt.ID != uuid.Nil {
			return r.redirect(r.casePath("/receipt"), "")
		}
		return err
	}
	if done || err != nil {
		return err
	}
	_, err = s.Docket.Submit(r.Context(), r.actor, r.caseID, c.Version)
	var invalid *docket.Invalid
	if errors.As(err, &invalid) {
		form.Version = c.Version
		return s.showFiling(r, http.StatusUnprocessableEntity, c, filingPage{Form: form, Findings: r.findingRows(invalid.Findings), Checked: true})
	}
	if err != nil {
		return err
	}
	return r.redirect(r.casePath("/receipt"), "submitted")
}

type receiptPage struct {
	Case    docket.Case
	Receipt docket.Receipt
	Mine    bool
}

func (s *server) getReceipt(r *request) error {
	receipt, err := s.Docket.Receipt(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "receipt", "receipt.title", receiptPage{c, receipt, c.Filer == r.actor.Account && r.can(identity.ActReadCase)}, in("cases"))
}
