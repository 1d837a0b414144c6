package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"yunting/media"
)

// recorded makes a finished record of several segments and the segments that were told of.
func recorded(t *testing.T) (Finished, []Segment) {
	t.Helper()
	c := makeClip(t, 10, "libvpx")
	s := &stage{t: t, dir: t.TempDir(), start: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	var told []Segment
	var err error
	s.rec, err = New(Options{Dir: s.dir, SegmentLength: 2 * time.Second, OnFinished: func(f Finished) { s.done = append(s.done, f) },
		OnSegment: func(l Segment) { told = append(told, l) }, OnError: func(_ string, err error) { t.Error(err) }})
	must(t, err)
	v := s.sink("p1", media.SourceCamera, c.videoCodec)
	for _, p := range packets(c.video, time.Second/clipFPS, 90000, &codecs.VP8Payloader{EnablePictureID: true}, 1) {
		v.RTP(p.raw, s.start.Add(p.at))
	}
	return s.finish(), told
}

// TestOriginalHoldsEverySegment: every closed segment is told of in order, the original is exactly those,
// and the file that plays holds exactly the frames that were made of them.
func TestOriginalHoldsEverySegment(t *testing.T) {
	f, told := recorded(t)
	if len(told) < 3 || !slices.Equal(told, f.Original.Segments) {
		t.Fatalf("told of %d segments, the original lists %d", len(told), len(f.Original.Segments))
	}
	b, err := os.ReadFile(f.Original.Path)
	must(t, err)
	must(t, CheckOriginal(bytes.NewReader(b), int64(len(b)), told))
	if len(f.Frames) != 1 || f.Frames[0].Frames != 10*clipFPS {
		t.Errorf("frames %+v, want one track of %d", f.Frames, 10*clipFPS)
	}
}

// TestEveryEditIsNamed edits an original at random 10,000 times: bytes changed, segments removed, moved,
// swapped, cut; each is found and the segment that is named is the first that was touched.
func TestEveryEditIsNamed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var parts [][]byte
	var told []Segment
	previous := ""
	for n := range 12 {
		p := make([]byte, 200+random.IntN(200))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		sum := sha256.Sum256(p)
		l := Segment{Number: n + 1, Participant: "p1", File: SegmentFile(n + 1), Size: int64(len(p)), SHA256: hex.EncodeToString(sum[:]), Previous: previous}
		previous = l.Chain()
		parts, told = append(parts, p), append(told, l)
	}
	for n := range 10_000 {
		edited, first := slices.Clone(parts), random.IntN(len(parts))
		what := ""
		switch n % 4 {
		case 0:
			what = "changed"
			p := bytes.Clone(edited[first])
			p[random.IntN(len(p))] ^= byte(1 + random.IntN(255))
			edited[first] = p
		case 1:
			what = "removed"
			edited = slices.Delete(edited, first, first+1)
		case 2:
			what = "swapped"
			other := (first + 1 + random.IntN(len(parts)-1)) % len(parts)
			edited[first], edited[other] = edited[other], edited[first]
			first = min(first, other)
		case 3:
			what = "cut"
			edited[first] = edited[first][:random.IntN(len(edited[first]))]
		}
		b := bytes.Join(edited, nil)
		var bad *BadSegment
		if err := CheckOriginal(bytes.NewReader(b), int64(len(b)), told); !errors.As(err, &bad) || bad.Number != told[first].Number {
			t.Fatalf("edit %d: segment %d was %s, found: %v", n, told[first].Number, what, err)
		}
	}
}

// TestEveryEditOfTheListIsNamed changes, removes and swaps lines of the list.
func TestEveryEditOfTheListIsNamed(t *testing.T) {
	_, told := recorded(t)
	whole := func(lines []Segment) bool { return CheckList(lines) == nil && CheckParts([][]Segment{lines}) == nil }
	for i := range told {
		changed := slices.Clone(told)
		changed[i].To = changed[i].To.Add(time.Millisecond)
		removed := slices.Delete(slices.Clone(told), i, i+1)
		if i < len(told)-1 { // the last line is held by the integrity value, not by the chain
			if whole(changed) || whole(removed) {
				t.Errorf("a change of line %d is not found", i+1)
			}
			swapped := slices.Clone(told)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			if whole(swapped) {
				t.Errorf("lines %d and %d swapped is not found", i+1, i+2)
			}
		}
	}
}
