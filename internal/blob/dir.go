package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is a Store in a local directory. A blob is the file ab/abcdef… named by
// its hash; unfinished ones stand under tmp.
type Dir struct {
	root string
}

var _ Store = (*Dir)(nil)

// OpenDir opens or makes the store in root. Unfinished files of an earlier run
// are removed, so one process at a time opens a directory.
func OpenDir(root string) (*Dir, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("blob: directory: %w", err)
	}
	d := &Dir{root: root}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("blob: make the directory: %w", err)
	}
	if err := os.RemoveAll(d.tmp()); err != nil {
		return nil, fmt.Errorf("blob: remove unfinished files: %w", err)
	}
	if err := os.Mkdir(d.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("blob: make the directory: %w", err)
	}
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := syncDir(dir); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *Dir) tmp() string { return filepath.Join(d.root, "tmp") }

func (d *Dir) path(h Hash) string {
	name := h.String()
	return filepath.Join(d.root, name[:2], name)
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, r io.Reader) (Ref, error) {
	path, ref, err := spool(ctx, d.tmp(), r)
	if err != nil {
		return Ref{}, err
	}
	if err := d.place(path, ref); err != nil {
		return Ref{}, errors.Join(err, removeIfThere(path))
	}
	return ref, nil
}

// PutFile implements Store.
func (d *Dir) PutFile(ctx context.Context, path string, h Hash) (Ref, error) {
	size, err := syncFile(path)
	if err != nil {
		return Ref{}, err
	}
	ref := Ref{Hash: h, Size: size}
	err = d.place(path, ref)
	if err == nil || !errors.Is(err, syscall.EXDEV) {
		return ref, err
	}
	if err := d.putCopy(ctx, path, ref); err != nil {
		return Ref{}, err
	}
	return ref, removeIfThere(path)
}

// PutCopy implements Store.
func (d *Dir) PutCopy(ctx context.Context, path string, h Hash) (Ref, error) {
	size, err := syncFile(path)
	if err != nil {
		return Ref{}, err
	}
	ref := Ref{Hash: h, Size: size}
	if _, err := d.Stat(ctx, h); err == nil { // a link to itself could not be renamed
		return ref, d.putCopy(ctx, path, ref)
	}
	link, err := d.link(path)
	if err != nil {
		return ref, d.putCopy(ctx, path, ref)
	}
	if err := d.place(link, ref); err != nil {
		return Ref{}, errors.Join(err, removeIfThere(link))
	}
	return ref, nil
}

// link gives a file of the store's own volume a second name among the unfinished ones.
func (d *Dir) link(path string) (string, error) {
	name := filepath.Join(d.tmp(), "link-"+rand.Text())
	return name, os.Link(path, name)
}

// Delete implements Store.
func (d *Dir) Delete(ctx context.Context, hashes ...Hash) error {
	changed := map[string]bool{}
	for _, h := range hashes {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("blob: delete: %w", err)
		}
		path := d.path(h)
		if err := removeIfThere(path); err != nil {
			return err
		}
		changed[filepath.Dir(path)] = true
	}
	for dir := range changed {
		if err := syncDir(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// putCopy stores a file of another volume, which cannot be renamed into place.
func (d *Dir) putCopy(ctx context.Context, path string, ref Ref) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	defer f.Close()
	spooled, copied, err := spool(ctx, d.tmp(), f)
	if err != nil {
		return err
	}
	if copied != ref {
		return errors.Join(fmt.Errorf("blob: store %s: %w", ref.Hash, ErrMismatch), removeIfThere(spooled))
	}
	if err := d.place(spooled, ref); err != nil {
		return errors.Join(err, removeIfThere(spooled))
	}
	return nil
}

// place gives a finished, synced file its name and makes the name durable. On
// success the file is gone from path; when it fails the file is still there.
func (d *Dir) place(path string, ref Ref) error {
	target := d.path(ref.Hash)
	dir := filepath.Dir(target)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("blob: %w", err)
	}
	if info, err := os.Stat(target); err == nil {
		if info.Size() != ref.Size {
			return fmt.Errorf("blob: stored %s is %d bytes long instead of %d: %w", ref.Hash, info.Size(), ref.Size, ErrMismatch)
		}
		if err := removeIfThere(path); err != nil {
			return err
		}
	} else {
		if err := os.Chmod(path, 0o400); err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		if err := os.Rename(path, target); err != nil {
			return fmt.Errorf("blob: %w", err)
		}
	}
	// Also when the blob was there: who put it may not have come to this yet.
	if err := syncDir(dir); err != nil {
		return err
	}
	return syncDir(d.root)
}

// Open implements Store. The context matters only until it returns.
func (d *Dir) Open(_ context.Context, h Hash) (io.ReadSeekCloser, error) {
	f, err := os.Open(d.path(h))
	if err != nil {
		return nil, notFound(h, err)
	}
	return f, nil
}

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, h Hash) (Ref, error) {
	info, err := os.Stat(d.path(h))
	if err != nil {
		return Ref{}, notFound(h, err)
	}
	return Ref{Hash: h, Size: info.Size()}, nil
}

func notFound(h Hash, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNotFound, h)
	}
	return fmt.Errorf("blob: %s: %w", h, err)
}

// spool writes all of r to a new file in dir, synced, and hashes it on the way.
// The caller removes or renames the file.
func spool(ctx context.Context, dir string, r io.Reader) (path string, ref Ref, err error) {
	f, err := os.CreateTemp(dir, "put-*")
	if err != nil {
		return "", Ref{}, fmt.Errorf("blob: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("blob: %w", closeErr)
		}
		if err != nil {
			err = errors.Join(err, removeIfThere(f.Name()))
		}
	}()
	sum := sha256.New()
	ref.Size, err = io.Copy(io.MultiWriter(f, sum), contextReader{ctx, r})
	if err != nil {
		return "", Ref{}, fmt.Errorf("blob: store: %w", err)
	}
	sum.Sum(ref.Hash[:0])
	if err := f.Sync(); err != nil {
		return "", Ref{}, fmt.Errorf("blob: %w", err)
	}
	return f.Name(), ref, nil
}

// contextReader ends a long copy when its caller has gone.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// syncFile makes a file that others wrote durable and tells its size.
func syncFile(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("blob: %s is not a regular file", path)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	return info.Size(), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blob: sync: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("blob: sync %s: %w", dir, err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// hashOf reads all of r.
func hashOf(r io.Reader) (Ref, error) {
	var ref Ref
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return Ref{}, err
	}
	ref.Size = n
	sum.Sum(ref.Hash[:0])
	return ref, nil
}
