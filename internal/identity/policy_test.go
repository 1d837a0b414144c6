package identity

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// stageLetters abbreviates docket's stages in the table below; "-" is no case.
var stageLetters = map[string]string{
	"-": "", "d": "draft", "s": "submitted", "c": "correcting", "r": "refused", "a": "accepted",
	"h": "scheduled", "H": "heard", "j": "judged", "v": "served",
}

// always is every stage and no case; filed and live as in the law: filed is
// all but the draft, live is from acceptance on.
const (
	always = "-dscrahHjv"
	filed  = "scrahHjv"
	live   = "ahHjv"
)

// expected is the policy once more, by who may: for each action, in which
// stages each persona may do it. A persona has one role beside RoleUser, or is
// a user with one standing. Who is not named may not.
var expected = map[Action]map[string]string{
	ActFile: {
		"user": always, "filing_clerk": always, "clerk": always, "judge": always, "supervisor": always, "administrator": always,
		"as plaintiff": always, "as defendant": always, "as third_party": always, "as judge": always, "as clerk": always,
	},
	ActLink: {
		"user": always, "filing_clerk": always, "clerk": always, "judge": always, "supervisor": always, "administrator": always,
		"as plaintiff": always, "as defendant": always, "as third_party": always, "as judge": always, "as clerk": always,
	},
	ActAccount: {
		"user": always, "filing_clerk": always, "clerk": always, "judge": always, "supervisor": always, "administrator": always,
		"as plaintiff": always, "as defendant": always, "as third_party": always, "as judge": always, "as clerk": always,
	},
	ActReadLedger: {
		"nobody": always, "system": always,
		"user": always, "filing_clerk": always, "clerk": always, "judge": always, "supervisor": always, "administrator": always,
		"as plaintiff": always, "as defendant": always, "as third_party": always, "as judge": always, "as clerk": always,
	},
	ActReadCase: {
		"as plaintiff": always, "as defendant": filed, "as third_party": filed, "as judge": filed, "as clerk": filed,
		"filing_clerk": filed, "supervisor": filed,
	},
	ActReadEvidence: {
		"as plaintiff": always, "as defendant": filed, "as third_party": filed, "as judge": filed, "as clerk": filed,
		"filing_clerk": filed, "supervisor": filed,
	},
	ActReadDocument: {
		"as plaintiff": always, "as defendant": filed, "as third_party": filed, "as judge": filed, "as clerk": filed,
		"filing_clerk": filed, "supervisor": filed,
	},
	ActEditDraft:         {"as plaintiff": "dc"},
	ActSubmit:            {"as plaintiff": "dsc"},
	ActReview:            {"filing_clerk": filed},
	ActInvite:            {"filing_clerk": live, "as clerk": live},
	ActConsent:           {"as plaintiff": always, "as defendant": always, "as third_party": always},
	ActAddEvidence:       {"as plaintiff": "dscahH", "as defendant": "ahH", "as third_party": "ahH"},
	ActSchedule:          {"as judge": live, "as clerk": live},
	ActJoinHearing:       {"as plaintiff": live, "as defendant": live, "as third_party": live, "as judge": live, "as clerk": live},
	ActWatchHearing:      {},
	ActControlHearing:    {"as judge": live},
	ActAdmit:             {"as clerk": live},
	ActTranscribe:        {"as clerk": live},
	ActConfirmTranscript: {"as plaintiff": live, "as defendant": live, "as third_party": live},
	ActReplaceTranscript: {"as plaintiff": live, "as defendant": live, "as third_party": live},
	ActSignIntegrity:     {"as plaintiff": live, "as defendant": live, "as third_party": live},
	ActPlayRecording: {
		"as plaintiff": live, "as defendant": live, "as third_party": live, "as judge": live, "as clerk": live, "supervisor": live,
	},
	ActCopyRecording:      {"as judge": live, "as clerk": live}, // parties with leave: TestCopyingNeedsLeave
	ActAskCopy:            {"as plaintiff": live, "as defendant": live, "as third_party": live},
	ActDecideCopy:         {"as judge": live},
	ActReadExplanation:    {"as judge": live, "as clerk": live, "supervisor": live},
	ActExplainRecording:   {"as clerk": live},
	ActApproveExplanation: {"as judge": live},
	ActReadKeeping:        {"as judge": live, "as clerk": live, "administrator": live, "supervisor": live},
	ActHoldRecording:      {"as judge": live, "administrator": live},
	ActDeleteRecording:    {"as judge": live, "as clerk": live, "administrator": live},
	ActMakeFilm:           {"as judge": live, "as clerk": live},
	ActSeeViewings:        {"as judge": live, "as clerk": live, "supervisor": live},
	ActDraftJudgment:      {"as judge": live},
	ActSignJudgment:       {"as judge": live},
	ActServe:              {"as clerk": live},
	ActReadDelivery: {
		"as plaintiff": live, "as defendant": live, "as third_party": live, "as judge": live, "as clerk": live, "supervisor": live,
	},
	ActConfirmReceipt: {"as plaintiff": live, "as defendant": live, "as third_party": live},
	ActExport: {
		"as plaintiff": filed, "as defendant": filed, "as third_party": filed, "as judge": filed, "as clerk": filed, "supervisor": filed,
	},
	ActListQueue:  {"filing_clerk": always, "clerk": always, "judge": always, "supervisor": always},
	ActSupervise:  {"supervisor": always},
	ActAdminister: {"administrator": always},
}

type persona struct {
	actor     Actor
	standings []Standing
}

func personas() map[string]persona {
	account := uuid.MustParse("0190a000-0000-7000-8000-000000000001")
	all := map[string]persona{"nobody": {}, "system": {actor: System}}
	for _, role := range Roles() {
		all[string(role)] = persona{actor: Actor{Account: account, Roles: []Role{RoleUser, role}}}
	}
	for _, standing := range Standings() {
		all["as "+string(standing)] = persona{
			actor: Actor{Account: account, Roles: []Role{RoleUser}}, standings: []Standing{standing},
		}
	}
	return all
}

// TestPolicy walks every action × every role and standing × every stage × a
// public hearing or none.
func TestPolicy(t *testing.T) {
	if len(expected) != len(Actions()) || len(policy) != len(Actions()) {
		t.Fatalf("%d actions, %d expected, %d in the policy", len(Actions()), len(expected), len(policy))
	}
	for _, act := range Actions() {
		rows, ok := expected[act]
		if !ok {
			t.Errorf("%s is not in the expected table", act)
		}
		for name, p := range personas() {
			for letter, stage := range stageLetters {
				for _, public := range []bool{false, true} {
					want := strings.Contains(rows[name], letter)
					if act == ActWatchHearing {
						want = public && strings.Contains(live, letter)
					}
					view := CaseView{Standings: p.standings, Stage: stage, PublicHearing: public}
					if got := Can(p.actor, act, view); got != want {
						t.Errorf("%s, %s, stage %q, public %v: %v, want %v", act, name, stage, public, got, want)
					}
				}
			}
		}
	}
}

func TestPolicyNamesOnlyWhatExists(t *testing.T) {
	for act, grants := range policy {
		for _, g := range grants {
			for _, role := range g.roles {
				if !slices.Contains(Roles(), role) {
					t.Errorf("%s: role %q", act, role)
				}
			}
			for _, standing := range g.standings {
				if !slices.Contains(Standings(), standing) {
					t.Errorf("%s: standing %q", act, standing)
				}
			}
			for _, stage := range g.stages {
				known := false
				for _, s := range stageLetters {
					known = known || s == stage
				}
				if !known {
					t.Errorf("%s: stage %q", act, stage)
				}
			}
		}
	}
	if Can(Actor{Account: uuid.New(), Roles: Roles()}, "no such action", CaseView{Standings: Standings()}) {
		t.Error("an unknown action is granted")
	}
}

// TestNobodyHandlesTheirOwnCase: 民事诉讼法 art. 47.
func TestNobodyHandlesTheirOwnCase(t *testing.T) {
	everyRole := Actor{Account: uuid.New(), Roles: Roles()}
	official := []Action{
		ActReview, ActInvite, ActSchedule, ActControlHearing, ActAdmit, ActTranscribe, ActDraftJudgment, ActSignJudgment,
		ActServe, ActSupervise,
	}
	for _, standing := range parties {
		for _, act := range official {
			for _, also := range [][]Standing{{standing}, {standing, StandingJudge, StandingClerk}} {
				if Can(everyRole, act, CaseView{Standings: also, Stage: "accepted"}) {
					t.Errorf("%v may %s", also, act)
				}
			}
		}
		if !Can(everyRole, ActReadCase, CaseView{Standings: []Standing{standing, StandingJudge}, Stage: "accepted"}) {
			t.Errorf("a %s may not read the own case", standing)
		}
	}
}

func TestCopyingNeedsLeave(t *testing.T) {
	party := Actor{Account: uuid.New(), Name: "p", Roles: []Role{RoleUser}}
	c := CaseView{ID: uuid.New(), Standings: []Standing{StandingPlaintiff}, Stage: "heard"}
	if Can(party, ActCopyRecording, c) {
		t.Error("a party copies without leave")
	}
	c.MayCopy = true
	if !Can(party, ActCopyRecording, c) {
		t.Error("a party with leave may not copy")
	}
	c.Standings = nil
	if Can(party, ActCopyRecording, c) {
		t.Error("leave outlives the standing")
	}
}
