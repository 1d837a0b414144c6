package docket

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"yunting/docket/interruption"
	"yunting/internal/blob"
)

// Playback is all that a player needs to show a hearing's recording. Every
// offset is in milliseconds since Start, on one clock: the server's.
type Playback struct {
	Hearing    uuid.UUID      `json:"hearing"`
	CaseNumber string         `json:"case_number"`
	CaseTitle  string         `json:"case_title"`
	Title      string         `json:"title"`
	Start      time.Time      `json:"start"`
	Length     int64          `json:"length"` // milliseconds
	Parts      []Stretch      `json:"parts"`  // what is recorded; recesses and pauses lie between
	Tracks     []Track        `json:"tracks"`
	Chapters   []Chapter      `json:"chapters"`
	Lines      []PlaybackLine `json:"lines"`
	Speaking   []SpokenSpan   `json:"speaking"`
	Gaps       []PlaybackGap  `json:"gaps"`
	// Interruptions are those of the whole hearing; playing skips the pauses among them (AV 3).
	Interruptions []PlaybackInterruption `json:"interruptions"`
	Integrity     *Integrity             `json:"integrity,omitempty"` // absent until all files are stored
	Deletion      *Deletion              `json:"deletion,omitempty"`  // the decision by which the files are gone
}

// Stretch is a part of the timeline, in milliseconds since its start.
type Stretch struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Track is one file of one participant.
type Track struct {
	Stretch
	Recording   uuid.UUID `json:"recording"`
	Participant string    `json:"participant"`
	Name        string    `json:"name"`
	Source      string    `json:"source"` // of the recording
	MediaType   string    `json:"media_type"`
	Hash        blob.Hash `json:"sha256"`
	Size        int64     `json:"size"`
	Entry       int       `json:"entry"`    // in the case's record, with its proof; 0: not found
	Segments    int       `json:"segments"` // leaves in the ledger that it was made from
}

// Chapter is one phase of the hearing.
type Chapter struct {
	Stretch
	Phase Phase `json:"phase"`
}

// PlaybackLine is a line of the transcript, where it was first written.
type PlaybackLine struct {
	ID      uuid.UUID `json:"id"`
	At      int64     `json:"at"`
	Speaker string    `json:"speaker"`
	Text    string    `json:"text"`
}

// SpokenSpan is when one participant spoke.
type SpokenSpan struct {
	Stretch
	Participant string `json:"participant"`
}

// PlaybackGap is what is missing, with its cause (AV 4, 5).
type PlaybackGap struct {
	Stretch
	Recording uuid.UUID `json:"recording"`
	Track     string    `json:"track"` // mic, camera or screen
	Cause     string    `json:"cause"`
}

// PlaybackInterruption is a pause, a fault or a restart of the whole hearing.
type PlaybackInterruption struct {
	Stretch
	Cause  interruption.Cause  `json:"cause"`
	Reason interruption.Reason `json:"reason,omitempty"` // of a pause
}

// Spoken is one stretch of a participant's speech.
type Spoken struct {
	Participant string
	From, To    time.Time
}

// phaseAt is a phase and when it began.
type phaseAt struct {
	Phase Phase
	At    time.Time
}

// playbackSource is what a Playback is put together from.
type playbackSource struct {
	hearing    Hearing
	recordings []Recording
	phases     []phaseAt                   // oldest first
	whole      []interruption.Interruption // of the whole hearing
	lines      []Line
	spoken     []Spoken
	entries    map[uuid.UUID]int // of each recording
	segments   map[string]int    // by session and participant
}

// playback puts everything on one clock. A hearing without recordings has the
// length of its phases.
func (s playbackSource) playback() Playback {
	p := Playback{Hearing: s.hearing.ID, CaseNumber: s.hearing.CaseNumber, CaseTitle: s.hearing.CaseTitle, Title: s.hearing.Title,
		Parts: []Stretch{}, Tracks: []Track{}, Chapters: []Chapter{}, Lines: []PlaybackLine{}, Speaking: []SpokenSpan{}, Gaps: []PlaybackGap{}, Interruptions: []PlaybackInterruption{}}
	start, end := s.bounds()
	p.Start, p.Length = start, end.Sub(start).Milliseconds()
	at := func(t time.Time) int64 { return min(max(t.Sub(start).Milliseconds(), 0), p.Length) }
	stretch := func(from, to time.Time) Stretch { return Stretch{at(from), at(to)} }
	for _, r := range s.recordings {
		p.Tracks = append(p.Tracks, Track{Stretch: Stretch{r.Started.Sub(start).Milliseconds(), r.Ended.Sub(start).Milliseconds()}, Recording: r.ID,
			Participant: r.Participant, Name: r.Name, Source: r.Source, MediaType: r.MediaType, Hash: r.Blob.Hash, Size: r.Blob.Size,
			Entry: s.entries[r.ID], Segments: s.segments[r.Session+" "+r.Participant]})
		var gaps []struct {
			Track, Cause string
			From, To     time.Time
		}
		if json.Unmarshal(r.Gaps, &gaps) != nil {
			continue // gaps of another shape stand in the entry
		}
		for _, g := range gaps {
			p.Gaps = append(p.Gaps, PlaybackGap{Stretch: stretch(g.From, g.To), Recording: r.ID, Track: g.Track, Cause: g.Cause})
		}
	}
	for i, ph := range s.phases {
		until := end
		if i+1 < len(s.phases) {
			until = s.phases[i+1].At
		}
		if ph.Phase != PhaseClosed {
			p.Chapters = append(p.Chapters, Chapter{stretch(ph.At, until), ph.Phase})
		}
	}
	for _, l := range s.lines {
		p.Lines = append(p.Lines, PlaybackLine{l.ID, at(l.At), l.Speaker, l.Text})
	}
	for _, sp := range s.spoken {
		p.Speaking = append(p.Speaking, SpokenSpan{stretch(sp.From, sp.To), sp.Participant})
	}
	for _, i := range s.whole {
		p.Interruptions = append(p.Interruptions, PlaybackInterruption{stretch(i.Stretches[0].From, i.Stretches[0].To), i.Cause, i.Reason})
	}
	p.Parts = recorded(p.Tracks, p.Chapters, p.Interruptions)
	return p
}

// bounds is from the first picture to the last.
func (s playbackSource) bounds() (start, end time.Time) {
	if len(s.recordings) == 0 {
		if s.hearing.OpenedAt == nil {
			return s.hearing.Start, s.hearing.Start
		}
		start, end = *s.hearing.OpenedAt, *s.hearing.OpenedAt
		if s.hearing.ClosedAt != nil {
			end = *s.hearing.ClosedAt
		}
		return start, end
	}
	start, end = s.recordings[0].Started, s.recordings[0].Ended
	for _, r := range s.recordings {
		if r.Started.Before(start) {
			start = r.Started
		}
		if r.Ended.After(end) {
			end = r.Ended
		}
	}
	return start, end
}

// recorded is the union of the tracks without recesses and pauses (AV 3).
func recorded(tracks []Track, chapters []Chapter, interruptions []PlaybackInterruption) []Stretch {
	spans := make([]Stretch, 0, len(tracks))
	for _, t := range tracks {
		spans = append(spans, t.Stretch)
	}
	spans = union(spans)
	for _, c := range chapters {
		if c.Phase == PhaseRecess {
			spans = without(spans, c.Stretch)
		}
	}
	for _, i := range interruptions {
		if i.Cause == interruption.Paused {
			spans = without(spans, i.Stretch)
		}
	}
	return spans
}

// union merges stretches that touch.
func union(list []Stretch) []Stretch {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Stretch) int { return int(a.From - b.From) })
	out := []Stretch{}
	for _, s := range list {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
		} else if s.To > s.From {
			out = append(out, s)
		}
	}
	return out
}

// without cuts one stretch out of the others.
func without(list []Stretch, cut Stretch) []Stretch {
	out := []Stretch{}
	for _, s := range list {
		if left := (Stretch{s.From, min(s.To, cut.From)}); left.To > left.From {
			out = append(out, left)
		}
		if right := (Stretch{max(s.From, cut.To), s.To}); right.To > right.From {
			out = append(out, right)
		}
	}
	return out
}
