// Command yunting is an online court: filing, hearings, judgments, service and their proof in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "development"

// commands is the whole command line; each field is one subcommand in a file of its own.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the court server."`
	Demo    demoCommand    `cmd:"" help:"Run the court server with a seeded demonstration court."`
	Verify  verifyCommand  `cmd:"" help:"Check exported cases and signed documents offline."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	line := kong.Parse(&commands{},
		kong.Name("yunting"),
		kong.Description("Yunting 云庭: an online court that proves its own record. Every flag can also be set in the environment as YUNTING_NAME."),
		kong.DefaultEnvars("YUNTING"),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	err := line.Run()
	var failed exitError
	switch {
	case errors.As(err, &failed):
		os.Exit(int(failed))
	case err != nil:
		fmt.Fprintln(os.Stderr, "yunting:", err)
		os.Exit(2)
	}
}

// exitError ends the program with its number as exit status; what went wrong has been printed.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("yunting", version)
	return nil
}
