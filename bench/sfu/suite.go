//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

type suiteCommand struct {
	Out        string        `default:"bench/RESULTS.md" help:"Table to write."`
	Benchmarks string        `help:"Output of go test -bench to take into the table." placeholder:"FILE"`
	Runs       int           `default:"3" help:"Runs of each scenario with a goal, and of those with and without recording; the tables hold their medians. The others run once."`
	Duration   time.Duration `default:"5s" help:"Measuring window of each run."`
	ServerCore int           `default:"0" help:"Core of the server."`
	ClientCore int           `default:"1" help:"Core of publishers and receivers."`
	Only       []string      `help:"Only these rows of the table, by name." placeholder:"NAME"`
	Commit     string        `help:"Name of the code that is measured."`
}

// row is one line of the table.
type row struct {
	name   string
	goal   string
	args   []string
	record bool // measured with recording too, in turn
	result []figures
	failed error

	recorded []figures // as many as result
}

func rows() []*row {
	camera := func(p, r, goal string) *row {
		return &row{name: p + " × " + r, goal: goal, args: []string{"--publishers", p, "--receivers", r}}
	}
	meeting := func(name string, args ...string) *row {
		return &row{name: name, args: append([]string{"--meeting"}, args...)}
	}
	recorded := func(r *row) *row { r.record = true; return r }
	return []*row{
		recorded(camera("4", "20", "≤ 6")), recorded(camera("4", "40", "≤ 5")), camera("4", "80", "≤ 4.5"), camera("1", "300", "≤ 5"),
		recorded(camera("2", "2", "")),
		{name: "4 × 40, by the room's socket", args: []string{"--by", "socket", "--receivers", "40"}},
		{name: "4 × 40 with microphones", args: []string{"--audio", "--receivers", "40"}},
		{name: "4 × 20, three layers", args: []string{"--simulcast", "--receivers", "20"}},
		{name: "4 × 20, 5 % loss", args: []string{"--loss", "0.05", "--receivers", "20"}},
		meeting("audio room of 50, 5 heard", "--kbps", "0", "--audio", "--publishers", "50"),
		meeting("audio room of 50, all heard", "--kbps", "0", "--audio", "--publishers", "50", "--voices", "50"),
		meeting("200 rooms of 4, 96 kbps cameras", "--kbps", "96", "--publishers", "4", "--rooms", "200"),
		meeting("the same packets in 4 rooms of 4", "--kbps", "4800", "--publishers", "4", "--rooms", "4"),
	}
}

// Run measures all scenarios one after the other, each in a process of its own.
func (c *suiteCommand) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	all := rows()
	if len(c.Only) > 0 {
		all = slices.DeleteFunc(all, func(r *row) bool { return !slices.Contains(c.Only, r.name) })
	}
	for _, r := range all {
		for i := range c.runs(r) {
			if r.failed = c.run(ctx, self, r, i); r.failed != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, r.failed)
				break
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	text, err := c.table(all)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Out, text, 0o644)
}

// run measures a row once more; with and without recording, one after the
// other and each first every other time, where it is to be compared.
func (c *suiteCommand) run(ctx context.Context, self string, r *row, i int) error {
	ways := []bool{false}
	if r.record {
		ways = []bool{i%2 == 1, i%2 == 0}
	}
	for _, recorded := range ways {
		args, to := r.args, &r.result
		if recorded {
			args, to = append(slices.Clone(r.args), "--recorded"), &r.recorded
		}
		f, err := c.one(ctx, self, args)
		if err != nil {
			return err
		}
		*to = append(*to, f)
		f.print(os.Stdout)
	}
	return nil
}

// runs is how often a row is measured: what has a goal is worth the time.
func (c *suiteCommand) runs(r *row) int {
	if r.goal == "" && !r.record {
		return 1
	}
	return c.Runs
}

func (c *suiteCommand) one(ctx context.Context, self string, scenario []string) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Duration+3*time.Minute)
	defer cancel()
	args := append([]string{"run", "--json", "--duration", c.Duration.String(), "--warmup", "2s",
		"--server-core=" + fmt.Sprint(c.ServerCore), "--client-core=" + fmt.Sprint(c.ClientCore)}, scenario...)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return f, json.Unmarshal(out, &f)
}

// median picks the middle of the runs by one figure.
func median[T cmp.Ordered](f []figures, of func(figures) T) T {
	v := make([]T, len(f))
	for i := range f {
		v[i] = of(f[i])
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (c *suiteCommand) table(all []*row) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Results\n\nWritten by `make bench`; what is measured, and how, stands in README.md. Commit %s, %s, %s.\n", c.Commit, time.Now().UTC().Format("2006-01-02 15:04 UTC"), machine())
	fmt.Fprintf(&b, "Medians of %d windows of %s where there is a goal or a comparison, one window elsewhere; one core for the server, one for all publishers and receivers.\n", c.Runs, c.Duration)
	var busy []figures
	for _, r := range all {
		busy = append(append(busy, r.result...), r.recorded...)
	}
	if len(busy) > 0 {
		other := median(busy, func(f figures) float64 { return f.OtherCPU })
		fmt.Fprintf(&b, "Other programs took %.0f %% of a core meanwhile (median).", other*100)
		if other > 0.25 {
			b.WriteString(" **The machine was busy: CPU time is usable (±25 %), latency is not.**")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| scenario | server CPU µs a forwarded packet | goal | one way p50/p99 ms | lost of received | RSS MiB | allocations a packet |\n|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		c.line(&b, r)
	}
	recording(&b, all)
	b.WriteString(peers)
	if c.Benchmarks != "" {
		text, err := os.ReadFile(c.Benchmarks)
		if err != nil {
			return nil, err
		}
		b.WriteString("\n## The leaves\n\n```\n")
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Benchmark") || strings.HasPrefix(line, "pkg:") {
				b.WriteString(line)
			}
		}
		b.WriteString("```\n")
	}
	return b.Bytes(), nil
}

func (c *suiteCommand) line(b *bytes.Buffer, r *row) {
	if len(r.result) == 0 {
		fmt.Fprintf(b, "| %s | not measured: %v | %s | | | | |\n", r.name, r.failed, r.goal)
		return
	}
	cpu := func(f figures) float64 { return f.CPUMicros }
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	low, high := cpu(slices.MinFunc(r.result, byCPU)), cpu(slices.MaxFunc(r.result, byCPU))
	lost := fmt.Sprintf("%d of %d", median(r.result, func(f figures) int64 { return f.Lost }), median(r.result, func(f figures) uint64 { return f.Received }))
	if dropped := median(r.result, func(f figures) uint64 { return f.Dropped }); dropped > 0 {
		lost = fmt.Sprintf("%d dropped on purpose, %d not repaired", dropped, median(r.result, func(f figures) int64 { return f.Unrepaired }))
	}
	fmt.Fprintf(b, "| %s | **%.1f** (%.1f–%.1f) | %s | %.1f/%.1f | %s | %.0f | %.3f |\n", r.name, median(r.result, cpu), low, high, r.goal,
		ms(median(r.result, func(f figures) time.Duration { return f.P50 })), ms(median(r.result, func(f figures) time.Duration { return f.P99 })),
		lost, median(r.result, func(f figures) float64 { return f.ResidentMiB }), median(r.result, func(f figures) float64 { return f.Allocations }))
}

// recording compares what was measured with and without recording, pair by pair.
func recording(b *bytes.Buffer, all []*row) {
	b.WriteString("\n## Recording\n\nThe same rooms without and with recording in turn; the quotient is of each pair. Goal: ≤ 1.10.\n")
	b.WriteString("\n| scenario | server CPU µs a forwarded packet | recorded | quotient |\n|---|---|---|---|\n")
	cpu := func(f figures) float64 { return f.CPUMicros }
	for _, r := range all {
		pairs := min(len(r.result), len(r.recorded))
		if pairs == 0 {
			continue
		}
		quotients := make([]float64, pairs)
		for i := range quotients {
			quotients[i] = cpu(r.recorded[i]) / cpu(r.result[i])
		}
		slices.Sort(quotients)
		fmt.Fprintf(b, "| %s | %.1f | %.1f | **%.2f** (%.2f–%.2f) |\n", r.name, median(r.result, cpu), median(r.recorded, cpu),
			quotients[pairs/2], quotients[0], quotients[pairs-1])
	}
}

func byCPU(a, b figures) int { return cmp.Compare(a.CPUMicros, b.CPUMicros) }

// machine describes where this runs.
func machine() string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			model = strings.TrimLeft(line, "\t :")
		}
	}
	kernel := "unknown"
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = strings.TrimSpace(string(b))
	}
	return fmt.Sprintf("%s, %d cores, Linux %s, %s", model, runtime.NumCPU(), kernel, runtime.Version())
}

// peers are figures of other servers that the project measured earlier on this
// kind of machine, with nothing else running: one server core and one client
// core, the same packets.
const peers = `
## Peers

Measured by the project on this kind of machine while it was idle; server CPU µs a forwarded packet.

| | 4×20 | 4×40 | 4×80 | 1×300 | 4×40 latency p50/p99 | RSS at 4×40 |
|---|---|---|---|---|---|---|
| galene 1.1 | 13.8 | 13.1 | 14.5 | 12.3 | 1.8/6.9 ms | 69 MiB |
| LiveKit 1.13 | 13.2 | 13.7 | 12.0 | 12.1 | 1.8/6.6 ms | 131 MiB |
| LiveKit 1.13 with batch_io | 10.6 | 9.3 | 8.1 | 11.9 | 3.4/11.5 ms | 142 MiB |
| Janus 1.1 | 12.5 | 11.5 | 11.1 | 17.2 | 1.5/7.1 ms | 32 MiB |
| mediamtx 1.20 | 26.5 | 17.6 | – | 18.4 | 2.2/10.2 ms | 558 MiB |
| mediasoup 3.14 (C++, io_uring) | 10.7 | 6.2 | 6.2 | 7.6 | 1.1/4.3 ms | 29 MiB |
| floor: AES-128-GCM and sendmmsg, one thread | 3.1 | | | | | |
`
