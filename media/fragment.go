package media

import (
	"slices"
	"strings"

	"github.com/pion/webrtc/v4"
)

// fragment is a trickle-ice-sdpfrag (RFC 8840).
type fragment struct {
	ufrag, pwd string
	candidates []webrtc.ICECandidateInit
}

const maxFragmentCandidates = 64

// parseFragment reads a fragment's credentials and candidates. All sections of a bundle have the same credentials
// (RFC 9143 section 9), wherever the fragment says them.
func parseFragment(text string) (fragment, error) {
	var f fragment
	mid := ""
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ":")
		if !ok {
			continue
		}
		switch name {
		case "a=ice-ufrag":
			if f.ufrag != "" && f.ufrag != value {
				return f, ErrSDP
			}
			f.ufrag = value
		case "a=ice-pwd":
			if f.pwd != "" && f.pwd != value {
				return f, ErrSDP
			}
			f.pwd = value
		case "a=mid":
			mid = value
		case "a=candidate":
			if len(f.candidates) == maxFragmentCandidates {
				return f, ErrLimit
			}
			m, c := mid, webrtc.ICECandidateInit{Candidate: "candidate:" + value}
			if m != "" {
				c.SDPMid = &m
			} else {
				zero := uint16(0)
				c.SDPMLineIndex = &zero
			}
			f.candidates = append(f.candidates, c)
		}
	}
	if (f.ufrag == "") != (f.pwd == "") || strings.ContainsAny(f.ufrag+f.pwd, " \t") {
		return f, ErrSDP
	}
	return f, nil
}

// within reports whether every candidate names a section of the offer (RFC 8840 section 4.3), or none.
func (f fragment) within(offer string) bool {
	mids := map[string]bool{}
	for line := range strings.SplitSeq(offer, "\n") {
		if mid, ok := strings.CutPrefix(line, "a=mid:"); ok {
			mids[strings.TrimRight(mid, "\r")] = true
		}
	}
	return !slices.ContainsFunc(f.candidates, func(c webrtc.ICECandidateInit) bool { return c.SDPMid != nil && !mids[*c.SDPMid] })
}

// answerFragment is an answer's credentials and candidates.
func answerFragment(answer string) string {
	var b strings.Builder
	b.WriteString("a=ice-ufrag:" + attribute(answer, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(answer, "ice-pwd") + "\r\n")
	section := false
	for line := range strings.SplitSeq(answer, "\n") {
		line = strings.TrimRight(line, "\r")
		switch {
		case strings.HasPrefix(line, "m="):
			if section { // one bundle: the first section speaks for all
				return b.String()
			}
			section = true
			b.WriteString(line + "\r\na=mid:" + attribute(answer, "mid") + "\r\n")
		case section && (strings.HasPrefix(line, "a=candidate:") || line == "a=end-of-candidates"):
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}

// attribute finds the first a=name:value of a description.
func attribute(sdp, name string) string {
	for line := range strings.SplitSeq(sdp, "\n") {
		if value, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return strings.TrimRight(value, "\r")
		}
	}
	return ""
}

// replaceAttribute gives every a=name: of a description a new value.
func replaceAttribute(sdp, name, value string) string {
	lines := strings.Split(sdp, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "a="+name+":") {
			end := ""
			if strings.HasSuffix(l, "\r") {
				end = "\r"
			}
			lines[i] = "a=" + name + ":" + value + end
		}
	}
	return strings.Join(lines, "\n")
}

// withoutCandidates takes the candidates out of a description.
func withoutCandidates(sdp string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			b.WriteString(line)
		}
	}
	return b.String()
}
