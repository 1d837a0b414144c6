package signaling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/media"
	"yunting/media/relay"
)

// The bounds on what one client or room can demand.
const (
	maxMessage   = 160 << 10 // bytes of one message; a session description is the largest
	maxRef       = 64        // bytes of a request's reference
	maxQueue     = 512       // messages that wait for one client; one more and it is slow
	maxPeople    = 200       // connections of one room
	maxRate      = 40        // messages a second of one client, sustained
	maxBurst     = 240       // and at once
	maxReason    = 500       // runes of a reason or note
	helloTimeout = 10 * time.Second
	writeTimeout = 8 * time.Second
	pingEvery    = 2 * time.Second
	pongTimeout  = 7 * time.Second  // silence after which a connection is lost
	drainTimeout = time.Second      // for the client's close frame after ours
	peerGrace    = 90 * time.Second // how long a lost person's media peer waits for them
	storeTimeout = 15 * time.Second // of one call into docket
	closedGrace  = 30 * time.Second // after which a closed page is a leaving
	drainRetry   = 2 * time.Second  // after which clients of a server that goes down come back
	drainRestart = "restart"        // the only reason so far
	idleTimeout  = 2 * time.Minute  // an empty room that records nothing is put away
)

// ErrShutdown says that the hub takes no one in any more.
var ErrShutdown = errors.New("signaling: shutting down")

// Seat is where a person sits in one hearing.
type Seat string

// The seats.
const (
	SeatJudge     Seat = "judge"       // 审判员
	SeatClerk     Seat = "clerk"       // 书记员
	SeatPlaintiff Seat = "plaintiff"   // 原告
	SeatDefendant Seat = "defendant"   // 被告
	SeatThird     Seat = "third_party" // 第三人
	SeatObserver  Seat = "observer"    // 旁听: sees and hears, does nothing
)

// SeatOf works out a person's seat from what they are in the case; somebody without a standing observes.
func SeatOf(standings []identity.Standing) Seat {
	order := []struct {
		standing identity.Standing
		seat     Seat
	}{
		{identity.StandingJudge, SeatJudge}, {identity.StandingClerk, SeatClerk},
		{identity.StandingPlaintiff, SeatPlaintiff}, {identity.StandingDefendant, SeatDefendant},
		{identity.StandingThird, SeatThird},
	}
	for _, o := range order {
		for _, s := range standings {
			if s == o.standing {
				return o.seat
			}
		}
	}
	return SeatObserver
}

// party reports whether the seat is one of the case's parties.
func (s Seat) party() bool {
	return s == SeatPlaintiff || s == SeatDefendant || s == SeatThird
}

// Config is what a Hub needs. Docket, SFU, Blobs and RecordingDir are required.
type Config struct {
	Docket *docket.Docket
	SFU    *media.SFU
	Blobs  blob.Store
	// RecordingDir is where recordings grow until they are finished and go to Blobs.
	RecordingDir string
	// Origins are the web origins ("https://court.example") that may open a socket besides the
	// one that the request's own Host header names.
	Origins []string
	// Ways are the STUN and TURN servers that clients are told of; nil is none, for the media port is public.
	Ways *relay.Ways
	// Name tells an account's name, for people who have not arrived yet; parties' names come from
	// the case. Nil leaves the judge's and clerk's tiles nameless until they arrive.
	Name    func(ctx context.Context, account uuid.UUID) (string, error)
	Now     func() time.Time // time.Now when nil
	Logger  *slog.Logger     // discards when nil
	Metrics *vm.Set          // takes the metrics; nil keeps them private
}

// Hub holds the hearing rooms of one server. It is safe for concurrent use.
type Hub struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics
	now      func() time.Time
	upgrader websocket.Upgrader
	sockets  sync.WaitGroup  // one for each Serve that runs
	finishes sync.WaitGroup  // recordings that are being finished
	sealing  sync.Mutex      // held while a session is settled, see settle
	low      atomic.Bool     // see SetLowSpace
	ctx      context.Context // ends with Shutdown
	end      context.CancelFunc
	checks   sync.WaitGroup // of tickets

	mu      sync.Mutex // guards the fields below; nothing is called while it is held
	rooms   map[uuid.UUID]*room
	conns   map[*conn]bool         // that Serve runs
	held    map[*media.Peer]Ticket // media without a socket
	closing bool
}

// New makes a hub. Call Start before the first Serve.
func New(cfg Config) (*Hub, error) {
	if cfg.Docket == nil || cfg.SFU == nil || cfg.Blobs == nil || cfg.RecordingDir == "" {
		return nil, errors.New("signaling: Docket, SFU, Blobs and RecordingDir are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.RecordingDir, 0o700); err != nil {
		return nil, fmt.Errorf("signaling: recording directory: %w", err)
	}
	dir, err := filepath.Abs(cfg.RecordingDir)
	if err != nil {
		return nil, fmt.Errorf("signaling: recording directory: %w", err)
	}
	cfg.RecordingDir = dir
	h := &Hub{cfg: cfg, log: cfg.Logger, now: cfg.Now, rooms: make(map[uuid.UUID]*room), conns: make(map[*conn]bool),
		held: make(map[*media.Peer]Ticket), metrics: newMetrics(cfg.Metrics)}
	h.ctx, h.end = context.WithCancel(context.Background())
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: helloTimeout, ReadBufferSize: 4 << 10, WriteBufferSize: 16 << 10,
		CheckOrigin: h.originAllowed,
	}
	return h, nil
}

// Start finishes what recordings a crash left behind, here or on a machine that is gone, and gives them to docket. It
// must return before the first Serve, for it takes whatever lies in RecordingDir, and each session that is not settled,
// for a leftover: one server at a time runs on a database. A leftover that cannot be
// finished stays where it is, is logged, and does not keep the server from starting. Closed hearings that wait for
// nothing and have no integrity value get theirs.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.bringBack(ctx); err != nil {
		return err
	}
	if err := h.cfg.Docket.ClearSessions(ctx); err != nil {
		h.log.Warn("signaling: segments stay in the file store until the next start", "error", err)
	}
	if err := h.recover(ctx); err != nil {
		return err
	}
	return h.sealLeft(ctx)
}

// originAllowed keeps pages of other sites from opening a socket with the visitor's cookie (RFC 6455 10.2).
func (h *Hub) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true // not a browser: no ambient cookie to abuse
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, allowed := range h.cfg.Origins {
		if strings.EqualFold(strings.TrimRight(allowed, "/"), origin) {
			return true
		}
	}
	return false
}

// Serve upgrades the request to the room's socket and talks with one person until they go. The caller
// has authenticated and authorised actor, read hearing from docket and worked out the seat. It returns
// when the socket is closed.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, actor identity.Actor, hearing docket.Hearing, seat Seat) {
	h.mu.Lock()
	closing := h.closing
	if !closing {
		h.sockets.Add(1)
	}
	h.mu.Unlock()
	if closing {
		w.Header().Set("Retry-After", strconv.Itoa(int(drainRetry/time.Second)))
		http.Error(w, "the server is restarting", http.StatusServiceUnavailable)
		return
	}
	defer h.sockets.Done()
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.log.Info("signaling: socket refused", "hearing", hearing.ID, "error", err)
		return
	}
	c := newConn(h, ws, actor, hearing, seat)
	if !h.track(c) {
		c.tellDrain()
	}
	defer h.untrack(c)
	c.run()
}

// track keeps a connection, so that Shutdown ends it wherever it is; false when Shutdown has come.
func (h *Hub) track(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c] = true
	return !h.closing
}

func (h *Hub) untrack(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}

// enter hands a connection to its room, which is opened when need be.
func (h *Hub) enter(ctx context.Context, e enterEvent) (*room, error) {
	for {
		r, err := h.open(ctx, e.conn.hearing)
		if err != nil {
			return nil, err
		}
		if r.deliver(e) {
			return r, nil
		}
		<-r.done // it was put away just now: open it again
	}
}

// open returns the room of a hearing and starts it when it does not run.
func (h *Hub) open(ctx context.Context, hearing uuid.UUID) (*room, error) {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return nil, ErrShutdown
	}
	r, running := h.rooms[hearing]
	if !running {
		r = newRoom(h, hearing)
		h.rooms[hearing] = r
	}
	h.mu.Unlock()
	if !running {
		go r.run()
	}
	select {
	case <-r.ready:
		return r, r.loadErr
	case <-ctx.Done():
		return nil, fmt.Errorf("signaling: open room: %w", ctx.Err())
	}
}

// forget takes a room that has ended out of the map.
func (h *Hub) forget(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.id] == r {
		delete(h.rooms, r.id)
	}
}

// Room reports a room's state, and whether the room runs at all.
func (h *Hub) Room(hearing uuid.UUID) (State, bool) {
	h.mu.Lock()
	r := h.rooms[hearing]
	h.mu.Unlock()
	if r == nil {
		return State{}, false
	}
	answer := make(chan State, 1)
	if !r.deliver(stateEvent{answer}) {
		return State{}, false
	}
	select {
	case s := <-answer:
		return s, true
	case <-r.done:
		return State{}, false
	}
}

// Shutdown tells every room that the server goes down, closes the sockets with CloseRestart and returns
// when all recordings are finished and stored, or with an error when ctx ends before that. What could
// not be finished is recovered by the next Start. No Serve succeeds afterwards.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closing = true
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	conns := slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()
	for _, r := range rooms {
		r.deliver(shutdownEvent{})
	}
	for _, c := range conns { // who is in no room yet: device checks, and who did not say hello
		c.tellDrain()
	}
	ended := make(chan struct{})
	go func() { // ends when all rooms have, which Shutdown asked for above
		defer close(ended)
		for _, r := range rooms {
			<-r.done
		}
		h.sockets.Wait()
		h.end() // what waits for the disk waits for the next Start
		h.finishes.Wait()
		h.checks.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("signaling: shutdown: %w", ctx.Err())
	}
}
