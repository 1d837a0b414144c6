package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/fee"
	"yunting/internal/identity"
)

type reviewPage struct {
	Case       docket.Case
	Findings   []findingRow
	Items      []docket.Evidence
	Causes     []causeOption
	Procedures []string
	Judges     []identity.Account
	Clerks     []identity.Account
	FeeFen     int64
	HalfFen    int64
	// What was typed, when the page is shown again.
	Typed map[string]string
	Stale bool
}

func (s *server) getReview(r *request) error {
	return s.showReview(r, http.StatusOK, nil, false)
}

// showReview renders the review; after a failed decision with what was typed.
func (s *server) showReview(r *request, status int, wrong []fieldError, stale bool) error {
	ctx := r.Context()
	c, err := s.Docket.Case(ctx, r.caseID)
	if err != nil {
		return err
	}
	found, err := s.Docket.Findings(ctx, r.caseID)
	if err != nil {
		return err
	}
	data := reviewPage{Case: c, Findings: r.findingRows(found), Causes: causeOptions(r.lang), Procedures: docket.Procedures(),
		FeeFen: fee.Property(c.AmountFen), Typed: map[string]string{}, Stale: stale}
	data.HalfFen = fee.Half(data.FeeFen)
	if data.Items, err = s.Docket.Evidence(ctx, r.caseID); err != nil {
		return err
	}
	if data.Judges, err = s.Identity.Staff(ctx, identity.RoleJudge); err != nil {
		return err
	}
	if data.Clerks, err = s.Identity.Staff(ctx, identity.RoleClerk); err != nil {
		return err
	}
	for name := range r.PostForm {
		data.Typed[name] = r.PostForm.Get(name)
	}
	return r.render(status, "review", "review.title", data, in("cases"), withErrors(wrong))
}

// version reads the version that a form was made from.
func (r *request) version() (int64, error) {
	v, err := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: version: %w", errBadForm, err)
	}
	return v, nil
}

// decided replies to a decision: on to the case, or the page again with what
// is wrong.
func (s *server) decided(r *request, err error, done string) error {
	var invalid *docket.Invalid
	switch {
	case errors.Is(err, docket.ErrStale):
		return s.showReview(r, http.StatusConflict, []fieldError{{"", r.t("problem.stale.help")}}, true)
	case errors.As(err, &invalid):
		var list []fieldError
		for _, f := range r.findingRows(invalid.Findings) {
			list = append(list, fieldError{f.Field, f.Text})
		}
		return s.showReview(r, http.StatusUnprocessableEntity, list, false)
	case err != nil:
		return err
	}
	return r.redirect(r.casePath(""), done)
}

func (s *server) postAccept(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	in := docket.AcceptInput{Version: version, CauseCode: r.PostFormValue("cause_code"), Procedure: r.PostFormValue("procedure")}
	var wrong []fieldError
	if in.Judge, err = uuid.Parse(r.PostFormValue("judge")); err != nil {
		wrong = append(wrong, fieldError{"judge", r.t("review.no_judge")})
	}
	if in.Clerk, err = uuid.Parse(r.PostFormValue("clerk")); err != nil {
		wrong = append(wrong, fieldError{"clerk", r.t("review.no_clerk")})
	}
	if len(wrong) > 0 {
		return s.showReview(r, http.StatusUnprocessableEntity, wrong, false)
	}
	_, err = s.Docket.Accept(r.Context(), r.actor, r.caseID, in)
	return s.decided(r, err, "accepted")
}

func (s *server) postCorrections(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(r.PostFormValue("days"))
	if err != nil || days < 1 || days > 60 {
		return s.showReview(r, http.StatusUnprocessableEntity, []fieldError{{"days", r.t("review.bad_days")}}, false)
	}
	var list []docket.Correction
	for _, field := range r.PostForm["correct"] { // ticked findings
		list = append(list, docket.Correction{Field: field, Text: r.PostFormValue("text:" + field)})
	}
	for line := range strings.Lines(r.PostFormValue("corrections")) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, docket.Correction{Text: line})
		}
	}
	if len(list) == 0 {
		return s.showReview(r, http.StatusUnprocessableEntity, []fieldError{{"corrections", r.t("review.no_corrections")}}, false)
	}
	_, err = s.Docket.RequestCorrections(r.Context(), r.actor, r.caseID, version, list, days)
	return s.decided(r, err, "corrections")
}

func (s *server) postRefuse(r *request) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	if reason == "" {
		return s.showReview(r, http.StatusUnprocessableEntity, []fieldError{{"reason", r.t("review.no_reason")}}, false)
	}
	_, err = s.Docket.Refuse(r.Context(), r.actor, r.caseID, version, reason)
	return s.decided(r, err, "refused")
}

type invitePage struct {
	Case       docket.Case
	Party      docket.Party
	Invitation *docket.Invitation // just made: the code is shown this once
	LinkURL    string
}

// partyOf finds the party that the path names.
func (s *server) partyOf(r *request) (docket.Case, docket.Party, error) {
	id, err := uuid.Parse(r.PathValue("party"))
	if err != nil {
		return docket.Case{}, docket.Party{}, errNotFound
	}
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return c, docket.Party{}, err
	}
	p, ok := c.Party(id)
	if !ok {
		return c, p, errNotFound
	}
	return c, p, nil
}

func (s *server) getInvite(r *request) error {
	c, p, err := s.partyOf(r)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "invite", "invite.title", invitePage{Case: c, Party: p, LinkURL: s.public.String() + "/link"}, in("cases"))
}

// postInvite makes the code and shows it on the reply itself: it is stored
// nowhere, so no later page can. A second submit leads back to the case.
func (s *server) postInvite(r *request) error {
	c, p, err := s.partyOf(r)
	if err != nil {
		return err
	}
	inv, err := s.Docket.Invite(r.Context(), r.actor, r.caseID, p.ID)
	if err != nil {
		return err
	}
	r.location = r.casePath("")
	return r.render(http.StatusOK, "invite", "invite.title", invitePage{Case: c, Party: p, Invitation: &inv, LinkURL: s.public.String() + "/link"}, in("cases"))
}

type consentPage struct {
	Case    docket.Case
	Party   docket.Party
	Stages  []string
	Service complaint.Service // as it stands, or as it was typed
}

func (s *server) getConsent(r *request) error {
	return s.showConsent(r, http.StatusOK, nil)
}

func (s *server) showConsent(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	p, ok := c.PartyOf(r.actor.Account)
	if !ok {
		return errForbidden
	}
	person, err := s.Identity.Person(r.Context(), r.actor.Account)
	if err != nil {
		return err
	}
	data := consentPage{Case: c, Party: p, Stages: docket.OnlineStages(), Service: complaint.Service{Email: person.Email, InApp: true}}
	if p.Consent != nil && p.Consent.EService {
		data.Service = complaint.Service{Agreed: true, Email: p.Consent.EmailAddress, InApp: p.Consent.InApp}
	}
	if r.PostForm != nil {
		data.Service = complaint.Service{Agreed: r.PostFormValue("e_service") != "", Email: r.PostFormValue("email"), InApp: r.PostFormValue("in_app") != ""}
	}
	return r.render(status, "consent", "consent.title", data, in("cases"), withErrors(wrong))
}

// postConsent declares each part of the procedure by itself (LR 4) and the
// service with its address (LR 29, 30). Only what changes is declared again.
func (s *server) postConsent(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	p, ok := c.PartyOf(r.actor.Account)
	if !ok {
		return errForbidden
	}
	eservice, inApp, email := r.PostFormValue("e_service") != "", r.PostFormValue("in_app") != "", strings.TrimSpace(r.PostFormValue("email"))
	if eservice && !inApp && email == "" {
		return s.showConsent(r, http.StatusUnprocessableEntity, []fieldError{{"email", r.t("consent.no_address")}})
	}
	if email != "" && !strings.Contains(email, "@") {
		return s.showConsent(r, http.StatusUnprocessableEntity, []fieldError{{"email", r.t("account.email_invalid")}})
	}
	in := docket.ConsentInput{EService: eservice}
	if eservice {
		in.EmailAddress, in.InApp = email, inApp
	}
	ticked := map[string]bool{}
	for _, stage := range r.PostForm["stage"] {
		ticked[stage] = true
	}
	declared := false
	for _, stage := range docket.OnlineStages() {
		if ticked[stage] == p.Consent.Online(stage) {
			continue
		}
		in.Online, in.Stage, declared = ticked[stage], stage, true
		if err := s.Docket.Consent(r.Context(), r.actor, r.caseID, in); err != nil {
			return err
		}
	}
	if !declared {
		in.Online, in.Stage = false, ""
		if err := s.Docket.Consent(r.Context(), r.actor, r.caseID, in); err != nil {
			return err
		}
	}
	return r.redirect(r.casePath(""), "consented")
}
