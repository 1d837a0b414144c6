package record

import (
	"time"

	"github.com/at-wat/ebml-go/webm"

	"yunting/media"
)

// blank makes the file of a participant of whom segments were closed and none is
// left: it plays nothing, and its gaps tell from when to when what was recorded is
// gone. errEmpty: nothing was recorded.
func (s *story) blank(dir string) (Finished, error) {
	r := &reel{source: media.SourceCamera}
	for _, k := range s.known {
		if k.cause != CauseLost && k.cause != CauseDamaged {
			continue
		}
		if r.first == 0 {
			r.first = k.from
		}
		r.last = max(r.last, k.to)
		r.gaps = append(r.gaps, Gap{Track: TrackAll, From: time.Unix(0, k.from).UTC(), To: time.Unix(0, k.to).UTC(), Cause: k.cause})
	}
	if r.first == 0 {
		return Finished{}, errEmpty
	}
	// A file needs a track, and one of its own: no two of these are the same file.
	r.outputs = []*output{{reel: r, source: media.SourceMic, entry: webm.TrackEntry{Name: media.SourceMic,
		TrackNumber: 1, TrackUID: uint64(r.first), CodecID: "A_OPUS", TrackType: typeAudio,
		CodecPrivate: opusHead(1, 48000), Audio: &webm.Audio{SamplingFrequency: 48000, Channels: 1}}}}
	if err := r.open(dir+r.extension()+".tmp", s); err != nil {
		return Finished{}, err
	}
	if err := r.close(); err != nil {
		return Finished{}, err
	}
	return r.finish(s.peer)
}
