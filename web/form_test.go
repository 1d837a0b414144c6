package web

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseYuan(t *testing.T) {
	for _, tc := range []struct {
		in   string
		fen  int64
		fail bool
	}{
		{"", 0, false}, {"50", 5000, false}, {"1123685.86", 112368586, false}, {"1,123,685.86", 112368586, false}, {"￥", 0, true}, {"100000 元", 10000000, false},
		{"0.5", 50, false}, {"0.05", 5, false}, {"1.234", 0, true}, {"1.", 0, true}, {".5", 0, true}, {"-5", 0, true}, {"十万", 0, true}, {"1e5", 0, true},
		{"99999999999999", 0, true}, {"9999999999999.99", 999999999999999, false},
	} {
		fen, err := parseYuan(tc.in)
		if (err != nil) != tc.fail || fen != tc.fen {
			t.Errorf("%q: %d, %v", tc.in, fen, err)
		}
	}
}

func TestYuan(t *testing.T) {
	for fen, want := range map[int64]string{0: "0.00", 5: "0.05", 5000: "50.00", 112368586: "1,123,685.86", -123456: "-1,234.56", 100000: "1,000.00"} {
		if got := yuan(fen); got != want {
			t.Errorf("%d: %q, want %q", fen, got, want)
		}
	}
}

func FuzzParseYuan(f *testing.F) {
	for _, s := range []string{"50", "1,123,685.86", "十万", "0.5", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fen, err := parseYuan(s)
		if err != nil {
			return
		}
		if again, err := parseYuan(yuan(fen)); err != nil || again != fen {
			t.Errorf("%q: %d is written %q and read %d, %v", s, fen, yuan(fen), again, err)
		}
	})
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{`C:\a\合同.pdf`, "../../etc/passwd", "", "..", "a\r\nb\"c", strings.Repeat("长", 300) + ".pdf", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := fileName(s)
		if name == "" || name == "." || name == ".." || len(name) > maxFileName || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\\r\n\"\x00") {
			t.Errorf("%q gave %q", s, name)
		}
	})
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/cases", "//evil.example", "https://evil.example/x", `/\evil`, "/a?b=c", "javascript:alert(1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, `/\`) {
			t.Errorf("%q gave %q", s, got)
		}
	})
}

func FuzzMailText(f *testing.F) {
	f.Add("text/plain", "", "hello")
	f.Add("multipart/mixed; boundary=x", "", "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n")
	f.Fuzz(func(t *testing.T, kind, encoding, body string) {
		text, _, err := mailText(kind, encoding, strings.NewReader(body))
		if err == nil && len(text) > maxMailText {
			t.Errorf("%d bytes of text", len(text))
		}
	})
}
