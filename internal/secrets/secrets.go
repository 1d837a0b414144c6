// Package secrets keeps the server's own keys as files that only it can read.
package secrets

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Load returns the secret kept in dir/name, made of size random bytes at the
// first call. It is durable before it is returned, and of several callers at
// once all get the same. A file of another length, or one that other accounts
// can read, is an error: the first would silently make what it sealed
// unreadable, the second is no secret.
func Load(dir, name string, size int) ([]byte, error) {
	path := filepath.Join(dir, name)
	secret, err := read(path, size)
	if !errors.Is(err, os.ErrNotExist) {
		return secret, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	if err := create(path, size); err != nil {
		return nil, fmt.Errorf("secrets: make %s: %w", path, err)
	}
	return read(path, size)
}

func read(path string, size int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("secrets: other accounts can read %s; allow only its owner: chmod 600 %s", path, path)
	}
	if info.Size() != int64(size) {
		return nil, fmt.Errorf("secrets: %s is %d bytes long, not %d; restore it from a backup, for what it sealed cannot be read without it", path, info.Size(), size)
	}
	secret := make([]byte, size)
	if _, err := f.ReadAt(secret, 0); err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	return secret, nil
}

// create writes a new secret beside path and links it there; an existing one stays.
func create(path string, size int) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	secret := make([]byte, size)
	rand.Read(secret) // never fails
	_, err = f.Write(secret)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
