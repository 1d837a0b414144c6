package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/service"
)

// supplementExplanation: a file with a gap turns up after the judge signed. Clerk and judge sign a supplement that names the
// first; both went to the parties' mailboxes, who read them in their language (AV 4).
func (w *apiWalk) supplementExplanation(path string) {
	w.t.Helper()
	first := w.servedExplanation("")
	at := time.Now().Add(-30 * time.Second)
	ref, err := w.server.Blobs.Put(w.t.Context(), strings.NewReader("a file of another machine"))
	apiCheck(w.t, err)
	apiCheck(w.t, w.server.Docket.RecordingPart(w.t.Context(), w.hearing.ID, docket.Recording{Participant: "late", Name: "李娜", Blob: ref, Started: at,
		Ended: at.Add(10 * time.Second), FileName: "late.webm", MediaType: "video/webm",
		Gaps: []byte(`[{"track":"mic","from":"` + at.UTC().Format(time.RFC3339Nano) + `","to":"` + at.Add(2*time.Second).UTC().Format(time.RFC3339Nano) + `","cause":"network"}]`)}))
	recordings := "/hearings/" + w.hearing.ID.String() + "/recordings"
	page := func(who, path string, header ...string) string {
		w.t.Helper()
		got := w.send(who, "GET", path, nil, header...)
		if got.status != http.StatusOK {
			w.t.Errorf("%s of %s: %d", path, who, got.status)
		}
		return string(got.body)
	}
	w.onDesk("clerk", docket.TodoSupplement, "补充庭审录音录像情况说明", "Supplement the explanation of a recording")
	due := "尚未补充说明"
	if !strings.Contains(page("clerk", recordings), due) || strings.Contains(page("defendant", recordings), due) {
		w.t.Error("the clerk is not told that a supplement is due, or a party is")
	}
	var e service.Explanation
	w.call("clerk", "GET", path, nil, &e, http.StatusOK)
	if e.Number != 2 || e.Document != nil || len(e.Items) != 1 || len(e.Signed) != 1 || e.Signed[0].ID != first {
		w.t.Fatalf("the supplement's draft: %+v", e)
	}
	if form := page("clerk", path); !strings.Contains(form, `id="supplement"`) || !strings.Contains(form, "/documents/"+first.String()) || !strings.Contains(form, `value="sign"`) {
		w.t.Errorf("the clerk's page:\n%s", form)
	}
	w.call("clerk", "PUT", path, service.ExplanationInput{Version: e.Version, Sign: true}, &e, http.StatusOK)
	w.onDesk("judge", docket.TodoApproveExplanation, "审核并签署庭审录音录像情况说明", "Review and sign the explanation of a recording")
	w.call("judge", "POST", path+"/approve", map[string]any{"version": e.Version - 1}, nil, http.StatusConflict)
	var made service.Document
	w.call("judge", "POST", path+"/approve", map[string]any{"version": e.Version}, &made, http.StatusCreated)
	if second := w.servedExplanation("（补充）"); second != made.ID {
		w.t.Errorf("served %s, made %s", second, made.ID)
	}
	w.call("plaintiff", "GET", "/documents/"+made.ID.String()+"/explanation", nil, &e, http.StatusOK)
	if e.Number != 2 || len(e.Items) != 1 || !strings.Contains(e.Items[0].English, "李娜") {
		w.t.Errorf("what the plaintiff reads: %+v", e)
	}
	w.call("plaintiff", "GET", "/documents/"+uuid.NewString()+"/explanation", nil, nil, http.StatusNotFound)
	english := page("plaintiff", "/documents/"+made.ID.String(), "Accept-Language", "en")
	for _, want := range []string{"Of what 李娜 sent, parts are missing: packets were lost on the way.", `lang="zh-CN">李娜到法院之间的网络丢包`} {
		if !strings.Contains(english, want) {
			w.t.Errorf("the English page lacks %q:\n%s", want, english)
		}
	}
	if chinese := page("plaintiff", "/documents/"+made.ID.String()); !strings.Contains(chinese, "李娜到法院之间的网络丢包") || strings.Contains(chinese, "packets were lost") {
		w.t.Errorf("the Chinese page:\n%s", chinese)
	}
	if both := page("defendant", recordings); !strings.Contains(both, "/documents/"+first.String()) || !strings.Contains(both, "/documents/"+made.ID.String()) {
		w.t.Error("the recordings page does not lead to both")
	}
}

// onDesk: the explanation is on this person's desk in both faces and both languages, on nobody else's, and its link opens.
func (w *apiWalk) onDesk(who, kind, chinese, english string) {
	w.t.Helper()
	link := "/hearings/" + w.hearing.ID.String() + "/recording/explanation"
	for _, login := range []string{"clerk", "judge", "plaintiff", "defendant", "reviewer", "admin"} {
		var desk docket.Desk
		w.call(login, "GET", "/desk", nil, &desk, http.StatusOK)
		listed := slices.ContainsFunc(desk.Todo, func(t docket.Todo) bool {
			return t.Kind == kind && t.Hearing != nil && t.Hearing.ID == w.hearing.ID && t.Case.ID == w.hearing.Case
		})
		zh, en := w.send(login, "GET", "/", nil), w.send(login, "GET", "/", nil, "Accept-Language", "en")
		for lang, shown := range map[string]bool{"zh": strings.Contains(string(zh.body), `<a href="`+link+`">`+chinese), "en": strings.Contains(string(en.body), `<a href="`+link+`">`+english)} {
			if listed != (login == who) || shown != (login == who) {
				w.t.Errorf("%s on the desk of %s: API %v, page in %s %v", kind, login, listed, lang, shown)
			}
		}
	}
	if got := w.send(who, "GET", link, nil); got.status != http.StatusOK {
		w.t.Errorf("%s: %d", link, got.status)
	}
}

// servedExplanation finds the explanation whose title ends so in both parties' mailboxes.
func (w *apiWalk) servedExplanation(suffix string) uuid.UUID {
	w.t.Helper()
	var found uuid.UUID
	for _, login := range []string{"plaintiff", "defendant"} {
		var mailbox []service.Delivery
		w.call(login, "GET", "/mailbox", nil, &mailbox, http.StatusOK)
		i := slices.IndexFunc(mailbox, func(d service.Delivery) bool { return d.Documents[0].Title == "庭审录音录像情况说明"+suffix })
		if i < 0 {
			w.t.Fatalf("%s was not served: %+v", login, mailbox)
		}
		if d := mailbox[i]; !d.Served() || d.Documents[0].Kind != service.KindRecordingExplanation || found != uuid.Nil && found != d.Documents[0].ID {
			w.t.Errorf("%s: %+v", login, d)
		}
		found = mailbox[i].Documents[0].ID
	}
	return found
}
