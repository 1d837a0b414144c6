// Package cause holds the causes of action (案由) as a versioned four-level tree.
package cause

// Cause is one node of the tree.
type Cause struct {
	Code   string `json:"code"`
	Name   string `json:"name"`
	NameEN string `json:"name_en"`
	Parent string `json:"parent,omitempty"` // "" at the first level
	Level  int    `json:"level"`
}

// Find gives the cause with the code.
func Find(code string) (Cause, bool) { return Cause{}, false }

// Suggest proposes causes for free text, the likeliest first.
func Suggest(text string) []Cause { return nil }

// All lists every cause in tree order.
func All() []Cause { return nil }

// Version names the edition of the tree.
func Version() string { return "" }
