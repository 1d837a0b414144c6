package signaling

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
)

// TestMayShare walks every seat through every phase: what is not named is refused.
func TestMayShare(t *testing.T) {
	court, evidence := []Seat{SeatJudge, SeatClerk}, []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate}
	for _, seat := range []Seat{SeatJudge, SeatClerk, SeatPlaintiff, SeatDefendant, SeatThird, SeatObserver, "stranger"} {
		for _, phase := range []docket.Phase{docket.PhaseWaiting, docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate,
			docket.PhaseFinal, docket.PhaseRecess, docket.PhaseClosed} {
			for _, standing := range []Standing{StandAbsent, StandDeclaring, StandLobby, StandPresent, StandRemoved, StandLeft} {
				for _, muted := range []bool{false, true} {
					r := &room{hearing: docket.Hearing{Phase: phase}}
					m := &member{Person: Person{ID: uuid.New(), Seat: seat, Standing: standing, Muted: muted}}
					if r.permissions(m).PublishScreen {
						t.Errorf("%s may publish a screen that is not shared", seat)
					}
					want := standing == StandPresent && (slices.Contains(court, seat) && phase != docket.PhaseClosed ||
						seat.party() && slices.Contains(evidence, phase) && !muted)
					if got := r.mayShare(m); got != want {
						t.Errorf("%s, %s, %s, muted %v: %v", seat, phase, standing, muted, got)
					}
				}
			}
		}
	}
}

func (p *client) screen() uuid.UUID {
	if s := p.status().Screen; s != nil {
		return *s
	}
	return uuid.Nil
}

// TestShare plays who may share, one screen at a time, and everything that ends a share.
func TestShare(t *testing.T) {
	c := newCourt(t)
	judge, clerk := c.enter(t, "judge", nil), c.enter(t, "clerk", nil)
	plaintiff, observer := c.enter(t, "plaintiff", clerk), c.enter(t, "observer", nil)
	asks := func(p *client, shared bool, of *client, want string) {
		t.Helper()
		fields := map[string]any{"shared": shared}
		if of != nil {
			fields["person"] = of.id()
		}
		if code := p.ask("share", fields); code != want {
			t.Errorf("%s: share %v: %q, want %q", p.seat, shared, code, want)
		}
	}
	shown := func(want uuid.UUID) {
		t.Helper()
		for _, p := range []*client{judge, clerk, plaintiff, observer} {
			eventually(t, p.seat+" is told whose screen is shared", 5*time.Second, func() bool { return p.screen() == want })
		}
	}
	asks(observer, true, nil, "forbidden")
	asks(plaintiff, true, nil, "forbidden") // before the opening
	asks(clerk, true, nil, "")
	shown(clerk.id())
	judge.must("phase", map[string]any{"to": "opening"})
	asks(plaintiff, true, nil, "screen-taken")
	asks(plaintiff, false, clerk, "forbidden")
	asks(judge, true, plaintiff, "forbidden") // nobody is made to share
	asks(judge, false, clerk, "")
	shown(uuid.Nil)
	asks(plaintiff, true, nil, "")
	asks(plaintiff, true, nil, "") // sent again after a lost connection
	shown(plaintiff.id())
	asks(plaintiff, false, nil, "")
	shown(uuid.Nil)

	ends := map[string]func(){
		"a mute": func() { judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": true}) },
		"a recess": func() {
			judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": false})
			judge.must("phase", map[string]any{"to": "recess"})
		},
		"leaving": func() { plaintiff.send("leave", nil) },
	}
	for _, what := range []string{"a mute", "a recess", "leaving"} {
		judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": false})
		if judge.phase() == docket.PhaseRecess {
			judge.must("phase", map[string]any{"to": "opening"})
		}
		asks(plaintiff, true, nil, "")
		ends[what]()
		eventually(t, what+" ends the share", 5*time.Second, func() bool { return judge.screen() == uuid.Nil })
	}
	kinds := slices.DeleteFunc(c.events(plaintiff.id()), func(k string) bool {
		return k != docket.EventScreenStarted && k != docket.EventScreenStopped
	})
	if want := slices.Repeat([]string{docket.EventScreenStarted, docket.EventScreenStopped}, 4); !slices.Equal(kinds, want) {
		t.Errorf("the record has %v", kinds)
	}
}
