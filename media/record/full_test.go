package record

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"yunting/media"
)

const fullEnv = "YUNTING_TEST_FULL_DISK" // where the small disk is to be mounted

// TestFullDisk records on a tmpfs of 4 MiB until it is full and until there is
// room again. It runs itself once more in a mount namespace of its own.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(fullEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func fillDisk(t *testing.T, dir string) {
	must(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	noRoomAhead(t, dir)
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 2<<20), 0o600))
	told, works, closed := make(chan error, 8), make(chan string, 8), make(chan Segment, 1000)
	rec, err := New(Options{Dir: filepath.Join(dir, "hearing"), SegmentLength: time.Second,
		OnSegment: func(s Segment) { closed <- s },
		OnError:   func(_ string, err error) { told <- err }, OnWorks: func(p string) { works <- p }})
	must(t, err)
	v := rec.NewSink("p1", media.TrackInfo{ID: "v", Peer: "p1", Kind: media.KindVideo, Source: media.SourceCamera}, vp8)
	f := &flood{v: v, start: time.Now()}

	// Until it is full: 2 MiB less the reserve are there, and some of it is taken by names and pages.
	fault, fullAt := f.until(told, 2<<20-reserveSize-64<<10)
	if !full(fault) {
		t.Fatalf("%v was told", fault)
	}
	if late := time.Since(fullAt); late > time.Second+f.late {
		t.Errorf("told %v after the disk was full, the machine was late by %v", late, f.late)
	}
	failedAt := time.Now()
	// What was written is listed: the reserve made room for that.
	lines, err := readList(filepath.Join(dir, "hearing", "p1"))
	must(t, err)
	names, err := filepath.Glob(filepath.Join(dir, "hearing", "p1", "*.seg"))
	must(t, err)
	if len(lines) != len(names) || len(lines) == 0 {
		t.Errorf("%d of %d segments are listed", len(lines), len(names))
	}
	must(t, os.WriteFile(filepath.Join(dir, "hearing.json"), make([]byte, 16<<10), 0o600)) // the session file

	// Still full; then there is room.
	for time.Since(failedAt) < retryEvery+flushEvery {
		f.send()
	}
	must(t, os.Remove(ballast))
	f.until(works, 0)
	for worked := time.Now(); time.Since(worked) < time.Second; {
		f.send()
	}
	v.Close()
	rec.Close()
	if f.slow > f.n/100 {
		t.Errorf("%d of %d packets waited", f.slow, f.n)
	}

	// The files do not fit on this disk; the record is whole without them.
	elsewhere := t.TempDir()
	must(t, os.CopyFS(elsewhere, os.DirFS(filepath.Join(dir, "hearing"))))
	found, err := Recover(elsewhere)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d files: %v", len(found), err)
	}
	checkSegments(t, found[0])
	for len(closed) > 0 {
		if s := <-closed; !slices.Contains(found[0].Original.Segments, s) {
			t.Errorf("closed segment %d is not in the original", s.Number)
		}
	}
	gaps := slices.DeleteFunc(found[0].Gaps, func(g Gap) bool { return g.Cause != CauseFault })
	if len(gaps) != 1 || gaps[0].From.After(failedAt) || gaps[0].From.Before(failedAt.Add(-2*time.Second)) || gaps[0].To.Before(failedAt.Add(retryEvery)) {
		t.Errorf("gaps %+v, want a fault about %v", found[0].Gaps, failedAt)
	}
}

// flood sends pictures of one packet, 5 Mbps.
type flood struct {
	v       media.Sink
	start   time.Time
	n, slow int
	bytes   int
	late    time.Duration
}

func (f *flood) send() {
	payload := make([]byte, 1200)
	payload[0] = 0x10
	if f.n%50 == 0 {
		copy(payload, []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0})
	} else {
		payload[1] = 1
	}
	due := f.start.Add(time.Duration(f.n) * 2 * time.Millisecond)
	<-time.After(time.Until(due))
	began := time.Now()
	f.late = max(f.late, began.Sub(due))
	f.v.RTP(raw(96, uint16(f.n), uint32(f.n)*180, payload), began)
	if time.Since(began) > 5*time.Millisecond {
		f.slow++
	}
	f.n++
	f.bytes += len(payload) + 12 + recordHead + recordBody
}

// until sends until something is told; it returns that and when so many bytes
// had been sent.
func (f *flood) until(told any, bytes int) (err error, at time.Time) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		f.send()
		if at.IsZero() && f.bytes >= bytes {
			at = time.Now()
		}
		switch c := told.(type) {
		case chan error:
			select {
			case err := <-c:
				return err, at
			default:
			}
		case chan string:
			select {
			case <-c:
				return nil, at
			default:
			}
		}
	}
	panic("nothing was told")
}
