package pdf

// The page in points (1/72 inch), measured from its top left corner: A4, 22 lines of 28 characters of 三号 in a text area
// of 156 × 225 mm, 37 mm from the top and 28 mm from the left (GB/T 9704; 最高人民法院《人民法院民事裁判文书制作规范》).
const (
	mm         = 72 / 25.4
	pageWidth  = 210 * mm
	pageHeight = 297 * mm
	textLeft   = 28 * mm
	textTop    = 37 * mm
	textWidth  = 156 * mm

	linesOnPage = 22
	charsOnLine = 28
	pitch       = 29.0 // from line to line: 22 of them are 225 mm
	textHeight  = linesOnPage * pitch

	bodySize   = 16.0                             // 三号
	courtSize  = 22.0                             // 二号
	titleSize  = 26.0                             // 一号
	pageNoSize = 14.0                             // 四号
	footSize   = 9.0                              // 小五
	cellSize   = 12.0                             // 小四, in tables
	cellPitch  = 18.0                             // from line to line in tables
	bodyTrack  = textWidth/charsOnLine - bodySize // makes 28 characters of 16 pt fill 156 mm exactly
	cell       = textWidth / charsOnLine

	emAscent = 0.88 // of a Chinese character's square above the baseline
)

// op is one mark on a page: text, rule, fill or stamp.
type op interface{ op() }

// text is a run of characters on one baseline.
type text struct {
	x, y  float64 // of the baseline's start
	s     string
	size  float64
	bold  bool
	track float64 // added after each character
}

// rule is a straight line.
type rule struct{ x1, y1, x2, y2, width float64 }

// fill is a grey rectangle.
type fill struct{ x, y, width, height, grey float64 }

// stamp is the court's seal around its centre.
type stamp struct {
	x, y float64
	seal Seal
}

// watermark is a run of characters whose middle stands at (x, y), turned anticlockwise by the angle in degrees.
type watermark struct {
	text
	angle float64
}

func (text) op()  {}
func (rule) op()  {}
func (fill) op()  {}
func (stamp) op() {}

// item is a strip across the text area that is not split between pages.
type item struct {
	height float64
	keep   bool  // stays on one page with the next item, when a page can hold both
	above  *item // repeated first when this item starts a page: a table's header
	brk    bool  // starts a new page and holds nothing
	ops    []op  // y is measured from the item's top
}

// at moves an item's marks to their place on the page.
func (i item) at(y float64) []op {
	moved := make([]op, len(i.ops))
	for n, o := range i.ops {
		switch o := o.(type) {
		case text:
			o.y += y
			moved[n] = o
		case rule:
			o.y1 += y
			o.y2 += y
			moved[n] = o
		case fill:
			o.y += y
			moved[n] = o
		case stamp:
			o.y += y
			moved[n] = o
		}
	}
	return moved
}

// paginate puts items on pages. Items chained by keep move to the next page together, unless no page can hold them.
func paginate(items []item) [][]op {
	pages := [][]op{nil}
	y := 0.0
	turn := func() {
		pages = append(pages, nil)
		y = 0
	}
	put := func(i item) {
		last := len(pages) - 1
		pages[last] = append(pages[last], i.at(textTop+y)...)
		y += i.height
	}
	chained := 0 // items of the present chain that are already known to fit
	for n, it := range items {
		if it.brk {
			if y > 0 {
				turn()
			}
			continue
		}
		if chained == 0 {
			height, count := chain(items[n:])
			if height > textHeight {
				count, height = 1, it.height
			}
			if y > 0 && y+height > textHeight+0.01 {
				turn()
			}
			chained = count
		}
		if y == 0 && it.above != nil && len(pages) > 1 {
			put(*it.above)
		}
		put(it)
		chained--
	}
	return pages
}

// chain measures the items from the first up to and with the first one that does not ask to be kept with its successor.
func chain(items []item) (height float64, count int) {
	for _, it := range items {
		if it.brk {
			break
		}
		height += it.height
		count++
		if !it.keep {
			break
		}
	}
	return height, count
}
