package pdf

const (
	signatureInset = 2 * cell // of names and date from the right margin
	sealClearance  = 2        // lines left blank above and below a sealed date: the seal covers the date and nothing else
	roleChars      = 5        // width of the role's column
	nameGap        = 1        // characters between role and name
	nameChars      = 4        // width of the name's column; longer names reach to the left
)

// signatures lays the signature block out as one chain of lines:
// panel, blank lines, date under its seal, attestation at the left, blank lines, staff.
func (l *layouter) signatures(s SignatureBlock) {
	from := len(l.items)
	l.blank(1)
	for _, who := range s.Panel {
		l.signatory(who)
	}
	if s.Seal != nil {
		l.blank(sealClearance)
	}
	if !s.Date.IsZero() || s.Seal != nil {
		l.date(s)
	}
	l.attestation(s)
	for _, who := range s.Staff {
		l.signatory(who)
	}
	for i := from; i < len(l.items)-1; i++ {
		l.items[i].keep = true
	}
}

func (l *layouter) blank(lines int) {
	for range lines {
		l.items = append(l.items, item{height: pitch})
	}
}

// date is the line of the date, with the seal around its middle.
func (l *layouter) date(s SignatureBlock) {
	m := measure{size: bodySize, track: bodyTrack, width: textWidth}
	line := item{height: pitch}
	middle := textLeft + textWidth - signatureInset - sealRadius
	if !s.Date.IsZero() {
		year, month, day := s.Date.Date()
		tokens := tokenize(l.clean(ChineseDate(year, month, day), false), l.regular)
		width := natural(tokens, 0, m)
		start := textWidth - signatureInset - width
		line.ops = l.lineOps(textLine{tokens: tokens, start: start, last: true}, m, false, false, pitch)
		middle = textLeft + start + width/2
	}
	if s.Seal != nil {
		seal := Seal{Court: l.clean(s.Seal.Court, true), Label: l.clean(s.Seal.Label, true)}
		line.ops = append(line.ops, stamp{x: middle, y: pitch / 2, seal: seal})
	}
	l.items = append(l.items, line)
}

// attestation stands at the left, beside the lower half of the seal, which leaves that side free.
func (l *layouter) attestation(s SignatureBlock) {
	lines := 0
	if s.Attestation != "" {
		before := len(l.items)
		l.paragraph(Paragraph{Text: s.Attestation, Align: Left})
		lines = len(l.items) - before
	}
	if s.Seal != nil && lines < sealClearance {
		l.blank(sealClearance - lines)
	}
}

// signatory sets the role and the name in columns at the right. Names are not spread: whoever copies or searches the text
// finds the name and no blank inside it.
func (l *layouter) signatory(who Signatory) {
	m := measure{size: bodySize, track: bodyTrack, width: textWidth}
	role, name := l.clean(who.Role, false), l.clean(who.Name, false)
	nameTokens := tokenize(name, l.regular)
	nameWidth := natural(nameTokens, 0, m)
	nameStart := textWidth - signatureInset - max(nameWidth, nameChars*cell)
	roleTokens := tokenize(role, l.regular)
	roleStart := nameStart - nameGap*cell - max(natural(roleTokens, 0, m), roleChars*cell)
	ops := l.lineOps(textLine{tokens: roleTokens, start: max(0, roleStart), last: true}, m, false, false, pitch)
	ops = append(ops, l.lineOps(textLine{tokens: nameTokens, start: nameStart, last: true}, m, false, false, pitch)...)
	l.items = append(l.items, item{height: pitch, ops: ops})
}
