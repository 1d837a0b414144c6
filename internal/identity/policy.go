package identity

import (
	"slices"

	"github.com/google/uuid"
)

// CaseView is what the policy needs to know of a case. Its zero value stands
// for acts that concern no case.
type CaseView struct {
	ID            uuid.UUID
	Standings     []Standing // what the actor is in this case
	Stage         string     // docket.Stage
	PublicHearing bool       // the hearing in question is public
	MayCopy       bool       // the judge let the actor copy the recordings (AV 11)
}

// Action is something a person may want to do.
type Action string

// The actions.
const (
	ActFile               Action = "file"                // 起诉: create a case
	ActReadCase           Action = "read_case"           // the case page, its docket and proofs
	ActEditDraft          Action = "edit_draft"          // the complaint before it is filed, or under correction
	ActSubmit             Action = "submit"              // 提交立案
	ActReview             Action = "review"              // 立案审查: accept, ask for corrections, refuse
	ActInvite             Action = "invite"              // make a party's one-time code
	ActLink               Action = "link"                // 关联案件: join a case by code
	ActConsent            Action = "consent"             // to online procedure and e-service
	ActAddEvidence        Action = "add_evidence"        // 举证
	ActReadEvidence       Action = "read_evidence"       //
	ActSchedule           Action = "schedule"            // 排期
	ActJoinHearing        Action = "join_hearing"        // 参加庭审, with a seat
	ActWatchHearing       Action = "watch_hearing"       // 旁听, without one
	ActControlHearing     Action = "control_hearing"     // 主持: phases, mute, remove, recess
	ActAdmit              Action = "admit"               // from the lobby into the room
	ActTranscribe         Action = "transcribe"          // 庭审笔录
	ActConfirmTranscript  Action = "confirm_transcript"  // 核对笔录, or object
	ActReplaceTranscript  Action = "replace_transcript"  // 同意以录音录像替代笔录, or not
	ActSignIntegrity      Action = "sign_integrity"      // 确认完整性校验值, or object
	ActPlayRecording      Action = "play_recording"      // 庭审录像
	ActCopyRecording      Action = "copy_recording"      // 复制录像
	ActAskCopy            Action = "ask_copy"            // 申请复制
	ActDecideCopy         Action = "decide_copy"         // 准许复制
	ActSeeViewings        Action = "see_viewings"        // 查阅记录: who watched
	ActReadExplanation    Action = "read_explanation"    // 录音录像情况说明, before it is a document
	ActExplainRecording   Action = "explain_recording"   // 说明录制中断, the clerk's
	ActApproveExplanation Action = "approve_explanation" // 审核说明, the judge's
	ActReadKeeping        Action = "read_keeping"        // until when recordings are kept
	ActHoldRecording      Action = "hold_recording"      // legal hold, and its end
	ActDeleteRecording    Action = "delete_recording"    // 删除录像: propose, or decide on another person's proposal
	ActMakeFilm           Action = "make_film"           // 合成录像: one film of a hearing
	ActDraftJudgment      Action = "draft_judgment"      //
	ActSignJudgment       Action = "sign_judgment"       //
	ActReadDocument       Action = "read_document"       //
	ActServe              Action = "serve"               // 送达
	ActReadDelivery       Action = "read_delivery"       //
	ActConfirmReceipt     Action = "confirm_receipt"     // 签收
	ActExport             Action = "export"              // the case with all its files and proofs
	ActListQueue          Action = "list_queue"          // the court's lists of cases
	ActSupervise          Action = "supervise"           //
	ActAdminister         Action = "administer"          //
	ActReadLedger         Action = "read_ledger"         // checkpoints, tiles and proofs: public
	ActAccount            Action = "account"             // one's own account
)

// Actions lists every action.
func Actions() []Action {
	return []Action{
		ActFile, ActReadCase, ActEditDraft, ActSubmit, ActReview, ActInvite, ActLink, ActConsent, ActAddEvidence,
		ActReadEvidence, ActSchedule, ActJoinHearing, ActWatchHearing, ActControlHearing, ActAdmit, ActTranscribe,
		ActConfirmTranscript, ActReplaceTranscript, ActSignIntegrity, ActPlayRecording, ActCopyRecording, ActAskCopy, ActDecideCopy, ActSeeViewings, ActReadExplanation, ActExplainRecording, ActApproveExplanation, ActReadKeeping, ActHoldRecording, ActDeleteRecording, ActMakeFilm, ActDraftJudgment, ActSignJudgment, ActReadDocument, ActServe,
		ActReadDelivery, ActConfirmReceipt, ActExport, ActListQueue, ActSupervise, ActAdminister, ActReadLedger,
		ActAccount,
	}
}

// grant allows an action to those it names, while the case is in one of its
// stages (none named: always, also without a case). Roles of the court never
// count in a case where the actor is a party: nobody handles their own case
// (民事诉讼法 art. 47).
type grant struct {
	anyone    bool // also when nobody is signed in
	audience  bool // anyone, when the hearing is public (民事诉讼法 art. 137)
	signedIn  bool
	copier    bool // only with the judge's leave to copy
	roles     []Role
	standings []Standing
	stages    []string
}

// Stages by what they have in common; their names are docket's.
var (
	// stagesOpen: the complaint is in the plaintiff's hands. A submitted one
	// counts, so that a second submit finds the first one's receipt.
	stagesOpen = []string{"draft", "submitted", "correcting"}
	// stagesFiled: the court has it. A draft is its author's alone.
	stagesFiled = []string{"submitted", "correcting", "refused", "accepted", "scheduled", "heard", "judged", "served"}
	// stagesLive: accepted, with a 案号, a judge and a clerk.
	stagesLive = []string{"accepted", "scheduled", "heard", "judged", "served"}
	// stagesProof: evidence may come, late evidence too: it is flagged, never
	// refused silently (民诉证据规定 arts. 51 ff.).
	stagesProof = []string{"draft", "submitted", "correcting", "accepted", "scheduled", "heard"}
)

var (
	parties  = []Standing{StandingPlaintiff, StandingDefendant, StandingThird}
	officers = []Standing{StandingJudge, StandingClerk}
)

// readers of a case: its plaintiff always, everybody else once it is filed.
// Supervision reads everything that happened; a draft has not happened.
var readers = []grant{
	{standings: []Standing{StandingPlaintiff}},
	{standings: []Standing{StandingDefendant, StandingThird, StandingJudge, StandingClerk}, stages: stagesFiled},
	{roles: []Role{RoleFilingClerk, RoleSupervisor}, stages: stagesFiled},
}

// policy is who may do what. What it does not grant is denied. It decides on
// people; whether an act is possible now (its phase, its period) the docket
// decides and can explain.
var policy = map[Action][]grant{
	ActFile:      {{roles: []Role{RoleUser}}},
	ActEditDraft: {{standings: []Standing{StandingPlaintiff}, stages: []string{"draft", "correcting"}}},
	ActSubmit:    {{standings: []Standing{StandingPlaintiff}, stages: stagesOpen}},
	ActReview:    {{roles: []Role{RoleFilingClerk}, stages: stagesFiled}},

	ActReadCase:     readers,
	ActReadEvidence: readers,
	ActReadDocument: readers,
	ActAddEvidence: {
		{standings: []Standing{StandingPlaintiff}, stages: stagesProof},
		{standings: []Standing{StandingDefendant, StandingThird}, stages: []string{"accepted", "scheduled", "heard"}},
	},

	// A code is as good as the party's identity, so only who runs the case makes it.
	ActInvite: {
		{standings: []Standing{StandingClerk}, stages: stagesLive},
		{roles: []Role{RoleFilingClerk}, stages: stagesLive},
	},
	ActLink:    {{signedIn: true}},
	ActConsent: {{standings: parties}},

	ActSchedule:          {{standings: officers, stages: stagesLive}},
	ActJoinHearing:       {{standings: parties, stages: stagesLive}, {standings: officers, stages: stagesLive}},
	ActWatchHearing:      {{audience: true, stages: stagesLive}},
	ActControlHearing:    {{standings: []Standing{StandingJudge}, stages: stagesLive}},
	ActAdmit:             {{standings: []Standing{StandingClerk}, stages: stagesLive}},
	ActTranscribe:        {{standings: []Standing{StandingClerk}, stages: stagesLive}},
	ActConfirmTranscript: {{standings: parties, stages: stagesLive}},
	ActReplaceTranscript: {{standings: parties, stages: stagesLive}},
	ActSignIntegrity:     {{standings: parties, stages: stagesLive}},
	ActPlayRecording: {
		{standings: parties, stages: stagesLive},
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleSupervisor}, stages: stagesLive},
	},

	// AV 11, 15: the court copies its own record; a party with the judge's leave.
	ActCopyRecording: {
		{standings: officers, stages: stagesLive},
		{standings: parties, stages: stagesLive, copier: true},
	},
	ActAskCopy: {{standings: parties, stages: stagesLive}},
	// AV 15: nobody deletes without the court; that it takes two people, docket and database see to.
	ActReadKeeping: {
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleAdministrator, RoleSupervisor}, stages: stagesLive},
	},
	ActHoldRecording: {
		{standings: []Standing{StandingJudge}, stages: stagesLive},
		{roles: []Role{RoleAdministrator}, stages: stagesLive},
	},
	ActDeleteRecording: {
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleAdministrator}, stages: stagesLive},
	},
	ActMakeFilm: {{standings: officers, stages: stagesLive}},
	// AV 4: who runs the recording explains, the judge reviews; the parties get the document.
	ActReadExplanation: {
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleSupervisor}, stages: stagesLive},
	},
	ActExplainRecording:   {{standings: []Standing{StandingClerk}, stages: stagesLive}},
	ActApproveExplanation: {{standings: []Standing{StandingJudge}, stages: stagesLive}},
	ActDecideCopy:         {{standings: []Standing{StandingJudge}, stages: stagesLive}},
	ActSeeViewings: {
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleSupervisor}, stages: stagesLive},
	},

	ActDraftJudgment: {{standings: []Standing{StandingJudge}, stages: stagesLive}},
	ActSignJudgment:  {{standings: []Standing{StandingJudge}, stages: stagesLive}},

	ActServe: {{standings: []Standing{StandingClerk}, stages: stagesLive}},
	ActReadDelivery: {
		{standings: parties, stages: stagesLive},
		{standings: officers, stages: stagesLive},
		{roles: []Role{RoleSupervisor}, stages: stagesLive},
	},
	ActConfirmReceipt: {{standings: parties, stages: stagesLive}},

	ActExport: {
		{standings: parties, stages: stagesFiled},
		{standings: officers, stages: stagesFiled},
		{roles: []Role{RoleSupervisor}, stages: stagesFiled},
	},

	ActListQueue:  {{roles: []Role{RoleFilingClerk, RoleClerk, RoleJudge, RoleSupervisor}}},
	ActSupervise:  {{roles: []Role{RoleSupervisor}}},
	ActAdminister: {{roles: []Role{RoleAdministrator}}},
	ActReadLedger: {{anyone: true}},
	ActAccount:    {{signedIn: true}},
}

// Can reports whether a may do act in case c (the zero CaseView when no case
// is concerned). What no rule grants is denied, also to System, which calls
// the modules directly and asks nobody.
func Can(a Actor, act Action, c CaseView) bool {
	return slices.ContainsFunc(policy[act], func(g grant) bool { return g.allows(a, c) })
}

func (g grant) allows(a Actor, c CaseView) bool {
	if len(g.stages) > 0 && !slices.Contains(g.stages, c.Stage) {
		return false
	}
	if g.copier && !c.MayCopy {
		return false
	}
	if g.anyone || g.audience && c.PublicHearing {
		return true
	}
	if a.Anonymous() || a.IsSystem() {
		return false
	}
	if g.signedIn {
		return true
	}
	own := slices.ContainsFunc(parties, func(p Standing) bool { return slices.Contains(c.Standings, p) })
	for _, standing := range g.standings {
		if slices.Contains(c.Standings, standing) && (!own || slices.Contains(parties, standing)) {
			return true
		}
	}
	return slices.ContainsFunc(g.roles, func(r Role) bool {
		return a.Has(r) && (!own || r == RoleUser)
	})
}
