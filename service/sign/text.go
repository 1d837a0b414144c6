package sign

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf16"
)

// textString writes s as a PDF text string (UTF-16BE in hexadecimal), which needs no escaping.
func textString(s string) string {
	var out bytes.Buffer
	out.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&out, "%04X", unit)
	}
	out.WriteString(">")
	return out.String()
}

// readText reads a text string: hexadecimal or literal, UTF-16BE or else taken for ASCII. What it cannot read is empty.
func readText(raw []byte) string {
	var data []byte
	switch {
	case len(raw) >= 2 && raw[0] == '<':
		digits := raw[1 : len(raw)-1]
		if len(digits)%2 == 1 {
			return ""
		}
		data = make([]byte, len(digits)/2)
		if _, err := hex.Decode(data, digits); err != nil {
			return ""
		}
	case len(raw) >= 2 && raw[0] == '(':
		data = raw[1 : len(raw)-1]
	}
	if !bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return string(bytes.ToValidUTF8(data, []byte("?")))
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
	}
	return string(utf16.Decode(units))
}

const dateLayout = "D:20060102150405Z"

func pdfDate(t time.Time) string { return "(" + t.UTC().Format(dateLayout) + ")" }

// readDate reads a date as pdfDate writes it; others give the zero time.
func readDate(raw []byte) time.Time {
	t, err := time.Parse(dateLayout, readText(raw))
	if err != nil {
		return time.Time{}
	}
	return t
}
