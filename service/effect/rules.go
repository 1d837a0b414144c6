package effect

import (
	"sort"
	"time"

	"yunting/docket/deadline"
)

// The articles that answers cite.
const (
	articleConsent = "在线诉讼规则第二十九条"
	articleArrival = "在线诉讼规则第三十一条第一款"
	articleReply   = "在线诉讼规则第三十一条第二款第一项"
	articleReport  = "在线诉讼规则第三十一条第二款第二项"
	articleTrace   = "在线诉讼规则第三十一条第三款"
)

// candidate is one way in which the service may have taken effect.
type candidate struct {
	at      time.Time
	basis   Basis
	article string
	channel string
}

// Decide computes the outcome of a delivery. The zone is the court's; it alone turns the
// instant of effect into a legal date.
func Decide(f Facts, zone *time.Location) Answer {
	answer := Answer{Consent: f.Consent, Version: Version, Article: articleTrace}
	for _, c := range f.Channels {
		if c.Failed != nil {
			answer.Rejected = append(answer.Rejected, c.Name)
		}
	}
	sort.Strings(answer.Rejected)
	if !f.Consent {
		return withoutConsent(f, answer, zone)
	}
	ways := candidates(f)
	if len(ways) == 0 {
		return pending(f, answer)
	}
	return take(answer, ways, f.Rebutted, zone)
}

// withoutConsent holds LR 29: neither arrival nor a read report counts, but a recipient who
// confirms receipt of what reached them has accepted electronic service (LR 29(4)).
func withoutConsent(f Facts, answer Answer, zone *time.Location) Answer {
	if f.Replied != nil && anyArrived(f) {
		return take(answer, []candidate{{*f.Replied, ByReply, articleReply, firstArrived(f)}}, nil, zone)
	}
	answer.Article, answer.Reason = articleConsent, "no_consent"
	answer.State = Failed
	if anySent(f) {
		answer.State = Awaiting
	}
	return answer
}

// candidates lists each way in which f took effect: arrival at an address that was given, a
// reply, an act, or the report of an unconfirmed address's system.
func candidates(f Facts) []candidate {
	var ways []candidate
	for _, c := range f.Channels {
		arrived := arrival(f, c)
		if arrived == nil {
			continue
		}
		if c.Given {
			ways = append(ways, candidate{*arrived, ByArrival, articleArrival, c.Name})
		} else if c.Read != nil {
			ways = append(ways, candidate{*c.Read, ByReport, articleReport, c.Name})
		}
	}
	if anyArrived(f) {
		if f.Replied != nil {
			ways = append(ways, candidate{*f.Replied, ByReply, articleReply, firstArrived(f)})
		}
		if f.Acted != nil {
			ways = append(ways, candidate{*f.Acted, ByAct, articleReply, firstArrived(f)})
		}
	}
	return ways
}

// take lets the earliest way count. A rebuttal strikes out presumptions only.
func take(answer Answer, ways []candidate, rebutted *time.Time, zone *time.Location) Answer {
	sort.SliceStable(ways, func(i, j int) bool {
		if !ways[i].at.Equal(ways[j].at) {
			return ways[i].at.Before(ways[j].at)
		}
		return strength(ways[i].basis) > strength(ways[j].basis)
	})
	for _, way := range ways {
		if way.basis == ByReport && rebutted != nil {
			continue
		}
		answer.State = Effective
		if way.basis == ByReport {
			answer.State = Presumed
		}
		answer.At, answer.Date = way.at.UTC(), deadline.DateOf(way.at, zone)
		answer.Basis, answer.Article, answer.Channel = way.basis, way.article, way.channel
		answer.Reason = string(way.basis)
		return answer
	}
	answer.State, answer.Reason, answer.Article = Rebutted, "rebutted", articleReport
	return answer
}

// strength orders the bases where two fall on the same instant: what cannot be rebutted first.
func strength(b Basis) int {
	switch b {
	case ByArrival:
		return 3
	case ByReply:
		return 2
	case ByAct:
		return 1
	}
	return 0
}

// pending names the state of a delivery that has not taken effect.
func pending(f Facts, answer Answer) Answer {
	open := false
	for _, c := range f.Channels {
		if c.Failed == nil {
			open = true
		}
	}
	switch {
	case anyArrived(f):
		answer.State, answer.Reason, answer.Article = Awaiting, "awaiting_reply", articleReply
	case len(f.Channels) == 0:
		answer.State, answer.Reason = Draft, "not_sent"
	case !open:
		answer.State, answer.Reason = Failed, "all_failed"
	case anySent(f):
		answer.State, answer.Reason = Sent, "no_signal"
	default:
		answer.State, answer.Reason = Draft, "not_sent"
	}
	return answer
}

// arrival is when channel c's copy arrived, nil when it did not. A channel that failed later
// (a bounce after the relay took the message) never arrived.
func arrival(f Facts, c Channel) *time.Time {
	if c.Arrived == nil || c.Failed != nil {
		return nil
	}
	if f.ProvedArrival != nil {
		return f.ProvedArrival
	}
	return c.Arrived
}

func anyArrived(f Facts) bool { return firstArrived(f) != "" }

// firstArrived names the channel whose copy arrived first.
func firstArrived(f Facts) string {
	name, first := "", time.Time{}
	for _, c := range f.Channels {
		if at := arrival(f, c); at != nil && (name == "" || at.Before(first)) {
			name, first = c.Name, *at
		}
	}
	return name
}

func anySent(f Facts) bool {
	for _, c := range f.Channels {
		if c.Sent != nil {
			return true
		}
	}
	return false
}

// next holds the permitted steps of the delivery state machine. A failed delivery may be tried
// again; an effective one falls only when a bounce shows that the sign of arrival was false.
var next = map[State][]State{
	Draft:     {Sent, Failed, Arrived, Awaiting, Effective},
	Sent:      {Failed, Arrived, Awaiting, Effective, Presumed},
	Failed:    {Sent, Arrived, Awaiting, Effective},
	Arrived:   {Awaiting, Effective, Presumed, Failed},
	Awaiting:  {Effective, Presumed, Failed},
	Presumed:  {Effective, Rebutted},
	Rebutted:  {Effective, Sent},
	Effective: {Failed, Awaiting},
}

// Next reports whether a delivery may go from one state to another. Staying is always allowed.
func Next(from, to State) bool {
	if from == to {
		return true
	}
	for _, s := range next[from] {
		if s == to {
			return true
		}
	}
	return false
}
