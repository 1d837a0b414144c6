package media

import (
	"maps"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/allocate"
	"yunting/media/simulcast"
)

const (
	unneededFor = 3 * time.Second // a layer that nobody takes for so long is switched off
	missingFor  = time.Second     // a layer that is wanted and does not come for so long has the next stand in
	maxViews    = 256             // pictures that one receiver can show
)

// View says how large a receiver shows one picture.
type View struct {
	Peer   string `json:"peer"`   // who publishes it
	Source string `json:"source"` // SourceCamera or SourceScreen
	// Width and Height are in device pixels; when either is 0 the picture is
	// off-screen and is not sent.
	Width  int `json:"width"`
	Height int `json:"height"`
}

type viewKey struct{ peer, source string }

// Show tells what the peer shows, all of it: a picture that is not listed is
// sent at its best. Each picture is then sent in the smallest layer that looks
// sharp at its size, and not at all while it is off-screen. Sound is not
// concerned. ErrLimit when the list is absurdly long.
func (p *Peer) Show(views []View) error {
	if len(views) > maxViews {
		p.fault(faultLimit)
		return ErrLimit
	}
	u := &p.sub
	u.mu.Lock()
	defer u.mu.Unlock()
	u.views = make(map[viewKey]simulcast.View, len(views))
	for _, v := range views {
		u.views[viewKey{v.Peer, v.Source}] = simulcast.View{Width: min(v.Width, 1<<14), Height: min(v.Height, 1<<14),
			Hidden: v.Width <= 0 || v.Height <= 0}
	}
	for _, s := range u.forwards {
		s.look(u.views)
	}
	return nil
}

// look takes the view of this subscription's picture.
func (s *subscription) look(views map[viewKey]simulcast.View) {
	if s.track.kind != webrtc.RTPCodecTypeVideo {
		return
	}
	v := views[viewKey{s.track.info.Peer, s.track.info.Source}]
	s.view.Store(&v)
}

// active tells whether packets would go to the receiver now.
func (s *subscription) active() bool {
	return s.bound.Load() != nil && s.ready.Load() && s.allowed.Load() && s.track.permitted.Load()
}

// fits is how many of the lowest layers the receiver's bandwidth has room for.
func (s *subscription) fits() uint8 { return uint8(min(s.limit.Load()+1, simulcast.Max)) }

// signed is a layer in the terms of the allocator.
func signed(index uint8) int32 {
	if index == simulcast.None {
		return allocate.Paused
	}
	return int32(index)
}

// sent is the layer that the receiver gets.
func (f *forwarder) sent() uint8 {
	if !f.mapper.Started() || f.paused {
		return simulcast.None
	}
	return f.mapper.Layer()
}

// layersNow is what the track's layers look like, and whether any arrives.
func (t *track) layersNow(now time.Time) (layers [simulcast.Max]simulcast.Layer, live bool) {
	for _, l := range t.layers {
		for i, c := range l.carried() {
			on := l.live(i, now) && !t.excess.stopped(int(l.index)+i, now)
			layers[int(l.index)+i] = simulcast.Layer{Live: on, Known: !c.lastSeen.IsZero(), Width: c.size.Width, Height: c.size.Height}
			live = live || on
		}
	}
	return layers, live
}

// retarget chooses each receiver's layer, asks for the key frames at which it
// can be entered, and has the publisher stop what nobody takes. A recording
// gets the best layer that arrives.
func (t *track) retarget(now time.Time) {
	layers, live := t.layersNow(now)
	var taken [simulcast.Max]bool
	for _, s := range t.subscriptions() {
		v := *s.view.Load()
		if v.Hidden || live { // while nothing arrives the choice stands: a hiccup must not cost a key frame
			s.target = simulcast.Choose(&layers, v, s.sent(), s.fits())
		}
		s.want.Store(signed(simulcast.Wanted(&layers, v, s.sent(), simulcast.Max)))
		if !s.active() || s.target == simulcast.None {
			s.shown.Store(allocate.Paused)
			continue
		}
		s.shown.Store(int32(s.target))
		if s.sent() != s.target && !(t.svc() && s.target < s.sent() && !s.alone) { // SVC goes down without a key frame
			t.wantKey(s.target)
		}
		s.aim = simulcast.Wanted(&layers, v, s.sent(), s.fits())
		take(&taken, s.sent())
		take(&taken, s.aim)
	}
	for _, f := range t.feeds {
		if live {
			f.target = simulcast.Choose(&layers, simulcast.View{}, simulcast.None, simulcast.Max)
		}
		if !f.mapper.Started() || f.mapper.Layer() != f.target && !t.svc() { // of SVC it has every layer
			t.wantKey(f.target)
		}
		take(&taken, simulcast.Wanted(&layers, simulcast.View{}, simulcast.None, simulcast.Max))
	}
	t.standIn(&layers, &taken, now)
	if t.svc() { // an upper layer needs those below
		for i := len(taken) - 1; i > 0; i-- {
			taken[i-1] = taken[i-1] || taken[i]
		}
	}
	t.dynacast(&layers, taken, now)
}

// standIn takes the next layer below one that is taken and does not come, as on a
// publisher's weak uplink: dynacast may have stopped it.
func (t *track) standIn(layers *[simulcast.Max]simulcast.Layer, taken *[simulcast.Max]bool, now time.Time) {
	for i := len(layers) - 1; i > 0; i-- {
		switch {
		case !taken[i] || layers[i].Live:
			t.missing[i] = time.Time{}
		case t.missing[i].IsZero():
			t.missing[i] = now
		case now.Sub(t.missing[i]) >= missingFor:
			taken[i-1] = true
		}
	}
}

func take(taken *[simulcast.Max]bool, index uint8) {
	if index != simulcast.None {
		taken[index] = true
	}
}

func (t *track) wantKey(index uint8) {
	if l := t.layerAt(index); l != nil {
		l.askKey()
	}
}

// dynacast has the publisher stop the layers that nobody takes, and go on with
// those that somebody wants. The lowest goes on always, so that whoever comes
// has a picture at once.
func (t *track) dynacast(layers *[simulcast.Max]simulcast.Layer, taken [simulcast.Max]bool, now time.Time) {
	lowest, changed := true, false
	for i := range layers {
		if !layers[i].Known {
			continue
		}
		switch {
		case !lowest && t.excess.stopped(i, now):
			changed = changed || !t.off[i]
			t.off[i] = true
		case lowest || taken[i]:
			changed = changed || t.off[i]
			t.off[i], t.unneeded[i] = false, time.Time{}
		case t.unneeded[i].IsZero():
			t.unneeded[i] = now
		case !t.off[i] && now.Sub(t.unneeded[i]) >= unneededFor:
			t.off[i], changed = true, true
		}
		lowest = false
	}
	if changed {
		t.tellLayers()
	}
}

// tellLayers tells the publisher which layers to stop.
func (t *track) tellLayers() {
	off := map[string]bool{}
	for _, l := range t.layers {
		for i := range l.carried() {
			if t.off[int(l.index)+i] {
				off[l.name(i)] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(off))
	t.peer.sfu.metrics.dynacast.Inc()
	t.peer.post(func(e Events) {
		if e.Layers != nil {
			e.Layers(t.info, names)
		}
	})
}
