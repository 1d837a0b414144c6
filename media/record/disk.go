package record

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// disk is where a recorder appends its segments: the machine's file system, or
// one that fails and forgets what was not synced, as when the power goes.
type disk interface {
	// Mkdir makes one directory, whose parent is there.
	Mkdir(dir string) error
	// Open opens a file for appending, with the flags of os.OpenFile.
	Open(path string, flag int) (file, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// file is an open file of a disk. What was written is durable after Sync.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// machine is the machine's own file system.
type machine struct{}

func (machine) Mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

func (machine) Open(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag|os.O_APPEND|os.O_WRONLY, 0o600)
	switch {
	case err != nil:
		return nil, err
	case flag&os.O_EXCL != 0: // a segment
		return newAhead(f), nil
	}
	return f, nil
}

func (machine) SyncDir(dir string) error { return SyncDir(dir) }

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MakeDir makes a directory and its parents, durably. One that is there is left
// alone.
func MakeDir(dir string) error { return makeDir(machine{}, dir) }

func makeDir(d disk, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(d, parent); err != nil {
			return err
		}
	}
	if err := d.Mkdir(dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}

const (
	reserveFile = "reserve"
	reserveSize = 256 << 10 // enough for the lines and session files of a full disk
)

// keepReserve takes room on the disk that a recording that fills it can still
// give back: for the list of its segments and for the session file.
func keepReserve(dir string) error {
	path := filepath.Join(dir, reserveFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, reserveSize))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// giveReserve gives the room back.
func giveReserve(dir string) error {
	err := os.Remove(filepath.Join(dir, reserveFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
