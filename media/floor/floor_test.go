package floor

import (
	"fmt"
	"testing"
	"time"
)

const packet = 20 * time.Millisecond

// room drives microphones packet by packet.
type room struct {
	floor  *Floor
	now    time.Time
	voices []*Voice
	levels []uint8 // what each says now
	on     []bool  // forwarded by the last packet
	since  []time.Time
	hum    int // the first so many microphones have no gaps between syllables
}

func newRoom(places, people int) *room {
	r := &room{floor: New(places), now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), on: make([]bool, people), since: make([]time.Time, people)}
	for i := range people {
		r.voices = append(r.voices, r.floor.Join(fmt.Sprint(i)))
		r.levels = append(r.levels, 90)
	}
	return r
}

// run lets time pass and calls each after every round of packets.
func (r *room) run(d time.Duration, each func()) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(packet)
		for i, v := range r.voices {
			level := r.levels[i]
			if gap := r.now.UnixMilli()/20%12 < 3; gap && i >= r.hum && level > 20 {
				level = max(level, 80)
			}
			r.on[i], r.since[i] = v.Hear(level, r.now)
		}
		if each != nil {
			each()
		}
	}
}

func (r *room) heard() (n int) {
	for _, on := range r.on {
		if on {
			n++
		}
	}
	return n
}

func TestSmallRoomHearsEverybody(t *testing.T) {
	r := newRoom(5, 5)
	r.run(time.Minute, func() {
		if r.heard() != 5 {
			t.Fatalf("%d of 5 microphones are heard", r.heard())
		}
	})
}

func TestOnlyTheLoudestAndTheJudge(t *testing.T) {
	r := newRoom(3, 12)
	r.voices[11].SetAlways(true)
	r.run(3*time.Second, nil)
	for i := 4; i < 7; i++ { // three who had no place begin to speak
		r.levels[i] = 30
	}
	r.run(time.Second, nil)
	for i := range r.on {
		if want := i >= 4 && i < 7 || i == 11; r.on[i] != want {
			t.Errorf("microphone %d is heard: %v, want %v", i, r.on[i], want)
		}
	}
	r.run(time.Minute, func() {
		if r.heard() > 4 || !r.on[11] {
			t.Fatalf("%d are heard, the judge: %v", r.heard(), r.on[11])
		}
	})
}

// TestFirstSyllable: what was held back of a speech comes with the packet that is forwarded.
func TestFirstSyllable(t *testing.T) {
	for _, busy := range []bool{false, true} {
		r := newRoom(2, 4)
		if busy { // all places are taken by quieter people who speak
			r.levels[0], r.levels[1] = 45, 45
		}
		r.run(3*time.Second, nil)
		r.levels[3] = 25
		began := r.now.Add(packet)
		r.run(Longest, func() {
			if r.on[3] && r.voices[3].took.Equal(r.now) && r.since[3].After(began) {
				t.Fatalf("busy %v: the speech is cut by %v", busy, r.since[3].Sub(began))
			}
		})
		if !busy && r.voices[3].took.Sub(began) > Lead {
			t.Errorf("heard after %v", r.voices[3].took.Sub(began))
		}
		if r.voices[3].took.Before(began) {
			t.Errorf("busy %v: a speaker got no place in %v", busy, Longest)
		}
	}
}

func TestSpeakerIsNotCutAtAPause(t *testing.T) {
	r := newRoom(2, 6)
	r.levels[0], r.levels[1] = 30, 30
	r.run(3*time.Second, nil)
	r.levels[0] = 90 // thinks for a moment, while others begin
	r.levels[3], r.levels[4] = 32, 32
	r.run(pause-200*time.Millisecond, func() {
		if !r.on[0] {
			t.Fatal("cut at a pause")
		}
	})
	r.levels[0] = 30
	r.run(5*time.Second, func() {
		if !r.on[0] {
			t.Fatal("cut by one who is not louder")
		}
	})
}

func TestCoughTakesNoPlace(t *testing.T) {
	r := newRoom(2, 6)
	r.levels[0], r.levels[1] = 45, 45
	r.run(3*time.Second, nil)
	for range 20 {
		r.levels[5] = 10
		r.run(250*time.Millisecond, nil)
		r.levels[5] = 90
		r.run(1250*time.Millisecond, nil)
		if r.on[5] || !r.on[0] || !r.on[1] {
			t.Fatalf("a cough took a place: %v", r.on)
		}
	}
}

// TestHumIsBackground: a fan of the level of speech keeps nobody out.
func TestHumIsBackground(t *testing.T) {
	r := newRoom(2, 5)
	r.hum = 2
	r.levels[0], r.levels[1] = 40, 40
	r.run(40*time.Second, nil)
	r.levels[3] = 40
	r.run(200*time.Millisecond, nil)
	if !r.on[3] {
		t.Error("two fans keep the speaker out")
	}
	if list, _ := r.floor.Speaking(r.now, 5); len(list) != 1 || list[0].Key != "3" {
		t.Errorf("speaking: %v", list)
	}
}

func TestPlaceOfOneWhoLeft(t *testing.T) {
	r := newRoom(1, 3)
	r.run(time.Second, nil)
	holder := 0
	for i, on := range r.on {
		if on {
			holder = i
		}
	}
	other := (holder + 1) % 3
	r.voices[holder].Leave()
	if on, _ := r.voices[other].Hear(90, r.now.Add(packet)); !on {
		t.Error("the place of one who left stays taken")
	}
	silent := r.now.Add(gone + time.Second) // other sends no packets any more
	if on, _ := r.voices[(holder+2)%3].Hear(90, silent); !on {
		t.Error("the place of one who sends nothing stays taken")
	}
}

// TestDominantSpeaker: interjections and pauses do not change who fills the screen.
func TestDominantSpeaker(t *testing.T) {
	r := newRoom(5, 4)
	changes, was := 0, ""
	watch := func() {
		if _, first := r.floor.Speaking(r.now, 5); first != was {
			changes, was = changes+1, first
		}
	}
	talk := func(i int, d time.Duration) {
		r.levels[i] = 30
		r.run(d, watch)
		r.levels[i] = 90
	}
	for n := range 10 {
		talk(1, 3*time.Second)
		r.run(300*time.Millisecond, watch)
		if was != "1" {
			t.Fatalf("round %d: %q fills the screen", n, was)
		}
		talk(2, 300*time.Millisecond) // 嗯
		r.run(500*time.Millisecond, watch)
	}
	if changes != 1 {
		t.Errorf("the screen changed %d times", changes)
	}
	r.run(time.Minute, watch)
	if was != "1" {
		t.Errorf("after a silence %q fills the screen", was)
	}
	talk(2, 2*time.Second)
	if was != "2" {
		t.Errorf("after another spoke %q fills the screen", was)
	}
	if list, _ := r.floor.Speaking(r.now.Add(lingers), 5); len(list) != 0 {
		t.Errorf("in silence %v speak", list)
	}
}

func BenchmarkHear(b *testing.B) {
	r := newRoom(5, 50)
	r.run(time.Second, nil)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.now = r.now.Add(packet / 50)
		r.voices[n%50].Hear(90, r.now)
	}
}
