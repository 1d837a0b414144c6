package web

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

type keepingPage struct {
	Hearing    docket.Hearing
	Case       *docket.Case // for whom may read it
	Keeping    docket.Keeping
	MayHold    bool
	MayPropose bool
	MayDecide  bool // on the open proposal, which is another person's
	MayRefuse  bool
	Own        bool // the open proposal is the reader's: to be withdrawn
}

// getKeeping shows until when a hearing's recordings are kept, who holds them, and their deletion.
func (s *server) getKeeping(r *request) error { return s.showKeeping(r, http.StatusOK, nil) }

func (s *server) showKeeping(r *request, status int, wrong []fieldError) error {
	k, err := s.Docket.Keeping(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	open := k.Deletion != nil && k.Deletion.Open()
	page := keepingPage{Hearing: r.hearing, Keeping: k, MayHold: r.can(identity.ActHoldRecording) && !k.Deleted(),
		MayPropose: r.can(identity.ActDeleteRecording) && k.Hindrance == "" && !open, MayRefuse: r.can(identity.ActDeleteRecording) && open}
	page.Own = page.MayRefuse && k.Deletion.ProposedBy == r.actor.Account
	page.MayDecide = page.MayRefuse && k.Hindrance == "" && !page.Own
	if r.can(identity.ActReadCase) {
		c, err := s.Docket.Case(r.Context(), r.caseID)
		if err != nil {
			return err
		}
		page.Case = &c
	}
	return r.render(status, "keeping", "keeping.title", page, in("cases"), withErrors(wrong))
}

func (r *request) keepingPath() string { return "/hearings/" + r.hearing.ID.String() + "/keeping" }

func (s *server) postHold(r *request) error {
	if r.PostFormValue("do") == "release" {
		if err := s.Docket.ReleaseRecordings(r.Context(), r.actor, r.hearing.ID, r.PostFormValue("reason")); err != nil {
			return err
		}
		return r.redirect(r.keepingPath(), "released")
	}
	if err := s.Docket.HoldRecordings(r.Context(), r.actor, r.hearing.ID, r.PostFormValue("reason")); err != nil {
		return err
	}
	return r.redirect(r.keepingPath(), "held")
}

func (s *server) postDeletion(r *request) error {
	if err := s.Docket.ProposeDeletion(r.Context(), r.actor, r.hearing.ID, r.PostFormValue("reason")); err != nil {
		return err
	}
	return r.redirect(r.keepingPath(), "deletion_proposed")
}

func (s *server) postDecideDeletion(r *request) error {
	id, err := uuid.Parse(r.PathValue("deletion"))
	if err != nil {
		return errNotFound
	}
	confirm := r.PostFormValue("answer") == "confirm"
	err = s.Docket.DecideDeletion(r.Context(), r.actor, r.hearing.ID, id, confirm)
	var invalid *docket.Invalid
	switch {
	case errors.As(err, &invalid): // as when somebody set a hold meanwhile
		var wrong []fieldError
		for _, f := range r.findingRows(invalid.Findings) {
			wrong = append(wrong, fieldError{"", f.Text + r.t("punct.sep") + f.Fix})
		}
		return s.showKeeping(r, http.StatusUnprocessableEntity, wrong)
	case err != nil:
		return err
	}
	if confirm {
		return r.redirect(r.keepingPath(), "deletion_confirmed")
	}
	return r.redirect(r.keepingPath(), "deletion_refused")
}

// getDueRecordings lists the hearings whose recordings are kept beyond their period.
func (s *server) getDueRecordings(r *request) error {
	list, err := s.Docket.RecordingsDue(r.Context())
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "due", "keeping.due", list, in("admin"))
}

func keepingRoute(method, pattern string, action identity.Action) route {
	return route{method: method, pattern: "/hearings/{hearing}/keeping" + pattern, action: action, about: aboutHearing}
}

// keepingRoutes keep a hearing's recordings, and delete them by two people's decision (AV 5, 15).
func (s *server) keepingRoutes() []route {
	at := func(method, pattern string, action identity.Action, handle func(*request) error) route {
		rt := keepingRoute(method, pattern, action)
		rt.handle = handle
		return rt
	}
	return []route{
		at("GET", "", identity.ActReadKeeping, s.getKeeping),
		at("POST", "/hold", identity.ActHoldRecording, s.postHold),
		at("POST", "/deletion", identity.ActDeleteRecording, s.postDeletion),
		at("POST", "/deletion/{deletion}", identity.ActDeleteRecording, s.postDecideDeletion),
		{method: "GET", pattern: "/admin/recordings", action: identity.ActAdminister, handle: s.getDueRecordings},
	}
}

type reasonIn struct {
	Body struct {
		Reason string `json:"reason" maxLength:"2000"`
	}
}

type decideDeletionIn struct {
	Deletion uuid.UUID `path:"deletion"`
	Body     struct {
		Confirm bool `json:"confirm" doc:"Delete; by another person than proposed it"`
	}
}

// apiKeepingRoutes do the same for programs.
func (s *server) apiKeepingRoutes(a *api) []route {
	return []route{
		operation(a, keepingRoute("GET", "", identity.ActReadKeeping), "keeping", "Until when the recordings are kept, who holds them, and their deletion",
			func(r *request, _ *none) (*body[docket.Keeping], error) {
				return reply(s.Docket.Keeping(r.Context(), r.hearing.ID))
			}),
		silent(a, keepingRoute("POST", "/hold", identity.ActHoldRecording), "hold-recordings", "Keep the case's recordings beyond their period",
			func(r *request, in *reasonIn) (*none, error) {
				return nil, s.Docket.HoldRecordings(r.Context(), r.actor, r.hearing.ID, in.Body.Reason)
			}),
		silent(a, keepingRoute("POST", "/release", identity.ActHoldRecording), "release-recordings", "End the hold",
			func(r *request, in *reasonIn) (*none, error) {
				return nil, s.Docket.ReleaseRecordings(r.Context(), r.actor, r.hearing.ID, in.Body.Reason)
			}),
		silent(a, keepingRoute("POST", "/deletion", identity.ActDeleteRecording), "propose-deletion", "Propose to delete a hearing's recordings",
			func(r *request, in *reasonIn) (*none, error) {
				return nil, s.Docket.ProposeDeletion(r.Context(), r.actor, r.hearing.ID, in.Body.Reason)
			}),
		silent(a, keepingRoute("POST", "/deletion/{deletion}", identity.ActDeleteRecording), "decide-deletion", "Confirm another person's proposal, or refuse it",
			func(r *request, in *decideDeletionIn) (*none, error) {
				return nil, s.Docket.DecideDeletion(r.Context(), r.actor, r.hearing.ID, in.Deletion, in.Body.Confirm)
			}),
		operation(a, route{method: "GET", pattern: "/admin/recordings", action: identity.ActAdminister}, "due-recordings", "Hearings whose recordings are kept beyond their period",
			func(r *request, _ *none) (*body[[]docket.Due], error) {
				return reply(s.Docket.RecordingsDue(r.Context()))
			}),
	}
}
