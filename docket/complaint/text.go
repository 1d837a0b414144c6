package complaint

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"yunting/internal/identity"
)

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func long(s string, runes int) bool { return utf8.RuneCountInString(s) > runes }

// vague reports names that do not name anybody.
func vague(name string) bool {
	name = strings.TrimSpace(name)
	switch name {
	case "不详", "未知", "某人", "待定", "无", "匿名", "unknown", "n/a", "anonymous":
		return true
	}
	return strings.ContainsAny(name, "*＊×?？") || strings.Contains(name, "某某")
}

// sum is an amount of money in a text: 5000元, 1.2万元, 三万元.
var sum = regexp.MustCompile(`[0-9〇一二三四五六七八九十百千万亿][0-9,，.]*\s*[百千万亿]*元`)

// reckoned are words of claims whose amount is reckoned later or set by the court: interest at a rate, costs.
var reckoned = regexp.MustCompile(`利率|利息|基数|LPR|计算|计付|诉讼费|受理费|保全费|为标准`)

// money reports whether a claim's text names a definite sum.
func money(text string) bool { return sum.MatchString(text) && !reckoned.MatchString(text) }

// landline accepts numbers such as 010-12345678 and +81 3 1234 5678, beside mobile numbers.
var landline = regexp.MustCompile(`^\+?[0-9][0-9 -]{5,18}[0-9]$`)

func phone(s string) bool {
	s = strings.TrimSpace(s)
	return identity.ValidPhone(s) == nil || landline.MatchString(s)
}

func email(s string) bool {
	a, err := mail.ParseAddress(strings.TrimSpace(s))
	return err == nil && a.Name == "" && strings.Contains(a.Address, "@")
}
