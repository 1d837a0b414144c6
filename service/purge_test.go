package service_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/ledger/bundle"
)

func (c *court) put(text string) blob.Ref {
	c.t.Helper()
	ref, err := c.blobs.Put(c.t.Context(), strings.NewReader(text))
	must(c.t, err)
	return ref
}

// exported exports a case and verifies it with the court's own key.
func (c *court) exported(id uuid.UUID) bundle.Report {
	c.t.Helper()
	var out bytes.Buffer
	must(c.t, c.Export(c.t.Context(), c.judge, id, &out))
	report, err := bundle.Verify(bytes.NewReader(out.Bytes()), int64(out.Len()), c.log.PublicKey())
	must(c.t, err)
	return report
}

// TestDeletedRecordings: after two people deleted a hearing's recordings their files and the film are gone, and the
// exported case verifies and says by whose entry.
func TestDeletedRecordings(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.closedHearing()
	film, original := c.put("film"), c.put("segments")
	r := docket.Recording{Participant: c.zhang.Account.String(), Name: "张伟", Session: "s", Blob: c.put("webm"),
		Original: docket.FileRef{Hash: original.Hash, Size: original.Size}, Started: c.clock.Now(), Ended: c.clock.Now()}
	must(t, c.docket.RecordingPart(ctx, h.ID, r))
	_, err := c.docket.SealRecord(ctx, h.ID)
	must(t, err)
	c.settle()
	_, err = c.pool.Exec(ctx, `INSERT INTO hearing_films (id, hearing_id, account, name, lang, state, file_name, hash, size, created_at, ended_at)
		VALUES ($1, $2, $3, '林静', 'zh-CN', 'done', 'film.mp4', $4, $5, now(), now())`, uuid.New(), h.ID, c.judge.Account, film.Hash, film.Size)
	must(t, err)
	if before := c.exported(h.Case); len(before.Deleted) != 0 {
		t.Errorf("before: %+v", before.Deleted)
	}

	k, err := c.docket.Keeping(ctx, h.ID)
	must(t, err)
	c.clock.Set(k.Until.In(docket.ProfileCN().Zone).AddDate(0, 0, 1))
	must(t, c.docket.ProposeDeletion(ctx, c.clerk, h.ID, "保管期限届满"))
	k, err = c.docket.Keeping(ctx, h.ID)
	must(t, err)
	must(t, c.docket.DecideDeletion(ctx, c.judge, h.ID, k.Deletion.ID, true))
	c.until("the files are gone", func() bool {
		for _, ref := range []blob.Ref{film, original, r.Blob} {
			if _, err := c.blobs.Stat(ctx, ref.Hash); !errors.Is(err, blob.ErrNotFound) {
				return false
			}
		}
		films, err := c.Films(ctx, h.ID)
		must(t, err)
		return len(films) == 0
	})
	after := c.exported(h.Case)
	if len(after.Deleted) != 2 || after.Deleted[0].SHA256 != r.Blob.Hash || after.Deleted[0].Tombstone.Kind != docket.EntryRecordingDeleted {
		t.Errorf("after: %+v", after.Deleted)
	}
	for lang, word := range map[string]string{"zh-CN": "依决定删除", "en": "deleted by decision; tombstone: entry"} {
		if text := after.Text(lang, nil); !strings.Contains(text, word) {
			t.Errorf("%q is not in\n%s", word, text)
		}
	}

	// A file that is missing without a tombstone is no deletion.
	value, err := c.docket.IntegrityOf(ctx, h.ID)
	must(t, err)
	must(t, c.blobs.Delete(ctx, value.File.Hash))
	if err := c.Export(ctx, c.judge, h.Case, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "no tombstone") {
		t.Errorf("a file is missing: %v", err)
	}
}
