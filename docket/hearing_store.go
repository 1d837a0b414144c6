package docket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
	"yunting/internal/postgres"
)

// hearingSlack is how late a hearing that starts "now" may be typed in.
const hearingSlack = time.Hour

// ScheduleHearing sets the case's next hearing and makes the job of the
// summons. Every party must be told at least three days before (CPL 139):
// ErrShortNotice unless in.PartiesAgreed. ErrConflict when the case is not at
// that stage or has a hearing that is not closed.
func (d *Docket) ScheduleHearing(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in HearingInput) (Hearing, error) {
	in.Title, in.Start = strings.TrimSpace(in.Title), in.Start.UTC().Truncate(time.Microsecond)
	agreed := in.PartiesAgreed || in.Waive
	now := d.now()
	switch {
	case in.Start.Before(now.Add(-hearingSlack)):
		return Hearing{}, invalid("start", "start_past", "《民事诉讼法》第一百三十九条")
	case in.Minutes < 1 || in.Minutes > maxHearingLength:
		return Hearing{}, invalid("minutes", "minutes_out_of_range", "")
	case !storable(in.Title, maxNameRunes):
		return Hearing{}, invalid("title", "text_too_long", "")
	}
	if notice := d.court.Today(now).DaysUntil(d.court.Today(in.Start)); notice < d.court.NoticeDays && !agreed {
		return Hearing{}, fmt.Errorf("docket: hearing in %d days: %w", notice, ErrShortNotice)
	}
	var set Hearing
	err := d.inTx(ctx, "schedule hearing", func(tx pgx.Tx) error {
		c, err := d.lockCase(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if !c.Stage.CanMove(StageScheduled) {
			return ErrConflict
		}
		var ord int
		if err := tx.QueryRow(ctx, `SELECT count(*) + 1 FROM hearings WHERE case_id = $1`, caseID).Scan(&ord); err != nil {
			return err
		}
		if in.Title == "" {
			in.Title = fmt.Sprintf("第%d次开庭", ord)
		}
		id := newID()
		_, err = tx.Exec(ctx, `INSERT INTO hearings (id, case_id, ord, title, start_at, minutes, public, parties_agreed, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, id, caseID, ord, in.Title, in.Start, in.Minutes, in.Public, agreed, now)
		if postgres.Violated(err, "hearings_one") {
			return ErrConflict
		}
		if err != nil {
			return err
		}
		if err := d.SetStage(ctx, tx, caseID, StageScheduled); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: caseID, Actor: actor, Kind: EntryHearingScheduled, Data: map[string]any{
			"hearing": id, "title": in.Title, "start": in.Start, "minutes": in.Minutes, "public": in.Public, "parties_agreed": agreed}})
		if err != nil {
			return err
		}
		if _, err := d.jobs.InsertTx(ctx, tx, SummonsArgs{Hearing: id}, nil); err != nil {
			return err
		}
		set, err = readHearing(ctx, tx, id)
		return err
	})
	if err != nil {
		return Hearing{}, err
	}
	return set, nil
}

// Hearing reads one hearing; ErrNotFound.
func (d *Docket) Hearing(ctx context.Context, id uuid.UUID) (Hearing, error) {
	return readHearing(ctx, d.pool, id)
}

// Hearings lists the case's hearings, oldest first.
func (d *Docket) Hearings(ctx context.Context, caseID uuid.UUID) ([]Hearing, error) {
	return selectHearings(ctx, d.pool, `WHERE h.case_id = $1 ORDER BY h.ord`, caseID)
}

func readHearing(ctx context.Context, q querier, id uuid.UUID) (Hearing, error) {
	list, err := selectHearings(ctx, q, `WHERE h.id = $1`, id)
	if err != nil {
		return Hearing{}, err
	}
	if len(list) == 0 {
		return Hearing{}, fmt.Errorf("docket: hearing %s: %w", id, ErrNotFound)
	}
	return list[0], nil
}

func selectHearings(ctx context.Context, q querier, clause string, args ...any) ([]Hearing, error) {
	rows, err := q.Query(ctx, `SELECT h.id, h.case_id, c.number, c.title, h.title, h.start_at, h.minutes, h.public, h.phase,
		coalesce(h.resume, ''), h.opened_at, h.closed_at, h.adjourned, h.version, c.judge, c.clerk
		FROM hearings h JOIN cases c ON c.id = h.case_id `+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("docket: read hearings: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Hearing, error) {
		var h Hearing
		err := row.Scan(&h.ID, &h.Case, &h.CaseNumber, &h.CaseTitle, &h.Title, &h.Start, &h.Minutes, &h.Public, &h.Phase,
			&h.Resume, &h.OpenedAt, &h.ClosedAt, &h.Adjourned, &h.Version, &h.Judge, &h.Clerk)
		h.Start, h.OpenedAt, h.ClosedAt = h.Start.UTC(), utc(h.OpenedAt), utc(h.ClosedAt)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: read hearings: %w", err)
	}
	return list, nil
}

// lockHearing locks the hearing's case and then the hearing, the order in which
// every act takes them, and reads both.
func (d *Docket) lockHearing(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Hearing, error) {
	h, err := readHearing(ctx, tx, id)
	if err != nil {
		return Hearing{}, err
	}
	if _, err := tx.Exec(ctx, `SELECT FROM cases WHERE id = $1 FOR UPDATE`, h.Case); err != nil {
		return Hearing{}, fmt.Errorf("docket: lock case: %w", err)
	}
	if _, err := tx.Exec(ctx, `SELECT FROM hearings WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Hearing{}, fmt.Errorf("docket: lock hearing: %w", err)
	}
	return readHearing(ctx, tx, id)
}

// MovePhase moves the hearing, by its judge alone: waiting → opening opens it,
// recess stops it and only the phase before goes on after it, closed ends it;
// see NextPhases. Closing moves the case on: to heard after the final
// statements, back to accepted when the hearing closes adjourned. ErrForbidden,
// ErrConflict. Asking for the phase that it is in changes nothing.
func (d *Docket) MovePhase(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, to Phase) (Hearing, error) {
	var moved Hearing
	err := d.inTx(ctx, "move phase", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		if h.Judge != actor.Account && !actor.IsSystem() {
			return ErrForbidden
		}
		if h.Phase == to {
			moved = h
			return nil
		}
		if !slices.Contains(h.NextPhases(), to) {
			return fmt.Errorf("from %s to %s: %w", h.Phase, to, ErrConflict)
		}
		moved, err = d.storePhase(ctx, tx, actor, h, to)
		return err
	})
	if err != nil {
		return Hearing{}, err
	}
	return moved, nil
}

func (d *Docket) storePhase(ctx context.Context, tx pgx.Tx, actor identity.Actor, h Hearing, to Phase) (Hearing, error) {
	now := d.now()
	var resume *Phase
	if to == PhaseRecess {
		resume = &h.Phase
	}
	adjourned := to == PhaseClosed && h.Phase == PhaseRecess && h.Resume != PhaseFinal
	_, err := tx.Exec(ctx, `UPDATE hearings SET phase = $2, resume = $3, adjourned = $4, version = version + 1,
			opened_at = coalesce(opened_at, $5), closed_at = CASE WHEN $2 = 'closed' THEN greatest($5, opened_at) END
		WHERE id = $1`, h.ID, to, resume, adjourned, now)
	if err != nil {
		return Hearing{}, err
	}
	if to == PhaseClosed {
		stage := StageHeard
		if adjourned {
			stage = StageAccepted
		}
		if err := d.SetStage(ctx, tx, h.Case, stage); err != nil {
			return Hearing{}, err
		}
		_, err := tx.Exec(ctx, `UPDATE presence SET left_at = greatest($2, joined_at), cause = 'closed'
			WHERE hearing_id = $1 AND left_at IS NULL`, h.ID, now)
		if err != nil {
			return Hearing{}, err
		}
	}
	data := map[string]any{"hearing": h.ID, "from": h.Phase, "to": to}
	if adjourned {
		data["adjourned"] = true
	}
	_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryHearingPhase, Data: data})
	if err != nil {
		return Hearing{}, err
	}
	return readHearing(ctx, tx, h.ID)
}

// presenceEnds says how an event ends a stay.
var presenceEnds = map[string]string{EventLeft: "left", EventNetworkLost: "network", EventRemoved: "removed"}

// HearingEvent records what happened in a hearing: one of HearingEvents, with
// data as JSON of at most 16 KiB. Joined begins a stay (see Presence), left,
// network_lost and removed end it; they concern the account that data names as
// "account", or else the actor. ErrConflict for joining a closed hearing.
func (d *Docket) HearingEvent(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, kind string, data any) error {
	if !slices.Contains(HearingEvents(), kind) {
		return fmt.Errorf("docket: hearing event %q is not in HearingEvents", kind)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("docket: hearing event's data: %w", err)
	}
	if len(raw) > maxEventBytes {
		return fmt.Errorf("docket: hearing event: %w", invalid("data", "text_too_long", ""))
	}
	return d.inTx(ctx, "hearing event", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		if err := d.trackPresence(ctx, tx, h, kind, subject(actor, raw)); err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: "hearing." + kind,
			Data: map[string]any{"hearing": h.ID, "detail": json.RawMessage(raw)}})
		return err
	})
}

// subject is whom an event concerns.
func subject(actor identity.Actor, raw []byte) identity.Actor {
	var named struct {
		Account uuid.UUID `json:"account"`
		Name    string    `json:"name"`
	}
	// Data of another shape names nobody: the actor is meant.
	if json.Unmarshal(raw, &named) == nil && named.Account != uuid.Nil && named.Account != actor.Account {
		return identity.Actor{Account: named.Account, Name: named.Name}
	}
	return actor
}

func (d *Docket) trackPresence(ctx context.Context, tx pgx.Tx, h Hearing, kind string, who identity.Actor) error {
	if who.Anonymous() || who.IsSystem() {
		return nil
	}
	if cause, ends := presenceEnds[kind]; ends {
		_, err := tx.Exec(ctx, `UPDATE presence SET left_at = greatest($3, joined_at), cause = $4
			WHERE hearing_id = $1 AND account = $2 AND left_at IS NULL`, h.ID, who.Account, d.now(), cause)
		return err
	}
	if kind != EventJoined && kind != EventNetworkRestored {
		return nil
	}
	if h.Phase == PhaseClosed {
		return ErrConflict
	}
	_, err := tx.Exec(ctx, `INSERT INTO presence (hearing_id, account, name, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (hearing_id, account) WHERE left_at IS NULL DO NOTHING`, h.ID, who.Account, who.Name, d.now())
	return err
}

// Presence lists every stay of every person in the hearing, by its beginning.
func (d *Docket) Presence(ctx context.Context, hearingID uuid.UUID) ([]Presence, error) {
	rows, err := d.pool.Query(ctx, `SELECT account, name, joined_at, left_at, coalesce(cause, '') FROM presence
		WHERE hearing_id = $1 ORDER BY joined_at, id`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: presence: %w", err)
	}
	stays, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Presence, error) {
		var p Presence
		err := row.Scan(&p.Account, &p.Name, &p.JoinedAt, &p.LeftAt, &p.Cause)
		p.JoinedAt, p.LeftAt = p.JoinedAt.UTC(), utc(p.LeftAt)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: presence: %w", err)
	}
	return stays, nil
}

// notFound turns the lack of a row into ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// PublicHearings tells which of the hearings are public (公开审理).
func (d *Docket) PublicHearings(ctx context.Context, hearings []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := d.pool.Query(ctx, `SELECT id FROM hearings WHERE id = ANY($1) AND public`, hearings)
	if err != nil {
		return nil, fmt.Errorf("docket: public hearings: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("docket: public hearings: %w", err)
	}
	public := make(map[uuid.UUID]bool, len(list))
	for _, id := range list {
		public[id] = true
	}
	return public, nil
}
