// Package pdf lays court documents out on paper and writes them as PDF.
//
// The page is the one that the Supreme People's Court's form for civil judgments and GB/T 9704 describe: A4, 22 lines of
// 28 characters, body 三号. Lines are broken here, by the rules for Chinese punctuation. The same Document always gives
// the same bytes, so a hash in the ledger stays meaningful.
package pdf

import "time"

// Document is one court document. Render lays it out.
type Document struct {
	Court  string  // court name, first line: 北京云庭法院; may be empty
	Title  string  // kind of document, second line: 民事判决书
	Number string  // 案号, at the right: （2026）京0491民初123号; may be empty
	Body   []Block // in order
	Footer string  // small text left of the page number, such as a document id; may be empty
	// Watermark lies across every page in large grey letters under the text, such as 预览 on what is not signed; may be empty.
	Watermark string
	Language  string    // BCP 47 tag for /Lang; empty means zh-CN
	Subject   string    // document information: subject, such as the case's title; may be empty
	Created   time.Time // document information: creation date. The zero time stands for 1980-01-01, never for the present
}

// Block is one part of a document's body: Paragraph, Heading, Items, Table, SignatureBlock or PageBreak.
type Block interface{ block() }

// Align says where a paragraph's lines stand.
type Align int

// Alignments of a paragraph.
const (
	Justified Align = iota // both margins, last line at the left
	Left
	Centred
	Right
)

// Paragraph is running text. The first line is indented by two characters when it is Justified, as in Chinese documents;
// a line feed in Text starts a new paragraph.
type Paragraph struct {
	Text     string
	Align    Align
	Bold     bool
	NoIndent bool
}

// Heading is a bold line that stays with the text after it. Level 1 is centred, level 2 and more stand at the left.
type Heading struct {
	Text  string
	Level int
}

// Items is a numbered list, such as the items of a judgment: 一、… 二、…
type Items struct {
	Texts []string
	Style Numbering
}

// Numbering is how Items counts.
type Numbering int

// Numberings of a list.
const (
	ChineseNumbers Numbering = iota // 一、二、三、
	ArabicNumbers                   // 1. 2. 3.
)

// Table is a ruled table. Cells wrap; a row never breaks across pages unless it is taller than a page; the header is
// repeated at the top of each page.
type Table struct {
	Header []string   // may be empty
	Widths []float64  // relative column widths; empty means equal ones
	Rows   [][]string // each as long as Header, or as the longest row when there is no header
}

// SignatureBlock closes a document. It always shares a page with text before it.
type SignatureBlock struct {
	Panel       []Signatory // 审判长, 审判员, 人民陪审员
	Date        time.Time   // only its civil date is read, in its own location; printed as 二〇二六年三月二十三日
	Attestation string      // 本件与原本核对无异, at the left below the date; empty leaves it out
	Staff       []Signatory // 法官助理, 书记员, below the date
	Seal        *Seal       // centred over the date; nil draws none
}

// Signatory is one line of a signature block.
type Signatory struct {
	Role string // 审判长
	Name string // 林静
}

// Seal is the court's round seal, drawn as vectors: a red ring, a star, and the court's name along the arc.
type Seal struct {
	Court string // up to 24 characters
	Label string // small text below the star, such as 演示 in a demo court; may be empty
}

// PageBreak starts a new page.
type PageBreak struct{}

func (Paragraph) block()      {}
func (Heading) block()        {}
func (Items) block()          {}
func (Table) block()          {}
func (SignatureBlock) block() {}
func (PageBreak) block()      {}
