package web

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

//go:embed i18n/*.json
var dictionaries embed.FS

// The languages of the pages. The first is the default.
const (
	langZH = "zh-CN"
	langEN = "en"
)

var languages = []string{langZH, langEN}

var matcher = language.NewMatcher([]language.Tag{language.MustParse(langZH), language.English})

// dictionary maps message keys to texts of one language. A text may hold
// {name} places.
type dictionary map[string]string

func loadDictionary(lang string) (dictionary, error) {
	data, err := dictionaries.ReadFile("i18n/" + lang + ".json")
	if err != nil {
		return nil, fmt.Errorf("web: dictionary %s: %w", lang, err)
	}
	d := dictionary{}
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("web: dictionary %s: %w", lang, err)
	}
	return d, nil
}

// EntryNames words the kinds of docket entries as the pages do: in Chinese for
// "zh…", otherwise in English. A kind that it does not know comes back as it is.
func EntryNames(lang string) (func(kind string) string, error) {
	known := langEN
	if strings.HasPrefix(lang, "zh") {
		known = langZH
	}
	words, err := loadDictionary(known)
	if err != nil {
		return nil, err
	}
	return func(kind string) string { return cmp.Or(words["entry."+kind], kind) }, nil
}

// text gives the message of key with its places filled from pairs of name and
// value. An unknown key comes back as it is, which the tests of the
// dictionaries rule out for every key that the pages use.
func (d dictionary) text(key string, pairs ...any) string {
	s, ok := d[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return s
}

// langCookie holds the language that the person chose.
const langCookie = "yunting_lang"

// langOf is the language of the reply: the one chosen, else the browser's.
func langOf(r *http.Request) string {
	if c, err := r.Cookie(langCookie); err == nil && (c.Value == langZH || c.Value == langEN) {
		return c.Value
	}
	accept := r.Header.Get("Accept-Language")
	if accept == "" {
		return langZH
	}
	_, i := language.MatchStrings(matcher, accept)
	return languages[i]
}
