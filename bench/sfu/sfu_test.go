//go:build linux

package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain is the server too, which measuring starts from the program's own file.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestWaysIn measures a small room for a second by either way in: everybody gets everything, and recorded, a hearing is opened.
func TestWaysIn(t *testing.T) {
	for by, s := range map[string]scenario{
		"streams":            {Publishers: 2, Receivers: 3},
		"streams, recorded":  {Publishers: 2, Receivers: 3, Recorded: true},
		"streams, a meeting": {Publishers: 3, Meeting: true, Audio: true},
		"socket":             {Publishers: 3, Receivers: 3, Audio: true},
		"socket, recorded":   {Publishers: 2, Receivers: 3, Recorded: true},
		"socket, a meeting":  {Publishers: 3, Meeting: true, Audio: true},
	} {
		t.Run(by, func(t *testing.T) {
			s.By, _, _ = strings.Cut(by, ",")
			s.Rooms, s.Kbps, s.Voices, s.Sample, s.Duration = 1, 500, 5, 1, time.Second
			if err := s.check(); err != nil {
				t.Fatal(err)
			}
			f, err := (&runCommand{scenario: s, ServerCore: -1, ClientCore: -1}).measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			// What is under way at the window's ends makes the quotient uneven.
			each := float64(f.Received) / float64(f.Sent)
			want := float64(s.Receivers)
			if s.Meeting {
				want = float64(s.Publishers - 1)
			}
			if each < 0.5*want || each > 1.5*want {
				t.Errorf("%d packets sent, %d received: %.2f of each, want %.2f", f.Sent, f.Received, each, want)
			}
			if f.CPUMicros <= 0 || f.P50 <= 0 || f.ResidentMiB <= 0 {
				t.Errorf("figures are missing: %+v", f)
			}
		})
	}
}

// TestCPUTime compares the clock of a process with what /proc shows of it.
func TestCPUTime(t *testing.T) {
	deadline := time.Now().Add(time.Minute)
	for {
		clock, err := cpuTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if clock < 200*time.Millisecond && time.Now().Before(deadline) {
			continue // works meanwhile
		}
		b, err := os.ReadFile("/proc/self/stat")
		if err != nil {
			t.Fatal(err)
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		user, errUser := strconv.Atoi(f[11])
		system, errSystem := strconv.Atoi(f[12])
		if errUser != nil || errSystem != nil {
			t.Fatalf("%s: %v %v", b, errUser, errSystem)
		}
		if shown := time.Duration(user+system) * clockTick; shown < clock-2*clockTick || shown > 2*clock {
			t.Errorf("the clock says %v, /proc %v", clock, shown)
		}
		return
	}
}

// TestRecordingTable: the quotients are of pairs, and a row without any has no line.
func TestRecordingTable(t *testing.T) {
	cpu := func(micros ...float64) (f []figures) {
		for _, m := range micros {
			f = append(f, figures{CPUMicros: m})
		}
		return f
	}
	var b bytes.Buffer
	recording(&b, []*row{{name: "4 × 20", result: cpu(5, 4, 6), recorded: cpu(5.5, 4, 6.3)}, {name: "4 × 80", result: cpu(3)}})
	if want := "| 4 × 20 | 5.0 | 5.5 | **1.05** (1.00–1.10) |\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("the table ends with %q", b.String())
	}
}
