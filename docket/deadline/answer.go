package deadline

import (
	"fmt"
	"strings"
)

// Answer is a computed deadline with everything needed to explain it.
type Answer struct {
	Start       Date   `json:"start"` // day 0, which does not count
	Due         Date   `json:"due"`   // the last day on which the act is in time
	Days        int    `json:"days,omitempty"`
	Months      int    `json:"months,omitempty"`
	Rule        Rule   `json:"rule"`
	Article     string `json:"article"` // the Chinese citation; Rule.Article gives others
	Skipped     []Skip `json:"skipped,omitempty"`
	Provisional bool   `json:"provisional,omitempty"` // the holiday notice for that year is not out yet
	Source      string `json:"source"`                // the notice or regulation that told the holidays
	Calendar    string `json:"calendar"`              // version of the calendar data
}

// Skip is a day on which the period could not end. Reason is "weekend" or the holiday's Chinese name.
type Skip struct {
	Date   Date   `json:"date"`
	Reason string `json:"reason"`
}

// Weekend is the Reason of a skipped Saturday or Sunday.
const Weekend = "weekend"

// Explain tells in lang ("zh…" for Chinese, otherwise English) how the date came about: start, rule, article,
// skipped days, and whether it may change.
func (a Answer) Explain(lang string) string {
	if chinese(lang) {
		return a.explainChinese()
	}
	return a.explainEnglish()
}

func (a Answer) explainChinese() string {
	var b strings.Builder
	length := fmt.Sprintf("%d日", a.Days)
	last := a.Start.AddDays(a.Days)
	if a.Months > 0 {
		length = fmt.Sprintf("%d个月", a.Months)
		last = a.Start.AddMonths(a.Months)
	}
	fmt.Fprintf(&b, "%s：依据%s，期间为%s。自%s起算，开始之日不计入，期间届满之日为%s。",
		a.Rule.Title("zh"), a.Rule.Article("zh"), length, a.Start, last)
	if len(a.Skipped) > 0 {
		fmt.Fprintf(&b, "届满之日是法定休假日，依据《民事诉讼法》第八十五条顺延至休假日后的第一日；跳过%s。", a.skippedText("、", "（", "）", func(s string) string {
			if s == Weekend {
				return "周末"
			}
			return s
		}))
	}
	fmt.Fprintf(&b, "截止日期：%s（%s）。节假日依据：%s。", a.Due, weekdaysChinese[a.Due.Weekday()], a.Source)
	if a.Provisional {
		b.WriteString("该年度放假安排尚未公布，此日期可能变化。")
	}
	return b.String()
}

func (a Answer) explainEnglish() string {
	var b strings.Builder
	length := plural(a.Days, "day")
	last := a.Start.AddDays(a.Days)
	if a.Months > 0 {
		length = plural(a.Months, "month")
		last = a.Start.AddMonths(a.Months)
	}
	fmt.Fprintf(&b, "Period for the %s: %s under the %s. It starts on %s, which does not count, and would end on %s.",
		a.Rule.Title("en"), length, a.Rule.Article("en"), a.Start, last)
	if len(a.Skipped) > 0 {
		fmt.Fprintf(&b, " A period that ends on a day of rest ends on the first working day after (Civil Procedure Law, art. 85); skipped: %s.",
			a.skippedText(", ", " (", ")", holidayEnglish))
	}
	fmt.Fprintf(&b, " Due: %s (%s). Holidays according to: %s.", a.Due, a.Due.Weekday(), a.Source)
	if a.Provisional {
		b.WriteString(" The holiday notice for that year is not published yet, so this date may change.")
	}
	return b.String()
}

func (a Answer) skippedText(sep, opening, closing string, name func(string) string) string {
	parts := make([]string, len(a.Skipped))
	for i, s := range a.Skipped {
		parts[i] = s.Date.String() + opening + name(s.Reason) + closing
	}
	return strings.Join(parts, sep)
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func chinese(lang string) bool { return strings.HasPrefix(strings.ToLower(lang), "zh") }

var weekdaysChinese = [7]string{"星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"}

// holidayEnglish translates a Skip's Reason.
func holidayEnglish(reason string) string {
	switch reason {
	case Weekend:
		return "weekend"
	case "元旦":
		return "New Year's Day"
	case "春节":
		return "Spring Festival"
	case "清明节":
		return "Qingming Festival"
	case "劳动节":
		return "Labour Day"
	case "端午节":
		return "Dragon Boat Festival"
	case "中秋节":
		return "Mid-Autumn Festival"
	case "国庆节":
		return "National Day"
	case "国庆节、中秋节":
		return "National Day and Mid-Autumn Festival"
	}
	return reason
}
