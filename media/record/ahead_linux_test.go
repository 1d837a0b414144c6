package record

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
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
