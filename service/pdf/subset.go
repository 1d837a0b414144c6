package pdf

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sort"
)

// subset returns a small TrueType font that holds the glyphs of codes alone. Its cmap (format 4, the only one that fpdf
// reads) maps each code to its rune's glyph; a code is the rune itself, or an alias for one beyond the basic plane.
// Parsing this instead of the 14 MB original saves some 25 ms for each face of each document.
func (f *face) subset(codes map[uint16]rune) ([]byte, error) {
	sorted := make([]uint16, 0, len(codes))
	for code := range codes {
		sorted = append(sorted, code)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })

	kept := []int{0} // old glyph by new glyph
	for _, code := range sorted {
		glyph, ok := f.glyph(codes[code])
		if !ok {
			return nil, &MissingRunes{Runes: []rune{codes[code]}}
		}
		kept = append(kept, glyph)
	}
	glyf, loca, kept, err := f.copyOutlines(kept)
	if err != nil {
		return nil, err
	}

	hmtx := make([]byte, 0, 4*len(kept))
	for _, old := range kept {
		hmtx = binary.BigEndian.AppendUint16(hmtx, f.advances[old])
		hmtx = append(hmtx, 0, 0) // left side bearing; viewers take it from the outline
	}
	head := append([]byte(nil), f.tables["head"]...)
	binary.BigEndian.PutUint16(head[50:], 1)
	hhea := append([]byte(nil), f.tables["hhea"]...)
	binary.BigEndian.PutUint16(hhea[34:], uint16(len(kept)))
	maxp := append([]byte(nil), f.tables["maxp"]...)
	binary.BigEndian.PutUint16(maxp[4:], uint16(len(kept)))
	return assemble(map[string][]byte{
		"head": head, "hhea": hhea, "maxp": maxp, "hmtx": hmtx, "loca": loca, "glyf": glyf, "cmap": cmapTable(sorted),
		"name": emptyName, "post": f.tables["post"], "OS/2": f.tables["OS/2"], "prep": f.tables["prep"],
	}), nil
}

// file returns f as a TrueType file, with what was added to it. Glyphs keep their numbers, so that the tables which name
// them stay true; the vertical metrics, which know nothing of the added ones, are left out.
func (f *face) file() []byte {
	tables := maps.Clone(f.tables)
	for _, name := range []string{"vhea", "vmtx", "VORG", "DSIG"} {
		delete(tables, name)
	}
	glyphs := uint16(len(f.advances))
	var hmtx, loca []byte
	for glyph, advance := range f.advances {
		bearing := []byte{0, 0}
		if outline := f.outlineBytes(glyph); len(outline) >= componentHeader {
			bearing = outline[2:4] // xMin: the outlines of these faces begin at their left side bearing
		}
		hmtx = append(binary.BigEndian.AppendUint16(hmtx, advance), bearing...)
	}
	for _, offset := range f.loca {
		loca = binary.BigEndian.AppendUint32(loca, offset)
	}
	tables["hmtx"], tables["loca"], tables["glyf"], tables["cmap"] = hmtx, loca, f.glyf, f.cmapFile()
	tables["hhea"], tables["maxp"] = slices.Clone(f.tables["hhea"]), slices.Clone(f.tables["maxp"])
	binary.BigEndian.PutUint16(tables["hhea"][34:], glyphs)
	binary.BigEndian.PutUint16(tables["maxp"][4:], glyphs)
	return assemble(tables)
}

// cmapFile writes a cmap with one format 12 subtable (platform 3, encoding 10).
func (f *face) cmapFile() []byte {
	cmap := []byte{0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12, 0, 12, 0, 0}
	for _, v := range []uint32{uint32(16 + 12*len(f.groups)), 0, uint32(len(f.groups))} {
		cmap = binary.BigEndian.AppendUint32(cmap, v)
	}
	for _, g := range f.groups {
		for _, v := range []uint32{g.first, g.last, g.glyph} {
			cmap = binary.BigEndian.AppendUint32(cmap, v)
		}
	}
	return cmap
}

// emptyName is a name table without entries: the PDF's font dictionary names the font.
var emptyName = []byte{0, 0, 0, 0, 0, 6}

// copyOutlines copies the outlines of kept, adds the parts that composite glyphs refer to, and renumbers the references.
func (f *face) copyOutlines(kept []int) (glyf, loca []byte, all []int, err error) {
	number := map[int]int{}
	for i, old := range kept {
		if _, ok := number[old]; !ok {
			number[old] = i
		}
	}
	for i := 0; i < len(kept); i++ {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		outline := append([]byte(nil), f.outlineBytes(kept[i])...)
		parts, err := components(outline)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, at := range parts {
			old := int(binary.BigEndian.Uint16(outline[at.offset+2:]))
			if _, ok := number[old]; !ok {
				number[old] = len(kept)
				kept = append(kept, old)
			}
			binary.BigEndian.PutUint16(outline[at.offset+2:], uint16(number[old]))
		}
		glyf = append(glyf, outline...)
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
		if len(kept) > 0xFFFF {
			return nil, nil, nil, fmt.Errorf("too many glyphs: %w", errFont)
		}
	}
	return glyf, binary.BigEndian.AppendUint32(loca, uint32(len(glyf))), kept, nil
}

// component is one part of a composite glyph; offset is where its flags stand in the outline.
type component struct {
	offset int
	flags  uint16
	glyph  int
	dx, dy int // set when the flags say that the arguments are offsets
}

// Flags of a composite glyph's component (OpenType, glyf table).
const (
	argsAreWords    = 1 << 0
	argsAreXY       = 1 << 1
	hasScale        = 1 << 3
	moreComponents  = 1 << 5
	hasXYScale      = 1 << 6
	hasTwoByTwo     = 1 << 7
	maxComponents   = 64
	componentHeader = 10
)

// components lists the parts of a composite glyph; none for a simple one.
func components(outline []byte) ([]component, error) {
	if len(outline) < componentHeader || int16(binary.BigEndian.Uint16(outline)) >= 0 {
		return nil, nil
	}
	var parts []component
	for at := componentHeader; len(parts) < maxComponents; {
		if at+6 > len(outline) {
			return nil, fmt.Errorf("composite glyph: %w", errFont)
		}
		c := component{offset: at, flags: binary.BigEndian.Uint16(outline[at:]), glyph: int(binary.BigEndian.Uint16(outline[at+2:]))}
		at += 4
		if c.flags&argsAreWords != 0 {
			if at+4 > len(outline) {
				return nil, fmt.Errorf("composite glyph: %w", errFont)
			}
			c.dx, c.dy = int(int16(binary.BigEndian.Uint16(outline[at:]))), int(int16(binary.BigEndian.Uint16(outline[at+2:])))
			at += 4
		} else {
			c.dx, c.dy = int(int8(outline[at])), int(int8(outline[at+1]))
			at += 2
		}
		switch {
		case c.flags&hasScale != 0:
			at += 2
		case c.flags&hasXYScale != 0:
			at += 4
		case c.flags&hasTwoByTwo != 0:
			at += 8
		}
		parts = append(parts, c)
		if c.flags&moreComponents == 0 {
			return parts, nil
		}
	}
	return nil, fmt.Errorf("composite glyph of too many parts: %w", errFont)
}

// cmapTable writes a cmap with one format 4 subtable: sorted[i] maps to glyph i+1.
func cmapTable(sorted []uint16) []byte {
	type segment struct{ start, end, delta uint16 }
	var segments []segment
	for i, code := range sorted {
		if n := len(segments); n > 0 && segments[n-1].end+1 == code {
			segments[n-1].end = code
			continue
		}
		segments = append(segments, segment{code, code, uint16(i+1) - code})
	}
	segments = append(segments, segment{0xFFFF, 0xFFFF, 1})

	count := len(segments)
	table := []byte{0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12}
	put := func(v uint16) { table = binary.BigEndian.AppendUint16(table, v) }
	put(4)
	put(uint16(16 + 8*count))
	put(0)
	put(uint16(2 * count))
	power, log := 1, 0
	for power*2 <= count {
		power, log = power*2, log+1
	}
	put(uint16(2 * power))
	put(uint16(log))
	put(uint16(2 * (count - power)))
	for _, s := range segments {
		put(s.end)
	}
	put(0)
	for _, s := range segments {
		put(s.start)
	}
	for _, s := range segments {
		put(s.delta)
	}
	for range segments {
		put(0)
	}
	return table
}

// assemble writes a font file. Checksums stay zero: fpdf computes them when it writes its own copy.
func assemble(tables map[string][]byte) []byte {
	names := make([]string, 0, len(tables))
	for name, data := range tables {
		if len(data) > 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	out = binary.BigEndian.AppendUint16(out, uint16(len(names)))
	out = append(out, 0, 0, 0, 0, 0, 0)
	offset := 12 + 16*len(names)
	for _, name := range names {
		out = append(out, name...)
		out = append(out, 0, 0, 0, 0)
		out = binary.BigEndian.AppendUint32(out, uint32(offset))
		out = binary.BigEndian.AppendUint32(out, uint32(len(tables[name])))
		offset += (len(tables[name]) + 3) &^ 3
	}
	for _, name := range names {
		out = append(out, tables[name]...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}
