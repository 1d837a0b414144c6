package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/ledger/bundle"
	"yunting/media"
	"yunting/service"
	"yunting/signaling"
)

// TestAPIDescribesItself: the document is OpenAPI 3.1 and names every operation that there is, and no other.
func TestAPIDescribesItself(t *testing.T) {
	c := newAPICourt(t)
	reply := c.send("", "GET", "/api/openapi.json", nil)
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string
			Responses   map[string]any
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(reply.body, &spec); err != nil || reply.status != http.StatusOK {
		t.Fatalf("status %d: %v", reply.status, err)
	}
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q", spec.OpenAPI)
	}
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, methods := range spec.Paths {
		for method, op := range methods {
			described[strings.ToUpper(method)+" "+path] = true
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Responses) < 2 {
				t.Errorf("%s %s: id %q, summary %q, %d responses", method, path, op.OperationID, op.Summary, len(op.Responses))
			}
			ids[op.OperationID] = true
			for _, name := range pathNames(path) {
				if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name && p.In == "path" }) {
					t.Errorf("%s %s: {%s} is not described", method, path, name)
				}
			}
		}
	}
	for _, row := range c.apiRows() {
		if !described[row] {
			t.Errorf("%s is not described", row)
		}
		delete(described, row)
	}
	for row := range described {
		t.Errorf("%s is described and does not exist", row)
	}
}

func (c *apiCourt) apiRows() []string {
	var rows []string
	for _, rt := range c.server.routes() {
		if strings.HasPrefix(rt.pattern, apiPrefix+"/") {
			rows = append(rows, rt.method+" "+rt.pattern)
		}
	}
	return rows
}

// TestAPICarriesACase takes a case through its whole life over HTTP and the hearing's socket alone, and uses every
// operation that there is. Each POST comes twice, as after a lost reply, and is carried out once.
func TestAPICarriesACase(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	c.twice = true
	w := &apiWalk{apiCourt: c, t: t}
	w.turnedAway()
	w.file()
	w.review()
	w.bringIn()
	w.schedule()
	w.hear()
	w.decide()
	w.serve()
	w.record()
	w.keep()
	c.call("plaintiff", "DELETE", "/sessions", nil, nil, http.StatusNoContent)
	if reply := c.send("plaintiff", "GET", apiPrefix+"/me", nil); reply.status != http.StatusUnauthorized {
		t.Errorf("the token lives on after sign-out: %d", reply.status)
	}
	for _, row := range c.apiRows() {
		if !c.used[row] {
			t.Errorf("%s was never used with success", row)
		}
	}
}

// apiWalk is one case on its way.
type apiWalk struct {
	*apiCourt
	t        *testing.T
	kase     docket.Case
	evidence docket.Evidence
	hearing  docket.Hearing
	document service.Document
}

func apiParty(login, standing string) complaint.PartyInput {
	p := apiPersonOf(login)
	n := p.number()
	gender := "男"
	if (n[16]-'0')%2 == 0 {
		gender = "女"
	}
	return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: p.name, IDKind: "resident_id", IDNumber: n, Gender: gender,
		Birth:     deadline.MustParse(n[6:10] + "-" + n[10:12] + "-" + n[12:14]),
		Ethnicity: "汉族", Occupation: "个体经营", Phone: p.phone, Email: login + "@example.org", Address: "北京市朝阳区云庭路1号院3号楼201室"}
}

func apiComplaint() docket.Draft {
	return docket.Draft{CauseCode: "04.01.11",
		Parties: []complaint.PartyInput{apiParty("plaintiff", complaint.Plaintiff), apiParty("defendant", complaint.Defendant)},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款人民币50000元", AmountFen: 50_000_00}},
		Facts: "2026年3月6日，原告与被告签订买卖合同，约定被告向原告购买茶叶，总价款人民币50000元，货到后三十日内付清。" +
			"原告于2026年3月20日将货物送至被告处，被告当场验收。付款期限届满后，被告至今未付。",
		Grounds: "原告已经按约交付货物，被告应当按照约定支付价款。被告逾期不付，构成违约，应当承担继续履行的责任。"}
}

// begin makes a draft and saves the complaint in it.
func (w *apiWalk) begin() docket.Case {
	w.t.Helper()
	var opened, saved docket.Case
	w.call("plaintiff", "POST", "/cases", nil, &opened, http.StatusCreated)
	var findings []problemFinding
	w.call("plaintiff", "GET", casePath(opened.ID, "/findings"), nil, &findings, http.StatusOK)
	if len(findings) == 0 || findings[0].Message == "" {
		w.t.Errorf("an empty complaint has the findings %+v", findings)
	}
	w.call("plaintiff", "PUT", casePath(opened.ID, fmt.Sprintf("?version=%d", opened.Version)), apiComplaint(), &saved, http.StatusOK)
	if len(saved.Parties) != 2 || saved.Parties[1].IDNumber != apiPersonOf("defendant").number() {
		w.t.Errorf("saved parties %+v", saved.Parties)
	}
	return saved
}

// upload sends a file by tus 1.0 in two parts and makes it an item of evidence.
func (w *apiWalk) upload(login string, id uuid.UUID, name string) docket.Evidence {
	w.t.Helper()
	content := []byte("买卖合同正文：" + name + strings.Repeat("。", 500))
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	begun := w.send(login, "POST", "/uploads/", nil, "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(len(content)),
		"Upload-Metadata", "case "+b64(id.String())+",filename "+b64(name+".txt"))
	if begun.status != http.StatusCreated {
		w.t.Fatalf("begin upload: %d %s", begun.status, begun.body)
	}
	where := begun.header.Get("Location")
	where = where[strings.Index(where, "/uploads/"):]
	upload := strings.TrimPrefix(where, "/uploads/")
	in := map[string]any{"upload": upload, "name": name, "source": "原告保存", "purpose": "证明双方的买卖关系", "date": "2026-03-06"}
	half := len(content) / 2
	for i, part := range [][]byte{content[:half], content[half:]} {
		w.call(login, "POST", casePath(id, "/evidence"), in, nil, http.StatusConflict)
		sent := w.send(login, "PATCH", where, part, "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(i*half), "Content-Type", "application/offset+octet-stream")
		if sent.status != http.StatusNoContent {
			w.t.Fatalf("part %d: %d %s", i, sent.status, sent.body)
		}
	}
	var item, again docket.Evidence
	w.call(login, "POST", casePath(id, "/evidence"), in, &item, http.StatusCreated)
	w.call(login, "POST", casePath(id, "/evidence"), in, &again, http.StatusCreated)
	if item.ID != again.ID || item.Blob.Hash != sha256.Sum256(content) || item.Date == nil || item.Date.String() != "2026-03-06" {
		w.t.Errorf("evidence %+v, asked again %+v", item, again)
	}
	return item
}

func (w *apiWalk) submit(kase docket.Case) docket.Receipt {
	w.t.Helper()
	var receipt, again, read docket.Receipt
	in := map[string]any{"version": kase.Version}
	w.call("plaintiff", "POST", casePath(kase.ID, "/submit"), in, &receipt, http.StatusCreated)
	w.call("plaintiff", "POST", casePath(kase.ID, "/submit"), in, &again, http.StatusCreated)
	w.call("plaintiff", "GET", casePath(kase.ID, "/receipt"), nil, &read, http.StatusOK)
	if receipt.ID == uuid.Nil || receipt.ID != again.ID || receipt.ID != read.ID || len(receipt.Files) == 0 {
		w.t.Errorf("receipts %+v, %+v, %+v", receipt, again, read)
	}
	return receipt
}

func (w *apiWalk) read(login string, id uuid.UUID) docket.Case {
	w.t.Helper()
	var kase docket.Case
	w.call(login, "GET", casePath(id, ""), nil, &kase, http.StatusOK)
	return kase
}

// turnedAway files a case that is sent back for corrections, filed again and refused.
func (w *apiWalk) turnedAway() {
	w.t.Helper()
	kase := w.begin()
	w.upload("plaintiff", kase.ID, "合同")
	spare := w.upload("plaintiff", kase.ID, "多余材料")
	w.call("plaintiff", "DELETE", "/evidence/"+spare.ID.String(), nil, nil, http.StatusNoContent)
	w.submit(w.read("plaintiff", kase.ID))
	kase = w.read("reviewer", kase.ID)
	w.call("reviewer", "POST", casePath(kase.ID, "/corrections"), map[string]any{"version": kase.Version, "days": 7,
		"corrections": []docket.Correction{{Field: "facts", Text: "请写明交货地点。"}}}, &kase, http.StatusCreated)
	if kase.Stage != docket.StageCorrecting || kase.CorrectionDue == nil {
		w.t.Errorf("after the request: %s, due %v", kase.Stage, kase.CorrectionDue)
	}
	kase = w.read("plaintiff", kase.ID)
	draft := apiComplaint()
	draft.Facts += "交货地点为北京市海淀区清河街18号。"
	for i := range draft.Parties {
		draft.Parties[i].ID = kase.Parties[i].ID.String()
	}
	w.call("plaintiff", "PUT", casePath(kase.ID, fmt.Sprintf("?version=%d", kase.Version)), draft, &kase, http.StatusOK)
	if receipt := w.submit(kase); receipt.Round != 2 {
		w.t.Errorf("second receipt %+v", receipt)
	}
	kase = w.read("reviewer", kase.ID)
	w.call("reviewer", "POST", casePath(kase.ID, "/refuse"), map[string]any{"version": kase.Version,
		"reason": "双方约定了有效的仲裁条款，可以向约定的仲裁机构申请仲裁。"}, &kase, http.StatusCreated)
	if kase.Stage != docket.StageRefused {
		w.t.Errorf("after the refusal: %s", kase.Stage)
	}
}

func (w *apiWalk) file() {
	w.t.Helper()
	w.kase = w.begin()
	w.evidence = w.upload("plaintiff", w.kase.ID, "买卖合同")
	w.kase = w.read("plaintiff", w.kase.ID)
	var me apiAccount
	w.call("plaintiff", "GET", "/me", nil, &me, http.StatusOK)
	if me.ID != w.ids["plaintiff"] {
		w.t.Errorf("me is %+v", me)
	}
	w.submit(w.kase)
	var list []docket.Evidence
	w.call("reviewer", "GET", casePath(w.kase.ID, "/evidence"), nil, &list, http.StatusOK)
	if len(list) != 1 || list[0].ID != w.evidence.ID {
		w.t.Errorf("evidence list %+v", list)
	}
	file := w.send("reviewer", "GET", apiPrefix+"/evidence/"+w.evidence.ID.String()+"/file", nil)
	if file.status != http.StatusOK || sha256.Sum256(file.body) != w.evidence.Blob.Hash {
		w.t.Errorf("evidence file: %d, %d bytes", file.status, len(file.body))
	}
}

func (w *apiWalk) review() {
	w.t.Helper()
	var desk docket.Desk
	w.call("reviewer", "GET", "/desk", nil, &desk, http.StatusOK)
	if !slices.ContainsFunc(desk.Todo, func(d docket.Todo) bool { return d.Kind == docket.TodoReview && d.Case.ID == w.kase.ID }) {
		w.t.Errorf("the filing is not on the reviewer's desk: %+v", desk.Todo)
	}
	var found casesOut
	w.call("reviewer", "GET", "/cases?stage=submitted&sort=-amount&per_page=5", nil, &found, http.StatusOK)
	if found.Total != 1 || found.Cases[0].ID != w.kase.ID {
		w.t.Errorf("queue %+v", found)
	}
	w.call("reviewer", "POST", casePath(w.kase.ID, "/accept"), docket.AcceptInput{Version: found.Cases[0].Version, Procedure: docket.ProcedureSimple,
		Judge: w.ids["judge"], Clerk: w.ids["clerk"]}, &w.kase, http.StatusCreated)
	if w.kase.Number == "" || w.kase.Stage != docket.StageAccepted {
		w.t.Errorf("accepted as %q, %s", w.kase.Number, w.kase.Stage)
	}
}

// bringIn invites the defendant, who joins by the code; both parties agree to online procedure and e-service.
func (w *apiWalk) bringIn() {
	w.t.Helper()
	var invitation docket.Invitation
	defendant := w.kase.Side(identity.StandingDefendant)[0]
	w.call("clerk", "POST", casePath(w.kase.ID, "/parties/"+defendant.ID.String()+"/invitations"), nil, &invitation, http.StatusCreated)
	w.call("stranger", "POST", "/links", map[string]any{"code": invitation.Code}, nil, http.StatusForbidden)
	w.call("defendant", "POST", "/links", map[string]any{"code": invitation.Code}, nil, http.StatusCreated)
	w.call("defendant", "POST", "/links", map[string]any{"code": invitation.Code}, nil, http.StatusUnprocessableEntity)
	for _, login := range []string{"plaintiff", "defendant"} {
		for _, stage := range []string{docket.OnlineHearing, docket.OnlineEvidence} {
			w.call(login, "POST", casePath(w.kase.ID, "/consent"), docket.ConsentInput{Online: true, Stage: stage, EService: true,
				EmailAddress: login + "@example.org", InApp: true}, nil, http.StatusCreated)
		}
	}
	w.call("defendant", "DELETE", casePath(w.kase.ID, "/consent?stage=evidence&reason=%E8%A6%81%E6%B1%82%E7%BA%BF%E4%B8%8B"), nil, nil, http.StatusNoContent)
	if p, ok := w.read("judge", w.kase.ID).PartyOf(w.ids["defendant"]); !ok || !p.Consent.Online(docket.OnlineHearing) || p.Consent.Online(docket.OnlineEvidence) {
		w.t.Errorf("the defendant's consent: %+v", p.Consent)
	}
	w.upload("defendant", w.kase.ID, "付款凭证")
}

// schedule sets the hearing.
func (w *apiWalk) schedule() {
	w.t.Helper()
	soon := docket.HearingInput{Start: time.Now().Add(time.Hour).UTC(), Minutes: 60, Public: true}
	w.call("clerk", "POST", casePath(w.kase.ID, "/hearings"), soon, nil, http.StatusUnprocessableEntity)
	soon.PartiesAgreed = true
	w.call("clerk", "POST", casePath(w.kase.ID, "/hearings"), soon, &w.hearing, http.StatusCreated)
	var list []docket.Hearing
	w.call("defendant", "GET", casePath(w.kase.ID, "/hearings"), nil, &list, http.StatusOK)
	if len(list) != 1 || list[0].ID != w.hearing.ID {
		w.t.Errorf("hearings %+v", list)
	}
}

// hear holds the hearing over its socket.
func (w *apiWalk) hear() {
	w.t.Helper()
	for _, party := range []string{"plaintiff", "defendant"} {
		w.call(party, "POST", "/hearings/"+w.hearing.ID.String()+"/recording/consent", map[string]any{"agree": true}, nil, http.StatusCreated)
	}
	judge, clerk := w.enter("judge", w.hearing.ID), w.enter("clerk", w.hearing.ID)
	judge.ask("phase", map[string]any{"to": docket.PhaseOpening})
	clerk.ask("line", map[string]any{"id": uuid.New(), "speaker": "审判员", "text": "现在开庭。"})
	for _, phase := range []docket.Phase{docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed} {
		judge.ask("phase", map[string]any{"to": phase})
	}
	path := "/hearings/" + w.hearing.ID.String()
	var hearing docket.Hearing
	w.call("plaintiff", "GET", path, nil, &hearing, http.StatusOK)
	if hearing.Phase != docket.PhaseClosed {
		w.t.Errorf("the hearing is in %s", hearing.Phase)
	}
	var transcript docket.Transcript
	w.call("plaintiff", "GET", path+"/transcript", nil, &transcript, http.StatusOK)
	if len(transcript.Lines) != 1 {
		w.t.Errorf("transcript %+v", transcript)
	}
	w.call("plaintiff", "POST", path+"/transcript/answer", map[string]any{"confirm": true, "digest": strings.Repeat("0", 64)}, nil, http.StatusConflict)
	w.call("plaintiff", "POST", path+"/transcript/answer", map[string]any{"confirm": true, "digest": transcript.Digest}, nil, http.StatusCreated)
	w.call("defendant", "POST", path+"/transcript/answer", map[string]any{"confirm": false, "objection": "第一句有误", "digest": transcript.Digest}, nil, http.StatusCreated)
	var presence []docket.Presence
	w.call("judge", "GET", path+"/presence", nil, &presence, http.StatusOK)
	if len(presence) != 2 {
		w.t.Errorf("presence %+v", presence)
	}
	w.recordings(path)
}

// recordings adds a finished file as the recorder does, and plays it.
func (w *apiWalk) recordings(path string) {
	w.t.Helper()
	content := apiClip(w.t)
	ref, err := w.server.Blobs.Put(w.t.Context(), bytes.NewReader(content))
	apiCheck(w.t, err)
	apiCheck(w.t, w.server.Docket.RecordingPart(w.t.Context(), w.hearing.ID, docket.Recording{Participant: w.ids["judge"].String(), Account: w.ids["judge"],
		Name: "林静", Blob: ref, Started: time.Now().Add(-time.Minute), Ended: time.Now(), FileName: "林静.webm", MediaType: "video/webm"}))
	var list []docket.Recording
	w.call("defendant", "GET", path+"/recordings", nil, &list, http.StatusOK)
	if len(list) != 1 {
		w.t.Fatalf("recordings %+v", list)
	}
	file := w.send("defendant", "GET", apiPrefix+path+"/recordings/"+list[0].ID.String()+"/file", nil)
	if file.status != http.StatusOK || !bytes.Equal(file.body, content) {
		w.t.Errorf("recording: %d, %d bytes", file.status, len(file.body))
	}
	if got := file.header.Get("Cache-Control") + " " + file.header.Get("Content-Disposition"); got != "no-store inline" {
		w.t.Errorf("a recording to be played is served %q", got)
	}
	w.watchRecording(path, "/recordings/"+list[0].ID.String()+"/copy")
	w.signRecording(path + "/recording")
	w.explainRecording(path + "/recording/explanation")
	w.films(path)
	w.supplementExplanation(path + "/recording/explanation")
}

// signRecording has one party sign the integrity value and the other object, as they agreed that the recording stands
// for the transcript.
func (w *apiWalk) signRecording(path string) {
	w.t.Helper()
	w.readForwardings(path)
	w.stampRecording(path)
	var agreed docket.Replacement
	w.call("judge", "GET", path+"/consent", nil, &agreed, http.StatusOK)
	var value integrityView
	w.call("plaintiff", "GET", path+"/integrity", nil, &value, http.StatusOK)
	w.call("plaintiff", "POST", path+"/integrity", map[string]any{"root": strings.Repeat("0", 64), "sign": true}, nil, http.StatusConflict)
	w.call("plaintiff", "POST", path+"/integrity", map[string]any{"root": value.Root, "sign": true}, nil, http.StatusCreated)
	w.call("defendant", "POST", path+"/integrity", map[string]any{"root": value.Root, "sign": false, "objection": "声音不清"}, nil, http.StatusCreated)
	w.call("judge", "GET", path+"/integrity", nil, &value, http.StatusOK)
	if !agreed.Agreed || len(value.Answers) != 2 || !value.Answers[0].Signed || value.Answers[1].Objection != "声音不清" {
		w.t.Errorf("agreed %+v, value %+v", agreed, value)
	}
}

// explainRecording has the clerk sign why the recording was interrupted, and the judge review it; page and preview show it.
func (w *apiWalk) explainRecording(path string) {
	w.t.Helper()
	var e service.Explanation
	w.call("judge", "GET", path, nil, &e, http.StatusOK)
	if !e.Complete || e.Document != nil || e.SignedAt != nil {
		w.t.Errorf("draft %+v", e)
	}
	w.onDesk("clerk", docket.TodoExplain, "撰写并签署庭审录音录像情况说明", "Explain the recording of a hearing and sign")
	page := func(who string) string { return string(w.send(who, "GET", path, nil).body) }
	w.call("plaintiff", "GET", path, nil, nil, http.StatusForbidden)
	w.call("judge", "PUT", path, service.ExplanationInput{Sign: true}, nil, http.StatusForbidden)
	w.call("judge", "POST", path+"/approve", map[string]any{"version": 0}, nil, http.StatusConflict)
	long := service.ExplanationInput{Note: strings.Repeat("长", 4001)}
	w.call("clerk", "PUT", path, long, nil, http.StatusUnprocessableEntity)
	w.call("clerk", "PUT", path, service.ExplanationInput{Note: "庭审全程录制。", Sign: true}, &e, http.StatusOK)
	w.call("clerk", "PUT", path, service.ExplanationInput{Note: "旧版"}, nil, http.StatusConflict)
	if got := w.send("judge", "GET", apiPrefix+path+"/preview.pdf", nil); !bytes.HasPrefix(got.body, []byte("%PDF-")) {
		w.t.Errorf("preview: %d", got.status)
	}
	if clerk, judge := page("clerk"), page("judge"); !strings.Contains(clerk, `name="note"`) || strings.Contains(clerk, path+"/approve") ||
		!strings.Contains(judge, path+"/approve") || strings.Contains(judge, `name="note"`) || !strings.Contains(judge, "庭审全程录制。") {
		w.t.Errorf("the pages of clerk and judge:\n%s\n%s", clerk, judge)
	}
	var made service.Document
	w.call("judge", "POST", path+"/approve", map[string]any{"version": e.Version}, &made, http.StatusCreated)
	var documents []service.Document
	w.call("defendant", "GET", casePath(w.hearing.Case, "/documents"), nil, &documents, http.StatusOK)
	if !slices.ContainsFunc(documents, func(d service.Document) bool { return d.ID == made.ID && d.Kind == service.KindRecordingExplanation }) {
		w.t.Errorf("the defendant's documents: %+v", documents)
	}
	recordings := string(w.send("defendant", "GET", "/hearings/"+w.hearing.ID.String()+"/recordings", nil).body)
	if !strings.Contains(recordings, "/documents/"+made.ID.String()) {
		w.t.Error("the recordings page does not lead to the explanation")
	}
}

// readForwardings reads who received whom, by the API and on the recordings' page.
func (w *apiWalk) readForwardings(path string) {
	w.t.Helper()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	judge, plaintiff := w.hearing.Judge.String(), w.ids["plaintiff"]
	seen := []docket.Forwarding{{Receiver: signaling.WatcherID(plaintiff), Sender: judge, Track: "t", Source: media.SourceCamera, From: at, To: at.Add(time.Minute), Packets: 7},
		{Receiver: judge, Sender: "stream-encoder", Track: "u", Source: media.SourceMic, From: at, To: at.Add(time.Minute), Packets: 9}}
	apiCheck(w.t, w.server.Docket.AddForwardings(w.t.Context(), w.hearing.ID, seen))
	var forwardings []docket.Forwarding
	w.call("plaintiff", "GET", path+"/forwardings", nil, &forwardings, http.StatusOK)
	page := string(w.send("plaintiff", "GET", path+"s", nil).body)
	if len(forwardings) != 2 || !strings.Contains(page, "encoder") || !strings.Contains(page, "17:00:00–17:01:00") {
		w.t.Errorf("forwardings %+v, page %s", forwardings, page)
	}
}

// stampRecording seals the record over the file that was added by hand. As long as its time-stamp cannot be entered, API
// and page say that there is none yet.
func (w *apiWalk) stampRecording(path string) {
	w.t.Helper()
	ctx := w.t.Context()
	tx, err := w.server.Pool.Begin(ctx)
	apiCheck(w.t, err)
	_, err = tx.Exec(ctx, `LOCK TABLE integrity_stamps IN SHARE MODE`)
	apiCheck(w.t, err)
	_, err = w.server.Docket.SealRecord(ctx, w.hearing.ID)
	apiCheck(w.t, err)
	value := func() (v integrityView) {
		w.call("plaintiff", "GET", path+"/integrity", nil, &v, http.StatusOK)
		return v
	}
	page := func() string {
		return string(w.send("plaintiff", "GET", "/hearings/"+w.hearing.ID.String()+"/recordings", nil).body)
	}
	words, err := loadDictionary(langZH)
	apiCheck(w.t, err)
	if v := value(); v.Stamp != nil || !strings.Contains(page(), words.text("recordings.unstamped")) {
		w.t.Errorf("before the authority answered: %+v\n%s", v.Stamp, page())
	}
	apiCheck(w.t, tx.Rollback(ctx))
	w.until("the time-stamp", func() bool { return value().Stamp != nil })
	if v := value(); !strings.Contains(page(), v.Stamp.Authority) {
		w.t.Errorf("the page does not say who stamped: %q", v.Stamp.Authority)
	}
}

// watchRecording reports what a player showed, twice, and copies with the judge's leave only.
func (w *apiWalk) watchRecording(path, copyPath string) {
	w.t.Helper()
	var m manifest
	w.call("defendant", "GET", path+"/recording", nil, &m, http.StatusOK)
	if len(m.Tracks) != 1 || m.Viewer == "" || m.Tracks[0].Entry == 0 || m.Length < 59_000 || m.Copy {
		w.t.Errorf("manifest %+v", m)
	}
	w.rangesByRole(path, copyPath)
	batch := map[string]any{"viewing": uuid.NewString(), "batch": 1, "stretches": []docket.Stretch{{From: 0, To: 4000}, {From: 2000, To: 6000}}}
	for range 2 {
		w.call("defendant", "POST", path+"/recording/watched", batch, nil, http.StatusCreated)
	}
	w.call("plaintiff", "POST", path+"/recording/watched", batch, nil, http.StatusForbidden)
	var viewings []docket.Viewing
	w.call("judge", "GET", path+"/recording/viewings", nil, &viewings, http.StatusOK)
	if len(viewings) != 1 || viewings[0].Seconds != 6 || viewings[0].Account != w.ids["defendant"] {
		w.t.Errorf("viewings %+v", viewings)
	}
	entries, err := w.server.Docket.Entries(w.t.Context(), w.hearing.Case)
	apiCheck(w.t, err)
	watched := 0
	for _, e := range entries {
		if e.Kind == docket.EntryWatched {
			watched++
		}
	}
	if watched != 1 {
		w.t.Errorf("%d entries of one viewing", watched)
	}
	if got := w.send("defendant", "GET", apiPrefix+path+copyPath, nil); got.status != http.StatusForbidden {
		w.t.Errorf("copied without leave: %d", got.status)
	}
	var asked docket.CopyRequest
	w.call("defendant", "POST", path+"/recording/copy", map[string]any{"reason": "准备上诉"}, &asked, http.StatusCreated)
	w.call("judge", "POST", path+"/recording/copy/"+asked.ID.String(), map[string]any{"grant": true}, nil, http.StatusCreated)
	got := w.send("defendant", "GET", apiPrefix+path+copyPath, nil)
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
		w.t.Errorf("copy with leave: %d %v", got.status, got.header)
	}
	if got := w.send("defendant", "GET", apiPrefix+path+copyPath, nil, "Range", "bytes=1-"); got.status != http.StatusPartialContent {
		w.t.Errorf("all but one byte of a copy: %d", got.status)
	}
	if whole, part := w.copies(); whole != 1 || part != 1 {
		w.t.Errorf("copies entered: %d whole, %d in part", whole, part)
	}
}

// decide writes and signs the judgment.
func (w *apiWalk) decide() {
	w.t.Helper()
	var draft service.Draft
	path := casePath(w.kase.ID, "/judgment")
	w.call("judge", "GET", path, nil, &draft, http.StatusOK)
	draft.Findings = []service.FindingText{{Text: "原告与被告存在买卖合同关系，原告已经交付货物，被告未付货款。", EvidenceIDs: []uuid.UUID{w.evidence.ID}}}
	draft.Reasoning = "双方的买卖合同合法有效。原告已经履行交付义务，被告逾期未付货款，应当承担违约责任。"
	draft.Law = "依照《中华人民共和国民法典》第五百七十九条、第六百二十六条规定，判决如下："
	draft.Items = []string{"被告李娜于本判决生效之日起十日内支付原告张伟货款人民币50000元。"}
	for _, field := range []*string{&draft.Parties, &draft.Course, &draft.ClaimsAndDefence, &draft.Costs, &draft.AppealNotice, &draft.Penalty} {
		*field = strings.ReplaceAll(*field, service.Blank, "被告李娜")
	}
	w.call("judge", "PUT", path+"?version=0", draft, &draft, http.StatusOK)
	w.call("judge", "PUT", path+"?version=0", draft, nil, http.StatusConflict)
	var again service.Document
	in := map[string]any{"version": draft.Version}
	w.call("judge", "POST", path+"/sign", in, &w.document, http.StatusCreated)
	w.call("judge", "POST", path+"/sign", in, &again, http.StatusCreated)
	if !w.document.Signed || w.document.ID != again.ID {
		w.t.Errorf("signed %+v, again %+v", w.document, again)
	}
	file := w.send("judge", "GET", apiPrefix+"/documents/"+w.document.ID.String()+"/file", nil)
	if !bytes.HasPrefix(file.body, []byte("%PDF-")) {
		w.t.Errorf("judgment: %d, %d bytes", file.status, len(file.body))
	}
}

// serve serves the judgment and waits for the proof of service.
func (w *apiWalk) serve() {
	w.t.Helper()
	var deliveries []service.Delivery
	in := map[string]any{"documents": []uuid.UUID{w.document.ID}, "parties": []uuid.UUID{w.kase.Parties[0].ID, w.kase.Parties[1].ID}}
	w.call("clerk", "POST", casePath(w.kase.ID, "/deliveries"), in, &deliveries, http.StatusCreated)
	if len(deliveries) != 2 {
		w.t.Fatalf("deliveries %+v", deliveries)
	}
	for _, login := range []string{"plaintiff", "defendant"} {
		i := slices.IndexFunc(deliveries, func(d service.Delivery) bool { return d.Account != nil && *d.Account == w.ids[login] })
		path := "/deliveries/" + deliveries[i].ID.String()
		var mailbox []service.Delivery
		w.call(login, "GET", "/mailbox", nil, &mailbox, http.StatusOK)
		w.call(login, "GET", "/notices", nil, nil, http.StatusOK)
		if !slices.ContainsFunc(mailbox, func(d service.Delivery) bool { return d.ID == deliveries[i].ID }) {
			w.t.Errorf("%s finds nothing in the mailbox", login)
		}
		other := map[string]string{"plaintiff": "defendant", "defendant": "plaintiff"}[login]
		w.call(other, "GET", path, nil, nil, http.StatusForbidden)
		w.call(other, "POST", path+"/receipt", nil, nil, http.StatusForbidden)
		var opened, confirmed service.Delivery
		w.call(login, "POST", path+"/open", nil, &opened, http.StatusCreated)
		if opened.ConfirmedAt != nil {
			w.t.Error("opening confirmed the receipt")
		}
		w.call(login, "POST", path+"/receipt", nil, &confirmed, http.StatusCreated)
		w.call(login, "POST", path+"/receipt", nil, nil, http.StatusCreated)
		if confirmed.ConfirmedAt == nil || confirmed.Effect == nil || !confirmed.Served() {
			w.t.Errorf("%s confirmed: %+v", login, confirmed)
		}
		w.until("proof of service for "+login, func() bool {
			w.call("clerk", "GET", path, nil, &confirmed, http.StatusOK)
			return confirmed.ProofDocument != nil
		})
	}
	w.call("clerk", "GET", casePath(w.kase.ID, "/deliveries"), nil, &deliveries, http.StatusOK)
	w.until("case served", func() bool { return w.read("judge", w.kase.ID).Stage == docket.StageServed })
	var documents []service.Document
	w.call("defendant", "GET", casePath(w.kase.ID, "/documents"), nil, &documents, http.StatusOK)
	if !slices.ContainsFunc(documents, func(d service.Document) bool { return d.Kind == service.KindJudgment }) {
		w.t.Errorf("the defendant's documents: %+v", documents)
	}
	if slices.ContainsFunc(documents, func(d service.Document) bool { return d.Kind == service.KindInvitation }) {
		w.t.Error("the defendant sees the letter with the code")
	}
}

// record reads the docket, its proofs and the export, which proves itself.
func (w *apiWalk) record() {
	w.t.Helper()
	var entries []docket.Entry
	w.call("plaintiff", "GET", casePath(w.kase.ID, "/entries"), nil, &entries, http.StatusOK)
	for i, e := range entries {
		if e.Seq != i+1 {
			w.t.Fatalf("entry %d has the number %d", i+1, e.Seq)
		}
	}
	var proof ledger.Proof
	w.until("proof of the first entry", func() bool {
		reply := w.send("plaintiff", "GET", apiPrefix+casePath(w.kase.ID, "/entries/1/proof"), nil)
		return reply.status == http.StatusOK && json.Unmarshal(reply.body, &proof) == nil
	})
	stored, err := w.server.Docket.Entries(w.t.Context(), w.kase.ID)
	apiCheck(w.t, err)
	if _, err := proof.Verify(stored[0].Payload, w.server.Ledger.PublicKey()); err != nil {
		w.t.Errorf("proof: %v", err)
	}
	w.call("plaintiff", "GET", casePath(w.kase.ID, "/entries/9999/proof"), nil, nil, http.StatusNotFound)
	zip := w.send("plaintiff", "POST", apiPrefix+casePath(w.kase.ID, "/export"), nil)
	if zip.status != http.StatusOK {
		w.t.Fatalf("export: %d %s", zip.status, zip.body)
	}
	report, err := bundle.Verify(bytes.NewReader(zip.body), int64(len(zip.body)), w.server.Ledger.PublicKey())
	if err != nil || len(report.Entries) <= len(entries) {
		w.t.Errorf("export: %v, %d entries", err, len(report.Entries))
	}
}
