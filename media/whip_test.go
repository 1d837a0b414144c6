package media

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"yunting/media/relay"
)

// do sends a request with the test's token, and match as its If-Match.
func do(t *testing.T, method, url, contentType, text, token string, match ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, m := range match {
		req.Header.Add("If-Match", m)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func gatheredOffer(t *testing.T, pc *webrtc.PeerConnection, restart bool) string {
	t.Helper()
	o, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	<-done
	return pc.LocalDescription().SDP
}

func TestWHIPAndWHEP(t *testing.T) {
	s := newSFU(t)
	auth := func(r *http.Request, room, stream string, publish bool) (Grant, error) {
		switch r.Header.Get("Authorization") {
		case "Bearer good":
			if publish {
				return Grant{Peer: stream}, nil
			}
			return Grant{Peer: fmt.Sprintf("watcher-%d", len(stream))}, nil
		case "Bearer wrong":
			return Grant{}, fmt.Errorf("not yours")
		}
		return Grant{}, ErrUnauthorized
	}
	mux := http.NewServeMux()
	mux.Handle("/whip/", s.WHIP("/whip/", auth))
	mux.Handle("/whep/", s.WHEP("/whep/", auth))
	web := httptest.NewServer(mux)
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()

	for _, tc := range []struct {
		method, path, contentType, body, token string
		want                                   int
	}{
		{"POST", "/whip/r/cam", typeSDP, "v=0", "", 401},
		{"POST", "/whip/r/cam", typeSDP, "v=0", "wrong", 403},
		{"POST", "/whip/r/cam", "text/plain", "v=0", "good", 415},
		{"POST", "/whip/r/cam", typeSDP, "rubbish", "good", 400},
		{"POST", "/whip/r/cam", typeSDP, strings.Repeat("x", 200<<10), "good", 413},
		{"GET", "/whip/r/cam", "", "", "good", 405},
		{"OPTIONS", "/whip/r/cam", "", "", "", 200},
		{"POST", "/whip/r", typeSDP, "v=0", "good", 404},
		{"DELETE", "/whip/r/cam/s/none", "", "", "good", 404},
		{"POST", "/whep/r", typeSDP, "v=0", "good", 409},
	} {
		if res, _ := do(t, tc.method, web.URL+tc.path, tc.contentType, tc.body, tc.token); res.StatusCode != tc.want {
			t.Errorf("%s %s with token %q: %d, want %d", tc.method, tc.path, tc.token, res.StatusCode, tc.want)
		}
	}

	c := &client{t: t, id: "cam", api: loopbackAPI(), rtcp: make(chan rtcp.Packet, 100)}
	c.encoder(webrtc.MimeTypeVP8)
	defer c.pub.GracefulClose()
	res, answer := do(t, "POST", web.URL+"/whip/r/cam", typeSDP, gatheredOffer(t, c.pub, false), "good")
	if res.StatusCode != 201 || res.Header.Get("Location") == "" || res.Header.Get("ETag") == "" {
		t.Fatalf("publish: %d %v", res.StatusCode, res.Header)
	}
	location := web.URL + res.Header.Get("Location")
	if err := c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	connected(t, c.pub)
	stop := (&source{c: c}).run(t)
	defer stop()
	eventually(t, "published", func() bool { return len(s.Room("r").Tracks()) == 2 })

	for _, path := range []string{"/whep/r", "/whep/r/cam"} {
		watch(t, c.api, web.URL, path)
	}

	if res, _ := do(t, "DELETE", location, "", "", "good"); res.StatusCode != 200 {
		t.Errorf("delete: %d", res.StatusCode)
	}
	eventually(t, "gone", func() bool { return len(s.Room("r").Tracks()) == 0 })
	if res, _ := do(t, "DELETE", location, "", "", "good"); res.StatusCode != 404 {
		t.Errorf("second delete: %d, want 404", res.StatusCode)
	}
}

// TestStreamServers: the answer names the servers with their credentials, which end with the session.
func TestStreamServers(t *testing.T) {
	s := newSFU(t)
	var ended atomic.Int32
	auth := func(*http.Request, string, string, bool) (Grant, error) {
		return Grant{Peer: "cam", Servers: func() ([]relay.ICEServer, func()) {
			return []relay.ICEServer{{URLs: []string{"stun:stun.example:3478"}},
				{URLs: []string{"turn:turn.example:3478?transport=udp", "turns:turn.example:5349?transport=tcp"}, Username: "1700000000:x", Credential: "pa+ss/w="}}, func() { ended.Add(1) }
		}}, nil
	}
	web := httptest.NewServer(s.WHIP("/whip/", auth))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	c := &client{t: t, id: "cam", api: loopbackAPI(), rtcp: make(chan rtcp.Packet, 100)}
	c.encoder(webrtc.MimeTypeVP8)
	defer c.pub.GracefulClose()
	res, _ := do(t, "POST", web.URL+"/whip/r/cam", typeSDP, gatheredOffer(t, c.pub, false), "good")
	want := []string{`<stun:stun.example:3478>; rel="ice-server"`,
		`<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="1700000000:x"; credential="pa+ss/w="; credential-type="password"`,
		`<turns:turn.example:5349?transport=tcp>; rel="ice-server"; username="1700000000:x"; credential="pa+ss/w="; credential-type="password"`}
	if got := res.Header.Values("Link"); res.StatusCode != 201 || !slices.Equal(got, want) {
		t.Errorf("%d, links %q", res.StatusCode, got)
	}
	if res, _ := do(t, "DELETE", web.URL+res.Header.Get("Location"), "", "", "good"); res.StatusCode != 200 {
		t.Errorf("delete: %d", res.StatusCode)
	}
	eventually(t, "the credentials end", func() bool { return ended.Load() == 1 })
	s.Room("r").Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if res, _ := do(t, "POST", web.URL+"/whip/r/cam", typeSDP, c.pub.LocalDescription().SDP, "good"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("after the server closed: %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

// TestWHEPManySections: one session watches a whole room, a section for each track.
func TestWHEPManySections(t *testing.T) {
	s := sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, StartBps: 20e6}) // room for all pictures at once
	web := httptest.NewServer(s.WHEP("/whep/", func(*http.Request, string, string, bool) (Grant, error) { return Grant{Peer: "watcher"}, nil }))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	const publishers = 6
	room := s.Room("r")
	for i := range publishers {
		c := join(t, room, fmt.Sprintf("p%d", i), Permissions{PublishAudio: true, PublishVideo: true})
		c.publish(webrtc.MimeTypeVP8)
		t.Cleanup((&source{c: c}).run(t))
	}
	eventually(t, "all publish", func() bool { return len(room.Tracks()) == 2*publishers })
	pc, err := loopbackAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	var mu sync.Mutex
	got := map[string]int{} // packets by track
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := tr.ReadRTP(); err != nil {
				return
			}
			mu.Lock()
			got[tr.ID()]++
			mu.Unlock()
		}
	})
	for range publishers {
		for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	res, answer := do(t, "POST", web.URL+"/whep/r", typeSDP, gatheredOffer(t, pc, false), "good")
	if res.StatusCode != 201 {
		t.Fatalf("%d %s", res.StatusCode, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every track plays", func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, packets := range got {
			if packets > 10 {
				n++
			}
		}
		return n == 2*publishers
	})
}

// watch plays a WHEP session until media of both kinds arrived.
func watch(t *testing.T, api *webrtc.API, base, path string) {
	t.Helper()
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	var audio, video atomic.Int64
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		n := &audio
		if tr.Kind() == webrtc.RTPCodecTypeVideo {
			n = &video
		}
		go func() {
			for {
				if _, _, err := tr.ReadRTP(); err != nil {
					return
				}
				n.Add(1)
			}
		}()
	})
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	res, answer := do(t, "POST", base+path, typeSDP, gatheredOffer(t, pc, false), "good")
	if res.StatusCode != 201 {
		t.Fatalf("%s: %d %s", path, res.StatusCode, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, path+" plays", func() bool { return audio.Load() > 10 && video.Load() > 20 })
	if res, _ := do(t, "DELETE", base+res.Header.Get("Location"), "", "", "good"); res.StatusCode != 200 {
		t.Errorf("%s: delete: %d", path, res.StatusCode)
	}
}
