package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// hear: schedule, consent to the recording as transcript, device check, lobby, admission, phases, transcript, mute, a lost socket, recess, close, confirmation.
func (s *story) hear() {
	c := s.clerk
	c.open(s.kase + "/hearings/new")
	soon := time.Now().Add(2 * time.Minute).In(time.FixedZone("UTC+08", 8*3600))
	c.fill(map[string]string{"date": soon.Format("2006-01-02"), "time": soon.Format("15:04"), "minutes": "60", "agreed": "yes", "public": "yes"})
	c.submitForm(s.kase + "/hearings")
	s.plaintiff.waitReload(s.kase, "传票", 30*time.Second)
	s.hearing = evaluate[string](s.plaintiff, `document.querySelector('a[href^="/hearings/"]').getAttribute('href')`)
	s.judge = s.enter("linjing")
	s.agree()
	for _, v := range []*visitor{s.clerk, s.judge, s.plaintiff, s.defendant} {
		s.goIn(v)
	}
	s.admit(s.plaintiff, plaintiffName)
	s.admit(s.defendant, defendantName)
	s.phase("opening", true)
	open := time.Now()
	s.light("on", "录音录像中")
	s.everyoneSeesEveryone()
	s.speak("审判员 林静", "现在开庭，核对当事人身份。")
	s.mute()
	s.loseSocket()
	s.phase("investigation", true)
	s.speak("原告 王𬱖", "货物已经交付，被告没有付款。")
	s.judge.shot("room-1440")
	s.plaintiff.size(390, 844)
	s.plaintiff.shot("room-390")
	s.plaintiff.size(1440, 900)
	s.plaintiff.axe("hearing room")
	s.heard = time.Since(open)
	s.phase("recess", true)
	s.light("paused", "录制已暂停")
	s.phase("investigation", true)
	s.light("on", "录音录像中")
	open = time.Now()
	s.phase("debate", true)
	s.phase("final_statements", true)
	s.heard += time.Since(open)
	s.phase("closed", true)
	s.light("off", "未录制")
	s.integrity()
	s.signIntegrity()
	s.confirmTranscript()
}

// light: everybody sees on the page, by a word too, whether the hearing is recorded.
func (s *story) light(state, word string) {
	for _, v := range []*visitor{s.judge, s.clerk, s.plaintiff, s.defendant} {
		v.until("the light "+state, fmt.Sprintf(`document.querySelector('.rec.rec-%s')?.checkVisibility() && document.querySelector('.rec').innerText.includes(%s)`, state, quote(v.word(word))), 15*time.Second)
	}
}

// integrity: after the close everybody in the room is shown one and the same value.
func (s *story) integrity() {
	values := map[string]bool{}
	for _, v := range []*visitor{s.judge, s.clerk, s.plaintiff, s.defendant} {
		s.tab(v, "transcript")
		v.until("the integrity value", `/^[0-9a-f]{64}$/.test(document.querySelector('#integrity-value code')?.innerText ?? '')`, 30*time.Second)
		values[evaluate[string](v, `document.querySelector('#integrity-value code').innerText`)] = true
	}
	if len(values) != 1 {
		s.t.Errorf("the room shows %d integrity values", len(values))
	}
}

// goIn goes through the device check and the declaration into the lobby or, for the court, into the room.
func (s *story) goIn(v *visitor) {
	v.open(s.hearing)
	v.submit("参加庭审")
	v.until("the device check", `!!document.querySelector('#precheck button')`, 20*time.Second)
	v.until("a picture from the camera", `(document.querySelector('#precheck video')?.videoWidth ?? 0) > 0`, 20*time.Second)
	if v == s.plaintiff {
		v.until("the connection test", fmt.Sprintf(`document.querySelector('#precheck').innerText.includes(%s)`, quote(v.word("连接正常"))), 30*time.Second)
		v.shotAll("precheck")
		v.axe("device check")
	}
	v.submit("进入法庭")
	v.until("the declaration", `!!document.querySelector('[data-act=declare]')`, 30*time.Second)
	v.fill(map[string]string{"discipline": "yes", "noRecording": "yes"})
	v.press("确认并进入")
	v.until("the lobby or the room", `['lobby', 'admitted'].includes(window.__room?.state.stage)`, 20*time.Second)
}

func (s *story) admit(v *visitor, name string) {
	c := s.clerk
	s.tab(c, "people")
	who := fmt.Sprintf(`window.__room.state.people.find(p => p.name === %s)?.id`, quote(name))
	c.until(name+" in the lobby", fmt.Sprintf(`!!document.querySelector('[data-admit="' + %s + '"]')`, who), 20*time.Second)
	evaluate[any](c, fmt.Sprintf(`{ const b = document.querySelector('[data-admit="' + %s + '"]'); const box = b.closest('li, form, div').querySelector('input[type=checkbox]') ?? b.parentElement.querySelector('input[type=checkbox]'); if (box && !box.checked) box.click() }`, who))
	c.until("the admission button", fmt.Sprintf(`document.querySelector('[data-admit="' + %s + '"]')?.disabled === false`, who), 10*time.Second)
	evaluate[any](c, fmt.Sprintf(`document.querySelector('[data-admit="' + %s + '"]').click()`, who))
	v.until("admission", `window.__room.state.stage === 'admitted'`, 10*time.Second)
}

func (s *story) tab(v *visitor, name string) {
	evaluate[any](v, fmt.Sprintf(`{ const t = document.querySelector('#tab-%s'); if (t) { t.click() } else { document.querySelector('[data-act=%[1]s]')?.click() } }`, name))
}

// phase lets the judge move the hearing and waits until all see it.
func (s *story) phase(to string, all bool) {
	s.tab(s.judge, "control")
	s.judge.until("the button of "+to, fmt.Sprintf(`document.querySelector('[data-phase=%s]')?.disabled === false`, to), 15*time.Second)
	evaluate[any](s.judge, fmt.Sprintf(`document.querySelector('[data-phase=%s]').click()`, to))
	confirm := `(() => { const b = document.querySelector('[data-act=confirm]'); if (b) b.click(); return window.__room.state.phase === %s })()`
	s.judge.until("phase "+to, fmt.Sprintf(confirm, quote(to)), 15*time.Second)
	if !all {
		return
	}
	for _, v := range []*visitor{s.clerk, s.plaintiff, s.defendant} {
		v.until("phase "+to, fmt.Sprintf(`window.__room.state.phase === %s`, quote(to)), 5*time.Second)
	}
}

// everyoneSeesEveryone: on each of the twelve pairs pictures are decoded and sound arrives.
func (s *story) everyoneSeesEveryone() {
	for _, v := range []*visitor{s.judge, s.clerk, s.plaintiff, s.defendant} {
		v.until("pictures and sound of three others", `window.__room.stats().then(all => {
			const others = Object.values(all); return others.filter(o => o.framesDecoded > 10 && o.audioPackets > 20).length === 3 })`, 40*time.Second)
	}
}

// speak types a line of the transcript; everybody sees it.
func (s *story) speak(speaker, text string) {
	c := s.clerk
	s.tab(c, "transcript")
	c.until("the transcript's field", `!!document.querySelector('textarea[name=line]')`, 10*time.Second)
	evaluate[any](c, fmt.Sprintf(`{ const b = [...document.querySelectorAll('.speaker')].find(b => %s.includes(b.innerText.trim()) || b.innerText.trim().includes(%[1]s)); if (b) b.click() }`, quote(speaker)))
	evaluate[any](c, fmt.Sprintf(`{ const t = document.querySelector('textarea[name=line]');
		Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(t, %s); t.dispatchEvent(new Event('input', {bubbles: true})) }`, quote(text)))
	c.until("the record button", `document.querySelector('[data-act=line]')?.disabled === false`, 5*time.Second)
	evaluate[any](c, `document.querySelector('[data-act=line]').click()`)
	for _, v := range []*visitor{s.clerk, s.judge, s.plaintiff, s.defendant} {
		v.until("the line", fmt.Sprintf(`window.__room.state.lines.some(l => l.text === %s)`, quote(text)), 5*time.Second)
	}
}

// mute takes the defendant's voice; the packets that others get from them stop.
func (s *story) mute() {
	id := evaluate[string](s.judge, fmt.Sprintf(`window.__room.state.people.find(p => p.name === %s).id`, quote(defendantName)))
	s.tab(s.judge, "people")
	button := fmt.Sprintf(`document.querySelector('[data-mute="%s"]')`, id)
	s.judge.until("the mute button", `!!`+button, 10*time.Second)
	evaluate[any](s.judge, button+`.click()`)
	s.plaintiff.until("silence of the defendant", fmt.Sprintf(`new Promise(async done => {
		const read = async () => (await window.__room.stats())[%s]?.audioPackets ?? 0;
		const before = await read(); setTimeout(async () => done(await read() - before <= 2), 500) })`, quote(id)), 10*time.Second)
	evaluate[any](s.judge, button+`.click()`)
	s.plaintiff.until("the defendant's voice", fmt.Sprintf(`new Promise(async done => {
		const read = async () => (await window.__room.stats())[%s]?.audioPackets ?? 0;
		const before = await read(); setTimeout(async () => done(await read() - before > 10), 500) })`, quote(id)), 10*time.Second)
}

// loseSocket cuts the plaintiff's socket; it is back by itself within three seconds.
func (s *story) loseSocket() {
	v := s.plaintiff
	before := evaluate[float64](v, `window.__room.state.resumes`)
	evaluate[any](v, `window.__room.dropSocket()`)
	v.until("the resumption", fmt.Sprintf(`window.__room.state.resumes > %f && window.__room.state.connection === 'online'`, before), 20*time.Second)
	if gap := evaluate[float64](v, `window.__room.state.lastGapMs`); gap > 3000 {
		s.t.Errorf("the socket was back only after %.0f ms", gap)
	} else {
		s.t.Logf("socket back after %.0f ms", gap)
	}
	s.everyoneSeesEveryone()
}

func (s *story) confirmTranscript() {
	v := s.plaintiff
	v.until("the question", `!!document.querySelector('[data-act=confirm-transcript]')`, 15*time.Second)
	v.shot("room-closed")
	evaluate[any](v, `document.querySelector('[data-act=confirm-transcript]').click()`)
	v.until("the confirmation", `window.__room.state.answers.some(a => a.confirmed)`, 10*time.Second)
	d := s.defendant
	d.open(s.hearing + "/transcript")
	d.shotAll("transcript")
	d.axe("transcript")
	d.fill(map[string]string{"objection": "第一句应为“核对各方身份”。"})
	d.submitButton("提出异议")
	d.sees("第一句应为")
}

// recording: a playable file a participant, with both streams and in step, from opening to close.
func (s *story) recording() {
	v := s.judge
	v.waitReloadUntil(s.hearing+"/recordings", `document.querySelectorAll('[data-recording]').length >= 4 && !!document.querySelector('#integrity .state.ok')`, time.Minute)
	v.shotAll("recordings")
	v.axe("recordings")
	sources := evaluate[[]string](v, fmt.Sprintf(`fetch(%s).then(r => r.json()).then(m => Object.values(m.files).map(path => new URL(path, location.href).href))`, quote(s.hearing+"/recording/manifest.json")))
	s.watch()
	for i, source := range sources {
		path := filepath.Join(s.t.TempDir(), fmt.Sprintf("part-%d.webm", i))
		if err := os.WriteFile(path, v.get(source), 0o600); err != nil {
			s.t.Fatal(err)
		}
		streams := run(s.t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path)
		if !strings.Contains(streams, "video") || !strings.Contains(streams, "audio") {
			s.t.Errorf("recording %d has streams %q", i, streams)
		}
		if out := run(s.t, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "vfr", "-enc_time_base", "1:1000", "-f", "null", "-"); strings.TrimSpace(out) != "" {
			s.t.Errorf("recording %d does not decode cleanly:\n%s", i, out)
		}
		s.checkLengths(path)
	}
}

// watch: the player shows the recess and plays on behind it; its speed is twice.
func (s *story) watch() {
	v := s.judge
	v.open(s.hearing + "/recording")
	v.until("the player", `document.querySelectorAll('.player-tile video').length >= 4`, 20*time.Second)
	v.until("the recess among the gaps", fmt.Sprintf(`document.querySelector('.player-gaps')?.innerText.includes(%s)`, quote(v.word("休庭"))), 10*time.Second)
	v.shotAll("player-story")
	v.axe("player")
	evaluate[any](v, `document.querySelector('.player-toggle').click()`)
	v.until("playing", `[...document.querySelectorAll('.player-tile:not([hidden]) video')].some(e => !e.paused && e.currentTime > 0.5 && e.videoWidth > 0)`, 30*time.Second)
	evaluate[any](v, `document.querySelector('.player-toggle').click()`)
}

// explain: the clerk amends and signs the explanation that the record drafted, the judge reviews it, the parties read it.
func (s *story) explain() {
	c, path := s.clerk, s.hearing+"/recording/explanation"
	c.open(path)
	c.until("the recess in the draft", `[...document.querySelectorAll('textarea[name^="text."]')].some(e => e.value.includes('休庭'))`, 10*time.Second)
	c.shotAll("explanation")
	c.axe("explanation")
	c.fill(map[string]string{"note": explanationNote})
	c.submitButton("签署并送审判员审核")
	v := s.judge
	v.open(path)
	v.sees(explanationNote)
	v.shotAll("explanation-judge")
	v.axe("explanation for the judge")
	v.submitForm(path + "/approve")
	if !strings.HasPrefix(v.at(), "/documents/") {
		s.t.Fatalf("no document but %s\n%s", v.at(), v.glimpse())
	}
	v.shot("explanation-document")
	s.defendant.open(s.hearing + "/recordings")
	s.defendant.until("the explanation", `!!document.querySelector('#explanation a[href^="/documents/"]')`, 10*time.Second)
}

const explanationNote = "录制设备运行正常。"

// checkLengths: sound and picture of one file last as long as the hearing was open, a starved camera's last second apart.
func (s *story) checkLengths(path string) {
	end := func(kind string) float64 {
		out := run(s.t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time", "-of", "csv=p=0", path)
		times := regexp.MustCompile(`[\d.]+`).FindAllString(out, -1)
		if len(times) == 0 {
			return 0
		}
		v, err := strconv.ParseFloat(times[len(times)-1], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return v
	}
	video, audio := end("v:0"), end("a:0")
	if diff := video - audio; diff > 1.5 || diff < -1.5 || audio < s.heard.Seconds()-0.5 {
		s.t.Errorf("%s: picture ends at %.2f s and sound at %.2f s of %.2f s", filepath.Base(path), video, audio, s.heard.Seconds())
	}
}
