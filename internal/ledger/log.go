package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Options configure a Log.
type Options struct {
	Pool *pgxpool.Pool
	Key  ed25519.PrivateKey
	// Origin names a new log in its checkpoints, such as "court.example/ledger": no spaces, no "+". A log keeps
	// the name of its first checkpoint for life, whatever Origin says later, so that a court may move its address.
	Origin string
	Now    func() time.Time // stamps checkpoints; nil means time.Now
	Logger *slog.Logger     // nil means slog.Default
	// Interval is how often the sequencer looks for leaves that nobody waits for; 0 means 250 ms.
	Interval time.Duration
	// AnchorFile, when set, keeps the newest checkpoint outside the database. Open compares: a database
	// restored from an old backup is then met with ErrForked instead of a second history.
	AnchorFile string

	// fault is called around each step of the sequencer; tests break steps with it.
	fault func(step string) error
}

// Log is the transparency log of one database. Several processes may open it; an advisory lock lets one of
// them integrate at a time. Safe for concurrent use.
type Log struct {
	opts   Options
	signer note.Signer
	vkey   string

	wake     chan struct{} // capacity 1: somebody waits for a leaf
	stopping chan struct{} // closed by Stop
	stopOnce sync.Once
	done     chan struct{} // closed when the sequencer has returned; nil before Start

	mu         sync.Mutex
	integrated chan struct{} // guarded by mu; closed and replaced after each batch
	last       Checkpoint    // guarded by mu; the newest head that this process saw
	fatal      error         // guarded by mu; wraps ErrForked
}

// Open checks the stored tree against its last checkpoint and the anchor file and returns the log, which does
// not integrate yet. It fails with an error that wraps ErrForked when the tree is not the one that was signed,
// or was signed by another key.
func Open(ctx context.Context, opts Options) (*Log, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Interval <= 0 {
		opts.Interval = 250 * time.Millisecond
	}
	if opts.fault == nil {
		opts.fault = func(string) error { return nil }
	}
	var err error
	if opts.Origin, err = keptOrigin(ctx, opts.Pool, opts.Origin); err != nil {
		return nil, err
	}
	signer, vkey, err := keys(opts.Origin, opts.Key)
	if err != nil {
		return nil, err
	}
	l := &Log{opts: opts, signer: signer, vkey: vkey, wake: make(chan struct{}, 1), stopping: make(chan struct{}), integrated: make(chan struct{})}
	head, err := l.verifyStored(ctx, fullCheckLimit)
	if err != nil {
		return nil, err
	}
	l.last = head
	return l, nil
}

// Start starts the sequencer. Call it once; Stop ends it.
func (l *Log) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done != nil {
		panic("ledger: started twice")
	}
	l.done = make(chan struct{})
	go l.run(l.done)
}

// Stop stops the sequencer and waits for it. Leaves that are still queued are integrated after the next
// start. Stop may be called several times, and without Start.
func (l *Log) Stop() {
	l.stopOnce.Do(func() { close(l.stopping) })
	l.mu.Lock()
	done := l.done
	l.mu.Unlock()
	if done != nil {
		<-done
	}
}

// Err returns the fatal error that ended the sequencer, or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

// PublicKey returns the verifier key ("name+hash+key") that checks the log's checkpoints.
func (l *Log) PublicKey() string { return l.vkey }

// Head returns the newest checkpoint that this process has seen; its Size is 0 while the log is empty.
func (l *Log) Head() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *Log) integratedSignal() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.integrated
}

func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Log) timer() *time.Timer { return time.NewTimer(l.opts.Interval) }

// run is the sequencer's goroutine.
func (l *Log) run(done chan<- struct{}) {
	defer close(done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-l.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		n, err := l.integrate(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrForked):
			l.opts.Logger.Error("ledger stopped: tree is forked", "error", err)
			l.mu.Lock()
			l.fatal = err
			l.mu.Unlock()
			l.announce()
			return
		case err != nil:
			l.opts.Logger.Warn("ledger batch failed; it will be tried again", "error", err)
		case n == maxBatch:
			continue // more may be queued
		}
		if !l.pause(ctx) {
			return
		}
	}
}

// pause waits for work: a waiter, or the interval. It returns false when the log stops.
func (l *Log) pause(ctx context.Context) bool {
	timer := l.timer()
	defer timer.Stop()
	select {
	case <-l.wake:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// announce wakes all waiters.
func (l *Log) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.integrated)
	l.integrated = make(chan struct{})
}

// advance remembers the newest head. The tree never shrinks and never changes below a signed size.
func (l *Log) advance(head Checkpoint) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if head.Size < l.last.Size || head.Size == l.last.Size && head.Root != l.last.Root {
		return fmt.Errorf("%w: size %d root %s was signed, size %d root %s is stored", ErrForked, l.last.Size, l.last.Root, head.Size, head.Root)
	}
	l.last = head
	return nil
}

// checkpoint describes a head of this log.
func (l *Log) checkpoint(size int64, root tlog.Hash, at time.Time) Checkpoint {
	return Checkpoint{Origin: l.opts.Origin, Size: size, Root: root, At: at.UTC(), Key: fmt.Sprintf("%s+%08x", l.signer.Name(), l.signer.KeyHash())}
}
