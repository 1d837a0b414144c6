package pdf

import (
	"strconv"
	"strings"
	"time"
)

var chineseDigits = []string{"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"}

// ChineseNumber writes n from 1 to 99 as it is counted in a document: 一, 十, 十一, 二十三. Other numbers are written in
// Arabic digits.
func ChineseNumber(n int) string {
	if n < 1 || n > 99 {
		return strconv.Itoa(n)
	}
	var out strings.Builder
	if tens := n / 10; tens > 0 {
		if tens > 1 {
			out.WriteString(chineseDigits[tens])
		}
		out.WriteString("十")
	}
	if ones := n % 10; ones > 0 {
		out.WriteString(chineseDigits[ones])
	}
	return out.String()
}

// ChineseDate writes a civil date as documents do: 二〇二六年三月二十三日.
func ChineseDate(year int, month time.Month, day int) string {
	var out strings.Builder
	for _, digit := range strconv.Itoa(year) {
		if digit >= '0' && digit <= '9' {
			out.WriteString(chineseDigits[digit-'0'])
		}
	}
	return out.String() + "年" + ChineseNumber(int(month)) + "月" + ChineseNumber(day) + "日"
}
