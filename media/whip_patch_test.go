package media

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// published opens a WHIP session for an encoder, connects it and returns its address, ETag and answer.
func published(t *testing.T, base string, c *client) (location, tag, answer string) {
	t.Helper()
	res, answer := do(t, "POST", base+"/whip/r/cam", typeSDP, gatheredOffer(t, c.pub, false), "good")
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, answer)
	}
	if err := c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	connected(t, c.pub)
	return base + res.Header.Get("Location"), res.Header.Get("ETag"), answer
}

// fragmentOf is what a client sends of its description in a PATCH: its credentials, and its candidates below the section's name.
func fragmentOf(description, mid string) string {
	var b strings.Builder
	b.WriteString("a=ice-ufrag:" + attribute(description, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(description, "ice-pwd") +
		"\r\nm=video 9 RTP/AVP 0\r\na=mid:" + mid + "\r\n")
	for line := range strings.Lines(description) {
		if strings.HasPrefix(line, "a=candidate:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestPatchNamesItsICESession is If-Match of RFC 9725 sections 4.3.1 to 4.3.3 as a table, each row on the session as the row before left it.
func TestPatchNamesItsICESession(t *testing.T) {
	s := newSFU(t)
	web := httptest.NewServer(s.WHIP("/whip/", func(*http.Request, string, string, bool) (Grant, error) { return Grant{Peer: "cam"}, nil }))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	c := &client{t: t, id: "cam", api: loopbackAPI(), rtcp: make(chan rtcp.Packet, 100)}
	c.encoder(webrtc.MimeTypeVP8)
	defer c.pub.GracefulClose()
	location, current, _ := published(t, web.URL, c)
	first := current
	trickle := fragmentOf(c.pub.LocalDescription().SDP, "0")
	restart := func(ufrag string) string {
		return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
	}
	const mine, none = "the session's", ""
	for _, tc := range []struct {
		what, contentType, match, body string
		want                           int
	}{
		{"candidates", typeFragment, mine, trickle, 204},
		{"candidates without credentials", typeFragment, mine, "m=audio 9 RTP/AVP 0\r\na=mid:1\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", 204},
		{"candidates in one of several sessions", typeFragment, `"another", ` + first, trickle, 204},
		{"a kind of candidate that is unknown here", typeFragment, mine, "a=mid:0\r\na=candidate:1 1 udp 1 0f5c.local 9 typ host\r\n", 204},
		{"the end of candidates", typeFragment, mine, "a=end-of-candidates\r\n", 204},
		{"candidates for no session", typeFragment, none, trickle, 428},
		{"candidates for any session", typeFragment, "*", trickle, 412},
		{"candidates for another session", typeFragment, `"another"`, trickle, 412},
		{"a weak tag", typeFragment, "W/" + first, trickle, 412},
		{"a restart of no session", typeFragment, none, restart("none"), 428},
		{"a restart of another session", typeFragment, `"another"`, restart("none"), 412},
		{"a section that was not offered", typeFragment, mine, "m=audio 9 RTP/AVP 0\r\na=mid:9\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", 400},
		{"credentials of two sessions", typeFragment, "*", restart("one") + restart("two"), 400},
		{"a name without its password", typeFragment, "*", "a=ice-ufrag:alone\r\n", 400},
		{"another type", typeSDP, "*", "v=0", 415},
		{"too much", typeFragment, "*", strings.Repeat("x", maxFragment+1), 413},
		{"a restart", typeFragment, "*", restart("second"), 200},
		{"late candidates of the session before", typeFragment, first, trickle, 412},
		{"a restart in the words of the RFC's figure", typeFragment, `"*"`, restart("third"), 200},
		{"a restart of the session that there is", typeFragment, mine, restart("fourth"), 200},
		{"candidates after the restart", typeFragment, mine, restart("fourth"), 204},
	} {
		var match []string
		switch tc.match {
		case none:
		case mine:
			match = []string{current}
		default:
			match = []string{tc.match}
		}
		res, answer := do(t, "PATCH", location, tc.contentType, tc.body, "good", match...)
		tag := res.Header.Get("ETag")
		if res.StatusCode != tc.want || (tag != "") != (tc.want == 200) {
			t.Errorf("%s: %d with ETag %q, want %d: %s", tc.what, res.StatusCode, tag, tc.want, answer)
		}
		if res.StatusCode == 200 {
			if tag == current || tag != `"`+attribute(answer, "ice-ufrag")+`"` || !strings.Contains(answer, "a=candidate:") {
				t.Errorf("%s: %q after %q: %s", tc.what, tag, current, answer)
			}
			current = tag
		}
	}
	if res, _ := do(t, "DELETE", location, "", "", "good", `"another"`); res.StatusCode != 200 {
		t.Errorf("DELETE minds the session's name: %d", res.StatusCode)
	}
	if res, _ := do(t, "PATCH", location, typeFragment, trickle, "good", current); res.StatusCode != 404 {
		t.Errorf("after the end: %d", res.StatusCode)
	}
}

// TestRestartByPatch: an encoder whose candidates lie in its second section goes on over a new ICE session.
func TestRestartByPatch(t *testing.T) {
	s := newSFU(t)
	web := httptest.NewServer(s.WHIP("/whip/", func(*http.Request, string, string, bool) (Grant, error) { return Grant{Peer: "cam"}, nil }))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	c := &client{t: t, id: "cam", api: loopbackAPI(), rtcp: make(chan rtcp.Packet, 100)}
	c.encoder(webrtc.MimeTypeVP8)
	defer c.pub.GracefulClose()
	location, _, answer := published(t, web.URL, c)
	defer (&source{c: c}).run(t)()
	room := s.Room("r")
	eventually(t, "published", func() bool { return len(room.Tracks()) == 2 })
	watcher := join(t, room, "watcher", Permissions{Subscribe: true})
	eventually(t, "watched", func() bool { return watcher.packets(KindVideo) > 10 })

	offer := gatheredOffer(t, c.pub, true)
	mids := strings.Split(offer, "a=mid:")
	second := strings.TrimSpace(strings.SplitN(mids[len(mids)-1], "\n", 2)[0])
	res, fragment := do(t, "PATCH", location, typeFragment, fragmentOf(offer, second), "good", "*")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, fragment)
	}
	answer = replaceAttribute(replaceAttribute(answer, "ice-ufrag", attribute(fragment, "ice-ufrag")), "ice-pwd", attribute(fragment, "ice-pwd"))
	if err := c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new session connects", func() bool {
		return slices.Contains([]webrtc.ICEConnectionState{webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted}, c.pub.ICEConnectionState())
	})
	before := watcher.packets(KindVideo)
	eventually(t, "watched again", func() bool { return watcher.packets(KindVideo) > before+20 })
}

// TestWatcherRestartsByPatch: a player goes on over a new ICE session, whose candidates follow by themselves.
func TestWatcherRestartsByPatch(t *testing.T) {
	s := newSFU(t)
	web := httptest.NewServer(s.WHEP("/whep/", func(*http.Request, string, string, bool) (Grant, error) { return Grant{Peer: "watcher"}, nil }))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	room := s.Room("r")
	c := join(t, room, "cam", everything)
	c.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: c}).run(t))
	eventually(t, "published", func() bool { return len(room.Tracks()) == 2 })
	pc, err := loopbackAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	var packets atomic.Int64
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := tr.ReadRTP(); err != nil {
				return
			}
			packets.Add(1)
		}
	})
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	res, answer := do(t, "POST", web.URL+"/whep/r", typeSDP, gatheredOffer(t, pc, false), "good")
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "plays", func() bool { return packets.Load() > 20 })

	location, offer := web.URL+res.Header.Get("Location"), gatheredOffer(t, pc, true)
	credentials, candidates, _ := strings.Cut(fragmentOf(offer, attribute(offer, "mid")), "m=")
	res, fragment := do(t, "PATCH", location, typeFragment, credentials, "good", "*")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, fragment)
	}
	if res, text := do(t, "PATCH", location, typeFragment, credentials+"m="+candidates, "good", res.Header.Get("ETag")); res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	answer = replaceAttribute(replaceAttribute(answer, "ice-ufrag", attribute(fragment, "ice-ufrag")), "ice-pwd", attribute(fragment, "ice-pwd"))
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new session connects", func() bool {
		return slices.Contains([]webrtc.ICEConnectionState{webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted}, pc.ICEConnectionState())
	})
	before := packets.Load()
	eventually(t, "plays on", func() bool { return packets.Load() > before+20 })
}
