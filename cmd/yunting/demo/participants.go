package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Participants publish the clip into a hearing as if they sat there, by WHIP, until they are stopped.
type Participants struct {
	BaseURL string
	Token   string // media_token
	Hearing uuid.UUID
	Logger  *slog.Logger

	client http.Client
	clip   clip
}

// Run keeps one stream going for each person until ctx ends; a stream that breaks is begun again after a pause.
func (p *Participants) Run(ctx context.Context, people ...Person) error {
	var err error
	if p.clip, err = loadClip(); err != nil {
		return err
	}
	p.client.Timeout = 20 * time.Second
	var streams sync.WaitGroup
	for _, person := range people {
		streams.Add(1)
		go func() {
			defer streams.Done()
			p.keep(ctx, person)
		}()
	}
	streams.Wait()
	return nil
}

func (p *Participants) keep(ctx context.Context, person Person) {
	for ctx.Err() == nil {
		if err := p.publish(ctx, person); err != nil && ctx.Err() == nil {
			p.Logger.Warn("demo participant interrupted", "login", person.Login, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

// publish offers one stream and feeds it until the connection ends.
func (p *Participants) publish(ctx context.Context, person Person) error {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer func() {
		if err := pc.Close(); err != nil {
			p.Logger.Debug("demo participant: close", "error", err)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			cancel(fmt.Errorf("connection %s", s))
		}
	})
	stream := person.account.ID.String()
	video, err := addTrack(pc, webrtc.MimeTypeVP8, "camera", stream)
	if err != nil {
		return err
	}
	audio, err := addTrack(pc, webrtc.MimeTypeOpus, "mic", stream)
	if err != nil {
		return err
	}
	resource, err := p.whip(ctx, pc, stream)
	if err != nil {
		return err
	}
	defer p.hangUp(resource)
	var feeds sync.WaitGroup
	for _, f := range []struct {
		track  *webrtc.TrackLocalStaticSample
		frames []frame
	}{{video, p.clip.video}, {audio, p.clip.audio}} {
		feeds.Add(1)
		go func() {
			defer feeds.Done()
			if err := feed(ctx, f.track, f.frames); err != nil {
				cancel(err)
			}
		}()
	}
	feeds.Wait()
	return context.Cause(ctx)
}

func addTrack(pc *webrtc.PeerConnection, mime, id, stream string) (*webrtc.TrackLocalStaticSample, error) {
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeOpus {
		capability.ClockRate, capability.Channels = 48000, 2
	}
	track, err := webrtc.NewTrackLocalStaticSample(capability, id, stream)
	if err != nil {
		return nil, err
	}
	sender, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, err
	}
	go func() { // RTCP must be read for the interceptors (NACK, reports) to work; it ends with the connection
		buf := make([]byte, 1500)
		for {
			if _, _, err := sender.Sender().Read(buf); err != nil {
				return
			}
		}
	}()
	return track, nil
}

// whip does the exchange of RFC 9725 section 4.2 and returns the session's URL.
func (p *Participants) whip(ctx context.Context, pc *webrtc.PeerConnection, stream string) (string, error) {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	url := fmt.Sprintf("%s/whip/%s/%s", p.BaseURL, p.Hearing, stream)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+p.Token)
	res, err := p.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 256<<10))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("WHIP answered %s", res.Status)
	}
	location, err := res.Request.URL.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", fmt.Errorf("WHIP location: %w", err)
	}
	return location.String(), pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

// hangUp ends the session; a server that is gone has ended it already.
func (p *Participants) hangUp(resource string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, resource, nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+p.Token)
	if res, err := p.client.Do(req); err == nil {
		res.Body.Close()
	}
}

// feed sends frames at their time, round and round, in step with the minute so that the clip's clock is true.
func feed(ctx context.Context, track *webrtc.TrackLocalStaticSample, frames []frame) error {
	start := time.Now().Truncate(clipLength)
	at := time.Since(start)
	next := sort.Search(len(frames), func(i int) bool { return frames[i].at >= at })
	for next < len(frames) && !frames[next].key {
		next++
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if next == len(frames) {
			next, start = 0, start.Add(clipLength)
		}
		timer.Reset(time.Until(start.Add(frames[next].at)))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		end := clipLength
		if next+1 < len(frames) {
			end = frames[next+1].at
		}
		err := track.WriteSample(media.Sample{Data: frames[next].data, Duration: end - frames[next].at})
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
		next++
	}
}
