package signaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/identity"
	"yunting/media"
	"yunting/media/relay"
)

// What reaches a room's goroutine.
type (
	event      interface{}
	enterEvent struct {
		conn    *conn
		resume  string
		page    string
		attempt int
	}
	goneEvent struct {
		conn  *conn
		cause error
	}
	requestEvent struct {
		conn *conn
		ref  string
		req  request
	}
	qualityEvent struct {
		person uuid.UUID
		level  int
	}
	stateEvent    struct{ answer chan<- State }
	shutdownEvent struct{}
)

// member is a person and what the room alone knows of them.
type member struct {
	Person
	actor    identity.Actor
	admitted bool
	conn     *conn       // nil while no socket is held
	peer     *media.Peer // nil while none stands
	resume   string      // the token of the last welcome
	proven   string      // the token that the last page came in with: the welcome after it may not have arrived
	page     string      // that holds the socket, or held it last; empty when it gave itself no name
	attempt  int         // which of the page's sockets
	lostAt   time.Time   // when the socket went, while Connection is ConnLost
	closed   bool        // the loss was a closed page, not a broken connection
	ticket   string      // of the relay, while they may use it
}

// room is one hearing's room. Its goroutine, run, owns every field below "owned by run".
type room struct {
	hub *Hub
	log *slog.Logger
	id  uuid.UUID
	in  chan event // without a buffer: what was delivered is handled

	ready   chan struct{} // closed when loaded or failed to
	loadErr error         // set before ready closes
	done    chan struct{} // closed when run has ended

	// owned by run
	hearing    docket.Hearing
	people     map[uuid.UUID]*member
	lines      []line
	answers    []answer
	replaces   bool            // the recording stands for the transcript (AV 8)
	integrity  *integrityReply // nil until there is a value
	media      *media.Room
	recording  *recording
	forwarding *forwarding // while the hearing is open
	pause      *pause      // the judge paused the recording of the open hearing; nil: not
	private    []span      // when the audience was out
	screen     uuid.UUID   // whose screen is shared; uuid.Nil: nobody's
	fault      *fault      // nil: whatever is to be recorded is recorded
	emptyAt    time.Time   // since when nobody is connected
}

func newRoom(h *Hub, hearing uuid.UUID) *room {
	return &room{
		hub: h, id: hearing, log: h.log.With("hearing", hearing),
		in: make(chan event), ready: make(chan struct{}), done: make(chan struct{}),
		people: make(map[uuid.UUID]*member),
	}
}

// deliver hands an event to the room's goroutine; false when the room has ended.
func (r *room) deliver(e event) bool {
	select {
	case r.in <- e:
		return true
	case <-r.done:
		return false
	}
}

// offer hands an event over only when the room is free to take it.
func (r *room) offer(e event) {
	select {
	case r.in <- e:
	default:
	}
}

// run owns the room from loading to its end.
func (r *room) run() {
	defer close(r.done)
	defer r.hub.forget(r)
	if r.loadErr = r.load(); r.loadErr != nil {
		close(r.ready)
		return
	}
	r.media = r.hub.cfg.SFU.Room(r.id.String())
	r.emptyAt = time.Now()
	r.resumeRecording()
	r.followForwarding()
	defer r.endForwarding()
	close(r.ready)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case e := <-r.in:
			if r.handle(e) {
				return
			}
		case <-tick.C:
			r.expire(r.hub.now())
			r.mend(r.hub.now())
			if r.recording == nil && r.connected() == 0 && time.Since(r.emptyAt) > idleTimeout {
				return
			}
		}
	}
}

// handle carries out one event; true ends the room.
func (r *room) handle(e event) bool {
	switch e := e.(type) {
	case enterEvent:
		r.enter(e)
	case goneEvent:
		r.goneFrom(e)
	case requestEvent:
		r.request(e)
	case qualityEvent:
		r.quality(e)
	case recorderEvent:
		r.recorder(e)
	case spaceEvent:
		r.space(e)
	case sealedEvent:
		if err := r.showIntegrity(); err != nil {
			r.log.Error("signaling: integrity value is not shown", "error", err)
		}
	case stateEvent:
		e.answer <- r.state()
	case shutdownEvent:
		r.shutdown()
		return true
	}
	return false
}

// shutdown sends everybody away for a while and finishes the recording.
func (r *room) shutdown() {
	for _, m := range r.people {
		if m.conn != nil {
			m.conn.tellDrain()
		}
	}
	r.endScreen(screenStopped)
	r.endRecording("server_stopped")
	r.media.Close() // before run ends the list of who received whom
}

func (r *room) connected() int {
	n := 0
	for _, m := range r.people {
		if m.conn != nil {
			n++
		}
	}
	return n
}

// enter takes a connection in: a person who comes for the first time, again, or back after a fault.
func (r *room) enter(e enterEvent) {
	c := e.conn
	m := r.people[c.actor.Account]
	if m == nil {
		if len(r.people) >= maxPeople {
			c.close(errFull)
			return
		}
		m = &member{Person: Person{ID: c.actor.Account, Standing: StandAbsent, Connection: ConnNone}}
		r.people[m.ID] = m
	}
	if m.Standing == StandRemoved {
		c.close(errRemoved)
		return
	}
	if e.page != "" && e.page == m.page && e.attempt < m.attempt {
		c.close(errReplaced) // a socket that the page gave up arrives after the one that it opened instead
		return
	}
	resumed := m.holds(e.resume)
	if e.resume != "" && !resumed && m.conn != nil {
		c.close(errReplaced) // an earlier page that wakes up: the later one keeps the place until the person asks otherwise
		return
	}
	m.proven, m.page, m.attempt = clip(e.resume, maxRef), e.page, e.attempt
	if m.conn != nil {
		m.conn.close(errReplaced)
	}
	was := m.Person
	lost := r.hub.now().Sub(m.lostAt)
	byNetwork := was.Connection == ConnLost && !m.closed
	m.conn, m.actor, m.resume = c, c.actor, rand.Text()
	m.Name, m.Seat, m.Connection = c.actor.Name, c.seat, ConnOnline
	m.lostAt, m.closed = time.Time{}, false
	if m.peer != nil {
		r.hub.releaseMedia(m.peer) // by the ticket of the earlier connection
		if !resumed || ended(m.peer) {
			m.peer.Close()
			m.peer = nil
		}
		if !resumed && r.recording != nil {
			r.recording.rec.TakenOver(m.ID.String())
		}
	}
	if !resumed && r.screen == m.ID {
		r.endScreen(screenGone) // another page, which shares nothing
	}
	r.stand(m)
	c.peer.Store(m.peer)
	c.send(r.welcome(m, resumed)) // at once: a person who comes back waits for nothing that only the record needs
	if m.peer != nil {
		m.peer.SetEvents(c.events(r, m.ID, nil))
	}
	if err := r.noteArrival(m, was, byNetwork, lost); err != nil {
		r.log.Error("signaling: arrival is not recorded", "error", err)
	}
	r.broadcast(&personReply{m.Person}, m.ID)
}

// holds reports whether a token is one that this person was given for coming back.
func (m *member) holds(token string) bool {
	given := []byte(token)
	latest := subtle.ConstantTimeCompare(given, []byte(m.resume)) == 1
	before := subtle.ConstantTimeCompare(given, []byte(m.proven)) == 1
	return token != "" && (latest || before)
}

// noteArrival records that a person is back, or in the hearing.
func (r *room) noteArrival(m *member, was Person, byNetwork bool, lost time.Duration) error {
	switch {
	case m.Standing != StandPresent || r.hearing.Phase == docket.PhaseClosed:
		return nil
	case byNetwork:
		return r.note(m.actor, docket.EventNetworkRestored, personNote{Account: m.ID, Name: m.Name, Milliseconds: lost.Milliseconds()})
	case was.Standing != StandPresent:
		return r.note(m.actor, docket.EventJoined, personNote{Account: m.ID, Name: m.Name, Seat: m.Seat})
	}
	return nil
}

// stand works out where a connected person is on the way in.
func (r *room) stand(m *member) {
	switch {
	case !m.Declared:
		m.Standing = StandDeclaring
	case m.Seat.party() && !m.admitted:
		m.Standing = StandLobby
	default:
		m.Standing = StandPresent
	}
}

// goneFrom takes note that a socket ended.
func (r *room) goneFrom(e goneEvent) {
	m := r.people[e.conn.actor.Account]
	if m == nil || m.conn != e.conn {
		return // another connection took its place long ago
	}
	m.conn, m.Hand, m.Quality = nil, nil, 0
	if r.connected() == 0 {
		r.emptyAt = time.Now()
	}
	switch {
	case errors.Is(e.cause, errLeft):
		r.left(m, "leave_button")
	case errors.Is(e.cause, errRevoked):
		r.left(m, "ticket_ended")
	case m.Standing == StandRemoved:
		m.Connection = ConnNone
	case m.Standing != StandPresent, r.hearing.Phase == docket.PhaseClosed:
		m.Standing, m.Connection = StandAbsent, ConnNone
		r.dropPeer(m)
	default:
		kind, code := lossOf(e.cause)
		m.Connection, m.lostAt, m.closed = ConnLost, r.hub.now(), kind == "page_closed"
		if !m.closed {
			r.noteOrLog(m.actor, docket.EventNetworkLost, personNote{Account: m.ID, Name: m.Name, Cause: kind, CloseCode: code})
		}
		if m.peer != nil {
			r.hub.HoldMedia(m.peer, e.conn.ticket())
		}
	}
	r.broadcast(&personReply{m.Person}, m.ID)
}

// left is a person's going by their own act.
func (r *room) left(m *member, cause string) {
	if m.Standing == StandPresent && r.hearing.Phase != docket.PhaseClosed {
		r.noteOrLog(m.actor, docket.EventLeft, personNote{Account: m.ID, Name: m.Name, Cause: cause})
	}
	m.Standing, m.Connection = StandLeft, ConnNone
	r.dropPeer(m)
}

func (r *room) dropPeer(m *member) {
	if r.screen == m.ID {
		r.endScreen(screenGone)
	}
	if m.peer != nil {
		m.peer.Close()
		m.peer = nil
	}
	if m.ticket != "" {
		r.hub.cfg.Ways.Revoke(m.ticket)
		m.ticket = ""
	}
}

// ways are the STUN and TURN servers of one who is in, by a ticket that ends with their media peer.
func (r *room) ways(m *member) []relay.ICEServer {
	if m.ticket == "" {
		m.ticket = r.id.String() + ":" + m.ID.String() + ":" + rand.Text()
	}
	return r.hub.cfg.Ways.Servers(m.ticket)
}

// expire ends what waited long enough: a closed page is a leaving after a while, a lost person's
// media is let go.
func (r *room) expire(now time.Time) {
	for _, m := range r.people {
		if m.Connection != ConnLost {
			continue
		}
		away := now.Sub(m.lostAt)
		if m.closed && away > closedGrace {
			r.left(m, "page_closed")
			r.broadcast(&personReply{m.Person}, m.ID)
		} else if away > peerGrace {
			r.dropPeer(m)
		}
	}
}

func (r *room) quality(e qualityEvent) {
	m := r.people[e.person]
	if m == nil || m.conn == nil || m.Quality == e.level {
		return
	}
	m.Quality = e.level
	r.broadcast(&personReply{m.Person}, uuid.Nil)
}

// welcome is the whole state as one person may see it: before they are in, nothing of what is said.
func (r *room) welcome(m *member, resumed bool) *welcomeReply {
	w := &welcomeReply{
		Version: Version, You: m.ID, Resume: m.resume, Resumed: resumed, Media: m.peer != nil,
		Now: r.hub.now().UTC(), Room: r.status(), People: r.list(),
		Lines: []line{}, Answers: []answer{}, ICEServers: []relay.ICEServer{},
	}
	if m.Standing == StandPresent {
		w.Lines, w.Answers = r.linesFor(m), r.answers
		w.Integrity = r.integrity
		w.ICEServers = r.ways(m)
	}
	return w
}

// status is the hearing's state as a message.
func (r *room) status() roomReply {
	s := roomReply{
		Phase: r.hearing.Phase, Next: r.hearing.NextPhases(), Light: r.light(), Pause: r.pause,
		Reasons:  interruption.Reasons(r.hearing.Public),
		OpenedAt: r.hearing.OpenedAt, ClosedAt: r.hearing.ClosedAt,
	}
	s.Recording = s.Light == lightOn
	if r.screen != uuid.Nil {
		screen := r.screen
		s.Screen = &screen
	}
	if r.recording != nil {
		since := r.recording.since
		s.RecordingSince = &since
	}
	if r.fault != nil {
		s.Fault = &faultReply{Kind: r.fault.kind, Since: r.fault.since, Choices: r.faultCase().Choices(), Without: r.fault.without}
	}
	return s
}

// The recording light that everybody sees.
const (
	lightOff    = "off"
	lightOn     = "on"
	lightPaused = "paused"
	lightFault  = "fault"
)

func (r *room) light() string {
	switch {
	case r.fault != nil && r.hearing.Phase != docket.PhaseClosed:
		return lightFault
	case r.hearing.Phase == docket.PhaseRecess, r.pause != nil:
		return lightPaused
	case r.recording != nil:
		return lightOn
	}
	return lightOff
}

func (r *room) tellStatus() {
	status := r.status()
	r.broadcast(&status, uuid.Nil)
}

// list is everybody, in the order of the seats.
func (r *room) list() []Person {
	people := make([]Person, 0, len(r.people))
	for _, m := range r.people {
		people = append(people, m.Person)
	}
	slices.SortFunc(people, func(a, b Person) int {
		return cmp.Or(cmp.Compare(seatOrder(a.Seat), seatOrder(b.Seat)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	return people
}

func seatOrder(s Seat) int {
	return slices.Index([]Seat{SeatJudge, SeatClerk, SeatPlaintiff, SeatDefendant, SeatThird, SeatObserver}, s)
}

func (r *room) state() State {
	return State{
		Hearing: r.id, Phase: r.hearing.Phase, Recording: r.light() == lightOn, Private: r.pause != nil,
		People: r.list(), Lines: len(r.lines),
	}
}

// broadcast sends a reply to everybody connected but one.
func (r *room) broadcast(reply reply, except uuid.UUID) {
	r.tell(reply, func(m *member) bool { return m.ID != except })
}

// tell sends a reply to those of the connected who are wanted; it is encoded once.
func (r *room) tell(reply reply, wanted func(*member) bool) {
	data, err := encode(reply)
	if err != nil {
		r.log.Error("signaling: reply", "error", err)
		return
	}
	for _, m := range r.people {
		if m.conn != nil && wanted(m) {
			m.conn.sendBytes(data)
		}
	}
}

// personNote is the data of an event that concerns one person.
type personNote struct {
	Account         uuid.UUID `json:"account"`
	Name            string    `json:"name"`
	Seat            Seat      `json:"seat,omitempty"`
	Cause           string    `json:"cause,omitempty"`
	CloseCode       int       `json:"close_code,omitempty"`
	Milliseconds    int64     `json:"milliseconds,omitempty"`
	IdentityChecked bool      `json:"identity_checked,omitempty"`
	Reason          string    `json:"reason,omitempty"`
}

// note records an event of the hearing.
func (r *room) note(actor identity.Actor, kind string, data any) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.hub.cfg.Docket.HearingEvent(ctx, actor, r.id, kind, data); err != nil {
		return fmt.Errorf("signaling: record %s: %w", kind, err)
	}
	return nil
}

// noteOrLog records what has happened whether or not the record can be written, such as a lost connection.
func (r *room) noteOrLog(actor identity.Actor, kind string, data any) {
	if err := r.note(actor, kind, data); err != nil {
		r.log.Error("signaling: event is not recorded", "kind", kind, "error", err)
	}
}
