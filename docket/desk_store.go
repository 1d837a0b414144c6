package docket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// The bounds on a desk.
const (
	deskCases    = 10  // latest cases shown
	deskTodoScan = 500 // open cases looked through for a person
	queueScan    = 200 // filings that wait for the clerks
)

// mineClause holds for cases that the account $n has a standing in.
const mineClause = `(c.filer = $%[1]d OR c.judge = $%[1]d OR c.clerk = $%[1]d
	OR EXISTS (SELECT FROM parties m WHERE m.case_id = c.id AND m.account = $%[1]d))`

// sortOrders are the orders a list may have; a closed set, so that a sort never
// reaches SQL as text.
var sortOrders = map[string]string{
	"updated": "c.updated_at DESC, c.id DESC", "-updated": "c.updated_at, c.id",
	"created": "c.created_at DESC, c.id DESC", "-created": "c.created_at, c.id",
	"number": "c.year, c.serial, c.id", "-number": "c.year DESC NULLS LAST, c.serial DESC, c.id",
	"amount": "c.amount_fen, c.id", "-amount": "c.amount_fen DESC, c.id",
}

// Cases lists one page of the cases that f lets through, and how many there are
// on all pages. Drafts are seen by their filer alone: they are listed only when
// f.Mine is set.
func (d *Docket) Cases(ctx context.Context, f Filter) ([]Case, int, error) {
	where, args := []string{"true"}, []any{}
	arg := func(v any) int {
		args = append(args, v)
		return len(args)
	}
	if f.Mine != uuid.Nil {
		where = append(where, fmt.Sprintf(mineClause, arg(f.Mine)))
		where = append(where, fmt.Sprintf(`(c.stage <> 'draft' OR c.filer = $%d)`, len(args)))
	} else {
		where = append(where, `c.stage <> 'draft'`)
	}
	if f.Stage != "" {
		where = append(where, `c.stage = $`+strconv.Itoa(arg(string(f.Stage))))
	}
	for _, word := range strings.Fields(f.Query) {
		if !storable(word, maxNameRunes) {
			return []Case{}, 0, nil
		}
		n := arg("%" + likeEscape.Replace(word) + "%")
		where = append(where, fmt.Sprintf(`(c.title ILIKE $%[1]d OR c.number ILIKE $%[1]d OR c.cause_name ILIKE $%[1]d
			OR EXISTS (SELECT FROM parties s WHERE s.case_id = c.id AND s.name ILIKE $%[1]d))`, n))
	}
	clause := `WHERE ` + strings.Join(where, ` AND `)
	var total int
	if err := d.pool.QueryRow(ctx, `SELECT count(*) FROM cases c `+clause, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("docket: count cases: %w", err)
	}
	order, ok := sortOrders[f.Sort]
	if !ok {
		order = sortOrders["updated"]
	}
	size := cmp.Or(max(f.PerPage, 0), 20)
	size = min(size, maxPageSize)
	page := min(max(f.Page, 1), total/size+1)
	clause += fmt.Sprintf(` ORDER BY %s LIMIT %d OFFSET %d`, order, size, (page-1)*size)
	cases, err := d.selectCases(ctx, d.pool, clause, args...)
	if err != nil {
		return nil, 0, err
	}
	return cases, total, nil
}

// likeEscape makes a word mean itself in LIKE.
var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Desk is what needs the actor, soonest first and without a day last, and the
// cases they last had to do with. What a supervisor or administrator may look
// at is not waiting for them, so it is not on their desk.
func (d *Docket) Desk(ctx context.Context, actor identity.Actor) (Desk, error) {
	if actor.Anonymous() {
		return Desk{}, fmt.Errorf("docket: desk: %w", ErrForbidden)
	}
	desk := Desk{Todo: []Todo{}}
	var err error
	if desk.Cases, _, err = d.Cases(ctx, Filter{Mine: actor.Account, PerPage: deskCases}); err != nil {
		return Desk{}, err
	}
	if actor.Has(identity.RoleFilingClerk) {
		queue, err := d.selectCases(ctx, d.pool, fmt.Sprintf(`WHERE c.stage = 'submitted' ORDER BY c.submitted_at LIMIT %d`, queueScan))
		if err != nil {
			return Desk{}, err
		}
		for _, c := range queue {
			desk.Todo = append(desk.Todo, due(Todo{Kind: TodoReview, Case: c}, *c.ReviewDue))
		}
	}
	open, err := d.selectCases(ctx, d.pool, fmt.Sprintf(`WHERE `+mineClause+` AND c.stage NOT IN ('refused', 'served')
		ORDER BY c.updated_at DESC LIMIT %d`, 1, deskTodoScan), actor.Account)
	if err != nil {
		return Desk{}, err
	}
	facts, err := d.deskFacts(ctx, open)
	if err != nil {
		return Desk{}, err
	}
	for _, c := range open {
		desk.Todo = append(desk.Todo, d.todoOf(actor, c, facts)...)
	}
	slices.SortStableFunc(desk.Todo, sooner)
	return desk, nil
}

func sooner(a, b Todo) int {
	switch {
	case a.Due == nil && b.Due == nil:
		return 0
	case a.Due == nil:
		return 1
	case b.Due == nil:
		return -1
	}
	if order := a.Due.Compare(*b.Due); order != 0 || a.At == nil || b.At == nil {
		return order
	}
	return a.At.Compare(*b.At)
}

func due(t Todo, why deadline.Answer) Todo {
	t.Due, t.Why = &why.Due, &why
	return t
}

// deskFacts are what todoOf needs beyond the cases themselves.
type deskFacts struct {
	hearings map[uuid.UUID][]Hearing // by case
	answered map[[2]uuid.UUID]bool   // by hearing and party
	lines    map[uuid.UUID]bool      // hearings that have a line
	invited  map[uuid.UUID]bool      // parties with an open code
}

func (d *Docket) deskFacts(ctx context.Context, cases []Case) (deskFacts, error) {
	f := deskFacts{hearings: map[uuid.UUID][]Hearing{}, answered: map[[2]uuid.UUID]bool{},
		lines: map[uuid.UUID]bool{}, invited: map[uuid.UUID]bool{}}
	ids := make([]uuid.UUID, len(cases))
	for i, c := range cases {
		ids[i] = c.ID
	}
	hearings, err := selectHearings(ctx, d.pool, `WHERE h.case_id = ANY($1) ORDER BY h.start_at`, ids)
	if err != nil {
		return f, err
	}
	for _, h := range hearings {
		f.hearings[h.Case] = append(f.hearings[h.Case], h)
	}
	rows, err := d.pool.Query(ctx, `SELECT hearing_id, party_id, 'answer' FROM transcript_answers WHERE case_id = ANY($1)
		UNION ALL SELECT id, id, 'lines' FROM hearings WHERE case_id = ANY($1) AND line_seq > 0
		UNION ALL SELECT party_id, party_id, 'invited' FROM invitations
			WHERE case_id = ANY($1) AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2`, ids, d.now())
	if err != nil {
		return f, fmt.Errorf("docket: desk: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b uuid.UUID
		var kind string
		if err := rows.Scan(&a, &b, &kind); err != nil {
			return f, fmt.Errorf("docket: desk: %w", err)
		}
		switch kind {
		case "answer":
			f.answered[[2]uuid.UUID{a, b}] = true
		case "lines":
			f.lines[a] = true
		case "invited":
			f.invited[a] = true
		}
	}
	if err := rows.Err(); err != nil {
		return f, fmt.Errorf("docket: desk: %w", err)
	}
	return f, nil
}

// todoOf is what one case wants of the actor.
func (d *Docket) todoOf(actor identity.Actor, c Case, facts deskFacts) []Todo {
	var todo []Todo
	if c.Filer == actor.Account {
		switch c.Stage {
		case StageDraft:
			todo = append(todo, Todo{Kind: TodoFinishDraft, Case: c, Due: c.KeptUntil})
		case StageCorrecting:
			todo = append(todo, Todo{Kind: TodoCorrect, Case: c, Due: c.CorrectionDue})
		}
	}
	if c.AcceptedAt == nil {
		return todo
	}
	if party, ok := c.PartyOf(actor.Account); ok {
		todo = append(todo, d.partyTodo(c, party, facts)...)
	}
	if c.Clerk == actor.Account {
		todo = append(todo, d.clerkTodo(c, facts)...)
	}
	if c.Judge == actor.Account && c.Stage == StageHeard {
		todo = append(todo, due(Todo{Kind: TodoJudge, Case: c}, d.TrialLimit(c)))
	}
	if _, ok := c.PartyOf(actor.Account); ok || c.Clerk == actor.Account || c.Judge == actor.Account {
		for _, h := range facts.hearings[c.ID] {
			if h.Phase != PhaseClosed {
				date, at := d.court.Today(h.Start), h.Start
				todo = append(todo, Todo{Kind: TodoHearing, Case: c, Hearing: &h, Due: &date, At: &at})
			}
		}
	}
	return todo
}

func (d *Docket) partyTodo(c Case, party Party, facts deskFacts) []Todo {
	var todo []Todo
	// Who filed online answered for the filing alone: the rest is still asked.
	undeclared := party.Consent == nil || !party.Consent.EService && !party.Consent.Online(OnlineHearing) &&
		!slices.Contains(party.Consent.Declined, OnlineHearing)
	if undeclared && (c.Stage == StageAccepted || c.Stage == StageScheduled) {
		start := *c.AcceptedAt
		if party.LinkedAt != nil && party.LinkedAt.After(start) {
			start = *party.LinkedAt
		}
		todo = append(todo, due(Todo{Kind: TodoConsent, Case: c},
			d.court.Calendar.Statutory(d.court.Today(start), deadline.RuleLink)))
	}
	for _, h := range facts.hearings[c.ID] {
		if h.Phase == PhaseClosed && facts.lines[h.ID] && !facts.answered[[2]uuid.UUID{h.ID, party.ID}] {
			todo = append(todo, due(Todo{Kind: TodoTranscript, Case: c, Hearing: &h},
				d.court.Calendar.Statutory(d.court.Today(*h.ClosedAt), deadline.RuleTranscript)))
		}
	}
	return todo
}

func (d *Docket) clerkTodo(c Case, facts deskFacts) []Todo {
	var todo []Todo
	accepted := d.court.Today(*c.AcceptedAt)
	for _, p := range c.Parties {
		if p.Account == nil && p.Standing != identity.StandingPlaintiff && !facts.invited[p.ID] {
			// The complaint goes to the defendant within five days (CPL 128), and
			// the invitation with it.
			todo = append(todo, due(Todo{Kind: TodoInvite, Case: c, Party: &p},
				d.court.Calendar.Statutory(accepted, deadline.RuleServeComplaint)))
		}
	}
	switch c.Stage {
	case StageAccepted:
		todo = append(todo, due(Todo{Kind: TodoSchedule, Case: c}, d.TrialLimit(c)))
	case StageJudged:
		todo = append(todo, Todo{Kind: TodoServe, Case: c})
	}
	return todo
}

// TrialLimit is the day by which an accepted case must be closed: six months in
// ordinary procedure, three in simple, two for small claims (CPL 152, 164, 168).
func (d *Docket) TrialLimit(c Case) deadline.Answer {
	rule := deadline.RuleTrialOrdinary
	switch c.Procedure {
	case ProcedureSimple:
		rule = deadline.RuleTrialSimple
	case ProcedureSmall:
		rule = deadline.RuleTrialSmall
	}
	start := c.CreatedAt
	if c.AcceptedAt != nil {
		start = *c.AcceptedAt
	}
	return d.court.Calendar.Statutory(d.court.Today(start), rule)
}
