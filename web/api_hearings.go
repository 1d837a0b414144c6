package web

import (
	"yunting/docket"
	"yunting/internal/identity"
)

// apiHearingRoutes set hearings and read what came of them. What happens in an open hearing goes by its socket.
func (s *server) apiHearingRoutes(a *api) []route {
	read := func(pattern string) route {
		return route{method: "GET", pattern: pattern, action: identity.ActReadCase, about: aboutHearing}
	}
	return []route{
		operation(a, route{method: "GET", pattern: "/cases/{case}/hearings", action: identity.ActReadCase, about: aboutCase}, "hearings", "The case's hearings", s.apiHearings),
		operation(a, route{method: "POST", pattern: "/cases/{case}/hearings", action: identity.ActSchedule, about: aboutCase}, "schedule", "Set a hearing", s.apiSchedule),
		operation(a, read("/hearings/{hearing}"), "hearing", "One hearing", s.apiHearing),
		operation(a, read("/hearings/{hearing}/transcript"), "transcript", "The transcript as it reads now", s.apiTranscript),
		silent(a, route{method: "POST", pattern: "/hearings/{hearing}/transcript/answer", action: identity.ActConfirmTranscript, about: aboutHearing},
			"answer-transcript", "Confirm the transcript or object to it", s.apiAnswer),
		operation(a, route{method: "GET", pattern: "/hearings/{hearing}/recordings", action: identity.ActPlayRecording, about: aboutHearing}, "recordings", "The recordings", s.apiRecordings),
		operation(a, read("/hearings/{hearing}/presence"), "presence", "Who was there, from when to when", s.apiPresence),
	}
}

func (s *server) apiHearings(r *request, _ *none) (*body[[]docket.Hearing], error) {
	return reply(s.Docket.Hearings(r.Context(), r.caseID))
}

type scheduleIn struct{ Body docket.HearingInput }

func (s *server) apiSchedule(r *request, in *scheduleIn) (*body[docket.Hearing], error) {
	return reply(s.Docket.ScheduleHearing(r.Context(), r.actor, r.caseID, in.Body))
}

func (s *server) apiHearing(r *request, _ *none) (*body[docket.Hearing], error) {
	return reply(r.hearing, nil)
}

func (s *server) apiTranscript(r *request, _ *none) (*body[docket.Transcript], error) {
	return reply(s.Docket.Transcript(r.Context(), r.hearing.ID))
}

type answerIn struct {
	Body struct {
		Confirm   bool   `json:"confirm"`
		Objection string `json:"objection" maxLength:"4000" doc:"Needed when confirm is false"`
		Digest    string `json:"digest" doc:"Of the transcript that was read; another wording answers 409. Empty answers whatever it says now"`
	}
}

func (s *server) apiAnswer(r *request, in *answerIn) (*none, error) {
	if in.Body.Digest != "" {
		now, err := s.Docket.Transcript(r.Context(), r.hearing.ID)
		if err != nil {
			return nil, err
		}
		if now.Digest != in.Body.Digest {
			return nil, docket.ErrStale
		}
	}
	return nil, s.Docket.AnswerTranscript(r.Context(), r.actor, r.hearing.ID, in.Body.Confirm, in.Body.Objection)
}

func (s *server) apiRecordings(r *request, _ *none) (*body[[]docket.Recording], error) {
	return reply(s.Docket.Recordings(r.Context(), r.hearing.ID))
}

func (s *server) apiPresence(r *request, _ *none) (*body[[]docket.Presence], error) {
	return reply(s.Docket.Presence(r.Context(), r.hearing.ID))
}
