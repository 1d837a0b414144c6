package record

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// aheadBytes is how much room a segment takes on the disk before it is written:
// writes into it cost half of what they cost where each has to ask for room.
const aheadBytes = 1 << 20

// plentyBytes is how much room a disk must have for that: near its end nobody takes what others need, and a full disk is
// told at the first write that it refuses.
const plentyBytes = 64 * aheadBytes

// ahead is a new file that takes its room in large pieces and gives back at its
// end what it did not need. A kill leaves such a piece behind its end.
type ahead struct {
	*os.File
	size, room int64
	begun      int64 // up to where the disk was told to write
}

func newAhead(f *os.File) file { return &ahead{File: f} }

func (a *ahead) Write(b []byte) (int, error) {
	if a.size+int64(len(b)) > a.room {
		a.take(int64(len(b)))
	}
	n, err := a.File.Write(b)
	a.size += int64(n)
	return n, err
}

// begin has the disk begin with what was written since the last time. Sync tells what fails.
func (a *ahead) begin() {
	c, err := a.SyscallConn()
	if err != nil || a.begun == a.size {
		return
	}
	_ = c.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), a.begun, a.size-a.begun, unix.SYNC_FILE_RANGE_WRITE)
	})
	a.begun = a.size
}

// take takes room for n bytes and more. A disk that cannot, or has little
// left, is written to without: the write says whether it is full.
func (a *ahead) take(n int64) {
	const keepSize = 1 // FALLOC_FL_KEEP_SIZE of fallocate(2)
	length := max(n, aheadBytes)
	a.room = a.size + length
	c, err := a.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		var disk syscall.Statfs_t
		if syscall.Fstatfs(int(fd), &disk) == nil && int64(disk.Bavail)*int64(disk.Bsize) >= plentyBytes {
			_ = syscall.Fallocate(int(fd), keepSize, a.size, length)
		}
	})
}

// Sync makes durable what was written, and lets go the memory in which the system keeps it for readers: nobody reads a
// segment soon. The next writes take the same pages again rather than fresh ones, which cost several times what the write
// costs and drive out what the database reads.
func (a *ahead) Sync() error {
	if err := a.File.Sync(); err != nil {
		return err
	}
	if c, err := a.SyscallConn(); err == nil {
		// From the start: a page that was full only in part stayed the last time.
		_ = c.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, a.size, unix.FADV_DONTNEED) })
	}
	return nil
}

func (a *ahead) Close() error {
	if a.room > a.size {
		_ = a.File.Truncate(a.size) // what stays taken lacks nothing
	}
	return a.File.Close()
}
