// Package diskspace keeps the court's record writable when a disk fills up. A reserve file holds room that only the
// record gets: it is removed when nothing else is left. Before that, whoever writes much is told to stop.
package diskspace

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// State is how much room there is.
type State int

// The states, in order.
const (
	Enough  State = iota
	Low           // recordings and uploads must stop
	Reserve       // and the reserve is in use
	Spent         // and the reserve is nearly used up: the record cannot be written for long
)

// String gives the state's name.
func (s State) String() string { return [...]string{"enough", "low", "reserve", "spent"}[s] }

const (
	reserveFile = "reserve"
	every       = time.Second // how often the disks are looked at
	refill      = 2           // times the reserve that must be free above Low before it is taken again
)

// Options says what is watched.
type Options struct {
	Dir     string   // of the record; the reserve lies in it
	Others  []string // directories that are written to as well, perhaps on other disks
	Reserve int64    // bytes of the reserve; less than as much again free is Low
	Changed func(State)
	Logger  *slog.Logger
	Metrics *metrics.Set // nil: no metrics
}

// Guard watches the disks. Its methods are safe for concurrent use.
type Guard struct {
	o    Options
	path string
	quit chan struct{}
	done chan struct{}

	mu    sync.Mutex // guards what follows
	state State
	free  int64 // of the tightest disk, bytes
}

// Open takes the reserve when there is room for it, and looks at the disks once. Start goes on watching.
func Open(o Options) (*Guard, error) {
	if o.Reserve <= 0 {
		return nil, fmt.Errorf("diskspace: a reserve of %d bytes", o.Reserve)
	}
	g := &Guard{o: o, path: filepath.Join(o.Dir, reserveFile), quit: make(chan struct{}), done: make(chan struct{})}
	if o.Metrics != nil {
		o.Metrics.NewGauge("yunting_disk_free_bytes", func() float64 { return float64(g.Free()) })
		o.Metrics.NewGauge("yunting_disk_state", func() float64 { return float64(g.State()) })
	}
	return g, g.look()
}

// Start watches until Stop. Changed is called from one goroutine at a time, first for a state that is not Enough.
func (g *Guard) Start() {
	if s := g.State(); s != Enough {
		g.o.Changed(s)
	}
	go g.run()
}

// Stop ends the watch. The reserve stays.
func (g *Guard) Stop() {
	close(g.quit)
	<-g.done
}

// State is what the last look found.
func (g *Guard) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// Free is the free space of the fullest disk, in bytes.
func (g *Guard) Free() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free
}

// Warning says in words what is wrong and how to mend it; empty when nothing is.
func (g *Guard) Warning() string {
	const mend = "make room on the disk of the data directory"
	free := fmt.Sprintf("%d MiB free", g.Free()>>20)
	switch g.State() {
	case Low:
		return "disk nearly full, " + free + ": hearings are not recorded; " + mend
	case Reserve:
		return "disk full, " + free + " of the reserve: hearings are not recorded, the docket is still written; " + mend
	case Spent:
		return "disk full and the reserve nearly used up: the docket cannot be written for long; " + mend + " now"
	}
	return ""
}

func (g *Guard) run() {
	defer close(g.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-g.quit:
			return
		case <-tick.C:
			before := g.State()
			if err := g.look(); err != nil {
				g.o.Logger.Error("diskspace: the disks cannot be looked at", "error", err)
				continue
			}
			if s := g.State(); s != before {
				g.o.Logger.Warn("diskspace: "+s.String(), "free_bytes", g.Free())
				g.o.Changed(s)
			}
		}
	}
}

// look reads the disks, and takes or gives up the reserve.
func (g *Guard) look() error {
	own, err := freeOf(g.o.Dir)
	if err != nil {
		return err
	}
	held, err := g.held()
	if err != nil {
		return err
	}
	switch {
	case held && own < g.o.Reserve/4:
		if err := os.Remove(g.path); err != nil {
			return fmt.Errorf("diskspace: give up the reserve: %w", err)
		}
		held, own = false, own+g.o.Reserve
	case !held && own >= (1+refill)*g.o.Reserve:
		if err := g.take(); err != nil {
			return err
		}
		held, own = true, own-g.o.Reserve
	}
	least := own
	for _, dir := range g.o.Others {
		free, err := freeOf(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not made yet
		}
		if err != nil {
			return err
		}
		least = min(least, free)
	}
	state := Enough
	switch {
	case !held && own < g.o.Reserve/4:
		state = Spent
	case !held:
		state = Reserve
	case least < g.o.Reserve:
		state = Low
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state, g.free = state, least
	return nil
}

// held reports whether the reserve is there whole.
func (g *Guard) held() (bool, error) {
	info, err := os.Stat(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("diskspace: reserve: %w", err)
	}
	return info.Size() == g.o.Reserve, nil
}

// take makes the reserve out of blocks that are really there: a sparse file would hold nothing.
func (g *Guard) take() error {
	f, err := os.OpenFile(g.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("diskspace: reserve: %w", err)
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, g.o.Reserve)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		err = write(f, g.o.Reserve)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("diskspace: reserve: %w", errors.Join(err, os.Remove(g.path)))
	}
	return nil
}

func write(f *os.File, size int64) error {
	block := make([]byte, 1<<20)
	for size > 0 {
		n, err := f.Write(block[:min(size, int64(len(block)))])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return nil
}

// freeOf is what an ordinary user may still write to the directory's disk, in bytes.
func freeOf(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("diskspace: %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}
