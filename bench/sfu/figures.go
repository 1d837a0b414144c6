//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// figures are what one window measured.
type figures struct {
	Scenario    string        `json:"scenario"`
	Window      time.Duration `json:"window_ns"`
	CPUMicros   float64       `json:"cpu_us_per_packet"` // of the server, for each packet that receivers got
	ServerCPU   float64       `json:"server_cpu"`        // cores
	ClientCPU   float64       `json:"client_cpu"`        // cores
	OtherCPU    float64       `json:"other_cpu"`         // cores taken by other programs meanwhile
	Sent        uint64        `json:"sent"`              // by publishers
	Received    uint64        `json:"received"`          // by receivers' sockets
	Lost        int64         `json:"lost"`              // by sequence numbers; 0 with loss on purpose
	Dropped     uint64        `json:"dropped"`           // on purpose
	Unrepaired  int64         `json:"unrepaired"`        // with loss: never decrypted
	P50         time.Duration `json:"p50_ns"`
	P99         time.Duration `json:"p99_ns"`
	ResidentMiB float64       `json:"rss_mib"`
	Allocations float64       `json:"allocs_per_packet"` // of the server; -1 is unknown
}

// instant is everything that is read at both ends of the window.
type instant struct {
	at             time.Time
	server, client time.Duration
	busy           time.Duration
	mallocs        uint64
	counted        counted
}

// window measures.
func (c *runCommand) window(ctx context.Context, l *load, pid int) (figures, error) {
	if err := c.flowing(ctx, l); err != nil {
		return figures{}, err
	}
	if err := wait(ctx, c.Warmup); err != nil {
		return figures{}, err
	}
	own := c.Demo == ""
	from, err := take(ctx, l, pid, own)
	if err != nil {
		return figures{}, err
	}
	l.measuring.Store(true)
	if own && c.Profile != "" {
		b, err := l.target.get(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(c.Duration.Seconds())))
		if err != nil {
			return figures{}, err
		}
		if err := os.WriteFile(c.Profile, b, 0o644); err != nil {
			return figures{}, err
		}
	} else if err := wait(ctx, c.Duration); err != nil {
		return figures{}, err
	}
	l.measuring.Store(false)
	to, err := take(ctx, l, pid, own)
	if err != nil {
		return figures{}, err
	}
	rss, err := residentBytes(pid)
	if err != nil {
		return figures{}, err
	}
	return c.figures(l, from, to, rss)
}

// flowing waits until every receiver gets every stream.
func (c *runCommand) flowing(ctx context.Context, l *load) error {
	want := c.Rooms * c.watchers() * c.arriving()
	for began := time.Now(); ; {
		have := l.count().streams
		if have >= want {
			return nil
		}
		if time.Since(began) > joinTimeout {
			return fmt.Errorf("receivers get %d of %d streams", have, want)
		}
		if err := wait(ctx, retryEvery); err != nil {
			return fmt.Errorf("receivers get %d of %d streams: %w", have, want, err)
		}
	}
}

func take(ctx context.Context, l *load, pid int, own bool) (i instant, err error) {
	if own {
		if i.mallocs, err = l.target.mallocs(ctx); err != nil {
			return i, err
		}
	}
	var errs [3]error
	i.counted = l.count()
	i.at = time.Now()
	i.server, errs[0] = cpuTime(pid)
	i.client, errs[1] = cpuTime(os.Getpid())
	i.busy, errs[2] = busyTime()
	return i, errors.Join(errs[:]...)
}

func (c *runCommand) figures(l *load, from, to instant, rss int64) (figures, error) {
	a, b := from.counted, to.counted
	n := b.received - a.received
	if n == 0 {
		return figures{}, errors.New("receivers got nothing")
	}
	span := to.at.Sub(from.at)
	cores := func(d time.Duration) float64 { return d.Seconds() / span.Seconds() }
	server, client := to.server-from.server, to.client-from.client
	f := figures{
		Scenario: c.name(), Window: span,
		CPUMicros: float64(server.Microseconds()) / float64(n),
		ServerCPU: cores(server), ClientCPU: cores(client), OtherCPU: max(0, cores(to.busy-from.busy-server-client)),
		Sent: b.sent - a.sent, Received: n,
		Lost: int64(b.expected-a.expected) - int64(n), Dropped: b.dropped - a.dropped,
		P50: l.late.percentile(0.50), P99: l.late.percentile(0.99),
		ResidentMiB: float64(rss) / (1 << 20), Allocations: -1,
	}
	if c.Loss > 0 {
		f.Lost = 0 // repeats count as received here
		f.Unrepaired = int64(b.expected-a.expected) - int64(b.media-a.media)
	}
	if c.Demo == "" {
		f.Allocations = float64(to.mallocs-from.mallocs) / float64(n)
	}
	return f, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f figures) print(w io.Writer) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Fprintf(w, "%s, %.0f s\n", f.Scenario, f.Window.Seconds())
	fmt.Fprintf(w, "  server CPU     %.2f µs a forwarded packet, %.0f %% of a core\n", f.CPUMicros, f.ServerCPU*100)
	fmt.Fprintf(w, "  packets        sent %d, received %d, lost %d", f.Sent, f.Received, f.Lost)
	if f.Dropped > 0 {
		fmt.Fprintf(w, ", dropped on purpose %d, not repaired %d", f.Dropped, f.Unrepaired)
	}
	fmt.Fprintf(w, "\n  one way        p50 %.2f ms, p99 %.2f ms\n", ms(f.P50), ms(f.P99))
	fmt.Fprintf(w, "  memory         %.0f MiB resident", f.ResidentMiB)
	if f.Allocations >= 0 {
		fmt.Fprintf(w, ", %.4f allocations a packet", f.Allocations)
	}
	fmt.Fprintf(w, "\n  machine        client %.0f %% of a core, others %.0f %%\n", f.ClientCPU*100, f.OtherCPU*100)
}
