package interruption

import (
	"slices"
	"strings"
	"time"
)

// EventKind is what the record says of the recording of a hearing.
type EventKind int

// The kinds of Event.
const (
	Began     EventKind = iota // the recorder runs, for the first time or again
	Stopped                    // Cause is a Reason, or what ended it
	Faulted                    // it cannot start or has stopped
	Chosen                     // what the judge did about a fault
	Restarted                  // the server was away
)

// Event is one entry of the record that concerns the recording of a hearing.
type Event struct {
	At     time.Time
	Kind   EventKind
	Cause  string // of Stopped: a Reason; of Began: the end of one, named Reason_over
	Choice Choice // of Chosen
	Why    string // the judge's reason for going on without a recording
}

// Gap is a stretch of more than 200 ms that is missing from one participant's record.
type Gap struct {
	Participant string
	Name        string // the person's
	Track       string // mic, camera or screen
	From, To    time.Time
	Cause       Cause
}

// Stretch is a part of an Interruption. Name and Track are empty for the whole hearing.
type Stretch struct {
	Name  string    `json:"name,omitempty"`
	Track string    `json:"track,omitempty"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// Interruption is what must be explained in writing (AV 3, 4): a pause, a fault or a restart of the whole hearing, with
// the gaps that it left in the participants' records, or all other gaps of one participant with one cause.
type Interruption struct {
	Key       string    `json:"key"`            // the same whenever it is listed; [a-z0-9_.-]
	Name      string    `json:"name,omitempty"` // whose; empty: of the whole hearing
	Cause     Cause     `json:"cause"`
	Reason    Reason    `json:"reason,omitempty"` // of a pause
	Choice    Choice    `json:"choice,omitempty"` // the judge's last word in a fault
	Why       string    `json:"why,omitempty"`
	Stretches []Stretch `json:"stretches"` // the first of the whole hearing's is the interruption itself
}

// Whole reports whether the whole hearing was interrupted.
func (i Interruption) Whole() bool { return i.Name == "" }

// Missing is how long the stretches last together; of the whole hearing, how long it was interrupted.
func (i Interruption) Missing() time.Duration {
	if i.Whole() {
		return i.Stretches[0].To.Sub(i.Stretches[0].From)
	}
	var sum time.Duration
	for _, s := range i.Stretches {
		sum += s.To.Sub(s.From)
	}
	return sum
}

// lister goes through the record. pause and fault are indexes into list of what is not over; -1: none.
type lister struct {
	list         []Interruption
	pause, fault int
}

// List puts together what interrupted the recording of a hearing: events and gaps are oldest first, and end closes what
// is still open.
func List(events []Event, gaps []Gap, end time.Time) []Interruption {
	l := &lister{pause: -1, fault: -1}
	for _, e := range events {
		l.event(e)
	}
	l.end(&l.pause, end)
	l.end(&l.fault, end)
	for _, g := range gaps {
		l.gap(g)
	}
	return l.list
}

func (l *lister) event(e Event) {
	switch e.Kind {
	case Began:
		l.end(&l.fault, e.At)
		if e.Cause == "" || strings.HasSuffix(e.Cause, "_over") {
			l.end(&l.pause, e.At)
		}
	case Stopped:
		switch reason := Reason(e.Cause); {
		case slices.Contains(Reasons(true), reason):
			l.end(&l.pause, e.At)
			l.begin(&l.pause, Paused, e.At)
			l.list[l.pause].Reason = reason
		case Cause(e.Cause) == Failed:
			l.begin(&l.fault, Failed, e.At)
		default: // closed
			l.end(&l.pause, e.At)
			l.end(&l.fault, e.At)
		}
	case Faulted:
		l.begin(&l.fault, Failed, e.At)
	case Chosen:
		l.begin(&l.fault, Failed, e.At)
		l.list[l.fault].Choice, l.list[l.fault].Why = e.Choice, e.Why
	case Restarted:
		at := -1
		l.begin(&at, Crash, e.At)
		l.end(&at, e.At)
	}
}

// begin opens an interruption of the whole hearing unless one of its kind is open.
func (l *lister) begin(open *int, cause Cause, at time.Time) {
	if *open >= 0 {
		return
	}
	*open = len(l.list)
	l.list = append(l.list, Interruption{Key: string(cause) + "." + at.UTC().Format("20060102t150405.000"), Cause: cause, Stretches: []Stretch{{From: at, To: at}}})
}

func (l *lister) end(open *int, at time.Time) {
	if *open >= 0 {
		l.list[*open].Stretches[0].To = at
	}
	*open = -1
}

// causeOf is what of the whole hearing explains a gap.
func causeOf(c Cause) Cause {
	if c == Overflow {
		return Failed
	}
	return c
}

// gap adds a gap to the interruption that explains it, or to its participant's others of that cause.
func (l *lister) gap(g Gap) {
	s := Stretch{Name: g.Name, Track: g.Track, From: g.From, To: g.To}
	for i := range l.list {
		whole := l.list[i].Stretches[0]
		if l.list[i].Whole() && l.list[i].Cause == causeOf(g.Cause) && !g.To.Before(whole.From) && !g.From.After(whole.To) {
			l.list[i].Stretches = append(l.list[i].Stretches, s)
			return
		}
	}
	key := string(g.Cause) + "." + g.Participant
	for i := range l.list {
		if l.list[i].Key == key {
			l.list[i].Stretches = append(l.list[i].Stretches, s)
			return
		}
	}
	l.list = append(l.list, Interruption{Key: key, Name: g.Name, Cause: g.Cause, Stretches: []Stretch{s}})
}
