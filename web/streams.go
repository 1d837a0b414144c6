package web

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/media"
	"yunting/media/relay"
	"yunting/signaling"
)

// streamPrefix begins the media peer of a stream that is no person's.
const streamPrefix = "stream-"

// streamName is what a stream that is no person's may be called: a part of an SDP token (RFC 8830).
var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// streamRoutes are WHIP (RFC 9725) and WHEP: encoders that publish into a hearing and players that watch it. The
// sessions lie below the address of the stream, as media names them.
func (s *server) streamRoutes() []route {
	publish := func(method, pattern string, handle func(*request) error) route {
		return route{method: method, pattern: "/whip/{hearing}/{stream}" + pattern, action: identity.ActJoinHearing, about: aboutHearing, handle: handle, limit: noLimit, raw: true}
	}
	watch := func(method, pattern string, handle func(*request) error) route {
		return route{method: method, pattern: "/whep/{hearing}" + pattern, action: identity.ActJoinHearing, or: identity.ActWatchHearing,
			about: aboutHearing, handle: handle, limit: noLimit, raw: true}
	}
	list := []route{publish("POST", "", s.postWHIP), watch("POST", "", s.postWHEP), watch("POST", "/{stream}", s.postWHEP)}
	for _, method := range []string{"PATCH", "DELETE"} {
		list = append(list, publish(method, "/s/{session}", s.whip), watch(method, "/s/{session}", s.whep), watch(method, "/{stream}/s/{session}", s.whep))
	}
	// What a resource can do says nothing of any hearing.
	options := func(pattern string, handle func(*request) error) route {
		return route{method: "OPTIONS", pattern: pattern, action: open, handle: handle, raw: true}
	}
	return append(list, options("/whip/{hearing}/{stream}", s.whip), options("/whip/{hearing}/{stream}/s/{session}", s.whip), options("/whep/{hearing}", s.whep),
		options("/whep/{hearing}/{stream}", s.whep), options("/whep/{hearing}/s/{session}", s.whep), options("/whep/{hearing}/{stream}/s/{session}", s.whep))
}

// anyOrigin lets pages of every origin publish and watch by the token that they were given (RFC 9725 section 4.2: CORS).
// Cookies count for nothing here, so that no page can act as whoever looks at it: nothing is allowed with credentials,
// and what a browser of the same site sends all the same is not read.
func (s *server) anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
			h.Set("Access-Control-Max-Age", "7200") // seconds; as long as Chromium keeps it
		}
		next.ServeHTTP(w, r)
	})
}

// streams are media's two handlers. They hold the sessions, so there is one of each.
type streams struct{ whip, whep http.Handler }

func newStreams(sfu *media.SFU, hub *signaling.Hub) *streams {
	if sfu == nil {
		return nil
	}
	auth := authorizeStream(hub)
	return &streams{whip: sfu.WHIP("/whip/", auth), whep: sfu.WHEP("/whep/", auth)}
}

// authorizeStream tells media which peer a session becomes, and binds it to the ticket of whoever opened it. The guard
// and the handlers below have decided already.
func authorizeStream(hub *signaling.Hub) media.Authorize {
	return func(r *http.Request, _, stream string, publish bool) (media.Grant, error) {
		guarded := requestOf(r.Context())
		if guarded == nil || guarded.actor.Anonymous() {
			return media.Grant{}, media.ErrUnauthorized
		}
		var grant media.Grant
		if hub != nil {
			ticket := guarded.ticket()
			grant.Opened = func(p *media.Peer) { hub.HoldMedia(p, ticket) }
			grant.Servers = func() ([]relay.ICEServer, func()) {
				return hub.StreamServers(guarded.hearing.ID, guarded.actor.Account)
			}
		}
		if !publish { // a player is nobody in the hearing: every session is a peer of its own
			grant.Peer = signaling.WatcherID(guarded.actor.Account)
			return grant, nil
		}
		grant.Peer = publisher(stream)
		grant.AlwaysHeard = grant.Peer == guarded.hearing.Judge.String()
		return grant, nil
	}
}

// publisher is the media peer of a stream: the account that it stands in for, or a name of its own.
func publisher(stream string) string {
	if account, err := uuid.Parse(stream); err == nil {
		return account.String()
	}
	return streamPrefix + stream
}

func (s *server) postWHIP(r *request) error {
	if err := s.mayPublish(r); err != nil {
		return err
	}
	return s.whip(r)
}

func (s *server) postWHEP(r *request) error {
	if err := s.mayWatch(r); err != nil {
		return err
	}
	return s.whep(r)
}

func (s *server) whip(r *request) error {
	return s.stream(r, func(m *streams) http.Handler { return m.whip })
}

func (s *server) whep(r *request) error {
	return s.stream(r, func(m *streams) http.Handler { return m.whep })
}

// stream hands the request to media. Sessions are named by secrets, so who may change or end one knows its name.
func (s *server) stream(r *request, which func(*streams) http.Handler) error {
	if s.streams == nil {
		return errNoHearing
	}
	if r.Method != http.MethodOptions && r.actor.Anonymous() {
		return errSignIn
	}
	r.written = true
	r.w.Header().Set("Cache-Control", "no-store")
	which(s.streams).ServeHTTP(r.w, r.Request)
	return nil
}

// mayWatch: an open hearing, by nobody who was sent out of it, and by the audience only what is public (AV 3).
func (s *server) mayWatch(r *request) error {
	if err := r.known(); err != nil {
		return err
	}
	if r.hearing.Phase == docket.PhaseClosed {
		return docket.ErrConflict
	}
	if s.Hub != nil {
		if state, _ := s.Hub.Room(r.hearing.ID); state.Private && !r.can(identity.ActJoinHearing) {
			return errForbidden
		}
	}
	return s.notRemoved(r, r.actor.Account)
}

// mayPublish: the judge and the clerk any stream of the hearing, a party their own picture alone. Nobody who sits in
// the room is pushed out of it, and nobody comes in whom the judge sent out or silenced.
func (s *server) mayPublish(r *request) error {
	if r.hearing.Phase == docket.PhaseClosed {
		return docket.ErrConflict
	}
	officer := r.can(identity.ActControlHearing) || r.can(identity.ActAdmit)
	stream := r.PathValue("stream")
	account, err := uuid.Parse(stream)
	if err != nil {
		if !streamName.MatchString(stream) {
			return errNotFound
		}
		if !officer {
			return errForbidden
		}
		return nil
	}
	if !officer && account != r.actor.Account {
		return errForbidden
	}
	sits, err := s.sits(r, account)
	if err != nil {
		return err
	}
	if !sits {
		return errNotFound
	}
	if err := s.notRemoved(r, account); err != nil {
		return err
	}
	if p := s.inRoom(r, account); p.Connection == signaling.ConnOnline || p.Connection == signaling.ConnLost || p.Muted {
		return docket.ErrConflict
	}
	return nil
}

// inRoom is what the hearing's room knows of the person; the zero Person when it knows nothing.
func (s *server) inRoom(r *request, account uuid.UUID) signaling.Person {
	if s.Hub == nil {
		return signaling.Person{}
	}
	state, _ := s.Hub.Room(r.hearing.ID)
	i := slices.IndexFunc(state.People, func(p signaling.Person) bool { return p.ID == account })
	if i < 0 {
		return signaling.Person{}
	}
	return state.People[i]
}

// sits reports whether the account has a seat in the hearing.
func (s *server) sits(r *request, account uuid.UUID) (bool, error) {
	if account == r.hearing.Judge || account == r.hearing.Clerk {
		return true, nil
	}
	kase, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return false, err
	}
	_, party := kase.PartyOf(account)
	return party, nil
}

// notRemoved refuses whom the judge sent out of this hearing: the room knows, or after a restart the record.
func (s *server) notRemoved(r *request, account uuid.UUID) error {
	if s.inRoom(r, account).Standing == signaling.StandRemoved {
		return errForbidden
	}
	stays, err := s.Docket.Presence(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(stays, func(p docket.Presence) bool { return p.Account == account && p.Cause == "removed" }) {
		return errForbidden
	}
	return nil
}
