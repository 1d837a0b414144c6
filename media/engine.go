package media

import (
	"fmt"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	disconnectedAfter = 5 * time.Second
	failedAfter       = 20 * time.Second // a client may come back by ICE restart
	keepAlive         = 2 * time.Second
	replayWindow      = 2048 // packets; a repaired packet arrives this late at most
)

var videoFeedback = []webrtc.RTCPFeedback{
	{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
}

// audioFeedback holds NACK, which browsers grant for Opus when their offer
// is given the same line; it turns 30 % loss into none.
var audioFeedback = []webrtc.RTCPFeedback{{Type: "nack"}}

func codecs() []webrtc.RTPCodecParameters {
	h264 := func(pt webrtc.PayloadType, profile string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: videoFeedback,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile}}
	}
	return []webrtc.RTPCodecParameters{
		{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: videoFeedback}},
		h264(102, "42001f"), h264(108, "42e01f"), h264(112, "64001f"),
		{PayloadType: 98, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9, ClockRate: 90000, SDPFmtpLine: "profile-id=0", RTCPFeedback: videoFeedback}},
		{PayloadType: 45, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeAV1, ClockRate: 90000, SDPFmtpLine: "level-idx=5;profile=0;tier=0", RTCPFeedback: videoFeedback}},
	}
}

var opusCodec = webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
	MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
	SDPFmtpLine: "minptime=10;useinbandfec=1", RTCPFeedback: audioFeedback}}

// redCodec repeats opusCodec (RFC 2198). A client that offers other payload types is answered with its own.
var redCodec = webrtc.RTPCodecParameters{PayloadType: 63, RTPCodecCapability: webrtc.RTPCodecCapability{
	MimeType: mimeRED, ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111"}}

func mediaEngine(feedback ...webrtc.RTCPFeedback) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	with := func(c webrtc.RTPCodecParameters) webrtc.RTPCodecParameters {
		c.RTCPFeedback = append(append([]webrtc.RTCPFeedback(nil), c.RTCPFeedback...), feedback...)
		return c
	}
	for _, c := range []webrtc.RTPCodecParameters{opusCodec, redCodec} {
		if err := m.RegisterCodec(with(c), webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	for _, c := range codecs() {
		if err := m.RegisterCodec(with(c), webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// publishAPI makes connections that receive. Transport-wide feedback comes
// from r, everything else that a publisher is told from the workers.
func publishAPI(se webrtc.SettingEngine, r *reporter) (*webrtc.API, error) {
	m, err := mediaEngine(webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC})
	if err == nil {
		err = registerRTX(m) // repairs and the publisher's probes
	}
	if err != nil {
		return nil, err
	}
	ext := func(uri string, kinds ...webrtc.RTPCodecType) {
		for _, k := range kinds {
			if err == nil {
				err = m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k)
			}
		}
	}
	for _, e := range extensions {
		ext(e.uri, e.kind)
	}
	ext(sdp.TransportCCURI, webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo)
	ext(sdp.SDESMidURI, webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo)
	ext(sdp.SDESRTPStreamIDURI, webrtc.RTPCodecTypeVideo)
	ext(sdp.SDESRepairRTPStreamIDURI, webrtc.RTPCodecTypeVideo)
	if err != nil {
		return nil, fmt.Errorf("media: header extensions: %w", err)
	}
	reg := &interceptor.Registry{}
	reg.Add(r)
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reg), webrtc.WithSettingEngine(se)), nil
}

// subscribeAPI makes what makes connections that send; the keys of each go to
// its secrets. Its interceptors are empty: the worker answers NACK from the
// shared cache, writes the sender reports and the transport-wide sequence
// numbers, and reads the feedback to them. Without own the secrets stay empty.
func subscribeAPI(se webrtc.SettingEngine, own bool) (func(*secrets) *webrtc.API, error) {
	m, err := subscribeEngine()
	if err != nil {
		return nil, err
	}
	// Keys are learnt where we are the server (RFC 8842 section 5.3: the answerer chooses).
	if err := se.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("media: DTLS role: %w", err)
	}
	return func(k *secrets) *webrtc.API {
		hooked := se
		if own {
			hooked.SetDTLSKeyLogWriter(k)
			hooked.SetDTLSServerHelloMessageHook(k.hello)
		}
		return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(hooked))
	}, nil
}

func subscribeEngine() (*webrtc.MediaEngine, error) {
	m, err := mediaEngine(webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC}, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBGoogREMB})
	if err != nil {
		return nil, err
	}
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}, k); err != nil {
			return nil, fmt.Errorf("media: header extensions: %w", err)
		}
	}
	for _, e := range extensions {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: e.uri}, e.kind); err != nil {
			return nil, fmt.Errorf("media: header extensions: %w", err)
		}
	}
	return m, registerRTX(m) // repairs and our probes
}

// registerRTX gives each video codec its retransmission format (RFC 4588).
func registerRTX(m *webrtc.MediaEngine) error {
	for _, c := range codecs() {
		if err := m.RegisterCodec(rtxOf(&c), webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("media: rtx: %w", err)
		}
	}
	return nil
}

func settings(cfg Config, p *port) webrtc.SettingEngine {
	var se webrtc.SettingEngine
	se.LoggerFactory = pionLog{cfg.Logger}
	se.SetICEUDPMux(p)
	kinds := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if mux := p.tcpMux(); mux != nil {
		se.SetICETCPMux(mux)
		kinds = append(kinds, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	se.SetNetworkTypes(kinds)
	se.SetIPFilter(p.offers) // TCP candidates are for the same addresses as UDP's
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetIncludeLoopbackCandidate(true) // ports.go lists what is offered
	se.SetICETimeouts(disconnectedAfter, failedAfter, keepAlive)
	// GCM costs a sixth of AES-CM with HMAC-SHA1 a packet.
	se.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	se.SetSRTPReplayProtectionWindow(replayWindow)
	se.SetSRTCPReplayProtectionWindow(128)
	se.DisableActiveTCP(true)
	return se
}
