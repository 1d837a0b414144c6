package media

import "net/http"

// Authorize decides about a WHIP or WHEP request. It reads the bearer token
// from r and returns the id of the peer that the session becomes.
// stream is empty where WHEP watches the whole room. An error is answered
// with 401 when it wraps ErrUnauthorized and with 403 otherwise.
type Authorize func(r *http.Request, room, stream string, publish bool) (peerID string, err error)

// ErrUnauthorized is what Authorize wraps when the token is missing or unknown.
var ErrUnauthorized = errUnauthorized{}

type errUnauthorized struct{}

func (errUnauthorized) Error() string { return "media: unauthorized" }

// WHIP serves publishing encoders (RFC 9725): POST base{room}/{stream},
// then PATCH and DELETE on the Location. Mount it at the prefix base, such as "/whip/".
func (s *SFU) WHIP(base string, auth Authorize) http.Handler { return http.NotFoundHandler() }

// WHEP serves players: POST base{room}/{stream} watches the peer or track
// named stream, POST base{room} watches all of the room in one session.
func (s *SFU) WHEP(base string, auth Authorize) http.Handler { return http.NotFoundHandler() }
