package record

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestRoomAheadIsGivenBack: a segment's file is as long as what was written, takes
// its room ahead while it is open and holds none at its end.
func TestRoomAheadIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), SegmentFile(1))
	f, err := machine{}.Open(path, os.O_CREATE|os.O_EXCL)
	must(t, err)
	a := f.(*ahead)
	const written = 2*aheadBytes + 1000
	for _, n := range []int{1000, aheadBytes, aheadBytes} {
		_, err := f.Write(make([]byte, n))
		must(t, err)
		if a.room < a.size {
			t.Errorf("room for %d of %d bytes", a.room, a.size)
		}
	}
	must(t, f.Sync())
	must(t, f.Close())
	got, err := os.Stat(path)
	must(t, err)
	held := got.Sys().(*syscall.Stat_t).Blocks * 512
	if got.Size() != written || held > written+aheadBytes/4 {
		t.Errorf("%d bytes that hold %d, want %d", got.Size(), held, written)
	}
}

// TestSyncedSegmentsLeaveMemory: what is durable does not stay in the system's memory, where it would drive out what others
// read. The measure is a file that asks for that itself: some file systems have memory only.
func TestSyncedSegmentsLeaveMemory(t *testing.T) {
	const piece, pieces = 100_000, 20
	other, err := os.Create(filepath.Join(t.TempDir(), "other"))
	must(t, err)
	defer other.Close()
	segment, err := machine{}.Open(filepath.Join(t.TempDir(), SegmentFile(1)), os.O_CREATE|os.O_EXCL)
	must(t, err)
	defer segment.Close()
	for range pieces {
		for _, w := range []io.Writer{other, segment} {
			_, err := w.Write(make([]byte, piece))
			must(t, err)
		}
		must(t, segment.Sync())
	}
	must(t, other.Sync())
	must(t, unix.Fadvise(int(other.Fd()), 0, 0, unix.FADV_DONTNEED))
	kept, held := inMemory(t, other.Name(), pieces*piece), inMemory(t, segment.(*ahead).Name(), pieces*piece)
	if t.Logf("%d and %d pages", kept, held); held > kept+piece/os.Getpagesize() {
		t.Errorf("%d pages of a synced segment are in memory, %d of a file let go", held, kept)
	}
}

// inMemory counts a file's pages that the system holds.
func inMemory(t *testing.T, path string, size int) (held int) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	must(t, err)
	defer unix.Munmap(m)
	pages := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range pages {
		held += int(p & 1)
	}
	return held
}

// noRoomAhead: on a disk with little left a segment takes what it is written and no more.
func noRoomAhead(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "little")
	f, err := machine{}.Open(path, os.O_CREATE|os.O_EXCL)
	must(t, err)
	_, err = f.Write(make([]byte, 1000))
	must(t, err)
	got, err := os.Stat(path)
	must(t, err)
	if held := got.Sys().(*syscall.Stat_t).Blocks * 512; held > aheadBytes/4 {
		t.Errorf("1000 bytes hold %d", held)
	}
	must(t, f.Close())
	must(t, os.Remove(path))
}
