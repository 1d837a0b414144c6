package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReserve fills the disk under a running court with its own PostgreSQL: it says so and the docket is still written.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=700m"); err != nil {
		t.Fatalf("mount a small disk (the tests of full disks run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 2); err != nil { // MNT_DETACH
			t.Error(err)
		}
	})
	for d := dir; d != "/"; d = filepath.Dir(d) { // PostgreSQL's own user walks through it
		if info, err := os.Stat(d); err == nil && info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(d, info.Mode().Perm()|0o011); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := &process{t: t, dir: dir, log: &syncBuffer{}}
	web := freePort(t, "tcp")
	p.url = fmt.Sprintf("http://127.0.0.1:%d", web)
	p.args = []string{"demo", "--listen", fmt.Sprintf("127.0.0.1:%d", web), "--data-dir", dir, "--media-port", fmt.Sprint(freePort(t, "udp")), "--reserve-mib", "24"}
	t.Cleanup(p.stop)
	p.start()
	ready := func(word string) {
		t.Helper()
		limit := time.After(20 * time.Second)
		for {
			status, text, err := p.try("", "GET", "/readyz", nil)
			if err == nil && status == http.StatusOK && strings.Contains(string(text), word) {
				return
			}
			select {
			case <-limit:
				t.Fatalf("/readyz says %q (%v), not %q", text, err, word)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	var token string
	for _, person := range p.file().People {
		if person.Login == "zhangwei" {
			token = person.Token
		}
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler, 20<<20)
	ready("hearings are not recorded")
	fill(t, filler, 0)
	ready("of the reserve")
	for range 20 { // drafts, with their entries and leaves of the ledger
		if status, reply, err := p.try(token, "POST", "/api/v1/cases", map[string]any{}); err != nil || status/100 != 2 {
			t.Fatalf("the docket is not written: %d %s %v\n%s", status, reply, err, p.log)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	ready("ready\n")
}

// fill grows a file until so many bytes are left on its disk.
func fill(t *testing.T, path string, left uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for {
		var s syscall.Statfs_t
		if err := syscall.Statfs(path, &s); err != nil {
			t.Fatal(err)
		}
		if s.Bavail*uint64(s.Bsize) <= left {
			break
		}
		if _, err := f.Write(block); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		} else if err != nil {
			break
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
