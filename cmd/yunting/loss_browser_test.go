package main

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"yunting/media/record"
)

// TestBrowserLoss puts the clerk's browser 100 ms of round trip away and loses 30 % of all packets, at random, each way.
// Of the sound the recorder lacks five frames in a thousand at most (usually none; two on a busy machine), and either browser
// makes up 3 % at most. At 20 % the picture moves, or its tile says why it does not.
func TestBrowserLoss(t *testing.T) {
	away, far := newFarSpace(t, 50*time.Millisecond)
	p := startDemoOn(t, "0.0.0.0", "--no-participants", "--log-level", "warn")
	judge, clerk := newVisitor(t, p.url, "judge"), away.visitor(t, p.url[len("http://"):])
	judge.enterRoom(p, "linjing")
	clerk.enterRoom(p, "wanglei")
	for _, v := range []*visitor{judge, clerk} {
		v.until("the other's picture and sound", `__room.stats().then(s => Object.values(s).some(x => x.framesDecoded > 20 && x.audioPackets > 100))`, 60*time.Second)
	}

	far.percent.Store(30)
	clerk.settle(10 * time.Second) // the browsers learn how long to wait for sound
	begun := time.Now()
	before := [2]sound{judge.hears(), clerk.hears()}
	clerk.settle(30 * time.Second)
	after := [2]sound{judge.hears(), clerk.hears()}
	over := time.Now()
	for i, name := range []string{"the judge, of the clerk", "the clerk, of the judge"} {
		played, concealed := after[i].Samples-before[i].Samples, after[i].Concealed-before[i].Concealed
		t.Logf("%s: %.2f %% of %.1f s of sound made up, held back by %.2f s on average, %v packets of %v lost", name, 100*concealed/played, played/48000, after[i].Held, after[i].Lost-before[i].Lost, after[i].Packets-before[i].Packets)
		if played < 48000*20 || concealed > 0.03*played {
			t.Errorf("%s: %.0f of %.0f samples are made up", name, concealed, played)
		}
	}

	far.percent.Store(20)
	clerk.settle(5 * time.Second)
	clerk.until("a picture that moves, or says why not", `(async () => {
		const frames = async () => Math.max(...Object.values(await __room.stats()).map(x => x.framesDecoded));
		const before = await frames();
		await new Promise(r => setTimeout(r, 2000));
		return await frames() > before + 10 || !!document.querySelector('.weak-tile .tile-why[role=status]') })()`, 30*time.Second)
	judge.until("the clerk's picture that moves", `(async () => {
		const frames = async () => Math.max(...Object.values(await __room.stats()).map(x => x.framesDecoded));
		const before = await frames();
		await new Promise(r => setTimeout(r, 2000));
		return await frames() > before + 10 })()`, 30*time.Second)

	who := evaluate[string](clerk, `__room.state.me.id`)
	p.kill() // the segments stay as they are
	lost, frames := recordedSound(t, p, who, begun, over)
	t.Logf("the record lacks %d of %d frames of the clerk's sound", lost, frames)
	if frames < 1000 || lost*200 > frames {
		t.Errorf("the record lacks %d of %d frames", lost, frames)
	}
}

// sound is what a browser says of the sound that it receives of the one other person.
type sound struct{ Samples, Concealed, Packets, Lost, Held float64 }

func (v *visitor) hears() sound {
	v.t.Helper()
	return evaluate[sound](v, `__room.stats().then(s => Object.values(s).map(x => ({Samples: x.samples, Concealed: x.concealed, Packets: x.audioPackets, Lost: x.packetsLost, Held: x.heldBack})).sort((a, b) => b.Samples - a.Samples)[0])`)
}

// settle lets time pass in the page, while nothing is to happen.
func (v *visitor) settle(d time.Duration) {
	v.t.Helper()
	evaluate[any](v, fmt.Sprintf(`new Promise(r => setTimeout(r, %d))`, d.Milliseconds()))
}

// recordedSound counts the frames of 20 ms between two instants, and those of them that a person's record lacks.
func recordedSound(t *testing.T, p *process, who string, from, to time.Time) (lost, frames int) {
	t.Helper()
	sessions, err := filepath.Glob(filepath.Join(p.dir, "recordings", p.file().Hearing.String(), "*", "*", "segments.jsonl"))
	if err != nil || len(sessions) == 0 {
		t.Fatalf("no recording: %v", err)
	}
	made, err := record.Recover(filepath.Dir(filepath.Dir(sessions[0])))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made {
		if f.Participant != who {
			continue
		}
		out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0", f.Path).Output()
		if err != nil {
			t.Fatal(err)
		}
		last := math.Inf(1)
		for line := range bytes.Lines(out) {
			at, err := strconv.ParseFloat(string(bytes.Trim(line, ",\n ")), 64)
			if err != nil {
				t.Fatal(err)
			}
			if instant := f.Started.Add(time.Duration(at * float64(time.Second))); instant.Before(from) || instant.After(to) {
				continue
			}
			frames++
			if n := int(math.Round((at - last) / 0.02)); n > 1 {
				lost += n - 1
			}
			last = at
		}
	}
	return lost, frames + lost
}
