package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"yunting/internal/postgres"
)

const (
	// keeperEnv makes a test binary a keeper instead of running its tests.
	keeperEnv = "YUNTING_PGTEST_KEEPER"
	// idleCheck is how often the keeper looks whether anybody uses the cluster.
	idleCheck = 20 * time.Second
	// startPoll is how often a starter looks whether the cluster answers.
	startPoll = 50 * time.Millisecond
)

// init turns the process into the keeper when it was started as one. The
// keeper is this same test binary: a process of its own that outlives the test
// binary that needed the cluster first.
func init() {
	if os.Getenv(keeperEnv) == "" {
		return
	}
	if err := keep(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keep runs the cluster until no test binary holds the "in use" lock.
func keep() error {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server, err := postgres.LaunchVolatile(ctx, clusterDir(), log)
	if errors.Is(err, postgres.ErrInUse) {
		return nil // another keeper was quicker
	}
	if err != nil {
		return err
	}
	for {
		select {
		case <-server.Done():
			return server.Stop()
		case <-time.After(idleCheck):
		}
		alone, err := lockFile("in-use", syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return errors.Join(err, server.Stop())
		}
		// Whoever comes now waits for the lock until we are gone.
		return errors.Join(dropDatabases(ctx), server.Stop(), alone.Close())
	}
}

// dropDatabases clears what tests that were killed and older schemas left.
func dropDatabases(ctx context.Context) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname ~ '^(test|half|template)_' ORDER BY datname`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	hash, err := postgres.SchemaHash()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "template_"+hash {
			continue
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE `+pgx.Identifier{name}.Sanitize()+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// startIfDown starts a keeper when the cluster does not answer, and waits for it.
func startIfDown(ctx context.Context) error {
	if answers(ctx) {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	logPath := clusterDir() + ".log"
	output, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	keeper := exec.Command(exe)
	keeper.Dir = os.TempDir()
	keeper.Env = append(os.Environ(), keeperEnv+"=1")
	keeper.Stdout, keeper.Stderr = output, output
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return err
	}
	for !answers(ctx) {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(keeper.Process.Pid, &status, syscall.WNOHANG, nil)
		if err == nil && pid != 0 && status.ExitStatus() != 0 {
			text, readErr := os.ReadFile(logPath)
			return errors.Join(fmt.Errorf("the test cluster does not start: %s", strings.TrimSpace(string(text))), readErr)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the test cluster does not start (see %s): %w", logPath, ctx.Err())
		case <-time.After(startPoll):
		}
	}
	return keeper.Process.Release()
}

func answers(ctx context.Context) bool {
	conn, err := connect(ctx)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}
