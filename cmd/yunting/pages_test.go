package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBrowserPagesAreAccessible looks with axe-core at the pages that the story does not pass, for each role, in both
// languages and both colour schemes.
func TestBrowserPagesAreAccessible(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	visits := []struct {
		login string
		pages []string
	}{
		{"", []string{"/", "/login", "/register", "/ledger", "/licences", "/no-such-page"}},
		{"zhangwei", []string{"/", "/cases", "/link", "/account", "/mailbox", "first", "first/evidence", "first/export"}},
		{"wanglei", []string{"/", "/cases", "first", "first/hearings/new", "first/serve"}},
		{"linjing", []string{"/", "first/judgment"}},
		{"zhaomin", []string{"/", "/cases?stage=submitted"}},
		{"chenxi", []string{"/", "/supervision"}},
		{"zhouhang", []string{"/", "/admin"}},
	}
	for _, visit := range visits {
		v := newVisitor(t, p.url, "guest "+visit.login)
		if visit.login != "" {
			v.open("/login")
			v.fill(map[string]string{"login": visit.login, "password": "yunting-demo-2026"})
			v.submitForm("/login")
		}
		kase := v.firstCase()
		for i, path := range visit.pages {
			if strings.HasPrefix(path, "first") {
				path = kase + strings.TrimPrefix(path, "first")
			}
			v.open(path)
			v.axe(visit.login + " " + path)
			v.choose("/theme", "dark")
			if i == 0 {
				v.choose("/language", "en")
			}
			v.open(path)
			v.axe(visit.login + " " + path + " dark, en")
			v.choose("/theme", "light")
		}
	}
}

// firstCase is the path of the newest accepted case that the visitor sees in the list; "" for who sees none.
func (v *visitor) firstCase() string {
	v.open("/cases?stage=accepted")
	return evaluate[string](v, `document.querySelector('main a[href^="/cases/"]:not([href*=".csv"])')?.getAttribute('href') ?? ""`)
}

// choose presses the button of the footer that sets the colours or the language.
func (v *visitor) choose(action, value string) {
	v.t.Helper()
	button := fmt.Sprintf(`[...document.querySelectorAll('form[action="%s"] button')].find(b => b.value === '%s')`, action, value)
	v.until("the choice "+value, `!!(`+button+`) || document.documentElement.dataset.theme === '`+value+`' || document.documentElement.lang === '`+value+`'`, 10*time.Second)
	if !evaluate[bool](v, `!!(`+button+`)`) {
		return // it is the present one
	}
	v.leave(value, button+`.click()`)
}
