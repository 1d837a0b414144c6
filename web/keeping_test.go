package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"yunting/docket"
)

// keep holds the hearing's recordings, releases them, and deletes them when their period is over: two people, by the API
// and by pages that offer each what they may do.
func (w *apiWalk) keep() {
	w.t.Helper()
	path := "/hearings/" + w.hearing.ID.String() + "/keeping"
	reason := func(text string) map[string]any { return map[string]any{"reason": text} }
	page := func(who string) string { return string(w.send(who, "GET", path, nil).body) }
	keeping := func() (k docket.Keeping) {
		w.call("clerk", "GET", path, nil, &k, http.StatusOK)
		return k
	}
	w.call("plaintiff", "GET", path, nil, nil, http.StatusForbidden)
	w.call("clerk", "POST", path+"/hold", reason("x"), nil, http.StatusForbidden)
	w.call("clerk", "POST", path+"/deletion", reason("期满"), nil, http.StatusUnprocessableEntity)
	w.call("judge", "POST", path+"/hold", reason(" "), nil, http.StatusUnprocessableEntity)
	w.call("judge", "POST", path+"/hold", reason("申诉审查"), nil, http.StatusCreated)
	if k := keeping(); k.Hold == nil || k.Hold.Reason != "申诉审查" || k.Until == nil || !strings.Contains(page("admin"), "申诉审查") {
		w.t.Errorf("held: %+v\n%s", k, page("admin"))
	}
	// The hearing was thirty-one years ago.
	_, err := w.server.Pool.Exec(w.t.Context(), `UPDATE hearings SET opened_at = opened_at - interval '31 years', closed_at = closed_at - interval '31 years' WHERE id = $1`, w.hearing.ID)
	apiCheck(w.t, err)
	w.call("clerk", "POST", path+"/deletion", reason("期满"), nil, http.StatusUnprocessableEntity)
	w.call("admin", "POST", path+"/release", reason("申诉驳回"), nil, http.StatusCreated)

	var due []docket.Due
	w.call("admin", "GET", "/admin/recordings", nil, &due, http.StatusOK)
	if len(due) != 1 || due[0].Hearing != w.hearing.ID || !strings.Contains(string(w.send("admin", "GET", "/admin/recordings", nil).body), path) {
		w.t.Errorf("due: %+v", due)
	}
	if !strings.Contains(page("clerk"), `action="`+path+`/deletion"`) || strings.Contains(page("clerk"), `action="`+path+`/hold"`) {
		w.t.Errorf("the clerk's page:\n%s", page("clerk"))
	}
	w.call("clerk", "POST", path+"/deletion", reason("保管期限届满"), nil, http.StatusCreated)
	decide := path + "/deletion/" + keeping().Deletion.ID.String()
	words, err := loadDictionary(langZH)
	apiCheck(w.t, err)
	for who, own := range map[string]bool{"clerk": true, "judge": false} { // a proposer withdraws, another person confirms
		text := page(who)
		if strings.Contains(text, `value="confirm"`) == own || strings.Contains(text, words.text("keeping.withdraw")+"</button>") != own || strings.Contains(text, words.text("keeping.refuse")+"</button>") == own {
			w.t.Errorf("what %s may do with the proposal:\n%s", who, text)
		}
	}
	w.call("clerk", "POST", decide, map[string]any{"confirm": true}, nil, http.StatusUnprocessableEntity)
	refused := w.apiCourt.submit("clerk", decide, url.Values{"answer": {"confirm"}})
	if text := string(refused.body); refused.status != http.StatusUnprocessableEntity || !strings.Contains(text, words.text("finding.keeping_same_person")) || !strings.Contains(text, `id="deletion"`) {
		w.t.Errorf("a proposer who confirms is answered %d:\n%s", refused.status, text)
	}
	w.filesHeaded(path, "keeping.files")
	w.call("judge", "POST", decide, map[string]any{"confirm": true}, nil, http.StatusCreated)
	if k := keeping(); !k.Deletion.Done() {
		w.t.Errorf("deleted: %+v", k.Deletion)
	}
	w.call("admin", "GET", "/admin/recordings", nil, &due, http.StatusOK)
	if len(due) != 0 {
		w.t.Errorf("still due: %+v", due)
	}
	w.filesHeaded(path, "keeping.remains")
	w.sayDeleted(*keeping().Deletion)
}

// keptList is the list of files on the page of the recordings' keeping, named by its heading.
var keptList = regexp.MustCompile(`(?s)<section class="card" id="kept" aria-labelledby="kept-title"><h2 id="kept-title">([^<]*)</h2>(.*?)</section>`)

// filesHeaded: the list of files is headed so in both languages, and holds their hashes.
func (w *apiWalk) filesHeaded(path, heading string) {
	w.t.Helper()
	for _, lang := range []string{langZH, langEN} {
		words, err := loadDictionary(lang)
		apiCheck(w.t, err)
		page := string(w.send("clerk", "GET", path, nil, "Accept-Language", lang).body)
		list := keptList.FindStringSubmatch(page)
		if list == nil || list[1] != words.text(heading) || strings.Contains(list[2], words.text("keeping.remains.text")) != (heading == "keeping.remains") || !strings.Contains(list[2], `class="hash"`) {
			w.t.Errorf("the list of files in %s is not headed %q:\n%s", lang, words.text(heading), page)
		}
	}
}

// sayDeleted: a party who comes to watch reads that the recordings were deleted by decision, when, by whom, and finds the
// tombstone; nothing is offered that is gone.
func (w *apiWalk) sayDeleted(d docket.Deletion) {
	w.t.Helper()
	path := "/hearings/" + w.hearing.ID.String()
	tombstone := fmt.Sprintf("/cases/%s/entries/%d", w.kase.ID, d.Tombstone)
	for _, lang := range []string{langZH, langEN} {
		words, err := loadDictionary(lang)
		apiCheck(w.t, err)
		when := instantText(d.DecidedAt, docket.ProfileCN().Zone, lang)
		for _, page := range []string{"/recording", "/recordings"} {
			text := string(w.send("plaintiff", "GET", path+page, nil, "Accept-Language", lang).body)
			for _, want := range []string{words.text("recordings.deleted", "when", when, "name", d.DecidedName, "proposer", d.Proposer), `href="` + tombstone + `"`} {
				if !strings.Contains(text, want) {
					w.t.Errorf("%s in %s does not say %q:\n%s", page, lang, want, text)
				}
			}
			for _, gone := range []string{"data-recording", "data-films", `id="player"`, `action="` + path + `/recording/copy"`} {
				if strings.Contains(text, gone) {
					w.t.Errorf("%s in %s still has %s:\n%s", page, lang, gone, text)
				}
			}
		}
	}
	if body := w.send("plaintiff", "GET", tombstone, nil).body; !strings.Contains(string(body), d.Reason) {
		w.t.Errorf("the tombstone: %s", body)
	}
	w.filesAreGone(d, path, tombstone)
	w.call("clerk", "POST", path+"/films", nil, nil, http.StatusConflict)
	var m manifest
	w.call("plaintiff", "GET", path+"/recording", nil, &m, http.StatusOK)
	if m.Deletion == nil || m.Deletion.Tombstone != d.Tombstone || len(m.Files) != 0 || len(m.Tracks) == 0 {
		w.t.Errorf("what a program is told: %+v", m)
	}
}

// filesAreGone: what was a file answers 410 with the tombstone, in both languages, to people and programs that may see the
// case; others learn nothing.
func (w *apiWalk) filesAreGone(d docket.Deletion, path, tombstone string) {
	w.t.Helper()
	list, err := w.server.Docket.Recordings(w.t.Context(), w.hearing.ID)
	apiCheck(w.t, err)
	if len(list) == 0 {
		w.t.Fatal("no recording was deleted")
	}
	files := []string{path + "/recordings/" + list[0].ID.String() + "/file", path + "/recordings/" + list[0].ID.String() + "/copy", path + "/films/" + uuid.NewString() + "/file"} // of films no trace is left
	for _, lang := range []string{langZH, langEN} {
		words, err := loadDictionary(lang)
		apiCheck(w.t, err)
		said := words.text("recordings.deleted", "when", instantText(d.DecidedAt, docket.ProfileCN().Zone, lang), "name", d.DecidedName, "proposer", d.Proposer)
		for _, file := range files {
			for _, prefix := range []string{"", apiPrefix} {
				reply := w.send("judge", "GET", prefix+file, nil, "Accept-Language", lang)
				if body := string(reply.body); reply.status != http.StatusGone || !strings.Contains(body, said) || !strings.Contains(body, tombstone) || !strings.Contains(body, words.text("problem.deleted")) {
					w.t.Errorf("%s in %s: %d\n%s", prefix+file, lang, reply.status, body)
				}
			}
		}
	}
	for _, who := range []string{"stranger", ""} {
		if reply := w.send(who, "GET", apiPrefix+files[0], nil); reply.status == http.StatusGone || strings.Contains(string(reply.body), d.DecidedName) {
			w.t.Errorf("%q is told of the deletion: %d %s", who, reply.status, reply.body)
		}
	}
}
