package pdf

import (
	"errors"
	"fmt"
)

const (
	cellPad      = 5.0 // beside a cell's text
	cellRoom     = 5.0 // above and below a cell's text
	ruleWidth    = 0.5
	headGrey     = 0.93
	linesPerPart = 30 // a longer row is split, so that a page can always hold it and the header
)

// table lays a table out: a row is an item, with its own rules.
func (l *layouter) table(t Table) error {
	columns := len(t.Header)
	for _, row := range t.Rows {
		if columns == 0 || len(t.Header) == 0 && len(row) > columns {
			columns = len(row)
		}
	}
	if columns == 0 {
		return errors.New("pdf: the table has no columns")
	}
	widths, err := columnWidths(t.Widths, columns)
	if err != nil {
		return err
	}
	l.items = append(l.items, item{height: pitch / 4, keep: true})
	var header *item
	if len(t.Header) > 0 {
		parts := l.row(t.Header, widths, true)
		header = &parts[0]
		first := parts[0]
		first.keep = true
		l.items = append(l.items, first)
	}
	for n, row := range t.Rows {
		if len(row) > columns {
			return fmt.Errorf("pdf: row %d of the table has %d cells for %d columns", n+1, len(row), columns)
		}
		for _, part := range l.row(row, widths, false) {
			part.above = header
			l.items = append(l.items, part)
		}
	}
	l.items = append(l.items, item{height: pitch / 4})
	return nil
}

// columnWidths scales relative widths to the text area.
func columnWidths(relative []float64, columns int) ([]float64, error) {
	if len(relative) != 0 && len(relative) != columns {
		return nil, fmt.Errorf("pdf: the table has %d widths for %d columns", len(relative), columns)
	}
	widths := make([]float64, columns)
	sum := 0.0
	for i := range widths {
		widths[i] = 1
		if len(relative) > 0 {
			widths[i] = relative[i]
		}
		if widths[i] <= 0 {
			return nil, errors.New("pdf: a column's width must be positive")
		}
		sum += widths[i]
	}
	for i := range widths {
		widths[i] *= textWidth / sum
		if widths[i] < 2*cellPad+cellSize {
			return nil, fmt.Errorf("pdf: column %d of the table is too narrow", i+1)
		}
	}
	return widths, nil
}

// row lays one row out, split into parts when it is very tall.
func (l *layouter) row(cells []string, widths []float64, bold bool) []item {
	lines := make([][]textLine, len(widths))
	tallest := 1
	for i := range widths {
		if i < len(cells) {
			lines[i] = l.cellLines(cells[i], widths[i], bold)
			tallest = max(tallest, len(lines[i]))
		}
	}
	var parts []item
	for from := 0; from < tallest; from += linesPerPart {
		parts = append(parts, l.rowPart(lines, widths, from, min(tallest-from, linesPerPart), bold))
	}
	return parts
}

func (l *layouter) cellLines(s string, width float64, bold bool) []textLine {
	var lines []textLine
	m := measure{size: cellSize, width: width - 2*cellPad}
	start := 0
	s = l.clean(s, bold)
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '\n' {
			lines = append(lines, breakLines(s[start:i], l.face(bold), m)...)
			start = i + 1
		}
	}
	return lines
}

// rowPart draws count lines of a row, from line from on.
func (l *layouter) rowPart(lines [][]textLine, widths []float64, from, count int, bold bool) item {
	height := float64(count)*cellPitch + 2*cellRoom
	part := item{height: height}
	if bold {
		part.ops = append(part.ops, fill{textLeft, 0, textWidth, height, headGrey})
	}
	x := textLeft
	part.ops = append(part.ops, rule{x, 0, x + textWidth, 0, ruleWidth}, rule{x, height, x + textWidth, height, ruleWidth},
		rule{x, 0, x, height, ruleWidth})
	for i, width := range widths {
		for n := from; n < min(len(lines[i]), from+count); n++ {
			top := cellRoom + float64(n-from)*cellPitch
			for _, o := range l.lineOps(lines[i][n], measure{size: cellSize}, bold, false, cellPitch) {
				run := o.(text)
				run.x += x - textLeft + cellPad
				run.y += top
				part.ops = append(part.ops, run)
			}
		}
		x += width
		part.ops = append(part.ops, rule{x, 0, x, height, ruleWidth})
	}
	return part
}
