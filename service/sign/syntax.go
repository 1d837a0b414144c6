package sign

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// A small reader of PDF syntax (ISO 32000-1, 7.2 and 7.3), for files that may be hostile: every loop is bounded by the
// input's length, nesting by maxDepth.

const maxDepth = 40

var errSyntax = errors.New("the PDF's syntax is not understood")

func isBlank(b byte) bool {
	return b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == '\f' || b == 0
}

func isDelimiter(b byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), b) >= 0 }

// skipBlanks returns the first position from at on that is neither blank nor comment.
func skipBlanks(data []byte, at int) int {
	for at < len(data) {
		switch {
		case isBlank(data[at]):
			at++
		case data[at] == '%':
			for at < len(data) && data[at] != '\n' && data[at] != '\r' {
				at++
			}
		default:
			return at
		}
	}
	return at
}

// valueEnd returns where the value that starts at at ends. A reference (12 0 R) counts as one value.
func valueEnd(data []byte, at, depth int) (int, error) {
	if at >= len(data) || depth > maxDepth {
		return 0, errSyntax
	}
	switch c := data[at]; {
	case c == '(':
		return stringEnd(data, at)
	case c == '<' && at+1 < len(data) && data[at+1] == '<':
		_, end, err := parseDict(data, at, depth+1)
		return end, err
	case c == '<':
		end := bytes.IndexByte(data[at:], '>')
		if end < 0 {
			return 0, errSyntax
		}
		return at + end + 1, nil
	case c == '[':
		_, end, err := parseArray(data, at, depth+1)
		return end, err
	case c == '/':
		return wordEnd(data, at+1), nil
	case isDelimiter(c):
		return 0, errSyntax
	}
	end := wordEnd(data, at)
	if stop, ok := referenceEnd(data, at, end); ok {
		return stop, nil
	}
	return end, nil
}

func wordEnd(data []byte, at int) int {
	for at < len(data) && !isBlank(data[at]) && !isDelimiter(data[at]) {
		at++
	}
	return at
}

// stringEnd returns the end of a literal string with its balanced parentheses.
func stringEnd(data []byte, at int) (int, error) {
	open := 0
	for i := at; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, errSyntax
}

// referenceEnd says whether the word data[at:end] begins a reference, and where that ends.
func referenceEnd(data []byte, at, end int) (int, bool) {
	if _, err := strconv.Atoi(string(data[at:end])); err != nil {
		return 0, false
	}
	second := skipBlanks(data, end)
	secondEnd := wordEnd(data, second)
	if _, err := strconv.Atoi(string(data[second:secondEnd])); err != nil || second == end {
		return 0, false
	}
	third := skipBlanks(data, secondEnd)
	if third == secondEnd || wordEnd(data, third) != third+1 || data[third] != 'R' {
		return 0, false
	}
	return third + 1, true
}

// entry is one key of a dictionary; its value is data[start:end].
type entry struct {
	key        string
	start, end int
}

// dict is a dictionary in the file, keys in their order.
type dict struct {
	data    []byte
	entries []entry
}

// parseDict reads the dictionary that starts at at. A key that comes twice is refused: readers disagree on which counts.
func parseDict(data []byte, at, depth int) (dict, int, error) {
	d := dict{data: data}
	if depth > maxDepth || at+2 > len(data) || data[at] != '<' || data[at+1] != '<' {
		return d, 0, errSyntax
	}
	seen := map[string]bool{}
	for at = skipBlanks(data, at+2); at < len(data); at = skipBlanks(data, at) {
		if data[at] == '>' {
			if at+1 < len(data) && data[at+1] == '>' {
				return d, at + 2, nil
			}
			return d, 0, errSyntax
		}
		if data[at] != '/' {
			return d, 0, errSyntax
		}
		end := wordEnd(data, at+1)
		key := string(data[at+1 : end])
		if seen[key] {
			return d, 0, fmt.Errorf("key /%s stands twice: %w", key, errSyntax)
		}
		seen[key] = true
		start := skipBlanks(data, end)
		stop, err := valueEnd(data, start, depth+1)
		if err != nil {
			return d, 0, err
		}
		d.entries = append(d.entries, entry{key, start, stop})
		at = stop
	}
	return d, 0, errSyntax
}

// get returns the raw value of key; nil when it is absent.
func (d dict) get(key string) []byte {
	for _, e := range d.entries {
		if e.key == key {
			return d.data[e.start:e.end]
		}
	}
	return nil
}

// with writes the dictionary with key set to value, which may be new.
func (d dict) with(key, value string) dict {
	var out bytes.Buffer
	out.WriteString("<<")
	done := false
	for _, e := range d.entries {
		raw := d.data[e.start:e.end]
		if e.key == key {
			raw, done = []byte(value), true
		}
		fmt.Fprintf(&out, "/%s %s ", e.key, raw)
	}
	if !done {
		fmt.Fprintf(&out, "/%s %s ", key, value)
	}
	out.WriteString(">>")
	changed, _, err := parseDict(out.Bytes(), 0, 0)
	if err != nil {
		return dict{} // cannot happen: its parts were parsed, or are written here
	}
	return changed
}

// bytes writes the dictionary.
func (d dict) bytes() []byte {
	var out bytes.Buffer
	out.WriteString("<<")
	for _, e := range d.entries {
		fmt.Fprintf(&out, "/%s %s ", e.key, d.data[e.start:e.end])
	}
	out.WriteString(">>")
	return out.Bytes()
}

// parseArray returns the raw values of the array that starts at at.
func parseArray(data []byte, at, depth int) ([][]byte, int, error) {
	if depth > maxDepth || at >= len(data) || data[at] != '[' {
		return nil, 0, errSyntax
	}
	var values [][]byte
	for at = skipBlanks(data, at+1); at < len(data); at = skipBlanks(data, at) {
		if data[at] == ']' {
			return values, at + 1, nil
		}
		end, err := valueEnd(data, at, depth+1)
		if err != nil {
			return nil, 0, err
		}
		values = append(values, data[at:end])
		at = end
	}
	return nil, 0, errSyntax
}

// parseInt reads a non-negative integer that fits a file offset.
func parseInt(raw []byte) (int, error) {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 40)
	if err != nil || n < 0 {
		return 0, errSyntax
	}
	return int(n), nil
}

// parseRef reads a reference and returns the object's number.
func parseRef(raw []byte) (int, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	end := wordEnd(raw, 0)
	if stop, ok := referenceEnd(raw, 0, end); !ok || stop != len(raw) {
		return 0, false
	}
	n, err := parseInt(raw[:end])
	return n, err == nil
}
