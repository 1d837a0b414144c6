package docket

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/complaint"
	"yunting/internal/identity"
)

var errPending = errors.New("docket: not built yet")

func (d *Docket) CreateDraft(ctx context.Context, actor identity.Actor) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) SaveDraft(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, draft Draft) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) Findings(ctx context.Context, caseID uuid.UUID) ([]complaint.Finding, error) {
	return nil, errPending
}
func (d *Docket) AddEvidence(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in EvidenceInput) (Evidence, error) {
	return Evidence{}, errPending
}
func (d *Docket) Evidence(ctx context.Context, caseID uuid.UUID) ([]Evidence, error) {
	return nil, errPending
}
func (d *Docket) EvidenceItem(ctx context.Context, id uuid.UUID) (Evidence, error) {
	return Evidence{}, errPending
}
func (d *Docket) RemoveEvidence(ctx context.Context, actor identity.Actor, caseID, id uuid.UUID) error {
	return errPending
}
func (d *Docket) Submit(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64) (Receipt, error) {
	return Receipt{}, errPending
}
func (d *Docket) Receipt(ctx context.Context, caseID uuid.UUID) (Receipt, error) {
	return Receipt{}, errPending
}
func (d *Docket) Accept(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in AcceptInput) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) RequestCorrections(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, corrections []Correction, days int) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) Refuse(ctx context.Context, actor identity.Actor, caseID uuid.UUID, version int64, reason string) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) Invite(ctx context.Context, actor identity.Actor, caseID, partyID uuid.UUID) (Invitation, error) {
	return Invitation{}, errPending
}
func (d *Docket) InvitationLetter(ctx context.Context, id uuid.UUID) (Invitation, error) {
	return Invitation{}, errPending
}
func (d *Docket) Link(ctx context.Context, actor identity.Actor, code string) (Case, error) {
	return Case{}, errPending
}
func (d *Docket) Consent(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in ConsentInput) error {
	return errPending
}
func (d *Docket) WithdrawConsent(ctx context.Context, actor identity.Actor, caseID uuid.UUID, stage, reason string) error {
	return errPending
}
func (d *Docket) ScheduleHearing(ctx context.Context, actor identity.Actor, caseID uuid.UUID, in HearingInput) (Hearing, error) {
	return Hearing{}, errPending
}
func (d *Docket) Hearing(ctx context.Context, id uuid.UUID) (Hearing, error) {
	return Hearing{}, errPending
}
func (d *Docket) Hearings(ctx context.Context, caseID uuid.UUID) ([]Hearing, error) {
	return nil, errPending
}
func (d *Docket) MovePhase(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, to Phase) (Hearing, error) {
	return Hearing{}, errPending
}
func (d *Docket) HearingEvent(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, kind string, data any) error {
	return errPending
}
func (d *Docket) Presence(ctx context.Context, hearingID uuid.UUID) ([]Presence, error) {
	return nil, errPending
}
func (d *Docket) WriteLine(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, in LineInput) (Line, error) {
	return Line{}, errPending
}
func (d *Docket) ReviseLine(ctx context.Context, actor identity.Actor, hearingID, lineID uuid.UUID, revision int, speaker, text string) (Line, error) {
	return Line{}, errPending
}
func (d *Docket) LineRevisions(ctx context.Context, hearingID uuid.UUID) ([]LineRevision, error) {
	return nil, errPending
}
func (d *Docket) Transcript(ctx context.Context, hearingID uuid.UUID) (Transcript, error) {
	return Transcript{}, errPending
}
func (d *Docket) AnswerTranscript(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, confirm bool, objection string) error {
	return errPending
}
func (d *Docket) RecordingPart(ctx context.Context, hearingID uuid.UUID, r Recording) error {
	return errPending
}
func (d *Docket) Recordings(ctx context.Context, hearingID uuid.UUID) ([]Recording, error) {
	return nil, errPending
}
func (d *Docket) View(ctx context.Context, actor identity.Actor, caseID uuid.UUID) (identity.CaseView, error) {
	return identity.CaseView{}, errPending
}
func (d *Docket) Case(ctx context.Context, caseID uuid.UUID) (Case, error) { return Case{}, errPending }
func (d *Docket) Cases(ctx context.Context, f Filter) ([]Case, int, error) { return nil, 0, errPending }
func (d *Docket) Desk(ctx context.Context, actor identity.Actor) (Desk, error) {
	return Desk{}, errPending
}
func (d *Docket) AppendEntry(ctx context.Context, tx pgx.Tx, in EntryInput) (Entry, error) {
	return Entry{}, errPending
}
func (d *Docket) Entries(ctx context.Context, caseID uuid.UUID) ([]Entry, error) {
	return nil, errPending
}
func (d *Docket) SetStage(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, to Stage) error {
	return errPending
}
