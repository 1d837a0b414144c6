package record

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"time"
)

const (
	flushEvery = 500 * time.Millisecond // what a crash can lose
	retryEvery = 2 * time.Second        // how often a failing disk is tried again
)

// writer owns the open segments of all participants; it runs on the
// recorder's goroutine.
type writer struct {
	opts         Options
	participants map[string]*participant
	paused       bool
	tick         *time.Ticker
}

// participant is one person's directory of segments.
type participant struct {
	peer    string
	dir     string
	seg     *segmentWriter // nil before the first record and while failing
	tracks  []*declaration
	failed  bool
	retryAt time.Time
	lostAt  time.Time // of the first record lost to a fault, zero when none
}

func newWriter(o Options) *writer {
	return &writer{opts: o, participants: map[string]*participant{}, tick: time.NewTicker(flushEvery)}
}

func (w *writer) run(queue <-chan item) {
	defer w.tick.Stop()
	for {
		select {
		case i := <-queue:
			if i.kind == kindStop {
				w.closeAll()
				return
			}
			w.take(i)
			if i.data != nil {
				pool.Put(i.data)
			}
		case <-w.tick.C:
			w.flushAll()
		}
	}
}

func (w *writer) take(i item) {
	switch i.kind {
	case kindPause, kindResume:
		w.paused = i.kind == kindPause
		for _, p := range w.participants {
			w.write(p, record{kind: i.kind, at: i.at})
		}
		return
	case kindTrack:
		p := w.participant(i.decl.Peer)
		p.tracks = append(p.tracks, i.decl)
		// The declaration is written with the first segment, or now.
		if p.seg != nil {
			w.write(p, declare(i.decl, i.at))
		}
		return
	}
	p := w.participant(i.decl.Peer)
	if w.paused && i.kind == kindPacket {
		return
	}
	r := record{kind: i.kind, track: i.decl.Number, at: i.at}
	switch {
	case i.kind == kindFault:
		r = faultRecord(i.decl.Number, i.since, i.at, CauseOverflow)
	case i.data != nil:
		r.data = *i.data
	}
	w.write(p, r)
}

func declare(d *declaration, at time.Time) record {
	b, err := json.Marshal(d)
	if err != nil { // a struct of strings and numbers
		panic(err)
	}
	return record{kind: kindTrack, track: d.Number, at: at, data: b}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (w *writer) participant(peer string) *participant {
	p := w.participants[peer]
	if p == nil {
		name := peer
		if !plainName.MatchString(peer) {
			name = fmt.Sprintf("x%x", peer)
		}
		p = &participant{peer: peer, dir: filepath.Join(w.opts.Dir, name)}
		w.participants[peer] = p
	}
	return p
}

// write appends a record to the participant's segment and opens and closes
// segments as needed. A failing disk is reported once and tried again; it works
// when something was flushed to it.
func (w *writer) write(p *participant, r record) {
	now := w.opts.Now()
	if p.failed && p.seg == nil && now.Before(p.retryAt) {
		return
	}
	err := w.ensure(p, r.at)
	if err == nil {
		err = p.seg.append(r)
	}
	if err == nil && p.seg.full(r.at) {
		err = w.close(p)
	}
	if err != nil {
		w.fail(p, err, now)
	}
}

// ensure opens a segment that begins with the participant's tracks.
func (w *writer) ensure(p *participant, at time.Time) error {
	if p.seg != nil {
		return nil
	}
	seg, err := createSegment(p.dir, p.peer, at)
	if err != nil {
		return err
	}
	for _, d := range p.tracks {
		if err := seg.append(declare(d, at)); err != nil {
			seg.abandon()
			return err
		}
	}
	p.seg = seg
	if !p.lostAt.IsZero() {
		lost := p.lostAt
		p.lostAt = time.Time{}
		for _, d := range p.tracks {
			if err := seg.append(faultRecord(d.Number, lost, at, CauseFault)); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes the participant's segment and tells of it.
func (w *writer) close(p *participant) error {
	line, err := p.seg.close()
	p.seg = nil
	if err != nil {
		return err
	}
	w.works(p)
	if w.opts.OnSegment != nil {
		w.opts.OnSegment(line)
	}
	return nil
}

// works ends a participant's fault.
func (w *writer) works(p *participant) {
	if !p.failed {
		return
	}
	p.failed = false
	if w.opts.OnWorks != nil {
		go w.opts.OnWorks(p.peer)
	}
}

func (w *writer) fail(p *participant, err error, now time.Time) {
	if p.seg != nil {
		p.seg.abandon()
		p.seg = nil
	}
	p.retryAt = now.Add(retryEvery)
	if p.lostAt.IsZero() {
		p.lostAt = now
	}
	if p.failed {
		return
	}
	p.failed = true
	w.opts.Logger.Error("record: cannot write", "err", err)
	if w.opts.OnError != nil {
		go w.opts.OnError(p.peer, err)
	}
}

func (w *writer) flushAll() {
	now := w.opts.Now()
	for _, p := range w.participants {
		if p.seg == nil {
			continue
		}
		err := p.seg.flush()
		if err == nil {
			w.works(p)
			if p.seg.full(now) {
				err = w.close(p)
			}
		}
		if err != nil {
			w.fail(p, err, now)
		}
	}
}

func (w *writer) closeAll() {
	for _, p := range w.participants {
		if p.seg == nil {
			continue
		}
		if err := w.close(p); err != nil {
			w.fail(p, err, w.opts.Now())
		}
	}
}
