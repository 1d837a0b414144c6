package media

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"yunting/media/floor"
)

// Room is a set of peers that forward to each other. Its methods are safe
// for concurrent use.
type Room struct {
	sfu *SFU
	id  string

	floor    *floor.Floor
	forwards forwardLog

	mu         sync.Mutex // guards what follows and every peer's permissions
	closed     bool
	peers      map[string]*Peer
	tracks     map[string]*track // by TrackInfo.ID
	recordings map[*recording]bool
	trackCount int // ever published, for unique ids
	speaking   []Speaker
	first      string // the peer that fills the screen
	onSpeaking map[int]func([]Speaker)
	listeners  int // ever added to onSpeaking
}

// peerID is the token of RFC 8830's msid, short enough for ".screen".
var peerID = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+\-.^_{|}~]{1,56}$`)

// Join adds a peer. A peer that joins under an id that is present replaces
// the old one, which is closed with the reason "replaced". An id is 1 to 56
// characters of an SDP token.
func (r *Room) Join(id string, opts JoinOptions) (*Peer, error) {
	if !peerID.MatchString(id) {
		return nil, fmt.Errorf("media: peer id %q is not an SDP token of at most 56 characters", id)
	}
	p := newPeer(r, id, opts)
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, ErrClosed
	}
	old := r.peers[id]
	r.peers[id] = p
	p.start()
	r.mu.Unlock()
	r.sfu.metrics.peers.Inc()
	if old != nil {
		r.sfu.metrics.peersReplaced.Inc()
		old.close("replaced")
	}
	p.wakeUp()
	return p, nil
}

// Peer returns the peer with this id, or nil.
func (r *Room) Peer(id string) *Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[id]
}

// Peers returns the peers whose ids begin with prefix.
func (r *Room) Peers(prefix string) []*Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*Peer
	for id, p := range r.peers {
		if strings.HasPrefix(id, prefix) {
			out = append(out, p)
		}
	}
	return out
}

// Tracks lists what is published and was permitted at least once, ordered by id.
func (r *Room) Tracks() []TrackInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []TrackInfo
	for _, id := range slices.Sorted(maps.Keys(r.tracks)) {
		if t := r.tracks[id]; t.announced {
			out = append(out, t.info)
		}
	}
	return out
}

// Close closes all peers of the room and forgets it.
func (r *Room) Close() {
	r.mu.Lock()
	r.closed = true
	peers := slices.Collect(maps.Values(r.peers))
	r.mu.Unlock()
	for _, p := range peers {
		p.close("room closed")
	}
	r.sfu.forget(r)
}

// remove forgets a closed peer.
func (r *Room) remove(p *Peer) {
	r.mu.Lock()
	if r.peers[p.id] == p {
		delete(r.peers, p.id)
	}
	r.mu.Unlock()
	r.sfu.metrics.peers.Dec()
}

// wakeAll lets every peer compare what it receives with what it may receive.
func (r *Room) wakeAll() {
	r.mu.Lock()
	peers := slices.Collect(maps.Values(r.peers))
	r.mu.Unlock()
	for _, p := range peers {
		p.wakeUp()
	}
}

// mayReceiveLocked is the one rule of who receives what.
func (r *Room) mayReceiveLocked(p *Peer, t *track) bool {
	if p == t.peer || !p.perm.Subscribe || !t.announced {
		return false
	}
	from := &t.peer.perm
	return !from.HiddenFromAll && !slices.Contains(from.HiddenFrom, p.id) && (p.only == "" || t.named(p.only))
}

// mayPublish tells whether perm lets a track through.
func mayPublish(perm *Permissions, t TrackInfo) bool {
	switch {
	case t.Kind == KindAudio:
		return perm.PublishAudio
	case t.Source == SourceScreen:
		return perm.PublishScreen
	}
	return perm.PublishVideo
}

// enforceLocked brings every track and subscription of the room in line with
// the permissions. Packets stop with the flags, before any negotiation.
func (r *Room) enforceLocked() {
	for _, t := range r.tracks {
		allowed := mayPublish(&t.peer.perm, t.info)
		t.permitted.Store(allowed)
		t.followLocked()
		t.announced = t.announced || allowed
		for _, s := range t.subscriptions() {
			s.allowed.Store(r.mayReceiveLocked(s.peer, t))
		}
	}
}

// visible lists the tracks that p is to receive.
func (r *Room) visible(p *Peer) []*track {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*track
	for _, id := range slices.Sorted(maps.Keys(r.tracks)) {
		if t := r.tracks[id]; r.mayReceiveLocked(p, t) {
			out = append(out, t)
		}
	}
	return out
}

// addTrack publishes t under a new id and attaches the recordings.
func (r *Room) addTrack(t *track) bool {
	r.mu.Lock()
	if r.closed || r.peers[t.peer.id] != t.peer {
		r.mu.Unlock()
		return false
	}
	r.trackCount++
	t.info.ID = fmt.Sprintf("%s.%s.%d", t.peer.id, t.info.Source, r.trackCount)
	r.tracks[t.info.ID] = t
	t.announced = mayPublish(&t.peer.perm, t.info)
	t.permitted.Store(t.announced)
	t.enterFloorLocked()
	t.followLocked()
	recordings := slices.Collect(maps.Keys(r.recordings))
	r.mu.Unlock()
	r.sfu.metrics.tracks.Inc()
	for _, rec := range recordings {
		rec.attach(t)
	}
	r.wakeAll()
	return true
}

// removeTrack ends a track for its receivers.
func (r *Room) removeTrack(t *track) {
	r.mu.Lock()
	gone := r.tracks[t.info.ID] == t
	if gone {
		delete(r.tracks, t.info.ID)
	}
	r.mu.Unlock()
	if gone {
		r.sfu.metrics.tracks.Dec()
		r.wakeAll()
	}
}
