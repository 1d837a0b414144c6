//go:build linux

// Command sfu measures what a forwarded packet costs.
//
// It publishes synthetic cameras or microphones by WHIP, watches them by WHEP
// from many receivers, and divides the server's CPU time by the packets that
// the receivers got. See bench/README.md for what is measured and how.
package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Run   runCommand   `cmd:"" default:"withargs" help:"Load a server and print the figures of one scenario."`
	Serve serveCommand `cmd:"" help:"Run a server that is only the media engine with WHIP and WHEP."`
	Suite suiteCommand `cmd:"" help:"Run all scenarios and write the table of results."`
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("sfu"), kong.Description("Measure the cost of a forwarded packet."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	k.FatalIfErrorf(k.Run())
}
