package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// deletionReason is what the clerk writes.
const deletionReason = "保管期限届满，档案鉴定后销毁。"

// erase: thirty-one years later the clerk proposes to delete the recordings and cannot confirm that, the judge confirms. The
// parties read who decided and why, at the file's address too; the export of what is left still verifies and says what is
// proven and what is gone.
func (s *story) erase() {
	s.p.passYears(s.hearing, 31)
	c, j, p := s.clerk, s.judge, s.plaintiff
	path := s.hearing + "/keeping"
	file := evaluate[string](p, fmt.Sprintf(`fetch(%s).then(r => r.json()).then(m => Object.values(m.files)[0])`, quote(s.hearing+"/recording/manifest.json")))
	c.open(path)
	c.until("the proposal's field", `!!document.querySelector('#deletion-reason')`, 10*time.Second)
	c.shotAll("keeping-due")
	c.axe("keeping of a recording whose period is over")
	c.fill(map[string]string{"reason": deletionReason})
	c.submitForm(path + "/deletion")
	if evaluate[bool](c, `!!document.querySelector('#deletion button[value=confirm]')`) {
		s.t.Error("the proposer may confirm")
	}
	j.size(390, 844)
	j.open(path)
	j.until("the proposal", fmt.Sprintf(`document.querySelector('#deletion').innerText.includes(%s)`, quote(deletionReason)), 10*time.Second)
	j.shot("keeping-proposed")
	j.axe("a proposed deletion")
	j.enterOn(`document.querySelector('#deletion button[value=confirm]')`)
	j.until("the page after the confirmation", `document.readyState === 'complete' && !!document.querySelector('#deletion') && !document.querySelector('#deletion button[value=confirm]')`, 30*time.Second)
	j.waitReloadUntil(path, `!!document.querySelector('#deletion .state.ok') && !!document.querySelector('#deletion a[href*="/entries/"]')`, 30*time.Second)
	j.shot("keeping-deleted")
	j.axe("deleted recordings' keeping")
	p.size(390, 844)
	p.choose("/theme", "dark")
	p.open(s.hearing + "/recordings")
	p.until("the tombstone", `document.querySelector('#deleted')?.innerText.includes('林静') && !!document.querySelector('#deleted a[href*="/entries/"]') && !document.querySelector('[data-recording]')`, 10*time.Second)
	p.shot("recordings-deleted")
	p.axe("deleted recordings")
	p.open(file)
	p.until("the file's tombstone", `document.body.innerText.includes('林静') && performance.getEntriesByType('navigation')[0].responseStatus === 410`, 10*time.Second)
	p.shot("file-deleted")
	p.axe("the address of a deleted file")
	said := run(s.t, s.p.cmd.Path, "verify", s.export())
	for _, want := range []string{"录像已依决定删除，存根见上", "王磊于", "林静于", deletionReason, "起未被改动", "完整性校验值"} {
		if !strings.Contains(said, want) {
			s.t.Errorf("verify does not say %q of what was deleted:\n%s", want, said)
		}
	}
}

// passYears moves the hearing at that address back, as if so many years had gone by.
func (p *process) passYears(hearing string, years int) {
	p.t.Helper()
	rows, end, err := p.query(context.Background(), `UPDATE hearings SET opened_at = opened_at - make_interval(years => $2), closed_at = closed_at - make_interval(years => $2) WHERE id = $1`,
		strings.TrimPrefix(hearing, "/hearings/"), years)
	if err != nil {
		p.t.Fatal(err)
	}
	defer end()
	rows.Close()
	if rows.Err() != nil {
		p.t.Fatal(rows.Err())
	}
}
