package pdf

import (
	"bytes"
	"fmt"
	"sort"
	"time"
	"unicode/utf16"

	"github.com/go-pdf/fpdf"
)

// aliasStart is where aliases begin: the private use area, which no document may use itself. fpdf writes codes of 16
// bits, so a character beyond the basic plane (names such as 𬱖 U+2CC56) travels under an alias, and the ToUnicode map
// gives its true code back to whoever searches or copies the text.
const aliasStart = 0xE000

// fontFamily is the name under which fpdf knows the typeface; fpdf lower-cases it.
const fontFamily = "notoserifsc"

// canvas draws laid-out pages with fpdf.
type canvas struct {
	out     *fpdf.Fpdf
	bold    *face
	aliases map[rune]uint16
	used    [2]map[uint16]rune // by code, of the regular and the bold face
}

// newCanvas prepares the fonts for what pages print.
func newCanvas(doc Document, pages [][]op, regular, bold *face) (*canvas, error) {
	c := &canvas{bold: bold, aliases: map[rune]uint16{}, used: [2]map[uint16]rune{{}, {}}}
	c.collect(pages)
	c.out = fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: pageWidth, Ht: pageHeight}})
	c.out.SetMargins(0, 0, 0)
	c.out.SetCellMargin(0)
	c.out.SetAutoPageBreak(false, 0)
	c.out.SetCatalogSort(true)
	c.out.SetProducer("Yunting", false)
	c.out.SetCreator("Yunting", false)
	c.out.SetTitle(documentTitle(doc), true)
	c.out.SetAuthor(doc.Court, true)
	c.out.SetSubject(doc.Subject, true)
	c.out.SetCreationDate(created(doc))
	c.out.SetModificationDate(created(doc))
	for i, f := range []*face{regular, bold} {
		if len(c.used[i]) == 0 {
			continue
		}
		font, err := f.subset(c.used[i])
		if err != nil {
			return nil, err
		}
		c.out.AddUTF8FontFromBytes(fontFamily, []string{"", "B"}[i], font)
	}
	return c, c.out.Error()
}

func documentTitle(doc Document) string {
	switch {
	case doc.Number == "":
		return doc.Title
	case doc.Title == "":
		return doc.Number
	}
	return doc.Title + " " + doc.Number
}

// created is the document's date in UTC; never the present, so that the same document gives the same bytes.
func created(doc Document) time.Time {
	if doc.Created.IsZero() {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return doc.Created.UTC().Truncate(time.Second)
}

// collect notes which codes each face needs and gives aliases, in the order of the characters.
func (c *canvas) collect(pages [][]op) {
	beyond := map[rune]bool{}
	each := func(do func(t text, r rune)) {
		for _, page := range pages {
			for _, o := range page {
				t, ok := o.(text)
				if mark, under := o.(watermark); under {
					t, ok = mark.text, true
				}
				if ok {
					for _, r := range t.s {
						do(t, r)
					}
				}
			}
		}
	}
	each(func(_ text, r rune) {
		if r > 0xFFFF {
			beyond[r] = true
		}
	})
	sorted := make([]rune, 0, len(beyond))
	for r := range beyond {
		sorted = append(sorted, r)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	for i, r := range sorted {
		c.aliases[r] = uint16(aliasStart + i)
	}
	each(func(t text, r rune) { c.used[styleIndex(t.bold)][c.code(r)] = r })
}

func styleIndex(bold bool) int {
	if bold {
		return 1
	}
	return 0
}

func (c *canvas) code(r rune) uint16 {
	if alias, ok := c.aliases[r]; ok {
		return alias
	}
	return uint16(r)
}

// page draws one page.
func (c *canvas) page(ops []op) error {
	c.out.AddPage()
	for _, o := range ops {
		switch o := o.(type) {
		case text:
			c.text(o)
		case watermark:
			c.watermark(o)
		case rule:
			c.out.SetLineWidth(o.width)
			c.out.Line(o.x1, o.y1, o.x2, o.y2)
		case fill:
			grey := int(o.grey*255 + 0.5)
			c.out.SetFillColor(grey, grey, grey)
			c.out.Rect(o.x, o.y, o.width, o.height, "F")
			c.out.SetFillColor(0, 0, 0)
		case stamp:
			path, err := sealPath(o.seal, o.x, pageHeight-o.y, c.bold)
			if err != nil {
				return err
			}
			c.out.SetAlpha(1, "Multiply") // the ink lies over the date and hides nothing of it
			c.out.RawWriteStr(path)
			c.out.SetAlpha(1, "Normal")
		}
	}
	return c.out.Error()
}

// looseTrack is the tracking, in em, from which text extraction may take the gap between two characters for a space; such
// runs say their text explicitly (ISO 32000-1, 14.9.4).
const looseTrack = 0.06

func (c *canvas) text(t text) {
	c.out.SetFont(fontFamily, []string{"", "B"}[styleIndex(t.bold)], t.size)
	codes := make([]rune, 0, len(t.s))
	for _, r := range t.s {
		codes = append(codes, rune(c.code(r)))
	}
	loose := t.track > looseTrack*t.size && len(codes) > 1
	if loose {
		c.out.RawWriteStr(fmt.Sprintf("/Span <</ActualText <FEFF%s>>> BDC\n", utf16Hex(t.s)))
	}
	c.out.RawWriteStr(fmt.Sprintf("%.3f Tc\n", t.track))
	c.out.Text(t.x, t.y, string(codes))
	if loose {
		c.out.RawWriteStr("EMC\n")
	}
}

// watermarkGrey is light enough to read the text above it.
const watermarkGrey = 222

func (c *canvas) watermark(mark watermark) {
	width := 0.0
	for _, r := range mark.s {
		width += c.bold.width(r) * mark.size
	}
	c.out.SetTextColor(watermarkGrey, watermarkGrey, watermarkGrey)
	c.out.TransformBegin()
	c.out.TransformRotate(mark.angle, mark.x, mark.y)
	t := mark.text
	t.x, t.y = mark.x-width/2, mark.y+mark.size/3
	c.text(t)
	c.out.TransformEnd()
	c.out.SetTextColor(0, 0, 0)
}

// utf16Hex writes s as hexadecimal UTF-16BE, as PDF wants text strings and map entries.
func utf16Hex(s string) string {
	var out bytes.Buffer
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&out, "%04X", unit)
	}
	return out.String()
}
