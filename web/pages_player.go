package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
)

// errNotJSON: a player's batch that cannot be read.
var errNotJSON = fmt.Errorf("%w: not the JSON of a player", errBadForm)

// manifest is what the player reads: the recording on one clock, where its
// files are, and who watches.
type manifest struct {
	docket.Playback
	Files  map[uuid.UUID]string `json:"files"`  // address of each recording; none when they were deleted
	Viewer string               `json:"viewer"` // for the watermark
	Case   uuid.UUID            `json:"case"`
	Copy   bool                 `json:"may_copy"`
}

func (r *request) manifest() (*manifest, error) {
	p, err := r.s.Docket.Playback(r.Context(), r.hearing.ID)
	if err != nil {
		return nil, err
	}
	m := &manifest{Playback: p, Files: map[uuid.UUID]string{}, Viewer: r.actor.Name, Case: r.caseID, Copy: r.can(identity.ActCopyRecording)}
	if p.Deletion == nil {
		for _, t := range p.Tracks {
			m.Files[t.Recording] = r.recordingPath(t.Recording, "file")
		}
	}
	return m, nil
}

func (r *request) recordingPath(id uuid.UUID, tail string) string {
	return "/hearings/" + r.hearing.ID.String() + "/recordings/" + id.String() + "/" + tail
}

func (s *server) getManifest(r *request) error {
	m, err := r.manifest()
	if err != nil {
		return err
	}
	r.written = true
	h := r.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	return json.NewEncoder(r.w).Encode(m)
}

type playerPage struct {
	Hearing    docket.Hearing
	Case       docket.Case
	Config     string
	Recordings int
	Deletion   *docket.Deletion // by which the files are gone; nil: they are there
	Viewings   []docket.Viewing // nil for who may not see them
	SeesViews  bool
	Requests   []docket.CopyRequest // all for the judge, one's own for a party
	MayAsk     bool
	MayDecide  bool
	Reason     string
}

// playerConfig is what the island in web/src/player reads.
type playerConfig struct {
	Manifest string `json:"manifest"`
	Watched  string `json:"watched"`
	Entries  string `json:"entries"` // the record's entries: a number goes behind it
	Locale   string `json:"locale"`
}

func (s *server) getPlayer(r *request) error { return s.showPlayer(r, http.StatusOK, nil) }

func (s *server) showPlayer(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	list, err := s.Docket.Recordings(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	base := "/hearings/" + r.hearing.ID.String() + "/recording"
	config, err := json.Marshal(playerConfig{Manifest: base + "/manifest.json", Watched: base + "/watched", Entries: r.casePath("/entries/"), Locale: r.lang})
	if err != nil {
		return fmt.Errorf("player config: %w", err)
	}
	page := playerPage{Hearing: r.hearing, Case: c, Config: string(config), Recordings: len(list),
		SeesViews: r.can(identity.ActSeeViewings), MayDecide: r.can(identity.ActDecideCopy)}
	keeping, err := s.Docket.Keeping(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	if keeping.Deleted() {
		page.Deletion = keeping.Deletion
	}
	if page.SeesViews {
		if page.Viewings, err = s.Docket.Viewings(r.Context(), r.hearing.ID); err != nil {
			return err
		}
	}
	if page.Requests, err = s.Docket.CopyRequests(r.Context(), r.caseID); err != nil {
		return err
	}
	if !page.SeesViews {
		page.Requests = slices.DeleteFunc(page.Requests, func(q docket.CopyRequest) bool { return q.Account != r.actor.Account })
	}
	waits := slices.ContainsFunc(page.Requests, func(q docket.CopyRequest) bool { return q.Account == r.actor.Account && q.Granted == nil })
	page.MayAsk = r.can(identity.ActAskCopy) && !r.can(identity.ActCopyRecording) && !waits && page.Deletion == nil
	if r.PostForm != nil {
		page.Reason = r.PostFormValue("reason")
	}
	return r.render(status, "player", "player.title", page, in("cases"), withErrors(wrong))
}

// postWatched takes a batch of what the player has shown.
func (s *server) postWatched(r *request) error {
	var in docket.WatchedInput
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return fmt.Errorf("%w: %w", errNotJSON, err)
	}
	if err := s.Docket.Watched(r.Context(), r.actor, r.hearing.ID, in); err != nil {
		return err
	}
	r.written = true
	r.w.Header().Set("Cache-Control", "no-store")
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) postAskCopy(r *request) error {
	_, err := s.Docket.ApplyToCopy(r.Context(), r.actor, r.caseID, r.PostFormValue("reason"))
	var invalid *docket.Invalid
	switch {
	case errors.As(err, &invalid):
		return s.showPlayer(r, http.StatusUnprocessableEntity, []fieldError{{"reason", r.t("player.copy.no_reason")}})
	case err != nil:
		return err
	}
	return r.redirect("/hearings/"+r.hearing.ID.String()+"/recording", "copy_asked")
}

func (s *server) postDecideCopy(r *request) error {
	id, err := uuid.Parse(r.PathValue("request"))
	if err != nil {
		return errNotFound
	}
	if err := s.Docket.DecideCopy(r.Context(), r.actor, r.caseID, id, r.PostFormValue("answer") == "grant"); err != nil {
		return err
	}
	return r.redirect("/hearings/"+r.hearing.ID.String()+"/recording", "copy_decided")
}

// recording finds the recording that the path names in the request's hearing.
func (r *request) recording() (docket.Recording, error) {
	id, err := uuid.Parse(r.PathValue("recording"))
	if err != nil {
		return docket.Recording{}, errNotFound
	}
	rec, err := r.s.Docket.Recording(r.Context(), id)
	if err != nil {
		return rec, err
	}
	if rec.Hearing != r.hearing.ID {
		return rec, errNotFound
	}
	return rec, nil
}

// getRecordingFile serves a file to be played, never to be kept (AV 11, 15). Each request is logged.
func (s *server) getRecordingFile(r *request) error { return s.sendRecording(r, false) }

// getRecordingCopy serves a file to be kept, to whom the judge gave leave and to the court.
func (s *server) getRecordingCopy(r *request) error { return s.sendRecording(r, true) }

func (s *server) sendRecording(r *request, keep bool) error {
	rec, err := r.recording()
	if err != nil {
		return err
	}
	if err := r.unlessDeleted(); err != nil {
		return err
	}
	if err := s.Docket.Fetched(r.Context(), r.actor, rec, r.Header.Get("Range"), keep); err != nil {
		return err
	}
	f, err := s.Blobs.Open(r.Context(), rec.Blob.Hash)
	if err != nil {
		return err
	}
	defer f.Close()
	h := r.w.Header()
	h.Set("Content-Type", rec.MediaType)
	h.Set("Content-Disposition", "inline")
	if keep {
		h.Set("Content-Disposition", attachment(rec.FileName))
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", `"`+rec.Blob.Hash.String()+`"`) // ranges of one file belong together
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	r.written = true
	http.ServeContent(r.w, r.Request, "", rec.Ended, f)
	return nil
}

// playerRoutes watch a recording, and ask and give leave to copy it.
func (s *server) playerRoutes() []route {
	at := func(method, pattern string, action identity.Action, handle func(*request) error) route {
		return route{method: method, pattern: "/hearings/{hearing}" + pattern, action: action, about: aboutHearing, handle: handle}
	}
	watched := at("POST", "/recording/watched", identity.ActPlayRecording, s.postWatched)
	watched.raw, watched.limit = true, 64<<10
	return []route{
		at("GET", "/recordings", identity.ActPlayRecording, s.getRecordings),
		at("GET", "/recordings/{recording}/file", identity.ActPlayRecording, s.getRecordingFile),
		at("GET", "/recordings/{recording}/copy", identity.ActCopyRecording, s.getRecordingCopy),
		at("GET", "/recording", identity.ActPlayRecording, s.getPlayer),
		at("GET", "/recording/manifest.json", identity.ActPlayRecording, s.getManifest),
		watched,
		at("POST", "/recording/copy", identity.ActAskCopy, s.postAskCopy),
		at("POST", "/recording/copy/{request}", identity.ActDecideCopy, s.postDecideCopy),
	}
}

// apiPlayerRoutes do the same for programs.
func (s *server) apiPlayerRoutes(a *api) []route {
	at := func(method, pattern string, action identity.Action) route {
		return route{method: method, pattern: "/hearings/{hearing}" + pattern, action: action, about: aboutHearing}
	}
	keep := at("GET", "/recordings/{recording}/copy", identity.ActCopyRecording)
	keep.handle = s.getRecordingCopy
	return []route{
		operation(a, at("GET", "/recording", identity.ActPlayRecording), "playback", "The recording on one clock: files, chapters, lines, who spoke, gaps",
			func(r *request, _ *none) (*body[*manifest], error) { return reply(r.manifest()) }),
		silent(a, at("POST", "/recording/watched", identity.ActPlayRecording), "watched", "What a player has shown",
			func(r *request, in *watchedIn) (*none, error) {
				return nil, s.Docket.Watched(r.Context(), r.actor, r.hearing.ID, in.Body)
			}),
		operation(a, at("GET", "/recording/viewings", identity.ActSeeViewings), "viewings", "Who watched, and which stretches",
			func(r *request, _ *none) (*body[[]docket.Viewing], error) {
				return reply(s.Docket.Viewings(r.Context(), r.hearing.ID))
			}),
		operation(a, at("POST", "/recording/copy", identity.ActAskCopy), "ask-copy", "Apply to copy the recording",
			func(r *request, in *askCopyIn) (*body[docket.CopyRequest], error) {
				return reply(s.Docket.ApplyToCopy(r.Context(), r.actor, r.caseID, in.Body.Reason))
			}),
		silent(a, at("POST", "/recording/copy/{request}", identity.ActDecideCopy), "decide-copy", "Let an applicant copy, or not",
			func(r *request, in *decideCopyIn) (*none, error) {
				id, err := uuid.Parse(in.Request)
				if err != nil {
					return nil, errNotFound
				}
				return nil, s.Docket.DecideCopy(r.Context(), r.actor, r.caseID, id, in.Body.Grant)
			}),
		file(a, keep, "recording-copy", "One participant's recording, to keep", "video/webm"),
	}
}

type watchedIn struct{ Body docket.WatchedInput }

type askCopyIn struct {
	Body struct {
		Reason string `json:"reason" maxLength:"4000"`
	}
}

type decideCopyIn struct {
	Request string `path:"request"`
	Body    struct {
		Grant bool `json:"grant"`
	}
}
