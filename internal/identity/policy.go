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
	PublicHearing bool       // a public hearing of it is set or open
}

// Action is something a person may want to do.
type Action string

// The actions.
const (
	ActFile              Action = "file"               // create a case
	ActReadCase          Action = "read_case"          //
	ActEditDraft         Action = "edit_draft"         //
	ActSubmit            Action = "submit"             //
	ActReview            Action = "review"             // accept, ask for corrections, refuse
	ActInvite            Action = "invite"             //
	ActLink              Action = "link"               // join a case by code
	ActConsent           Action = "consent"            //
	ActAddEvidence       Action = "add_evidence"       //
	ActReadEvidence      Action = "read_evidence"      //
	ActSchedule          Action = "schedule"           //
	ActJoinHearing       Action = "join_hearing"       //
	ActWatchHearing      Action = "watch_hearing"      //
	ActControlHearing    Action = "control_hearing"    // phases, mute, remove, recess
	ActAdmit             Action = "admit"              // from the lobby
	ActTranscribe        Action = "transcribe"         //
	ActConfirmTranscript Action = "confirm_transcript" //
	ActPlayRecording     Action = "play_recording"     //
	ActDraftJudgment     Action = "draft_judgment"     //
	ActSignJudgment      Action = "sign_judgment"      //
	ActReadDocument      Action = "read_document"      //
	ActServe             Action = "serve"              //
	ActReadDelivery      Action = "read_delivery"      //
	ActConfirmReceipt    Action = "confirm_receipt"    //
	ActExport            Action = "export"             //
	ActListQueue         Action = "list_queue"         //
	ActSupervise         Action = "supervise"          //
	ActAdminister        Action = "administer"         //
	ActReadLedger        Action = "read_ledger"        //
	ActAccount           Action = "account"            // one's own account
)

// Can reports whether a may do act in case c. What no rule allows is denied.
func Can(a Actor, act Action, c CaseView) bool {
	return slices.Contains([]Action{}, act)
}
