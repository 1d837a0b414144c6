package interruption

import (
	"errors"
	"slices"
	"testing"
)

func TestPause(t *testing.T) {
	for _, c := range []struct {
		reason Reason
		public bool
		code   string // of the refusal
	}{
		{Recess, true, ""}, {PrivateEvidence, true, ""}, {Mediation, true, ""},
		{Recess, false, ""}, {PrivateEvidence, false, NotPublic}, {Mediation, false, ""},
		{"", true, NoSuchReason}, {"lunch", true, NoSuchReason}, {"fault", false, NoSuchReason},
	} {
		if got := code(t, Pause(c.reason, c.public)); got != c.code {
			t.Errorf("%q, public %v: %q, want %q", c.reason, c.public, got, c.code)
		}
		if allowed := slices.Contains(Reasons(c.public), c.reason); allowed != (c.code == "") {
			t.Errorf("%q, public %v: listed %v", c.reason, c.public, allowed)
		}
	}
}

func TestChoose(t *testing.T) {
	whole := Fault{Open: true, Clerk: true}
	for _, c := range []struct {
		fault  Fault
		choice Choice
		why    string
		code   string
	}{
		{whole, Retry, "", ""}, {whole, Adjourn, "", ""}, {whole, GoOn, "硬盘故障", ""},
		{whole, GoOn, " \n", ReasonMissing},
		{Fault{Open: true}, GoOn, "硬盘故障", NoTranscript},
		{Fault{Open: true, Clerk: true, Replaces: true}, GoOn, "硬盘故障", NoOtherRecord},
		{Fault{Clerk: true}, Adjourn, "", NotOpen}, {Fault{Clerk: true}, GoOn, "硬盘故障", ""}, {Fault{}, Retry, "", ""},
		{whole, "ignore", "硬盘故障", NoSuchChoice},
	} {
		if got := code(t, c.fault.Choose(c.choice, c.why)); got != c.code {
			t.Errorf("%+v, %s %q: %q, want %q", c.fault, c.choice, c.why, got, c.code)
		}
	}
	for _, c := range []struct {
		fault Fault
		want  []Choice
	}{{whole, []Choice{Retry, Adjourn, GoOn}}, {Fault{Open: true, Replaces: true, Clerk: true}, []Choice{Retry, Adjourn}}, {Fault{Clerk: true}, []Choice{Retry, GoOn}}} {
		if got := c.fault.Choices(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.fault, got, c.want)
		}
	}
}

func code(t *testing.T, err error) string {
	t.Helper()
	var r *Refusal
	if err == nil {
		return ""
	}
	if !errors.As(err, &r) || r.Error() == "" {
		t.Fatalf("not a refusal: %v", err)
	}
	return r.Code
}
