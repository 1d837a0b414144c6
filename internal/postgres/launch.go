package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// startTimeout bounds a start, crash recovery included.
	startTimeout = 5 * time.Minute
	// MainDatabase is the database that Launch makes for the court.
	MainDatabase = "yunting"
)

// ErrInUse says that another living process runs the cluster in that directory.
var ErrInUse = errors.New("postgres: another server is running on this data directory")

// Server is a private PostgreSQL cluster that this process runs. It is safe
// for concurrent use.
type Server struct {
	layout   layout
	in       installation
	owner    owner
	volatile bool
	log      *slog.Logger
	lock     *os.File // held from Launch to the end of the postmaster

	done chan struct{} // closed by supervise, after which err is set
	err  error

	mu       sync.Mutex  // guards what follows
	process  *os.Process // the running postmaster, nil between two
	stopping bool
}

// Launch starts a private PostgreSQL cluster under dir, made by initdb at the
// first start, and makes the database MainDatabase in it. It listens on a unix
// socket only, in a directory that only its owner may enter. As root its
// processes run as the account "postgres" (or whoever owns the cluster).
//
// The cluster ends with this process, however that ends: by Stop, or by the
// kernel's parent-death signal. A postmaster left behind all the same is ended
// first. A postmaster that dies by itself is started again. ctx bounds only
// the start. ErrInUse, ErrNoBinaries.
func Launch(ctx context.Context, dir string, log *slog.Logger) (*Server, error) {
	return launch(ctx, dir, log, false)
}

// LaunchVolatile is Launch without fsync and with room for many connections:
// for tests, whose data nobody misses after a power cut.
func LaunchVolatile(ctx context.Context, dir string, log *slog.Logger) (*Server, error) {
	return launch(ctx, dir, log, true)
}

func launch(ctx context.Context, dir string, log *slog.Logger, volatile bool) (*Server, error) {
	l, err := layoutOf(dir)
	if err != nil {
		return nil, err
	}
	o, err := ownerOf(l)
	if err != nil {
		return nil, err
	}
	if err := l.prepare(o); err != nil {
		return nil, err
	}
	lock, err := takeLock(l.lock)
	if err != nil {
		return nil, err
	}
	s := &Server{layout: l, owner: o, volatile: volatile, log: log, lock: lock, done: make(chan struct{})}
	if err := s.makeReady(ctx); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go s.supervise() // which owns the lock from now on
	if err := s.awaitAnswer(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// makeReady does what must be done before a postmaster can run.
func (s *Server) makeReady(ctx context.Context) error {
	if err := clearLeftover(ctx, s.layout, s.log); err != nil {
		return err
	}
	major, err := clusterMajor(s.layout.data)
	if err != nil {
		return err
	}
	if s.in, err = findInstallation(ctx, major); err != nil || major != 0 {
		return err
	}
	return initCluster(ctx, s.layout, s.in, s.owner, s.volatile, s.log)
}

// awaitAnswer waits until the cluster answers and holds the court's database.
// When it fails nothing runs any more.
func (s *Server) awaitAnswer(ctx context.Context) error {
	for {
		err := s.createMain(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return s.err
		case <-ctx.Done():
			err = fmt.Errorf("postgres: the database did not start in time (see %s): %w", s.layout.log, errors.Join(ctx.Err(), err))
			return errors.Join(err, s.Stop())
		case <-time.After(poll):
		}
	}
}

func (s *Server) createMain(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.layout.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, MainDatabase).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, `CREATE DATABASE `+MainDatabase)
	return err
}

// DSN is the address of one of the cluster's databases; MainDatabase exists.
func (s *Server) DSN(database string) string { return s.layout.dsn(database) }

// Done is closed when the cluster has ended, by Stop or because it could not
// be kept running.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the cluster: open transactions are rolled back, all that was
// committed is on disk. It returns when every process of it is gone. A second
// call returns the same.
func (s *Server) Stop() error {
	for _, step := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, killTimeout}, {syscall.SIGKILL, killTimeout}} {
		s.signal(step.signal)
		select {
		case <-s.done:
			return s.err
		case <-time.After(step.timeout):
		}
	}
	return errors.New("postgres: the database does not end")
}

func (s *Server) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	if s.process != nil {
		// It fails only when the postmaster is gone, which is what we want.
		_ = s.process.Signal(sig)
	}
}

// takeLock holds path for this process; the kernel lets go of it however the
// process ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("postgres: lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// settings are the postmaster's, over those that initdb chose.
func (s *Server) settings() []string {
	settings := []string{
		"listen_addresses=",
		`unix_socket_directories="` + strings.ReplaceAll(s.layout.called(s.layout.socket, s.owner), `"`, `""`) + `"`,
		"unix_socket_permissions=0700",
		"port=" + port,
		"timezone=UTC", "log_timezone=UTC",
		// Statements and the details of errors hold what people typed.
		"log_error_verbosity=terse", "log_min_error_statement=panic",
		"log_line_prefix=%m [%p] ",
	}
	if s.volatile {
		return append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"max_connections=500", "max_wal_size=2GB", "autovacuum=off")
	}
	return append(settings, "fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=100")
}
