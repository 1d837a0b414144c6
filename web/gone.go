package web

import (
	"fmt"

	"github.com/google/uuid"

	"yunting/docket"
)

// deletedError: recordings that two people decided to delete. Who may see the
// case is told by whom, when and why; the address will never have a file again.
type deletedError struct {
	docket.Deletion
	Case uuid.UUID
}

func (e *deletedError) Error() string {
	return fmt.Sprintf("web: the recordings were deleted by decision, entry %d of the case", e.Tombstone)
}

// tombstone is the path of the entry that tells of the deletion.
func (e *deletedError) tombstone() string {
	return fmt.Sprintf("/cases/%s/entries/%d", e.Case, e.Tombstone)
}

// unlessDeleted gives a *deletedError when the hearing's recordings were
// deleted, also while the job that removes their files has not run yet.
func (r *request) unlessDeleted() error {
	keeping, err := r.s.Docket.Keeping(r.Context(), r.hearing.ID)
	if err != nil {
		return err
	}
	if keeping.Deleted() {
		return &deletedError{Deletion: *keeping.Deletion, Case: r.caseID}
	}
	return nil
}

// deletedText says of a deletion by whom and when it was, and where its tombstone is.
func (r *request) deletedText(e *deletedError) string {
	when := instantText(e.DecidedAt, r.s.Docket.Court().Zone, r.lang)
	return r.t("recordings.deleted", "when", when, "name", e.DecidedName, "proposer", e.Proposer) +
		" " + r.t("recordings.deleted.text") + " " + e.tombstone()
}
