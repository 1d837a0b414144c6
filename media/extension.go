package media

import (
	"slices"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// The header extensions that are passed on from publishers to receivers.
const (
	extLevel       = iota // RFC 6464
	extOrientation        // 3GPP TS 26.114: how the picture is to be turned
	extDependency         // RTP Payload Format For AV1 appendix A
	extDelay              // how long a receiver is to hold the picture back
	extCount
)

var extensions = [extCount]struct {
	kind webrtc.RTPCodecType
	uri  string
}{
	extLevel:       {webrtc.RTPCodecTypeAudio, sdp.AudioLevelURI},
	extOrientation: {webrtc.RTPCodecTypeVideo, "urn:3gpp:video-orientation"},
	extDependency:  {webrtc.RTPCodecTypeVideo, "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"},
	extDelay:       {webrtc.RTPCodecTypeVideo, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"},
}

// extensionIDs are the ids that were negotiated, 0 for those that were not.
type extensionIDs [extCount]uint8

func idsOf(negotiated []webrtc.RTPHeaderExtensionParameter) (ids extensionIDs) {
	for _, e := range negotiated {
		for i := range extensions {
			if e.URI == extensions[i].uri && e.ID > 0 && e.ID < 256 {
				ids[i] = uint8(e.ID)
			}
		}
	}
	return ids
}

// span is where an extension's bytes stand in a packet; the zero value: it has none.
type span struct{ from, to uint16 }

// findExtensions notes what the packet has of the extensions that are passed on.
func (b *buffer) findExtensions(ids *extensionIDs) {
	b.extended = false
	for i, id := range ids {
		b.ext[i] = span{}
		if id == 0 {
			continue
		}
		if from, to := b.head.Find(b.data[:b.n], id); to > from {
			b.ext[i], b.extended = span{uint16(from), uint16(to)}, true
		}
	}
}

// extension returns the bytes of an extension, nil when the packet has none.
func (b *buffer) extension(i int) []byte {
	if e := b.ext[i]; e.to > 0 {
		return b.data[e.from:e.to]
	}
	return nil
}

// extend puts the transport-wide number and what the receiver takes of the
// packet's extensions into the header. The dependency descriptor goes only with
// a stream that carries all of its layers: simulcast encodings share one row of
// frame numbers, so a switch between the key frames of one picture can go
// backwards in it, and libwebrtc drops such a key frame as an old one.
func (s *subscription) extend(out *binding, b *buffer, number uint16) {
	h := &s.header
	if s.extended {
		s.clearExtensions()
	}
	s.setNumber(out, number)
	if !b.extended {
		return
	}
	for i, id := range out.ext {
		p := b.extension(i)
		if id == 0 || p == nil || i == extDependency && !b.layer.svc {
			continue
		}
		if len(p) > 16 || id > 14 {
			h.Extension, h.ExtensionProfile = true, rtp.ExtensionProfileTwoByte
		}
		s.extended = h.SetExtension(id, p) == nil || s.extended // what does not fit is left out
	}
}

// clearExtensions takes the last packet's extensions out of the header.
func (s *subscription) clearExtensions() {
	s.header.Extension, s.header.Extensions, s.extended = false, s.header.Extensions[:0], false
}

// selfDescribed takes the dependency descriptor out of the answer's sections of
// VP8: a sender that may use it leaves PictureID, TL0PICIDX and the temporal
// layer out of the payload, by which receivers get over a picture that is lost.
func selfDescribed(answer string) string {
	const next = "\r\nm="
	sections := strings.Split(answer, next)
	for i, section := range sections {
		line, _, _ := strings.Cut(section, "\r\n")
		f := strings.Fields(line) // kind, port, protocol, payload types
		if len(f) < 4 || !strings.Contains(section, "\r\na=rtpmap:"+f[3]+" VP8/") {
			continue
		}
		lines := strings.Split(section, "\r\n")
		sections[i] = strings.Join(slices.DeleteFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, "a=extmap:") && strings.HasSuffix(l, " "+extensions[extDependency].uri)
		}), "\r\n")
	}
	return strings.Join(sections, next)
}
