package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// The finishing pass adds to fpdf's file what it cannot say itself: /ID, /Lang, linked XMP metadata, subset font names
// and ToUnicode maps with the true characters. It reads the output of one known writer, never foreign files.

var errFinish = errors.New("pdf: the writer's output is not as expected")

var (
	trailerRoot = regexp.MustCompile(`/Root (\d+) 0 R`)
	trailerInfo = regexp.MustCompile(`/Info (\d+) 0 R`)
	fontEntry   = regexp.MustCompile(`/Subtype /Type0\s+/BaseFont /utf8(notoserifsc(B?))\s[^>]*?/ToUnicode (\d+) 0 R`)
)

// finish rewrites fpdf's file object by object.
func (c *canvas) finish(raw []byte, doc Document) ([]byte, error) {
	objects, root, info, err := splitObjects(raw)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for n, body := range objects {
		match := fontEntry.FindSubmatch(dictionary(body))
		if match == nil {
			continue
		}
		style := len(match[2])
		toUnicode, err := strconv.Atoi(string(match[3]))
		if err != nil || objects[toUnicode] == nil {
			return nil, fmt.Errorf("font of object %d: %w", n, errFinish)
		}
		objects[toUnicode] = stream("", []byte(toUnicodeMap(c.used[style])))
		names["/utf8"+string(match[1])] = "/" + subsetName(c.used[style], style == 1)
	}
	for n, body := range objects {
		objects[n] = renameFonts(body, names)
	}
	metadata := len(objects) + 1
	objects[metadata] = stream("/Type /Metadata /Subtype /XML ", []byte(xmp(doc)))
	catalog := bytes.TrimSpace(objects[root])
	if !bytes.HasSuffix(catalog, []byte(">>")) {
		return nil, fmt.Errorf("catalog: %w", errFinish)
	}
	language := doc.Language
	if language == "" {
		language = "zh-CN"
	}
	objects[root] = []byte(fmt.Sprintf("<</Type /Catalog /Pages 1 0 R /Lang <FEFF%s> /Metadata %d 0 R /ViewerPreferences <</DisplayDocTitle true>> >>",
		utf16Hex(language), metadata))
	return joinObjects(objects, root, info), nil
}

// splitObjects reads the objects' bodies by the file's cross-reference table.
func splitObjects(raw []byte) (objects map[int][]byte, root, info int, err error) {
	at := bytes.LastIndex(raw, []byte("\nxref\n"))
	end := bytes.LastIndex(raw, []byte("trailer"))
	if at < 0 || end < at {
		return nil, 0, 0, errFinish
	}
	lines := strings.Split(string(raw[at+len("\nxref\n"):end]), "\n")
	objects = map[int][]byte{}
	for n := 1; n+1 < len(lines); n++ {
		if len(lines[n+1]) < 18 {
			continue
		}
		offset, err := strconv.Atoi(lines[n+1][:10])
		head := fmt.Sprintf("%d 0 obj", n)
		if err != nil || offset >= len(raw) || !bytes.HasPrefix(raw[offset:], []byte(head)) {
			return nil, 0, 0, fmt.Errorf("object %d: %w", n, errFinish)
		}
		body := raw[offset+len(head):]
		stop := bytes.Index(body, []byte("\nendobj"))
		if length := streamLength(body); length >= 0 && length < len(body) {
			stop = length + bytes.Index(body[length:], []byte("\nendobj"))
		}
		if stop < 0 {
			return nil, 0, 0, fmt.Errorf("object %d: %w", n, errFinish)
		}
		objects[n] = bytes.TrimLeft(body[:stop:stop], "\n")
	}
	for pattern, number := range map[*regexp.Regexp]*int{trailerRoot: &root, trailerInfo: &info} {
		match := pattern.FindSubmatch(raw[end:])
		if match == nil {
			return nil, 0, 0, errFinish
		}
		if *number, err = strconv.Atoi(string(match[1])); err != nil || objects[*number] == nil {
			return nil, 0, 0, errFinish
		}
	}
	return objects, root, info, nil
}

var lengthEntry = regexp.MustCompile(`/Length (\d+)`)

// streamLength returns where a stream's data ends in an object's body, or -1 when the object is no stream.
func streamLength(body []byte) int {
	start := bytes.Index(body, []byte("stream\n"))
	stop := bytes.Index(body, []byte("endobj"))
	if start < 0 || stop < start {
		return -1
	}
	match := lengthEntry.FindSubmatch(body[:start])
	if match == nil {
		return -1
	}
	length, err := strconv.Atoi(string(match[1]))
	if err != nil {
		return -1
	}
	return start + len("stream\n") + length
}

// dictionary is the part of an object before its stream.
func dictionary(body []byte) []byte {
	if at := bytes.Index(body, []byte("stream\n")); at >= 0 {
		return body[:at]
	}
	return body
}

func stream(entries string, data []byte) []byte {
	return []byte(fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(data), data))
}

var fontName = regexp.MustCompile(`/utf8notoserifscB?`)

func renameFonts(body []byte, names map[string]string) []byte {
	head := dictionary(body)
	renamed := fontName.ReplaceAllFunc(head, func(old []byte) []byte { return []byte(names[string(old)]) })
	return append(renamed, body[len(head):]...)
}

// subsetName is the font's name with the tag that marks a subset (ISO 32000-1, 9.6.4), derived from what it holds.
func subsetName(used map[uint16]rune, bold bool) string {
	sum := sha256.Sum256([]byte(toUnicodeMap(used)))
	tag := make([]byte, 6)
	for i := range tag {
		tag[i] = 'A' + sum[i]%26
	}
	if bold {
		return string(tag) + "+NotoSerifSC-Bold"
	}
	return string(tag) + "+NotoSerifSC-Regular"
}

// toUnicodeMap says which character each code stands for (ISO 32000-1, 9.10.3), at most 100 to a block.
func toUnicodeMap(used map[uint16]rune) string {
	codes := make([]int, 0, len(used))
	for code := range used {
		codes = append(codes, int(code))
	}
	sort.Ints(codes)
	var out strings.Builder
	out.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n" +
		"/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for len(codes) > 0 {
		count := min(len(codes), 100)
		fmt.Fprintf(&out, "%d beginbfchar\n", count)
		for _, code := range codes[:count] {
			fmt.Fprintf(&out, "<%04X> <%s>\n", code, utf16Hex(string(used[uint16(code)])))
		}
		out.WriteString("endbfchar\n")
		codes = codes[count:]
	}
	out.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")
	return out.String()
}

// xmp is the document's metadata packet (ISO 16684-1); it says the same as the information dictionary.
func xmp(doc Document) string {
	escape := func(s string) string {
		var out bytes.Buffer
		if err := xml.EscapeText(&out, []byte(s)); err != nil {
			return "" // a bytes.Buffer does not fail
		}
		return out.String()
	}
	date := created(doc).Format("2006-01-02T15:04:05Z")
	return `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">` + escape(documentTitle(doc)) + `</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>` + escape(doc.Court) + `</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">` + escape(doc.Subject) + `</rdf:li></rdf:Alt></dc:description>
<xmp:CreatorTool>Yunting</xmp:CreatorTool><pdf:Producer>Yunting</pdf:Producer>
<xmp:CreateDate>` + date + `</xmp:CreateDate><xmp:ModifyDate>` + date + `</xmp:ModifyDate>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>`
}

// joinObjects writes the file anew. /ID is a digest of its content, so that equal documents stay equal.
func joinObjects(objects map[int][]byte, root, info int) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(objects)+1)
	for n := 1; n <= len(objects); n++ {
		offsets[n] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", n, objects[n])
	}
	start := out.Len()
	id := sha256.Sum256(out.Bytes())
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets))
	for _, offset := range offsets[1:] {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /ID [<%x> <%x>]>>\nstartxref\n%d\n%%%%EOF\n",
		len(offsets), root, info, id[:16], id[:16], start)
	return out.Bytes()
}
