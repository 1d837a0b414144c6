package pdf

import (
	"errors"
	"fmt"
	"strings"
)

// MissingRunes reports characters that the court's typeface cannot print. A document that would show a box for a
// character of somebody's name is never made.
type MissingRunes struct {
	Runes []rune // sorted, each once
}

func (e *MissingRunes) Error() string {
	var list strings.Builder
	for i, r := range e.Runes {
		if i > 0 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "%q (%U)", r, r)
	}
	return "the typeface has no glyph for " + list.String()
}

// Render lays doc out and returns the finished, unsigned PDF. The same doc gives the same bytes. It returns *MissingRunes
// when a character has no glyph. It is safe for concurrent use.
func Render(doc Document) ([]byte, error) {
	return nil, errors.New("pdf: rendering is being built")
}
