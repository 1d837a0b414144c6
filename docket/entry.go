package docket

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/ledger/bundle"
)

// FileRef names a file that an entry, a receipt or a bundle holds.
type FileRef struct {
	Name string    `json:"name"`
	Hash blob.Hash `json:"sha256"`
	Size int64     `json:"size"` // bytes
}

// The kinds of entry. Those of a hearing's events are "hearing." and the event.
const (
	EntryCreated           = "case.created"
	EntryFiled             = "case.filed"
	EntryRefiled           = "case.refiled" // after corrections
	EntryCorrections       = "case.corrections_requested"
	EntryAccepted          = "case.accepted"
	EntryRefused           = "case.refused"
	EntryDraftLapsed       = "case.lapsed" // never filed, and cleared after its period
	EntryEvidenceAdded     = "evidence.added"
	EntryEvidenceRemoved   = "evidence.removed"
	EntryInvited           = "party.invited"
	EntryLinked            = "party.linked"
	EntryConsent           = "party.consented"
	EntryConsentDeclined   = "party.declined_online"
	EntryConsentWithdrawn  = "party.consent_withdrawn"
	EntryHearingScheduled  = "hearing.scheduled"
	EntryHearingPhase      = "hearing.phase"
	EntryTranscriptLine    = "transcript.line"
	EntryTranscriptRevised = "transcript.revised"
	EntryTranscriptAnswer  = "transcript.answered"
	EntryRecording         = "recording.stored"
	EntryIntegrity         = "recording.integrity"
	EntryRecordingConsent  = "recording.consent"            // that it stands for the transcript, or not (AV 8)
	EntryIntegrityAnswer   = "recording.integrity_answered" // AV 9
	EntryIntegrityStamped  = "recording.integrity_stamped"  // RFC 3161
	EntryExplained         = "recording.explained"          // the clerk signed why it was interrupted (AV 3, 4)
	EntryFilm              = "recording.film"               // one film of the whole hearing
	EntryRecordingHeld     = "recording.held"               // legal hold
	EntryRecordingReleased = "recording.released"           // the end of it
	EntryDeletionProposed  = "recording.deletion_proposed"
	EntryDeletionRefused   = "recording.deletion_refused"
	EntryRecordingDeleted  = bundle.KindDeleted  // the tombstone (AV 15)
	EntryWatched           = "recording.watched" // once a viewing (AV 10)
	EntryCopied            = "recording.copied"
	EntryCopyAsked         = "recording.copy_asked" // AV 11
	EntryCopyDecided       = "recording.copy_decided"
	EntryDocumentCreated   = "document.created"
	EntryJudgmentSigned    = "judgment.signed"
	EntryServed            = "service.sent"
	EntryServiceEvent      = "service.event"
	EntryServiceEffective  = "service.effective"
	EntryServiceProof      = "service.proof"
	EntryStage             = "case.stage"
	EntryExported          = "case.exported"
	EntryRead              = "case.read" // by supervision
)

// EntryKinds lists every kind that an entry may have.
func EntryKinds() []string {
	kinds := []string{EntryCreated, EntryFiled, EntryRefiled, EntryCorrections, EntryAccepted, EntryRefused, EntryDraftLapsed,
		EntryEvidenceAdded, EntryEvidenceRemoved, EntryInvited, EntryLinked, EntryConsent, EntryConsentDeclined,
		EntryConsentWithdrawn, EntryHearingScheduled, EntryHearingPhase, EntryTranscriptLine, EntryTranscriptRevised,
		EntryTranscriptAnswer, EntryRecording, EntryIntegrity, EntryRecordingConsent, EntryIntegrityAnswer, EntryIntegrityStamped, EntryExplained,
		EntryFilm, EntryRecordingHeld, EntryRecordingReleased, EntryDeletionProposed, EntryDeletionRefused, EntryRecordingDeleted, EntryWatched, EntryCopied, EntryCopyAsked, EntryCopyDecided, EntryDocumentCreated, EntryJudgmentSigned, EntryServed,
		EntryServiceEvent, EntryServiceEffective, EntryServiceProof, EntryStage, EntryExported, EntryRead}
	for _, event := range HearingEvents() {
		kinds = append(kinds, "hearing."+event)
	}
	return kinds
}

// EntryInput is an entry to write.
type EntryInput struct {
	Case  uuid.UUID
	Actor identity.Actor
	Kind  string    // one of EntryKinds
	Data  any       // JSON; full identity numbers in it are masked
	Files []FileRef // the files that the entry proves
}

// Entry is one act in the record of a case. It is never changed or deleted.
type Entry struct {
	ID        uuid.UUID       `json:"id"`
	Case      uuid.UUID       `json:"case"`
	Seq       int             `json:"seq"` // 1, 2 … in the case, without gaps
	Kind      string          `json:"kind"`
	At        time.Time       `json:"at"`
	Actor     uuid.UUID       `json:"actor"`
	ActorName string          `json:"actor_name"`
	Standing  string          `json:"standing,omitempty"` // the actor's in the case at that time
	Data      json.RawMessage `json:"data"`
	Files     []FileRef       `json:"files"`
	Payload   []byte          `json:"-"` // the canonical JSON that the leaf is the hash of
	Leaf      ledger.Leaf     `json:"-"`
}
