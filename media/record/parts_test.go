package record

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"yunting/media"
)

// TestPartsAreLinked records a participant in three parts, the second of which a kill cuts before its first segment was
// listed: each list goes on from the part before, and a part that is changed, removed or moved breaks the link.
func TestPartsAreLinked(t *testing.T) {
	var parts [][]Segment
	for n := range 3 {
		link := ""
		if n > 0 {
			link = parts[n-1][len(parts[n-1])-1].Chain()
		}
		s := newStage(t, func(o *Options) { o.Previous = func(string) string { return link } })
		a := s.sink("p1", media.SourceMic, opus)
		for i := range 100 + 10*n {
			a.RTP(raw(opusPT, uint16(i), uint32(i)*960, []byte{0xf8, 1, 2, byte(i)}), s.start.Add(time.Duration(i)*20*time.Millisecond))
		}
		s.rec.Close()
		if n == 1 {
			must(t, os.Truncate(filepath.Join(s.dir, "p1", openSegments), 0))
		}
		found, err := Recover(s.dir)
		must(t, err)
		checkSegments(t, found[0])
		parts = append(parts, found[0].Original.Segments)
	}
	must(t, CheckParts(parts))
	must(t, CheckParts(parts[:2]))

	changed := slices.Clone(parts)
	changed[0] = slices.Clone(parts[0])
	changed[0][len(changed[0])-1].Size++
	for what, edited := range map[string][][]Segment{
		"changed": changed,
		"removed": {parts[0], parts[2]},
		"moved":   {parts[1], parts[0], parts[2]},
		"first":   parts[1:],
	} {
		var bad *BadSegment
		if err := CheckParts(edited); !errors.As(err, &bad) || bad.Number != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}
