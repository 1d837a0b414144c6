package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres"
	"yunting/service"
)

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(v)
}

// act is one thing that the person may do on a case now.
type act struct {
	Key     string // of its button "act.<key>" and its consequence "act.<key>.text"
	Link    string
	Post    bool // a form, not a page
	Primary bool
	Whom    string
}

// period is a deadline of the case with its explanation.
type period struct {
	Key    string // "deadline.<key>" is its name
	Due    deadline.Date
	Answer *deadline.Answer
	Late   bool
}

type casePage struct {
	Case       docket.Case
	Steps      []step
	Entries    []docket.Entry
	Hearings   []docket.Hearing
	Integrity  map[uuid.UUID]blob.Hash // values by hearing
	Documents  []service.Document
	Deliveries []service.Delivery
	Evidence   int
	Acts       []act
	Periods    []period
	Mine       *docket.Party
	MaskFor    bool
	JudgeName  string
	ClerkName  string
}

// step is one stage in the stepper.
type step struct {
	Stage docket.Stage
	State string // "done", "now" or ""
}

// stepsOf are the stages that every case passes; a refused case ends early.
func stepsOf(c docket.Case) []step {
	path := []docket.Stage{docket.StageDraft, docket.StageSubmitted, docket.StageAccepted, docket.StageScheduled,
		docket.StageHeard, docket.StageJudged, docket.StageServed}
	at := slices.Index(path, c.Stage)
	switch c.Stage {
	case docket.StageCorrecting:
		path[1], at = docket.StageCorrecting, 1
	case docket.StageRefused:
		path, at = []docket.Stage{docket.StageDraft, docket.StageSubmitted, docket.StageRefused}, 2
	}
	var out []step
	for i, stage := range path {
		state := ""
		if i < at || i == at && c.Stage == docket.StageServed {
			state = "done"
		} else if i == at {
			state = "now"
		}
		out = append(out, step{stage, state})
	}
	return out
}

func (s *server) getCase(r *request) error {
	ctx := r.Context()
	c, err := s.Docket.Case(ctx, r.caseID)
	if err != nil {
		return err
	}
	data := casePage{Case: c, Steps: stepsOf(c)}
	if data.Entries, err = s.Docket.Entries(ctx, c.ID); err != nil {
		return err
	}
	if err := s.noteSupervision(r, data.Entries); err != nil {
		return err
	}
	slices.Reverse(data.Entries)
	if data.Integrity, err = s.Docket.IntegrityValues(ctx, c.ID); err != nil {
		return err
	}
	if data.Hearings, err = s.Docket.Hearings(ctx, c.ID); err != nil {
		return err
	}
	if r.can(identity.ActReadDocument) {
		if data.Documents, err = s.documentsFor(r); err != nil {
			return err
		}
	}
	if data.Deliveries, err = s.caseDeliveries(r, c); err != nil {
		return err
	}
	items, err := s.Docket.Evidence(ctx, c.ID)
	if err != nil {
		return err
	}
	data.Evidence = len(items)
	if p, ok := c.PartyOf(r.actor.Account); ok {
		data.Mine = &p
	}
	if data.JudgeName, err = s.nameOf(r, c.Judge); err != nil {
		return err
	}
	if data.ClerkName, err = s.nameOf(r, c.Clerk); err != nil {
		return err
	}
	data.Acts = s.actsOf(r, data)
	data.Periods = s.periodsOf(data)
	return r.render(http.StatusOK, "case", "case.title", data, in("cases"), func(p *page) {
		p.Title = c.Title
		if c.Number != "" {
			p.Title = c.Number + " " + c.Title
		}
		if p.Title == "" {
			p.Title = r.t("case.untitled")
		}
	})
}

// noteSupervision records that supervision reads the case: once a day for each
// supervisor, for the record is of readings and not of clicks.
func (s *server) noteSupervision(r *request, entries []docket.Entry) error {
	if !r.can(identity.ActSupervise) || len(r.view.Standings) > 0 {
		return nil
	}
	court := s.Docket.Court()
	today := court.Today(s.Now())
	for _, e := range entries {
		if e.Kind == docket.EntryRead && e.Actor == r.actor.Account && court.Today(e.At) == today {
			return nil
		}
	}
	return postgres.InTx(r.Context(), s.Pool, func(tx pgx.Tx) error {
		_, err := s.Docket.AppendEntry(r.Context(), tx, docket.EntryInput{Case: r.caseID, Actor: r.actor, Kind: docket.EntryRead, Data: map[string]string{}})
		return err
	})
}

// nameOf is the name of an account; "" for none.
func (s *server) nameOf(r *request, account uuid.UUID) (string, error) {
	if account == uuid.Nil {
		return "", nil
	}
	a, err := s.Identity.Account(r.Context(), account)
	if errors.Is(err, identity.ErrNotFound) {
		return "", nil
	}
	return a.Person.Name, err
}

// caseDeliveries lists what was served: all to staff, to a party its own.
func (s *server) caseDeliveries(r *request, c docket.Case) ([]service.Delivery, error) {
	list, err := s.Service.Deliveries(r.Context(), c.ID)
	if err != nil {
		return nil, err
	}
	if r.seesDeliveries() {
		return list, nil
	}
	return slices.DeleteFunc(list, func(d service.Delivery) bool {
		return d.Account == nil || *d.Account != r.actor.Account
	}), nil
}

// actsOf lists what the person may do on the case as it stands, the next one
// first. The policy decides who may; the stage decides what makes sense.
func (s *server) actsOf(r *request, d casePage) []act {
	c, base := d.Case, "/cases/"+d.Case.ID.String()
	var out []act
	put := func(may bool, a act) {
		if may {
			out = append(out, a)
		}
	}
	stage := func(list ...docket.Stage) bool { return slices.Contains(list, c.Stage) }
	put(stage(docket.StageDraft) && r.can(identity.ActEditDraft), act{Key: "edit", Link: base + "/edit", Primary: true})
	put(stage(docket.StageCorrecting) && r.can(identity.ActEditDraft), act{Key: "correct", Link: base + "/edit", Primary: true})
	put(stage(docket.StageSubmitted) && r.can(identity.ActReview), act{Key: "review", Link: base + "/review", Primary: true})
	for _, p := range c.Parties {
		put(stage(docket.StageAccepted, docket.StageScheduled) && p.Account == nil && r.can(identity.ActInvite),
			act{Key: "invite", Link: base + "/parties/" + p.ID.String() + "/invite", Primary: true, Whom: p.Name})
	}
	if d.Mine != nil && !stage(docket.StageDraft, docket.StageRefused) {
		put(r.can(identity.ActConsent), act{Key: "consent", Link: base + "/consent", Primary: d.Mine.Consent == nil || !d.Mine.Consent.EService})
	}
	for _, h := range d.Hearings {
		link := "/hearings/" + h.ID.String()
		if h.Phase != docket.PhaseClosed {
			put(r.can(identity.ActJoinHearing), act{Key: "join", Link: link + "/check", Primary: true})
			put(!r.can(identity.ActJoinHearing) && r.can(identity.ActWatchHearing), act{Key: "watch", Link: link + "/check"})
		} else {
			put(r.can(identity.ActConfirmTranscript), act{Key: "transcript", Link: link + "/transcript", Primary: stage(docket.StageHeard)})
			put(r.can(identity.ActPlayRecording), act{Key: "recordings", Link: link + "/recording"})
		}
	}
	put(stage(docket.StageAccepted, docket.StageScheduled, docket.StageHeard) && r.can(identity.ActSchedule), act{Key: "schedule", Link: base + "/hearings/new", Primary: stage(docket.StageAccepted)})
	put(stage(docket.StageHeard) && r.can(identity.ActDraftJudgment), act{Key: "judgment", Link: base + "/judgment", Primary: true})
	put(stage(docket.StageJudged, docket.StageServed, docket.StageAccepted, docket.StageScheduled, docket.StageHeard) && r.can(identity.ActServe),
		act{Key: "serve", Link: base + "/serve", Primary: stage(docket.StageJudged)})
	put(c.SubmittedAt != nil && c.Filer == r.actor.Account, act{Key: "receipt", Link: base + "/receipt"})
	put(!stage(docket.StageDraft) && r.can(identity.ActAddEvidence), act{Key: "evidence", Link: base + "/evidence"})
	put(!stage(docket.StageDraft) && r.can(identity.ActExport), act{Key: "export", Link: base + "/export"})
	slices.SortStableFunc(out, func(a, b act) int {
		switch {
		case a.Primary == b.Primary:
			return 0
		case a.Primary:
			return -1
		}
		return 1
	})
	first := true
	for i := range out {
		out[i].Primary = out[i].Primary && first
		first = first && !out[i].Primary
	}
	return out
}

// periodsOf collects the deadlines that run in the case.
func (s *server) periodsOf(d casePage) []period {
	today := s.Docket.Court().Today(s.Now())
	var out []period
	c := d.Case
	if c.ReviewDue != nil && c.Stage == docket.StageSubmitted {
		out = append(out, period{Key: "review", Due: c.ReviewDue.Due, Answer: c.ReviewDue})
	}
	if c.CorrectionDue != nil && c.Stage == docket.StageCorrecting {
		out = append(out, period{Key: "correction", Due: *c.CorrectionDue})
	}
	court := s.Docket.Court()
	if c.AcceptedAt != nil {
		accepted := court.Today(*c.AcceptedAt)
		if !slices.Contains([]docket.Stage{docket.StageJudged, docket.StageServed}, c.Stage) {
			rule := deadline.RuleTrialOrdinary
			switch c.Procedure {
			case docket.ProcedureSimple:
				rule = deadline.RuleTrialSimple
			case docket.ProcedureSmall:
				rule = deadline.RuleTrialSmall
			}
			answer := court.Calendar.Statutory(accepted, rule)
			out = append(out, period{Key: "trial", Due: answer.Due, Answer: &answer})
		}
	}
	for i := range out {
		out[i].Late = out[i].Due.Before(today)
	}
	return out
}

// entryOf finds the entry that the path names.
func (s *server) entryOf(r *request) (docket.Entry, error) {
	seq, err := strconv.Atoi(r.PathValue("seq"))
	if err != nil {
		return docket.Entry{}, errNotFound
	}
	list, err := s.Docket.Entries(r.Context(), r.caseID)
	if err != nil {
		return docket.Entry{}, err
	}
	for _, e := range list {
		if e.Seq == seq {
			return e, nil
		}
	}
	return docket.Entry{}, errNotFound
}

func (s *server) getEntry(r *request) error {
	e, err := s.entryOf(r)
	if err != nil {
		return err
	}
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	data := struct {
		Case       docket.Case
		Entry      docket.Entry
		Payload    string
		Proof      *ledger.Proof
		Checkpoint ledger.Checkpoint
		Hash       string
	}{Case: c, Entry: e, Payload: string(e.Payload)}
	proof, err := s.Ledger.Proof(r.Context(), e.Leaf.ID)
	switch {
	case errors.Is(err, ledger.ErrNotIntegrated): // the page says "in a moment"
	case err != nil:
		return err
	default:
		data.Proof = &proof
		if data.Checkpoint, err = proof.Verify(e.Payload, s.Ledger.PublicKey()); err != nil {
			return err
		}
	}
	return r.render(http.StatusOK, "entry", "entry.title", data, in("cases"))
}

func (s *server) getEntryProof(r *request) error {
	e, err := s.entryOf(r)
	if err != nil {
		return err
	}
	proof, err := s.Ledger.Proof(r.Context(), e.Leaf.ID)
	if err != nil {
		return err
	}
	r.written = true
	return writeJSON(r.w, proof)
}

// getEntryPayload sends the exact bytes that the ledger's leaf is the hash of.
func (s *server) getEntryPayload(r *request) error {
	e, err := s.entryOf(r)
	if err != nil {
		return err
	}
	r.written = true
	r.w.Header().Set("Content-Type", "application/json")
	r.w.Header().Set("Cache-Control", "no-store")
	_, err = r.w.Write(e.Payload)
	return err
}

func (s *server) getExport(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "export", "export.title", c, in("cases"))
}

// postExport streams the bundle. It is a POST because the export is itself an
// entry of the record.
func (s *server) postExport(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	out := &startedWriter{ResponseWriter: r.w, begin: func() {
		r.written = true
		h := r.w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", attachment(exportName(c)))
		h.Set("Cache-Control", "no-store")
	}}
	if err := s.Service.Export(r.Context(), r.actor, r.caseID, out); err != nil {
		if r.written {
			s.Logger.ErrorContext(r.Context(), "export broke off", "error", err)
			panic(http.ErrAbortHandler) // a cut connection, not a short zip that looks whole
		}
		return err
	}
	return nil
}

func exportName(c docket.Case) string {
	if c.Number != "" {
		return c.Number + ".zip"
	}
	return c.ID.String() + ".zip"
}

// startedWriter runs begin before the first byte, so that an error before it
// can still become a page.
type startedWriter struct {
	http.ResponseWriter
	begin   func()
	started bool
}

func (w *startedWriter) Write(p []byte) (int, error) {
	if !w.started {
		w.started = true
		w.begin()
	}
	return w.ResponseWriter.Write(p)
}
