package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"yunting/internal/ledger"
)

type ledgerPage struct {
	Head       ledger.Checkpoint
	Checkpoint string
	PublicKey  string
	Root       string
}

func (s *server) getLedger(r *request) error {
	data := ledgerPage{PublicKey: s.Ledger.PublicKey()}
	note, err := s.Ledger.Checkpoint(r.Context())
	switch {
	case errors.Is(err, ledger.ErrNotFound): // nothing recorded yet
	case err != nil:
		return err
	default:
		if data.Head, err = ledger.ParseCheckpoint(note, data.PublicKey); err != nil {
			return err
		}
		data.Checkpoint, data.Root = string(note), data.Head.Root.String()
	}
	return r.render(http.StatusOK, "ledger", "ledger.title", data)
}

func (s *server) getCheckpoint(r *request) error {
	note, err := s.Ledger.Checkpoint(r.Context())
	if err != nil {
		return err
	}
	r.written = true
	r.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	r.w.Header().Set("Cache-Control", "no-cache")
	_, err = r.w.Write(note)
	return err
}

func (s *server) getTile(r *request) error {
	tile, err := s.Ledger.Tile(r.Context(), "tile/"+r.PathValue("path"))
	if err != nil {
		return err
	}
	r.written = true
	r.w.Header().Set("Content-Type", "application/octet-stream")
	r.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err = r.w.Write(tile)
	return err
}

// readyTimeout bounds what a readiness probe waits.
const readyTimeout = 3 * time.Second

func (s *server) getHealth(r *request) error { return plain(r, http.StatusOK, "ok\n") }

func (s *server) getReady(r *request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if s.Ready != nil {
		if err := s.Ready(ctx); err != nil {
			s.Logger.WarnContext(r.Context(), "not ready", "error", err)
			return plain(r, http.StatusServiceUnavailable, "not ready\n")
		}
	}
	text := "ready\n"
	if w := s.warning(); w != "" {
		text += "warning: " + w + "\n"
	}
	if looked, missing := s.missingFiles(); missing > 0 {
		text += fmt.Sprintf("warning: the file store lacks %d of the newest %d files that the docket names: restore it from the backup\n", missing, looked)
	}
	return plain(r, http.StatusOK, text)
}

// warning is what is wrong with the disks; empty when nothing is.
func (s *server) warning() string {
	if s.Warning == nil {
		return ""
	}
	return s.Warning()
}

// missingFiles is what the last look for the docket's files found.
func (s *server) missingFiles() (looked, missing int) {
	if s.MissingFiles == nil {
		return 0, 0
	}
	return s.MissingFiles()
}

func (s *server) getMetrics(r *request) error {
	r.written = true
	r.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.Metrics.WritePrometheus(r.w)
	return nil
}

func plain(r *request, status int, text string) error {
	r.written = true
	r.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	r.w.Header().Set("Cache-Control", "no-store")
	r.w.WriteHeader(status)
	_, err := r.w.Write([]byte(text))
	return err
}

// getLicences shows the notices of everything that the binary contains; `make
// assets` collects them.
func (s *server) getLicences(r *request) error {
	text, err := static.ReadFile("static/dist/licences.txt")
	if err != nil {
		return errors.Join(errAssets, err)
	}
	return r.render(http.StatusOK, "licences", "licences.title", string(text))
}
