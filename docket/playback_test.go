package docket

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket/interruption"
)

func TestPlaybackPutsEverythingOnOneClock(t *testing.T) {
	zero := time.Date(2026, 3, 6, 1, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return zero.Add(time.Duration(s) * time.Second) }
	judge, late := uuid.New(), uuid.New()
	opened := at(1)
	p := playbackSource{
		hearing: Hearing{OpenedAt: &opened},
		recordings: []Recording{
			{ID: judge, Participant: "j", Session: "s", Started: at(0), Ended: at(100), Gaps: json.RawMessage(`[{"track":"mic","from":"2026-03-06T01:00:10Z","to":"2026-03-06T01:00:12Z","cause":"network"}]`)},
			{ID: late, Participant: "p", Session: "s", Started: at(20), Ended: at(90), Gaps: json.RawMessage(`[]`)},
			{ID: uuid.New(), Participant: "j", Session: "s2", Started: at(130), Ended: at(150)}, // after a restart
		},
		phases: []phaseAt{{PhaseOpening, at(1)}, {PhaseRecess, at(40)}, {PhaseOpening, at(60)}, {PhaseClosed, at(150)}},
		whole: []interruption.Interruption{
			{Cause: interruption.Paused, Reason: interruption.Mediation, Stretches: []interruption.Stretch{{From: at(70), To: at(80)}}},
			{Cause: interruption.Failed, Stretches: []interruption.Stretch{{From: at(135), To: at(140)}}}},
		lines:    []Line{{Text: "a", At: at(5)}},
		spoken:   []Spoken{{"p", at(30), at(33)}},
		entries:  map[uuid.UUID]int{late: 7},
		segments: map[string]int{"s p": 4},
	}.playback()
	if !p.Start.Equal(zero) || p.Length != 150_000 {
		t.Errorf("start %v, length %d", p.Start, p.Length)
	}
	if want := []Stretch{{0, 40_000}, {60_000, 70_000}, {80_000, 100_000}, {130_000, 150_000}}; !slices.Equal(p.Parts, want) {
		t.Errorf("parts %v, want %v", p.Parts, want)
	}
	if got := p.Tracks[1]; got.Stretch != (Stretch{20_000, 90_000}) || got.Entry != 7 || got.Segments != 4 {
		t.Errorf("track %+v", got)
	}
	if len(p.Chapters) != 3 || p.Chapters[1] != (Chapter{Stretch{40_000, 60_000}, PhaseRecess}) {
		t.Errorf("chapters %+v", p.Chapters)
	}
	if len(p.Gaps) != 1 || p.Gaps[0].Stretch != (Stretch{10_000, 12_000}) || p.Gaps[0].Cause != "network" {
		t.Errorf("gaps %+v", p.Gaps)
	}
	if want := (PlaybackInterruption{Stretch{70_000, 80_000}, interruption.Paused, interruption.Mediation}); len(p.Interruptions) != 2 || p.Interruptions[0] != want {
		t.Errorf("interruptions %+v", p.Interruptions)
	}
	if p.Lines[0].At != 5000 || p.Speaking[0].Stretch != (Stretch{30_000, 33_000}) {
		t.Errorf("line %+v, speaking %+v", p.Lines, p.Speaking)
	}
}
