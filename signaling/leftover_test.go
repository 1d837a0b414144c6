package signaling

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
	"yunting/media"
	"yunting/media/record"
)

// TestLeftoverOfTwoFiles recovers a session that a crash cut after the first of a participant's two files was noted: the
// shared screen is stored too, and lists and players can tell it.
func TestLeftoverOfTwoFiles(t *testing.T) {
	c := newCourt(t)
	dir := filepath.Join(c.records, c.hearing.ID.String(), "session")
	plaintiff := c.people["plaintiff"]
	peer := plaintiff.Account.String()
	var made []record.Finished
	rec, err := record.New(record.Options{Dir: dir, OnFinished: func(f record.Finished) { made = append(made, f) }})
	check(t, err)
	began := time.Now()
	vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}}
	for _, source := range []string{media.SourceCamera, media.SourceScreen} {
		sink := rec.NewSink(peer, media.TrackInfo{ID: peer + source, Peer: peer, Kind: media.KindVideo, Source: source}, vp8)
		for n := range uint32(50) {
			key := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
			pkt, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(n), Timestamp: n * 3600}, Payload: key}).Marshal()
			check(t, err)
			sink.RTP(pkt, began.Add(time.Duration(n)*40*time.Millisecond))
		}
		sink.Close()
	}
	check(t, rec.Finish())
	if len(made) != 2 || made[1].Source != media.SourceScreen {
		t.Fatalf("files %+v", made)
	}
	check(t, writeSession(dir+".json", sessionFile{Hearing: c.hearing.ID, Names: map[string]string{peer: plaintiff.Name}, Finished: made[:1]}))
	check(t, c.hub.Load().recoverSession(t.Context(), dir+".json"))

	list, err := c.docket.Recordings(t.Context(), c.hearing.ID)
	check(t, err)
	if len(list) != 2 {
		t.Fatalf("recordings %+v", list)
	}
	for _, r := range list {
		screen := r.Source == docket.SourceScreen
		if strings.Contains(r.FileName, "屏幕") != screen || r.Original.Hash.IsZero() != screen {
			t.Errorf("recording %+v", r)
		}
	}
	shown, err := c.docket.Playback(t.Context(), c.hearing.ID)
	check(t, err)
	if len(shown.Tracks) != 2 || shown.Tracks[0].Source == shown.Tracks[1].Source {
		t.Errorf("tracks %+v", shown.Tracks)
	}
}
