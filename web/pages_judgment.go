package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

// Bounds of a judgment's lists in the form.
const (
	maxFindings = 200
	maxItems    = 100
)

type judgmentPage struct {
	Case     docket.Case
	Draft    service.Draft
	Evidence []docket.Evidence
	Current  *service.Draft // stale form: what is stored now
	MaySign  bool
	Blank    string
}

func (s *server) getJudgment(r *request) error {
	draft, err := s.Service.JudgmentDraft(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	if draft.Signed != nil {
		return r.redirectNow("/documents/" + draft.Signed.String())
	}
	return s.showJudgment(r, http.StatusOK, judgmentPage{Draft: draft}, nil)
}

func (s *server) showJudgment(r *request, status int, data judgmentPage, wrong []fieldError) error {
	var err error
	if data.Case, err = s.Docket.Case(r.Context(), r.caseID); err != nil {
		return err
	}
	if data.Evidence, err = s.Docket.Evidence(r.Context(), r.caseID); err != nil {
		return err
	}
	data.MaySign, data.Blank = r.can(identity.ActSignJudgment), service.Blank
	if len(data.Draft.Findings) == 0 {
		data.Draft.Findings = []service.FindingText{{}}
	}
	if len(data.Draft.Items) == 0 {
		data.Draft.Items = []string{""}
	}
	return r.render(status, "judgment", "judgment.title", data, in("cases"), withErrors(wrong))
}

// readJudgment reads the form; rows are numbered from 0 without gaps.
func readJudgment(r *request) (service.Draft, error) {
	get := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(r.PostFormValue(name), "\r\n", "\n"))
	}
	version, err := r.version()
	if err != nil {
		return service.Draft{}, err
	}
	d := service.Draft{Version: version, Parties: get("parties"), Course: get("course"), ClaimsAndDefence: get("claims_and_defence"),
		Reasoning: get("reasoning"), Law: get("law"), Penalty: get("penalty"), Costs: get("costs"), AppealNotice: get("appeal_notice")}
	for i := range maxFindings {
		name := fmt.Sprintf("findings.%d", i)
		if !r.PostForm.Has(name) {
			break
		}
		f := service.FindingText{Text: get(name)}
		for _, v := range r.PostForm[name+".evidence"] {
			id, err := uuid.Parse(v)
			if err != nil {
				return d, fmt.Errorf("%w: evidence id: %w", errBadForm, err)
			}
			f.EvidenceIDs = append(f.EvidenceIDs, id)
		}
		d.Findings = append(d.Findings, f)
	}
	for i := range maxItems {
		name := fmt.Sprintf("items.%d", i)
		if !r.PostForm.Has(name) {
			break
		}
		d.Items = append(d.Items, get(name))
	}
	return d, nil
}

// postJudgment saves the draft; its buttons also add a row or lead on to the
// signing.
func (s *server) postJudgment(r *request) error {
	d, err := readJudgment(r)
	if err != nil {
		return err
	}
	kept := d
	kept.Findings, kept.Items = filled(d)
	anchor := ""
	switch r.PostFormValue("do") {
	case "add-finding":
		kept.Findings = append(kept.Findings, service.FindingText{})
		anchor = fmt.Sprintf("#findings.%d", len(kept.Findings)-1)
	case "add-item":
		kept.Items = append(kept.Items, "")
		anchor = fmt.Sprintf("#items.%d", len(kept.Items)-1)
	}
	saved, err := s.Service.SaveJudgment(r.Context(), r.actor, r.caseID, d.Version, kept)
	var incomplete *service.Incomplete
	switch {
	case errors.Is(err, docket.ErrStale):
		current := saved
		d.Version = current.Version
		return s.showJudgment(r, http.StatusConflict, judgmentPage{Draft: d, Current: &current}, nil)
	case errors.As(err, &incomplete):
		return s.showJudgment(r, http.StatusUnprocessableEntity, judgmentPage{Draft: d}, r.missing(incomplete.Fields))
	case err != nil:
		return err
	}
	switch r.PostFormValue("do") {
	case "autosave":
		r.written = true
		return writeJSON(r.w, map[string]any{"version": saved.Version, "saved_at": s.Now().UTC()})
	case "sign":
		return r.redirect(r.casePath("/judgment/sign"), "")
	}
	if anchor != "" {
		return r.redirect(r.casePath("/judgment"+anchor), "")
	}
	return r.redirect(r.casePath("/judgment"), "saved")
}

// filled drops the rows that were left empty.
func filled(d service.Draft) (findings []service.FindingText, items []string) {
	for _, f := range d.Findings {
		if f.Text != "" {
			findings = append(findings, f)
		}
	}
	for _, i := range d.Items {
		if i != "" {
			items = append(items, i)
		}
	}
	return findings, items
}

// missing names the parts of a judgment that are not complete; "findings.0"
// is called by its list.
func (r *request) missing(fields []string) []fieldError {
	var out []fieldError
	for _, f := range fields {
		base, _, _ := strings.Cut(f, ".")
		out = append(out, fieldError{f, r.t("judgment.missing." + base)})
	}
	return out
}

func (s *server) getJudgmentPDF(r *request) error {
	pdf, err := s.Service.PreviewJudgment(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	return r.previewPDF(pdf)
}

// previewPDF shows a document that is not signed yet.
func (r *request) previewPDF(pdf []byte) error {
	r.written = true
	h := r.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `inline; filename="preview.pdf"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'")
	_, err := r.w.Write(pdf)
	return err
}

type signPage struct {
	Case  docket.Case
	Draft service.Draft
}

func (s *server) getSign(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	draft, err := s.Service.JudgmentDraft(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	if draft.Signed != nil {
		return r.redirectNow("/documents/" + draft.Signed.String())
	}
	return r.render(http.StatusOK, "sign", "sign.title", signPage{c, draft}, in("cases"))
}

// postSign signs exactly the version that the judge has before them.
func (s *server) postSign(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	d, err := s.Service.SignJudgment(r.Context(), r.actor, r.caseID, version)
	var incomplete *service.Incomplete
	if errors.As(err, &incomplete) {
		draft, derr := s.Service.JudgmentDraft(r.Context(), r.caseID)
		if derr != nil {
			return derr
		}
		return s.showJudgment(r, http.StatusUnprocessableEntity, judgmentPage{Draft: draft}, r.missing(incomplete.Fields))
	}
	if err != nil {
		return err
	}
	return r.redirect("/documents/"+d.ID.String(), "signed")
}
