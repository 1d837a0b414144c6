// Package floor decides whose sound a room hears. In a large room only the
// loudest few voices are forwarded, as their clients measure them (RFC 6464); a
// speaker is not cut at a pause, and a cough takes nobody's place. It also names
// who speaks. It is pure: times are given.
package floor

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	silence = 127 // -dBov (RFC 6464)

	rise      = 30 * time.Millisecond  // of the level: two packets of a click are no speech yet
	fall      = 60 * time.Millisecond  // and down again
	mean      = 500 * time.Millisecond // over which a speaker's loudness is taken, once so much was said
	noiseUp   = 10 * time.Second       // a hum is background after about twice this
	noiseDown = 300 * time.Millisecond // the gap between two words shows the background
	above     = 10                     // dB over the background: speech
	audible   = 67                     // dB over silence (-60 dBov): below is never speech

	// Lead is how much before the first loud packet a voice is forwarded: a consonant.
	Lead = 60 * time.Millisecond
	// Longest is how far back Since can lie: what is sent late in one burst.
	Longest = 500 * time.Millisecond

	joins   = 400 * time.Millisecond  // a shorter gap does not end a stretch of speech
	pause   = 2 * time.Second         // a speaker who is silent for less keeps the place
	gone    = 1500 * time.Millisecond // without a packet; DTX sends one each 400 ms
	persist = 400 * time.Millisecond  // longer than a cough: how long one must speak to push out another who speaks
	tenure  = time.Second             // a place that was just taken is not taken again
	louder  = 6                       // dB by which one must be louder than whom one pushes out

	listed   = 150 * time.Millisecond // of speech before a voice is named
	lingers  = 700 * time.Millisecond // after the last word
	dominant = 600 * time.Millisecond // of speech before a voice fills the screen
	yields   = time.Second            // of silence after which another may
)

// Floor is one room's. It is safe for concurrent use.
type Floor struct {
	places int

	mu       sync.Mutex // guards what follows, and the voices
	voices   map[*Voice]struct{}
	holders  []*Voice // of the places
	dominant *Voice
}

// New makes a floor that forwards the loudest places voices, and beyond them
// those that are always heard.
func New(places int) *Floor {
	return &Floor{places: places, voices: map[*Voice]struct{}{}}
}

// Voice is one microphone.
type Voice struct {
	floor  *Floor
	key    string
	always bool
	on     bool

	last  time.Time // packet
	took  time.Time // the place
	began time.Time // the present stretch of speech
	spoke time.Time // last
	level float64   // dB over silence, smoothed
	noise float64   // background
	slow  float64   // of speech alone
}

// Join adds a microphone; key names it in Speaking.
func (f *Floor) Join(key string) *Voice {
	v := &Voice{floor: f, key: key}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.voices[v] = struct{}{}
	return v
}

// Leave takes the microphone out.
func (v *Voice) Leave() {
	f := v.floor
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.voices, v)
	f.dropLocked(v)
	if f.dominant == v {
		f.dominant = nil
	}
}

// SetAlways lets the voice be heard whatever the others do; it takes no place.
func (v *Voice) SetAlways(always bool) {
	v.floor.mu.Lock()
	defer v.floor.mu.Unlock()
	v.always = always
	if always {
		v.floor.dropLocked(v)
	}
}

// dropLocked frees the place of v, if it holds one.
func (f *Floor) dropLocked(v *Voice) {
	v.on = false
	f.holders = slices.DeleteFunc(f.holders, func(x *Voice) bool { return x == v })
}

// Hear takes the level of one packet, -dBov, and tells whether it is forwarded.
// Packets that were held back are to be forwarded with it when they arrived at
// since or later, which makes the beginning of the speech whole.
func (v *Voice) Hear(level uint8, now time.Time) (forward bool, since time.Time) {
	f := v.floor
	f.mu.Lock()
	defer f.mu.Unlock()
	v.measure(level, now)
	since = now
	if v.speaks(now) {
		since = v.began.Add(-Lead)
		if first := now.Add(-Longest); since.Before(first) {
			since = first
		}
	}
	if v.always || v.on {
		return true, since
	}
	if !f.yieldLocked(v, now) {
		return false, since
	}
	v.on, v.took = true, now
	f.holders = append(f.holders, v)
	return true, since
}

// measure follows the level, the background and the stretches of speech.
func (v *Voice) measure(level uint8, now time.Time) {
	db := float64(silence - min(level, silence))
	passed := min(max(now.Sub(v.last), 0), joins)
	v.last = now
	toward(&v.level, db, passed, rise, fall)
	toward(&v.noise, db, passed, noiseUp, noiseDown)
	if v.level < audible || v.level < v.noise+above {
		return
	}
	if now.Sub(v.spoke) > joins {
		v.began, v.slow = now, v.level
	}
	v.spoke = now
	over := min(max(now.Sub(v.began), rise), mean)
	toward(&v.slow, v.level, passed, over, over)
}

// toward moves a mean by the time that passed, with other time constants up and down.
func toward(value *float64, to float64, passed, up, down time.Duration) {
	over := up
	if to < *value {
		over = down
	}
	*value += (to - *value) * (1 - math.Exp(-float64(passed)/float64(over)))
}

// speaks tells whether the present packet is speech.
func (v *Voice) speaks(now time.Time) bool { return !v.spoke.IsZero() && v.spoke.Equal(now) }

// yieldLocked finds v a place: a free one, that of somebody who has been silent,
// or that of a speaker who is clearly quieter.
func (f *Floor) yieldLocked(v *Voice, now time.Time) bool {
	if len(f.holders) < f.places {
		return true
	}
	var idle, quiet *Voice // longest silent; quietest of those who speak
	for _, x := range f.holders {
		if now.Sub(x.last) > gone {
			f.dropLocked(x)
			return true
		}
		if idle == nil || x.spoke.Before(idle.spoke) {
			idle = x
		}
		if now.Sub(x.took) >= tenure && x.spoke.Sub(x.began) >= persist && (quiet == nil || x.slow < quiet.slow) {
			quiet = x
		}
	}
	switch {
	case idle == nil || !v.speaks(now):
		return false
	case now.Sub(idle.spoke) >= pause:
		f.dropLocked(idle)
		return true
	case quiet == nil || now.Sub(v.began) < persist || v.slow < quiet.slow+louder:
		return false
	}
	f.dropLocked(quiet)
	return true
}

// Speaker is one who speaks.
type Speaker struct {
	Key       string
	LevelDBov int // -dBov: 0 is loudest
}

// Speaking lists who speaks, at most limit, and names who is to fill the screen:
// the one who spoke last for a while, also through a silence; empty while nobody
// has. That one is listed first, the others as they began.
func (f *Floor) Speaking(now time.Time, limit int) (list []Speaker, first string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var on []*Voice
	for v := range f.voices {
		if v.spoke.Sub(v.began) >= listed && now.Sub(v.spoke) < lingers {
			on = append(on, v)
		}
	}
	f.dominateLocked(on, now)
	slices.SortFunc(on, func(a, b *Voice) int {
		if (a == f.dominant) != (b == f.dominant) {
			if a == f.dominant {
				return -1
			}
			return 1
		}
		return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.key, b.key))
	})
	for _, v := range on[:min(len(on), limit)] {
		list = append(list, Speaker{Key: v.key, LevelDBov: silence - int(v.slow+0.5)})
	}
	if f.dominant != nil {
		first = f.dominant.key
	}
	return list, first
}

// dominateLocked hands the screen over: from one who fell silent, or to one who
// speaks clearly louder; never for a word in between.
func (f *Floor) dominateLocked(on []*Voice, now time.Time) {
	var best *Voice
	for _, v := range on {
		if v != f.dominant && v.spoke.Sub(v.began) >= dominant && (best == nil || v.slow > best.slow) {
			best = v
		}
	}
	d := f.dominant
	if best != nil && (d == nil || now.Sub(d.spoke) >= yields || best.slow >= d.slow+louder) {
		f.dominant = best
	}
}
