package signaling

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
	"yunting/docket/integrity"
	"yunting/internal/blob"
	"yunting/media"
	"yunting/media/record"
)

// leaveSession records the plaintiff and the defendant until each has four segments, as a server does that is killed
// before the files are made, and gives the segments of each.
func (c *court) leaveSession(dir string) map[string][]record.Segment {
	c.t.Helper()
	var mu sync.Mutex
	closed := map[string][]record.Segment{}
	rec, err := record.New(record.Options{Dir: dir, SegmentLength: 100 * time.Millisecond, OnSegment: func(s record.Segment) {
		mu.Lock()
		defer mu.Unlock()
		closed[s.Participant] = append(closed[s.Participant], s)
	}})
	check(c.t, err)
	names := map[string]string{}
	var sinks []media.Sink
	vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}}
	for _, seat := range []string{"plaintiff", "defendant"} {
		peer := c.people[seat].Account.String()
		names[peer] = c.people[seat].Name
		sinks = append(sinks, rec.NewSink(peer, media.TrackInfo{ID: peer, Peer: peer, Kind: media.KindVideo, Source: media.SourceCamera}, vp8))
	}
	began, n := time.Now(), uint16(0)
	eventually(c.t, "four segments of each", func() bool {
		at := time.Now()
		n++
		key := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
		pkt, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: n, Timestamp: uint32(at.Sub(began) * 90 / time.Millisecond)}, Payload: key}).Marshal()
		check(c.t, err)
		for _, s := range sinks {
			s.RTP(slices.Clone(pkt), at)
		}
		mu.Lock()
		defer mu.Unlock()
		return len(closed) == 2 && len(closed[c.people["plaintiff"].Account.String()]) >= 4
	})
	rec.Close()
	check(c.t, writeSession(dir+".json", sessionFile{Hearing: c.hearing.ID, Names: names}))
	return closed
}

// spoil changes a byte of a segment on the disk, in a file of its own.
func spoil(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	b[len(b)/2] ^= 1
	check(t, os.Remove(path))
	check(t, os.WriteFile(path, b, 0o600))
	return b
}

// TestDamagedSegment starts a server on the leftover of a killed one whose disk has damaged two segments since: the file
// store's copy takes the place of one; the other is a gap, its defective file is kept, and the hearing is sealed.
func TestDamagedSegment(t *testing.T) {
	c := newCourt(t)
	c.stop()
	for _, to := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, to)
		check(t, err)
	}
	dir := filepath.Join(c.records, c.hearing.ID.String(), "session")
	plaintiff := c.people["plaintiff"].Account.String()
	lines := c.leaveSession(dir)[plaintiff]
	hash, err := blob.ParseHash(lines[2].SHA256)
	check(t, err)
	_, err = c.blobs.PutCopy(t.Context(), record.SegmentPath(dir, lines[2]), hash)
	check(t, err)
	defective := spoil(t, record.SegmentPath(dir, lines[1]))
	spoil(t, record.SegmentPath(dir, lines[2]))
	c.start()

	list, err := c.docket.Recordings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(list) != 2 {
		t.Fatalf("recordings %+v", list)
	}
	for _, r := range list {
		if r.Participant != plaintiff {
			if len(r.Defects) > 0 {
				t.Errorf("the other's recording has defects %+v", r.Defects)
			}
			continue
		}
		if len(r.Defects) != 1 || r.Defects[0].Segment != lines[1].Number || len(r.Lost) > 0 {
			t.Fatalf("defects %+v, lost %v, want segment %d alone", r.Defects, r.Lost, lines[1].Number)
		}
		var gaps []record.Gap
		check(t, json.Unmarshal(r.Gaps, &gaps))
		if len(gaps) != 1 || gaps[0].Cause != record.CauseDamaged {
			t.Errorf("gaps %+v", gaps)
		}
		if !bytes.Equal(c.stored(r.Defects[0].File.Hash), defective) {
			t.Error("what is left of the segment is not kept")
		}
	}
	if notes, _ := c.notes(docket.EventRecordingGap); len(notes) != 1 || notes[0].Cause != record.CauseDamaged {
		t.Errorf("entered %+v", notes)
	}
	value, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
	check(t, err)
	sealed, err := integrity.Parse(c.stored(value.File.Hash))
	check(t, err)
	for _, i := range sealed.Items {
		if i.Kind == integrity.KindSegment && i.Damaged != (i.Participant == plaintiff && i.Number == lines[1].Number) || i.Lost != i.Damaged {
			t.Errorf("segment %d of %s: damaged %v, lost %v", i.Number, i.Participant, i.Damaged, i.Lost)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the session's directory: %v", err)
	}
}

// TestDamagedList starts a server on the leftover of a killed one whose disk has damaged one participant's list of
// segments since and lost the other's: both recordings are made whole from the docket's rows, and the hearing is sealed.
func TestDamagedList(t *testing.T) {
	c := newCourt(t)
	c.stop()
	for _, to := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, to)
		check(t, err)
	}
	dir := filepath.Join(c.records, c.hearing.ID.String(), "session")
	segments := c.leaveSession(dir)
	for _, lines := range segments {
		check(t, c.hub.Load().enterSegments(t.Context(), c.hearing.ID, "session", lines))
	}
	plaintiff, defendant := c.people["plaintiff"].Account.String(), c.people["defendant"].Account.String()
	list := func(of string) string {
		return filepath.Join(filepath.Dir(record.SegmentPath(dir, segments[of][0])), "segments.jsonl")
	}
	defective := spoil(t, list(plaintiff))
	check(t, os.Remove(list(defendant)))
	c.start()

	made, err := c.docket.Recordings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(made) != 2 {
		t.Fatalf("recordings %+v", made)
	}
	for _, r := range made {
		if len(r.Defects) != 1 || r.Defects[0].Segment != 0 || len(r.Lost) > 0 {
			t.Errorf("defects %+v, lost %v, want the list alone", r.Defects, r.Lost)
		} else if r.Participant == plaintiff && !bytes.Equal(c.stored(r.Defects[0].File.Hash), defective) {
			t.Error("what is left of the list is not kept")
		}
	}
	value, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
	check(t, err)
	sealed, err := integrity.Parse(c.stored(value.File.Hash))
	check(t, err)
	found := map[string]int{}
	for _, i := range sealed.Items {
		if i.Kind != integrity.KindSegment {
			continue
		}
		found[i.Participant]++
		if i.Damaged || i.Lost {
			t.Errorf("segment %d of %s: damaged %v, lost %v", i.Number, i.Participant, i.Damaged, i.Lost)
		}
	}
	for participant, lines := range segments {
		if found[participant] < len(lines) {
			t.Errorf("%d segments of %s are sealed, %d were entered", found[participant], participant, len(lines))
		}
	}
}

// TestDirectoryGone starts a server whose disk has the session's file of a killed one and no directory: the segment that
// the file store has is finished, the others are named as lost, also of the person of whom none is left.
func TestDirectoryGone(t *testing.T) {
	c := newCourt(t)
	c.stop()
	for _, to := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(t.Context(), c.people["judge"], c.hearing.ID, to)
		check(t, err)
	}
	dir := filepath.Join(c.records, c.hearing.ID.String(), "session")
	segments := c.leaveSession(dir)
	for _, lines := range segments {
		check(t, c.hub.Load().enterSegments(t.Context(), c.hearing.ID, "session", lines))
	}
	plaintiff := c.people["plaintiff"].Account.String()
	kept := segments[plaintiff][0]
	hash, err := blob.ParseHash(kept.SHA256)
	check(t, err)
	_, err = c.blobs.PutCopy(t.Context(), record.SegmentPath(dir, kept), hash)
	check(t, err)
	check(t, os.RemoveAll(dir))
	c.start()

	made, err := c.docket.Recordings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(made) != len(segments) {
		t.Fatalf("%d recordings of %d people", len(made), len(segments))
	}
	for _, r := range made {
		want := len(segments[r.Participant])
		if r.Participant == plaintiff {
			want--
		}
		if len(r.Lost) != want || len(r.Gaps) <= len("[]") {
			t.Errorf("lost %v of %d segments, gaps %s", r.Lost, len(segments[r.Participant]), r.Gaps)
		}
	}
	if notes, _ := c.notes(docket.EventRecordingGap); len(notes) != 1 || notes[0].Cause != record.CauseLost {
		t.Errorf("entered %+v", notes)
	}
	value, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
	check(t, err)
	sealed, err := integrity.Parse(c.stored(value.File.Hash))
	check(t, err)
	for _, i := range sealed.Items {
		if i.Kind == integrity.KindSegment && i.Lost == (i.Participant == plaintiff && i.Number == kept.Number) {
			t.Errorf("segment %d of %s: lost %v", i.Number, i.Participant, i.Lost)
		}
	}
}

// stored reads a file of the store.
func (c *court) stored(hash blob.Hash) []byte {
	c.t.Helper()
	r, err := c.blobs.Open(c.t.Context(), hash)
	check(c.t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	check(c.t, err)
	return b
}
