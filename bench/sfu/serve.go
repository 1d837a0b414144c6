//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"yunting/media"
	"yunting/media/record"
)

type serveCommand struct {
	Listen  string `default:"127.0.0.1:0" help:"HTTP address."`
	Voices  int    `default:"5" help:"Microphones that are forwarded in a room."`
	Core    int    `default:"-1" help:"Core to run on; -1 leaves it to the system."`
	Hearing bool   `help:"Hold a hearing, with a database of its own, whose room's socket is at /socket."`
	Record  bool   `help:"Record the room that is measured into a temporary directory."`
	Debug   bool   `help:"Log to standard error."`
}

// benchRoom is the room of our own server that is loaded when there is one.
const benchRoom = "bench"

// announcement is the one line that serve prints when it is ready.
type announcement struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

// Run serves until ctx ends. Anyone may publish and watch anything: it is for
// measuring on loopback, nothing else.
func (c *serveCommand) Run(ctx context.Context) error {
	if c.Record && c.Hearing {
		return errors.New("a hearing records by itself once the judge opens it: --record goes without --hearing")
	}
	if err := pin(c.Core); err != nil {
		return err
	}
	cfg := media.Config{Voices: c.Voices, Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Logger: slog.New(slog.DiscardHandler)}
	if c.Debug {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	sfu, err := media.New(cfg)
	if err != nil {
		return err
	}
	end := func() error { return nil }
	if c.Record {
		if end, err = startRecording(sfu.Room(benchRoom)); err != nil {
			return errors.Join(err, sfu.Close())
		}
	}
	mux := routes(sfu)
	if c.Hearing {
		held, err := openCourt(ctx, sfu, cfg.Logger)
		if err != nil {
			return errors.Join(err, sfu.Close())
		}
		mux.Handle("/socket", held)
		end = held.close
	}
	err = c.listen(ctx, mux)
	return errors.Join(err, end(), sfu.Close())
}

// startRecording records a room as a court does: from the engine to the disk. end
// takes what was recorded away.
func startRecording(room *media.Room) (end func() error, err error) {
	dir, err := os.MkdirTemp("", "sfu-recording-")
	if err != nil {
		return nil, err
	}
	failed := func(_ string, err error) { fmt.Fprintln(os.Stderr, "recording:", err) }
	rec, err := record.New(record.Options{Dir: dir, OnError: failed})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop := room.Record(rec.NewSink)
	return func() error {
		stop()
		rec.Close()
		return os.RemoveAll(dir)
	}, nil
}

// listen serves HTTP until ctx ends.
func (c *serveCommand) listen(ctx context.Context, h http.Handler) error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := json.NewEncoder(os.Stdout).Encode(announcement{"http://" + l.Addr().String(), os.Getpid()}); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	return errors.Join(err, server.Close())
}

func routes(sfu *media.SFU) *http.ServeMux {
	var watchers atomic.Int64
	auth := func(_ *http.Request, _, stream string, publish bool) (media.Grant, error) {
		if publish {
			return media.Grant{Peer: stream}, nil
		}
		return media.Grant{Peer: "watcher-" + strconv.FormatInt(watchers.Add(1), 10)}, nil
	}
	mux := http.NewServeMux()
	mux.Handle("/whip/", sfu.WHIP("/whip/", auth))
	mux.Handle("/whep/", sfu.WHEP("/whep/", auth))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/mallocs", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintln(w, m.Mallocs)
	})
	return mux
}
