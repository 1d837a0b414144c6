package diskspace

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSmallDisk fills a disk of 4 MiB: first whoever writes much is told, then the reserve lets the record go on.
func TestSmallDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("mount a small disk (the tests of full disks run as root): %v", err)
	}
	t.Cleanup(func() { check(t, syscall.Unmount(dir, 0)) })
	const reserve = 512 << 10
	told := make(chan State, 16)
	set := metrics.NewSet()
	g, err := Open(Options{Dir: dir, Others: []string{filepath.Join(dir, "later")}, Reserve: reserve,
		Changed: func(s State) { told <- s }, Logger: slog.New(slog.DiscardHandler), Metrics: set})
	check(t, err)
	if held, err := g.held(); err != nil || !held || g.State() != Enough || g.Warning() != "" {
		t.Fatalf("held %v, %v, %s %q", held, err, g.State(), g.Warning())
	}
	g.Start()
	defer g.Stop()
	await := func(want State) {
		t.Helper()
		select {
		case s := <-told:
			if s != want {
				t.Fatalf("told %s, want %s", s, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told %s; it is %s, %d bytes free", want, g.State(), g.Free())
		}
	}
	recordings := filepath.Join(dir, "recordings")
	grow(t, recordings, g.Free()-reserve+4096)
	await(Low)
	if w := g.Warning(); !strings.Contains(w, "not recorded") {
		t.Errorf("warning %q", w)
	}
	grow(t, recordings, g.Free()-reserve/8)
	await(Reserve)
	// What the reserve is for: the record writes on where all else has failed.
	grow(t, filepath.Join(dir, "docket"), reserve/2)
	var shown strings.Builder
	set.WritePrometheus(&shown)
	if !strings.Contains(shown.String(), fmt.Sprintf("yunting_disk_state %d\n", Reserve)) || strings.Contains(shown.String(), "free_bytes 0\n") ||
		!strings.Contains(shown.String(), "yunting_disk_free_bytes ") {
		t.Errorf("metrics:\n%s", shown.String())
	}
	grow(t, filepath.Join(dir, "docket"), reserve/2)
	await(Spent)
	check(t, os.Remove(recordings))
	await(Enough)
	if held, err := g.held(); err != nil || !held {
		t.Errorf("the reserve was not taken again: %v, %v", held, err)
	}
}

// TestNoRoom starts on a disk that has no room for the reserve.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	free, err := freeOf(dir)
	check(t, err)
	g, err := Open(Options{Dir: dir, Reserve: free, Changed: func(State) {}, Logger: slog.New(slog.DiscardHandler)})
	check(t, err)
	if g.State() != Reserve {
		t.Errorf("state %s", g.State())
	}
	if _, err := os.Stat(filepath.Join(dir, reserveFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a reserve was taken: %v", err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("a reserve of nothing")
	}
}

func grow(t *testing.T, path string, by int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(t, err)
	check(t, errors.Join(write(f, by), f.Close()))
}
