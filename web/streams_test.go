package web

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"

	"yunting/docket"
)

// newHearing is a court with a hearing that is set.
func newHearing(t *testing.T) *apiWalk {
	t.Helper()
	w := &apiWalk{apiCourt: newAPICourt(t), t: t}
	w.enrol()
	w.file()
	w.review()
	w.bringIn()
	w.schedule()
	return w
}

// offer makes a PeerConnection with one video section, gathered and set, and returns its offer.
func streamOffer(t *testing.T, track *webrtc.TrackLocalStaticSample) (*webrtc.PeerConnection, string) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	apiCheck(t, err)
	t.Cleanup(func() {
		if err := pc.Close(); err != nil {
			t.Error(err)
		}
	})
	if track == nil {
		_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	} else {
		_, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	}
	apiCheck(t, err)
	offer, err := pc.CreateOffer(nil)
	apiCheck(t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	apiCheck(t, pc.SetLocalDescription(offer))
	<-gathered
	return pc, pc.LocalDescription().SDP
}

// post offers a session and returns the reply.
func (w *apiWalk) post(login, path, sdp string) apiReply {
	w.t.Helper()
	return w.send(login, "POST", path, []byte(sdp), "Content-Type", "application/sdp")
}

func cameraTrack(t *testing.T) *webrtc.TrackLocalStaticSample {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", "s")
	apiCheck(t, err)
	return track
}

// feed sends key frames until the test ends.
func feed(t *testing.T, track *webrtc.TrackLocalStaticSample) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	frame := append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00}, make([]byte, 100)...) // a VP8 key frame of 16×16
	go func() {
		defer close(ended)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := track.WriteSample(pionmedia.Sample{Data: frame, Duration: 40 * time.Millisecond}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// TestEncoderPublishesAndPlayerWatches: the clerk's encoder stands in for the plaintiff, a player of an observer sees
// it, and both end by DELETE.
func TestEncoderPublishesAndPlayerWatches(t *testing.T) {
	w := newHearing(t)
	stream := "/" + w.hearing.ID.String() + "/" + w.ids["plaintiff"].String()
	track := cameraTrack(t)
	encoder, offer := streamOffer(t, track)
	published := w.post("clerk", "/whip"+stream, offer)
	if published.status != http.StatusCreated {
		t.Fatalf("WHIP: %d %s", published.status, published.body)
	}
	apiCheck(t, encoder.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(published.body)}))
	feed(t, track)
	if w.server.SFU.Room(w.hearing.ID.String()).Peer(w.ids["plaintiff"].String()) == nil {
		t.Error("the encoder does not stand in for the plaintiff")
	}
	for _, path := range []string{"/whep" + stream, "/whep/" + w.hearing.ID.String()} {
		w.watch("stranger", path)
	}
	if trickled := w.send("clerk", "PATCH", published.header.Get("Location"), []byte("a=end-of-candidates\r\n"),
		"Content-Type", "application/trickle-ice-sdpfrag", "If-Match", published.header.Get("ETag")); trickled.status != http.StatusNoContent {
		t.Errorf("PATCH: %d %s", trickled.status, trickled.body)
	}
	if ended := w.send("clerk", "DELETE", published.header.Get("Location"), nil); ended.status != http.StatusOK {
		t.Errorf("DELETE: %d %s", ended.status, ended.body)
	}
	w.until("the stand-in is gone", func() bool {
		return w.server.SFU.Room(w.hearing.ID.String()).Peer(w.ids["plaintiff"].String()) == nil
	})
	if options := w.send("", "OPTIONS", "/whip"+stream, nil); options.status != http.StatusOK || !strings.Contains(options.header.Get("Accept-Post"), "sdp") {
		t.Errorf("OPTIONS: %d %v", options.status, options.header)
	}
}

// watch plays the address until packets came, then ends the session.
func (w *apiWalk) watch(login, path string) {
	w.t.Helper()
	var packets atomic.Int64
	pc, offer := streamOffer(w.t, nil)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return // the session ended
			}
			packets.Add(1)
		}
	})
	var reply apiReply
	w.until("something to watch at "+path, func() bool {
		reply = w.post(login, path, offer)
		return reply.status != http.StatusConflict // the track comes with its first packet
	})
	if reply.status != http.StatusCreated {
		w.t.Fatalf("WHEP: %d %s", reply.status, reply.body)
	}
	apiCheck(w.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(reply.body)}))
	w.until("packets from "+path, func() bool { return packets.Load() > 3 })
	if ended := w.send(login, "DELETE", reply.header.Get("Location"), nil); ended.status != http.StatusOK {
		w.t.Errorf("DELETE: %d %s", ended.status, ended.body)
	}
}

// TestWhoMayPublish is the policy of WHIP and WHEP as a table.
func TestWhoMayPublish(t *testing.T) {
	w := newHearing(t)
	_, offer := streamOffer(t, cameraTrack(t))
	id := func(login string) string { return w.ids[login].String() }
	whip, whep := "/whip/"+w.hearing.ID.String()+"/", "/whep/"+w.hearing.ID.String()
	for _, c := range []struct {
		who, path string
		want      int
	}{
		{"", whip + id("plaintiff"), http.StatusUnauthorized},
		{"stranger", whip + id("stranger"), http.StatusForbidden},
		{"stranger", whip + id("plaintiff"), http.StatusForbidden},
		{"admin", whip + "screen", http.StatusForbidden},
		{"plaintiff", whip + id("defendant"), http.StatusForbidden},
		{"plaintiff", whip + "screen", http.StatusForbidden},
		{"plaintiff", whip + id("plaintiff"), http.StatusCreated},
		{"judge", whip + id("defendant"), http.StatusCreated},
		{"clerk", whip + "document-camera", http.StatusCreated},
		{"clerk", whip + id("stranger"), http.StatusNotFound}, // no seat in this hearing
		{"clerk", whip + "no%20name", http.StatusNotFound},
		{"clerk", "/whip/" + uuid.NewString() + "/x", http.StatusNotFound},
		{"", whep, http.StatusUnauthorized},
		{"stranger", whep + "/nobody", http.StatusConflict}, // allowed; nothing to watch
	} {
		if reply := w.post(c.who, c.path, offer); reply.status != c.want {
			t.Errorf("%q at %s: %d, want %d: %s", c.who, c.path, reply.status, c.want, reply.body)
		}
	}
	if reply := w.post("clerk", whip+id("judge"), "v=nonsense"); reply.status != http.StatusBadRequest {
		t.Errorf("a broken offer: %d %s", reply.status, reply.body)
	}
	if reply := w.send("clerk", "POST", whip+id("judge"), []byte(offer), "Content-Type", "text/plain"); reply.status != http.StatusUnsupportedMediaType {
		t.Errorf("another type: %d %s", reply.status, reply.body)
	}
}

// TestNobodyIsPushedOut: who sits in the room keeps their place, and a closed hearing takes and shows nothing.
func TestNobodyIsPushedOut(t *testing.T) {
	w := newHearing(t)
	_, offer := streamOffer(t, cameraTrack(t))
	path := "/whip/" + w.hearing.ID.String() + "/"
	judge := w.enter("judge", w.hearing.ID)
	if reply := w.post("clerk", path+w.ids["judge"].String(), offer); reply.status != http.StatusConflict {
		t.Errorf("over the judge, who is present: %d %s", reply.status, reply.body)
	}
	if reply := w.post("clerk", path+w.ids["defendant"].String(), offer); reply.status != http.StatusCreated {
		t.Fatalf("for the defendant, who is not: %d %s", reply.status, reply.body)
	}
	room := w.server.SFU.Room(w.hearing.ID.String())
	judge.ask("remove", map[string]any{"person": w.ids["defendant"], "reason": "扰乱法庭秩序"})
	w.until("the stand-in leaves with the person", func() bool { return room.Peer(w.ids["defendant"].String()) == nil })
	judge.ask("mute", map[string]any{"person": w.ids["plaintiff"], "muted": true})
	for _, login := range []string{"plaintiff", "defendant"} {
		if reply := w.post(login, path+w.ids[login].String(), offer); reply.status != http.StatusForbidden && reply.status != http.StatusConflict {
			t.Errorf("%s, silenced or sent out, publishes: %d", login, reply.status)
		}
	}
	if reply := w.post("clerk", path+"document-camera", offer); reply.status != http.StatusCreated {
		t.Fatalf("a stream of no person: %d %s", reply.status, reply.body)
	}
	for _, phase := range []docket.Phase{docket.PhaseOpening, docket.PhaseRecess, docket.PhaseClosed} {
		judge.ask("phase", map[string]any{"to": phase})
	}
	w.until("the streams end with the hearing", func() bool { return room.Peer(streamPrefix+"document-camera") == nil })
	for _, p := range []string{path + "document-camera", "/whep/" + w.hearing.ID.String()} {
		if reply := w.post("clerk", p, offer); reply.status != http.StatusConflict {
			t.Errorf("%s after the close: %d %s", p, reply.status, reply.body)
		}
	}
}

// TestStreamsOfOtherOrigins: a page of any origin may use a token at the streams' addresses, and may read what it needs
// of the answers, refusals included; a cookie is worth nothing there, and no other address is open to other origins.
func TestStreamsOfOtherOrigins(t *testing.T) {
	w := newHearing(t)
	_, offer := streamOffer(t, cameraTrack(t))
	whip, whep := "/whip/"+w.hearing.ID.String()+"/document-camera", "/whep/"+w.hearing.ID.String()
	foreign := []string{"Origin", "https://encoder.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/sdp"}
	cookie := append([]string{"Cookie", sessionCookie + "=" + w.tokens["clerk"]}, foreign...)
	own := []string{"Cookie", sessionCookie + "=" + w.tokens["clerk"], "Origin", w.url, "Sec-Fetch-Site", "same-origin", "Content-Type", "application/sdp"}
	published := w.send("clerk", "POST", whip, []byte(offer), foreign...)
	session := published.header.Get("Location")
	for _, c := range []struct {
		what, who, method, path string
		header                  []string
		want                    int
		methods                 string // that a preflight allows
	}{
		{"preflight of publishing", "", "OPTIONS", whip, foreign, http.StatusOK, "POST, OPTIONS"},
		{"preflight of a session", "", "OPTIONS", session, foreign, http.StatusOK, "PATCH, DELETE, OPTIONS"},
		{"preflight of watching", "", "OPTIONS", whep, foreign, http.StatusOK, "POST, OPTIONS"},
		{"preflight of watching one", "", "OPTIONS", whep + "/document-camera", foreign, http.StatusOK, "POST, OPTIONS"},
		{"no token", "", "POST", whip, foreign, http.StatusUnauthorized, ""},
		{"another site's page with a cookie", "", "POST", whip, cookie, http.StatusUnauthorized, ""},
		{"the court's own page with a cookie", "", "POST", whip, own, http.StatusUnauthorized, ""},
		{"watching with a cookie", "", "POST", whep, cookie, http.StatusUnauthorized, ""},
		{"no right", "stranger", "POST", whip, foreign, http.StatusForbidden, ""},
		{"nothing to watch", "clerk", "POST", whep + "/nobody", foreign, http.StatusConflict, ""},
		{"the end", "clerk", "DELETE", session, foreign, http.StatusOK, ""},
	} {
		reply := w.send(c.who, c.method, c.path, []byte(offer), c.header...)
		h := reply.header
		if reply.status != c.want || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" ||
			h.Get("Access-Control-Allow-Methods") != c.methods || (h.Get("Access-Control-Allow-Headers") == "Authorization, Content-Type, If-Match") != (c.methods != "") {
			t.Errorf("%s: %d, want %d: %v", c.what, reply.status, c.want, h)
		}
	}
	for _, name := range []string{"Location", "ETag", "Link", "Retry-After"} {
		if published.status != http.StatusCreated || !strings.Contains(published.header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%d; %s cannot be read: %v", published.status, name, published.header)
		}
	}
	for _, path := range []string{"/api/v1/cases", "/cases", "/logout"} {
		reply := w.send("clerk", "POST", path, []byte("{}"), foreign...)
		if reply.status != http.StatusForbidden || reply.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s from another origin: %d %v", path, reply.status, reply.header)
		}
	}
}
