package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ClaimWait is how long a server waits for a predecessor's claim to end: longer
// than PostgreSQL takes to see that the predecessor's machine is gone.
const ClaimWait = 25 * time.Second

const (
	claimLock    = `hashtextextended('yunting server', 0)`
	claimCheck   = 2 * time.Second        // how often the holder looks whether its connection lives
	claimTimeout = 5 * time.Second        // of one look
	claimRetry   = 250 * time.Millisecond // between attempts
)

// ErrClaimed says that another server works on the database.
var ErrClaimed = errors.New("postgres: another Yunting server uses this database: stop it, or give this one a database of its own (--database-url)")

// Claim is the right of one server to work on a database: a session's advisory
// lock on a connection of its own, so that it ends with its holder however that
// ends. A claim whose connection broke, as when PostgreSQL restarts, is taken
// again.
type Claim struct {
	config *pgx.ConnConfig
	wait   time.Duration
	log    *slog.Logger
	conn   *pgx.Conn // of the goroutine that holds the claim
	cancel context.CancelFunc
	done   chan struct{}
	lost   chan struct{}
}

// TakeClaim claims the database of pool and holds it until Release. It waits for
// as long as wait for another claim to end; then the error is ErrClaimed and says
// who has it.
func TakeClaim(ctx context.Context, pool *pgxpool.Pool, wait time.Duration, log *slog.Logger) (*Claim, error) {
	config := pool.Config().ConnConfig
	for name, value := range map[string]string{"application_name": "yunting claim",
		// PostgreSQL ends the session of a machine that went without a word after 20 s.
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "tcp_user_timeout": "20000"} {
		config.RuntimeParams[name] = value
	}
	c := &Claim{config: config, wait: wait, log: log, done: make(chan struct{}), lost: make(chan struct{})}
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	held, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.hold(held)
	return c, nil
}

// Lost is closed when another server has the database: the holder must end.
func (c *Claim) Lost() <-chan struct{} { return c.lost }

// Release gives the claim up.
func (c *Claim) Release() {
	c.cancel()
	<-c.done
}

// hold keeps the claim until ctx ends or another has it.
func (c *Claim) hold(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(claimCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.drop()
			return
		case <-tick.C:
		}
		if c.alive(ctx) {
			continue
		}
		c.drop()
		switch err := c.take(ctx); {
		case err == nil:
			c.log.Warn("postgres: the claim on the database was taken again")
		case errors.Is(err, ErrClaimed):
			c.log.Error("postgres: the claim on the database is lost", "error", err)
			close(c.lost)
			return
		}
	}
}

func (c *Claim) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	return c.conn != nil && c.conn.Ping(ctx) == nil
}

// drop ends the connection and with it the lock.
func (c *Claim) drop() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), claimTimeout)
	defer cancel()
	if err := c.conn.Close(ctx); err != nil {
		c.log.Debug("postgres: close the claim's connection", "error", err)
	}
	c.conn = nil
}

// take connects and locks. A database that does not answer is an error at once;
// one that another has claimed is asked again until the wait is over.
func (c *Claim) take(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.config)
	if err != nil {
		return fmt.Errorf("postgres: claim: %w", err)
	}
	err = c.lock(ctx, conn)
	if err != nil {
		return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	c.conn = conn
	return nil
}

func (c *Claim) lock(ctx context.Context, conn *pgx.Conn) error {
	for end, told := time.Now().Add(c.wait), false; ; {
		var mine bool
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+claimLock+`)`).Scan(&mine); err != nil {
			return fmt.Errorf("postgres: claim: %w", err)
		}
		if mine {
			return nil
		}
		if !time.Now().Before(end) {
			return c.claimed(ctx, conn)
		}
		if !told {
			told = true
			c.log.Warn("postgres: another server has claimed this database; waiting for it to end", "at_most", c.wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(claimRetry):
		}
	}
}

// claimed is ErrClaimed with whose connection has the claim.
func (c *Claim) claimed(ctx context.Context, conn *pgx.Conn) error {
	var pid int
	var from *netip.Prefix
	var since time.Time
	err := conn.QueryRow(ctx, `SELECT a.pid, a.client_addr, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid::bigint << 32 | l.objid::bigint = `+claimLock).Scan(&pid, &from, &since)
	if err != nil { // it ended just now, or may not be seen
		return ErrClaimed
	}
	where := "this machine"
	if from != nil {
		where = from.Addr().String()
	}
	return fmt.Errorf("%w; it is connected from %s since %s by PostgreSQL's process %d", ErrClaimed, where, since.UTC().Format(time.RFC3339), pid)
}
