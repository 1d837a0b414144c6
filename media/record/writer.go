package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	flushEvery = 500 * time.Millisecond // what a crash can lose
	retryEvery = 2 * time.Second        // how often a failing disk is tried again
	syncers    = 16                     // files that are synced at once
	burst      = 64                     // items that are taken before the clock is looked at
)

// writer owns the segments of all participants; it runs on the recorder's
// goroutine.
type writer struct {
	opts         Options
	troubles     *troubles
	participants map[string]*participant
	paused       bool
	gaveReserve  bool
	tick         *time.Ticker
}

func newWriter(o Options, t *troubles) *writer {
	return &writer{opts: o, troubles: t, participants: map[string]*participant{}, tick: time.NewTicker(flushEvery)}
}

func (w *writer) run(queue <-chan item) {
	defer w.tick.Stop()
	for {
		select {
		case i := <-queue:
			for more := min(len(queue), burst); ; more-- {
				if i.kind == kindStop {
					w.flush(func(*participant) bool { return true })
					w.end()
					return
				}
				w.take(i)
				if i.data != nil {
					pool.Put(i.data)
				}
				if more == 0 {
					break
				}
				i = <-queue
			}
		case <-w.tick.C:
			now := w.opts.Now()
			w.flush(func(p *participant) bool {
				return p.seg.age(now) >= w.opts.SegmentLength || p.seg.line.Size >= segmentBytes
			})
		}
	}
}

func (w *writer) take(i item) {
	switch i.kind {
	case kindPause, kindResume:
		w.paused = i.kind == kindPause
		for _, p := range w.participants {
			if w.paused && !p.takenAt.IsZero() { // from here on it is the pause
				w.takeover(p, i.at)
				p.takenAt = i.at
			}
			w.write(p, record{kind: i.kind, at: i.at}.encode(nil), i.at)
		}
		return
	case kindTaken:
		if p := w.participants[i.decl.Peer]; p != nil {
			p.taken(i)
		}
		return
	case kindTrack:
		p := w.participant(i.decl.Peer)
		p.tracks = append(p.tracks, i.decl)
		// The declaration is written with the first segment, or now.
		if p.seg != nil {
			w.write(p, declare(i.decl, i.at).encode(nil), i.at)
		}
		return
	}
	p := w.participant(i.decl.Peer)
	if w.paused && i.kind == kindPacket {
		return
	}
	if p.arrives(i) {
		w.takeover(p, i.at)
		p.takenAt = time.Time{}
	}
	switch {
	case i.data != nil:
		w.write(p, *i.data, i.at)
	case i.kind == kindFault:
		w.write(p, faultRecord(i.decl.Number, i.since, i.at, CauseOverflow).encode(nil), i.at)
	default:
		w.write(p, record{kind: i.kind, track: i.decl.Number, at: i.at}.encode(nil), i.at)
	}
}

// takeover says of every track of the participant that nothing was sent since
// another page took over.
func (w *writer) takeover(p *participant, at time.Time) {
	for _, d := range p.tracks {
		w.write(p, faultRecord(d.Number, p.takenAt, at, CauseTakeover).encode(nil), at)
	}
}

func declare(d *declaration, at time.Time) record {
	b, err := json.Marshal(d)
	if err != nil { // a struct of strings and numbers
		panic(err)
	}
	return record{kind: kindTrack, track: d.Number, at: at, data: b}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// peerDir is the name of a participant's directory.
func peerDir(peer string) string {
	if plainName.MatchString(peer) {
		return peer
	}
	return fmt.Sprintf("x%x", peer)
}

func (w *writer) participant(peer string) *participant {
	p := w.participants[peer]
	if p == nil {
		p = &participant{disk: w.opts.disk, peer: peer, previous: w.opts.Previous(peer), dir: filepath.Join(w.opts.Dir, peerDir(peer))}
		w.participants[peer] = p
	}
	return p
}

// write appends a record, encoded, of what happened at a time to the participant's
// segment. A failing disk is reported once and tried again; it works when something
// was flushed to it.
func (w *writer) write(p *participant, encoded []byte, at time.Time) {
	if p.failed && p.seg == nil {
		now := w.opts.Now()
		if now.Before(p.retryAt) {
			return
		}
		p.retryAt = now.Add(retryEvery)
		if !w.room() {
			return
		}
	}
	// What the clock does not close in time, such as in a burst, is closed here.
	late := w.opts.SegmentLength + 2*flushEvery
	if p.seg != nil && (p.seg.age(at) >= late || p.seg.line.Size >= segmentBytes) {
		line, err := p.close()
		w.done(p, line, err)
	}
	settled, err := p.open(at)
	w.tell(settled)
	if err == nil {
		err = p.seg.append(encoded, at)
	}
	if err != nil {
		w.fail(p, err)
	}
}

// flush makes durable what all participants have, many files at once, and
// closes the segments for which full says so.
func (w *writer) flush(full func(*participant) bool) {
	type result struct {
		line Segment
		err  error
	}
	var open []*participant
	for _, p := range w.participants {
		if p.seg != nil {
			open = append(open, p)
		}
	}
	// All begin before the first waits: then a commit of the file system holds many.
	for _, p := range open {
		p.seg.begin()
	}
	for some := range slices.Chunk(open, syncers) {
		results := make([]result, len(some))
		var wg sync.WaitGroup
		for i, p := range some {
			closing := full(p)
			wg.Go(func() {
				if closing {
					results[i].line, results[i].err = p.close()
				} else {
					results[i].err = p.seg.flush()
				}
			})
		}
		wg.Wait()
		for i, p := range some {
			w.done(p, results[i].line, results[i].err)
		}
	}
}

// done takes the outcome of a flush, or of the close of a segment.
func (w *writer) done(p *participant, line Segment, err error) {
	if err != nil {
		w.fail(p, err)
		return
	}
	p.failed = false
	w.troubles.end(p.peer)
	w.tell(line)
}

// tell tells of a closed segment, if it is one.
func (w *writer) tell(line Segment) {
	if line.Number > 0 && w.opts.OnSegment != nil {
		w.opts.OnSegment(line)
	}
}

// fail takes note that a participant's disk fails. On a full disk the reserve
// makes room for the line of the segment that could not go on.
func (w *writer) fail(p *participant, err error) {
	now := w.opts.Now()
	p.abandon(now)
	p.retryAt = now.Add(retryEvery)
	if full(err) && !w.gaveReserve {
		w.gaveReserve = true
		if err := giveReserve(w.opts.Dir); err != nil {
			w.opts.Logger.Error("record: reserve", "err", err)
		}
	}
	settled, unsettled := p.settle()
	w.tell(settled)
	p.failed = true
	if w.troubles.begin(p.peer, err) {
		w.opts.Logger.Error("record: cannot write", "err", err, "listed", unsettled == nil)
	}
}

func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// room tells whether a disk that was full has room again: for the reserve first.
func (w *writer) room() bool {
	if w.gaveReserve {
		w.gaveReserve = keepReserve(w.opts.Dir) != nil
	}
	return !w.gaveReserve
}

// end closes what is open still.
func (w *writer) end() {
	for _, p := range w.participants {
		if err := p.end(); err != nil {
			w.opts.Logger.Error("record: cannot close", "err", err)
		}
	}
	if err := giveReserve(w.opts.Dir); err != nil {
		w.opts.Logger.Error("record: reserve", "err", err)
	}
}
