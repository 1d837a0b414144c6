package record

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const (
	childEnv = "YUNTING_TEST_RECORDER" // the directory that a child process records in
	kills    = 200
	atOnce   = 25 // child processes
)

// word is what a recording child process says of itself: a line of JSON.
type word struct {
	Fed    time.Time     // arrival of the last packet
	Late   time.Duration // by how much the machine was late at worst
	Closed *Segment      `json:",omitempty"`
}

// recordUntilKilled is the child process: it records the clip that lies in dir,
// in real time, and tells what it did.
func recordUntilKilled(dir string) error {
	c, err := loadClip(filepath.Join(dir, "..", "clip"))
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards out
	out := json.NewEncoder(os.Stdout)
	say := func(w word) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(w); err != nil {
			panic(err)
		}
	}
	rec, err := New(Options{Dir: filepath.Join(dir, "hearing", "session"), SegmentLength: 500 * time.Millisecond,
		OnSegment: func(s Segment) { say(word{Closed: &s}) },
		OnError:   func(_ string, err error) { panic(err) }})
	if err != nil {
		return err
	}
	playNow(rec, c, func(_, late time.Duration, arrived time.Time) { say(word{Fed: arrived, Late: late}) })
	rec.Close()
	return nil
}

// TestNothingAcknowledgedIsLostByKill kills 200 recording processes at random moments.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	c := makeClip(t, 4, "libvpx")
	root := t.TempDir()
	must(t, c.store(filepath.Join(root, "clip")))
	random := rand.New(rand.NewPCG(5, 6))
	turns := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	left := make([]cutOff, kills)
	began := make([]time.Time, kills)
	for n := range kills {
		after := time.Duration(random.IntN(2500)) * time.Millisecond
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			left[n], began[n] = killed(t, filepath.Join(root, fmt.Sprint(n)), after)
		})
	}
	wg.Wait()
	var files []string
	var late time.Duration
	segments := 0
	for n, cut := range left {
		late = max(late, cut.slack)
		segments += len(cut.closed)
		for _, f := range cut.check(t, began[n]) {
			files = append(files, f.Path)
			checkSegments(t, f)
		}
	}
	if len(files) < kills*3/4 || segments < kills/4 {
		t.Errorf("only %d files and %d closed segments", len(files), segments)
	}
	t.Logf("%d files, %d closed segments, the machine was late by up to %v", len(files), segments, late)
	decodeAll(t, files)
}

// killed runs a child process, kills it some time after its first packet, and
// gives what must be in its record.
func killed(t *testing.T, dir string, after time.Duration) (cut cutOff, began time.Time) {
	must(t, os.MkdirAll(dir, 0o700))
	cut.dir = dir
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var kill *time.Timer
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var w word
		if err != nil || json.Unmarshal(line, &w) != nil {
			if err != io.EOF {
				t.Errorf("child said %q: %v", line, err)
			}
			break
		}
		if w.Closed != nil {
			cut.closed = append(cut.closed, *w.Closed)
			continue
		}
		cut.fed, cut.slack = w.Fed, w.Late
		if kill == nil {
			began = w.Fed
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return cut, began
}
