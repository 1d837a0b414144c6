package postgres

import (
	"context"
	"errors"
	"log/slog"
)

// Server is a private PostgreSQL cluster that this process started.
type Server struct {
}

// Launch starts (initialising when needed) a private cluster under dir.
func Launch(ctx context.Context, dir string, log *slog.Logger) (*Server, error) {
	return nil, errors.New("postgres: launch is not built yet")
}

// DSN is the address of one of the cluster's databases.
func (s *Server) DSN(database string) string { return "" }

// Stop stops the cluster.
func (s *Server) Stop() error { return nil }
