//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

const maxAnswer = 1 << 20 // bytes of an answer

// target is the server under load.
type target struct {
	url    string
	token  string
	client http.Client
}

// errNotReady says that the room has less to watch than was asked for.
var errNotReady = errors.New("not everything is published yet")

// entry is a way in: by WHIP and WHEP (target) or by the room's socket (hearing).
// leave ends what was opened; it is nil when nothing was.
type entry interface {
	// publish negotiates pc, of publisher n of a room.
	publish(ctx context.Context, pc *webrtc.PeerConnection, room string, n int) (leave func(), err error)
	// watch negotiates pc, of receiver n of a room, for so many streams.
	watch(ctx context.Context, pc *webrtc.PeerConnection, room string, n, audio, video int) (leave func(), err error)
}

func (t *target) publish(ctx context.Context, pc *webrtc.PeerConnection, room string, n int) (leave func(), err error) {
	session, err := t.open(ctx, pc, fmt.Sprintf("/whip/%s/bench-%d", room, n))
	return func() { t.hangUp(session) }, err
}

func (t *target) watch(ctx context.Context, pc *webrtc.PeerConnection, room string, _, audio, video int) (leave func(), err error) {
	for i := range audio + video {
		kind := webrtc.RTPCodecTypeAudio
		if i >= audio {
			kind = webrtc.RTPCodecTypeVideo
		}
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return nil, err
		}
	}
	session, err := t.open(ctx, pc, "/whep/"+room)
	leave = func() { t.hangUp(session) }
	if err != nil {
		return leave, err
	}
	if n := sending(pc.RemoteDescription().SDP); n < audio+video {
		return leave, fmt.Errorf("%d of %d sections: %w", n, audio+video, errNotReady)
	}
	return leave, nil
}

// gather makes a description, sets it and returns it with all candidates.
func gather(ctx context.Context, pc *webrtc.PeerConnection, describe func() (webrtc.SessionDescription, error)) (string, error) {
	d, err := describe()
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// open offers pc at path and returns the session's URL.
func (t *target) open(ctx context.Context, pc *webrtc.PeerConnection, path string) (string, error) {
	offer, err := gather(ctx, pc, func() (webrtc.SessionDescription, error) { return pc.CreateOffer(nil) })
	if err != nil {
		return "", err
	}
	req, err := t.request(ctx, http.MethodPost, t.url+path, offer)
	if err != nil {
		return "", err
	}
	res, err := t.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return "", err
	}
	switch res.StatusCode {
	case http.StatusCreated:
	case http.StatusConflict:
		return "", errNotReady
	default:
		return "", fmt.Errorf("POST %s: %s: %s", path, res.Status, strings.TrimSpace(string(answer)))
	}
	at, err := res.Request.URL.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	return at.String(), pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

func (t *target) request(ctx context.Context, method, url, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/sdp")
	if t.token != "" {
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return req, nil
}

// hangUp ends a session; a server that is gone has ended it already.
func (t *target) hangUp(session string) {
	if session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := t.request(ctx, http.MethodDelete, session, "")
	if err != nil {
		return
	}
	if res, err := t.client.Do(req); err == nil {
		_ = res.Body.Close()
	}
}

// sending counts the sections of an answer that carry a track to us; a
// section without one may be called sendonly too.
func sending(answer string) int { return strings.Count(answer, "\na=msid:") }

// connected waits until pc is up.
func connected(ctx context.Context, up <-chan webrtc.PeerConnectionState) error {
	for {
		select {
		case s := <-up:
			switch s {
			case webrtc.PeerConnectionStateConnected:
				return nil
			case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
				return fmt.Errorf("connection %s", s)
			}
		case <-ctx.Done():
			return fmt.Errorf("connection did not come up: %w", ctx.Err())
		}
	}
}

// states reports a connection's states without ever blocking it.
func states(pc *webrtc.PeerConnection) <-chan webrtc.PeerConnectionState {
	c := make(chan webrtc.PeerConnectionState, 16)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		select {
		case c <- s:
		default: // only the first few matter
		}
	})
	return c
}
