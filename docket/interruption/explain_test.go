package interruption

import (
	"reflect"
	"testing"
	"time"
)

var ten = time.Date(2026, 4, 6, 2, 0, 0, 0, time.UTC)

func at(s float64) time.Time { return ten.Add(time.Duration(s * float64(time.Second))) }

// told is an interruption as the tables write it.
type told struct {
	cause    Cause
	reason   Reason
	name     string
	from, to float64
	gaps     int // besides the interruption itself
	choice   Choice
}

func tell(list []Interruption) (out []told) {
	for _, i := range list {
		t := told{cause: i.Cause, reason: i.Reason, name: i.Name, choice: i.Choice, gaps: len(i.Stretches) - 1,
			from: i.Stretches[0].From.Sub(ten).Seconds(), to: i.Stretches[0].To.Sub(ten).Seconds()}
		if !i.Whole() {
			t.gaps++
		}
		out = append(out, t)
	}
	return out
}

func TestList(t *testing.T) {
	began := Event{At: at(0), Kind: Began}
	gap := func(who string, from, to float64, cause Cause) Gap {
		return Gap{Participant: "p-" + who, Name: who, Track: "mic", From: at(from), To: at(to), Cause: cause}
	}
	for name, c := range map[string]struct {
		events []Event
		gaps   []Gap
		want   []told
	}{
		"whole": {[]Event{began, {At: at(90), Kind: Stopped, Cause: "closed"}}, nil, nil},
		"a recess holds the gaps that it left": {
			[]Event{began, {At: at(10), Kind: Stopped, Cause: "recess"}, {At: at(40), Kind: Began, Cause: "recess_over"}},
			[]Gap{gap("张伟", 10, 40.5, Paused), gap("李娜", 9.9, 40, Paused)},
			[]told{{cause: Paused, reason: Recess, from: 10, to: 40, gaps: 2}}},
		"a recess ends private evidence": {
			[]Event{began, {At: at(10), Kind: Stopped, Cause: "private_evidence"}, {At: at(20), Kind: Stopped, Cause: "recess"}, {At: at(30), Kind: Began, Cause: "recess_over"}}, nil,
			[]told{{cause: Paused, reason: PrivateEvidence, from: 10, to: 20}, {cause: Paused, reason: Recess, from: 20, to: 30}}},
		"a fault with what the judge chose": {
			[]Event{began, {At: at(10), Kind: Faulted, Cause: "disk_full"}, {At: at(11), Kind: Faulted, Cause: "disk_full"},
				{At: at(12), Kind: Chosen, Choice: Retry}, {At: at(14), Kind: Chosen, Choice: GoOn, Why: "硬盘故障"}, {At: at(30), Kind: Began, Cause: "mended"}},
			[]Gap{gap("张伟", 10, 30, Failed), gap("李娜", 29, 30.2, Overflow)},
			[]told{{cause: Failed, from: 10, to: 30, gaps: 2, choice: GoOn}}},
		"a fault before the opening": {
			[]Event{{At: at(-5), Kind: Chosen, Choice: GoOn, Why: "硬盘故障"}, {At: at(90), Kind: Stopped, Cause: "closed"}}, nil,
			[]told{{cause: Failed, from: -5, to: 90, choice: GoOn}}},
		"a recorder that was renewed": {
			[]Event{began, {At: at(10), Kind: Stopped, Cause: "fault"}, {At: at(12), Kind: Began, Cause: "mended"}}, nil,
			[]told{{cause: Failed, from: 10, to: 12}}},
		"a restart, in a mediation that goes on": {
			[]Event{began, {At: at(5), Kind: Stopped, Cause: "mediation"}, {At: at(20), Kind: Restarted}, {At: at(20), Kind: Began, Cause: "server_restarted"}},
			[]Gap{gap("张伟", 12, 21, Crash)},
			[]told{{cause: Paused, reason: Mediation, from: 5, to: 100}, {cause: Crash, from: 20, to: 20, gaps: 1}}},
		"gaps of a participant by cause": {
			[]Event{began}, []Gap{gap("张伟", 1, 2, Network), gap("李娜", 1, 3, Network), gap("张伟", 5, 6, Silent), gap("张伟", 7, 9, Network)},
			[]told{{cause: Network, name: "张伟", from: 1, to: 2, gaps: 2}, {cause: Network, name: "李娜", from: 1, to: 3, gaps: 1}, {cause: Silent, name: "张伟", from: 5, to: 6, gaps: 1}}},
		"a pause that no event explains": {nil, []Gap{gap("张伟", 1, 2, Paused)}, []told{{cause: Paused, name: "张伟", from: 1, to: 2, gaps: 1}}},
	} {
		list := List(c.events, c.gaps, at(100))
		if got := tell(list); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
		keys := map[string]bool{}
		for _, i := range list {
			if keys[i.Key] || i.Missing() < 0 {
				t.Errorf("%s: key %q twice or missing %v", name, i.Key, i.Missing())
			}
			keys[i.Key] = true
		}
	}
}

func TestMissing(t *testing.T) {
	list := List(nil, []Gap{{Name: "张伟", From: at(1), To: at(2.5), Cause: Network}, {Name: "张伟", From: at(5), To: at(6), Cause: Network}}, at(9))
	if got := list[0].Missing(); got != 2500*time.Millisecond {
		t.Errorf("missing %v", got)
	}
}

func TestWords(t *testing.T) {
	for _, c := range Causes() {
		if zh, en := c.Text("zh-CN"), c.Text("en"); zh == en || zh == string(c) {
			t.Errorf("%s: %q, %q", c, zh, en)
		}
	}
	for _, r := range Reasons(true) {
		if zh, en := r.Text("zh-CN"), r.Text("en"); zh == en || zh == string(r) {
			t.Errorf("%s: %q, %q", r, zh, en)
		}
	}
	if Cause("comet").Text("en") != "comet" || Reason("x").Text("en") != "x" || Source("x", "en") != "x" || Source("mic", "zh-CN") != "声音" {
		t.Error("an unknown word does not stay as it is")
	}
}
