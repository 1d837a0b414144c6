package media

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/loss"
	"yunting/media/packetcache"
)

// FuzzFragment: a fragment that is taken has both credentials or none, and few candidates; an attribute that is replaced is found.
func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n", "new")
	f.Add("a=candidate:", "")
	f.Fuzz(func(t *testing.T, text, value string) {
		if fragment, err := parseFragment(text); err == nil && ((fragment.ufrag == "") != (fragment.pwd == "") || len(fragment.candidates) > maxFragmentCandidates) {
			t.Errorf("%+v", fragment)
		}
		if a := answerFragment(text); !strings.HasPrefix(a, "a=ice-ufrag:") || !strings.HasSuffix(a, "\r\n") {
			t.Errorf("%q", a)
		}
		if strings.ContainsAny(value, "\r\n") || attribute(text, "ice-pwd") == "" {
			return
		}
		if got := attribute(replaceAttribute(text, "ice-pwd", value), "ice-pwd"); got != value {
			t.Errorf("%q, want %q", got, value)
		}
	})
}

// FuzzOffer gives a publisher's description and candidate to a running SFU, which answers or refuses.
func FuzzOffer(f *testing.F) {
	s := newSFU(f)
	c := &client{t: f, id: "pattern", api: loopbackAPI()}
	c.encoder(webrtc.MimeTypeVP8)
	offer, err := c.pub.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.pub.GracefulClose() })
	f.Add(offer.SDP, "candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host")
	f.Add("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rid:a send\r\na=simulcast:send a;~b,c\r\n", "")
	room := s.Room("r")
	f.Fuzz(func(t *testing.T, sdp, candidate string) {
		p, err := room.Join("p", JoinOptions{Permissions: everything})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		_ = p.Candidate(TargetPublish, webrtc.ICECandidateInit{Candidate: candidate}) // most are refused
		answer, err := p.Publish(sdp)
		if (err == nil) != (answer != "") {
			t.Errorf("answer %q, error %v", answer, err)
		}
	})
}

// FuzzPatch gives the body of a PATCH to a WHIP session: it is answered with one of RFC 9725's codes, and only a restart gives
// the session another name. The session is opened anew when the last one's limits are used up.
func FuzzPatch(f *testing.F) {
	s := newSFU(f)
	h := s.WHIP("/whip/", func(*http.Request, string, string, bool) (Grant, error) { return Grant{Peer: "p"}, nil })
	c := &client{t: f, id: "pattern", api: loopbackAPI()}
	c.encoder(webrtc.MimeTypeVP8)
	offer, err := c.pub.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.pub.GracefulClose() })
	send := func(method, path, contentType, match, text string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(text))
		r.Header.Set("Content-Type", contentType)
		r.Header["If-Match"] = []string{match}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	location, tag := "", ""
	section := "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
	f.Add("*", "a=ice-ufrag:"+attribute(offer.SDP, "ice-ufrag")+"\r\na=ice-pwd:"+attribute(offer.SDP, "ice-pwd")+"\r\n"+section)
	f.Add("*", "a=ice-ufrag:newu\r\na=ice-pwd:0123456789012345678901\r\n"+section)
	f.Add("", section+"a=end-of-candidates\r\n")
	f.Add(`W/"x", "y"`, section)
	f.Fuzz(func(t *testing.T, match, fragment string) {
		if location == "" {
			opened := send("POST", "/whip/r/p", typeSDP, "", offer.SDP)
			if opened.Code != http.StatusCreated {
				t.Fatalf("%d %s", opened.Code, opened.Body)
			}
			location, tag = opened.Header().Get("Location"), opened.Header().Get("ETag")
		}
		if match == "" {
			match = tag
		}
		w := send("PATCH", location, typeFragment, match, fragment)
		codes := []int{http.StatusOK, http.StatusNoContent, http.StatusBadRequest, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests}
		if !slices.Contains(codes, w.Code) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		now := w.Header().Get("ETag")
		if (w.Code == http.StatusOK) != (now != "") || now == tag {
			t.Errorf("%d names the session %q after %q", w.Code, now, tag)
		}
		if w.Code == http.StatusOK || w.Code == http.StatusTooManyRequests {
			if w := send("DELETE", location, "", "", ""); w.Code != http.StatusOK {
				t.Errorf("DELETE: %d", w.Code)
			}
			location = ""
		}
	})
}

// FuzzAnswer gives a receiver's answer to the bounds before pion, and what it says of a codec to the choice of what it is sent.
func FuzzAnswer(f *testing.F) {
	p, err := newSFU(f).Room("r").Join("p", JoinOptions{Permissions: Permissions{Subscribe: true}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.Close)
	f.Add("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "video/h264", "packetization-mode=1;profile-level-id=42e01f")
	f.Add(strings.Repeat("a=candidate:", maxCandidateSDP+1), "video/VP9", "profile-id=0")
	var many strings.Builder
	for n := range maxCandidateSDP + 1 {
		fmt.Fprintf(&many, "a=candidate:%d\r\n", n)
	}
	f.Add(many.String(), "audio/red", "111/111")
	f.Fuzz(func(t *testing.T, answer, mime, line string) {
		distinct := map[string]bool{}
		for line := range strings.SplitAfterSeq(answer, "\n") {
			if strings.HasPrefix(line, "a=candidate:") {
				distinct[line] = true
			}
		}
		over := len(answer) > p.sfu.cfg.Limits.SDPBytes || len(distinct) > maxCandidateSDP
		if err := p.AnswerSubscribe(answer); over != errors.Is(err, ErrLimit) || !over && !errors.Is(err, ErrState) {
			t.Errorf("%d bytes with %d candidates: %v", len(answer), len(distinct), err)
		}
		own := codecs()
		said := webrtc.RTPCodecParameters{PayloadType: 77, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, SDPFmtpLine: line}}
		for _, sent := range append(own, opusCodec, redCodec) {
			have := append([]webrtc.RTPCodecParameters{said}, own...)
			got, ok := matchCodec(sent, have)
			if known := slices.ContainsFunc(own, func(c webrtc.RTPCodecParameters) bool { return strings.EqualFold(c.MimeType, sent.MimeType) }); known && !ok {
				t.Errorf("%s is not found", sent.MimeType)
			}
			if ok && (!strings.EqualFold(got.MimeType, sent.MimeType) || !slices.ContainsFunc(have, func(c webrtc.RTPCodecParameters) bool { return c.PayloadType == got.PayloadType })) {
				t.Errorf("%s is sent as %s %d", sent.MimeType, got.MimeType, got.PayloadType)
			}
		}
	})
}

// FuzzPublished gives a publisher's packet to each format's reader and, where it is taken, to a receiver.
func FuzzPublished(f *testing.F) {
	_, b, _ := bench(f)
	f.Add(b.data[:b.n], uint8(formatVP8))
	f.Add(append(append([]byte{}, b.data[:b.head.Payload]...), 0x2a, 0, 0, 0x50, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208), uint8(formatVP9))
	f.Add(append(append([]byte{}, b.data[:b.head.Payload]...), h264Frame(1, true)...), uint8(formatH264))
	f.Fuzz(func(t *testing.T, raw []byte, as uint8) {
		s, b, hole := bench(t)
		s.track.format = format(as) % (formatAV1 + 1)
		l := b.layer
		if !l.parse(b, copy(b.data[:], raw)) {
			return
		}
		if b.head.Payload > b.head.End || b.head.End > b.n {
			t.Fatalf("payload from %d to %d of %d bytes", b.head.Payload, b.head.End, b.n)
		}
		s.forward([]*buffer{b}, time.Now())
		if hole.packets > 1 {
			t.Errorf("%d packets of one", hole.packets)
		}
	})
}

// FuzzDescribed gives a publisher's dependency descriptors to a stream of several layers and to its receiver, with a packet
// lost between the two last: none is sent twice, and layers that it does not have are not missed.
func FuzzDescribed(f *testing.F) {
	d := description{mode: fullMode}
	d.frame(0, true, true)
	key := d.descriptor(true, true, 3)
	d.frame(1, true, true)
	f.Add(key, d.descriptor(true, false, 3), d.descriptor(false, true, 3), uint8(2))
	f.Add([]byte{0xc1, 0, 1}, []byte{}, []byte{0xff, 0, 2, 0x07, 0xff, 0xff}, uint8(200))
	f.Fuzz(func(t *testing.T, first, second, third []byte, gap uint8) {
		s, _, hole := bench(t)
		l := s.track.layers[0]
		s.track.format, s.track.ext[extDependency], l.svc = formatAV1, 5, true
		s.track.peer = s.peer
		s.track.permitted.Store(true)
		l.cache, l.loss = packetcache.New[*buffer](videoCache), loss.New(loss.Options{})
		s.limit.Store(unlimited)
		s.target, s.aim = 1, 2
		seq, sent := uint16(65500), 0
		for i, ext := range [][]byte{first, second, third} {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: l.ssrc, SequenceNumber: seq, Timestamp: 90, Extension: true, ExtensionProfile: rtp.ExtensionProfileTwoByte}, Payload: []byte{0x10, 1}}
			if len(ext) > 255 || p.SetExtension(5, ext) != nil {
				return
			}
			raw, err := p.Marshal()
			if err != nil || len(raw) > bufferSize {
				return
			}
			b := new(buffer)
			if !l.parse(b, copy(b.data[:], raw)) {
				return
			}
			b.arrived = time.Now()
			s.forward(l.accept([]*buffer{b}), b.arrived)
			if seq++; i == 1 {
				seq += uint16(gap)
			}
			if sent++; hole.packets > sent {
				t.Fatalf("%d packets of %d", hole.packets, sent)
			}
		}
		for lost := range uint16(gap) {
			if cut := l.severed(65502 + lost); cut > allLayers {
				t.Errorf("layers %b are missed", cut)
			}
		}
	})
}

// FuzzReceiverReports gives a receiver's RTCP to a subscription.
func FuzzReceiverReports(f *testing.F) {
	sfu := newSFU(f)
	p, err := sfu.Room("r").Join("a", JoinOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.Close)
	for _, seed := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xffff}}},
		&rtcp.PictureLossIndication{MediaSSRC: 1},
		&rtcp.FullIntraRequest{MediaSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 1}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: []uint32{1}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 255, LastSenderReport: 1}}},
	} {
		raw, err := seed.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	pc, err := loopbackAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = pc.Close() })
	s, b, _ := bench(f)
	s.track.pc = pc // what is asked of the publisher comes to nothing: it is not connected
	s.peer, s.track.peer, s.track.w = p, p, sfu.worker()
	b.layer.cache, b.layer.loss = packetcache.New[*buffer](videoCache), loss.New(loss.Options{})
	s.track.w.call(func() { s.forward([]*buffer{b}, time.Now()) })
	f.Fuzz(func(t *testing.T, raw []byte) {
		packets, err := rtcp.Unmarshal(raw)
		if s.takeRTCP(raw, time.Now()) != (err == nil) {
			t.Errorf("%x is taken, or not, against pion: %v", raw, err)
		}
		if blocks, ok := onlyReport(raw); ok {
			if r, is := packets[0].(*rtcp.ReceiverReport); !is || len(packets) != 1 || len(r.Reports)*reportBlock != len(blocks) {
				t.Errorf("%x: %d bytes of reports, %v", raw, len(blocks), packets)
			}
		}
		s.track.w.call(func() {}) // until what it asked for is done
		if bps := p.down.estimator.TargetBps(); bps <= 0 {
			t.Errorf("%d bits a second", bps)
		}
	})
}
