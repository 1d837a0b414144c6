package media

import (
	"maps"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	defaultVoices = 5
	maxSpeakers   = 5
	noLevel       = 255 // of a packet whose sender measures nothing
	silenceLevel  = 127 // RFC 6464
)

// enterFloorLocked gives a microphone whose sender measures its level a voice in the room. The caller holds room.mu.
func (t *track) enterFloorLocked() {
	if t.info.Source == SourceMic && t.ext[extLevel] != 0 {
		t.voice = t.peer.room.floor.Join(t.peer.id)
	}
}

// audible keeps of a run of sound what the room hears, in place: all of it while the voice is among the loudest,
// nothing while it is not, and with the first packet of a speech those that were held back of it. A sender that
// measures no level is heard always, and so are those whom nobody may receive: the floor is not theirs.
func (l *layer) audible(run []*buffer) []*buffer {
	t := l.track
	if t.voice == nil || t.hidden.Load() {
		return run
	}
	w := t.w
	clear(w.heard)
	w.heard = w.heard[:0]
	for _, b := range run {
		if b.level == noLevel {
			w.heard = append(w.heard, b)
			continue
		}
		forward, since := t.voice.Hear(b.level, b.arrived)
		if !forward {
			t.hush(b)
			continue
		}
		if t.hushed.Load() {
			t.hushed.Store(false)
			w.heard = l.heldBack(w.heard, b, since)
		}
		w.heard = append(w.heard, b)
	}
	return w.heard
}

// hush holds a packet back. What comes later goes on without a break in the numbers.
func (t *track) hush(b *buffer) {
	if t.hushed.Load() {
		return
	}
	t.hushed.Store(true)
	t.hushedAt = b.head.Seq
	for _, s := range t.subscriptions() {
		s.paused = true
	}
}

// heldBack appends the packets before b that were held back and arrived at since or later.
func (l *layer) heldBack(out []*buffer, b *buffer, since time.Time) []*buffer {
	first := b.head.Seq
	for int16(first-l.track.hushedAt) > 0 && b.head.Seq-first < audioCache {
		old, ok := l.cache.Get(first - 1)
		if !ok || old.arrived.Before(since) {
			break
		}
		first--
	}
	for seq := first; seq != b.head.Seq; seq++ {
		if old, ok := l.cache.Get(seq); ok {
			out = append(out, old)
		}
	}
	return out
}

// followLocked brings the track's place on the floor in line with its publisher's rights. What was held back
// before a change of rights stays held back: it was not for those who may receive now. The caller holds room.mu.
func (t *track) followLocked() {
	t.hushed.Store(false)
	t.hidden.Store(t.peer.perm.HiddenFromAll)
	if t.voice != nil {
		t.voice.SetAlways(t.peer.perm.AlwaysHeard)
	}
}

// OnSpeaking calls fn whenever the list of who speaks changes, until stop is called. fn must not wait: it runs on
// the goroutine that keeps every room.
func (r *Room) OnSpeaking(fn func([]Speaker)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onSpeaking == nil {
		r.onSpeaking = map[int]func([]Speaker){}
	}
	r.listeners++
	id := r.listeners
	r.onSpeaking[id] = fn
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.onSpeaking, id)
	}
}

// speakers tells the room who speaks and who is to fill the screen, when that changed.
func (r *Room) speakers() {
	on, first := r.floor.Speaking(time.Now(), maxSpeakers)
	list := make([]Speaker, 0, len(on))
	for _, s := range on {
		list = append(list, Speaker{Peer: s.Key, LevelDBov: s.LevelDBov})
	}
	r.mu.Lock()
	same := first == r.first && slices.EqualFunc(list, r.speaking, func(a, b Speaker) bool { return a.Peer == b.Peer })
	r.speaking, r.first = list, first
	peers := slices.Collect(maps.Values(r.peers))
	told := slices.Collect(maps.Values(r.onSpeaking))
	r.mu.Unlock()
	if same {
		return
	}
	for _, tell := range told {
		tell(slices.Clone(list))
	}
	for _, p := range peers {
		p.tellSpeaking(list, first)
	}
}

func (p *Peer) tellSpeaking(list []Speaker, first string) {
	p.post(func(e Events) {
		if e.Speaking != nil {
			e.Speaking(slices.Clone(list), first)
		}
	})
}

// quiet tells whether the receiver's share of the bandwidth need not hold room for the track now.
func (t *track) quiet() bool { return t.kind == webrtc.RTPCodecTypeAudio && t.hushed.Load() }
