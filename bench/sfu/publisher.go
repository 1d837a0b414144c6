//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	framePackets  = 5                     // packets of one video frame
	packetBytes   = 1200                  // of a video packet before encryption
	audioBytes    = 92                    // of an audio packet before encryption: about 32 kbps of Opus
	audioInterval = 20 * time.Millisecond // of Opus packets
	stampBytes    = 8                     // the sending time at the payload's end
)

var feedback = []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: webrtc.TypeRTCPFBTransportCC}}

// engine holds the two codecs of the load.
func engine(sending bool) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	fb := feedback
	if !sending {
		fb = fb[:2]
	}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: fb}}, webrtc.RTPCodecTypeVideo),
		m.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}}}}, webrtc.RTPCodecTypeAudio),
	}
	if sending {
		ext := func(uri string, k webrtc.RTPCodecType) {
			errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k))
		}
		for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			ext(sdp.TransportCCURI, k)
			ext(sdp.SDESMidURI, k)
		}
		ext(sdp.SDESRTPStreamIDURI, webrtc.RTPCodecTypeVideo)
		ext(sdp.AudioLevelURI, webrtc.RTPCodecTypeAudio)
	}
	return m, errors.Join(errs...)
}

// quiet keeps the ends of hundreds of connections off the terminal.
var quiet = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

func settings() webrtc.SettingEngine {
	var se webrtc.SettingEngine
	se.LoggerFactory = quiet
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	se.SetSRTPReplayProtectionWindow(8192)
	return se
}

// publishAPI sends as a browser does: with sender reports, transport-wide
// sequence numbers and answers to NACK.
func publishAPI() (*webrtc.API, *socket, error) {
	m, err := engine(true)
	if err != nil {
		return nil, nil, err
	}
	reg := &interceptor.Registry{}
	reports, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, nil, err
	}
	numbers, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return nil, nil, err
	}
	answers, err := nack.NewResponderInterceptor()
	if err != nil {
		return nil, nil, err
	}
	for _, f := range []interceptor.Factory{reports, numbers, answers} {
		reg.Add(f)
	}
	se := settings()
	s, err := listen(1, nil) // one socket a publisher, on loopback only
	if err != nil {
		return nil, nil, err
	}
	se.SetICEUDPMux(webrtc.NewICEUDPMux(quiet.NewLogger("ice"), s))
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reg), webrtc.WithSettingEngine(se)), s, nil
}

// camera is one encoding of a synthetic video: frames of framePackets equal
// packets in the shape of VP8, a key frame when one is asked for.
type camera struct {
	track   *webrtc.TrackLocalStaticRTP
	mid     string
	rid     string
	midExt  uint8
	ridExt  uint8
	every   int // sends each so many frames of the beat
	frames  int
	wantKey atomic.Bool
	sent    atomic.Uint64

	packet  rtp.Packet
	picture uint16
	tl0     uint8
}

func newCamera(stream, rid string, every int) (*camera, error) {
	var opts []func(*webrtc.TrackLocalStaticRTP)
	if rid != "" {
		opts = append(opts, webrtc.WithRTPStreamID(rid))
	}
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", stream, opts...)
	if err != nil {
		return nil, err
	}
	c := &camera{track: t, rid: rid, every: every, picture: uint16(rand.Uint32() & 0x7fff)}
	c.packet.Version, c.packet.PayloadType = 2, 96
	c.packet.SequenceNumber, c.packet.Timestamp = uint16(rand.Uint32()&0x3fff), rand.Uint32()
	c.packet.Payload = make([]byte, packetBytes-12)
	c.wantKey.Store(true)
	return c, nil
}

// identify puts MID and RID on the packets, by which simulcast is recognised.
func (c *camera) identify(mid string, p webrtc.RTPSendParameters) {
	c.mid = mid
	for _, e := range p.HeaderExtensions {
		switch e.URI {
		case sdp.SDESMidURI:
			c.midExt = uint8(e.ID)
		case sdp.SDESRTPStreamIDURI:
			c.ridExt = uint8(e.ID)
		}
	}
}

// frame sends the next frame; passed is the time since the last one.
func (c *camera) frame(passed time.Duration) error {
	c.packet.Timestamp += uint32(passed * 90000 / time.Second)
	if c.frames++; c.frames%c.every != 0 {
		return nil
	}
	key := c.wantKey.Swap(false)
	c.picture = (c.picture + 1) & 0x7fff
	c.tl0++
	for i := range framePackets {
		p := &c.packet
		p.SequenceNumber++
		p.Marker = i == framePackets-1
		p.Extension, p.Extensions = false, nil
		if c.rid != "" {
			if err := errors.Join(p.SetExtension(c.midExt, []byte(c.mid)), p.SetExtension(c.ridExt, []byte(c.rid))); err != nil {
				return err
			}
		}
		c.describe(p.Payload, i == 0, key)
		binary.BigEndian.PutUint64(p.Payload[len(p.Payload)-stampBytes:], uint64(time.Now().UnixNano()))
		if err := c.track.WriteRTP(p); err != nil {
			return err
		}
		c.sent.Add(1)
	}
	return nil
}

// describe writes a VP8 payload descriptor with all fields (RFC 7741 section
// 4.2) and, on a frame's first packet, the frame's tag (RFC 6386 section 9.1).
func (c *camera) describe(p []byte, start, key bool) {
	p[0], p[1] = 0x80, 0xe0
	if start {
		p[0] |= 0x10
	}
	binary.BigEndian.PutUint16(p[2:], c.picture|0x8000)
	p[4], p[5] = c.tl0, 0
	p[6] = 1 // P: not a key frame
	if start && key {
		copy(p[6:], []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}) // 640 × 360
	}
}

// microphone is a synthetic Opus stream with audio levels.
type microphone struct {
	track  *webrtc.TrackLocalStaticRTP
	level  uint8 // extension id
	packet rtp.Packet
	sent   atomic.Uint64
}

func newMicrophone(stream string) (*microphone, error) {
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", stream)
	if err != nil {
		return nil, err
	}
	m := &microphone{track: t}
	m.packet.Version, m.packet.PayloadType, m.packet.Timestamp = 2, 111, rand.Uint32()
	m.packet.SequenceNumber = uint16(rand.Uint32() & 0x3fff)
	m.packet.Payload = make([]byte, audioBytes-12)
	return m, nil
}

func (m *microphone) frame(passed time.Duration) error {
	p := &m.packet
	p.SequenceNumber++
	p.Timestamp += uint32(passed * 48000 / time.Second)
	p.Extension, p.Extensions = false, nil
	if m.level != 0 {
		if err := p.SetExtension(m.level, []byte{0x80 | 30}); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint64(p.Payload[len(p.Payload)-stampBytes:], uint64(time.Now().UnixNano()))
	m.sent.Add(1)
	return m.track.WriteRTP(p)
}

// publisher is one person that sends.
type publisher struct {
	pc      *webrtc.PeerConnection
	socket  *socket
	leave   func()
	cameras []*camera
	mic     *microphone
}

// publish connects publisher n of room.
func (l *load) publish(ctx context.Context, room string, n int) (*publisher, error) {
	p := &publisher{}
	api, s, err := publishAPI()
	if err != nil {
		return nil, err
	}
	p.socket = s
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{Certificates: l.certificates}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	up := states(p.pc)
	if err := p.addTracks(l.scenario, fmt.Sprintf("bench-%d", n)); err != nil {
		return p, err
	}
	if p.leave, err = l.entry.publish(ctx, p.pc, room, n); err != nil {
		return p, fmt.Errorf("publish: %w", err)
	}
	for _, tr := range p.pc.GetTransceivers() {
		params := tr.Sender().GetParameters()
		if tr.Kind() == webrtc.RTPCodecTypeAudio {
			for _, e := range params.HeaderExtensions {
				if e.URI == sdp.AudioLevelURI {
					p.mic.level = uint8(e.ID)
				}
			}
			continue
		}
		for _, c := range p.cameras {
			c.identify(tr.Mid(), params)
		}
	}
	return p, connected(ctx, up)
}

func (p *publisher) addTracks(s scenario, stream string) error {
	if s.Audio {
		m, err := newMicrophone(stream)
		if err != nil {
			return err
		}
		p.mic = m
		if err := p.add(m.track); err != nil {
			return err
		}
	}
	if s.Kbps <= 0 {
		return nil
	}
	if !s.Simulcast {
		c, err := newCamera(stream, "", 1)
		if err != nil {
			return err
		}
		p.cameras = []*camera{c}
		return p.add(c.track)
	}
	for i, rid := range []string{"f", "h", "q"} {
		c, err := newCamera(stream, rid, []int{1, 3, 9}[i])
		if err != nil {
			return err
		}
		p.cameras = append(p.cameras, c)
	}
	if err := p.add(p.cameras[0].track); err != nil {
		return err
	}
	sender := p.pc.GetSenders()[len(p.pc.GetSenders())-1]
	return errors.Join(sender.AddEncoding(p.cameras[1].track), sender.AddEncoding(p.cameras[2].track))
}

// add sends a track and takes the requests for key frames.
func (p *publisher) add(t webrtc.TrackLocal) error {
	tr, err := p.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	go func() { // ends with the connection
		for {
			packets, _, err := tr.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, r := range packets {
				switch r.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					for _, c := range p.cameras {
						c.wantKey.Store(true)
					}
				}
			}
		}
	}()
	return nil
}

func (p *publisher) close() {
	if p == nil || p.pc == nil {
		return
	}
	if p.leave != nil {
		p.leave()
	}
	_ = p.pc.Close()
	_ = p.socket.Close()
}
