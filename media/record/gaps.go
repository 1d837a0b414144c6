package record

import (
	"slices"
	"time"
)

// Causes of a Gap.
const (
	CauseNetwork  = "network"  // packets were lost on the way
	CauseSilent   = "silent"   // the participant sent nothing: muted, switched off or gone
	CausePause    = "pause"    // the recording was paused
	CauseFault    = "fault"    // the recorder could not write
	CauseOverflow = "overflow" // the disk was too slow for what arrived
	CauseLost     = "lost"     // its segments went with the machine that held them
	CauseDamaged  = "damaged"  // its segments were damaged on the disk after they were closed
	CauseCrash    = "crash"    // between two parts of the recording: the server stopped
	CauseTakeover = "takeover" // another page of the participant took over and had not sent yet
)

// TrackAll is the Track of a Gap where nothing is left that says what was sent.
const TrackAll = "all"

// Gap is a stretch of more than 200 ms that is missing from the record.
type Gap struct {
	Track string    `json:"track"` // source: mic, camera or screen; or TrackAll
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause string    `json:"cause"`
}

const (
	minGap       = int64(200 * time.Millisecond)
	dtxRefresh   = int64(500 * time.Millisecond) // Opus that is silent is refreshed each 400 ms
	dtxBytes     = 2                             // an Opus packet no longer than this begins such a silence
	stillScreen  = int64(5 * time.Second)        // a still screen sends seldom
	slowPictures = 4                             // a camera pauses when it misses so many intervals
	keyWait      = int64(3 * time.Second)        // how long after the recorder's own gap a key frame may take
)

// span is a stretch of wall time, in unix nanoseconds, with its cause; to 0 is
// open.
type span struct {
	from, to int64
	cause    string
}

// gapFinder lists the stretches of one output without frames. What is known of
// the recorder's own doing explains a stretch first, then what the sequence
// numbers say.
type gapFinder struct {
	source string
	audio  bool
	known  []span // pauses, faults and takeovers
	last   int64  // begin of the last frame
	end    int64  // its end; a picture lasts as long as those before
	dtx    bool   // the last frame began a silence
	every  int64  // smoothed distance of pictures
	found  []Gap
}

// frame takes the next frame, which begins at and, if it is sound, lasts for
// length.
func (g *gapFinder) frame(f frame, at, length int64) {
	if g.end != 0 && at > g.end {
		g.hole(at, f.lost)
	}
	if !g.audio {
		switch d := at - g.last; {
		case g.last == 0 || d > minGap:
		case g.every == 0:
			g.every = d
		default:
			g.every += (d - g.every) / 8
		}
		length = g.every
	}
	g.last, g.end = at, max(g.end, at+length)
	g.dtx = g.audio && len(f.data) <= dtxBytes
}

// close tells that the output's tracks ended.
func (g *gapFinder) close(at int64) {
	if g.end != 0 && at > g.end {
		g.hole(at, false)
	}
}

// longest is how long nothing may come without anything being missing.
func (g *gapFinder) longest() int64 {
	switch {
	case g.dtx:
		return dtxRefresh
	case g.audio:
		return minGap
	case g.source == sourceScreen:
		return stillScreen
	}
	return max(minGap, slowPictures*g.every)
}

// hole explains the stretch from the last frame to the next.
func (g *gapFinder) hole(to int64, lost bool) {
	from, rest, allowed := g.end, CauseSilent, g.longest()
	if lost {
		rest, allowed = CauseNetwork, minGap
	}
	var pieces []span
	explained := false
	at := from
	for _, k := range g.known {
		k.from = max(k.from, at)
		if k.to == 0 || k.to > to {
			k.to = to
		}
		if k.to <= k.from {
			continue
		}
		if k.from > at {
			pieces = append(pieces, span{at, k.from, rest})
		}
		pieces = append(pieces, k)
		at, explained = k.to, true
	}
	switch last := len(pieces) - 1; {
	case at >= to:
	case explained && !g.audio && to-at < keyWait: // until the key frame
		pieces[last].to = to
	default:
		pieces = append(pieces, span{at, to, rest})
	}
	if explained {
		// A silence that Opus announced, or a still screen, up to a pause or from its end lacks nothing either.
		pieces = slices.DeleteFunc(pieces, func(p span) bool { return p.cause == CauseSilent && p.to-p.from <= allowed && allowed > minGap })
		allowed = minGap
	}
	if pieces[len(pieces)-1].to-pieces[0].from > allowed {
		g.list(pieces)
	}
}

// list enters the pieces of a hole: neighbours of one cause as one, and none
// that is too short, unless all are.
func (g *gapFinder) list(pieces []span) {
	var joined []span
	for _, p := range pieces {
		if n := len(joined); n > 0 && joined[n-1].cause == p.cause && p.from == joined[n-1].to {
			joined[n-1].to = p.to
		} else {
			joined = append(joined, p)
		}
	}
	long := slices.DeleteFunc(slices.Clone(joined), func(p span) bool { return p.to-p.from <= minGap })
	if len(long) == 0 {
		p := slices.MaxFunc(joined, func(a, b span) int { return int((a.to - a.from) - (b.to - b.from)) })
		long = []span{{joined[0].from, joined[len(joined)-1].to, p.cause}}
	}
	for _, p := range long {
		g.found = append(g.found, Gap{Track: g.source, From: time.Unix(0, p.from).UTC(), To: time.Unix(0, p.to).UTC(), Cause: p.cause})
	}
}
