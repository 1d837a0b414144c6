// Package cause holds the causes of action (案由) as a versioned tree of four levels, and proposes causes for
// what a complaint says. It is pure. The filing clerk confirms what Suggest proposes.
package cause

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed causes_cn.tsv
var causesCN string

// Cause is one node of the tree.
type Cause struct {
	Code   string `json:"code"` // "04.01.11.08": one pair of digits a level
	Name   string `json:"name"`
	NameEN string `json:"name_en"`
	Parent string `json:"parent,omitempty"` // "" at the first level
	Level  int    `json:"level"`            // 1 to 4
	Leaf   bool   `json:"leaf"`             // has no finer cause below it
}

// version names the edition of the tree; the docket stores it beside a code.
const version = "cn-2021.1"

// Version names the edition of the tree.
func Version() string { return version }

type tree struct {
	all      []Cause
	byCode   map[string]Cause
	keywords map[string][]string
}

var edition = sync.OnceValue(func() *tree {
	t, err := parse(causesCN)
	if err != nil {
		panic("cause: built-in tree: " + err.Error())
	}
	return t
})

func parse(text string) (*tree, error) {
	t := &tree{byCode: map[string]Cause{}, keywords: map[string][]string{}}
	parents := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) < 3 || len(fields) > 4 {
			return nil, fmt.Errorf("line %q has %d fields", line, len(fields))
		}
		c := Cause{Code: fields[0], Name: fields[1], NameEN: fields[2], Level: strings.Count(fields[0], ".") + 1}
		if i := strings.LastIndexByte(c.Code, '.'); i >= 0 {
			c.Parent = c.Code[:i]
			if _, ok := t.byCode[c.Parent]; !ok {
				return nil, fmt.Errorf("%s has no parent above it", c.Code)
			}
			parents[c.Parent] = true
		}
		if _, twice := t.byCode[c.Code]; twice {
			return nil, fmt.Errorf("%s is there twice", c.Code)
		}
		if len(fields) == 4 {
			t.keywords[c.Code] = strings.Fields(fields[3])
		}
		t.all = append(t.all, c)
		t.byCode[c.Code] = c
	}
	for i := range t.all {
		t.all[i].Leaf = !parents[t.all[i].Code]
		t.byCode[t.all[i].Code] = t.all[i]
	}
	return t, nil
}

// Find gives the cause with the code.
func Find(code string) (Cause, bool) {
	c, ok := edition().byCode[code]
	return c, ok
}

// All lists every cause in tree order, a parent before its children.
func All() []Cause { return slices.Clone(edition().all) }

// Children lists the causes right below the code, in order; "" gives the first level.
func Children(code string) []Cause {
	var out []Cause
	for _, c := range edition().all {
		if c.Parent == code {
			out = append(out, c)
		}
	}
	return out
}

// Path lists the causes from the first level down to the code; it is empty for an unknown code.
func Path(code string) []Cause {
	var out []Cause
	for c, ok := Find(code); ok; c, ok = Find(c.Parent) {
		out = append(out, c)
	}
	slices.Reverse(out)
	return out
}

// Choosable reports whether a complaint may state the code: a cause of the third or fourth level.
func Choosable(code string) bool {
	c, ok := Find(code)
	return ok && c.Level >= 3
}

const (
	maxSuggestions = 5
	maxSuggestText = 64 << 10 // bytes of text that Suggest looks at
)

// Suggest proposes at most five choosable causes for free text, the likeliest first. It scores the keywords
// and the names, Chinese and English, that the text holds; longer words weigh more, and of equals the more
// general cause comes first.
func Suggest(text string) []Cause {
	text = strings.ToLower(text[:min(len(text), maxSuggestText)])
	t := edition()
	type scored struct {
		cause Cause
		score int
	}
	var found []scored
	for _, c := range t.all {
		if c.Level < 3 {
			continue
		}
		if s := score(text, c, t.keywords[c.Code]); s > 0 {
			found = append(found, scored{c, s})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.cause.Level, b.cause.Level))
	})
	out := make([]Cause, 0, maxSuggestions)
	for _, f := range found[:min(len(found), maxSuggestions)] {
		out = append(out, f.cause)
	}
	return out
}

func score(text string, c Cause, keywords []string) int {
	const nameWeight = 3
	total := 0
	for _, k := range keywords {
		if strings.Contains(text, k) {
			total += len([]rune(k))
		}
	}
	for _, name := range []string{strings.TrimSuffix(c.Name, "纠纷"), strings.ToLower(c.NameEN)} {
		if strings.Contains(text, name) {
			total += nameWeight * len([]rune(strings.ReplaceAll(name, " ", "")))
		}
	}
	return total
}
