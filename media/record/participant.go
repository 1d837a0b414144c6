package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// participant is one person's directory of segments. The writer owns it.
type participant struct {
	disk disk
	peer string
	// previous is the Chain that the list goes on from, or empty.
	previous string
	dir      string
	list     *segmentList   // nil before the first record
	seg      *segmentWriter // nil before the first record and while failing
	number   int            // of the last segment
	loose    string         // a segment that was abandoned and is not in the list
	tracks   []*declaration
	failed   bool
	retryAt  time.Time
	lostAt   time.Time // since when records are lost to a fault, zero when none are
	takenAt  time.Time // since when another page has the place and has not sent, zero when none has
	before   uint16    // the last track of the page before
}

// open opens a segment that begins with the participant's tracks, unless one
// is open. It settles what a fault left first, and gives its line.
func (p *participant) open(at time.Time) (settled Segment, err error) {
	if p.seg != nil {
		return settled, nil
	}
	if p.list == nil {
		if err := p.begin(); err != nil {
			return settled, err
		}
	}
	if settled, err = p.settle(); err != nil {
		return settled, err
	}
	p.number++
	if p.seg, err = createSegment(p.disk, p.dir, p.peer, p.number, at); err != nil {
		p.loose = filepath.Join(p.dir, SegmentFile(p.number))
		return settled, err
	}
	for _, d := range p.tracks {
		err = errors.Join(err, p.seg.append(declare(d, at).encode(nil), at))
		if !p.lostAt.IsZero() {
			err = errors.Join(err, p.seg.append(faultRecord(d.Number, p.lostAt, at, CauseFault).encode(nil), at))
		}
	}
	p.lostAt = time.Time{}
	return settled, err
}

// begin makes the directory and its list. A directory that is there is gone on
// with behind its last segment.
func (p *participant) begin() (err error) {
	if err := errors.Join(makeDir(p.disk, p.dir), keepLink(p.disk, p.dir, p.previous)); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(p.dir, "*.seg"))
	if err != nil {
		return err
	}
	if len(found) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(found[len(found)-1]), "%d.seg", &p.number); err != nil {
			return fmt.Errorf("segment name: %w", err)
		}
	}
	p.list, err = openList(p.disk, p.dir)
	return err
}

// close closes the open segment and enters it in the list.
func (p *participant) close() (Segment, error) {
	line, err := p.seg.close()
	if err == nil {
		line, err = p.list.add(line)
	}
	if err == nil {
		p.seg = nil
	}
	return line, err
}

// abandon gives the open segment up after a fault. What was not flushed is lost.
func (p *participant) abandon(now time.Time) {
	if p.lostAt.IsZero() {
		p.lostAt = now
	}
	if p.seg != nil {
		p.seg.abandon()
		p.loose = filepath.Join(p.dir, p.seg.line.File)
		p.seg = nil
	}
}

// settle enters a segment that was abandoned in the list, with what the disk has
// of it; the zero Segment when there is none.
func (p *participant) settle() (Segment, error) {
	if p.loose == "" {
		return Segment{}, nil
	}
	line, err := readLeftover(p.loose, p.peer)
	if errors.Is(err, os.ErrNotExist) { // it could not even be made
		p.loose = ""
		return Segment{}, nil
	}
	if err == nil {
		line, err = p.list.add(line)
	}
	if err != nil {
		return Segment{}, err
	}
	p.loose = ""
	if line.To.Before(p.lostAt) {
		p.lostAt = line.To // what the buffer held is lost too
	}
	return line, nil
}

// taken takes note that another page of the person has the place, unless one
// that has not sent yet has it.
func (p *participant) taken(i item) {
	if p.takenAt.IsZero() {
		p.takenAt, p.before = i.at, i.decl.Number
	}
}

// arrives reports whether the page that took over sends its first packet.
func (p *participant) arrives(i item) bool {
	return !p.takenAt.IsZero() && i.kind == kindPacket && i.decl.Number > p.before
}

// end closes the list.
func (p *participant) end() error {
	if p.list == nil {
		return nil
	}
	return p.list.file.Close()
}
