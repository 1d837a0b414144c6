package signaling

import (
	"errors"

	"github.com/gorilla/websocket"
)

// The close codes of the socket. A client comes back by itself after CloseRestart, CloseSlow and every
// code that is not in this list; after the others it stays away.
const (
	CloseProtocol    = 4400 // a message that the protocol does not allow
	CloseForbidden   = 4403 // this person may not be here
	CloseReplaced    = 4409 // the same person came in by another socket
	CloseRemoved     = 4410 // sent out by the judge
	CloseLeft        = 4411 // left by the leave button
	CloseVersion     = 4426 // the client speaks another version: reload the page
	CloseFlood       = 4429 // too many messages
	CloseSlow        = 4408 // did not take its messages in time; resume
	CloseFull        = 4413 // the room is full
	ClosePutAway     = 4001 // by a client: the browser puts the page away, as its going away (1001) which no script may send
	CloseRestart     = websocket.CloseServiceRestart
	CloseUnavailable = websocket.CloseTryAgainLater // the database did not answer; try again
)

// closeError is an error that ends a connection, and says with which code.
type closeError struct {
	code   int
	reason string
}

// Error implements error.
func (e *closeError) Error() string { return e.reason }

// The ends of a connection that need no detail.
var (
	errRevoked  = &closeError{CloseForbidden, "signed out, or not allowed here any more"}
	errReplaced = &closeError{CloseReplaced, "replaced by another connection of the same person"}
	errRemoved  = &closeError{CloseRemoved, "removed from the hearing"}
	errLeft     = &closeError{CloseLeft, "left"}
	errVersion  = &closeError{CloseVersion, "another protocol version"}
	errFlood    = &closeError{CloseFlood, "too many messages"}
	errSlow     = &closeError{CloseSlow, "too slow to take its messages"}
	errFull     = &closeError{CloseFull, "the room is full"}
	errRestart  = &closeError{CloseRestart, "the server restarts"}
)

// protocolError is a message that the protocol does not allow.
func protocolError(err error) error { return &closeError{CloseProtocol, clip(err.Error(), 100)} }

// closeOf chooses the close frame for an error; an error of no known kind is told as an internal one,
// without its text.
func closeOf(err error) (code int, reason string) {
	var known *closeError
	switch {
	case errors.As(err, &known):
		return known.code, known.reason
	case errors.Is(err, ErrShutdown):
		return CloseRestart, errRestart.reason
	default:
		return websocket.CloseInternalServerErr, "internal error"
	}
}

// clip cuts s after at most n bytes, at a rune's border; a close reason may not exceed 123 bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := 0
	for i := range s {
		if i > n {
			break
		}
		cut = i
	}
	return s[:cut]
}
