package main

import (
	"fmt"
	"time"

	"github.com/chromedp/chromedp"
)

// agree: before the hearing the parties agree that the recording replaces the transcript (AV 8). One who does not agree keeps
// it from being so, and may think again; a lawyer who works with the keyboard alone can do it.
func (s *story) agree() {
	p, d := s.plaintiff, s.defendant
	all := fmt.Sprintf(`document.querySelector('#replacing').innerText.includes(%s)`, quote(p.word("各方均已同意：录音录像替代法庭笔录。")))
	d.open(s.hearing)
	d.submitButton("不同意")
	p.open(s.hearing)
	p.submitButton("同意替代")
	p.until("the other's refusal", fmt.Sprintf(`!!document.querySelector('#replacing .state.warn') && !(%s)`, all), 10*time.Second)
	p.shotAll("replacing-refused")
	p.axe("hearing page with a refusal")
	d.open(s.hearing)
	d.enterOn(`document.querySelector('#replacing button[value=agree]')`)
	d.until("that all agree", all, 30*time.Second)
	p.open(s.hearing)
	p.until("that all agree", all, 10*time.Second)
	s.judge.open(s.hearing)
	if evaluate[bool](s.judge, `!!document.querySelector('#replacing form')`) {
		s.t.Error("the judge may agree for a party")
	}
}

// signIntegrity: in the room, at the end, the plaintiff confirms the value by keyboard; judge and clerk see it and have nothing
// to sign. The defendant objects on the recordings page, not without saying why, on a phone.
func (s *story) signIntegrity() {
	p, d := s.plaintiff, s.defendant
	for _, v := range []*visitor{s.judge, s.clerk} {
		if evaluate[bool](v, `!!document.querySelector('[data-act=sign-integrity]')`) {
			s.t.Errorf("%s may sign for a party", v.name)
		}
	}
	if height := evaluate[float64](p, `document.querySelector('.lines').clientHeight`); height < 200 {
		s.t.Errorf("what is to be confirmed has %.0f px to be read in", height)
	}
	p.shot("room-integrity")
	p.size(390, 844)
	p.shot("room-integrity-390")
	p.size(1440, 900)
	p.axe("integrity value in the room")
	p.enterOn(`document.querySelector('[data-act=sign-integrity]')`)
	for _, v := range []*visitor{p, s.judge, s.clerk, d} {
		v.until("the plaintiff's word", `document.querySelectorAll('#integrity-value .answer.confirmed').length === 1`, 15*time.Second)
	}
	p.until("that nothing is left to sign", `!document.querySelector('[data-act=sign-integrity]')`, 10*time.Second)
	d.size(390, 844)
	d.open(s.hearing + "/recordings")
	d.leave("an objection without a reason", `document.querySelector('#integrity button[value=object]').click()`)
	d.until("the error", `!!document.querySelector('#objection-error') || !!document.querySelector('#integrity .error')`, 10*time.Second)
	d.axe("objection without a reason")
	d.shot("integrity-error")
	d.fill(map[string]string{"objection": integrityObjection})
	d.leave("the objection", `document.querySelector('#integrity button[value=object]').click()`)
	d.until("one confirmation and one objection", fmt.Sprintf(`document.querySelectorAll('#integrity .rows .state.ok').length === 1 && document.querySelectorAll('#integrity .rows .state.warn').length === 1
		&& document.querySelector('#integrity').innerText.includes(%s) && !document.querySelector('#integrity form')`, quote(integrityObjection)), 20*time.Second)
	d.axe("answered integrity value")
	d.shot("integrity-answered")
	d.size(1440, 900)
}

const integrityObjection = "第二段声音不清。"

// enterOn goes to the control by the tabulator alone and presses Enter.
func (v *visitor) enterOn(element string) {
	v.t.Helper()
	v.tabTo(element)
	v.do("Enter", chromedp.KeyEvent("\r"))
}

// tabTo goes to the control by the tabulator alone; the focus is to be seen there.
func (v *visitor) tabTo(element string) {
	v.t.Helper()
	v.until("the control "+element, `!!`+element, 20*time.Second)
	evaluate[any](v, `document.activeElement?.blur()`)
	for range 80 {
		v.do("Tab", chromedp.KeyEvent("\t"))
		if evaluate[bool](v, element+` === document.activeElement`) {
			if !evaluate[bool](v, `document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'`) {
				v.t.Errorf("%s: no visible focus on %s", v.name, element)
			}
			return
		}
	}
	v.t.Fatalf("%s: 80 times Tab do not lead to %s\n%s", v.name, element, v.glimpse())
}
