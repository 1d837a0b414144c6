package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// face is a parsed TrueType font. It is read only and shared by all documents. Section names follow the OpenType
// specification.
type face struct {
	name     string // PostScript name, for the PDF's font dictionary
	tables   map[string][]byte
	groups   []cmapGroup // sorted by first
	advances []uint16    // by glyph, in font units
	loca     []uint32    // by glyph, one more than there are glyphs
	glyf     []byte
	unitsPer int
}

// cmapGroup is a sequential map group of cmap format 12.
type cmapGroup struct{ first, last, glyph uint32 }

var errFont = errors.New("the font file is damaged or of another kind")

// parseFace reads the tables that layout and subsetting need.
func parseFace(name string, data []byte) (*face, error) {
	f := &face{name: name, tables: map[string][]byte{}}
	if len(data) < 12 || binary.BigEndian.Uint32(data) != 0x00010000 {
		return nil, errFont
	}
	count := int(binary.BigEndian.Uint16(data[4:]))
	if len(data) < 12+16*count {
		return nil, errFont
	}
	for i := range count {
		record := data[12+16*i:]
		offset, length := uint64(binary.BigEndian.Uint32(record[8:])), uint64(binary.BigEndian.Uint32(record[12:]))
		if offset+length > uint64(len(data)) {
			return nil, errFont
		}
		f.tables[string(record[:4])] = data[offset : offset+length : offset+length]
	}
	for table, least := range map[string]int{"head": 54, "hhea": 36, "maxp": 6, "hmtx": 4, "loca": 8, "glyf": 1, "cmap": 4, "name": 6, "post": 32, "OS/2": 96} {
		if len(f.tables[table]) < least {
			return nil, fmt.Errorf("table %q: %w", table, errFont)
		}
	}
	f.glyf = f.tables["glyf"]
	f.unitsPer = int(binary.BigEndian.Uint16(f.tables["head"][18:]))
	if err := f.parseMetrics(); err != nil {
		return nil, err
	}
	return f, f.parseCmap()
}

// parseMetrics reads loca (offsets of outlines) and hmtx (advance widths).
func (f *face) parseMetrics() error {
	glyphs := int(binary.BigEndian.Uint16(f.tables["maxp"][4:]))
	long := binary.BigEndian.Uint16(f.tables["head"][50:]) == 1
	loca, hmtx := f.tables["loca"], f.tables["hmtx"]
	metrics := int(binary.BigEndian.Uint16(f.tables["hhea"][34:]))
	if !long || len(loca) < 4*(glyphs+1) || metrics < 1 || len(hmtx) < 4*metrics || f.unitsPer == 0 {
		return fmt.Errorf("metrics: %w", errFont)
	}
	f.loca = make([]uint32, glyphs+1)
	for i := range f.loca {
		f.loca[i] = binary.BigEndian.Uint32(loca[4*i:])
		if int(f.loca[i]) > len(f.glyf) || i > 0 && f.loca[i] < f.loca[i-1] {
			return fmt.Errorf("loca: %w", errFont)
		}
	}
	f.advances = make([]uint16, glyphs)
	for i := range f.advances {
		f.advances[i] = binary.BigEndian.Uint16(hmtx[4*min(i, metrics-1):])
	}
	return nil
}

// parseCmap reads the format 12 subtable (platform 3, encoding 10), which reaches beyond the basic plane.
func (f *face) parseCmap() error {
	cmap := f.tables["cmap"]
	for i := range int(binary.BigEndian.Uint16(cmap[2:])) {
		if len(cmap) < 12+8*i {
			return fmt.Errorf("cmap: %w", errFont)
		}
		record := cmap[4+8*i:]
		offset := binary.BigEndian.Uint32(record[4:])
		if binary.BigEndian.Uint32(record) != 3<<16|10 || int(offset)+16 > len(cmap) {
			continue
		}
		table := cmap[offset:]
		groups := int(binary.BigEndian.Uint32(table[12:]))
		if binary.BigEndian.Uint16(table) != 12 || groups > (len(table)-16)/12 {
			return fmt.Errorf("cmap: %w", errFont)
		}
		for g := range groups {
			entry := table[16+12*g:]
			f.groups = append(f.groups, cmapGroup{
				binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:]),
			})
		}
		return nil
	}
	return fmt.Errorf("no cmap of format 12: %w", errFont)
}

// glyph returns the glyph of r, and false when the font has none.
func (f *face) glyph(r rune) (int, bool) {
	code := uint32(r)
	i := sort.Search(len(f.groups), func(i int) bool { return f.groups[i].last >= code })
	if i == len(f.groups) || f.groups[i].first > code {
		return 0, false
	}
	glyph := int(f.groups[i].glyph + code - f.groups[i].first)
	return glyph, glyph > 0 && glyph < len(f.advances)
}

// add gives f the characters of more that it lacks, with outlines and widths; both must have the same units. It is for
// the time before anybody else has f.
func (f *face) add(more *face) error {
	first, start := len(f.advances), uint32(len(f.glyf))
	if more.unitsPer != f.unitsPer || first+len(more.advances) > 0xFFFF {
		return errFont
	}
	var glyf []byte
	for glyph := range more.advances {
		outline := append([]byte(nil), more.outlineBytes(glyph)...)
		parts, err := components(outline)
		if err != nil {
			return err
		}
		for _, part := range parts {
			binary.BigEndian.PutUint16(outline[part.offset+2:], uint16(first+part.glyph))
		}
		glyf = append(glyf, outline...)
		f.loca = append(f.loca, start+uint32(len(glyf)))
	}
	f.glyf = slices.Concat(f.glyf, glyf)
	f.advances = append(f.advances, more.advances...)
	added := make([]cmapGroup, 0, len(more.groups))
	for _, g := range more.groups {
		for code := g.first; code <= g.last; code++ {
			if _, known := f.glyph(rune(code)); !known {
				glyph := uint32(first) + g.glyph + code - g.first
				added = append(added, cmapGroup{code, code, glyph})
			}
		}
	}
	f.groups = append(f.groups, added...)
	sort.Slice(f.groups, func(i, j int) bool { return f.groups[i].first < f.groups[j].first })
	return nil
}

// width returns the advance width of r in em; a rune without a glyph counts as one em.
func (f *face) width(r rune) float64 {
	glyph, ok := f.glyph(r)
	if !ok {
		return 1
	}
	return float64(f.advances[glyph]) / float64(f.unitsPer)
}

// outlineBytes returns the glyf entry of a glyph; empty for a blank one.
func (f *face) outlineBytes(glyph int) []byte {
	if glyph < 0 || glyph >= len(f.advances) {
		return nil
	}
	return f.glyf[f.loca[glyph]:f.loca[glyph+1]]
}
