package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// initCluster makes a new cluster. It is filled beside its place and renamed
// when whole, so that a half-made one is never taken for a cluster.
func initCluster(ctx context.Context, l layout, in installation, o owner, volatile bool, log *slog.Logger) error {
	log.Info("making a new database cluster", "postgresql", in.major)
	var err error
	// Not every libc has C.UTF-8; plain C sorts the same way.
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err = os.RemoveAll(l.init); err != nil {
			return fmt.Errorf("postgres: clear a half-made cluster: %w", err)
		}
		args := []string{
			"--pgdata=" + l.called(l.init, o), "--username=" + superuser, "--auth=trust",
			"--encoding=UTF8", "--locale=" + locale, "--no-instructions",
		}
		if volatile {
			args = append(args, "--no-sync")
		}
		cmd := exec.CommandContext(ctx, in.initdb, args...)
		cmd.Env = childEnv()
		dir, giveErr := l.give(cmd, o)
		if giveErr != nil {
			return giveErr
		}
		var out []byte
		out, err = cmd.CombinedOutput()
		_ = dir.Close() // nil, or only handed on
		if err == nil {
			break
		}
		err = fmt.Errorf("postgres: initdb: %w: %s", err, lastLines(string(out), 3))
		if !strings.Contains(string(out), "locale") {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(l.init, l.data); err != nil {
		return fmt.Errorf("postgres: put the new cluster in place: %w", err)
	}
	return syncDir(l.dir)
}

// childEnv is our environment without what would steer PostgreSQL's programs.
func childEnv() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "PG") && !strings.HasPrefix(entry, "LC_") && !strings.HasPrefix(entry, "LANG") && !strings.HasPrefix(entry, "YUNTING_") {
			env = append(env, entry)
		}
	}
	return append(env, "LC_ALL=C")
}

// childAttr makes PostgreSQL's programs run as o, in a process group of their
// own (Ctrl-C at the terminal is for us; we end them in order), and receive
// SIGINT, a fast shutdown, when the thread that started them dies.
func childAttr(o owner) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if o.drop {
		attr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid, Groups: []uint32{o.gid}}
	}
	return attr
}

func syncDir(dir string) error {
	f, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("postgres: sync %s: %w", dir, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("postgres: sync %s: %w", dir, err)
	}
	return nil
}

// lastLines is the end of what a program printed, on one line.
func lastLines(out string, n int) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
