package docket

import (
	"time"

	"github.com/google/uuid"
)

// Phase is how far a hearing has come.
type Phase string

// The phases (CPL 140–145).
const (
	PhaseWaiting       Phase = "waiting"          // before 开庭
	PhaseOpening       Phase = "opening"          // 核对当事人, 告知权利, 回避
	PhaseInvestigation Phase = "investigation"    // 法庭调查
	PhaseDebate        Phase = "debate"           // 法庭辩论
	PhaseFinal         Phase = "final_statements" // 最后意见
	PhaseRecess        Phase = "recess"           // 休庭
	PhaseClosed        Phase = "closed"           // 闭庭
)

// Phases lists every phase in order.
func Phases() []Phase {
	return []Phase{PhaseWaiting, PhaseOpening, PhaseInvestigation, PhaseDebate, PhaseFinal, PhaseRecess, PhaseClosed}
}

// Hearing is one sitting of a case.
type Hearing struct {
	ID         uuid.UUID  `json:"id"`
	Case       uuid.UUID  `json:"case"`
	CaseNumber string     `json:"case_number"`
	CaseTitle  string     `json:"case_title"`
	Title      string     `json:"title"` // 第一次开庭
	Start      time.Time  `json:"start"`
	Minutes    int        `json:"minutes"`
	Public     bool       `json:"public"`
	Phase      Phase      `json:"phase"`
	Resume     Phase      `json:"resume,omitempty"` // in recess: the phase that goes on after it
	OpenedAt   *time.Time `json:"opened_at,omitempty"`
	ClosedAt   *time.Time `json:"closed_at,omitempty"`
	// Adjourned says that the hearing closed out of a recess before the final
	// statements: another must follow (CPL 149).
	Adjourned bool      `json:"adjourned"`
	Version   int64     `json:"version"`
	Judge     uuid.UUID `json:"judge"`
	Clerk     uuid.UUID `json:"clerk"`
}

// End is when the hearing is planned to end.
func (h Hearing) End() time.Time { return h.Start.Add(time.Duration(h.Minutes) * time.Minute) }

// Live reports whether the hearing is open and not in recess: what is said then
// is recorded (AV 3).
func (h Hearing) Live() bool {
	return h.Phase != PhaseWaiting && h.Phase != PhaseRecess && h.Phase != PhaseClosed
}

// phaseMoves are the legal moves out of a phase, but for recess. The court may
// go back from debate to investigation when a new fact appears (JI 230 spirit:
// what debate brings up may need proof). A hearing closes after the final
// statements, which may not be skipped (CPL 144), or adjourned out of a recess.
var phaseMoves = map[Phase][]Phase{
	PhaseWaiting:       {PhaseOpening},
	PhaseOpening:       {PhaseInvestigation, PhaseRecess},
	PhaseInvestigation: {PhaseDebate, PhaseRecess},
	PhaseDebate:        {PhaseFinal, PhaseInvestigation, PhaseRecess},
	PhaseFinal:         {PhaseClosed, PhaseDebate, PhaseRecess},
}

// NextPhases lists the legal moves of the hearing as it stands: what the judge
// may choose now. It is empty, never nil, once the hearing is closed.
func (h Hearing) NextPhases() []Phase {
	if h.Phase == PhaseRecess {
		return []Phase{h.Resume, PhaseClosed}
	}
	return append([]Phase{}, phaseMoves[h.Phase]...)
}

// HearingInput is a hearing to set.
type HearingInput struct {
	Start   time.Time `json:"start"`
	Minutes int       `json:"minutes"`
	Public  bool      `json:"public"`
	Title   string    `json:"title"` // empty: 第 n 次开庭
	// PartiesAgreed says that every party agreed to be told less than three
	// days before (CPL 139); it stands in the entry.
	PartiesAgreed bool `json:"parties_agreed"`
	// Waive is the same as PartiesAgreed.
	Waive bool `json:"waive,omitempty"`
}

// The kinds of HearingEvent.
const (
	EventArrived          = "arrived"          // in the lobby
	EventDeclared         = "declared"         // that nobody records in secret (LR 27)
	EventIdentityChecked  = "identity_checked" // LR 7
	EventAdmitted         = "admitted"
	EventDenied           = "denied"
	EventJoined           = "joined"
	EventLeft             = "left" // by own act
	EventNetworkLost      = "network_lost"
	EventNetworkRestored  = "network_restored"
	EventRemoved          = "removed"
	EventMuted            = "muted"
	EventUnmuted          = "unmuted"
	EventWarned           = "warned" // before 中途退庭 (LR 25)
	EventFloorGiven       = "floor_given"
	EventFloorTaken       = "floor_taken"
	EventHandRaised       = "hand_raised"
	EventHandLowered      = "hand_lowered"
	EventDiscipline       = "discipline_acknowledged"
	EventScreenStarted    = "screen_started"
	EventScreenStopped    = "screen_stopped"
	EventEvidenceShown    = "evidence_shown"
	EventRecordingStarted = "recording_started"
	EventRecordingStopped = "recording_stopped"
	EventRecordingGap     = "recording_gap"    // AV 5
	EventRecordingFault   = "recording_fault"  // it cannot start or has stopped (AV 4)
	EventRecordingChoice  = "recording_choice" // of the judge, in a fault
	EventServerRestarted  = "server_restarted"
)

// HearingEvents lists every kind that HearingEvent takes.
func HearingEvents() []string {
	return []string{EventArrived, EventDeclared, EventIdentityChecked, EventAdmitted, EventDenied, EventJoined,
		EventLeft, EventNetworkLost, EventNetworkRestored, EventRemoved, EventMuted, EventUnmuted, EventWarned,
		EventFloorGiven, EventFloorTaken, EventHandRaised, EventHandLowered, EventDiscipline, EventScreenStarted,
		EventScreenStopped, EventEvidenceShown, EventRecordingStarted, EventRecordingStopped, EventRecordingGap, EventRecordingFault,
		EventRecordingChoice, EventServerRestarted}
}

// Presence is one stay of a person in a hearing. Cause says how it ended:
// "left" (by own act), "network" (the connection failed, which is no leaving:
// LR 25), "removed", "closed" (the hearing ended), or empty while it lasts.
type Presence struct {
	Account  uuid.UUID  `json:"account"`
	Name     string     `json:"name"`
	JoinedAt time.Time  `json:"joined_at"`
	LeftAt   *time.Time `json:"left_at,omitempty"`
	Cause    string     `json:"cause,omitempty"`
}
