package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs f without root's rights over files. f's thread is not used again.
func asNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0) // it gives back the former one and no error
		}
		f()
	}()
	<-done
}

// TestPreflightSaysHowToMend: what stands in the way of a first start is told in one line with its remedy.
func TestPreflightSaysHowToMend(t *testing.T) {
	dir := t.TempDir()
	file, closed, data := filepath.Join(dir, "file"), filepath.Join(dir, "closed"), filepath.Join(dir, "data")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.WriteFile(file, nil, 0o600),
		os.Mkdir(closed, 0o555), os.Mkdir(data, 0), os.Chmod(data, 0o777)); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct{ name, dir, listen, says string }{
		{"a file", file, "127.0.0.1:0", "lies below, a file; or choose another with --data-dir"},
		{"below a file", filepath.Join(file, "data"), "127.0.0.1:0", "lies below, a file; or choose another with --data-dir"},
		{"a directory of somebody else", closed, "127.0.0.1:0", "may not write to the data directory: give it to that user"},
		{"below it", filepath.Join(closed, "data"), "127.0.0.1:0", "may not write to the data directory: give it to that user"},
		{"a port in use", data, busy.Addr().String(), "stop it, or choose another port with --listen or YUNTING_LISTEN"},
		{"nothing", data, "127.0.0.1:0", ""},
	} {
		o := parsed(t, "--data-dir", c.dir, "--listen", c.listen)
		var err error
		asNobody(func() { err = o.preflight() })
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(data, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestPreflightOnASmallDisk: a new court is not begun where its database has no room.
func TestPreflightOnASmallDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("mount a small disk (the tests of full disks run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 2); err != nil { // MNT_DETACH
			t.Error(err)
		}
	})
	o := parsed(t, "--data-dir", dir, "--listen", "127.0.0.1:0")
	if err := o.preflight(); err == nil || !strings.Contains(err.Error(), "a new court needs 96: make room") {
		t.Errorf("a disk of 4 MiB: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "postgres", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := o.preflight(); err != nil {
		t.Errorf("a court that is there, on a full disk: %v", err)
	}
}

// TestAStartThatIsCutShort: Ctrl-C while the database is made and kill -9 while the cases are played each leave what the
// next start makes a whole court of; and that court goes on in another directory, where its data were moved.
func TestAStartThatIsCutShort(t *testing.T) {
	p := newDemo(t, "127.0.0.1", "--no-participants")
	ended := p.begin()
	p.until("initdb", func() bool { return strings.Contains(p.log.String(), "making a new database cluster") })
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || !strings.Contains(p.log.String(), "the next start carries on") {
		t.Errorf("Ctrl-C: %v\n%s", err, p.log)
	}
	ended = p.begin()
	p.until("the first files of cases", func() bool {
		blobs, err := filepath.Glob(filepath.Join(p.dir, "blobs", "*", "*"))
		return err == nil && len(blobs) > 0
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if _, err := os.Stat(filepath.Join(p.dir, "demo.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("demo.json before the court is ready: %v", err)
	}
	p.start()
	if people := p.file().People; len(people) != 7 || strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("%d people after a start that was cut short\n%s", len(people), p.log)
	}
	p.stop()
	hearing, old := p.file().Hearing, p.dir
	p.dir += "-moved"
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	if err := os.Rename(old, p.dir); err != nil {
		t.Fatal(err)
	}
	p.args[slices.Index(p.args, old)] = p.dir
	p.start()
	if moved := p.file().Hearing; moved != hearing || strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("hearing %s is open in the moved directory, it was %s\n%s", moved, hearing, p.log)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the court wrote to where its data were: %v", err)
	}
}
