package cause

import (
	"strings"
	"testing"
)

func TestTree(t *testing.T) {
	names := map[string]bool{}
	for _, c := range All() {
		if c.Level > 4 || c.Name == "" || c.NameEN == "" || len(Path(c.Code)) != c.Level {
			t.Errorf("%+v is not well formed", c)
		}
		if c.Leaf != (len(Children(c.Code)) == 0) {
			t.Errorf("%s: leaf %v", c.Code, c.Leaf)
		}
		if c.Level >= 3 && names[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		if c.Level >= 3 {
			names[c.Name] = true
		}
	}
	if c, ok := Find("04"); !ok || c.Name != "合同、准合同纠纷" {
		t.Errorf("04 is %+v", c)
	}
	if c, ok := Find("04.01.11"); !ok || c.Name != "买卖合同纠纷" || c.Parent != "04.01" {
		t.Errorf("04.01.11 is %+v", c)
	}
	if Choosable("04.01") || !Choosable("04.01.11") || Choosable("99") || Path("99") != nil {
		t.Error("choosable")
	}
	for _, want := range []string{"民间借贷纠纷", "房屋租赁合同纠纷", "建设工程施工合同纠纷", "服务合同纠纷", "不当得利纠纷", "无因管理纠纷"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestSuggest(t *testing.T) {
	for text, want := range map[string]string{
		"被告采购原告的货物，收货后拖欠货款":              "买卖合同纠纷",
		"被告向原告借钱十万元，出具借条，至今未还款":          "民间借贷纠纷",
		"租客拖欠房租三个月，不退押金":                 "房屋租赁合同纠纷",
		"开发商逾期交房":                        "商品房预售合同纠纷",
		"公司拖欠工资和加班费":                     "追索劳动报酬纠纷",
		"健身房倒闭，培训机构不退学费，要求退费":            "教育培训合同纠纷",
		"This is about a sales contract": "买卖合同纠纷",
	} {
		got := Suggest(text)
		if len(got) == 0 || got[0].Name != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
		if len(got) > maxSuggestions {
			t.Errorf("%d suggestions", len(got))
		}
	}
	if got := Suggest("天气很好"); len(got) != 0 {
		t.Errorf("nothing fits, yet %v", got)
	}
	if got := Suggest(strings.Repeat("货款", 1<<20)); len(got) == 0 {
		t.Error("long text")
	}
}

func TestParseRejects(t *testing.T) {
	for _, text := range []string{"01", "01.01\ta\tb", "01\ta\tb\n01\tc\td", "01\ta\tb\tc\td"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q parsed", text)
		}
	}
}
