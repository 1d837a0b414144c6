package record

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// tellingDisk tells in which order its segments are begun and synced.
type tellingDisk struct {
	machine
	mu   sync.Mutex // guards told
	told []string
}

func (d *tellingDisk) Open(path string, flag int) (file, error) {
	f, err := d.machine.Open(path, flag)
	if err != nil || flag&os.O_EXCL == 0 {
		return f, err
	}
	return &tellingFile{file: f, disk: d}, nil
}

func (d *tellingDisk) tell(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, what)
}

type tellingFile struct {
	file
	disk *tellingDisk
}

func (f *tellingFile) begin() { f.disk.tell("begin") }

func (f *tellingFile) Sync() error {
	f.disk.tell("sync")
	return f.file.Sync()
}

// TestFlushBeginsAllBeforeItWaits has the disk begin with every participant's
// segment before the first is synced, of more than are synced at once.
func TestFlushBeginsAllBeforeItWaits(t *testing.T) {
	const people = syncers + 3
	d := &tellingDisk{}
	o := Options{Dir: t.TempDir(), Now: time.Now, SegmentLength: segmentLength, Previous: func(string) string { return "" }, disk: d}
	w := newWriter(o, newTroubles(o))
	defer w.tick.Stop()
	for n := range people {
		p := w.participant(string(rune('a' + n)))
		w.write(p, record{kind: kindEnd, at: time.Now()}.encode(nil), time.Now())
	}
	w.flush(func(*participant) bool { return true })
	want := append(slices.Repeat([]string{"begin"}, people), slices.Repeat([]string{"sync"}, people)...)
	if !slices.Equal(d.told, want) {
		t.Errorf("the disk was told %v", d.told)
	}
	w.end()
}
