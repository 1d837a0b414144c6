package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// stopTimeout bounds a fast shutdown, which writes a last checkpoint;
	// then an immediate shutdown follows and the next start recovers.
	stopTimeout = 60 * time.Second
	// killTimeout bounds an immediate shutdown.
	killTimeout = 10 * time.Second
	// poll is how often a wait for another process looks again.
	poll = 25 * time.Millisecond
)

// stopLeftover ends a postmaster that an earlier server left behind when it
// was killed without warning. The caller holds the cluster's lock, so no
// living server owns it.
func stopLeftover(ctx context.Context, l layout, log *slog.Logger) error {
	path := filepath.Join(l.data, "postmaster.pid")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("postgres: read postmaster.pid: %w", err)
	}
	pid, ours := parsePIDFile(text, l.data)
	if pid == 0 || !alive(pid) {
		return nil // PostgreSQL itself clears a stale file, and checks its shared memory first
	}
	if !ours || !isPostmaster(pid, l.data) {
		return disownPIDFile(path, text)
	}
	log.Warn("ending the database server that an earlier run left behind", "pid", pid)
	for _, step := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, killTimeout}} {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("postgres: end the earlier database server (pid %d): %w", pid, err)
		}
		gone, err := waitFor(ctx, step.timeout, func() bool { return !alive(pid) || !isPostmaster(pid, l.data) })
		if gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("postgres: the earlier database server (pid %d) does not end", pid)
}

// parsePIDFile reads the process id on line 1 of postmaster.pid and whether
// line 2 names the given data directory.
func parsePIDFile(text []byte, data string) (pid int, ours bool) {
	lines := strings.SplitN(string(text), "\n", 3)
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return 0, false
	}
	return pid, len(lines) > 1 && strings.TrimSpace(lines[1]) == data
}

// disownPIDFile deals with a stale file whose process id now belongs to some
// other program: PostgreSQL would refuse to start while that one lives. The
// file is not deleted, since its last lines let PostgreSQL find backends that
// still use the old shared memory; only the id is replaced by ours, which
// PostgreSQL takes as stale because we are the new postmaster's parent.
func disownPIDFile(path string, text []byte) error {
	_, rest, found := bytes.Cut(text, []byte("\n"))
	if !found {
		rest = nil
	}
	replaced := append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...)
	// Same length class, same inode: owner and mode stay as they are.
	if err := os.WriteFile(path, replaced, 0o600); err != nil {
		return fmt.Errorf("postgres: correct the stale postmaster.pid: %w", err)
	}
	return nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// isPostmaster reports whether pid runs a program named postgres that stands
// in the data directory, as a postmaster and its children do.
func isPostmaster(pid int, data string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	exe, err := os.Readlink(filepath.Join(proc, "exe"))
	if err != nil {
		return false
	}
	cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
	// The program may have been upgraded under the running process.
	return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "postgres" && cwd == data
}

// waitFor polls until done, the timeout (false, nil) or the context's end.
func waitFor(ctx context.Context, timeout time.Duration, done func() bool) (bool, error) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if done() {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
}
