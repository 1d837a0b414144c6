package docket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/identity"
)

func TestScheduleNotice(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	linked := c.linked()
	// It is 2026-04-01 in Beijing; the days count there, not in UTC.
	for start, want := range map[time.Time]error{
		time.Date(2026, 4, 3, 15, 59, 0, 0, time.UTC): docket.ErrShortNotice, // 23:59 on 04-03
		time.Date(2026, 4, 1, 2, 0, 0, 0, time.UTC):   docket.ErrShortNotice,
	} {
		_, err := c.ScheduleHearing(ctx, c.clerk, linked.ID, docket.HearingInput{Start: start, Minutes: 60})
		c.is(err, want)
	}
	_, err := c.ScheduleHearing(ctx, c.clerk, linked.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, -1), Minutes: 60, PartiesAgreed: true})
	c.invalid(err, "start_past")
	_, err = c.ScheduleHearing(ctx, c.clerk, linked.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 9)})
	c.invalid(err, "minutes_out_of_range")
	h, err := c.ScheduleHearing(ctx, c.clerk, linked.ID, docket.HearingInput{Start: time.Date(2026, 4, 3, 16, 0, 0, 0, time.UTC), Minutes: 60})
	c.ok(err) // 00:00 on 04-04: three days
	if h.Title != "第1次开庭" || h.CaseNumber != linked.Number || h.Phase != docket.PhaseWaiting || c.read(linked.ID).Stage != docket.StageScheduled {
		t.Errorf("hearing %+v", h)
	}
	_, err = c.ScheduleHearing(ctx, c.clerk, linked.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 9), Minutes: 60})
	c.is(err, docket.ErrConflict)

	soon := c.accepted()
	_, err = c.ScheduleHearing(ctx, c.clerk, soon.ID, docket.HearingInput{Start: c.clock.Now(), Minutes: 60, PartiesAgreed: true})
	c.ok(err)
	_, err = c.ScheduleHearing(ctx, c.clerk, c.submitted().ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 9), Minutes: 60})
	c.is(err, docket.ErrConflict)
}

// TestPhases tries every move from every phase that a hearing can be in.
func TestPhases(t *testing.T) {
	c := newCourt(t)
	routes := map[string]struct {
		route []docket.Phase
		legal map[docket.Phase]bool
	}{
		"waiting":       {nil, map[docket.Phase]bool{"opening": true}},
		"opening":       {[]docket.Phase{"opening"}, map[docket.Phase]bool{"investigation": true, "recess": true}},
		"investigation": {[]docket.Phase{"opening", "investigation"}, map[docket.Phase]bool{"debate": true, "recess": true}},
		"debate": {[]docket.Phase{"opening", "investigation", "debate"},
			map[docket.Phase]bool{"final_statements": true, "investigation": true, "recess": true}},
		"final": {[]docket.Phase{"opening", "investigation", "debate", "final_statements"},
			map[docket.Phase]bool{"closed": true, "debate": true, "recess": true}},
		"recess of debate": {[]docket.Phase{"opening", "investigation", "debate", "recess"},
			map[docket.Phase]bool{"debate": true, "closed": true}},
		"closed": {[]docket.Phase{"opening", "investigation", "debate", "final_statements", "closed"}, nil},
	}
	for name, test := range routes {
		h := c.move(c.hearing(c.accepted().ID), test.route...)
		for _, to := range docket.Phases() {
			if to == h.Phase {
				continue
			}
			if test.legal[to] {
				continue
			}
			_, err := c.MovePhase(t.Context(), c.judge, h.ID, to)
			c.is(err, docket.ErrConflict)
		}
		next := h.NextPhases()
		if len(next) != len(test.legal) {
			t.Errorf("%s: next %v, want %v", name, next, test.legal)
		}
		for _, to := range next {
			if !test.legal[to] {
				t.Errorf("%s: %s is offered", name, to)
			}
		}
		if len(next) > 0 {
			c.move(h, next[0])
		}
	}
}

func TestPhaseRules(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	linked := c.linked()
	h := c.hearing(linked.ID)
	for _, actor := range []identity.Actor{c.clerk, c.zhang, {}} {
		_, err := c.MovePhase(ctx, actor, h.ID, docket.PhaseOpening)
		c.is(err, docket.ErrForbidden)
	}
	opened := c.move(h, docket.PhaseOpening)
	same := c.move(h, docket.PhaseOpening)
	if same.Version != opened.Version || opened.OpenedAt == nil {
		t.Errorf("a second click moved the hearing: %+v", same)
	}
	adjourned := c.move(h, docket.PhaseRecess, docket.PhaseClosed)
	if !adjourned.Adjourned || c.read(linked.ID).Stage != docket.StageAccepted {
		t.Errorf("adjourned %+v", adjourned)
	}
	second := c.hearing(linked.ID)
	if second.Title != "第2次开庭" {
		t.Errorf("title %s", second.Title)
	}
	c.move(second, docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseRecess, docket.PhaseClosed)
	if stage := c.read(linked.ID).Stage; stage != docket.StageHeard {
		t.Errorf("stage %s", stage)
	}
	if list, err := c.Hearings(ctx, linked.ID); err != nil || len(list) != 2 {
		t.Errorf("hearings %+v, %v", list, err)
	}
	c.checkRecord(linked.ID)
}

// TestPresence tells a fault of the network from leaving (LR 25).
func TestPresence(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	h := c.move(c.hearing(c.linked().ID), docket.PhaseOpening)
	event := func(actor identity.Actor, kind string, data any) {
		t.Helper()
		c.clock.Advance(time.Second)
		c.ok(c.HearingEvent(ctx, actor, h.ID, kind, data))
	}
	event(c.zhang, docket.EventJoined, nil)
	event(c.zhang, docket.EventJoined, nil) // a second tab is the same stay
	event(c.zhang, docket.EventNetworkLost, map[string]any{"cause": "ice timeout"})
	event(c.zhang, docket.EventNetworkRestored, nil)
	event(c.li, docket.EventJoined, nil)
	event(c.zhang, docket.EventLeft, nil)
	event(c.judge, docket.EventRemoved, map[string]any{"account": c.li.Account, "name": "李娜"})
	event(c.judge, docket.EventJoined, nil)
	c.move(h, docket.PhaseRecess, docket.PhaseClosed)
	stays, err := c.Presence(ctx, h.ID)
	c.ok(err)
	var got []string
	for _, s := range stays {
		got = append(got, s.Name+" "+s.Cause)
	}
	if want := "[张伟 network 张伟 left 李娜 removed 林静 closed]"; fmt.Sprint(got) != want {
		t.Errorf("presence %v, want %s", got, want)
	}
	c.is(c.HearingEvent(ctx, c.zhang, h.ID, docket.EventJoined, nil), docket.ErrConflict)
	if err := c.HearingEvent(ctx, c.zhang, h.ID, "danced", nil); err == nil {
		t.Error("an unknown event was taken")
	}
	c.invalid(c.HearingEvent(ctx, c.zhang, h.ID, docket.EventWarned, make([]int, 20_000)), "text_too_long")
}

func TestTranscript(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	linked := c.linked()
	h := c.move(c.hearing(linked.ID), docket.PhaseOpening)
	in := docket.LineInput{ID: uuid.New(), Speaker: "审判员", Text: "现在开庭。"}
	lines := make([]docket.Line, 10)
	for _, err := range everyone(len(lines), func(i int) (err error) {
		lines[i], err = c.WriteLine(ctx, c.clerk, h.ID, in)
		return err
	}) {
		c.ok(err)
	}
	for _, l := range lines {
		if l.Seq != 1 || l.Text != in.Text {
			t.Fatalf("line %+v", l)
		}
	}
	for _, err := range everyone(10, func(i int) error {
		_, err := c.WriteLine(ctx, c.clerk, h.ID, docket.LineInput{ID: uuid.New(), Speaker: "原告", Text: fmt.Sprint("第", i, "句")})
		return err
	}) {
		c.ok(err)
	}
	before, err := c.Transcript(ctx, h.ID)
	c.ok(err)
	for i, l := range before.Lines {
		if l.Seq != i+1 {
			t.Fatalf("line %d has seq %d", i+1, l.Seq)
		}
	}
	if len(before.Lines) != 11 || before.Due != nil {
		t.Fatalf("transcript of %d lines, due %v", len(before.Lines), before.Due)
	}
	c.invalid(second(c.WriteLine(ctx, c.clerk, h.ID, docket.LineInput{ID: uuid.New()})), "line_text_missing")
	c.is(c.AnswerTranscript(ctx, c.zhang, h.ID, true, ""), docket.ErrNotSigned)

	h = c.move(h, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed)
	_, err = c.WriteLine(ctx, c.clerk, h.ID, docket.LineInput{ID: uuid.New(), Text: "闭庭后"})
	c.is(err, docket.ErrConflict)
	c.is(c.AnswerTranscript(ctx, c.judge, h.ID, true, ""), docket.ErrForbidden)
	c.invalid(c.AnswerTranscript(ctx, c.li, h.ID, false, " "), "objection_missing")
	c.ok(c.AnswerTranscript(ctx, c.zhang, h.ID, true, ""))
	c.ok(c.AnswerTranscript(ctx, c.li, h.ID, false, "第2行不是我说的"))

	target := before.Lines[1]
	revised, err := c.ReviseLine(ctx, c.clerk, h.ID, target.ID, target.Revision, "被告", "改正")
	c.ok(err)
	current, err := c.ReviseLine(ctx, c.clerk, h.ID, target.ID, target.Revision, "被告", "又改")
	c.is(err, docket.ErrStale)
	if current.Text != "改正" || revised.Revision != 2 {
		t.Errorf("revised %+v, a stale one sees %+v", revised, current)
	}
	revisions, err := c.LineRevisions(ctx, h.ID)
	c.ok(err)
	if len(revisions) != 12 || revisions[1].Text != target.Text || revisions[2].Text != "改正" {
		t.Errorf("revisions %+v", revisions)
	}
	after, err := c.Transcript(ctx, h.ID)
	c.ok(err)
	if len(after.Answers) != 2 || after.Answers[0].Current || after.Answers[0].Digest != before.Digest || !after.Answers[0].Confirmed {
		t.Errorf("answers %+v: they were given to an earlier wording", after.Answers)
	}
	c.ok(c.AnswerTranscript(ctx, c.li, h.ID, true, ""))
	final, err := c.Transcript(ctx, h.ID)
	c.ok(err)
	if a := final.Answers[1]; !a.Current || !a.Confirmed || a.Objection != "" || final.Due == nil {
		t.Errorf("answer %+v", a)
	}
	c.checkRecord(linked.ID)
}

func second[T any](_ T, err error) error { return err }

// TestDatabaseGuardsTheRecord shows the second wall: what the tables refuse
// whatever program writes to them.
func TestDatabaseGuardsTheRecord(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	a := c.accepted()
	h := c.hearing(a.ID)
	for name, sql := range map[string]string{
		"change an entry":         `UPDATE entries SET kind = 'x'`,
		"delete an entry":         `DELETE FROM entries`,
		"empty the record":        `TRUNCATE entries`,
		"change a filing":         `UPDATE filings SET number = 'x'`,
		"leave a gap":             `UPDATE cases SET entry_seq = entry_seq`,
		"a stage that is none":    `UPDATE cases SET stage = 'won'`,
		"lose the number":         `UPDATE cases SET number = NULL, serial = NULL`,
		"refuse without reason":   `UPDATE cases SET stage = 'refused'`,
		"ask twice":               `UPDATE cases SET correction_rounds = 2`,
		"judge and clerk in one":  `UPDATE cases SET clerk = judge`,
		"close without an hour":   `UPDATE hearings SET phase = 'closed'`,
		"recess without a phase":  `UPDATE hearings SET phase = 'recess', opened_at = start_at`,
		"one person on two sides": `UPDATE parties SET account = '` + c.zhang.Account.String() + `', linked_at = now()`,
	} {
		_, err := c.pool.Exec(ctx, sql)
		if name == "leave a gap" {
			err = pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `UPDATE cases SET entry_seq = entry_seq + 1 WHERE id = $1`, a.ID); err != nil {
					return err
				}
				_, err := c.AppendEntry(ctx, tx, docket.EntryInput{Case: a.ID, Actor: identity.System, Kind: docket.EntryStage})
				return err
			})
		}
		if err == nil {
			t.Errorf("%s: the database let it pass", name)
		}
	}
	if got, err := c.Hearing(ctx, h.ID); err != nil || got != h {
		t.Errorf("hearing %+v, %v", got, err)
	}
	c.checkRecord(a.ID)
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		_, err := c.AppendEntry(ctx, tx, docket.EntryInput{Case: a.ID, Actor: identity.System, Kind: "no.such"})
		return err
	})
	if err == nil {
		t.Error("an unlisted kind was written")
	}
}

// TestNextPhasesOfAClosedHearing: clients get an empty list, not null.
func TestNextPhasesOfAClosedHearing(t *testing.T) {
	if got := (docket.Hearing{Phase: docket.PhaseClosed}).NextPhases(); got == nil || len(got) != 0 {
		t.Errorf("next %v", got)
	}
}
