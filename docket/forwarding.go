package docket

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Forwarding is a stretch of time in which one track of a hearing went to one
// receiver without a break: who could see or hear whom, and when.
type Forwarding struct {
	Receiver string    `json:"receiver"` // media peers: an account's id, a player's or an encoder's
	Sender   string    `json:"sender"`
	Track    string    `json:"track"`
	Source   string    `json:"source"` // mic, camera or screen
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Packets  int64     `json:"packets"`
}

// ForwardingFile is the name of the list among the files of the integrity
// value's docket entry.
const ForwardingFile = "forwarding.json"

const forwardingFormat = "yunting-forwarding/1"

// ForwardingList is what ForwardingFile holds, as canonical JSON.
type ForwardingList struct {
	Format      string       `json:"format"`
	Hearing     string       `json:"hearing"`
	Forwardings []Forwarding `json:"forwardings"` // by receiver, track and time
}

// ParseForwardings reads a ForwardingFile and says what is wrong with it:
// another format, or stretches that are not in order.
func ParseForwardings(text []byte) (ForwardingList, error) {
	var list ForwardingList
	if err := json.Unmarshal(text, &list); err != nil {
		return list, fmt.Errorf("docket: list of forwardings: %w", err)
	}
	if list.Format != forwardingFormat {
		return list, fmt.Errorf("docket: list of forwardings: unknown format %q", list.Format)
	}
	for i, f := range list.Forwardings {
		if f.To.Before(f.From) || f.Packets <= 0 {
			return list, fmt.Errorf("docket: forwarding %d: ends before it begins, or is empty", i+1)
		}
		if i > 0 && compareForwardings(list.Forwardings[i-1], f) >= 0 {
			return list, fmt.Errorf("docket: forwarding %d is not in order", i+1)
		}
	}
	return list, nil
}

func compareForwardings(a, b Forwarding) int {
	return cmp.Or(cmp.Compare(a.Receiver, b.Receiver), cmp.Compare(a.Track, b.Track), a.From.Compare(b.From))
}

// Sight is what one person saw and heard of another in a hearing.
type Sight struct {
	Sender string
	Source string
	Spans  []Forwarding // joined where one follows the other, by time
}

// Seen sums forwardings up for reading: by receiver what came from whom, with
// stretches that no more than gap lies between joined.
func Seen(list []Forwarding, gap time.Duration) map[string][]Sight {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Forwarding) int { return a.From.Compare(b.From) })
	out := map[string][]Sight{}
	for _, f := range list {
		sights := out[f.Receiver]
		i := slices.IndexFunc(sights, func(s Sight) bool { return s.Sender == f.Sender && s.Source == f.Source })
		if i < 0 {
			out[f.Receiver] = append(sights, Sight{f.Sender, f.Source, []Forwarding{f}})
			continue
		}
		s := &sights[i]
		if last := &s.Spans[len(s.Spans)-1]; f.From.Sub(last.To) <= gap {
			last.Packets += f.Packets
			if f.To.After(last.To) {
				last.To = f.To
			}
		} else {
			s.Spans = append(s.Spans, f)
		}
	}
	return out
}

// newForwardingList is the list of one hearing.
func newForwardingList(hearing uuid.UUID, list []Forwarding) ForwardingList {
	return ForwardingList{Format: forwardingFormat, Hearing: hearing.String(), Forwardings: list}
}
