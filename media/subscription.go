package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"yunting/media/bandwidth"
	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

// binding is what negotiation gives a subscription to write with.
type binding struct {
	out  webrtc.TrackLocalWriter
	ssrc uint32
	pt   uint8

	ext      extensionIDs
	sequence uint8 // id of the transport-wide sequence number extension, 0 is none
	redPT    uint8 // 0: the receiver takes no RED
	rtxSSRC  uint32
	rtxPT    uint8 // 0: the receiver takes no RTX
}

// subscription forwards one track to one receiver: pion's TrackLocal.
type subscription struct {
	track *track
	peer  *Peer

	// Set by the subscriber under its mutex.
	transceiver *webrtc.RTPTransceiver
	sender      *webrtc.RTPSender
	offered     bool

	allowed     atomic.Bool // the receiver may receive
	ready       atomic.Bool // the connection is up
	bound       atomic.Pointer[binding]
	report      atomic.Pointer[reception]
	rtt         atomic.Int64 // nanoseconds, by RTCP
	flow        sentStats
	wire        atomic.Int64                   // bytes sent to a receiver without transport-wide numbers
	limit       atomic.Int32                   // largest layer that the receiver's bandwidth allows; allocate.Paused
	spare       atomic.Int32                   // temporal layers that bandwidth has no room for, from above
	heard       atomic.Bool                    // feedback to RTX is read; set under the subscriber's mutex
	rtxFeedback *webrtc.RTPReceiver            // reads it, nil until then; guarded by the subscriber's mutex
	view        atomic.Pointer[simulcast.View] // how large the receiver shows it
	want        atomic.Int32                   // the layer that suits the view, allocate.Paused for none
	shown       atomic.Int32                   // the layer that the receiver is to get, allocate.Paused for none

	forwarder // owned by the track's worker
}

func newSubscription(t *track, p *Peer) *subscription {
	s := &subscription{track: t, peer: p}
	// Starting low keeps the first wrap, and with it the receiver's rollover
	// counter, far from the first packets (RFC 3711 section 3.3.1).
	s.mapper = rewrite.New(uint16(rand.Uint32() & 0x3fff))
	s.limit.Store(unlimited)
	s.numbers = make([]uint16, cacheSize(t.kind))
	s.ready.Store(p.sub.connected) // the caller holds p.sub.mu
	s.view.Store(&simulcast.View{})
	s.want.Store(maxLayers - 1)
	s.look(p.sub.views)
	return s
}

// ID is the msid track id (webrtc.TrackLocal).
func (s *subscription) ID() string { return s.track.info.ID }

// RID is empty: a receiver gets one encoding (webrtc.TrackLocal).
func (s *subscription) RID() string { return "" }

// StreamID is the msid stream id (webrtc.TrackLocal).
func (s *subscription) StreamID() string { return StreamID(s.track.info.Peer, s.track.info.Source) }

// Kind is audio or video (webrtc.TrackLocal).
func (s *subscription) Kind() webrtc.RTPCodecType { return s.track.kind }

// Bind is called when the receiver agreed to the section (webrtc.TrackLocal).
// A receiver that cannot take the track's codec gets nothing of it; an error
// would refuse all the other sections too.
func (s *subscription) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codec, ok := matchCodec(s.track.codec, c.CodecParameters())
	if !ok {
		s.peer.sfu.metrics.unmatched.Inc()
		if len(c.CodecParameters()) == 0 {
			return codec, webrtc.ErrUnsupportedCodec
		}
		return c.CodecParameters()[0], nil
	}
	b := &binding{out: c.WriteStream(), ssrc: uint32(c.SSRC()), pt: uint8(codec.PayloadType), rtxSSRC: uint32(c.SSRCRetransmission())}
	b.ext = idsOf(c.HeaderExtensions())
	for _, e := range c.HeaderExtensions() {
		if e.URI == sdp.TransportCCURI && e.ID > 0 && e.ID < 15 {
			b.sequence = uint8(e.ID)
		}
	}
	apt := fmt.Sprintf("apt=%d", codec.PayloadType)
	for _, p := range c.CodecParameters() {
		if isCodec(&p, mimeRED) {
			b.redPT = uint8(p.PayloadType)
		}
		if strings.EqualFold(p.MimeType, webrtc.MimeTypeRTX) && p.SDPFmtpLine == apt && b.rtxSSRC != 0 {
			b.rtxPT = uint8(p.PayloadType)
		}
	}
	s.bound.Store(b)
	s.track.subscribe(s)
	return codec, nil
}

// Unbind is called when the section ends (webrtc.TrackLocal).
func (s *subscription) Unbind(webrtc.TrackLocalContext) error {
	s.allowed.Store(false)
	s.bound.Store(nil)
	s.track.unsubscribe(s)
	return nil
}

// readRTCP takes the receiver's reports and requests until the sender stops.
func (s *subscription) readRTCP() {
	buf := make([]byte, 1500)
	allowed := allowance{perSecond: rtcpPerSecond}
	for {
		n, _, err := s.sender.Read(buf)
		if err != nil {
			if errors.Is(err, io.ErrShortBuffer) {
				continue
			}
			return
		}
		now := time.Now()
		if !allowed.take(n, now) {
			s.peer.fault(faultRate)
			continue
		}
		if bandwidth.IsFeedback(buf[:n]) {
			s.peer.down.feedback(buf[:n], now)
			continue
		}
		if !s.takeRTCP(buf[:n], now) {
			s.peer.fault(faultRTCP)
		}
	}
}

// takeRTCP acts on a packet of the receiver and tells whether it is well-formed.
func (s *subscription) takeRTCP(raw []byte, now time.Time) bool {
	b := s.bound.Load()
	if blocks, ok := onlyReport(raw); ok {
		for ; b != nil && len(blocks) > 0; blocks = blocks[reportBlock:] {
			if binary.BigEndian.Uint32(blocks) != b.ssrc {
				continue
			}
			r := new(rtcp.ReceptionReport)
			if r.Unmarshal(blocks[:reportBlock]) == nil {
				s.takeReport(r, now)
			}
		}
		return true
	}
	packets, err := rtcp.Unmarshal(raw)
	if err == nil && b != nil {
		s.handleRTCP(packets, b.ssrc)
	}
	return err == nil
}

const reportBlock = 24 // bytes of a reception report

// onlyReport gives the reception reports of a packet that is one receiver
// report and nothing else, as most are (RFC 3550 section 6.4.2): every
// subscription of a receiver reads it and unpacks its own block alone.
func onlyReport(raw []byte) (blocks []byte, ok bool) {
	if len(raw) < 8 || raw[0]>>5 != 4 || raw[1] != uint8(rtcp.TypeReceiverReport) || 4+4*int(binary.BigEndian.Uint16(raw[2:])) != len(raw) ||
		8+reportBlock*int(raw[0]&31) != len(raw) {
		return nil, false
	}
	return raw[8:], true
}

func (s *subscription) handleRTCP(packets []rtcp.Packet, ssrc uint32) {
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			if p.MediaSSRC == ssrc {
				s.peer.sub.hear(s)
				s.track.w.do(func() { s.resend(p.Nacks) })
			}
		case *rtcp.PictureLossIndication:
			if p.MediaSSRC == ssrc {
				s.track.w.do(s.askKeyFrame)
			}
		case *rtcp.FullIntraRequest:
			s.track.w.do(s.askKeyFrame)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			s.peer.down.remb(float64(p.Bitrate))
		case *rtcp.ReceiverReport:
			for i := range p.Reports {
				if p.Reports[i].SSRC == ssrc {
					s.takeReport(&p.Reports[i], time.Now())
				}
			}
		}
	}
}

// takeReport keeps what a report says of the way to the receiver, and measures the round trip (RFC 3550 section 6.4.1).
func (s *subscription) takeReport(r *rtcp.ReceptionReport, now time.Time) {
	s.track.w.do(func() { s.report.Store(&reception{s.holes.lost(r), r.Jitter}) })
	if r.LastSenderReport == 0 {
		return
	}
	units := int32(uint32(ntpTime(now)>>16) - r.LastSenderReport - r.Delay) // 1/65536 s
	if units >= 0 && units < 10<<16 {
		rtt := time.Duration(units) * time.Second / 65536
		s.rtt.Store(int64(rtt))
		s.peer.down.estimator.SetRTT(rtt)
	}
}

// ntpTime is t in 1/2^32 seconds since 1900 (RFC 3550 section 4).
func ntpTime(t time.Time) uint64 {
	const epoch = 2208988800
	return uint64(t.Unix()+epoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// ntpDuration is the time from b to a.
func ntpDuration(a, b uint64) time.Duration {
	d := int64(a - b)
	return time.Duration(d>>32)*time.Second + time.Duration((d&0xffffffff)*int64(time.Second)>>32)
}

var _ webrtc.TrackLocal = (*subscription)(nil)
