package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// judgment is a whole civil judgment; repeat makes its findings longer.
func judgment(repeat int) Document {
	body := []Block{
		Paragraph{Text: "原告：张伟，男，1985年3月12日出生，汉族，住北京市海淀区中关村大街1号，公民身份号码110101198503121233。"},
		Paragraph{Text: "被告：北京䶮𬱖科技有限公司，统一社会信用代码91110108MA01ABCD2E，住所地北京市朝阳区建国路88号。\n法定代表人：𫖯田𬱖，该公司经理。"},
		Paragraph{Text: "原告张伟与被告北京䶮𬱖科技有限公司买卖合同纠纷一案，本院于2026年3月6日立案后，依法适用普通程序，公开开庭进行了审理。原告张伟、被告法定代表人𫖯田𬱖到庭参加诉讼。本案现已审理终结。"},
		Heading{Text: "本院认为", Level: 2},
	}
	for i := range repeat {
		body = append(body, Paragraph{Text: fmt.Sprintf("经审理查明（第%d项）：2025年11月3日，双方签订《设备买卖合同》（合同编号：YT-2025-1103-A），约定被告向原告购买服务器20台，单价56,184.29元，总价款1,123,685.86元；被告应于收货后30日内付清全部货款。“货款逾期未付的，每逾期一日，按未付款项的万分之五支付违约金。”原告于2025年11月20日交付了全部设备——被告工作人员在送货单上签字确认……截至2026年3月1日，被告尚欠货款1,000,000元未付，双方就此多次协商未果；上述事实，有买卖合同、送货单、银行流水及当事人陈述在案佐证。", i+1)})
	}
	body = append(body,
		Paragraph{Text: "综上所述，依照《中华人民共和国民法典》第五百七十九条、第五百八十五条，《中华人民共和国民事诉讼法》第六十七条规定，判决如下："},
		Items{Texts: []string{"被告北京䶮𬱖科技有限公司于本判决生效之日起十日内向原告张伟支付货款1,000,000元；", "驳回原告张伟的其他诉讼请求。"}},
		Paragraph{Text: "如果未按本判决指定的期间履行给付金钱义务，应当依照《中华人民共和国民事诉讼法》第二百六十四条规定，加倍支付迟延履行期间的债务利息。"},
		Paragraph{Text: "案件受理费13,800元，由被告负担。"},
		Paragraph{Text: "如不服本判决，可以在判决书送达之日起十五日内，向本院递交上诉状，并按照对方当事人的人数提出副本，上诉于北京市第四中级人民法院。"},
		SignatureBlock{
			Panel: []Signatory{{"审判长", "林静"}, {"审判员", "欧阳文静"}, {"人民陪审员", "王建国"}},
			Date:  time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC), Attestation: "本件与原本核对无异",
			Staff: []Signatory{{"法官助理", "周航"}, {"书记员", "王磊"}},
			Seal:  &Seal{Court: "北京云庭法院", Label: "演示"},
		})
	return Document{
		Court: "北京云庭法院", Title: "民事判决书", Number: "（2026）京0491民初123号", Body: body,
		Footer: "云庭 0197f3a2-52f1-7c3e-9d10-2b6f3a1c9e55", Subject: "张伟 诉 北京䶮𬱖科技有限公司 买卖合同纠纷",
		Created: time.Date(2026, 3, 23, 2, 0, 0, 0, time.UTC),
	}
}

func proof() Document {
	var rows [][]string
	for i := range 40 {
		rows = append(rows, []string{fmt.Sprint(i + 1), "买卖合同（扫描件）contract.pdf", strings.Repeat("9f86d081884c7d65", 4), "2026年3月23日 10:15:0" + fmt.Sprint(i%10)})
	}
	return Document{
		Court: "北京云庭法院", Title: "电子送达凭证", Number: "（2026）京0491民初123号",
		Body: []Block{
			Paragraph{Text: "送达下列文书："},
			Paragraph{Text: "This is a long English paragraph, for a court that serves people who do not read Chinese; it wraps at spaces and words such as counterclaim stay whole."},
			Table{Header: []string{"序号", "文件", "SHA-256", "时间"}, Widths: []float64{1, 3, 4, 3}, Rows: rows},
			Paragraph{Text: "以上记载与系统记录一致。"},
			SignatureBlock{Date: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Seal: &Seal{Court: "北京云庭法院"}},
		},
	}
}

// run runs a tool of the machine and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func renderFile(t *testing.T, doc Document) (path string, data []byte) {
	t.Helper()
	data, err := Render(doc)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

func flatten(s string) string { return strings.Join(strings.Fields(s), "") }

func TestJudgmentReadsBack(t *testing.T) {
	path, _ := renderFile(t, judgment(6))
	if keep := os.Getenv("YUNTING_KEEP_PDF"); keep != "" {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(keep, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text := run(t, "pdftotext", path, "-")
	for _, want := range []string{
		"民事判决书", "（2026）京0491民初123号", "北京云庭法院", "审判长", "林静", "欧阳文静", "二〇二六年三月二十三日", "本件与原本核对无异", "法官助理",
		"书记员", "张伟",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	flat := flatten(text)
	for _, want := range []string{
		"被告：北京䶮𬱖科技有限公司", "法定代表人：𫖯田𬱖，该公司经理。", "双方签订《设备买卖合同》（合同编号：YT-2025-1103-A），约定被告",
		"“货款逾期未付的，每逾期一日，按未付款项的万分之五支付违约金。”", "一、被告北京", "二、驳回原告", "—1—", "—5—",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if check := run(t, "qpdf", "--check", path); !strings.Contains(check, "No syntax or stream encoding errors") {
		t.Errorf("qpdf: %s", check)
	}
	fonts := run(t, "pdffonts", path)
	if strings.Count(fonts, "+NotoSerifSC-") != 2 || strings.Count(fonts, "yes yes yes") != 2 {
		t.Errorf("fonts are not embedded subsets with a Unicode map:\n%s", fonts)
	}
	info := run(t, "pdfinfo", path)
	for _, want := range []string{"民事判决书", "Metadata Stream: yes", "595.28 x 841.89 pts (A4)", "买卖合同纠纷"} {
		if !strings.Contains(info, want) {
			t.Errorf("pdfinfo lacks %q:\n%s", want, info)
		}
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	first, err := Render(judgment(3))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := Render(judgment(3))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("the same document gave other bytes")
		}
	}
}

func TestMissingRunesAreNamed(t *testing.T) {
	doc := judgment(1)
	doc.Body = append([]Block{Paragraph{Text: "证人\U0001F9A4与\uE123"}}, doc.Body...)
	_, err := Render(doc)
	var missing *MissingRunes
	if !errors.As(err, &missing) || string(missing.Runes) != "\uE123\U0001F9A4" {
		t.Fatalf("want both runes named, got %v", err)
	}
	if !strings.Contains(err.Error(), "U+1F9A4") {
		t.Errorf("the message does not name the character: %v", err)
	}
}

// The signature block never stands alone on a page, whatever the text's length.
func TestSignatureSharesItsPage(t *testing.T) {
	for paragraphs := range 24 {
		var body []Block
		for range paragraphs + 1 {
			body = append(body, Paragraph{Text: "段落"})
		}
		source := judgment(0)
		block := source.Body[len(source.Body)-1]
		path, _ := renderFile(t, Document{Title: "民事裁定书", Body: append(body, block)})
		pages := strings.Split(strings.TrimSuffix(run(t, "pdftotext", path, "-"), "\f"), "\f")
		last := pages[len(pages)-1]
		if !strings.Contains(last, "段落") || !strings.Contains(last, "审判长") || !strings.Contains(last, "书记员") {
			t.Fatalf("%d paragraphs: last page holds %q", paragraphs+1, last)
		}
	}
}

func TestTableRepeatsItsHeader(t *testing.T) {
	path, _ := renderFile(t, proof())
	pages := strings.Split(strings.TrimSuffix(run(t, "pdftotext", "-layout", path, "-"), "\f"), "\f")
	if keep := os.Getenv("YUNTING_KEEP_PDF"); keep != "" {
		run(t, "cp", path, keep+".proof.pdf")
	}
	if len(pages) < 3 {
		t.Fatalf("want several pages, got %d", len(pages))
	}
	for i, page := range pages[:len(pages)-1] {
		if !strings.Contains(page, "SHA-256") {
			t.Errorf("page %d lacks the header", i+1)
		}
	}
}

func TestTableRefusesBadShapes(t *testing.T) {
	for name, table := range map[string]Table{
		"no columns":      {},
		"row too long":    {Header: []string{"甲"}, Rows: [][]string{{"1", "2"}}},
		"widths differ":   {Header: []string{"甲", "乙"}, Widths: []float64{1}},
		"zero width":      {Header: []string{"甲", "乙"}, Widths: []float64{1, 0}},
		"column too thin": {Header: []string{"甲", "乙"}, Widths: []float64{1, 100}},
	} {
		if _, err := Render(Document{Body: []Block{table}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkRenderFivePages(b *testing.B) {
	doc := judgment(12)
	if _, err := Render(doc); err != nil { // loads the typeface, once a process
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Render(doc); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWatermark: the mark is on every page, and the text of the document is what it was.
func TestWatermark(t *testing.T) {
	doc := judgment(6)
	doc.Watermark = "预览 PREVIEW — not signed"
	out, err := Render(doc)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "marked.pdf")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-raw", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	if len(pages) < 2 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, page := range pages {
		if page = strings.Join(strings.Fields(page), ""); !strings.Contains(page, "PREVIEW") || !strings.Contains(page, "预览") {
			t.Errorf("page %d has no mark:\n%s", i+1, page)
		}
	}
}
