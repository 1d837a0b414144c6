//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"yunting/signaling"
)

const clockEvery = time.Second // a page asks for the court's time so often

// seat is one person's socket in the room.
type seat struct {
	ws      *websocket.Conn
	account uuid.UUID

	present   chan struct{} // closed when the person is in the hearing
	published chan string   // the server's answers
	offers    chan string   // the server's, of which the last counts
	ended     chan struct{} // closed when the socket is
	cause     error         // of the end; written before ended closes

	mu      sync.Mutex // guards what follows, and writing
	refs    int
	answers map[string]chan error // by ref
	in      bool                  // present is closed
	pcs     map[string]*webrtc.PeerConnection
	early   map[string][]webrtc.ICECandidateInit // by target, of connections without a description
}

// told is what the tool hears of the server's messages.
type told struct {
	Type      string                  `json:"type"`
	Ref       string                  `json:"ref"`
	Code      string                  `json:"code"`
	Detail    string                  `json:"detail"`
	SDP       string                  `json:"sdp"`
	Target    string                  `json:"target"`
	Candidate webrtc.ICECandidateInit `json:"candidate"`
	People    []signaling.Person      `json:"people"`
	Person    signaling.Person        `json:"person"`
}

// sit opens a socket.
func sit(ctx context.Context, base, name string, as signaling.Seat) (*seat, error) {
	q := url.Values{"name": {name}, "seat": {string(as)}}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, base+"?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("open the room's socket: %w", err)
	}
	s := &seat{ws: ws, account: account(name), present: make(chan struct{}), published: make(chan string, 1), offers: make(chan string, 1),
		ended: make(chan struct{}), answers: map[string]chan error{}, pcs: map[string]*webrtc.PeerConnection{}, early: map[string][]webrtc.ICECandidateInit{}}
	go s.read()
	go s.clock()
	return s, nil
}

// clock asks for the court's time as a page does.
func (s *seat) clock() {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.send("clock", map[string]any{"sent": float64(time.Now().UnixMilli())}) // a socket that ended says so to read
		case <-s.ended:
			return
		}
	}
}

func (s *seat) read() {
	defer close(s.ended)
	defer s.ws.Close()
	for s.cause == nil {
		var m told
		if err := s.ws.ReadJSON(&m); err != nil {
			s.cause = err
			return
		}
		s.cause = s.take(m)
	}
}

func (s *seat) take(m told) error {
	switch m.Type {
	case "welcome":
		s.look(m.People...)
	case "person":
		s.look(m.Person)
	case "done":
		s.settle(m.Ref, nil)
	case "failed":
		s.settle(m.Ref, fmt.Errorf("refused: %s %s", m.Code, m.Detail))
	case "published":
		s.published <- m.SDP
	case "subscribe":
		select {
		case <-s.offers: // an offer that nobody took, for nobody watches here
		default:
		}
		s.offers <- m.SDP
	case "candidate":
		return s.candidate(m.Target, m.Candidate)
	}
	return nil
}

// look notes when the person is in the hearing.
func (s *seat) look(people ...signaling.Person) {
	for _, p := range people {
		if p.ID == s.account && p.Standing == signaling.StandPresent && !s.in {
			s.in = true
			close(s.present)
		}
	}
}

func (s *seat) settle(ref string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, waits := s.answers[ref]; waits {
		answer <- err
		delete(s.answers, ref)
	}
}

func (s *seat) candidate(target string, c webrtc.ICECandidateInit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pc := s.pcs[target]
	if pc == nil {
		s.early[target] = append(s.early[target], c)
		return nil
	}
	return pc.AddICECandidate(c)
}

// described takes the candidates that come for pc from now on and those that
// came before it had the server's description.
func (s *seat) described(target string, pc *webrtc.PeerConnection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pcs[target] = pc
	for _, c := range s.early[target] {
		if err := pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	delete(s.early, target)
	return nil
}

func (s *seat) send(kind string, fields map[string]any) error {
	fields["type"] = kind
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ws.WriteJSON(fields)
}

// ask sends a request and waits until it is carried out.
func (s *seat) ask(ctx context.Context, kind string, fields map[string]any) error {
	answer := make(chan error, 1)
	s.mu.Lock()
	s.refs++
	ref := strconv.Itoa(s.refs)
	s.answers[ref] = answer
	s.mu.Unlock()
	fields["ref"] = ref
	if err := s.send(kind, fields); err != nil {
		return err
	}
	refusal, err := from(ctx, s, answer)
	if err == nil {
		err = refusal
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// from waits for what the server says.
func from[T any](ctx context.Context, s *seat, c <-chan T) (v T, err error) {
	select {
	case v = <-c:
		return v, nil
	case <-s.ended:
		return v, fmt.Errorf("the room's socket ended: %w", s.cause)
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// publish offers pc as the publishing connection.
func (s *seat) publish(ctx context.Context, pc *webrtc.PeerConnection) error {
	offer, err := gather(ctx, pc, func() (webrtc.SessionDescription, error) { return pc.CreateOffer(nil) })
	if err != nil {
		return err
	}
	if err := s.ask(ctx, "publish", map[string]any{"sdp": offer}); err != nil {
		return err
	}
	answer, err := from(ctx, s, s.published)
	if err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	return s.described("pub", pc)
}

// watch makes pc the subscribing connection: it answers the server's first
// offer, and the others as they come.
func (s *seat) watch(ctx context.Context, pc *webrtc.PeerConnection) error {
	offer, err := from(ctx, s, s.offers)
	if err != nil {
		return err
	}
	if err := s.answer(ctx, pc, offer); err != nil {
		return err
	}
	go func() {
		for {
			select {
			case offer := <-s.offers:
				if err := s.answer(context.Background(), pc, offer); err != nil {
					fmt.Fprintln(os.Stderr, "answer the room:", err)
				}
			case <-s.ended:
				return
			}
		}
	}()
	return nil
}

func (s *seat) answer(ctx context.Context, pc *webrtc.PeerConnection, offer string) error {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	if err := s.described("sub", pc); err != nil {
		return err
	}
	answer, err := gather(ctx, pc, func() (webrtc.SessionDescription, error) { return pc.CreateAnswer(nil) })
	if err != nil {
		return err
	}
	return s.ask(ctx, "subscribed", map[string]any{"sdp": answer})
}

// leave presses the leave button; a server that is gone needs no telling.
func (s *seat) leave() {
	_ = s.send("leave", map[string]any{})
	select {
	case <-s.ended:
	case <-time.After(2 * time.Second):
		_ = s.ws.Close()
		<-s.ended
	}
}
