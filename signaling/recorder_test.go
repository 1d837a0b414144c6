package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/interruption"
)

// status is the room's state as the client knows it.
func (p *client) status() roomReply {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room
}

func (p *client) light() string { return p.status().Light }

// knows reports whether the client was shown the line.
func (p *client) knows(id uuid.UUID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.lines[id]
	return known
}

// notes lists the hearing's entries of a kind with their detail.
func (c *court) notes(kind string) (list []recordingNote, by []uuid.UUID) {
	c.t.Helper()
	entries, err := c.docket.Entries(c.t.Context(), c.hearing.Case)
	check(c.t, err)
	for _, e := range entries {
		if e.Kind != "hearing."+kind {
			continue
		}
		var data struct{ Detail recordingNote }
		check(c.t, json.Unmarshal(e.Data, &data))
		list, by = append(list, data.Detail), append(by, e.Actor)
	}
	return list, by
}

// TestPause takes evidence in private: the recording stops for that reason alone, the audience is out, also after the
// server's restart, and everybody sees the light.
func TestPause(t *testing.T) {
	c := newCourt(t)
	judge := c.enter(t, "judge", nil)
	clerk := c.enter(t, "clerk", nil)
	observer := c.enter(t, "observer", nil)
	lobby := c.connect(t, "plaintiff", "")
	lobby.declare()
	judge.join()
	observer.join()
	if code := judge.ask("pause", map[string]any{"reason": "mediation"}); code != "conflict" {
		t.Errorf("a hearing that is not open was paused: %q", code)
	}
	judge.must("phase", map[string]any{"to": "opening"})
	judge.must("phase", map[string]any{"to": "investigation"})
	eventually(t, "the audience hears", func() bool { return observer.hears(judge) > 5 })
	for _, p := range []*client{judge, observer, lobby} {
		eventually(t, p.seat+" sees the light", func() bool { return p.light() == lightOn })
	}
	if got := judge.status().Reasons; !slices.Equal(got, interruption.Reasons(true)) {
		t.Errorf("reasons %v", got)
	}
	for reason, want := range map[string]string{"lunch": interruption.NoSuchReason, "": interruption.NoSuchReason} {
		if code := judge.ask("pause", map[string]any{"reason": reason}); code != want {
			t.Errorf("pause for %q: %q", reason, code)
		}
	}
	if code := clerk.ask("pause", map[string]any{"reason": "mediation"}); code != "forbidden" {
		t.Errorf("the clerk paused: %q", code)
	}
	judge.must("pause", map[string]any{"reason": "private_evidence"})
	judge.must("pause", map[string]any{"reason": "private_evidence"}) // sent again after a lost connection
	for _, p := range []*client{judge, observer, lobby} {
		eventually(t, p.seat+" sees the pause", func() bool { s := p.status(); return s.Light == lightPaused && s.Pause != nil })
	}
	hidden := uuid.New()
	clerk.must("line", map[string]any{"id": hidden, "speaker": "原告", "text": "商业秘密"})
	eventually(t, "the judge reads", func() bool { return judge.knows(hidden) })
	if code := clerk.ask("resume", nil); code != "forbidden" {
		t.Errorf("the clerk resumed: %q", code)
	}

	c.stop()
	c.start()
	judge, clerk, observer = c.connect(t, "judge", ""), c.connect(t, "clerk", ""), c.connect(t, "observer", "")
	judge.join()
	observer.join()
	if judge.light() != lightPaused || !judge.knows(hidden) || observer.knows(hidden) {
		t.Errorf("after the restart: light %s, judge knows %v, observer knows %v", judge.light(), judge.knows(hidden), observer.knows(hidden))
	}
	heard := observer.hears(judge)
	judge.must("resume", nil)
	eventually(t, "the light", func() bool { return observer.light() == lightOn })
	eventually(t, "the audience hears again", func() bool { return observer.hears(judge) > heard+5 })
	if heard != 0 {
		t.Errorf("the audience heard %d packets of what was private", heard)
	}
	judge.must("pause", map[string]any{"reason": "recess"})
	if judge.phase() != docket.PhaseRecess {
		t.Errorf("phase %s", judge.phase())
	}
	judge.must("phase", map[string]any{"to": "closed"})
	stopped, by := c.notes(docket.EventRecordingStopped)
	var causes []string
	for _, n := range stopped {
		causes = append(causes, n.Cause)
	}
	if !slices.Equal(causes, []string{"private_evidence", "recess"}) || by[0] != judge.id() {
		t.Errorf("stopped for %v by %v", causes, by)
	}
}

// smallDisk mounts 4 MiB of memory where recordings grow.
func (c *court) smallDisk(t *testing.T) {
	t.Helper()
	if err := syscall.Mount("tmpfs", c.records, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("mount a small disk (the tests of full disks run as root): %v", err)
	}
	t.Cleanup(func() { check(t, syscall.Unmount(c.records, syscall.MNT_FORCE|2)) }) // 2: MNT_DETACH
}

// fill leaves no byte on the small disk; the result makes room again.
func (c *court) fill(t *testing.T) (empty func()) {
	t.Helper()
	path := filepath.Join(c.records, "filler")
	f, err := os.Create(path)
	check(t, err)
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	check(t, f.Close())
	return func() { check(t, os.Remove(path)) }
}

// TestDiskFull records on a disk that fills up: the judge is told within a second, chooses, and the choice is entered.
func TestDiskFull(t *testing.T) {
	c := newCourt(t)
	c.smallDisk(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	lobby := c.connect(t, "plaintiff", "")
	clerk.join()
	judge.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	judge.must("phase", map[string]any{"to": "opening"})
	choose := func(choice, reason string) string {
		return judge.ask("recording-choice", map[string]any{"choice": choice, "reason": reason})
	}
	if code := choose("go_on", "x"); code != "conflict" {
		t.Errorf("a choice without a fault: %q", code)
	}
	best := time.Hour
	for round := 0; round < 3 && best > time.Second; round++ { // a loaded machine may be late once
		before := clerk.hears(judge)
		eventually(t, "something is recorded", func() bool { return clerk.hears(judge) > before+60 })
		empty, full := c.fill(t), time.Now()
		eventually(t, "the judge is told", func() bool { return judge.status().Fault != nil })
		best = min(best, time.Since(full))
		if code := choose("retry", ""); code != "recording-unavailable" {
			t.Errorf("retried on a full disk: %q", code)
		}
		empty()
		if code := choose("retry", ""); code != "" {
			t.Fatalf("retry: %q", code)
		}
		eventually(t, "it records again", func() bool { return judge.light() == lightOn })
	}
	if best > time.Second {
		t.Errorf("told after %v", best)
	}
	t.Logf("told after %v", best)

	empty := c.fill(t)
	eventually(t, "the judge is told", func() bool { return judge.status().Fault != nil })
	eventually(t, "who waits sees it too", func() bool { return lobby.light() == lightFault })
	fault := judge.status().Fault
	if fault.Kind != faultDiskFull || !slices.Equal(fault.Choices, []interruption.Choice{"retry", "recess", "go_on"}) {
		t.Errorf("fault %+v", fault)
	}
	if code := choose("go_on", " "); code != interruption.ReasonMissing {
		t.Errorf("went on without a reason: %q", code)
	}
	if code := clerk.ask("recording-choice", map[string]any{"choice": "recess"}); code != "forbidden" {
		t.Errorf("the clerk chose: %q", code)
	}
	if code := choose("go_on", "当事人均到庭，笔录继续"); code != "" {
		t.Fatalf("go on: %q", code)
	}
	eventually(t, "everybody sees the decision", func() bool { f := lobby.status().Fault; return f != nil && f.Without })
	empty()
	eventually(t, "recording goes on by itself", func() bool { return judge.light() == lightOn })
	judge.must("phase", map[string]any{"to": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	c.sealedSoon("all parts are stored and sealed")
	choices, by := c.notes(docket.EventRecordingChoice)
	last := choices[len(choices)-1]
	if last.Choice != "go_on" || last.Reason != "当事人均到庭，笔录继续" || last.Cause != faultDiskFull || by[len(by)-1] != judge.id() {
		t.Errorf("entered %+v by %v", last, by)
	}
	if faults, _ := c.notes(docket.EventRecordingFault); len(faults) < 2 || faults[0].Cause != faultDiskFull || faults[0].Participant == "" {
		t.Errorf("faults %+v", faults)
	}
}

// TestOpeningWithoutRecorder asks the judge before a hearing opens that cannot be recorded.
func TestOpeningWithoutRecorder(t *testing.T) {
	c := newCourt(t)
	c.smallDisk(t)
	judge := c.enter(t, "judge", nil)
	empty := c.fill(t)
	opening := map[string]any{"to": "opening"}
	if code := judge.ask("phase", opening); code != "recording-unavailable" {
		t.Fatalf("opened: %q", code)
	}
	choose := func(choice, reason string) string {
		return judge.ask("recording-choice", map[string]any{"choice": choice, "reason": reason})
	}
	if code := choose("go_on", "x"); code != interruption.NoTranscript {
		t.Errorf("without a clerk: %q", code)
	}
	c.enter(t, "clerk", nil)
	if code := choose("recess", ""); code != interruption.NotOpen {
		t.Errorf("recess before the opening: %q", code)
	}
	if code := choose("go_on", "磁盘已满，先行核对当事人"); code != "" || judge.phase() != docket.PhaseOpening || judge.light() != lightFault {
		t.Fatalf("go on: %q, %s, %s", code, judge.phase(), judge.light())
	}
	empty()
	eventually(t, "recording begins by itself", func() bool { return judge.light() == lightOn })
}

// TestLowSpace stops the recorder while there is room for the docket, and goes on when there is more.
func TestLowSpace(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	judge.join()
	clerk.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 })
	judge.must("phase", map[string]any{"to": "opening"})
	before := clerk.hears(judge)
	eventually(t, "a second of hearing", func() bool { return clerk.hears(judge) > before+50 })
	c.hub.Load().SetLowSpace(true)
	eventually(t, "the judge is told", func() bool { f := judge.status().Fault; return f != nil && f.Kind == faultLowSpace })
	if code := judge.ask("recording-choice", map[string]any{"choice": "retry"}); code != "recording-unavailable" {
		t.Errorf("retried: %q", code)
	}
	clerk.must("line", map[string]any{"id": uuid.New(), "speaker": "审判员", "text": "录制中断，笔录继续。"})
	c.hub.Load().SetLowSpace(false)
	eventually(t, "it records again", func() bool { return judge.light() == lightOn })
	eventually(t, "what was set aside is stored", func() bool {
		list, err := c.docket.Recordings(t.Context(), c.hearing.ID)
		check(t, err)
		return slices.ContainsFunc(list, func(r docket.Recording) bool { return strings.Contains(r.FileName, "林静") })
	})
	c.hub.Load().SetLowSpace(true)
	eventually(t, "the judge is told again", func() bool { return judge.status().Fault != nil })
	judge.must("phase", map[string]any{"to": "recess"})
	c.hub.Load().SetLowSpace(false)
	eventually(t, "no session waits", func() bool {
		left, err := filepath.Glob(filepath.Join(c.records, "*", "*.json"))
		check(t, err)
		return len(left) == 0
	})
	judge.must("phase", map[string]any{"to": "closed"})
	c.sealedSoon("a hearing that no recorder ran in when it closed is sealed")
}

// sealedSoon waits until the hearing has its integrity value.
func (c *court) sealedSoon(what string) (value docket.Integrity) {
	c.t.Helper()
	eventually(c.t, what, func() bool {
		v, err := c.docket.IntegrityOf(c.t.Context(), c.hearing.ID)
		value = v
		return err == nil
	})
	return value
}

// TestSessionsThatEndTogether stores many sessions of a closed hearing at once: one of them seals it.
func TestSessionsThatEndTogether(t *testing.T) {
	c := newCourt(t)
	for _, to := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, to)
		check(t, err)
	}
	dir := filepath.Join(c.records, c.hearing.ID.String())
	var paths []string
	for i := range 12 {
		path := filepath.Join(dir, fmt.Sprintf("session%d", i))
		check(t, os.MkdirAll(path, 0o700))
		check(t, writeSession(path+".json", sessionFile{Hearing: c.hearing.ID}))
		paths = append(paths, path+".json")
	}
	var group sync.WaitGroup
	for _, path := range paths {
		group.Go(func() {
			if err := c.hub.Load().recoverSession(t.Context(), path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	_, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
	check(t, err)
}

// TestSealedAtTheStart: a server that died between closing and sealing hearings in which no recorder ran seals them at
// its next start, but one that still waits for a recording.
func TestSealedAtTheStart(t *testing.T) {
	c := newCourt(t)
	for _, to := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess} {
		_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, to)
		check(t, err)
	}
	restart := func(want error) {
		t.Helper()
		c.stop()
		c.start()
		if _, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID); !errors.Is(err, want) {
			t.Errorf("integrity value: %v, want %v", err, want)
		}
	}
	restart(docket.ErrNotFound) // it is open
	_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, docket.PhaseClosed)
	check(t, err)
	session := filepath.Join(c.records, c.hearing.ID.String(), "session.json")
	check(t, os.MkdirAll(filepath.Dir(session), 0o700))
	check(t, os.WriteFile(session, []byte("{"), 0o600))
	restart(docket.ErrNotFound) // a session waits that cannot be read
	check(t, os.Remove(session))
	restart(nil)
	left, err := c.docket.UnsealedHearings(t.Context())
	check(t, err)
	if len(left) > 0 {
		t.Errorf("unsealed %v", left)
	}
}

// TestRecordingReplaces: where the parties agreed on it a hearing never goes on without its recording, and at its end
// they see and sign the value.
func TestRecordingReplaces(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	plaintiff := c.enter(t, "plaintiff", clerk)
	judge.join()
	judge.must("phase", map[string]any{"to": "opening"})
	for _, seat := range []string{"plaintiff", "defendant"} {
		check(t, c.docket.ConsentRecording(t.Context(), c.people[seat], c.hearing.ID, true))
	}
	c.hub.Load().SetLowSpace(true)
	eventually(t, "the judge is told", func() bool { return judge.status().Fault != nil })
	if code := judge.ask("recording-choice", map[string]any{"choice": "go_on", "reason": "笔录"}); code != interruption.NoOtherRecord {
		t.Errorf("went on without any record: %q", code)
	}
	c.hub.Load().SetLowSpace(false)
	eventually(t, "it records again", func() bool { return judge.light() == lightOn })
	judge.must("pause", map[string]any{"reason": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	value := func(p *client) *integrityReply {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.integrity
	}
	eventually(t, "the value is shown", func() bool { return value(plaintiff) != nil && value(judge) != nil })
	v := value(plaintiff)
	if !v.Replaces || v.Root.IsZero() {
		t.Fatalf("value %+v", v)
	}
	if code := judge.ask("answer-integrity", map[string]any{"root": v.Root, "sign": true}); code != "forbidden" {
		t.Errorf("the judge signed as a party: %q", code)
	}
	plaintiff.must("answer-integrity", map[string]any{"root": v.Root, "sign": true})
	eventually(t, "everybody sees the signature", func() bool {
		v := value(judge)
		return len(v.Answers) == 1 && v.Answers[0].Signed && v.Answers[0].Current
	})
	again := c.connect(t, "plaintiff", "")
	if again.standing() == StandPresent && value(again) == nil {
		t.Error("who comes back sees no value")
	}
}
