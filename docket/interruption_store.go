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
	reports, err := d.recordingReports(ctx, []Hearing{h})
	return reports[h.ID], err
}

// ReportedHearing is a hearing with its case and the report of its recording.
type ReportedHearing struct {
	Hearing Hearing
	Case    Case
	Report  RecordingReport
}

// RecordingReports gives the reports of hearings that there are, the last one closed first, in a fixed number of queries.
func (d *Docket) RecordingReports(ctx context.Context, hearings []uuid.UUID) ([]ReportedHearing, error) {
	if len(hearings) == 0 {
		return nil, nil
	}
	list, err := selectHearings(ctx, d.pool, `WHERE h.id = ANY($1) ORDER BY h.closed_at DESC NULLS FIRST, h.id`, hearings)
	if err != nil {
		return nil, err
	}
	cases, err := d.selectCases(ctx, d.pool, `WHERE c.id IN (SELECT case_id FROM hearings WHERE id = ANY($1))`, hearings)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Case, len(cases))
	for _, c := range cases {
		byID[c.ID] = c
	}
	reports, err := d.recordingReports(ctx, list)
	if err != nil {
		return nil, err
	}
	reported := make([]ReportedHearing, len(list))
	for i, h := range list {
		reported[i] = ReportedHearing{h, byID[h.Case], reports[h.ID]}
	}
	return reported, nil
}

// recordingReports puts the report of each hearing together.
func (d *Docket) recordingReports(ctx context.Context, hearings []Hearing) (map[uuid.UUID]RecordingReport, error) {
	ids := make([]uuid.UUID, len(hearings))
	for i, h := range hearings {
		ids[i] = h.ID
	}
	events, err := d.recordingEvents(ctx, hearings...)
	if err != nil {
		return nil, err
	}
	list, err := d.selectRecordings(ctx, `WHERE hearing_id = ANY($1) ORDER BY hearing_id, name, started_at`, ids)
	if err != nil {
		return nil, err
	}
	recordings := map[uuid.UUID][]Recording{}
	for _, r := range list {
		recordings[r.Hearing] = append(recordings[r.Hearing], r)
	}
	// Closed, and sealed or never recorded: no file can come.
	rows, err := d.pool.Query(ctx, `SELECT h.id FROM hearings h WHERE h.id = ANY($1) AND h.closed_at IS NOT NULL
		AND (EXISTS (SELECT FROM hearing_integrity WHERE hearing_id = h.id) OR NOT EXISTS (SELECT FROM recording_segments WHERE hearing_id = h.id))`, ids)
	if err != nil {
		return nil, fmt.Errorf("docket: recording report: %w", err)
	}
	complete, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("docket: recording report: %w", err)
	}
	reports := make(map[uuid.UUID]RecordingReport, len(hearings))
	for _, h := range hearings {
		r := RecordingReport{Ended: h.ClosedAt, Complete: slices.Contains(complete, h.ID)}
		for _, x := range recordings[h.ID] {
			if r.Started == nil || x.Started.Before(*r.Started) {
				r.Started = &x.Started
			}
		}
		end := d.now()
		if h.ClosedAt != nil {
			end = *h.ClosedAt
		}
		r.Interruptions = interruption.List(events[h.ID], gapsOf(recordings[h.ID]), end)
		reports[h.ID] = r
	}
	return reports, nil
}

// recordingEvents reads the hearings' entries that tell of their recording, oldest first, by hearing.
func (d *Docket) recordingEvents(ctx context.Context, hearings ...Hearing) (map[uuid.UUID][]interruption.Event, error) {
	kinds := make([]string, 0, len(recordingEvents))
	for kind := range recordingEvents {
		kinds = append(kinds, "hearing."+kind)
	}
	cases := make([]uuid.UUID, len(hearings))
	for i, h := range hearings {
		cases[i] = h.Case
	}
	rows, err := d.pool.Query(ctx, `SELECT kind, at, payload FROM entries WHERE case_id = ANY($1) AND kind = ANY($2) ORDER BY case_id, seq`, cases, kinds)
	if err != nil {
		return nil, fmt.Errorf("docket: events of the recording: %w", err)
	}
	events := map[uuid.UUID][]interruption.Event{}
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
		events[p.Data.Hearing] = append(events[p.Data.Hearing], interruption.Event{At: at.UTC(), Kind: recordingEvents[strings.TrimPrefix(kind, "hearing.")],
			Cause: p.Data.Detail.Cause, Choice: p.Data.Detail.Choice, Why: p.Data.Detail.Reason})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: events of the recording: %w", err)
	}
	return events, nil
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
