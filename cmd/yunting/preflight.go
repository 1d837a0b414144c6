package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// newCourtBytes is what a new court writes at once: the database cluster with its log, and its first cases.
const newCourtBytes = 96 << 20

// preflight finds what a first start would otherwise stumble over halfway, before anything is made but the data directory
// itself, and says how to mend it.
func (o *options) preflight() error {
	// 0711: PostgreSQL's own user must be able to walk through when the server runs as root.
	if err := os.MkdirAll(o.DataDir, 0o711); err != nil {
		return o.dataDirError(err)
	}
	probe, err := os.CreateTemp(o.DataDir, ".writable-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) { // a court that is there starts on a full disk too
		return o.dataDirError(err)
	}
	if err := o.roomForDatabase(); err != nil {
		return err
	}
	socket, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return o.listenError(err)
	}
	return socket.Close()
}

func (o *options) dataDirError(err error) error {
	cause := "the data directory cannot be used"
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		cause = "the data directory is, or lies below, a file"
	case errors.Is(err, os.ErrPermission):
		cause = fmt.Sprintf("uid %d may not write to the data directory: give it to that user, or start as the user that owns it", os.Geteuid())
	case errors.Is(err, syscall.EROFS):
		cause = "the data directory is on a disk that is mounted read-only"
	}
	return fmt.Errorf("%s; or choose another with --data-dir: %w", cause, err)
}

// begins says that this start makes the private database, and with it a new court.
func (o *options) begins() bool {
	if o.DatabaseURL != "" {
		return false
	}
	_, err := os.Stat(filepath.Join(o.DataDir, "postgres", "data"))
	return errors.Is(err, os.ErrNotExist) // else it is there, or PostgreSQL's own user alone can tell
}

// roomForDatabase wants room for a private database that does not exist yet.
func (o *options) roomForDatabase() error {
	if !o.begins() {
		return nil
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(o.DataDir, &disk); err != nil {
		return o.dataDirError(err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < newCourtBytes {
		return fmt.Errorf("the disk of %s has %d MiB free, and a new court needs %d: make room, or choose another with --data-dir",
			o.DataDir, free>>20, newCourtBytes>>20)
	}
	return nil
}

func (o *options) listenError(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program listens on %s: stop it, or choose another port with --listen or YUNTING_LISTEN: %w", o.Listen, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("uid %d may not listen on %s: choose a port above 1023 with --listen or YUNTING_LISTEN: %w", os.Geteuid(), o.Listen, err)
	}
	return fmt.Errorf("--listen %s: %w", o.Listen, err)
}

// mediaError says what to do when the media's port cannot be had.
func (o *options) mediaError(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program has UDP port %d: stop it, or choose another with --media-port or YUNTING_MEDIA_PORT: %w", o.MediaPort, err)
	}
	return fmt.Errorf("media on UDP port %d: %w", o.MediaPort, err)
}

// interrupted lets a start that a signal cut short end in peace, as the court does later: nothing is broken, and the next
// start goes on from there.
func interrupted(ctx context.Context, err error, log *slog.Logger) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	log.Info("stopped before the court was open; the next start carries on", "while", strings.ReplaceAll(err.Error(), "\n", "; "))
	return nil
}
