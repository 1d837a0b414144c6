package web

import (
	"net/http"

	"github.com/google/uuid"

	"yunting/internal/identity"
	"yunting/service"
)

// filmsPart is what the recordings' page shows of films.
type filmsPart struct {
	Films       []service.Film
	Unavailable bool // this server has no ffmpeg
	MayMake     bool // and none is being made
	Busy        bool // one is
}

func (r *request) films() (filmsPart, error) {
	list, err := r.s.Service.Films(r.Context(), r.hearing.ID)
	if err != nil {
		return filmsPart{}, err
	}
	p := filmsPart{Films: list, Unavailable: r.s.Service.FilmsUnavailable() != nil}
	for _, f := range list {
		p.Busy = p.Busy || f.Active()
	}
	p.MayMake = !p.Busy && !p.Unavailable && r.hearing.ClosedAt != nil && r.can(identity.ActMakeFilm)
	return p, nil
}

func (s *server) postFilm(r *request) error {
	if _, err := s.Service.MakeFilm(r.Context(), r.actor, r.hearing.ID, r.lang); err != nil {
		return err
	}
	return r.redirect(r.recordingsPath("?done=film_asked#films"), "")
}

// recordingsPath is the address of the hearing's recordings, with a tail.
func (r *request) recordingsPath(tail string) string {
	return "/hearings/" + r.hearing.ID.String() + "/recordings" + tail
}

func (s *server) postCancelFilm(r *request) error {
	id, err := r.film()
	if err != nil {
		return err
	}
	if err := s.Service.CancelFilm(r.Context(), r.hearing.ID, id); err != nil {
		return err
	}
	return r.redirect(r.recordingsPath("?done=film_cancelled#films"), "")
}

func (s *server) postRetryFilm(r *request) error {
	id, err := r.film()
	if err != nil {
		return err
	}
	if err := s.Service.RetryFilm(r.Context(), r.hearing.ID, id); err != nil {
		return err
	}
	return r.redirect(r.recordingsPath("?done=film_asked#films"), "")
}

// film is the film that the path names.
func (r *request) film() (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("film"))
	if err != nil {
		return id, errNotFound
	}
	return id, nil
}

// getFilmFile gives the film to be kept, to whom the judge gave leave and to the court (AV 11, 15).
func (s *server) getFilmFile(r *request) error {
	id, err := r.film()
	if err != nil {
		return err
	}
	if err := r.unlessDeleted(); err != nil {
		return err
	}
	film, err := s.Service.FilmFetched(r.Context(), r.actor, r.hearing.ID, id, r.Header.Get("Range"))
	if err != nil {
		return err
	}
	f, err := s.Blobs.Open(r.Context(), film.Blob.Hash)
	if err != nil {
		return err
	}
	defer f.Close()
	h := r.w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Content-Disposition", attachment(film.FileName))
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", `"`+film.Blob.Hash.String()+`"`)
	r.written = true
	http.ServeContent(r.w, r.Request, "", *film.Ended, f)
	return nil
}

func filmRoute(method, pattern string, action identity.Action) route {
	return route{method: method, pattern: "/hearings/{hearing}/films" + pattern, action: action, about: aboutHearing}
}

// filmRoutes make one film of a hearing and hand it out.
func (s *server) filmRoutes() []route {
	at := func(method, pattern string, action identity.Action, handle func(*request) error) route {
		rt := filmRoute(method, pattern, action)
		rt.handle = handle
		return rt
	}
	return []route{
		at("POST", "", identity.ActMakeFilm, s.postFilm),
		at("POST", "/{film}/cancel", identity.ActMakeFilm, s.postCancelFilm),
		at("POST", "/{film}/retry", identity.ActMakeFilm, s.postRetryFilm),
		at("GET", "/{film}/file", identity.ActCopyRecording, s.getFilmFile),
	}
}

type filmIn struct {
	Film uuid.UUID `path:"film"`
}

// apiFilmRoutes do the same for programs.
func (s *server) apiFilmRoutes(a *api) []route {
	fetch := filmRoute("GET", "/{film}/file", identity.ActCopyRecording)
	fetch.handle = s.getFilmFile
	return []route{
		operation(a, filmRoute("GET", "", identity.ActPlayRecording), "films", "The films of a hearing, with how far they are",
			func(r *request, _ *none) (*body[[]service.Film], error) {
				return reply(s.Service.Films(r.Context(), r.hearing.ID))
			}),
		operation(a, filmRoute("POST", "", identity.ActMakeFilm), "make-film", "Make one film of a closed hearing, in the background",
			func(r *request, _ *none) (*body[service.Film], error) {
				return reply(s.Service.MakeFilm(r.Context(), r.actor, r.hearing.ID, r.lang))
			}),
		silent(a, filmRoute("POST", "/{film}/cancel", identity.ActMakeFilm), "cancel-film", "Stop a film, or give up one that failed",
			func(r *request, in *filmIn) (*none, error) {
				return nil, s.Service.CancelFilm(r.Context(), r.hearing.ID, in.Film)
			}),
		silent(a, filmRoute("POST", "/{film}/retry", identity.ActMakeFilm), "retry-film", "Go on with a film that failed",
			func(r *request, in *filmIn) (*none, error) {
				return nil, s.Service.RetryFilm(r.Context(), r.hearing.ID, in.Film)
			}),
		file(a, fetch, "film-file", "The film, to keep", "video/mp4"),
	}
}
