package postgres

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	// maxLogBytes is how long postgres.log may be when a postmaster starts;
	// a longer one is set aside, replacing the one set aside before.
	maxLogBytes = 8 << 20
	// tailBytes is how much of a failed postmaster's output is looked at.
	tailBytes = 4 << 10
	// settleTimeout bounds how long what a killed postmaster left behind
	// (its lock file, backends in its shared memory) may stand in the way.
	settleTimeout = 60 * time.Second
	// maxQuickEnds is how many postmasters in a row may end within quickEnd
	// of their start before we give up.
	maxQuickEnds = 5
	quickEnd     = 10 * time.Second
	restartPause = 200 * time.Millisecond
)

// supervise runs one postmaster after the other until the server is stopped or
// none stays up. It alone starts and waits for them, on one thread that lives
// as long: the kernel's parent-death signal follows the thread, not the process.
func (s *Server) supervise() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	defer func() { s.err = errors.Join(s.err, s.lock.Close()) }()

	began := time.Now()
	for quick := 0; ; {
		started := time.Now()
		err := s.runOnce()
		if s.isStopping() {
			s.err = err
			return
		}
		if err == nil {
			err = errors.New("postgres: the database ended without being asked")
		}
		if time.Since(started) > quickEnd {
			quick, began = 0, time.Now()
		}
		settling := errors.Is(err, errUnsettled) && time.Since(began) < settleTimeout
		if quick++; quick >= maxQuickEnds && !settling {
			s.err = err
			return
		}
		if !settling {
			s.log.Error("the database server ended; starting it again", "error", err)
		}
		time.Sleep(restartPause)
		if s.isStopping() {
			return
		}
	}
}

// errUnsettled says that remains of a killed postmaster are still in the way;
// they go by themselves.
var errUnsettled = errors.New("postgres: remains of the earlier database server are still there")

// runOnce runs one postmaster to its end.
func (s *Server) runOnce() error {
	output, offset, err := openLog(s.layout.log)
	if err != nil {
		return err
	}
	defer output.Close()
	args := []string{"-D", s.layout.called(s.layout.data, s.owner)}
	for _, setting := range s.settings() {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(s.in.postgres, args...)
	cmd.Env = childEnv()
	cmd.Stdout, cmd.Stderr = output, output
	dir, err := s.layout.give(cmd, s.owner)
	if err != nil {
		return err
	}
	defer dir.Close() // nil, or only handed on

	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return nil
	}
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		return fmt.Errorf("postgres: start %s: %w", s.in.postgres, err)
	}
	s.process = cmd.Process
	s.mu.Unlock()

	err = cmd.Wait()
	s.mu.Lock()
	s.process = nil
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	tail, readErr := readFrom(s.layout.log, offset)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if strings.Contains(tail, `"postmaster.pid" already exists`) || strings.Contains(tail, "pre-existing shared memory block") {
		err = errors.Join(errUnsettled, err)
	}
	return fmt.Errorf("postgres: the database server: %w: %s", err, lastLines(tail, 3))
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// openLog opens the postmaster's output for appending and says where it ends now.
func openLog(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, fmt.Errorf("postgres: set the log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("postgres: log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("postgres: log: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

// readFrom reads the file's last tailBytes at most, from offset on.
func readFrom(path string, offset int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("postgres: log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("postgres: log: %w", err)
	}
	offset = max(offset, info.Size()-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(f, offset, info.Size()-offset))
	if err != nil {
		return "", fmt.Errorf("postgres: log: %w", err)
	}
	return string(text), nil
}
