package pdf

import (
	"bytes"
	"strings"
	"testing"
)

// rareNames are characters of names beyond the basic plane: those of 通用规范汉字表 (2013), and some from other lists.
const rareNames = "𠮷𬱖𫖯𢫏𠙶𠳐𡎚𡐓𣗋𣲗𣲘𣸣𤧛𤩽𤫉𥔲𥕢𥖨𥻗𦈡𦒍𦙶𦝼𦭜𦰡𧿹𨐈𨙸𨚕𨟠𨭉𨱇𨱏𨱑𨱔𨺙𩽾𩾃𩾌𪟝𪣻𪤗𪨰𪨶𪩘𪾢𫄧𫄨𫄷𫄸𫇭𫌀𫍣𫍯𫍲𫍽𫐄𫐐𫐓𫑡𫓧𫓯𫓶𫓹" +
	"𫔍𫔎𫔶𫖮𫖳𫗧𫗴𫘜𫘝𫘦𫘧𫘨𫘪𫘬𫚕𫚖𫚭𫛭𫞩𫟅𫟦𫟹𫟼𫠆𫠊𫠜𫢸𫫇𫭟𫭢𫭼𫮃𫰛𫵷𫶇𫷷𫸩𬀩𬀪𬂩𬃊𬇕𬇙𬇹𬉼𬊈𬊤𬌗𬍛𬍡𬍤𬒈𬒔𬒗𬕂𬘓𬘘𬘡𬘩𬘫𬘬𬘭𬘯𬙂𬙊𬙋𬜬𬜯𬞟𬟁𬟽𬣙𬣞𬣡𬣳𬤇𬤊𬤝𬨂𬨎𬩽𬪩𬬩𬬭𬬮𬬱" +
	"𬬸𬬹𬬻𬬿𬭁𬭊𬭎𬭚𬭛𬭤𬭩𬭬𬭯𬭳𬭶𬭸𬭼𬮱𬮿𬯀𬯎𬱟𬳵𬳶𬳽𬳿𬴂𬴃𬴊𬶋𬶍𬶏𬶐𬶟𬶠𬶨𬶭𬶮𬷕𬸘𬸚𬸣𬸦𬸪𬹼𬺈𬺓"

// TestRareNamesArePrinted: every such character has an outline of its own in both weights, is printed, and is given back
// to whoever copies the text or searches it.
func TestRareNamesArePrinted(t *testing.T) {
	for _, load := range []func() (*face, error){regularFace, boldFace} {
		f, err := load()
		if err != nil {
			t.Fatal(err)
		}
		box, drawn := f.outlineBytes(0), map[string]rune{}
		for _, r := range rareNames {
			glyph, ok := f.glyph(r)
			outline := f.outlineBytes(glyph)
			if !ok || len(outline) == 0 || bytes.Equal(outline, box) {
				t.Errorf("%s: %c (%U) is drawn as a box", f.name, r, r)
			}
			if other, same := drawn[string(outline)]; same {
				t.Errorf("%s: %c looks as %c", f.name, r, other)
			}
			drawn[string(outline)] = r
		}
	}
	path, _ := renderFile(t, Document{Court: "北京云庭法院", Title: "民事判决书", Body: []Block{
		Heading{Text: "原告𠮷田𬱖与被告王𢫏买卖合同纠纷", Level: 2}, Paragraph{Text: rareNames}}, Created: proof().Created})
	text := flatten(run(t, "pdftotext", path, "-"))
	for _, want := range []string{"原告𠮷田𬱖与被告王𢫏买卖合同纠纷", rareNames} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// TestFontFileHoldsWhatDocumentsPrint: the file that other programs get parses, and draws each character as documents do.
func TestFontFileHoldsWhatDocumentsPrint(t *testing.T) {
	printed, err := regularFace()
	if err != nil {
		t.Fatal(err)
	}
	data, err := FontFile()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parseFace("file", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rareNames + "云庭审判员（2026）京号 AaĀä" {
		want, known := printed.glyph(r)
		got, ok := file.glyph(r)
		if !known || !ok || !bytes.Equal(file.outlineBytes(got), printed.outlineBytes(want)) || file.width(r) != printed.width(r) {
			t.Errorf("%c (%U) is drawn otherwise than in documents", r, r)
		}
	}
}
