package docket

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func forwardingsSample() ([]Forwarding, func(s int) time.Time) {
	at := func(s int) time.Time { return time.Date(2026, 3, 6, 1, 0, s, 0, time.UTC) }
	return []Forwarding{
		{"a", "judge", "t1", "mic", at(0), at(10), 5},
		{"a", "judge", "t1", "mic", at(12), at(20), 6},
		{"a", "judge", "t1", "mic", at(40), at(50), 7},
		{"a", "judge", "t2", "camera", at(12), at(20), 8},
		{"b", "judge", "t1", "mic", at(1), at(9), 4},
	}, at
}

func TestSeenJoinsWhatFollows(t *testing.T) {
	list, at := forwardingsSample()
	seen := Seen(list, 3*time.Second)
	if len(seen) != 2 || len(seen["a"]) != 2 || len(seen["b"]) != 1 {
		t.Fatalf("%+v", seen)
	}
	spans := seen["a"][0].Spans
	if len(spans) != 2 || !spans[0].From.Equal(at(0)) || !spans[0].To.Equal(at(20)) || spans[0].Packets != 11 || !spans[1].From.Equal(at(40)) {
		t.Errorf("%+v", spans)
	}
	if list[0].Packets != 5 {
		t.Error("Seen changed its list")
	}
}

func TestParseForwardings(t *testing.T) {
	list, _ := forwardingsSample()
	whole, err := json.Marshal(newForwardingList(uuid.New(), list))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseForwardings(whole); err != nil || len(got.Forwardings) != len(list) {
		t.Errorf("the list itself: %v", err)
	}
	for what, change := range map[string][2]string{
		"format":     {forwardingFormat, "yunting-forwarding/9"},
		"no packets": {`"packets":5`, `"packets":0`},
		"backwards":  {"01:00:10Z", "00:00:10Z"},
		"order":      {`"receiver":"b"`, `"receiver":"A"`},
		"twice":      {"01:00:12Z", "01:00:00Z"},
		"cut":        {`]}`, ``},
	} {
		if _, err := ParseForwardings([]byte(strings.Replace(string(whole), change[0], change[1], 1))); err == nil {
			t.Errorf("%s: not found", what)
		}
	}
}
