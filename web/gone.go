package web

import (
	"errors"
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

// lapsedError: a draft that was cleared after its period. Who began it is told
// when and why; to everybody else it is as forbidden as it always was.
type lapsedError struct{ docket.Lapse }

func (e *lapsedError) Error() string {
	return fmt.Sprintf("web: the draft was not changed for %d days and was cleared", e.Days)
}

// unlessLapsed is errForbidden, or a *lapsedError for who began the case of the
// request as a draft that was cleared since.
func (r *request) unlessLapsed() error {
	if r.route.about != aboutCase {
		return errForbidden
	}
	lapse, err := r.s.Docket.Lapse(r.Context(), r.actor, r.caseID)
	switch {
	case err == nil:
		return &lapsedError{lapse}
	case errors.Is(err, docket.ErrNotFound):
		return errForbidden
	}
	return err
}

// lapsedText says of a draft when and why it was cleared, and what is left.
func (r *request) lapsedText(e *lapsedError) string {
	when := instantText(e.At, r.s.Docket.Court().Zone, r.lang)
	return r.t("draft.lapsed", "when", when, "n", e.Days) + " " + r.t("problem.draft_lapsed.help")
}
