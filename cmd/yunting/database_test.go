package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEndsWhenItsDatabaseCannotBeKept: a postmaster that dies and cannot start again takes the court down with a
// message, instead of leaving pages that fail one by one.
func TestEndsWhenItsDatabaseCannotBeKept(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	p.stop()
	p.cmd = exec.Command(path, p.args...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(p.cmd)
	if err := p.await(ended); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	data := filepath.Join(p.dir, "postgres", "data")
	lock, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(lock))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(data, "PG_VERSION")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(p.log.String(), "the private PostgreSQL ended") {
			t.Errorf("ended with %v\n%s", err, p.log)
		}
	case <-time.After(90 * time.Second):
		t.Fatalf("the court goes on without its database\n%s", p.log)
	}
}
