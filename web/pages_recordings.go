package web

import (
	"errors"
	"net/http"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/service"
)

type recordingsPage struct {
	Hearing    docket.Hearing
	Case       docket.Case
	Recordings []docket.Recording
	Integrity  *docket.Integrity // nil until all recordings are stored
	Replacing  docket.Replacement
	Answers    []docket.IntegrityAnswer
	MaySign    bool
	Objection  string
	MayCopy    bool
	Sights     []sightsOf // who could see and hear whom

	Explanation    service.Explanation // of a closed hearing: what is signed, or due
	MayReadExplain bool                // also before it is signed

	MayReadKeeping bool
	Deletion       *docket.Deletion // by which the files are gone; nil: they are there

	Films        filmsPart
	MayMakeFilms bool
}

func (s *server) getRecordings(r *request) error { return s.showRecordings(r, http.StatusOK, nil) }

func (s *server) showRecordings(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	list, err := s.Docket.Recordings(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	page := recordingsPage{Hearing: r.hearing, Case: c, Recordings: list, MayCopy: r.can(identity.ActCopyRecording), MayMakeFilms: r.can(identity.ActMakeFilm)}
	value, err := s.Docket.IntegrityOf(r.Context(), r.hearing.ID)
	switch {
	case err == nil:
		page.Integrity = &value
	case !errors.Is(err, docket.ErrNotFound):
		return err
	}
	if page.Replacing, err = s.Docket.Replacement(r.Context(), r.hearing.ID); err != nil {
		return err
	}
	if page.Answers, err = s.Docket.IntegrityAnswers(r.Context(), r.hearing.ID); err != nil {
		return err
	}
	page.MaySign = page.Integrity != nil && page.Replacing.Agreed && r.can(identity.ActSignIntegrity)
	for _, a := range page.Answers {
		page.MaySign = page.MaySign && !(a.Account == r.actor.Account && a.Current)
	}
	if r.hearing.ClosedAt != nil {
		if page.Explanation, err = s.Service.Explanation(r.Context(), r.hearing.ID); err != nil {
			return err
		}
		page.MayReadExplain = r.can(identity.ActReadExplanation)
	}
	keeping, err := s.Docket.Keeping(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	page.MayReadKeeping = r.can(identity.ActReadKeeping)
	if keeping.Deleted() {
		page.Deletion = keeping.Deletion
	}
	if page.Sights, err = s.sights(r.Context(), r); err != nil {
		return err
	}
	if page.Films, err = r.films(); err != nil {
		return err
	}
	if r.PostForm != nil {
		page.Objection = r.PostFormValue("objection")
	}
	return r.render(status, "recordings", "recordings.title", page, in("cases"), withErrors(wrong))
}

func (s *server) postRecordingConsent(r *request) error {
	if err := s.Docket.ConsentRecording(r.Context(), r.actor, r.hearing.ID, r.PostFormValue("answer") == "agree"); err != nil {
		return err
	}
	return r.redirect("/hearings/"+r.hearing.ID.String(), "recording_consent")
}

func (s *server) postIntegrity(r *request) error {
	root, err := blob.ParseHash(r.PostFormValue("root"))
	if err != nil {
		return errBadForm
	}
	err = s.Docket.AnswerIntegrity(r.Context(), r.actor, r.hearing.ID, root, r.PostFormValue("answer") == "sign", r.PostFormValue("objection"))
	var invalid *docket.Invalid
	switch {
	case errors.As(err, &invalid):
		return s.showRecordings(r, http.StatusUnprocessableEntity, []fieldError{{"objection", r.t("transcript.no_objection")}})
	case errors.Is(err, docket.ErrStale):
		return s.showRecordings(r, http.StatusConflict, []fieldError{{"", r.t("recordings.integrity.changed")}})
	case err != nil:
		return err
	}
	return r.redirect("/hearings/"+r.hearing.ID.String()+"/recordings", "integrity_answered")
}

// recordingRoutes are the recording as the court's record: consent that it stands for the transcript (AV 8), its
// integrity value and what the parties say to it (AV 9).
func (s *server) recordingRoutes() []route {
	return []route{
		{method: "POST", pattern: "/hearings/{hearing}/recording/consent", action: identity.ActReplaceTranscript, about: aboutHearing, handle: s.postRecordingConsent},
		{method: "POST", pattern: "/hearings/{hearing}/recording/integrity", action: identity.ActSignIntegrity, about: aboutHearing, handle: s.postIntegrity},
	}
}

type consentRecordingIn struct {
	Body struct {
		Agree bool `json:"agree" doc:"The recording stands for the transcript"`
	}
}

type integrityIn struct {
	Body struct {
		Root      blob.Hash `json:"root" doc:"The value that was read; a newer one answers 409"`
		Sign      bool      `json:"sign"`
		Objection string    `json:"objection" maxLength:"4000" required:"false" doc:"Needed when sign is false"`
	}
}

// integrityView is a hearing's value with what the parties said to it.
type integrityView struct {
	docket.Integrity
	Answers []docket.IntegrityAnswer `json:"answers"`
}

// apiRecordingRoutes do the same for programs.
func (s *server) apiRecordingRoutes(a *api) []route {
	at := func(method, pattern string, action identity.Action) route {
		return route{method: method, pattern: "/hearings/{hearing}/recording" + pattern, action: action, about: aboutHearing}
	}
	return []route{
		operation(a, at("GET", "/consent", identity.ActReadCase), "recording-consents", "Whether the recording stands for the transcript",
			func(r *request, _ *none) (*body[docket.Replacement], error) {
				return reply(s.Docket.Replacement(r.Context(), r.hearing.ID))
			}),
		silent(a, at("POST", "/consent", identity.ActReplaceTranscript), "consent-recording", "Agree that the recording stands for the transcript, or not",
			func(r *request, in *consentRecordingIn) (*none, error) {
				return nil, s.Docket.ConsentRecording(r.Context(), r.actor, r.hearing.ID, in.Body.Agree)
			}),
		operation(a, at("GET", "/integrity", identity.ActPlayRecording), "integrity", "The integrity value and what the parties said to it",
			func(r *request, _ *none) (*body[integrityView], error) {
				value, err := s.Docket.IntegrityOf(r.Context(), r.hearing.ID)
				if err != nil {
					return nil, err
				}
				answers, err := s.Docket.IntegrityAnswers(r.Context(), r.hearing.ID)
				return reply(integrityView{value, answers}, err)
			}),
		operation(a, at("GET", "/forwardings", identity.ActPlayRecording), "forwardings", "Who received whose picture and sound, from when to when",
			func(r *request, _ *none) (*body[[]docket.Forwarding], error) {
				return reply(s.Docket.Forwardings(r.Context(), r.hearing.ID))
			}),
		silent(a, at("POST", "/integrity", identity.ActSignIntegrity), "answer-integrity", "Sign the integrity value or object to it",
			func(r *request, in *integrityIn) (*none, error) {
				return nil, s.Docket.AnswerIntegrity(r.Context(), r.actor, r.hearing.ID, in.Body.Root, in.Body.Sign, in.Body.Objection)
			}),
	}
}
