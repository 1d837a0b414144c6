package sign

import (
	"bytes"
	"errors"
	"fmt"
)

// Bounds on what a file may ask of its reader.
const (
	maxRevisions = 64
	maxObjects   = 1 << 18
	maxPageDepth = 16
	maxFields    = 64
	maxFileBytes = 1 << 30
)

// errStreamXref is told apart because such a file is well-formed: it is written in a way that this package does not read.
var errStreamXref = errors.New("the PDF keeps its cross-reference in a stream, which is not supported here")

// file is a PDF with its cross-reference table resolved.
type file struct {
	data    []byte
	offsets map[int]int // by object number; 0 for a free one
	trailer dict        // of the newest revision
	xref    int         // where the newest cross-reference section starts
	size    int         // one more than the highest object number
}

// openFile follows the cross-reference sections from the newest to the oldest (ISO 32000-1, 7.5).
func openFile(data []byte) (*file, error) {
	if len(data) > maxFileBytes || !bytes.HasPrefix(data, []byte("%PDF-")) {
		return nil, fmt.Errorf("not a PDF file: %w", errSyntax)
	}
	tail := max(0, len(data)-1024)
	at := bytes.LastIndex(data[tail:], []byte("startxref"))
	if at < 0 {
		return nil, fmt.Errorf("no startxref: %w", errSyntax)
	}
	start := skipBlanks(data, tail+at+len("startxref"))
	position, err := parseInt(data[start:wordEnd(data, start)])
	if err != nil {
		return nil, err
	}
	f := &file{data: data, offsets: map[int]int{}, xref: position}
	seen := map[int]bool{}
	for revision := 0; ; revision++ {
		if revision == maxRevisions || seen[position] {
			return nil, fmt.Errorf("too many revisions: %w", errSyntax)
		}
		seen[position] = true
		trailer, err := f.section(position)
		if err != nil {
			return nil, err
		}
		if revision == 0 {
			f.trailer = trailer
			if f.size, err = parseInt(trailer.get("Size")); err != nil || f.size > maxObjects {
				return nil, fmt.Errorf("/Size: %w", errSyntax)
			}
		}
		previous := trailer.get("Prev")
		if previous == nil {
			break
		}
		if position, err = parseInt(previous); err != nil {
			return nil, err
		}
	}
	if f.trailer.get("Encrypt") != nil {
		return nil, errors.New("the PDF is encrypted")
	}
	return f, nil
}

// section reads one cross-reference table and its trailer. Entries of newer sections stand.
func (f *file) section(at int) (dict, error) {
	data := f.data
	if at >= len(data) {
		return dict{}, fmt.Errorf("cross-reference beyond the end: %w", errSyntax)
	}
	if !bytes.HasPrefix(data[at:], []byte("xref")) {
		return dict{}, errStreamXref
	}
	at = skipBlanks(data, at+len("xref"))
	for at < len(data) && !bytes.HasPrefix(data[at:], []byte("trailer")) {
		var head [2]int
		for i := range head {
			end := wordEnd(data, at)
			n, err := parseInt(data[at:end])
			if err != nil {
				return dict{}, err
			}
			head[i] = n
			at = skipBlanks(data, end)
		}
		first, count := head[0], head[1]
		if count > maxObjects || first > maxObjects || at+20*count > len(data) {
			return dict{}, fmt.Errorf("cross-reference table: %w", errSyntax)
		}
		for i := range count {
			line := data[at+20*i : at+20*i+20]
			offset, err := parseInt(line[:10])
			if err != nil || line[17] != 'n' && line[17] != 'f' {
				return dict{}, fmt.Errorf("cross-reference entry: %w", errSyntax)
			}
			if line[17] == 'f' {
				offset = 0
			}
			if _, ok := f.offsets[first+i]; !ok {
				f.offsets[first+i] = offset
			}
		}
		at = skipBlanks(data, at+20*count)
	}
	if at >= len(data) {
		return dict{}, fmt.Errorf("no trailer: %w", errSyntax)
	}
	trailer, _, err := parseDict(data, skipBlanks(data, at+len("trailer")), 0)
	return trailer, err
}

// value returns where an object's value starts in the file.
func (f *file) value(number int) (int, error) {
	at := f.offsets[number]
	head := fmt.Sprintf("%d 0 obj", number)
	if at <= 0 || at >= len(f.data) || !bytes.HasPrefix(f.data[at:], []byte(head)) {
		return 0, fmt.Errorf("object %d: %w", number, errSyntax)
	}
	return skipBlanks(f.data, at+len(head)), nil
}

// dictObject reads an object that is a dictionary.
func (f *file) dictObject(number int) (dict, error) {
	at, err := f.value(number)
	if err != nil {
		return dict{}, err
	}
	d, _, err := parseDict(f.data, at, 0)
	return d, err
}

// dictValue reads a dictionary that stands in place or behind a reference.
func (f *file) dictValue(raw []byte) (dict, error) {
	if number, ok := parseRef(raw); ok {
		return f.dictObject(number)
	}
	d, _, err := parseDict(raw, 0, 0)
	return d, err
}

// arrayValue reads an array that stands in place or behind a reference; an absent one is empty.
func (f *file) arrayValue(raw []byte) ([][]byte, error) {
	if raw == nil {
		return nil, nil
	}
	if number, ok := parseRef(raw); ok {
		at, err := f.value(number)
		if err != nil {
			return nil, err
		}
		values, _, err := parseArray(f.data, at, 0)
		return values, err
	}
	values, _, err := parseArray(raw, 0, 0)
	return values, err
}

// catalog returns the document's catalog and its object's number.
func (f *file) catalog() (dict, int, error) {
	number, ok := parseRef(f.trailer.get("Root"))
	if !ok {
		return dict{}, 0, fmt.Errorf("/Root: %w", errSyntax)
	}
	d, err := f.dictObject(number)
	return d, number, err
}

// firstPage walks down /Kids to the first page.
func (f *file) firstPage(catalog dict) (dict, int, error) {
	next := catalog.get("Pages")
	for range maxPageDepth {
		number, ok := parseRef(next)
		if !ok {
			break
		}
		node, err := f.dictObject(number)
		if err != nil {
			return dict{}, 0, err
		}
		if string(node.get("Type")) == "/Page" {
			return node, number, nil
		}
		kids, err := f.arrayValue(node.get("Kids"))
		if err != nil || len(kids) == 0 {
			break
		}
		next = kids[0]
	}
	return dict{}, 0, fmt.Errorf("the PDF has no page: %w", errSyntax)
}

// fields lists the signature fields of the form: dictionaries with /FT /Sig and a value.
func (f *file) fields() ([]dict, error) {
	catalog, _, err := f.catalog()
	if err != nil {
		return nil, err
	}
	raw := catalog.get("AcroForm")
	if raw == nil {
		return nil, nil
	}
	form, err := f.dictValue(raw)
	if err != nil {
		return nil, err
	}
	list, err := f.arrayValue(form.get("Fields"))
	if err != nil {
		return nil, err
	}
	if len(list) > maxFields {
		return nil, fmt.Errorf("more than %d form fields: %w", maxFields, errSyntax)
	}
	var found []dict
	for _, raw := range list {
		field, err := f.dictValue(raw)
		if err != nil {
			return nil, err
		}
		if string(field.get("FT")) == "/Sig" && field.get("V") != nil {
			found = append(found, field)
		}
	}
	return found, nil
}
