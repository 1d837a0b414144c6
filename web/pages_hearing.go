package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/signaling"
)

type schedulePage struct {
	Case     docket.Case
	Earliest string // the first day that gives the parties their three days
	Typed    map[string]string
	Short    bool // the chosen time is too soon: ask for the parties' agreement
}

func (s *server) getSchedule(r *request) error { return s.showSchedule(r, http.StatusOK, nil, false) }

func (s *server) showSchedule(r *request, status int, wrong []fieldError, short bool) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	court := s.Docket.Court()
	earliest := court.Today(s.Now()).AddDays(court.NoticeDays + 1)
	data := schedulePage{Case: c, Earliest: earliest.String(), Short: short,
		Typed: map[string]string{"date": earliest.String(), "time": "09:30", "minutes": "90", "public": "yes", "title": ""}}
	for name := range r.PostForm {
		data.Typed[name] = r.PostForm.Get(name)
	}
	if r.PostForm != nil && !r.PostForm.Has("public") {
		data.Typed["public"] = ""
	}
	return r.render(status, "schedule", "schedule.title", data, in("cases"), withErrors(wrong))
}

func (s *server) postSchedule(r *request) error {
	f := r.PostFormValue
	var wrong []fieldError
	start, err := time.ParseInLocation("2006-01-02 15:04", f("date")+" "+f("time"), s.Docket.Court().Zone)
	if err != nil {
		wrong = append(wrong, fieldError{"date", r.t("form.bad_date")})
	}
	minutes, err := strconv.Atoi(f("minutes"))
	if err != nil || minutes < 5 || minutes > 720 {
		wrong = append(wrong, fieldError{"minutes", r.t("schedule.bad_minutes")})
	}
	if len(wrong) > 0 {
		return s.showSchedule(r, http.StatusUnprocessableEntity, wrong, false)
	}
	_, err = s.Docket.ScheduleHearing(r.Context(), r.actor, r.caseID, docket.HearingInput{
		Start: start, Minutes: minutes, Public: f("public") != "", Title: f("title"), PartiesAgreed: f("agreed") != "",
	})
	var invalid *docket.Invalid
	switch {
	case errors.Is(err, docket.ErrShortNotice):
		return s.showSchedule(r, http.StatusUnprocessableEntity, []fieldError{{"agreed", r.t("problem.short_notice.help")}}, true)
	case errors.As(err, &invalid):
		for _, f := range r.findingRows(invalid.Findings) {
			wrong = append(wrong, fieldError{f.Field, f.Text})
		}
		return s.showSchedule(r, http.StatusUnprocessableEntity, wrong, false)
	case err != nil:
		return err
	}
	return r.redirect(r.casePath(""), "scheduled")
}

type hearingPage struct {
	Hearing    docket.Hearing
	Case       docket.Case
	MayEnter   bool
	Presence   []docket.Presence
	Recordings int
	Replacing  docket.Replacement
	MayReplace bool // the viewer may say whether the recording stands for the transcript
}

func (s *server) getHearing(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	data := hearingPage{Hearing: r.hearing, Case: c,
		MayEnter: r.hearing.Phase != docket.PhaseClosed && (r.can(identity.ActJoinHearing) || r.can(identity.ActWatchHearing))}
	if data.Presence, err = s.Docket.Presence(r.Context(), r.hearing.ID); err != nil {
		return err
	}
	list, err := s.Docket.Recordings(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	data.Recordings = len(list)
	if data.Replacing, err = s.Docket.Replacement(r.Context(), r.hearing.ID); err != nil {
		return err
	}
	data.MayReplace = data.Replacing.Possible && r.hearing.Phase != docket.PhaseClosed && r.can(identity.ActReplaceTranscript)
	return r.render(http.StatusOK, "hearing", "hearing.title", data, in("cases"))
}

// known refuses who is not signed in: a public hearing is open to everyone, but
// the room knows people by their account.
func (r *request) known() error {
	if r.actor.Anonymous() {
		return errSignIn
	}
	return nil
}

// roomConfig is what the islands of the hearing read: web/src/room/README.md.
type roomConfig struct {
	Hearing    string    `json:"hearing"`
	Socket     string    `json:"socket"`
	Room       string    `json:"room"`
	Check      string    `json:"check"`
	Home       string    `json:"home"`
	Locale     string    `json:"locale"`
	Me         roomMe    `json:"me"`
	CaseNumber string    `json:"caseNumber"`
	Title      string    `json:"title"`
	Start      time.Time `json:"start"`
	Court      string    `json:"court"`
}

type roomMe struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Seat    string `json:"seat"`
}

// seat is where the person sits. Whoever may only watch is an observer,
// whatever their standing.
func (r *request) seat() signaling.Seat {
	return seatOf(r.actor, r.view)
}

func (r *request) roomConfig() (string, error) {
	base := "/hearings/" + r.hearing.ID.String()
	home := r.casePath("")
	if !r.can(identity.ActReadCase) {
		home = "/"
	}
	config, err := json.Marshal(roomConfig{
		Hearing: r.hearing.ID.String(), Socket: base + "/socket", Room: base + "/room", Check: base + "/check", Home: home,
		Locale: r.lang, Me: roomMe{r.actor.Account.String(), r.actor.Name, string(r.seat())},
		CaseNumber: r.hearing.CaseNumber, Title: r.hearing.CaseTitle, Start: r.hearing.Start, Court: r.s.courtName(r.lang),
	})
	if err != nil {
		return "", fmt.Errorf("room config: %w", err)
	}
	return string(config), nil
}

// looseStyles lets the islands of the hearing set styles of their own.
func looseStyles(r *request) {
	h := r.w.Header()
	policy := h.Get("Content-Security-Policy")
	h.Set("Content-Security-Policy", replaceDirective(policy, "style-src 'self'", "style-src 'self' 'unsafe-inline'"))
}

func (s *server) getCheck(r *request) error {
	if err := r.known(); err != nil {
		return err
	}
	if r.hearing.Phase == docket.PhaseClosed {
		return r.redirectNow("/hearings/" + r.hearing.ID.String())
	}
	config, err := r.roomConfig()
	if err != nil {
		return err
	}
	looseStyles(r)
	return r.render(http.StatusOK, "check", "check.title", struct {
		Hearing docket.Hearing
		Config  string
	}{r.hearing, config}, in("cases"))
}

func (s *server) getRoom(r *request) error {
	if err := r.known(); err != nil {
		return err
	}
	config, err := r.roomConfig()
	if err != nil {
		return err
	}
	looseStyles(r)
	return r.render(http.StatusOK, "room", "room.title", struct{ Config, Check string }{config, "/hearings/" + r.hearing.ID.String()})
}

// getSocket hands the connection to the hearing room.
func (s *server) getSocket(r *request) error {
	if err := r.known(); err != nil {
		return err
	}
	if s.Hub == nil {
		return errNoHearing
	}
	r.written = true
	s.Hub.Serve(r.w, r.Request, r.actor, r.hearing, r.seat())
	return nil
}

type transcriptPage struct {
	Hearing    docket.Hearing
	Case       docket.Case
	Transcript docket.Transcript
	Revised    map[uuid.UUID]int // lines that were reworded, with how often
	Mine       *docket.Party
	Answer     *docket.TranscriptAnswer
	MayAnswer  bool
	Objection  string
}

func (s *server) getTranscript(r *request) error { return s.showTranscript(r, http.StatusOK, nil) }

func (s *server) showTranscript(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	t, err := s.Docket.Transcript(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	data := transcriptPage{Hearing: r.hearing, Case: c, Transcript: t, Revised: map[uuid.UUID]int{}}
	for _, line := range t.Lines {
		if line.Revision > 1 {
			data.Revised[line.ID] = line.Revision - 1
		}
	}
	if p, ok := c.PartyOf(r.actor.Account); ok {
		data.Mine = &p
		for _, a := range t.Answers {
			if a.Party == p.ID {
				data.Answer = &a
			}
		}
	}
	open := t.ClosedAt != nil && (data.Answer == nil || !data.Answer.Current)
	data.MayAnswer = open && r.can(identity.ActConfirmTranscript)
	if r.PostForm != nil {
		data.Objection = r.PostFormValue("objection")
	}
	return r.render(status, "transcript", "transcript.title", data, in("cases"), withErrors(wrong))
}

func (s *server) postTranscript(r *request) error {
	confirm, objection := r.PostFormValue("answer") == "confirm", r.PostFormValue("objection")
	if !confirm && objection == "" {
		return s.showTranscript(r, http.StatusUnprocessableEntity, []fieldError{{"objection", r.t("transcript.no_objection")}})
	}
	if confirm {
		objection = ""
	}
	// What was read must be what is answered: a line reworded meanwhile is shown first.
	t, err := s.Docket.Transcript(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	if t.Digest != r.PostFormValue("digest") {
		return s.showTranscript(r, http.StatusConflict, []fieldError{{"", r.t("transcript.changed")}})
	}
	if err := s.Docket.AnswerTranscript(r.Context(), r.actor, r.hearing.ID, confirm, objection); err != nil {
		return err
	}
	return r.redirect("/hearings/"+r.hearing.ID.String()+"/transcript", "transcript_answered")
}
