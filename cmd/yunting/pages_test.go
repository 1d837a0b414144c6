package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// looks are the two ways in which each person walks through the pages.
var looks = []struct {
	language, theme string
	width           int64
}{{"zh-CN", "light", 1440}, {"en", "dark", 390}}

// TestBrowserEveryPage walks for each role through every page that links lead to, in both languages, both colour schemes
// and on a phone and a desk: axe-core finds nothing serious, nothing is wider than the window, no script fails. Together
// they see every page in the list of routes.
func TestBrowserEveryPage(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	pages := pagePatterns(t)
	rareNames(t, p)
	for _, look := range looks {
		seen := make(map[string]int)
		for _, login := range []string{"", "zhangwei", "lina", "linjing", "wanglei", "zhaomin", "chenxi", "zhouhang"} {
			w := walk{visitor: newVisitor(t, p.url, "guest "+login), pages: pages, login: login, width: look.width}
			w.open("/")
			if login != "" {
				w.signIn(login)
			}
			w.choose("/language", look.language)
			w.choose("/theme", look.theme)
			w.through(seen)
		}
		for _, pattern := range pages.list {
			if seen[pattern] == 0 && pattern != inStory {
				t.Errorf("nobody saw %s in %s", pattern, look.language)
			}
		}
	}
}

// rareNames: pages bring glyphs of their own for characters beyond the basic plane, and the browser takes the fonts for
// sound. What they hold is cut as the fonts of documents are, which the tests of service/pdf look at.
func rareNames(t *testing.T, p *process) {
	v := newVisitor(t, p.url, "reader of names")
	v.open("/login")
	for family, name := range map[string]string{"Rare names SC": "𬱖", "Rare names JP": "𠮷", "Rare names HK": "𢫏"} {
		if n := evaluate[int](v, fmt.Sprintf(`document.fonts.load('40px "%s"', '%s').then(f => f.filter(x => x.status === 'loaded').length)`, family, name)); n != 1 {
			t.Errorf("%s: %d fonts were loaded", family, n)
		}
	}
	if stack := evaluate[string](v, `getComputedStyle(document.body).fontFamily`); !strings.Contains(stack, "Rare names JP") {
		t.Errorf("pages are set in %s", stack)
	}
}

// inStory is the one page that a demonstration has no link to: that of a judgment which is ready to be signed.
const inStory = "/cases/{case}/judgment/sign"

// patterns are the routes that answer with a page.
type patterns struct {
	list []string
	mux  *http.ServeMux
}

// noPage are ends of addresses under which there are files, streams and what machines read.
var noPage = []string{"/file", "/copy", "/socket", "}.tile", ".json", ".csv", ".pdf", "/healthz", "/readyz", "/metrics", "/checkpoint", "{path...}"}

// pagePatterns reads the routes from the table of who may what, which the tests of web compare with the routes themselves.
func pagePatterns(t *testing.T) patterns {
	t.Helper()
	table, err := os.ReadFile("../../web/testdata/access.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := patterns{mux: http.NewServeMux()}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != http.MethodGet || strings.HasPrefix(fields[1], "/api/") || slices.Contains(p.list, fields[1]) ||
			slices.ContainsFunc(noPage, func(end string) bool { return strings.HasSuffix(fields[1], end) }) {
			continue
		}
		p.list = append(p.list, fields[1])
		p.mux.HandleFunc("GET "+fields[1], http.NotFound)
	}
	return p
}

// of is the pattern of an address, or "" when that is no page.
func (p patterns) of(address string) string {
	_, pattern := p.mux.Handler(httptest.NewRequest(http.MethodGet, address, nil))
	return strings.TrimPrefix(pattern, "GET ")
}

// walk is one person's way through the pages.
type walk struct {
	*visitor
	pages patterns
	login string
	width int64
}

// Every role looks at the pages that differ by role; two are enough for the others.
const enough = 2

var byRole = []string{"/{$}", "/cases/{case}", "/hearings/{hearing}"}

// through follows the links from the first page on, to one page of each pattern, and counts what it saw.
func (w *walk) through(seen map[string]int) {
	ways, done := []string{"/", "/login", "/register"}, make(map[string]bool) // done holds patterns
	for len(ways) > 0 {
		address := ways[0]
		ways = ways[1:]
		pattern := w.pages.of(address)
		if pattern == "" || done[pattern] || seen[pattern] >= enough && !slices.Contains(byRole, pattern) {
			continue
		}
		done[pattern] = true
		ways = append(ways, w.look(address, pattern)...)
		if here := w.pages.of(w.at()); here == pattern {
			seen[pattern]++
		}
	}
}

// look opens a page, checks it and returns where its links lead.
func (w *walk) look(address, pattern string) []string {
	w.size(w.width, 900)
	w.open(address)
	what := fmt.Sprintf("%s: %s", w.name, address)
	w.axe(what)
	wide := evaluate[[]string](w.visitor, `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 120))`)
	if len(wide) > 0 {
		w.t.Errorf("%s is wider than %d: %s", what, w.width, strings.Join(wide, " | "))
	}
	w.shot(fmt.Sprintf("page-%s-%s-%d", strings.NewReplacer("/", "_", "{", "", "}", "", "$", "").Replace(pattern), w.login, w.width))
	return evaluate[[]string](w.visitor, `[...document.querySelectorAll('a[href]')].map(a => new URL(a.href)).filter(u => u.origin === location.origin).map(u => u.pathname + u.search)`)
}

// signIn signs a demonstration account in by the log-in form.
func (v *visitor) signIn(login string) {
	v.open("/login")
	v.fill(map[string]string{"login": login, "password": "yunting-demo-2026"})
	v.submitForm("/login")
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
