package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/media"
)

// conn is one socket. Serve's goroutine reads, one goroutine writes; anybody may send or close.
type conn struct {
	hub     *Hub
	ws      *websocket.Conn
	actor   identity.Actor
	hearing uuid.UUID
	kase    uuid.UUID // of the hearing
	seat    Seat

	queue chan []byte   // to the writer; bounded, see send
	gone  chan struct{} // closed by close
	once  sync.Once
	cause error // why it ended; written once before gone closes

	eventsMu   sync.Mutex // guards generation, and orders what is told of media by it
	generation int        // of the media peer whose events are told

	room *room                      // set by the reader once the room took the connection in
	peer atomic.Pointer[media.Peer] // the person's media peer, set by the room
}

func newConn(h *Hub, ws *websocket.Conn, actor identity.Actor, hearing docket.Hearing, seat Seat) *conn {
	return &conn{
		hub: h, ws: ws, actor: actor, hearing: hearing.ID, kase: hearing.Case, seat: seat,
		queue: make(chan []byte, maxQueue), gone: make(chan struct{}),
	}
}

// run talks until the socket ends, tells the room how it ended, and waits for the writer.
func (c *conn) run() {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	err := c.read()
	c.close(err)
	<-written
	c.drain()
	if err := c.ws.Close(); err != nil {
		c.hub.log.Debug("signaling: close socket", "error", err)
	}
	if c.room != nil {
		c.room.deliver(goneEvent{c, c.cause})
	}
}

// drain reads on for a moment after the close frame: closing a socket with unread bytes resets the
// connection, and the client would never see the close code (RFC 6455 section 7.1.1).
func (c *conn) drain() {
	for {
		if _, _, err := c.ws.NextReader(); err != nil {
			return
		}
	}
}

// close ends the connection; the first cause counts.
func (c *conn) close(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.gone)
	})
}

// tellDrain says that the server goes down and when to come back, and ends the connection.
func (c *conn) tellDrain() {
	select {
	case <-c.gone:
	default:
		c.send(&drainReply{Reason: drainRestart, RetryAfter: drainRetry.Milliseconds()})
		c.close(errRestart)
	}
}

// send queues a reply. A client whose queue is full is closed: it may resume and gets the whole state.
func (c *conn) send(r reply) {
	data, err := encode(r)
	if err != nil {
		c.hub.log.Error("signaling: reply", "error", err)
		c.close(err)
		return
	}
	c.sendBytes(data)
}

func (c *conn) sendBytes(data []byte) {
	select {
	case c.queue <- data:
	default:
		c.close(errSlow)
	}
}

// write sends the queue and the pings, and at the end the close frame. It owns the socket's writing side.
func (c *conn) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case data := <-c.queue:
			if err := c.writeMessage(websocket.TextMessage, data); err != nil {
				c.close(err)
			}
		case <-ping.C:
			if err := c.writeMessage(websocket.PingMessage, nil); err != nil {
				c.close(err)
			}
		case <-c.gone:
			c.writeClose()
			return
		}
	}
}

func (c *conn) writeMessage(kind int, data []byte) error {
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("signaling: write deadline: %w", err)
	}
	if err := c.ws.WriteMessage(kind, data); err != nil {
		return fmt.Errorf("signaling: write: %w", err)
	}
	return nil
}

// writeClose sends what was queued before the end, such as the notice of a removal, and the close frame.
func (c *conn) writeClose() {
	var broken *net.OpError
	if errors.As(c.cause, &broken) || errors.Is(c.cause, errSlow) {
		c.sendCloseFrame()
		return
	}
	for {
		select {
		case data := <-c.queue:
			if c.writeMessage(websocket.TextMessage, data) != nil {
				c.sendCloseFrame() // the socket is broken; only the reader must be woken
				return
			}
		default:
			c.sendCloseFrame()
			return
		}
	}
}

func (c *conn) sendCloseFrame() {
	if err := c.ws.SetReadDeadline(time.Now().Add(drainTimeout)); err != nil {
		c.hub.log.Debug("signaling: read deadline", "error", err)
	}
	code, reason := closeOf(c.cause)
	frame := websocket.FormatCloseMessage(code, reason)
	if err := c.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second)); err != nil {
		c.hub.log.Debug("signaling: close frame", "error", err)
	}
}

// read takes the client's messages until the socket ends, and returns why it did.
func (c *conn) read() error {
	c.ws.SetReadLimit(maxMessage)
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(pongTimeout)) })
	if err := c.greet(); err != nil {
		return err
	}
	limit := rate.NewLimiter(maxRate, maxBurst)
	for {
		ref, req, err := c.next(pongTimeout)
		if err != nil {
			return err
		}
		if !limit.Allow() {
			return errFlood
		}
		if err := c.take(ref, req); err != nil {
			return err
		}
	}
}

// next reads one message within the time limit.
func (c *conn) next(timeout time.Duration) (string, request, error) {
	if err := c.ws.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return "", nil, fmt.Errorf("signaling: read deadline: %w", err)
	}
	select { // the writer's deadline for the drain may have come before ours
	case <-c.gone:
		return "", nil, c.cause
	default:
	}
	kind, data, err := c.ws.ReadMessage()
	select {
	case <-c.gone: // closed by us: the read error is only the echo
		return "", nil, c.cause
	default:
	}
	if err != nil {
		return "", nil, fmt.Errorf("signaling: read: %w", err)
	}
	if kind != websocket.TextMessage {
		return "", nil, protocolError(errors.New("messages are text"))
	}
	ref, req, err := decode(data)
	if err != nil {
		return "", nil, protocolError(err)
	}
	return ref, req, nil
}

// greet answers what may come before hello, the device check's clock and probe, and then enters the room.
func (c *conn) greet() error {
	probe := &probe{conn: c}
	defer probe.close()
	for range maxBeforeHello {
		_, req, err := c.next(helloTimeout)
		if err != nil {
			return err
		}
		switch req := req.(type) {
		case *clockRequest:
			c.send(&clockReply{Sent: req.Sent, Now: c.hub.now().UTC()})
		case *probeRequest:
			answer, err := probe.start(req.SDP)
			if err != nil {
				return protocolError(err)
			}
			c.send(&publishedReply{SDP: answer})
		case *waysRequest:
			c.send(&waysReply{ICEServers: probe.ways()})
		case *candidateRequest:
			if err := probe.candidate(req.Candidate); err != nil {
				return protocolError(err)
			}
		case *helloRequest:
			return c.enter(req)
		case *leaveRequest:
			return errLeft
		default:
			return protocolError(fmt.Errorf("%s before hello", req.kind()))
		}
	}
	return errFlood
}

// enter gives the connection to its room and waits until the room has taken it.
func (c *conn) enter(hello *helloRequest) error {
	if hello.Version != Version {
		return errVersion
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	r, err := c.hub.enter(ctx, enterEvent{conn: c, resume: hello.Resume, page: clip(hello.Page, maxRef), attempt: hello.Attempt})
	if err != nil {
		c.hub.log.Error("signaling: enter", "hearing", c.hearing, "error", err)
		if errors.Is(err, ErrShutdown) {
			return err
		}
		return &closeError{CloseUnavailable, "the room cannot be opened now"}
	}
	c.room = r
	return nil
}

// take carries out a request. What concerns only this person's media goes straight to their peer;
// everything else goes to the room.
func (c *conn) take(ref string, req request) error {
	switch req := req.(type) {
	case *clockRequest:
		c.send(&clockReply{Sent: req.Sent, Now: c.hub.now().UTC()})
	case *publishRequest:
		c.media(ref, func(p *media.Peer) error {
			answer, err := p.Publish(req.SDP)
			if err == nil {
				c.send(&publishedReply{SDP: answer})
			}
			return err
		})
	case *subscribedRequest:
		c.media(ref, func(p *media.Peer) error { return p.AnswerSubscribe(req.SDP) })
	case *candidateRequest:
		c.media(ref, func(p *media.Peer) error { return p.Candidate(req.Target, req.Candidate) })
	case *restartRequest:
		c.media(ref, (*media.Peer).Restart)
	case *viewRequest:
		c.media(ref, func(p *media.Peer) error { return p.Show(req.Shown) })
	case *leaveRequest:
		return errLeft
	case *helloRequest, *probeRequest, *waysRequest:
		return protocolError(fmt.Errorf("%s after hello", req.kind()))
	default:
		c.room.deliver(requestEvent{c, ref, req})
	}
	return nil
}

// media runs fn on the person's peer and answers the request. A refusal is told and the connection
// goes on: the client can always begin its media afresh.
func (c *conn) media(ref string, fn func(*media.Peer) error) {
	p := c.peer.Load()
	if p == nil {
		c.send(&failedReply{Ref: ref, Code: "no-media"})
		return
	}
	if err := fn(p); err != nil {
		c.hub.log.Debug("signaling: media request refused", "hearing", c.hearing, "error", err)
		code := "media"
		switch {
		case errors.Is(err, media.ErrClosed):
			code = "no-media"
		case errors.Is(err, media.ErrLimit):
			code = "media-limit"
		}
		c.send(&failedReply{Ref: ref, Code: code})
		return
	}
	if ref != "" {
		c.send(&doneReply{Ref: ref})
	}
}

// events are the media peer's notifications, which go straight to the client; what the room must know
// goes to the room. Nothing is told before gate closes (nil is open), so that no offer overtakes the
// reply that says that there is a peer; and nothing of an earlier peer is told once events was called
// again, for its offers would poison the client's new connections.
func (c *conn) events(r *room, person uuid.UUID, gate <-chan struct{}) media.Events {
	c.eventsMu.Lock()
	c.generation++
	mine := c.generation
	c.eventsMu.Unlock()
	tell := func(reply reply) {
		if gate != nil {
			<-gate
		}
		c.eventsMu.Lock()
		defer c.eventsMu.Unlock()
		if c.generation == mine {
			c.send(reply)
		}
	}
	return media.Events{
		Offer: func(sdp string) { tell(&subscribeReply{SDP: sdp}) },
		Candidate: func(target string, ice webrtc.ICECandidateInit) {
			tell(&candidateReply{Target: target, Candidate: ice})
		},
		Track: func(t media.TrackInfo, added bool) {
			tell(&trackReply{ID: t.ID, Peer: t.Peer, Media: t.Kind, Source: t.Source, Added: added})
		},
		Paused: func(t media.TrackInfo, paused bool) {
			tell(&pausedReply{ID: t.ID, Peer: t.Peer, Source: t.Source, Paused: paused})
		},
		Layers: func(t media.TrackInfo, off []string) {
			if off == nil {
				off = []string{}
			}
			tell(&layersReply{Source: t.Source, Off: off})
		},
		Speaking: func(speakers []media.Speaker, first string) {
			peers := make([]string, 0, len(speakers))
			for _, s := range speakers {
				peers = append(peers, s.Peer)
			}
			tell(&speakingReply{Peers: peers, First: first})
		},
		Quality: func(q media.Quality) { r.offer(qualityEvent{person, int(q.Score + 0.5)}) },
		Closed: func(reason string) {
			if reason != "replaced" {
				tell(&noticeReply{Code: "media-closed"})
			}
		},
	}
}

// lossOf describes how a socket ended, for the record: a page that was closed, a connection that went
// silent, or one that broke.
func lossOf(cause error) (kind string, code int) {
	var frame *websocket.CloseError
	if errors.As(cause, &frame) {
		if frame.Code == websocket.CloseGoingAway || frame.Code == ClosePutAway {
			return "page_closed", frame.Code
		}
		if frame.Code != websocket.CloseAbnormalClosure {
			return "socket_closed", frame.Code
		}
		return "socket_broken", frame.Code
	}
	var timeout net.Error
	if errors.As(cause, &timeout) && timeout.Timeout() {
		return "silent", 0
	}
	var known *closeError
	switch {
	case errors.As(cause, &known):
		return "closed_by_server", known.code
	case errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, io.EOF):
		return "socket_broken", 0
	}
	return "socket_broken", 0
}
