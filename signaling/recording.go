package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/media/record"
)

// recordingNote is the data of an event that concerns the recording.
type recordingNote struct {
	Session     string `json:"session,omitempty"`
	Participant string `json:"participant,omitempty"`
	Cause       string `json:"cause,omitempty"`
	Choice      string `json:"choice,omitempty"` // of the judge in a fault
	Reason      string `json:"reason,omitempty"` // why the judge chose so
}

// recording is one run of the recorder: from opening, or a server's restart, to closing. Its directory
// is RecordingDir/hearing/session; the session file beside it says whose the files are and which are
// finished, so that a crash at any step loses nothing.
type recording struct {
	session  string
	dir      string
	since    time.Time
	rec      *record.Recorder
	evidence *evidence
	uploads  *uploads
	speaking *speaking
	stop     func() // takes the recorder off the media room
	paused   bool   // owned by the room's goroutine

	mu   sync.Mutex // guards file; the room adds people, the recorder adds what is finished
	file sessionFile
}

// sessionFile is what stands in RecordingDir/hearing/session.json.
type sessionFile struct {
	Hearing  uuid.UUID         `json:"hearing"`
	Names    map[string]string `json:"names"` // of participants, by media peer id
	Finished []record.Finished `json:"finished"`
}

// beginRecording starts a recorder on the room's media.
func (r *room) beginRecording() error {
	now := r.hub.now().UTC()
	session := now.Format("20060102T150405.000000000")
	rec := &recording{
		session: session, since: now,
		dir:  filepath.Join(r.hub.cfg.RecordingDir, r.id.String(), session),
		file: sessionFile{Hearing: r.id, Names: make(map[string]string)},
	}
	for _, m := range r.people {
		rec.file.Names[m.ID.String()] = m.Name
	}
	if err := rec.open(r); err != nil {
		// What is left of a session that did not begin would keep the hearing from being sealed.
		return errors.Join(fmt.Errorf("signaling: recording: %w", err), clearSession(rec.dir))
	}
	rec.stop = r.media.Record(rec.rec.NewSink)
	rec.speaking = r.noteSpeaking()
	r.recording = rec
	if r.pause != nil {
		rec.pause()
	}
	return nil
}

// open makes the session's directory and file, and the recorder.
func (rec *recording) open(r *room) (err error) {
	if err := record.MakeDir(rec.dir); err != nil {
		return err
	}
	if err := rec.save(); err != nil {
		return err
	}
	previous := r.earlierParts()
	rec.evidence = r.hub.newEvidence(r.id, rec.session, r.log)
	rec.uploads = r.hub.newUploads(rec.dir, r.log)
	rec.rec, err = record.New(record.Options{
		Dir: rec.dir, Now: r.hub.now, Logger: r.log, OnFinished: rec.finished(r.log), Previous: previous,
		OnSegment: func(s record.Segment) { rec.evidence.add(s); rec.uploads.add(s) },
		OnError:   func(participant string, err error) { r.deliver(recorderEvent{rec.session, participant, err}) },
		OnWorks:   func(participant string) { r.deliver(recorderEvent{rec.session, participant, nil}) },
	})
	if err != nil {
		rec.evidence.end()
		rec.uploads.end()
	}
	return err
}

// earlierParts tells what each participant's list goes on from: the last segment that docket knows of an earlier run. A
// database that does not answer costs the link, not the recording.
func (r *room) earlierParts() func(participant string) string {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	last, err := r.hub.cfg.Docket.LastSegments(ctx, r.id)
	if err != nil {
		r.log.Error("signaling: the recording is not linked to its earlier part", "error", err)
	}
	return func(participant string) string {
		if chain, ok := last[participant]; ok {
			return chain.String()
		}
		return ""
	}
}

// know keeps the name of a person who publishes, for files that outlive a crash.
func (rec *recording) know(p Person) {
	rec.mu.Lock()
	known := rec.file.Names[p.ID.String()] == p.Name
	rec.file.Names[p.ID.String()] = p.Name
	rec.mu.Unlock()
	if !known {
		// A name that cannot be kept costs only the file's label after a crash.
		if err := rec.save(); err != nil {
			return
		}
	}
}

// finished notes each finished file durably before anything is done with it.
func (rec *recording) finished(log *slog.Logger) func(record.Finished) {
	return func(f record.Finished) {
		rec.mu.Lock()
		rec.file.Finished = append(rec.file.Finished, f)
		rec.mu.Unlock()
		if err := rec.save(); err != nil {
			log.Error("signaling: recording's session file", "error", err)
		}
	}
}

// save writes the session file in one step: a crash leaves the old one or the new one.
func (rec *recording) save() error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return writeSession(rec.dir+".json", rec.file)
}

func writeSession(path string, s sessionFile) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("signaling: session file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".session-*")
	if err != nil {
		return fmt.Errorf("signaling: session file: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("signaling: session file: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return record.SyncDir(filepath.Dir(path))
}

func (rec *recording) pause() {
	rec.rec.Pause()
	rec.speaking.pause(true)
	rec.paused = true
}

func (rec *recording) resume() {
	rec.rec.Resume()
	rec.speaking.pause(false)
	rec.paused = false
}

// endRecording takes the recorder off the room at once and stores its files in the background, for
// making them may take a while. Shutdown waits for it.
func (r *room) endRecording(cause string) {
	rec := r.recording
	if rec == nil {
		return
	}
	r.recording = nil
	rec.stop()
	if !rec.paused {
		r.noteOrLog(identity.System, docket.EventRecordingStopped, recordingNote{Session: rec.session, Cause: cause})
	}
	forwarding := r.forwarding
	r.hub.finishes.Add(1)
	go func() {
		defer r.hub.finishes.Done()
		err := rec.rec.Finish()
		rec.end()
		if cause == causeClosed && forwarding != nil {
			<-forwarding.done // the integrity value is of it too
		}
		if err == nil {
			err = r.hub.storeSession(context.Background(), rec.dir, rec.file)
		}
		if err != nil {
			r.log.Error("signaling: recording stays for recovery", "error", err)
			r.hub.finishLater(rec.dir)
		}
	}()
}

// end ends what follows the recorder, which has ended.
func (rec *recording) end() {
	rec.uploads.end()
	rec.evidence.end()
	rec.speaking.end()
}

// setAside takes the recorder off the room and leaves its segments until the disk has room for files made of them.
func (r *room) setAside() {
	rec := r.recording
	r.recording = nil
	rec.stop()
	r.hub.finishes.Add(1)
	go func() {
		defer r.hub.finishes.Done()
		rec.rec.Close()
		rec.end()
		r.hub.finishLater(rec.dir)
	}()
}

// abandonRecording drops a recorder whose hearing did not open after all.
func (r *room) abandonRecording() {
	rec := r.recording
	r.recording = nil
	rec.stop()
	rec.evidence.dropped.Store(true)
	finished := rec.rec.Finish()
	rec.end()
	if err := errors.Join(finished, r.hub.withdraw(rec.file), clearSession(rec.dir)); err != nil {
		r.log.Error("signaling: abandoned recording", "error", err)
	}
}

// withdraw takes the segments of a recording that never was out of the file store.
func (h *Hub) withdraw(s sessionFile) error {
	var sent []blob.Hash
	for _, f := range s.Finished {
		for _, l := range f.Original.Segments {
			hash, err := blob.ParseHash(l.SHA256)
			if err != nil {
				return fmt.Errorf("signaling: segment %d: %w", l.Number, err)
			}
			sent = append(sent, hash)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	return h.cfg.Blobs.Delete(ctx, sent...)
}

// storeSession gives a session's finished files to the blob store and to docket, and takes the session
// away when all are there. Doing it again after a crash stores nothing twice.
func (h *Hub) storeSession(ctx context.Context, dir string, s sessionFile) error {
	known, err := h.cfg.Docket.Recordings(ctx, s.Hearing)
	if err != nil {
		return fmt.Errorf("signaling: recordings of the hearing: %w", err)
	}
	stored := make(map[string]bool, len(known))
	for _, k := range known {
		stored[k.Participant+" "+k.Blob.Hash.String()] = true
	}
	for _, f := range s.Finished {
		if stored[f.Participant+" "+blob.Hash(f.SHA256).String()] {
			continue
		}
		if err := h.storeFile(ctx, filepath.Base(dir), s, f); err != nil {
			return err
		}
	}
	return h.settle(ctx, dir, s.Hearing)
}

// keep gives a finished file to the blob store.
func (h *Hub) keep(ctx context.Context, path string, hash blob.Hash) (blob.Ref, error) {
	ref, err := h.cfg.Blobs.PutFile(ctx, path, hash)
	if errors.Is(err, fs.ErrNotExist) {
		ref, err = h.cfg.Blobs.Stat(ctx, hash) // taken over before a crash
	}
	if err != nil {
		return ref, fmt.Errorf("signaling: store recording: %w", err)
	}
	return ref, nil
}

// keepDefects gives what is left of damaged segments to the blob store.
func (h *Hub) keepDefects(ctx context.Context, defects []record.Defect) (list []docket.Defect, err error) {
	for _, f := range defects {
		kept := docket.Defect{Segment: f.Number}
		if f.Path != "" {
			ref, err := h.keep(ctx, f.Path, blob.Hash(f.SHA256))
			if err != nil {
				return nil, err
			}
			kept.File = docket.FileRef{Hash: ref.Hash, Size: ref.Size}
		}
		list = append(list, kept)
	}
	return list, nil
}

// storeFile gives one participant's file and its original to the blob store, and both with the segments
// that docket does not know yet to docket.
func (h *Hub) storeFile(ctx context.Context, session string, s sessionFile, f record.Finished) error {
	ref, err := h.keep(ctx, f.Path, blob.Hash(f.SHA256))
	if err != nil {
		return err
	}
	var original docket.FileRef // the participant's first file has it
	if f.Original.Path != "" {
		kept, err := h.keep(ctx, f.Original.Path, blob.Hash(f.Original.SHA256))
		if err != nil {
			return err
		}
		original = docket.FileRef{Hash: kept.Hash, Size: kept.Size}
	}
	if err := h.enterSegments(ctx, s.Hearing, session, f.Original.Segments); err != nil {
		return err
	}
	defects, err := h.keepDefects(ctx, f.Defects)
	if err != nil {
		return err
	}
	gaps, err := json.Marshal(f.Gaps)
	if err != nil {
		return fmt.Errorf("signaling: recording gaps: %w", err)
	}
	if f.Gaps == nil {
		gaps = []byte("[]")
	}
	account, err := uuid.Parse(f.Participant)
	if err != nil {
		account = uuid.Nil // a stream that stands for no account
	}
	name := s.Names[f.Participant]
	if name == "" {
		name = f.Participant
	}
	err = h.cfg.Docket.RecordingPart(ctx, s.Hearing, docket.Recording{
		Participant: f.Participant, Account: account, Name: name, MediaType: mediaType(f.Path), Lost: f.Lost, Defects: defects,
		Session: session, Source: f.Source, Original: original, Blob: ref, Started: f.Started, Ended: f.Ended, Gaps: gaps,
	})
	if err != nil {
		return fmt.Errorf("signaling: enter recording: %w", err)
	}
	return nil
}

func mediaType(path string) string {
	if filepath.Ext(path) == ".mkv" {
		return "video/x-matroska"
	}
	return "video/webm"
}

// recover finishes and stores every session that lies in RecordingDir.
func (h *Hub) recover(ctx context.Context) error {
	sessions, err := filepath.Glob(filepath.Join(h.cfg.RecordingDir, "*", "*.json"))
	if err != nil {
		return fmt.Errorf("signaling: leftover recordings: %w", err)
	}
	for _, path := range sessions {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("signaling: recover recordings: %w", err)
		}
		if err := h.recoverSession(ctx, path); err != nil {
			h.log.Error("signaling: leftover recording is not recovered", "path", path, "error", err)
		}
	}
	return nil
}

func (h *Hub) recoverSession(ctx context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("signaling: session file: %w", err)
	}
	var s sessionFile
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("signaling: session file: %w", err)
	}
	dir := path[:len(path)-len(".json")]
	if err := h.mendLists(ctx, dir, s.Hearing); err != nil {
		return fmt.Errorf("signaling: recover recording: %w", err)
	}
	found, err := record.Recover(dir)
	if errors.Is(err, record.ErrDamaged) {
		found, err = h.mend(ctx, dir, s.Hearing)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("signaling: recover recording: %w", err)
	}
	noted := make(map[string]bool, len(s.Finished))
	for _, f := range s.Finished {
		noted[filepath.Base(f.Path)] = true
	}
	for _, f := range found {
		if !noted[filepath.Base(f.Path)] {
			s.Finished = append(s.Finished, f)
		}
	}
	if err := writeSession(path, s); err != nil {
		return err
	}
	h.log.Info("signaling: leftover recording", "hearing", s.Hearing, "files", len(s.Finished))
	return h.storeSession(ctx, dir, s)
}
