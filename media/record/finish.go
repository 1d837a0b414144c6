package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"yunting/media/packet"
)

const finishedFile = "finished.json"

var (
	// errEmpty says that nothing was recorded of a participant.
	errEmpty = errors.New("record: nothing recorded")
	// ErrDamaged says that a closed segment is not what the list says.
	ErrDamaged = errors.New("record: segment is damaged")
)

// track is one published track while its file is made.
type track struct {
	decl   declaration
	clock  timeline
	unwrap unwrapper // the second pass's
	heard  int64     // arrival of the last packet, unix nanoseconds
	ended  int64     // likewise; 0 when it did not
	outs   []*output // a picture's one, sound's one a reel
	gaps   *gapFinder
	order  *orderer
}

func (t *track) audio() bool { return t.decl.codecID() == "A_OPUS" }

// story is what the first pass learns of a participant.
type story struct {
	peer    string
	lines   []Segment
	files   []string
	tracks  map[uint16]*track
	order   []*track
	known   []span // pauses, and what the recorder could not take of any track
	head    span   // lost before the first segment that is there
	lost    []int
	defects []Defect
	faults  map[*track][]span
	last    int64 // of all records
	video   map[*track]*pictureInfo
}

// finishParticipant makes the files of one participant's directory, or finds
// that they were made. The first has the original.
func finishParticipant(dir string) (list []Finished, err error) {
	if b, err := os.ReadFile(filepath.Join(dir, finishedFile)); err == nil {
		if err := json.Unmarshal(b, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", finishedFile, err)
		}
		for i := range list {
			list[i].moveTo(filepath.Dir(dir))
		}
		return list, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := readStory(dir)
	if err != nil {
		return nil, err
	}
	m := newMuxer(s)
	if err := m.write(dir, s); err != nil {
		return nil, err
	}
	for _, r := range m.reels {
		f, err := r.finish(s.peer)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		f, err := s.blank(dir)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if list[0].Original, err = pack(dir, s.lines); err != nil {
		return nil, fmt.Errorf("original: %w", err)
	}
	list[0].Lost, list[0].Defects = s.lost, s.defects
	b, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return list, writeDurably(filepath.Join(dir, finishedFile), b)
}

// moveTo says in which directory the files are.
func (f *Finished) moveTo(dir string) {
	f.Path = filepath.Join(dir, filepath.Base(f.Path))
	if f.Original.Path != "" {
		f.Original.Path = filepath.Join(dir, filepath.Base(f.Original.Path))
	}
	for i := range f.Defects {
		f.Defects[i].moveTo(filepath.Join(dir, peerDir(f.Participant)))
	}
}

func writeDurably(path string, b []byte) error {
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".tmp", path), SyncDir(filepath.Dir(path)))
}

// readStory is the first pass: it checks the closed segments against the
// list, enters those that a crash left open, and learns tracks and clocks.
func readStory(dir string) (*story, error) {
	if err := closeLeftovers(dir); err != nil {
		return nil, err
	}
	lines, err := readList(dir)
	if err != nil {
		return nil, err
	}
	defects, err := readDefects(dir)
	if err != nil {
		return nil, err
	}
	s := &story{lines: lines, defects: defects, tracks: map[uint16]*track{}, faults: map[*track][]span{}, video: map[*track]*pictureInfo{}}
	for _, l := range lines {
		s.peer = l.Participant
		if l.Lost {
			s.lose(l)
			continue
		}
		s.files = append(s.files, filepath.Join(dir, l.File))
	}
	if err := s.each(s.learn); err != nil {
		return nil, err
	}
	var clocks []*timeline
	for _, t := range s.order {
		clocks = append(clocks, &t.clock)
	}
	align(clocks)
	return s, nil
}

// each calls f for every good record of the participant. A cut-off end of a
// segment that a crash left open is no error.
func (s *story) each(f func(record) error) error {
	for _, path := range s.files {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		err = readSegment(file, f)
		if errors.Is(err, errBadRecord) {
			err = nil
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func (s *story) learn(r record) error {
	at := r.at.UnixNano()
	if r.kind != kindTrack {
		s.last = max(s.last, at)
	}
	switch r.kind {
	case kindTrack:
		if s.tracks[r.track] != nil {
			return nil
		}
		t := &track{}
		if err := json.Unmarshal(r.data, &t.decl); err != nil || !t.decl.known() {
			return fmt.Errorf("track declaration: %w", errors.Join(err, errBadRecord))
		}
		t.clock.rate = int64(t.decl.ClockRate)
		s.tracks[r.track] = t
		s.order = append(s.order, t)
		if !t.audio() {
			s.video[t] = &pictureInfo{}
		}
	case kindPause:
		s.known = append(s.known, span{from: at, cause: CausePause})
	case kindResume:
		if n := len(s.known); n > 0 && s.known[n-1].to == 0 {
			s.known[n-1].to = at
		}
	}
	t := s.tracks[r.track]
	if t == nil {
		return nil
	}
	switch r.kind {
	case kindPacket:
		h, err := packet.Parse(r.data)
		if err != nil {
			return nil // it was counted when it came
		}
		t.heard = max(t.heard, at)
		if n := len(s.known); n > 0 && s.known[n-1].to == 0 {
			s.known[n-1].to = at // the segment that had the end of the pause is lost
		}
		ext := t.clock.packet(h.Timestamp, at)
		if !t.unwrap.started { // the second pass counts from the same start
			t.unwrap = unwrapper{last: ext, started: true}
		}
		if p := s.video[t]; p != nil {
			p.learn(t.decl.codecID(), r.data[h.Payload:h.End])
		}
	case kindReport:
		if len(r.data) == 12 {
			ntp, rtp := reportFields(r.data)
			t.clock.report(ntp, rtp, at)
		}
	case kindEnd:
		t.ended = at
	case kindFault:
		s.faults[t] = append(s.faults[t], faultSpan(r))
	}
	return nil
}

// readList reads the segment list and checks its chain and every segment that
// is there.
func readList(dir string) ([]Segment, error) {
	lines, err := readLines(dir)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if l.Lost {
			continue
		}
		if err := checkSegment(dir, l); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// readLines reads the segment list, checks its chain, and marks what is lost or
// damaged.
func readLines(dir string) ([]Segment, error) {
	b, err := os.ReadFile(filepath.Join(dir, openSegments))
	if err != nil {
		return nil, err
	}
	lost, err := readLost(dir)
	if err != nil {
		return nil, err
	}
	defects, err := readDefects(dir)
	if err != nil {
		return nil, err
	}
	var out []Segment
	previous := ""
	for _, line := range splitLines(b) { // half a line, cut off by a crash, is none
		var s Segment
		if err := json.Unmarshal(line, &s); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrDamaged, len(out)+1, err)
		}
		if len(out) == 0 {
			previous = s.Previous // the link to an earlier part
		}
		if s.Previous != previous || s.File != filepath.Base(s.File) {
			return nil, fmt.Errorf("%w: line %d breaks the chain", ErrDamaged, len(out)+1)
		}
		previous = lineHash(line)
		s.Damaged = slices.ContainsFunc(defects, func(d Defect) bool { return d.Number == s.Number })
		s.Lost = s.Damaged || lost[s.Number]
		out = append(out, s)
	}
	return out, nil
}

// checkSegment compares a closed segment with its line; ErrDamaged.
func checkSegment(dir string, s Segment) error {
	sum, size, err := hashFile(filepath.Join(dir, s.File))
	if unreadable(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return err
	}
	if size != s.Size || hex.EncodeToString(sum[:]) != s.SHA256 {
		return fmt.Errorf("%w: %s", ErrDamaged, s.File)
	}
	return nil
}

// unreadable reports whether an error says that a file's bytes are not there, for
// good: other errors pass.
func unreadable(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EIO) }

// closeLeftovers enters segments without a line into the list: they were open
// at a crash or a fault.
func closeLeftovers(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, openSegments))
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	peer := ""
	for _, l := range splitLines(b) {
		var s Segment
		if json.Unmarshal(l, &s) == nil {
			listed[s.File], peer = true, s.Participant
		}
	}
	files = slices.DeleteFunc(files, func(path string) bool { return listed[filepath.Base(path)] })
	if len(files) == 0 {
		return nil
	}
	list, err := openList(machine{}, dir)
	if err != nil {
		return err
	}
	for _, path := range files {
		line, err := readLeftover(path, peer)
		if err == nil {
			_, err = list.add(line)
		}
		if err != nil {
			return errors.Join(err, list.file.Close())
		}
	}
	return list.file.Close()
}

func splitLines(b []byte) (lines [][]byte) {
	for {
		i := slices.Index(b, '\n')
		if i < 0 {
			return lines
		}
		lines, b = append(lines, b[:i]), b[i+1:]
	}
}

// readLeftover makes the line of a segment that was not closed, from what the
// disk has of it.
func readLeftover(path, peer string) (Segment, error) {
	line := Segment{Participant: peer, File: filepath.Base(path)}
	if _, err := fmt.Sscanf(line.File, "%d.seg", &line.Number); err != nil {
		return line, fmt.Errorf("segment name: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return line, err
	}
	err = readSegment(f, func(r record) error {
		if line.From.IsZero() {
			line.From = r.at.UTC()
		}
		if at := r.at.UTC(); at.After(line.To) {
			line.To = at
		}
		var d declaration
		if r.kind == kindTrack && json.Unmarshal(r.data, &d) == nil {
			line.Participant = d.Peer
		}
		return nil
	})
	if errors.Is(err, errBadRecord) {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return line, err
	}
	if line.From.IsZero() { // cut off before its first record
		info, err := os.Stat(path)
		if err != nil {
			return line, err
		}
		line.From = info.ModTime().UTC()
		line.To = line.From
	}
	sum, size, err := hashFile(path)
	line.SHA256, line.Size = hex.EncodeToString(sum[:]), size
	return line, err
}

// hashFile returns the SHA-256 and the size of a file.
func hashFile(path string) (sum [32]byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	h.Sum(sum[:0])
	return sum, size, errors.Join(err, f.Close())
}
