// Package fee computes court fees by 诉讼费用交纳办法 (FEE), articles 13 to 16. Amounts are int64 fen (分).
// It is pure.
package fee

import (
	"fmt"
	"math"
	"strings"
)

const yuan = 100 // fen

// bracket charges rate ten-thousandths (‱) of the part above from.
type bracket struct {
	fromFen int64
	rate    int64
}

// property are the brackets of FEE 13(1); the first 10,000 yuan cost a flat 50 yuan.
var property = []bracket{
	{10_000 * yuan, 250}, {100_000 * yuan, 200}, {200_000 * yuan, 150}, {500_000 * yuan, 100},
	{1_000_000 * yuan, 90}, {2_000_000 * yuan, 80}, {5_000_000 * yuan, 70}, {10_000_000 * yuan, 60}, {20_000_000 * yuan, 50},
}

// preservation are the brackets of FEE 14(2); up to 1,000 yuan cost a flat 30 yuan.
var preservation = []bracket{{1_000 * yuan, 100}, {100_000 * yuan, 50}}

const (
	propertyFlat     = 50 * yuan
	preservationFlat = 30 * yuan
	preservationMost = 5_000 * yuan
)

// Property gives the case acceptance fee (案件受理费) of a property claim of amountFen, rounded to the yuan:
// FEE 13(1). A claim of nothing or less costs the flat 50 yuan.
func Property(amountFen int64) int64 { return roundYuan(PropertyExact(amountFen)) }

// PropertyExact is Property before rounding to the yuan (rounded to the fen).
func PropertyExact(amountFen int64) int64 {
	return min(graduated(amountFen, propertyFlat, property), math.MaxInt64-yuan)
}

// Preservation gives the fee of an application for preservation (保全) of assets of amountFen, rounded to the
// yuan and never above 5,000 yuan: FEE 14(2).
func Preservation(amountFen int64) int64 {
	return min(roundYuan(graduated(amountFen, preservationFlat, preservation)), preservationMost)
}

// Half gives the halved fee for mediation or withdrawal (FEE 15) and for simple procedure (FEE 16). Half of an
// odd number of yuan keeps its 50 fen: 25 yuan for 50, 7,456.50 for 14,913.
func Half(feeFen int64) int64 { return (feeFen + 1) / 2 }

// graduated sums the brackets. Products fit because the parts are multiplied before dividing only by brackets
// whose rate is at most 250 ‱; larger amounts are split to stay within int64.
func graduated(amountFen, flat int64, brackets []bracket) int64 {
	var tenThousandths int64 // remainder below one fen, in ‱ of a fen
	total := flat
	for i, b := range brackets {
		part := partAbove(amountFen, brackets, i)
		if part == 0 {
			break
		}
		total += part / 10_000 * b.rate
		tenThousandths += part % 10_000 * b.rate
	}
	return total + (tenThousandths+5_000)/10_000
}

// partAbove is the share of the amount inside bracket i.
func partAbove(amountFen int64, brackets []bracket, i int) int64 {
	upper := amountFen
	if i+1 < len(brackets) {
		upper = min(upper, brackets[i+1].fromFen)
	}
	return max(0, upper-brackets[i].fromFen)
}

func roundYuan(fen int64) int64 { return (fen + yuan/2) / yuan * yuan }

// Explain tells in lang ("zh…" for Chinese, otherwise English) how Property comes to its result, bracket by
// bracket, with the article.
func Explain(amountFen int64, lang string) string {
	zh := strings.HasPrefix(strings.ToLower(lang), "zh")
	var steps []string
	steps = append(steps, Yuan(propertyFlat))
	for i, b := range property {
		part := partAbove(amountFen, property, i)
		if part == 0 {
			break
		}
		steps = append(steps, fmt.Sprintf("%s × %s%%", Yuan(part), percent(b.rate)))
	}
	sum := strings.Join(steps, " + ")
	if zh {
		return fmt.Sprintf("财产案件受理费，依据《诉讼费用交纳办法》第十三条第一款第（一）项分段累计：请求金额%s元；%s = %s元，取整为%s元。",
			Yuan(amountFen), sum, Yuan(PropertyExact(amountFen)), Yuan(Property(amountFen)))
	}
	return fmt.Sprintf("Fee for a property claim, by bracket under the Measures on Litigation Costs, art. 13(1): claim %s yuan; %s = %s yuan, rounded to %s yuan.",
		Yuan(amountFen), sum, Yuan(PropertyExact(amountFen)), Yuan(Property(amountFen)))
}

// Yuan writes fen as yuan with thousands separators: "1,123,685.86", "50".
func Yuan(fen int64) string {
	sign := ""
	u := uint64(fen)
	if fen < 0 {
		sign, u = "-", -u
	}
	whole, cents := u/yuan, u%yuan
	s := fmt.Sprintf("%d", whole)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if cents != 0 {
		s += fmt.Sprintf(".%02d", cents)
	}
	return sign + s
}

func percent(rate int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", rate/100, rate%100), "0"), ".")
}
