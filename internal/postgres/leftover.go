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

// clearLeftover ends a postmaster that an earlier server left behind when it
// was killed without warning, and makes its lock files harmless. The caller
// holds the cluster's lock, so no living server owns either.
func clearLeftover(ctx context.Context, l layout, log *slog.Logger) error {
	files := []string{
		filepath.Join(l.data, "postmaster.pid"),
		filepath.Join(l.socket, ".s.PGSQL."+port+".lock"),
	}
	for _, path := range files {
		pid, ours, _, err := readPIDFile(path, l.data)
		if err != nil {
			return err
		}
		if ours && isPostmaster(pid, l.data) {
			if err := endPostmaster(ctx, pid, l.data, log); err != nil {
				return err
			}
		}
	}
	for _, path := range files {
		pid, _, text, err := readPIDFile(path, l.data)
		if err != nil {
			return err
		}
		if pid != 0 && alive(pid) {
			if err := disown(path, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// endPostmaster asks for a fast shutdown, then for an immediate one, and waits.
func endPostmaster(ctx context.Context, pid int, data string, log *slog.Logger) error {
	log.Warn("ending the database server that an earlier run left behind", "pid", pid)
	for _, step := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, killTimeout}} {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("postgres: end the earlier database server (pid %d): %w", pid, err)
		}
		gone, err := waitFor(ctx, step.timeout, func() bool { return !isPostmaster(pid, data) })
		if gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("postgres: the earlier database server (pid %d) does not end", pid)
}

// readPIDFile reads a lock file of PostgreSQL; without one the pid is 0.
func readPIDFile(path, data string) (pid int, ours bool, text []byte, err error) {
	text, err = os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil, nil
	}
	if err != nil {
		return 0, false, nil, fmt.Errorf("postgres: read %s: %w", filepath.Base(path), err)
	}
	pid, ours = parsePIDFile(text, data)
	return pid, ours, text, nil
}

// parsePIDFile reads the process id on line 1 of postmaster.pid and whether
// line 2 names the given data directory, by its path or as it was handed over.
func parsePIDFile(text []byte, data string) (pid int, ours bool) {
	lines := strings.SplitN(string(text), "\n", 3)
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return 0, false
	}
	if len(lines) < 2 {
		return pid, false
	}
	named := strings.TrimSpace(lines[1])
	return pid, named == data || named == filepath.Join(held, filepath.Base(data))
}

// disown deals with a stale lock file whose process id still exists: it now
// belongs to some other program, or the killed postmaster waits as a zombie
// for an init that is slow to reap it. PostgreSQL would refuse to start as long.
// The file is not deleted, since the last lines of postmaster.pid let
// PostgreSQL find backends that still use the old shared memory; only the id
// is replaced by ours, which PostgreSQL takes as stale because we are the new
// postmaster's parent.
func disown(path string, text []byte) error {
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	replaced := append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...)
	// The inode stays, and with it owner and mode.
	if err := os.WriteFile(path, replaced, 0o600); err != nil {
		return fmt.Errorf("postgres: correct the stale %s: %w", filepath.Base(path), err)
	}
	return nil
}

// alive reports whether the process id is taken, by a zombie too.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// isPostmaster reports whether pid runs a program named postgres that stands
// in the data directory, as a postmaster and its children do. A zombie does not.
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
