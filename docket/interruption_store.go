package docket

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/interruption"
)

// RecordingReport is what the record says of a hearing's recording: from when to when, and what interrupted it (AV 3).
type RecordingReport struct {
	Started       *time.Time                  `json:"started,omitempty"` // nil: nothing was recorded
	Ended         *time.Time                  `json:"ended,omitempty"`   // nil while the hearing is open
	Complete      bool                        `json:"complete"`          // the hearing is closed and all that was recorded is stored
	Interruptions []interruption.Interruption `json:"interruptions"`
}

// recordingEvents are the entries that tell of the recording.
var recordingEvents = map[string]interruption.EventKind{
	EventRecordingStarted: interruption.Began, EventRecordingStopped: interruption.Stopped, EventRecordingFault: interruption.Faulted,
	EventRecordingChoice: interruption.Chosen, EventServerRestarted: interruption.Restarted,
}

// RecordingReport lists what interrupted the recording of a hearing, from its entries and the gaps of its files;
// ErrNotFound.
func (d *Docket) RecordingReport(ctx context.Context, hearingID uuid.UUID) (RecordingReport, error) {
	h, err := d.Hearing(ctx, hearingID)
	if err != nil {
		return RecordingReport{}, err
	}
	r := RecordingReport{Ended: h.ClosedAt}
	events, err := d.recordingEvents(ctx, h)
	if err != nil {
		return r, err
	}
	recordings, err := d.Recordings(ctx, hearingID)
	if err != nil {
		return r, err
	}
	for i := range recordings {
		if r.Started == nil || recordings[i].Started.Before(*r.Started) {
			r.Started = &recordings[i].Started
		}
	}
	end := d.now()
	if h.ClosedAt != nil {
		end = *h.ClosedAt
	}
	r.Interruptions = interruption.List(events, gapsOf(recordings), end)
	if h.ClosedAt != nil {
		// Closed, and sealed or never recorded: no file can come.
		err = d.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM hearing_integrity WHERE hearing_id = $1)
			OR NOT EXISTS (SELECT FROM recording_segments WHERE hearing_id = $1)`, hearingID).Scan(&r.Complete)
	}
	if err != nil {
		return r, fmt.Errorf("docket: recording report: %w", err)
	}
	return r, nil
}

// recordingEvents reads the hearing's entries that tell of its recording, oldest first.
func (d *Docket) recordingEvents(ctx context.Context, h Hearing) ([]interruption.Event, error) {
	kinds := make([]string, 0, len(recordingEvents))
	for kind := range recordingEvents {
		kinds = append(kinds, "hearing."+kind)
	}
	rows, err := d.pool.Query(ctx, `SELECT kind, at, payload FROM entries WHERE case_id = $1 AND kind = ANY($2) ORDER BY seq`, h.Case, kinds)
	if err != nil {
		return nil, fmt.Errorf("docket: events of the recording: %w", err)
	}
	var list []interruption.Event
	var kind string
	var at time.Time
	var payload []byte
	_, err = pgx.ForEachRow(rows, []any{&kind, &at, &payload}, func() error {
		var p struct {
			Data struct {
				Hearing uuid.UUID `json:"hearing"`
				Detail  struct {
					Cause  string              `json:"cause"`
					Choice interruption.Choice `json:"choice"`
					Reason string              `json:"reason"`
				} `json:"detail"`
			} `json:"data"`
		}
		if err := json.Unmarshal(payload, &p); err != nil {
			return err
		}
		if p.Data.Hearing == h.ID {
			list = append(list, interruption.Event{At: at.UTC(), Kind: recordingEvents[strings.TrimPrefix(kind, "hearing.")],
				Cause: p.Data.Detail.Cause, Choice: p.Data.Detail.Choice, Why: p.Data.Detail.Reason})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: events of the recording: %w", err)
	}
	return list, nil
}

// gapsOf are the gaps of all files, oldest first.
func gapsOf(recordings []Recording) []interruption.Gap {
	var list []interruption.Gap
	for _, r := range recordings {
		var gaps []struct {
			Track    string
			Cause    interruption.Cause
			From, To time.Time
		}
		if json.Unmarshal(r.Gaps, &gaps) != nil {
			continue // gaps of another shape stand in the entry
		}
		for _, g := range gaps {
			list = append(list, interruption.Gap{Participant: r.Participant, Name: cmp.Or(r.Name, r.Participant), Track: g.Track, From: g.From, To: g.To, Cause: g.Cause})
		}
	}
	slices.SortStableFunc(list, func(a, b interruption.Gap) int { return a.From.Compare(b.From) })
	return list
}
