package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

// collect runs the job as if it were so many days later.
func (c *apiCourt) collect(days int) error {
	later := c.server.Config
	later.Now = func() time.Time { return c.server.Now().AddDate(0, 0, days) }
	return CollectUploads(c.t.Context(), later)
}

// uploadPart begins an upload and sends n bytes of it; it gives the upload's id.
func (c *apiCourt) uploadPart(caseID uuid.UUID, file []byte, n int) string {
	c.t.Helper()
	reply := c.beginUpload("plaintiff", caseID, len(file))
	place, err := url.Parse(reply.header.Get("Location"))
	apiCheck(c.t, err)
	if reply := c.patch("plaintiff", place.Path, 0, file[:n]); reply.status != http.StatusNoContent {
		c.t.Fatalf("patch: status %d: %s", reply.status, reply.body)
	}
	return strings.TrimPrefix(place.Path, "/uploads/")
}

// TestAbandonedUploadsAreCollected: the page says how long an unfinished upload is kept; then its bytes are gone, and who comes
// back is told so in their language, at last that there is no such upload.
func TestAbandonedUploadsAreCollected(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	edit := casePath(made.ID, "/edit")
	half := c.uploadPart(made.ID, bytes.Repeat([]byte("half "), 1000), 2000)
	whole := c.uploadPart(made.ID, []byte("whole"), 5)
	finish := func(id, name string, header ...string) apiReply {
		return c.submit("plaintiff", casePath(made.ID, "/uploads"), url.Values{"upload": {id}, "evidence.name": {name}}, append(header, "Accept", "application/json")...)
	}
	// An item without a name is refused; the bytes are in the store now, and nothing names them.
	c.call("plaintiff", "POST", casePath(made.ID, "/evidence"), map[string]any{"upload": whole, "name": " ", "source": "", "purpose": ""}, nil, http.StatusUnprocessableEntity)
	if _, err := c.server.Blobs.Stat(t.Context(), hashOf([]byte("whole"))); err != nil {
		t.Fatal(err)
	}
	until := instantText(c.server.Now().AddDate(0, 0, 30), c.server.Docket.Court().Zone, langZH)
	if page := c.page("plaintiff", edit, http.StatusOK); !strings.Contains(page, "保留到 "+until[:len("2026年12月")]) || !strings.Contains(page, "保留 30 天") {
		t.Errorf("the page does not say how long: %s", page)
	}
	apiCheck(t, c.collect(29))
	head := func(id string, header ...string) apiReply {
		return c.send("plaintiff", http.MethodHead, "/uploads/"+id, nil, append(header, "Tus-Resumable", "1.0.0")...)
	}
	if reply := head(half); reply.status != http.StatusOK || reply.header.Get("Upload-Offset") != "2000" {
		t.Fatalf("collected early: %d", reply.status)
	}
	apiCheck(t, c.collect(31))
	apiCheck(t, c.collect(31))
	for _, id := range []string{half, whole} {
		if _, err := os.Stat(c.server.uploads.path(id)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its bytes are there: %v", err)
		}
		if reply := head(id); reply.status != http.StatusGone {
			t.Errorf("gone on with: %d", reply.status)
		}
		if reply := finish(id, "交货视频"); reply.status != http.StatusGone || !strings.Contains(string(reply.body), "已经清除") {
			t.Errorf("finished: %d %s", reply.status, reply.body)
		}
		if reply := finish(id, "video", "Accept-Language", "en"); reply.status != http.StatusGone || !strings.Contains(string(reply.body), "Upload the file anew") {
			t.Errorf("finished in English: %d %s", reply.status, reply.body)
		}
	}
	if reply := c.submit("plaintiff", casePath(made.ID, "/uploads"), url.Values{"upload": {half}, "evidence.name": {"x"}}); reply.status != http.StatusGone || !strings.Contains(string(reply.body), "请重新上传文件") {
		t.Errorf("the page: %d %s", reply.status, reply.body)
	}
	if _, err := c.server.Blobs.Stat(t.Context(), hashOf([]byte("whole"))); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a file that nobody names is in the store: %v", err)
	}
	if page := c.page("plaintiff", edit, http.StatusOK); strings.Contains(page, `id="unfinished"`) {
		t.Error("a collected upload is offered")
	}
	apiCheck(t, c.collect(65))
	if reply := head(half); reply.status != http.StatusNotFound {
		t.Errorf("a period later: %d", reply.status)
	}
}

// TestUploadsAreKeptForEver: a court without a period keeps unfinished uploads, and what lies beside them, for ever; the file of an
// item that was taken out of a draft goes all the same.
func TestUploadsAreKeptForEver(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	half, given := c.uploadPart(made.ID, []byte("half of it"), 4), c.uploadPart(made.ID, []byte("given up"), 8)
	item, err := c.server.uploads.finish(t.Context(), c.actor("plaintiff"), made.ID, given, docket.EvidenceInput{Name: "收据"})
	apiCheck(t, err)
	apiCheck(t, os.WriteFile(c.server.uploads.path("alone.info"), []byte("left"), 0o600))
	c.call("plaintiff", "DELETE", "/evidence/"+item.ID.String(), nil, nil, http.StatusNoContent)
	for _, days := range []int{0, -1} {
		court := docket.ProfileCN()
		court.UploadDays = days
		config := c.server.Config
		config.Docket = docket.New(docket.Config{Pool: config.Pool, Court: court})
		config.Now = func() time.Time { return c.server.Now().AddDate(10, 0, 0) }
		apiCheck(t, CollectUploads(t.Context(), config))
		for _, name := range []string{half, half + ".info", "alone.info"} {
			if _, err := os.Stat(c.server.uploads.path(name)); err != nil {
				t.Errorf("for %d days: %v", days, err)
			}
		}
	}
	var rows int
	apiCheck(t, c.server.Pool.QueryRow(t.Context(), `SELECT count(*) FROM web_uploads WHERE id <> $1`, half).Scan(&rows))
	if _, err := c.server.Blobs.Stat(t.Context(), item.Blob.Hash); !errors.Is(err, blob.ErrNotFound) || rows != 0 {
		t.Errorf("the file of an item that was taken out: %v; %d rows", err, rows)
	}
}

// TestFilesOfNoUploadAreCollected: what a crash or a restored database left in the directory of uploads goes after the period,
// and nothing that an upload may go on with, nor a file that somebody just wrote.
func TestFilesOfNoUploadAreCollected(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	half := c.uploadPart(made.ID, []byte("half of it"), 4)
	filed := c.uploadPart(made.ID, []byte("filed"), 5)
	item, err := c.server.uploads.finish(t.Context(), c.actor("plaintiff"), made.ID, filed, docket.EvidenceInput{Name: "收据"})
	apiCheck(t, err)
	// The server stopped before it removed the finished upload's bytes; and a restored database lacks the row of another.
	gone := c.uploadPart(made.ID, []byte("of no row"), 3)
	_, err = c.server.Pool.Exec(t.Context(), `DELETE FROM web_uploads WHERE id = $1`, gone)
	apiCheck(t, err)
	path := c.server.uploads.path
	for _, name := range []string{filed, filed + ".info", "alone.info"} {
		apiCheck(t, os.WriteFile(path(name), []byte("left"), 0o600))
	}
	apiCheck(t, os.MkdirAll(path("a directory"), 0o700))
	there := func(when string, days int, want map[string]bool) {
		t.Helper()
		_, err := c.server.Pool.Exec(t.Context(), `UPDATE web_uploads SET touched_at = $1 WHERE id = $2`, c.server.Now().AddDate(0, 0, days), half)
		apiCheck(t, err)
		apiCheck(t, c.collect(days))
		for name, kept := range want {
			if _, err := os.Stat(path(name)); (err == nil) != kept {
				t.Errorf("%s: %s: %v", when, name, err)
			}
		}
	}
	there("within the period", 29, map[string]bool{half: true, half + ".info": true, gone: true, gone + ".info": true, filed: true, "alone.info": true, "a directory": true})
	there("after it", 31, map[string]bool{half: true, half + ".info": true, gone: false, gone + ".info": false, filed: false, filed + ".info": false, "alone.info": false, "a directory": true})
	if _, err := c.server.Blobs.Stat(t.Context(), item.Blob.Hash); err != nil {
		t.Errorf("the item's file: %v", err)
	}
}

// age lets days pass since a draft's last change.
func (c *apiCourt) age(draft uuid.UUID, days int) {
	c.t.Helper()
	_, err := c.server.Pool.Exec(c.t.Context(), `UPDATE cases SET updated_at = updated_at - make_interval(days => $1) WHERE id = $2`, days, draft)
	apiCheck(c.t, err)
}

// TestLapsedDraftsAreCollected: the page and the desk say until when a draft is kept, in both languages; then what it says and its
// files are gone, but for a file that another draft names. Who is sending a file keeps the draft.
func TestLapsedDraftsAreCollected(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, shared := c.draftCase()
	other, _ := c.draftCase() // names the same file
	plaintiff := c.actor("plaintiff")
	own, err := c.server.Blobs.Put(t.Context(), strings.NewReader("nobody else's"))
	apiCheck(t, err)
	_, err = c.server.Docket.AddEvidence(t.Context(), plaintiff, made.ID, docket.EvidenceInput{Name: "照片", FileName: "张伟的照片.jpg", Blob: own})
	apiCheck(t, err)
	_, err = c.server.uploads.finish(t.Context(), plaintiff, made.ID, c.uploadPart(made.ID, []byte("uploaded"), 8), docket.EvidenceInput{Name: "录音"})
	apiCheck(t, err)
	until := c.server.Docket.Court().Today(c.server.Now()).AddDays(90)
	for _, path := range []string{casePath(made.ID, "/edit"), "/"} {
		if page := c.page("plaintiff", path, http.StatusOK); !strings.Contains(page, "草稿保留到 "+dayText(until, langZH)) {
			t.Errorf("%s does not say until when:\n%s", path, page)
		}
		if page := c.send("plaintiff", "GET", path, nil, "Accept-Language", "en"); !strings.Contains(string(page.body), "Kept until "+dayText(until, langEN)) {
			t.Errorf("%s does not say until when in English", path)
		}
	}
	c.age(made.ID, 92)
	sending := c.uploadPart(made.ID, []byte("on its way"), 2)
	apiCheck(t, CollectDrafts(t.Context(), c.server.Config))
	c.page("plaintiff", casePath(made.ID, "/edit"), http.StatusOK)
	_, err = c.server.Pool.Exec(t.Context(), `UPDATE web_uploads SET touched_at = touched_at - interval '92 days' WHERE id = $1`, sending)
	apiCheck(t, err)
	apiCheck(t, CollectDrafts(t.Context(), c.server.Config))
	apiCheck(t, c.collect(0))
	apiCheck(t, CollectDrafts(t.Context(), c.server.Config))
	for hash, kept := range map[blob.Hash]bool{shared.Blob.Hash: true, own.Hash: false, hashOf([]byte("uploaded")): false} {
		if _, err := c.server.Blobs.Stat(t.Context(), hash); (err == nil) != kept {
			t.Errorf("%s kept %v: %v", hash, kept, err)
		}
	}
	var named int
	apiCheck(t, c.server.Pool.QueryRow(t.Context(), `SELECT count(*) FROM web_uploads WHERE case_id = $1 AND (file_name <> 'file' OR collected_at IS NULL)`, made.ID).Scan(&named))
	if named != 0 {
		t.Errorf("%d uploads name their files still", named)
	}
	if left, err := os.ReadDir(c.server.uploads.dir); err != nil || len(left) > 0 {
		t.Errorf("%d files left of uploads, %v", len(left), err)
	}
	c.page("plaintiff", casePath(other.ID, "/edit"), http.StatusOK)
}

// TestOwnersAreToldBeforeTheirDraftLapses: the mailbox says of a draft that will be cleared soon until when it is kept, in both
// languages and by the API, to its owner alone, until they go on with it.
func TestOwnersAreToldBeforeTheirDraftLapses(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	c.age(made.ID, 85)
	_, err := c.server.Docket.NoticeDrafts(t.Context())
	apiCheck(t, err)
	until := c.server.Docket.Court().Today(c.server.Now()).AddDays(5)
	says := func(who, lang string) bool {
		text := string(c.send(who, "GET", "/mailbox", nil, "Accept-Language", lang).body)
		return strings.Contains(text, map[string]string{langZH: "将在 " + dayText(until, langZH) + " 之后清除", langEN: "cleared after " + dayText(until, langEN)}[lang]) &&
			strings.Contains(text, casePath(made.ID, "/edit"))
	}
	var list []docket.DraftNotice
	c.call("plaintiff", "GET", "/notices", nil, &list, http.StatusOK)
	if len(list) != 1 || list[0].Case != made.ID || list[0].KeptUntil != until || !says("plaintiff", langZH) || !says("plaintiff", langEN) {
		t.Errorf("the owner is told %+v", list)
	}
	c.call("defendant", "GET", "/notices", nil, &list, http.StatusOK)
	if len(list) != 0 || says("defendant", langZH) {
		t.Errorf("another person is told %+v", list)
	}
	made, err = c.server.Docket.Case(t.Context(), made.ID)
	apiCheck(t, err)
	_, err = c.server.Docket.SaveDraft(t.Context(), c.actor("plaintiff"), made.ID, made.Version, goodDraft())
	apiCheck(t, err)
	if says("plaintiff", langZH) {
		t.Error("who went on with the draft is told still")
	}
}

// TestOwnersAreToldThatTheirDraftLapsed: who began a draft and comes back after it was cleared is told when and why, in their
// language, on every address of the draft and also when they send what they wrote meanwhile. Everybody else is refused as before,
// and so is its owner in another's draft.
func TestOwnersAreToldThatTheirDraftLapsed(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, item := c.draftCase()
	c.age(made.ID, 92)
	if reply := c.send("stranger", "GET", casePath(made.ID, ""), nil); reply.status != http.StatusForbidden {
		t.Errorf("another's draft: %d", reply.status)
	}
	other, _ := c.draftCase()
	apiCheck(t, CollectDrafts(t.Context(), c.server.Config))
	lapse, err := c.server.Docket.Lapse(t.Context(), c.actor("plaintiff"), made.ID)
	apiCheck(t, err)
	for lang, want := range map[string]string{langZH: "90 天内也没有再修改，已于 " + instantText(lapse.At, c.server.Docket.Court().Zone, langZH) + " 清除",
		langEN: "not changed for 90 days, so it was cleared on " + instantText(lapse.At, c.server.Docket.Court().Zone, langEN)} {
		for _, path := range []string{casePath(made.ID, ""), casePath(made.ID, "/edit"), casePath(made.ID, "/evidence"), apiPrefix + casePath(made.ID, ""), apiPrefix + casePath(made.ID, "/findings")} {
			reply := c.send("plaintiff", "GET", path, nil, "Accept-Language", lang)
			if text := string(reply.body); reply.status != http.StatusGone || !strings.Contains(text, want) || strings.HasPrefix(path, apiPrefix) != strings.Contains(text, problemPrefix+"draft_lapsed") {
				t.Errorf("%s in %s: %d\n%s", path, lang, reply.status, text)
			}
		}
	}
	if reply := c.submit("plaintiff", casePath(made.ID, "/edit"), url.Values{"facts": {"写了一半的事实"}}); reply.status != http.StatusGone || !strings.Contains(string(reply.body), "清除") {
		t.Errorf("sending what was written: %d", reply.status)
	}
	for _, who := range []string{"stranger", "defendant", "reviewer", "judge", "clerk", "admin"} {
		for _, path := range []string{casePath(made.ID, ""), apiPrefix + casePath(made.ID, "")} {
			if reply := c.send(who, "GET", path, nil); reply.status != http.StatusForbidden || strings.Contains(string(reply.body), "清除") {
				t.Errorf("%s: %s: %d", who, path, reply.status)
			}
		}
	}
	if reply := c.send("", "GET", apiPrefix+casePath(made.ID, ""), nil); reply.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", reply.status)
	}
	if reply := c.send("plaintiff", "GET", "/evidence/"+item.ID.String(), nil); reply.status != http.StatusNotFound {
		t.Errorf("its item: %d", reply.status)
	}
	for _, one := range []uuid.UUID{uuid.New(), other.ID} {
		if _, err := c.server.Docket.Lapse(t.Context(), c.actor("plaintiff"), one); !errors.Is(err, docket.ErrNotFound) {
			t.Errorf("of a case that did not lapse: %v", err)
		}
	}
	if _, err := c.server.Docket.Lapse(t.Context(), identity.Actor{}, made.ID); !errors.Is(err, docket.ErrNotFound) {
		t.Errorf("to nobody: %v", err)
	}
}

// errBytes: a file that something names is not what it was.
var errBytes = errors.New("not in the store as it was")

// unnamed is a model of what people do with uploads of a few files that they hold in common.
type unnamed struct {
	*apiCourt
	rand    *rand.Rand
	actor   identity.Actor
	kase    uuid.UUID
	items   []docket.Evidence
	pending map[string]int // by upload, for how many days nobody went on with it
}

var commonFiles = [][]byte{[]byte("contract"), []byte("receipt"), []byte("photograph"), []byte("letter")}

// add files an item, by a finished upload or by the plain form. That its file was collected in between is an answer: it is sent
// again.
func (m *unnamed) add(file []byte, plain bool) {
	for range 20 {
		in := docket.EvidenceInput{Name: "证据", FileName: "a.txt", MediaType: "text/plain"}
		var item docket.Evidence
		var err error
		if plain {
			item, err = m.server.uploads.take(m.t.Context(), m.actor, m.kase, bytes.NewReader(file), in)
		} else {
			item, err = m.server.uploads.finish(m.t.Context(), m.actor, m.kase, m.uploadPart(m.kase, file, len(file)), in)
		}
		var invalid *docket.Invalid
		if errors.As(err, &invalid) {
			continue
		}
		apiCheck(m.t, err)
		m.items = append(m.items, item)
		return
	}
	m.t.Error("an item was refused twenty times")
}

// step does one thing that people do.
func (m *unnamed) step() {
	file := commonFiles[m.rand.IntN(len(commonFiles))]
	switch op := m.rand.IntN(7); {
	case op < 2:
		m.add(file, op == 0)
	case op == 2:
		m.pending[m.uploadPart(m.kase, file, len(file)/2)] = 0
	case op == 3: // all sent, and stored, and then no item
		id := m.uploadPart(m.kase, file, len(file))
		var invalid *docket.Invalid
		if _, err := m.server.uploads.finish(m.t.Context(), m.actor, m.kase, id, docket.EvidenceInput{}); !errors.As(err, &invalid) {
			m.t.Errorf("an item without a name: %v", err)
		}
		m.pending[id] = 0
	case op == 4 && len(m.items) > 0:
		i := m.rand.IntN(len(m.items))
		if reply := m.submit("plaintiff", "/evidence/"+m.items[i].ID.String()+"/remove", url.Values{}); reply.status != http.StatusSeeOther {
			m.t.Errorf("remove: %d", reply.status)
		}
		m.items = append(m.items[:i], m.items[i+1:]...)
	default:
		for id := range m.pending {
			days := m.rand.IntN(20)
			_, err := m.server.Pool.Exec(m.t.Context(), `UPDATE web_uploads SET touched_at = touched_at - make_interval(days => $2) WHERE id = $1`, id, days)
			apiCheck(m.t, err)
			m.pending[id] += days
		}
	}
}

// check: what is an item, or what somebody may still go on with, is there.
func (m *unnamed) check() error {
	for _, item := range m.items {
		if ref, err := m.server.Blobs.Stat(m.t.Context(), item.Blob.Hash); err != nil || ref.Size != item.Blob.Size {
			return fmt.Errorf("item %d: %w: %w", item.Number, errBytes, err)
		}
	}
	for id, days := range m.pending {
		_, there := os.Stat(m.server.uploads.path(id))
		var sum *blob.Hash
		var collected bool
		apiCheck(m.t, m.server.Pool.QueryRow(m.t.Context(), `SELECT sha256, collected_at IS NOT NULL FROM web_uploads WHERE id = $1`, id).Scan(&sum, &collected))
		if days < 30 && sum != nil && there != nil {
			_, there = m.server.Blobs.Stat(m.t.Context(), *sum)
		}
		if days < 30 && (collected || there != nil) {
			return fmt.Errorf("upload of %d days: %w: %w", days, errBytes, there)
		}
	}
	return nil
}

// TestNothingNamedIsCollected does by chance, from fixed seeds, what people do with the same few files, and collects meanwhile:
// nothing that an item names and nothing that somebody may go on with is ever lost; at the end all else is gone.
func TestNothingNamedIsCollected(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, first := c.draftCase()
	m := &unnamed{apiCourt: c, actor: c.actor("plaintiff"), kase: made.ID, items: []docket.Evidence{first}, pending: map[string]int{}}
	for seed := range uint64(6) {
		m.rand = rand.New(rand.NewPCG(seed, 2026))
		for range 25 {
			var wait sync.WaitGroup
			if m.rand.IntN(2) == 0 {
				wait.Go(func() { apiCheck(t, c.collect(0)) })
			}
			m.step()
			wait.Wait()
			apiCheck(t, c.collect(0))
			if err := m.check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
	named := map[blob.Hash]bool{}
	for _, item := range m.items {
		named[item.Blob.Hash] = true
	}
	_, err := c.server.Pool.Exec(t.Context(), `UPDATE web_uploads SET touched_at = touched_at - interval '31 days'`)
	apiCheck(t, err)
	apiCheck(t, c.collect(0))
	m.pending = nil
	apiCheck(t, m.check())
	for _, file := range commonFiles {
		if _, err := c.server.Blobs.Stat(t.Context(), hashOf(file)); errors.Is(err, blob.ErrNotFound) == named[hashOf(file)] {
			t.Errorf("%s, named %v: %v", file, named[hashOf(file)], err)
		}
	}
	if left, err := os.ReadDir(c.server.uploads.dir); err != nil || len(left) > 0 {
		t.Errorf("%d files left of uploads, %v", len(left), err)
	}
}

func hashOf(data []byte) blob.Hash { return sha256.Sum256(data) }

// TestWhoNamesAFileWaitsForItsRemoval: an item that is added while its file is being removed is refused, never left without.
func TestWhoNamesAFileWaitsForItsRemoval(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	ref, err := c.server.Blobs.Put(t.Context(), strings.NewReader("nobody names this yet"))
	apiCheck(t, err)
	actor, added := c.actor("plaintiff"), make(chan error, 1)
	removed, err := c.server.Docket.RemoveUnnamed(t.Context(), ref.Hash, func(pgx.Tx) (bool, error) {
		go func() {
			_, err := c.server.Docket.AddEvidence(context.WithoutCancel(t.Context()), actor, made.ID, docket.EvidenceInput{Name: "证据", FileName: "a.txt", Blob: ref})
			added <- err
		}()
		c.until("the item to wait", func() bool {
			var waits bool
			apiCheck(t, c.server.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory')`).Scan(&waits))
			return waits || len(added) > 0
		})
		return false, nil
	})
	apiCheck(t, err)
	var invalid *docket.Invalid
	if err := <-added; !removed || !errors.As(err, &invalid) {
		t.Errorf("removed %v; the item: %v", removed, err)
	}
}
