package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/internal/identity"
	"yunting/service"
	"yunting/service/effect"
)

var (
	templateKey = regexp.MustCompile(`\(?\bt "([a-z][A-Za-z0-9_.-]+)"`)
	partKey     = regexp.MustCompile(`"(?:label|help|title|text|here)" "([a-z][A-Za-z0-9_.-]+\.[A-Za-z0-9_.-]+)"`)
	codeKey     = regexp.MustCompile(`r\.t\("([a-z][a-z0-9_.-]+[a-z0-9])"(?:,|\))`)
	titleKey    = regexp.MustCompile(`r\.render\([^"]*"[a-z]+", "([a-z_.]+[a-z])"`)
	doneKey     = regexp.MustCompile(`r\.redirect\([^\n]*, "([a-z_]+)"\)|done=([a-z_]+)|s\.decided\(r, err, "([a-z]+)"\)`)
	problemCode = regexp.MustCompile(`problem\{http\.Status\w+, "([a-z_]+)"\}`)
)

// usedKeys collects every message key that templates and handlers name.
func usedKeys(t *testing.T) map[string]string {
	t.Helper()
	used := map[string]string{}
	add := func(key, where string) {
		if key != "" {
			used[key] = where
		}
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(templates, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, re := range []*regexp.Regexp{templateKey, partKey} {
			for _, m := range re.FindAllStringSubmatch(string(data), -1) {
				add(m[1], name)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, re := range []*regexp.Regexp{codeKey, titleKey} {
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				add(m[1], name)
			}
		}
		for _, m := range doneKey.FindAllStringSubmatch(text, -1) {
			if done := m[1] + m[2] + m[3]; done != "" {
				add("done."+done, name)
			}
		}
		for _, m := range problemCode.FindAllStringSubmatch(text, -1) {
			add("problem."+m[1], name)
			add("problem."+m[1]+".help", name)
		}
	}
	return used
}

// computedKeys are the keys made from the values of the modules: each value
// needs its name.
func computedKeys() []string {
	var keys []string
	add := func(prefix, suffix string, values ...string) {
		for _, v := range values {
			keys = append(keys, prefix+v+suffix)
		}
	}
	add("finding.", "", complaint.Codes...)
	add("finding.", ".fix", complaint.Codes...)
	add("entry.", "", docket.EntryKinds()...)
	add("procedure.", "", docket.Procedures()...)
	add("online.", "", docket.OnlineStages()...)
	add("online.", ".text", docket.OnlineStages()...)
	add("todo.", "", docket.TodoKinds()...)
	add("sort.", "", caseSorts...)
	for _, s := range docket.Stages() {
		add("stage.", "", string(s))
		add("step.", "", string(s))
	}
	for _, p := range docket.Phases() {
		add("phase.", "", string(p))
	}
	for _, r := range identity.Roles() {
		add("role.", "", string(r))
	}
	for _, s := range identity.Standings() {
		add("standing.", "", string(s))
	}
	for _, f := range service.FilmStates() {
		add("films.state.", "", string(f))
	}
	add("films.fault.", "", service.FilmFaults()...)
	for _, k := range []identity.IDKind{identity.IDResident, identity.IDPassport, identity.IDUSCC} {
		add("idkind.", "", string(k))
	}
	for _, s := range []effect.State{effect.Draft, effect.Sent, effect.Failed, effect.Arrived, effect.Awaiting, effect.Effective, effect.Presumed, effect.Rebutted} {
		add("delivery.", "", string(s))
	}
	add("event.", "", service.EventCreated, service.EventNoConsent, service.EventSubmitted, service.EventRelayed, service.EventArrived,
		service.EventRetry, service.EventFailed, service.EventBounced, service.EventNotified, service.EventOpened, service.EventConfirmed,
		service.EventEffective, service.EventPresumed, service.EventRebutted, service.EventReplaced, service.EventProof)
	add("account.", "", identity.CodeRequired, identity.CodeInvalid, identity.CodeTooShort, identity.CodeTooLong, identity.CodeTaken)
	add("judgment.missing.", "", "parties", "course", "claims_and_defence", "findings", "reasoning", "law", "items", "penalty", "costs", "appeal_notice")
	for _, a := range []string{"edit", "correct", "review", "invite", "consent", "join", "watch", "transcript", "recordings", "schedule", "judgment", "serve", "receipt", "evidence", "export"} {
		add("act.", "", a, a+".text")
	}
	return keys
}

func TestEveryKeyHasBothLanguages(t *testing.T) {
	zh, err := loadDictionary(langZH)
	if err != nil {
		t.Fatal(err)
	}
	en, err := loadDictionary(langEN)
	if err != nil {
		t.Fatal(err)
	}
	used := usedKeys(t)
	if len(used) < 300 {
		t.Fatalf("only %d keys were found in templates and code: the search is broken", len(used))
	}
	for _, key := range computedKeys() {
		used[key] = "values of the modules"
	}
	for key, where := range used {
		if zh[key] == "" || en[key] == "" {
			t.Errorf("%s (%s): zh %q, en %q", key, where, zh[key], en[key])
		}
	}
}

func TestDictionariesAgree(t *testing.T) {
	zh, err := loadDictionary(langZH)
	if err != nil {
		t.Fatal(err)
	}
	en, err := loadDictionary(langEN)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`\{[a-z]+\}`)
	places := func(s string) []string {
		list := place.FindAllString(s, -1)
		slices.Sort(list)
		return slices.Compact(list)
	}
	for key, text := range zh {
		other, ok := en[key]
		if !ok {
			t.Errorf("%s is not in English", key)
			continue
		}
		if !slices.Equal(places(text), places(other)) {
			t.Errorf("%s: places differ: %q, %q", key, text, other)
		}
	}
	for key := range en {
		if _, ok := zh[key]; !ok {
			t.Errorf("%s is not in Chinese", key)
		}
	}
}
