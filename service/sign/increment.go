package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// contentsBytes is the space for one CMS signature with its certificates and time-stamp token.
const contentsBytes = 16 << 10

// increment is a file with an appended revision whose signature value is still to be filled in.
type increment struct {
	data       []byte
	start, end int // of the value, including its angle brackets
}

// prepare appends a revision with an empty signature: the signature dictionary, an invisible field on the first page,
// and new versions of that page and of the catalog (ISO 32000-1, 12.7.4.5, 12.8.1).
func prepare(pdf []byte, opts SigOptions) (*increment, error) {
	f, err := openFile(pdf)
	if err != nil {
		return nil, err
	}
	catalog, catalogNumber, err := f.catalog()
	if err != nil {
		return nil, err
	}
	page, pageNumber, err := f.firstPage(catalog)
	if err != nil {
		return nil, err
	}
	signed, err := f.fields()
	if err != nil {
		return nil, err
	}
	if len(signed) >= maxFields {
		return nil, fmt.Errorf("the PDF already holds %d signatures", len(signed))
	}
	signature, field := f.size, f.size+1
	form, err := f.formWith(catalog, field)
	if err != nil {
		return nil, err
	}
	annotations, err := f.arrayValue(page.get("Annots"))
	if err != nil {
		return nil, err
	}
	w := &writer{offsets: map[int]int{}}
	w.Write(pdf)
	if !bytes.HasSuffix(pdf, []byte("\n")) {
		w.WriteString("\n")
	}
	inc := w.signature(signature, opts)
	w.object(field, fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T %s /F 132 /Rect [0 0 0 0] /P %d 0 R /V %d 0 R>>",
		textString(fmt.Sprintf("Signature%d", len(signed)+1)), pageNumber, signature))
	w.object(pageNumber, string(page.with("Annots", listWith(annotations, field)).bytes()))
	w.object(catalogNumber, string(catalog.with("AcroForm", form).bytes()))
	w.finish(f, []int{pageNumber, catalogNumber, signature, field})
	inc.data = w.Bytes()
	return inc, inc.setRange()
}

// formWith writes the form dictionary with one more field. SigFlags 3: signatures exist, append only.
func (f *file) formWith(catalog dict, field int) (string, error) {
	form := dict{}
	if raw := catalog.get("AcroForm"); raw != nil {
		var err error
		if form, err = f.dictValue(raw); err != nil {
			return "", err
		}
	}
	fields, err := f.arrayValue(form.get("Fields"))
	if err != nil {
		return "", err
	}
	return string(form.with("Fields", listWith(fields, field)).with("SigFlags", "3").bytes()), nil
}

func listWith(values [][]byte, number int) string {
	return fmt.Sprintf("[%s]", bytes.TrimSpace(append(bytes.Join(values, []byte(" ")), fmt.Sprintf(" %d 0 R", number)...)))
}

// writer appends objects and remembers where they stand.
type writer struct {
	bytes.Buffer
	offsets map[int]int
}

func (w *writer) object(number int, body string) {
	w.offsets[number] = w.Len()
	fmt.Fprintf(w, "%d 0 obj\n%s\nendobj\n", number, body)
}

// rangePlaceholder keeps the space of the byte range until the offsets are known.
const rangePlaceholder = "[0 0000000000 0000000000 0000000000]"

func (w *writer) signature(number int, opts SigOptions) *increment {
	w.offsets[number] = w.Len()
	fmt.Fprintf(w, "%d 0 obj\n<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached", number)
	for _, pair := range [][2]string{{"Name", opts.Name}, {"Reason", opts.Reason}, {"Location", opts.Location}} {
		if pair[1] != "" {
			fmt.Fprintf(w, " /%s %s", pair[0], textString(pair[1]))
		}
	}
	if !opts.Time.IsZero() {
		fmt.Fprintf(w, " /M %s", pdfDate(opts.Time))
	}
	fmt.Fprintf(w, " /ByteRange %s /Contents ", rangePlaceholder)
	inc := &increment{start: w.Len()}
	w.WriteString("<")
	w.Write(bytes.Repeat([]byte{'0'}, 2*contentsBytes))
	w.WriteString(">")
	inc.end = w.Len()
	w.WriteString(">>\nendobj\n")
	return inc
}

// finish writes the cross-reference section of the revision: one subsection for each object.
func (w *writer) finish(f *file, numbers []int) {
	start := w.Len()
	w.WriteString("xref\n")
	for _, n := range numbers {
		fmt.Fprintf(w, "%d 1\n%010d 00000 n \n", n, w.offsets[n])
	}
	trailer := f.trailer.with("Size", fmt.Sprint(f.size+2)).with("Prev", fmt.Sprint(f.xref))
	if ids, err := f.arrayValue(f.trailer.get("ID")); err == nil && len(ids) == 2 {
		sum := sha256.Sum256(w.Bytes())
		trailer = trailer.with("ID", fmt.Sprintf("[%s <%x>]", ids[0], sum[:16])) // the second changes with each revision (14.4)
	}
	fmt.Fprintf(w, "trailer\n%s\nstartxref\n%d\n%%%%EOF\n", trailer.bytes(), start)
}

// setRange fills in the byte range: all but the value.
func (i *increment) setRange() error {
	at := bytes.LastIndex(i.data[:i.start], []byte(rangePlaceholder))
	if at < 0 {
		return fmt.Errorf("byte range: %w", errSyntax)
	}
	copy(i.data[at:], fmt.Sprintf("[0 %010d %010d %010d]", i.start, i.end, len(i.data)-i.end))
	return nil
}

// digest is the SHA-256 of what the byte range covers.
func (i *increment) digest() [32]byte {
	return rangeDigest(i.data, i.start, i.end, len(i.data))
}

func rangeDigest(data []byte, gapStart, gapEnd, end int) (sum [32]byte) {
	h := sha256.New()
	h.Write(data[:gapStart])
	h.Write(data[gapEnd:end])
	h.Sum(sum[:0])
	return sum
}

// fill puts the CMS signature into its place.
func (i *increment) fill(cms []byte) error {
	if len(cms) > contentsBytes {
		return fmt.Errorf("the signature needs %d bytes, %d are reserved", len(cms), contentsBytes)
	}
	hex.Encode(i.data[i.start+1:], cms)
	return nil
}
