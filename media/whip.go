package media

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"

	"yunting/media/relay"
)

// Authorize decides about a WHIP or WHEP request. It reads the bearer token
// from r and says what the session becomes. stream is empty where WHEP watches
// the whole room. An error is answered with 401 when it wraps ErrUnauthorized
// and with 403 otherwise.
type Authorize func(r *http.Request, room, stream string, publish bool) (Grant, error)

// Grant is what a new session becomes.
type Grant struct {
	Peer string // id of the peer
	// AlwaysHeard is as in Permissions.
	AlwaysHeard bool
	// Opened is called with the peer before the session is answered; nil is skipped.
	Opened func(*Peer)
	// Servers gives the STUN and TURN servers that the answer names (RFC 9725 section 4.6) and what takes their
	// credentials back when the session ends; nil is none.
	Servers func() (servers []relay.ICEServer, end func())
}

// ErrUnauthorized is what Authorize wraps when the token is missing or unknown.
var ErrUnauthorized = errors.New("media: unauthorized")

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
	maxFragment  = 16 << 10
	retryAfter   = 2 // seconds, while there is nothing to watch or the server closes
)

// WHIP serves publishing encoders (RFC 9725): POST base{room}/{stream}, then
// PATCH (trickle, ICE restart) and DELETE on the Location. Mount it at the
// prefix base, such as "/whip/".
func (s *SFU) WHIP(base string, auth Authorize) http.Handler {
	return &gateway{sfu: s, base: base, auth: auth, publish: true, sessions: map[string]*session{}}
}

// WHEP serves players (draft-ietf-wish-whep): POST base{room}/{stream}
// watches the peer or track named stream, POST base{room} watches all of the
// room in one session, as many tracks as the offer has sections. Where there
// is nothing to watch yet the answer is 409 with Retry-After.
func (s *SFU) WHEP(base string, auth Authorize) http.Handler {
	return &gateway{sfu: s, base: base, auth: auth, sessions: map[string]*session{}}
}

// gateway is one of the two handlers.
type gateway struct {
	sfu     *SFU
	base    string
	auth    Authorize
	publish bool

	mu       sync.Mutex // guards sessions
	sessions map[string]*session
}

// session is a peer that HTTP made.
type session struct {
	peer         *Peer
	room, stream string

	mu    sync.Mutex // one PATCH at a time; guards what follows
	offer string
	etag  string
}

// ServeHTTP routes base{room}[/{stream}][/s/{session}].
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, g.base)
	if !ok {
		http.NotFound(w, r)
		return
	}
	path, id, isSession := strings.Cut(strings.Trim(path, "/"), "/s/")
	room, stream, _ := strings.Cut(path, "/")
	if room == "" || strings.Contains(stream, "/") || g.publish && stream == "" {
		http.NotFound(w, r)
		return
	}
	allow := "POST, OPTIONS"
	if isSession {
		allow = "PATCH, DELETE, OPTIONS"
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Accept-Post", typeSDP)
		w.Header().Set("Accept-Patch", typeFragment)
		w.Header().Set("Allow", allow)
		w.Header().Set("Access-Control-Allow-Methods", allow)
		w.WriteHeader(http.StatusOK)
		return
	}
	if !strings.Contains(allow, r.Method) {
		w.Header().Set("Allow", allow)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	grant, err := g.auth(r, room, stream, g.publish)
	if err != nil {
		refuse(w, err)
		return
	}
	if !isSession {
		g.open(w, r, room, stream, grant)
		return
	}
	g.mu.Lock()
	s := g.sessions[id]
	g.mu.Unlock()
	if s == nil || s.room != room || s.stream != stream {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodDelete {
		g.mu.Lock()
		delete(g.sessions, id) // at once: a second DELETE finds nothing
		g.mu.Unlock()
		s.peer.Close()
		w.WriteHeader(http.StatusOK)
		return
	}
	g.patch(w, r, s)
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrUnauthorized):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	case errors.Is(err, ErrLimit):
		http.Error(w, "too much", http.StatusTooManyRequests)
	case errors.Is(err, ErrSDP):
		http.Error(w, "unusable session description", http.StatusBadRequest)
	case errors.Is(err, ErrClosed):
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		http.Error(w, "closing", http.StatusServiceUnavailable)
	default:
		http.Error(w, "forbidden", http.StatusForbidden)
	}
}

// body reads a request's body of one content type.
func body(w http.ResponseWriter, r *http.Request, contentType string, limit int) (string, bool) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != contentType {
		http.Error(w, "want "+contentType, http.StatusUnsupportedMediaType)
		return "", false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		} else {
			http.Error(w, "unreadable", http.StatusBadRequest)
		}
		return "", false
	}
	return string(b), true
}

// open makes a session of an offer.
func (g *gateway) open(w http.ResponseWriter, r *http.Request, room, stream string, grant Grant) {
	offer, ok := body(w, r, typeSDP, g.sfu.cfg.Limits.SDPBytes)
	if !ok {
		return
	}
	s := &session{room: room, stream: stream, offer: offer}
	var p *Peer
	opts := JoinOptions{Permissions: Permissions{Subscribe: !g.publish, PublishAudio: g.publish, PublishVideo: g.publish, PublishScreen: g.publish,
		AlwaysHeard: grant.AlwaysHeard}}
	opts.Events.State = func(_ string, state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			s.peer.Close()
		}
	}
	if !g.publish {
		opts.answering, opts.only = true, stream
	}
	p, err := g.sfu.Room(room).Join(grant.Peer, opts)
	if err != nil {
		refuse(w, err)
		return
	}
	s.peer = p
	answer, err := g.negotiate(p, offer)
	if err != nil {
		p.Close()
		if errors.Is(err, errNothingToWatch) {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
			http.Error(w, "nothing to watch yet", http.StatusConflict)
			return
		}
		refuse(w, err)
		return
	}
	if grant.Opened != nil {
		grant.Opened(p)
	}
	id := rand.Text()
	g.keep(id, s)
	s.etag = etag(answer)
	location := g.base + room
	if stream != "" {
		location += "/" + stream
	}
	h := w.Header()
	for _, link := range s.links(grant) {
		h.Add("Link", link)
	}
	h.Set("Content-Type", typeSDP)
	h.Set("Location", location+"/s/"+id)
	h.Set("ETag", s.etag)
	h.Set("Accept-Patch", typeFragment)
	w.WriteHeader(http.StatusCreated)
	// A client that went away takes its session with it by ICE.
	_, _ = io.WriteString(w, answer)
}

// links are the servers that the session may use, until it ends.
func (s *session) links(grant Grant) (links []string) {
	if grant.Servers == nil {
		return nil
	}
	servers, end := grant.Servers()
	s.peer.sfu.wg.Go(func() {
		<-s.peer.Done()
		end()
	})
	for _, server := range servers {
		for _, url := range server.URLs {
			link := "<" + url + `>; rel="ice-server"`
			if server.Username != "" {
				link += fmt.Sprintf(`; username=%q; credential=%q; credential-type="password"`, server.Username, server.Credential)
			}
			links = append(links, link)
		}
	}
	return links
}

func (g *gateway) negotiate(p *Peer, offer string) (string, error) {
	if g.publish {
		return p.Publish(offer)
	}
	return p.answerSubscribe(offer)
}

// keep holds a session until its peer is closed.
func (g *gateway) keep(id string, s *session) {
	g.mu.Lock()
	g.sessions[id] = s
	g.mu.Unlock()
	g.sfu.wg.Go(func() {
		<-s.peer.Done()
		g.mu.Lock()
		delete(g.sessions, id)
		g.mu.Unlock()
	})
}

// patch takes trickled candidates, or restarts ICE when the fragment has new
// credentials (RFC 9725 section 4.3).
func (g *gateway) patch(w http.ResponseWriter, r *http.Request, s *session) {
	text, ok := body(w, r, typeFragment, maxFragment)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := parseFragment(text)
	if err != nil || !f.within(s.offer) {
		http.Error(w, "unusable fragment", http.StatusBadRequest)
		return
	}
	restart := f.ufrag != "" && f.ufrag != attribute(s.offer, "ice-ufrag")
	if code := precondition(r.Header.Values("If-Match"), s.etag, restart); code != 0 {
		http.Error(w, "If-Match: want * for an ICE restart, else the ETag of the last answer", code)
		return
	}
	if restart {
		g.restart(w, s, f)
		return
	}
	if err := g.trickle(s, f); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// precondition decides about the If-Match of a PATCH: candidates are for the ICE session that they name (RFC 9725
// section 4.3.2), a restart is for whichever there is (section 4.3.3, whose figure writes the asterisk in quotes).
// It returns 0, or 428 for a missing field and 412 for another session (section 4.3.1).
func precondition(match []string, etag string, restart bool) int {
	if len(match) == 0 {
		return http.StatusPreconditionRequired
	}
	for tag := range strings.SplitSeq(strings.Join(match, ","), ",") {
		switch tag = strings.TrimSpace(tag); {
		case tag == etag, restart && (tag == "*" || tag == `"*"`):
			return 0
		}
	}
	return http.StatusPreconditionFailed
}

// trickle gives the peer a fragment's candidates. One of a kind unknown here (mDNS, TCP) is no fault of the client's
// (RFC 9725 section 4.3.2).
func (g *gateway) trickle(s *session, f fragment) error {
	target := TargetSubscribe
	if g.publish {
		target = TargetPublish
	}
	for _, c := range f.candidates {
		if err := s.peer.Candidate(target, c); errors.Is(err, ErrLimit) || errors.Is(err, ErrClosed) {
			return err
		}
	}
	return nil
}

// restart negotiates the first offer again with the new credentials. Its candidates were the ICE session's before;
// those of the fragment follow as trickled ones do, for the sections that they name. Until the new session connects
// the old one goes on (RFC 9725 section 4.3.3).
func (g *gateway) restart(w http.ResponseWriter, s *session, f fragment) {
	offer := replaceAttribute(replaceAttribute(withoutCandidates(s.offer), "ice-ufrag", f.ufrag), "ice-pwd", f.pwd)
	answer, err := g.negotiate(s.peer, offer)
	if err == nil {
		s.offer, s.etag = offer, etag(answer)
		err = g.trickle(s, f)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("ETag", s.etag)
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, answerFragment(answer))
}

// etag names an ICE session by our credentials.
func etag(answer string) string { return fmt.Sprintf("%q", attribute(answer, "ice-ufrag")) }

// CloseWatchers ends the room's WHEP sessions. Players that still may watch ask again.
func (r *Room) CloseWatchers() {
	r.mu.Lock()
	var watchers []*Peer
	for _, p := range r.peers {
		if p.answering {
			watchers = append(watchers, p)
		}
	}
	r.mu.Unlock()
	for _, p := range watchers {
		p.close("watching ended")
	}
}
