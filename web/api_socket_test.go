package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"yunting/signaling"
)

// apiSocket is a program in the hearing room (docs/signaling-protocol.md).
type apiSocket struct {
	t       *testing.T
	ws      *websocket.Conn
	refs    int
	answers chan apiAnswer
}

// apiAnswer is done, failed or welcome.
type apiAnswer struct{ Type, Ref, Code string }

// enter opens the person's socket, with the same token as the API, and declares.
func (c *apiCourt) enter(login string, hearing uuid.UUID) *apiSocket {
	c.t.Helper()
	ws, res, err := websocket.DefaultDialer.Dial(fmt.Sprintf("ws%s/hearings/%s/socket", strings.TrimPrefix(c.url, "http"), hearing),
		http.Header{"Authorization": {"Bearer " + c.tokens[login]}})
	apiCheck(c.t, err)
	apiCheck(c.t, res.Body.Close())
	s := &apiSocket{t: c.t, ws: ws, answers: make(chan apiAnswer, 64)}
	go s.read()
	c.t.Cleanup(s.leave)
	s.write(map[string]any{"type": "hello", "version": signaling.Version})
	s.await(func(a apiAnswer) bool { return a.Type == "welcome" })
	s.ask("declare", map[string]any{"discipline": true, "noRecording": true})
	return s
}

// read ends with the socket, which leave closes.
func (s *apiSocket) read() {
	defer close(s.answers)
	for {
		var a apiAnswer
		if err := s.ws.ReadJSON(&a); err != nil {
			return
		}
		switch a.Type {
		case "done", "failed", "welcome":
			s.answers <- a
		}
	}
}

func (s *apiSocket) leave() {
	s.ws.Close() // may be closed already
	for range s.answers {
	}
}

func (s *apiSocket) write(message map[string]any) {
	s.t.Helper()
	apiCheck(s.t, s.ws.WriteJSON(message))
}

func (s *apiSocket) await(wanted func(apiAnswer) bool) apiAnswer {
	s.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case a, open := <-s.answers:
			if !open {
				s.t.Fatal("the socket ended")
			}
			if wanted(a) {
				return a
			}
		case <-deadline.C:
			s.t.Fatal("no answer in the hearing room")
		}
	}
}

// ask sends a request that must be done.
func (s *apiSocket) ask(kind string, fields map[string]any) {
	s.t.Helper()
	s.refs++
	ref := fmt.Sprint(s.refs)
	message := map[string]any{"type": kind, "ref": ref}
	for k, v := range fields {
		message[k] = v
	}
	s.write(message)
	if a := s.await(func(a apiAnswer) bool { return a.Ref == ref }); a.Type != "done" {
		s.t.Fatalf("%s was refused: %s", kind, a.Code)
	}
}
