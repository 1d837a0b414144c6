package grid

import (
	"cmp"
	"slices"

	"yunting/docket"
	"yunting/docket/interruption"
)

// New plans a film; ErrEmpty when there is nothing to show.
func New(in Input) (Plan, error) {
	p := Plan{Lang: in.Lang, Zone: in.Zone, Number: in.CaseNumber, Title: in.Title, Start: in.Start, People: in.People, Files: in.Files}
	d := newDirector(in)
	last := int64(-1)
	for _, part := range in.Parts {
		part = docket.Stretch{From: part.From / frameMS * frameMS, To: (part.To + frameMS - 1) / frameMS * frameMS}
		if part.To <= part.From {
			continue
		}
		if last >= 0 && part.From-last >= breakMS {
			away := docket.Stretch{From: last, To: part.From}
			p.add(Piece{Length: cardMS, Of: away, Break: breakOf(in.Playback, away)})
		}
		for _, piece := range cut(part, d.scenes(part)) {
			p.add(piece)
		}
		last = part.To
	}
	if len(p.Pieces) == 0 {
		return Plan{}, ErrEmpty
	}
	p.chapters(in.Chapters)
	return p, nil
}

func (p *Plan) add(piece Piece) {
	piece.At = p.Length
	p.Length += piece.Length
	p.Pieces = append(p.Pieces, piece)
}

// pauses are the breaks of the reasons for which a recording is paused (AV 3).
var pauses = map[interruption.Reason]Break{
	interruption.Recess: BreakRecess, interruption.PrivateEvidence: BreakPrivate, interruption.Mediation: BreakMediation,
}

// breakOf tells why nothing was recorded: by law, also where the server was restarted in the pause, or by a fault.
func breakOf(p docket.Playback, away docket.Stretch) Break {
	within := func(s docket.Stretch) bool { return s.From < away.To && s.To > away.From }
	for _, c := range p.Chapters {
		if c.Phase == docket.PhaseRecess && within(c.Stretch) {
			return BreakRecess
		}
	}
	for _, i := range p.Interruptions {
		if b, ok := pauses[i.Reason]; ok && i.Cause == interruption.Paused && within(i.Stretch) {
			return b
		}
	}
	return BreakInterrupted
}

// cut makes pieces of a part whose scenes are in hearing time.
func cut(part docket.Stretch, scenes []Scene) []Piece {
	var out []Piece
	for from := part.From; from < part.To; from += pieceMS {
		to := min(from+pieceMS, part.To)
		piece := Piece{Length: to - from, Of: docket.Stretch{From: from, To: to}}
		for _, s := range scenes {
			if a, b := max(s.From, from), min(s.To, to); a < b {
				s.Stretch = docket.Stretch{From: a - from, To: b - from}
				piece.Scenes = append(piece.Scenes, s)
			}
		}
		out = append(out, piece)
	}
	return out
}

// chapters places the phases in the film. A phase that lies wholly in a break
// is none; a recess is the card.
func (p *Plan) chapters(phases []docket.Chapter) {
	for _, c := range phases {
		if c.Phase == docket.PhaseRecess || c.To <= c.From {
			continue
		}
		from, to := p.film(c.From), p.film(c.To)
		if to > from {
			p.Chapters = append(p.Chapters, Chapter{docket.Stretch{From: from, To: to}, c.Phase})
		}
	}
	for _, piece := range p.Pieces {
		if piece.Break == BreakRecess {
			p.Chapters = append(p.Chapters, Chapter{docket.Stretch{From: piece.At, To: piece.At + piece.Length}, docket.PhaseRecess})
		}
	}
	slices.SortStableFunc(p.Chapters, func(a, b Chapter) int { return cmp.Compare(a.From, b.From) })
	for i := range p.Chapters { // one after the other, to the end
		next := p.Length
		if i+1 < len(p.Chapters) {
			next = p.Chapters[i+1].From
		}
		p.Chapters[i].To = next
	}
	p.Chapters = slices.DeleteFunc(p.Chapters, func(c Chapter) bool { return c.To <= c.From })
}

// film is the film's time of a moment of the hearing. A moment in a break is
// where the next piece begins.
func (p *Plan) film(at int64) int64 {
	for _, piece := range p.Pieces {
		if piece.Break == "" && at < piece.Of.To {
			return piece.At + max(at-piece.Of.From, 0)
		}
	}
	return p.Length
}

// director decides who is seen where.
type director struct {
	people  []Person
	speech  map[string][]docket.Stretch
	screens map[string][]docket.Stretch
	heard   map[string]int64 // when each last spoke
	focus   string           // who is large
	since   int64
}

func newDirector(in Input) *director {
	d := &director{people: slices.Clone(in.People), speech: map[string][]docket.Stretch{}, screens: map[string][]docket.Stretch{}, heard: map[string]int64{}}
	slices.SortStableFunc(d.people, func(a, b Person) int {
		switch {
		case a.Lead == b.Lead:
			return 0
		case a.Lead:
			return -1
		}
		return 1
	})
	for _, s := range in.Speaking {
		d.speech[s.Participant] = append(d.speech[s.Participant], s.Stretch)
	}
	for _, f := range in.Files {
		for _, s := range f.Streams {
			for _, shown := range s.Shown {
				if s.Screen {
					d.screens[f.Person] = append(d.screens[f.Person], docket.Stretch{From: f.From + shown.From, To: f.From + shown.To})
				}
			}
		}
	}
	return d
}

// at finds the stretch that holds t. Stretches are in order.
func at(list []docket.Stretch, t int64) (docket.Stretch, bool) {
	i, found := slices.BinarySearchFunc(list, t, func(s docket.Stretch, t int64) int { return cmp.Compare(s.From, t) })
	if !found {
		i--
	}
	if i < 0 || t >= list[i].To {
		return docket.Stretch{}, false
	}
	return list[i], true
}

// scenes are those of one recorded part, in hearing time.
func (d *director) scenes(part docket.Stretch) []Scene {
	var out []Scene
	for t := part.From; t < part.To; t += tickMS {
		s := d.scene(t)
		s.Stretch = docket.Stretch{From: t, To: min(t+tickMS, part.To)}
		if n := len(out); n > 0 && out[n-1].More == s.More && slices.Equal(out[n-1].Tiles, s.Tiles) {
			out[n-1].To = s.To
			continue
		}
		out = append(out, s)
	}
	return out
}

// scene arranges one moment: a shared screen is large, or else who speaks.
func (d *director) scene(t int64) Scene {
	var there []Person
	speaking := map[string]docket.Stretch{}
	screen := ""
	var newest int64
	for _, p := range d.people {
		if _, ok := at(p.There, t); !ok {
			continue
		}
		there = append(there, p)
		if s, ok := at(d.speech[p.ID], t); ok {
			speaking[p.ID] = s
			d.heard[p.ID] = t
		}
		if s, ok := at(d.screens[p.ID], t); ok && (screen == "" || s.From > newest) {
			screen, newest = p.ID, s.From
		}
	}
	if len(there) == 0 {
		return Scene{}
	}
	d.follow(t, there, speaking)
	var s Scene
	if screen != "" {
		s.Tiles = append(s.Tiles, Tile{Person: screen, Screen: true})
	} else {
		_, speaks := speaking[d.focus]
		s.Tiles = append(s.Tiles, Tile{Person: d.focus, Speaking: speaks})
		there = slices.DeleteFunc(there, func(p Person) bool { return p.ID == d.focus })
	}
	there, s.More = d.chosen(there)
	for i, p := range there {
		_, speaks := speaking[p.ID]
		s.Tiles = append(s.Tiles, Tile{Person: p.ID, Slot: i + 1, Speaking: speaks})
	}
	return s
}

// follow moves the focus to who speaks: not from one who still does, and not
// before a face was large for a while.
func (d *director) follow(t int64, there []Person, speaking map[string]docket.Stretch) {
	present := slices.ContainsFunc(there, func(p Person) bool { return p.ID == d.focus })
	_, speaks := speaking[d.focus]
	if present && (speaks || t-d.since < holdMS) {
		return
	}
	next := ""
	for _, p := range there {
		if s, ok := speaking[p.ID]; ok && (next == "" || s.From < speaking[next].From) {
			next = p.ID
		}
	}
	if next == "" && !present {
		next = there[0].ID // the judge, when there
	}
	if next != "" && next != d.focus {
		d.focus, d.since = next, t
	}
}

// chosen are those who get a small tile, in their usual order: the judge, and
// who spoke last.
func (d *director) chosen(there []Person) (shown []Person, more int) {
	if len(there) <= maxSmall {
		return there, 0
	}
	rank := slices.Clone(there)
	slices.SortStableFunc(rank, func(a, b Person) int {
		if a.Lead != b.Lead {
			if a.Lead {
				return -1
			}
			return 1
		}
		return cmp.Compare(d.heard[b.ID], d.heard[a.ID])
	})
	rank = rank[:maxSmall]
	for _, p := range there {
		if slices.ContainsFunc(rank, func(r Person) bool { return r.ID == p.ID }) {
			shown = append(shown, p)
		}
	}
	return shown, len(there) - maxSmall
}

// Both is what lies in both lists. An empty second list says nothing: the first
// remains.
func Both(a, b []docket.Stretch) []docket.Stretch {
	order := func(x, y docket.Stretch) int { return cmp.Compare(x.From, y.From) }
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	a, b = joined(a), joined(b)
	if len(b) == 0 {
		return a
	}
	var out []docket.Stretch
	for _, x := range a {
		for _, y := range b {
			if from, to := max(x.From, y.From), min(x.To, y.To); from < to {
				out = append(out, docket.Stretch{From: from, To: to})
			}
		}
	}
	return out
}
