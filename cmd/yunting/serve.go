package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"yunting/internal/postgres"
	"yunting/web"
)

type serveCommand struct {
	options
}

// Run runs the court until the context ends.
func (s *serveCommand) Run(ctx context.Context) error {
	if err := s.complete(); err != nil {
		return err
	}
	log := s.logger()
	c, err := open(ctx, s.options, log)
	if err != nil {
		return interrupted(ctx, err, log)
	}
	return errors.Join(c.listen(ctx, nil, nil), c.close())
}

// errDatabaseEnded ends the process, so that whoever supervises it starts everything anew; why PostgreSQL could not be
// kept running is what stopping it reports, and stands in its log.
var errDatabaseEnded = errors.New("the private PostgreSQL ended and could not be started again; see postgres.log in the data directory")

// listen serves HTTP until ctx ends, then lets open requests finish. started runs once the port answers.
func (c *court) listen(ctx context.Context, demo *web.DemoInfo, started func(context.Context) error) error {
	handler, err := web.New(c.webConfig(demo))
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", c.options.Listen)
	if err != nil {
		return c.options.listenError(err)
	}
	// No WriteTimeout: recordings and exports are long. Requests that never end their headers or idle are cut.
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- c.serveOn(server, socket) }()
	if started != nil {
		if err := started(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	c.log.Info("the court is open", "url", c.options.PublicURL, "media_port", c.options.MediaPort)
	select {
	case err := <-ended:
		return fmt.Errorf("web server: %w", err)
	case <-c.database:
		return errors.Join(errDatabaseEnded, c.drain(server))
	case <-c.claim.Lost():
		return errors.Join(postgres.ErrClaimed, c.drain(server))
	case <-ctx.Done():
	}
	c.log.Info("the court is closing")
	return c.drain(server)
}

// drain tells the hearing rooms first, for their sockets are not requests that end by themselves.
func (c *court) drain(server *http.Server) error {
	limit, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	rooms := c.hub.Shutdown(limit)
	requests, cancelRequests := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancelRequests()
	err := server.Shutdown(requests)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	return errors.Join(rooms, err)
}

// serveOn speaks HTTP, or HTTPS when there is a certificate.
func (c *court) serveOn(server *http.Server, socket net.Listener) error {
	if c.secure == nil {
		return server.Serve(socket)
	}
	server.TLSConfig = c.secure.Clone()
	return server.ServeTLS(socket, "", "")
}

// mediaListen keeps media on loopback when the web server is there: nobody outside could reach the page either.
func (o *options) mediaListen() []netip.Addr {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() && len(o.MediaAddress) == 0 {
		return []netip.Addr{ip}
	}
	return nil
}

// newMetrics makes what /metrics shows: of Go and the process here; each module adds its own.
func newMetrics() *metrics.Set {
	metrics.ExposeMetadata(true) // the types
	set := metrics.NewSet()
	set.RegisterMetricsWriter(metrics.WriteProcessMetrics)
	set.RegisterMetricsWriter(metrics.WriteFDMetrics)
	return set
}
