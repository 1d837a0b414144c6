package media

import (
	"strings"
	"time"
)

// What one client may send. It is far more than any honest one does: a screen of 20 Mbps is some 2000 packets a
// second. What is over it is dropped before it can fill a queue that others share.
const (
	packetsPerSecond = 4000    // of one stream
	soundPerSecond   = 1000    // packets of one stream of sound: five seconds that a stalled way delivers at once, of frames of 10 ms, sent twice
	soundBytes       = 1 << 17 // a second of one stream of sound
	rtcpPerSecond    = 500     // packets of one stream or receiver
	maxCandidateLine = 1024    // bytes
	maxCandidateSDP  = 256     // candidates within one description: each costs checks to an address of the client's choice
)

// allowance is how much may come in a second. One goroutine owns it.
type allowance struct {
	perSecond int // packets
	bytes     int // a second; 0: as many as the packets hold
	second    int64
	used      int
	usedBytes int
}

// take reports whether a packet of n bytes may come.
func (a *allowance) take(n int, now time.Time) bool {
	if s := now.Unix(); s != a.second {
		a.second, a.used, a.usedBytes = s, 0, 0
	}
	a.used++
	a.usedBytes += n
	return a.used <= a.perSecond && (a.bytes == 0 || a.usedBytes <= a.bytes)
}

// minute holds when something happened that a client may do so often a minute. Its owner's lock guards it.
type minute []time.Time

// full forgets what is older than a minute and tells whether the rest reaches the limit.
func (m *minute) full(limit int, now time.Time) bool {
	for len(*m) > 0 && now.Sub((*m)[0]) > time.Minute {
		*m = (*m)[1:]
	}
	return len(*m) >= limit
}

// candidatesIn counts the candidates of a description; the same one may stand in every section.
func candidatesIn(description string) int {
	const mark = "a=candidate:"
	if strings.Count(description, mark) <= maxCandidateSDP {
		return 0 // not worth a closer look
	}
	seen := map[string]bool{}
	for line := range strings.Lines(description) {
		if strings.HasPrefix(line, mark) {
			seen[line] = true
		}
	}
	return len(seen)
}

// fault is a kind of what a client should not send.
type fault int

const (
	faultRTP       fault = iota // malformed packets
	faultRTCP                   // malformed feedback
	faultRate                   // more packets than allowed
	faultSDP                    // unusable descriptions
	faultCandidate              // unusable candidates
	faultLimit                  // more requests, tracks or candidates than allowed
	faultKinds
)

var faultNames = [faultKinds]string{"malformed RTP", "malformed RTCP", "packet rate", "session description", "candidate", "limit of requests, tracks or candidates"}

// fault counts what a client should not have sent, and logs the first of each kind of each peer.
func (p *Peer) fault(k fault) {
	m := p.sfu.metrics
	switch k {
	case faultRTP, faultRTCP:
		m.malformed.Inc()
	case faultRate:
		m.limited.Inc()
	default:
		m.refused.Inc()
	}
	if !p.faults[k].Swap(true) {
		p.sfu.log.Warn("media: a client sends what it should not; more of this kind is only counted", "room", p.room.id, "what", faultNames[k])
	}
}
