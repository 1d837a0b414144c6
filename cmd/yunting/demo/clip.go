package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
)

//go:generate go run ./clipgen clip.webm

//go:embed clip.webm
var clipFile []byte

// clipLength is one turn of the clip's second hand.
const clipLength = time.Minute

// A frame is one encoded picture or 20 ms of sound.
type frame struct {
	at   time.Duration // since the clip's start
	key  bool
	data []byte
}

// clip is the demonstration clip, taken apart.
type clip struct {
	video, audio []frame
}

func loadClip() (clip, error) {
	var file struct {
		Header  webm.EBMLHeader `ebml:"EBML"`
		Segment webm.Segment    `ebml:"Segment"`
	}
	if err := ebml.Unmarshal(bytes.NewReader(clipFile), &file, ebml.WithIgnoreUnknown(true)); err != nil {
		return clip{}, fmt.Errorf("demo: clip: %w", err)
	}
	kinds := map[uint64]string{}
	for _, t := range file.Segment.Tracks.TrackEntry {
		kinds[t.TrackNumber] = t.CodecID
	}
	var c clip
	for _, cluster := range file.Segment.Cluster {
		for _, b := range cluster.SimpleBlock {
			c.add(kinds[b.TrackNumber], cluster.Timecode, b, b.Keyframe)
		}
		for _, g := range cluster.BlockGroup { // a group that refers to no other block is a key frame
			c.add(kinds[g.Block.TrackNumber], cluster.Timecode, g.Block, g.ReferenceBlock == 0)
		}
	}
	if len(c.video) == 0 || len(c.audio) == 0 {
		return c, fmt.Errorf("demo: the clip has %d pictures and %d sounds", len(c.video), len(c.audio))
	}
	return c, nil
}

func (c *clip) add(codec string, timecode uint64, b ebml.Block, key bool) {
	at := max(time.Duration(int64(timecode)+int64(b.Timecode))*time.Millisecond, 0)
	for _, data := range b.Data {
		switch codec {
		case "V_VP8":
			c.video = append(c.video, frame{at: at, key: key, data: data})
		case "A_OPUS":
			c.audio = append(c.audio, frame{at: at, key: true, data: data})
		}
	}
}
