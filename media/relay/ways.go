package relay

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// CredentialLife is how long a credential opens new allocations; the longest
// sitting should fit, for a client restarts ICE with what it was given.
const CredentialLife = 6 * time.Hour

// ICEServer is one entry of a browser's RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Ways is what clients are told of STUN and TURN servers. The zero value
// tells of none. It is immutable; its methods are safe for concurrent use.
type Ways struct {
	External []string // STUN and TURN URLs (RFC 7064, RFC 7065) of other servers
	Secret   string   // the static secret that External's TURN servers share with us
	Embedded *Server  // nil when the court relays nothing itself
	URLs     []string // of Embedded
	Now      func() time.Time
}

// Servers lists the servers for the holder of a ticket, with credentials of
// their own. The ticket opens the embedded relay until Revoke.
func (w *Ways) Servers(ticket string) []ICEServer {
	servers := []ICEServer{}
	if w == nil {
		return servers
	}
	until := w.Now().Add(CredentialLife)
	for _, url := range w.External {
		s := ICEServer{URLs: []string{url}}
		if strings.HasPrefix(url, "turn") && w.Secret != "" {
			s.Username, s.Credential = credential([]byte(w.Secret), ticket, until)
		}
		servers = append(servers, s)
	}
	if w.Embedded != nil {
		s := ICEServer{URLs: w.URLs}
		s.Username, s.Credential = w.Embedded.Issue(ticket, until)
		servers = append(servers, s)
	}
	return servers
}

// Revoke ends what a ticket holds at the embedded relay, at once. External
// servers know no revocation: there the credential runs out.
func (w *Ways) Revoke(ticket string) {
	if w != nil && w.Embedded != nil {
		w.Embedded.Revoke(ticket)
	}
}

// credential makes user name and password that end by themselves, in the form
// that TURN servers with a static secret understand (draft-uberti-behave-turn-rest).
func credential(secret []byte, ticket string, until time.Time) (username, password string) {
	username = strconv.FormatInt(until.Unix(), 10) + ":" + ticket
	return username, passwordOf(secret, username)
}

func passwordOf(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write([]byte(username)) // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
