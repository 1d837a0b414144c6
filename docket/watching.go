package docket

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
)

const maxStretches = 100 // in one batch of a player

// WatchedInput is one batch of what a player has shown.
type WatchedInput struct {
	Viewing   uuid.UUID `json:"viewing" doc:"Made by the player, one for each time that it is opened"`
	Batch     int       `json:"batch" minimum:"1" doc:"1, 2, 3 … in the viewing; sent again it changes nothing"`
	Stretches []Stretch `json:"stretches" maxItems:"100" doc:"What was shown, in milliseconds of the recording"`
}

// Viewing is one time that somebody watched a hearing's recording.
type Viewing struct {
	ID      uuid.UUID `json:"id"`
	Account uuid.UUID `json:"account"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Last    time.Time `json:"last"`
	Watched []Stretch `json:"watched"` // milliseconds, in order, without overlaps
	Seconds int64     `json:"seconds"` // of the recording that were seen, each once
}

// Watched records what a player has shown to the actor (AV 10). The first batch
// of a viewing enters it in the docket; the same batch again changes nothing.
// ErrForbidden when the viewing is another's or of another hearing.
func (d *Docket) Watched(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, in WatchedInput) error {
	if in.Viewing == uuid.Nil || in.Batch < 1 || len(in.Stretches) > maxStretches {
		return fmt.Errorf("docket: watched: %w", invalid("viewing", "viewing_malformed", ""))
	}
	for _, s := range in.Stretches {
		if s.From < 0 || s.To < s.From {
			return fmt.Errorf("docket: watched: %w", invalid("stretches", "viewing_malformed", ""))
		}
	}
	stretches, err := json.Marshal(append([]Stretch{}, in.Stretches...))
	if err != nil {
		return fmt.Errorf("docket: watched: %w", err)
	}
	return d.inTx(ctx, "watched", func(tx pgx.Tx) error {
		h, err := readHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO recording_viewings (id, hearing_id, account, name, started_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, in.Viewing, hearingID, actor.Account, actor.Name, d.now())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			if _, err := d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryWatched,
				Data: map[string]any{"hearing": hearingID, "viewing": in.Viewing}}); err != nil {
				return err
			}
		}
		var own bool
		if err := tx.QueryRow(ctx, `SELECT account = $2 AND hearing_id = $3 FROM recording_viewings WHERE id = $1`,
			in.Viewing, actor.Account, hearingID).Scan(&own); err != nil {
			return err
		}
		if !own {
			return ErrForbidden
		}
		_, err = tx.Exec(ctx, `INSERT INTO recording_watched (viewing_id, batch, at, stretches) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, in.Viewing, in.Batch, d.now(), stretches)
		return err
	})
}

// Viewings lists who watched the hearing's recording, the newest first.
func (d *Docket) Viewings(ctx context.Context, hearingID uuid.UUID) ([]Viewing, error) {
	rows, err := d.pool.Query(ctx, `SELECT v.id, v.account, v.name, v.started_at, max(w.at),
			coalesce(jsonb_agg(w.stretches ORDER BY w.batch) FILTER (WHERE w.batch IS NOT NULL), '[]')
		FROM recording_viewings v LEFT JOIN recording_watched w ON w.viewing_id = v.id
		WHERE v.hearing_id = $1 GROUP BY v.id ORDER BY v.started_at DESC, v.id`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: viewings: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Viewing, error) {
		var v Viewing
		var last *time.Time
		var batches [][]Stretch
		if err := row.Scan(&v.ID, &v.Account, &v.Name, &v.Started, &last, &batches); err != nil {
			return v, err
		}
		v.Started = v.Started.UTC()
		v.Last = v.Started
		if last != nil {
			v.Last = last.UTC()
		}
		var all []Stretch
		for _, b := range batches {
			all = append(all, b...)
		}
		v.Watched = union(all)
		var ms int64
		for _, s := range v.Watched {
			ms += s.To - s.From
		}
		v.Seconds = (ms + 500) / 1000
		return v, nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: viewings: %w", err)
	}
	return list, nil
}

// Fetched logs one request for a recording's bytes: a range as asked for, or
// the whole file when empty. copied says that it was a file to keep (AV 11),
// which is entered in the docket too: each request, for any range may be the
// part that matters.
func (d *Docket) Fetched(ctx context.Context, actor identity.Actor, r Recording, byteRange string, copied bool) error {
	return d.inTx(ctx, "recording fetched", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO recording_fetches (recording_id, account, at, range, copied) VALUES ($1, $2, $3, $4, $5)`,
			r.ID, actor.Account, d.now(), byteRange, copied); err != nil {
			return err
		}
		if !copied {
			return nil
		}
		h, err := readHearing(ctx, tx, r.Hearing)
		if err != nil {
			return err
		}
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryCopied, Data: map[string]any{"hearing": h.ID, "recording": r.ID, "part": byteRange != ""},
			Files: []FileRef{{Name: r.FileName, Hash: r.Blob.Hash, Size: r.Blob.Size}}})
		return err
	})
}
