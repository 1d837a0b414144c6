package media

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"
)

// rtxOf is the codec of a video codec's repairs (RFC 4588), which carry the probes.
func rtxOf(c *webrtc.RTPCodecParameters) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{PayloadType: c.PayloadType + 1, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeRTX, ClockRate: c.ClockRate, SDPFmtpLine: fmt.Sprintf("apt=%d", c.PayloadType)}}
}

// matchCodec finds the receiver's name for the publisher's codec: the same
// parameters best, else others that the receiver decodes as well.
func matchCodec(want webrtc.RTPCodecParameters, have []webrtc.RTPCodecParameters) (webrtc.RTPCodecParameters, bool) {
	best, rank := webrtc.RTPCodecParameters{}, 0
	for i := range have {
		if !isCodec(&have[i], want.MimeType) {
			continue
		}
		if r := decodes(&have[i], &want); r > rank {
			best, rank = have[i], r
		}
	}
	return best, rank > 0
}

// decodes ranks how well a receiver's codec suits what a publisher sends with
// one of the same MIME type; 0 is not at all.
func decodes(receiver, sender *webrtc.RTPCodecParameters) int {
	if receiver.SDPFmtpLine == sender.SDPFmtpLine {
		return 3
	}
	switch formatOf(sender) {
	case formatH264:
		return decodesH264(parameters(receiver.SDPFmtpLine), parameters(sender.SDPFmtpLine))
	case formatVP9:
		if orZero(parameters(receiver.SDPFmtpLine)["profile-id"]) != orZero(parameters(sender.SDPFmtpLine)["profile-id"]) {
			return 0
		}
	}
	return 1
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// parameters reads a=fmtp's name=value list.
func parameters(line string) map[string]string {
	out := map[string]string{}
	for p := range strings.SplitSeq(line, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		out[strings.ToLower(name)] = value
	}
	return out
}

// decodesH264 compares packetization modes and profiles (RFC 6184 section
// 8.1). Levels are of no concern: they say what the picture may cost, and
// browsers agree to be sent more than they say.
func decodesH264(receiver, sender map[string]string) int {
	if orZero(receiver["packetization-mode"]) != orZero(sender["packetization-mode"]) {
		return 0
	}
	r, s := h264ProfileOf(receiver["profile-level-id"]), h264ProfileOf(sender["profile-level-id"])
	switch {
	case r == unknownProfile || s == unknownProfile:
		return 0
	case r == s:
		return 2
	case s == baseline && r == constrainedBaseline: // no browser's encoder uses what the latter lacks
		return 1
	case s == constrainedBaseline, s == main && r == high, s == constrainedHigh && r == high:
		return 1 // what the sender's profile allows, the receiver's does too
	}
	return 0
}

type h264Profile uint8

const (
	unknownProfile h264Profile = iota
	constrainedBaseline
	baseline
	main
	constrainedHigh
	high
)

// h264ProfileOf reads a profile-level-id (RFC 6184 table 5). Without one it is
// baseline.
func h264ProfileOf(id string) h264Profile {
	if id == "" {
		return baseline
	}
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 3 {
		return unknownProfile
	}
	constraint := func(i int) bool { return b[1]<<i&0x80 != 0 } // constraint_set_i_flag
	switch b[0] {
	case 0x42:
		if constraint(1) {
			return constrainedBaseline
		}
		return baseline
	case 0x4d:
		if constraint(0) {
			return constrainedBaseline
		}
		return main
	case 0x58:
		if constraint(0) && constraint(1) {
			return constrainedBaseline
		}
	case 0x64:
		if constraint(4) && constraint(5) {
			return constrainedHigh
		}
		return high
	}
	return unknownProfile
}
