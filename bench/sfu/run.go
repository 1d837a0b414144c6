//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type runCommand struct {
	scenario   `embed:""`
	ServerCore int    `default:"0" help:"Core of the server that is started; -1 leaves it to the system."`
	ClientCore int    `default:"1" help:"Core of publishers and receivers; -1 leaves it to the system."`
	Demo       string `placeholder:"DATA" help:"Load the hearing of a running demo court, found by DATA/demo.json, instead of a server of our own."`
	PID        int    `help:"Process of the demo court, for its CPU time."`
	Profile    string `placeholder:"FILE" help:"Write the server's CPU profile of the window (not with --demo)."`
	JSON       bool   `help:"Print the figures as JSON."`
}

// Run measures one scenario and prints its figures.
func (c *runCommand) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := pin(c.ClientCore); err != nil {
		return err
	}
	f, err := c.measure(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(f)
	}
	f.print(os.Stdout)
	return nil
}

func (c *runCommand) measure(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t, pid, room := &target{}, c.PID, benchRoom
	if c.Demo != "" {
		var err error
		if room, err = demoTarget(t, c.Demo); err != nil {
			return figures{}, err
		}
		if pid == 0 {
			return figures{}, errors.New("--demo needs --pid, the court's process")
		}
		if c.Recorded {
			return figures{}, errors.New("a demo court records by itself: --recorded goes without --demo")
		}
		if c.socket() {
			return figures{}, errors.New("a demo court's people have their own seats: --by socket goes without --demo")
		}
		if c.Rooms > 1 {
			return figures{}, errors.New("a demo court has one hearing: --rooms must be 1")
		}
	} else {
		a, stop, err := startServer(ctx, c.ServerCore, c.scenario)
		if err != nil {
			return figures{}, err
		}
		defer stop()
		t.url, pid = a.URL, a.PID
	}
	var way entry = t
	var h *hearing
	if c.socket() {
		var err error
		if h, err = openHearing(ctx, t.url, c.scenario); err != nil {
			return figures{}, err
		}
		defer h.clerk.leave()
		way = h
	}
	l, err := newLoad(c.scenario, t, way)
	if err != nil {
		return figures{}, err
	}
	defer l.close()
	if err := l.start(ctx, room); err != nil {
		return figures{}, err
	}
	if h != nil && c.Recorded {
		if err := h.open(ctx); err != nil {
			return figures{}, err
		}
	}
	return c.window(ctx, l, pid)
}

// demoTarget reads what a demo court wrote for programs.
func demoTarget(t *target, dir string) (room string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		return "", err
	}
	var d struct {
		BaseURL    string `json:"base_url"`
		Hearing    string `json:"hearing"`
		MediaToken string `json:"media_token"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return "", fmt.Errorf("demo.json: %w", err)
	}
	t.url, t.token = strings.TrimRight(d.BaseURL, "/"), d.MediaToken
	return d.Hearing, nil
}

// startServer runs this program's serve command on a core of its own.
func startServer(ctx context.Context, core int, s scenario) (a announcement, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return a, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "--core="+strconv.Itoa(core), "--voices", strconv.Itoa(s.Voices), fmt.Sprintf("--record=%t", s.Recorded && !s.socket()), fmt.Sprintf("--hearing=%t", s.socket()))
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return a, nil, err
	}
	if err := cmd.Start(); err != nil {
		return a, nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		stop()
		return a, nil, fmt.Errorf("the server did not start: %w", err)
	}
	return a, stop, nil
}

// mallocs asks our own server how often it allocated.
func (t *target) mallocs(ctx context.Context) (uint64, error) {
	b, err := t.get(ctx, "/debug/mallocs")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

func (t *target) get(ctx context.Context, path string) ([]byte, error) {
	req, err := t.request(ctx, http.MethodGet, t.url+path, "")
	if err != nil {
		return nil, err
	}
	res, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return io.ReadAll(res.Body)
}
