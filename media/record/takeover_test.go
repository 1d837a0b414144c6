package record

import (
	"slices"
	"testing"
	"time"

	"yunting/media"
)

// page is what one page of a participant sends, in tenths of a second of the recording.
type page struct {
	source   string
	from, to int
}

const tenth = 100 * time.Millisecond

// events are what the page does to the recorder: its track arrives, sends, and ends.
func (p page) events(s *stage) (list []event) {
	codec, every, ticks, frame := opus, 20*time.Millisecond, int64(48), []byte{0xf8, 1, 2, 3}
	if p.source != media.SourceMic {
		codec, every, ticks, frame = vp8, 40*time.Millisecond, 90, []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 120, 0}
	}
	var sink media.Sink
	start, length := s.start.Add(time.Duration(p.from)*tenth), time.Duration(p.to-p.from)*tenth
	list = append(list, event{start, func() { sink = s.sink("p1", p.source, codec) }})
	for at := time.Duration(0); at < length; at += every {
		pkt, arrived := raw(96, uint16(at/every), uint32(at.Milliseconds()*ticks), frame), start.Add(at)
		list = append(list, event{arrived, func() { sink.RTP(pkt, arrived) }})
	}
	return append(list, event{start.Add(length), func() { sink.Close() }})
}

// TestTakeover: what is missing between the last packet of a participant's page and the first of the page that took over is listed
// as that, for each of their tracks; what else was silent, or a pause, keeps its cause.
func TestTakeover(t *testing.T) {
	const mic, camera = media.SourceMic, media.SourceCamera
	gap := func(track string, from, to int, cause string) Gap {
		start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		return Gap{track, start.Add(time.Duration(from) * tenth), start.Add(time.Duration(to) * tenth), cause}
	}
	for _, c := range []struct {
		name          string
		pages         []page
		taken         []int // when another page takes over
		pause, resume int
		want          []Gap
	}{
		{"no other page", []page{{mic, 0, 40}, {mic, 60, 80}}, nil, 0, 0, []Gap{gap(mic, 40, 60, CauseSilent)}},
		{"sound", []page{{mic, 0, 40}, {mic, 60, 80}}, []int{40}, 0, 0, []Gap{gap(mic, 40, 60, CauseTakeover)}},
		{"picture a little later", []page{{mic, 0, 40}, {camera, 0, 40}, {mic, 60, 100}, {camera, 70, 100}}, []int{40}, 0, 0,
			[]Gap{gap(mic, 40, 60, CauseTakeover), gap(camera, 40, 70, CauseTakeover)}},
		{"camera off at first", []page{{mic, 0, 40}, {camera, 0, 40}, {mic, 60, 150}, {camera, 120, 150}}, []int{40}, 0, 0,
			[]Gap{gap(mic, 40, 60, CauseTakeover), gap(camera, 40, 60, CauseTakeover), gap(camera, 60, 120, CauseSilent)}},
		{"silent before", []page{{camera, 0, 40}, {mic, 0, 20}, {camera, 60, 80}, {mic, 60, 80}}, []int{40}, 0, 0,
			[]Gap{gap(mic, 20, 40, CauseSilent), gap(mic, 40, 60, CauseTakeover), gap(camera, 40, 60, CauseTakeover)}},
		{"by a third page", []page{{mic, 0, 40}, {mic, 60, 80}}, []int{40, 50}, 0, 0, []Gap{gap(mic, 40, 60, CauseTakeover)}},
		{"twice", []page{{mic, 0, 40}, {mic, 60, 80}, {mic, 90, 110}}, []int{40, 80}, 0, 0, []Gap{gap(mic, 40, 60, CauseTakeover), gap(mic, 80, 90, CauseTakeover)}},
		{"a pause in it", []page{{mic, 0, 40}, {mic, 100, 120}}, []int{40}, 50, 80,
			[]Gap{gap(mic, 40, 50, CauseTakeover), gap(mic, 50, 80, CausePause), gap(mic, 80, 100, CauseTakeover)}},
		{"in a pause", []page{{mic, 0, 40}, {mic, 60, 120}}, []int{50}, 30, 80, []Gap{gap(mic, 30, 80, CausePause)}},
		{"beyond a pause", []page{{mic, 0, 40}, {mic, 100, 120}}, []int{50}, 30, 80, []Gap{gap(mic, 30, 80, CausePause), gap(mic, 80, 100, CauseTakeover)}},
		{"too short", []page{{mic, 0, 40}, {mic, 42, 80}}, []int{40}, 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			var events []event
			add := func(at int, do func()) { events = append(events, event{s.start.Add(time.Duration(at) * tenth), do}) }
			if c.resume > 0 {
				add(c.pause, s.rec.Pause)
				add(c.resume, s.rec.Resume)
			}
			for _, at := range c.taken {
				add(at, func() { s.rec.TakenOver("p1"); s.rec.TakenOver("nobody") })
			}
			for _, p := range c.pages {
				events = append(events, p.events(s)...)
			}
			slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
			for _, e := range events {
				s.set(e.at)
				e.do()
			}
			compareGaps(t, s.finish().Gaps, c.want)
			s.rec.TakenOver("p1") // after the end it does nothing
		})
	}
}
