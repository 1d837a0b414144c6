package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket/deadline"
	"yunting/docket/fee"
	"yunting/docket/interruption"
	"yunting/internal/identity"
	"yunting/service/effect"
)

//go:embed templates/*.html
var templates embed.FS

// pageSet holds the pages of one language by name, with its dictionary.
type pageSet struct {
	words dictionary
	pages map[string]*template.Template
}

// page is what every template gets.
type page struct {
	Title   string
	Lang    string
	Path    string // of this page, to come back to after a change of language
	Theme   string // "", "light" or "dark"
	Nav     string // the current entry of the main menu
	Court   string
	Actor   identity.Actor
	Token   uuid.UUID // of this page's forms
	Unread  int       // deliveries that wait for a receipt
	Demo    *DemoInfo
	Done    string // message key of what was just done
	Invalid []fieldError
	Data    any

	can func(identity.Action) bool
}

// Can tells a template what the person may do here.
func (p page) Can(action string) bool { return p.can(identity.Action(action)) }

// Error gives the message about one field.
func (p page) Error(field string) string {
	for _, e := range p.Invalid {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

// fieldError is a message beside a field of a form.
type fieldError struct {
	Field   string // the field's name and the id of its input
	Message string
}

// loadPages parses every template once for each language: a layout, the parts
// that pages share (names that begin with "_"), and one file a page.
func (s *server) loadPages() (map[string]pageSet, error) {
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	var shared, own []string
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			shared = append(shared, name)
		} else {
			own = append(own, name)
		}
	}
	out := map[string]pageSet{}
	for _, lang := range languages {
		words, err := loadDictionary(lang)
		if err != nil {
			return nil, err
		}
		base, err := template.New("base").Funcs(s.funcs(lang, words)).ParseFS(templates, shared...)
		if err != nil {
			return nil, fmt.Errorf("web: templates: %w", err)
		}
		set := pageSet{words: words, pages: map[string]*template.Template{}}
		for _, name := range own {
			t, err := template.Must(base.Clone()).ParseFS(templates, name)
			if err != nil {
				return nil, fmt.Errorf("web: template %s: %w", name, err)
			}
			set.pages[strings.TrimSuffix(path.Base(name), ".html")] = t
		}
		out[lang] = set
	}
	return out, nil
}

// funcs are the functions that templates use, bound to a language.
func (s *server) funcs(lang string, words dictionary) template.FuncMap {
	zone := s.Docket.Court().Zone
	return template.FuncMap{
		"t":     words.text,
		"lang":  func() string { return lang },
		"asset": s.asset,
		"icon": func(name string) template.HTML {
			return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + s.asset("icons/icons.svg") + `#` + template.HTMLEscapeString(name) + `"/></svg>`)
		},
		"money":        func(fen int64) string { return words.text("money", "n", yuan(fen)) },
		"yuan":         plainYuan,
		"day":          func(d any) string { return dayText(d, lang) },
		"when":         func(t any) string { return instantText(t, zone, lang) },
		"iso":          func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":        func(t time.Time) string { return t.In(zone).Format("15:04:05") },
		"hourmin":      func(t time.Time) string { return t.In(zone).Format("15:04") },
		"bytes":        byteText,
		"uploaddays":   func() int { return s.Docket.Court().UploadDays },
		"hearingname":  func(title string) string { return hearingName(title, words) },
		"interruption": func(c interface{ Text(string) string }) string { return c.Text(lang) },
		"source":       func(track string) string { return interruption.Source(track, lang) },
		"explain":      func(a deadline.Answer) string { return a.Explain(lang) },
		"effectwhy":    func(a *effect.Answer) string { return a.Explain(lang) },
		"feewhy":       func(fen int64) string { return fee.Explain(fen, lang) },
		"maskid":       identity.MaskID,
		"maskcall":     identity.MaskPhone,
		"add":          func(a, b int) int { return a + b },
		"list":         func(v ...string) []string { return v },
		"has":          func(list []string, s string) bool { return slices.Contains(list, s) },
		"map":          pairs,
		"hasrole":      func(a identity.Actor, role string) bool { return a.Has(identity.Role(role)) },
	}
}

// numberedHearing is the title that a hearing gets when the clerk gives it none.
var numberedHearing = regexp.MustCompile(`^第(\d+)次开庭$`)

// hearingName is a hearing's title; one that only counts is told in the page's language.
func hearingName(title string, words dictionary) string {
	if m := numberedHearing.FindStringSubmatch(title); m != nil {
		return words.text("hearing.nth", "n", m[1])
	}
	return title
}

// pairs makes a map for a part of a template out of names and values.
func pairs(list ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		key, ok := list[i].(string)
		if !ok {
			return nil, fmt.Errorf("map: key %v is not a string", list[i])
		}
		m[key] = list[i+1]
	}
	return m, nil
}

// yuan writes fen as yuan with two decimals and thousands separators.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	whole := fmt.Sprint(fen / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s%s.%02d", sign, whole, fen%100)
}

// plainYuan writes fen for an input: "1123.50", and "" for nothing.
func plainYuan(fen int64) string {
	if fen == 0 {
		return ""
	}
	return strings.ReplaceAll(yuan(fen), ",", "")
}

// dayText writes a civil date in the language's manner; "" for none.
func dayText(v any, lang string) string {
	var d deadline.Date
	switch v := v.(type) {
	case deadline.Date:
		d = v
	case *deadline.Date:
		if v != nil {
			d = *v
		}
	}
	if d.IsZero() {
		return ""
	}
	if lang == langEN {
		return fmt.Sprintf("%d %s %d", d.Day, d.Month, d.Year)
	}
	return fmt.Sprintf("%d年%d月%d日", d.Year, int(d.Month), d.Day)
}

// instantText writes an instant as the court's clock shows it; "" for none.
func instantText(v any, zone *time.Location, lang string) string {
	var at time.Time
	switch v := v.(type) {
	case time.Time:
		at = v
	case *time.Time:
		if v != nil {
			at = *v
		}
	}
	if at.IsZero() {
		return ""
	}
	at = at.In(zone)
	return dayText(deadline.DateOf(at, zone), lang) + " " + at.Format("15:04")
}

// byteText writes a size in bytes for people: "312.4 MB".
func byteText(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGT"[prefix])
}

// render writes a page. The template runs into a buffer first, so that a
// fault gives an error page instead of half a page.
func (r *request) render(status int, name, titleKey string, data any, more ...func(*page)) error {
	set := r.s.pages[r.lang]
	t, ok := set.pages[name]
	if !ok {
		return fmt.Errorf("web: no template %q", name)
	}
	p := page{
		Title: set.words.text(titleKey), Lang: r.lang, Path: r.URL.RequestURI(), Theme: r.theme(),
		Court: r.s.courtName(r.lang), Actor: r.actor, Token: uuid.New(), Demo: r.s.Demo, Data: data, can: r.can,
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.Path = r.back
	}
	if done := "done." + r.URL.Query().Get("done"); set.words[done] != "" && status == http.StatusOK {
		p.Done = done
	}
	p.Unread = r.unread()
	for _, f := range more {
		f(&p)
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, "layout", p); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	r.written = true
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	r.w.WriteHeader(status)
	_, err := buf.WriteTo(r.w)
	return err
}

// withErrors puts messages beside the fields and on top of the form.
func withErrors(list []fieldError) func(*page) { return func(p *page) { p.Invalid = list } }

// in marks the entry of the main menu that the page belongs to.
func in(nav string) func(*page) { return func(p *page) { p.Nav = nav } }

func (s *server) courtName(lang string) string {
	if lang == langEN {
		return s.Docket.Court().NameEN
	}
	return s.Docket.Court().Name
}

func (r *request) theme() string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// unread counts the deliveries that wait for the person's receipt. A page must
// not fail for its badge: an error is logged and the badge left out.
func (r *request) unread() int {
	if r.actor.Anonymous() {
		return 0
	}
	list, err := r.s.Service.Mailbox(r.Context(), r.actor.Account)
	if err != nil {
		r.s.Logger.WarnContext(r.Context(), "mailbox badge", "error", err)
		return 0
	}
	n := 0
	for _, d := range list {
		if waitsForReceipt(d) {
			n++
		}
	}
	return n
}
