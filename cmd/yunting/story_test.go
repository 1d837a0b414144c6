package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yunting/service/pdf"
)

// story is one case, played by four people at four browser tabs (and the filing clerk before them) from filing to
// the verified export. The plaintiff's name has a character beyond U+FFFF.
type story struct {
	t         *testing.T
	english   bool // played on the English pages, by people who choose English
	video     int  // bytes of the uploaded video
	p         *process
	plaintiff *visitor
	defendant *visitor
	judge     *visitor
	clerk     *visitor
	kase      string // path of the case page
	hearing   string // path of the hearing page
	number    string // 案号
	pdfPath   string
	videoPath string
	hashes    map[string]string // file name → SHA-256
	heard     time.Duration     // how long the hearing was open at least, without its recess
}

const (
	plaintiffName = "王𬱖"
	defendantName = "赵晓雯"
	defendantMail = "zhaoxiaowen@example.test"
)

// TestOneCaseFromFilingToReadReceipt plays the whole story in Chinese, with a large upload and a killed server.
func TestOneCaseFromFilingToReadReceipt(t *testing.T) {
	(&story{t: t, video: 300 << 20}).play()
}

// TestOneCaseInEnglish plays the same story on the English pages, on which nothing but names, numbers and what people wrote
// is Chinese.
func TestOneCaseInEnglish(t *testing.T) {
	(&story{t: t, video: 10 << 20, english: true}).play()
}

// play runs the story's parts in order, each on what the one before left.
func (s *story) play() {
	t := s.t
	s.p, s.hashes = startDemo(t, "--no-participants", "--log-level", "warn"), map[string]string{}
	type part struct {
		name string
		play func()
	}
	parts := []part{
		{"Filing", s.file}, {"Review", s.review}, {"Invitation", s.invite}, {"Hearing", s.hear},
		{"Recording", s.recording}, {"Explanation", s.explain}, {"Judgment", s.decide}, {"Service", s.serve}, {"Record", s.record},
	}
	if s.english {
		parts = append(parts, part{"Deletion", s.erase})
	}
	for _, part := range parts {
		began := time.Now()
		part.play()
		t.Logf("%s: %v", part.name, time.Since(began).Round(time.Second))
		if t.Failed() {
			t.Fatalf("%s failed\n%s", part.name, s.p.log)
		}
	}
}

// visit opens a browser for somebody; each is looked at when the story ends badly.
func (s *story) visit(name string) *visitor {
	v := newVisitor(s.t, s.p.url, name)
	if s.english {
		v.words = englishWords(s.t)
		v.open("/")
		v.choose("/language", "en")
	}
	return v
}

// enter signs a demonstration account in by the log-in form.
func (s *story) enter(login string) *visitor {
	v := s.visit(login)
	v.signIn(login)
	return v
}

func (s *story) register(v *visitor, name, id, login, phone, mail string) {
	v.open("/register")
	v.fill(map[string]string{"name": name, "id_number": id[:17] + "0", "phone": phone, "email": mail, "login": login,
		"password": "correct horse battery", "password2": "correct horse battery"})
	v.submitForm("/register")
	if v.at() != "/register" { // the wrong check digit must have been found
		s.t.Fatalf("registered with a wrong check digit")
	}
	v.until("the error beside the number", `!!document.querySelector('#id_number-error')`, 5*time.Second)
	v.fill(map[string]string{"id_number": id, "password": "correct horse battery", "password2": "correct horse battery"})
	v.submitForm("/register")
}

// file: register, write the complaint, upload a PDF and a 300 MB video with a pause and a killed server, submit.
func (s *story) file() {
	s.makeFiles()
	v := s.visit("plaintiff")
	s.plaintiff = v
	s.register(v, plaintiffName, resident("11010519900214003"), "wangwu", "13911112222", "wang@example.test")
	v.shotAll("desk-empty")
	v.open("/")
	v.submitForm("/cases")
	s.kase = strings.TrimSuffix(v.at(), "/edit")
	v.submitButton("提交起诉状") // an empty complaint: everything that is missing is named
	v.until("the list of errors", `document.querySelectorAll('#errors li').length >= 5`, 10*time.Second)
	v.shotAll("filing-errors")
	v.axe("filing form with errors")
	s.writeComplaint()
	s.upload("买卖合同", s.pdfPath, func() {})
	interrupt := s.interruptUpload
	if s.english {
		interrupt = func() {}
	}
	s.upload("验货录像", s.videoPath, interrupt)
	v.submitButton("提交起诉状")
	if !strings.HasSuffix(v.at(), "/receipt") {
		s.t.Fatalf("no receipt but %s\n%s", v.at(), v.glimpse())
	}
	for name, hash := range s.hashes {
		v.sees(hash)
		s.t.Logf("%s %s", hash[:12], name)
	}
	v.shotAll("receipt")
	v.axe("receipt")
}

// resident completes an identity number by its check digit.
func resident(first17 string) string {
	sum := 0
	for i, r := range first17 {
		sum += int(r-'0') * ((1 << (17 - i)) % 11)
	}
	return first17 + string("10X98765432"[sum%11])
}

// makeFiles writes the two files: a real PDF, and a video with its bulk in random bytes behind a true beginning.
func (s *story) makeFiles() {
	dir := s.t.TempDir()
	s.pdfPath, s.videoPath = filepath.Join(dir, "买卖合同.pdf"), filepath.Join(dir, "验货录像.webm")
	contract, err := pdf.Render(pdf.Document{Court: "买卖合同", Title: "买卖合同", Body: []pdf.Block{pdf.Paragraph{Text: "甲方出售医疗器械，乙方于货到后三十日内付款。"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.pdfPath, contract, 0o600); err != nil {
		s.t.Fatal(err)
	}
	clip, err := os.ReadFile("demo/clip.webm")
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := os.Create(s.videoPath)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	out := io.MultiWriter(f, sum)
	if _, err := out.Write(clip); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.CopyN(out, rand.Reader, int64(s.video-len(clip))); err != nil {
		s.t.Fatal(err)
	}
	s.hashes["验货录像.webm"] = hex.EncodeToString(sum.Sum(nil))
	digest := sha256.Sum256(contract)
	s.hashes["买卖合同.pdf"] = hex.EncodeToString(digest[:])
}

func (s *story) writeComplaint() {
	v := s.plaintiff
	v.open(s.kase + "/edit")
	fields := map[string]string{"cause_code": "04.01.11", "claims[0].text": "判令被告支付货款100000元", "claims[0].amount_fen": "100000",
		"facts":   "2026年3月6日双方签订买卖合同，被告购买医疗器械一批，价款100000元。3月20日原告交货，被告验收签字，至今未付款。",
		"grounds": "原告已经交付货物，被告应当按照约定支付价款。"}
	for i, p := range []struct{ name, id, gender, birth, phone, mail string }{
		{plaintiffName, resident("11010519900214003"), "男", "1990-02-14", "13911112222", "wang@example.test"},
		{defendantName, resident("11010819880808004"), "女", "1988-08-08", "13933334444", defendantMail},
	} {
		n := fmt.Sprintf("parties[%d].", i)
		for field, value := range map[string]string{"name": p.name, "kind": "natural", "id_kind": "resident_id", "id_number": p.id, "gender": p.gender, "birth": p.birth,
			"ethnicity": "汉族", "occupation": "个体工商户", "address": "北京市朝阳区云庭路1号", "phone": p.phone, "email": p.mail} {
			fields[n+field] = value
		}
	}
	fields["service.agreed"], fields["service.in_app"], fields["service.email"] = "yes", "yes", "wang@example.test"
	v.fill(fields)
	v.submitButton("保存")
	v.until("the saved title", fmt.Sprintf(`document.querySelector('[name="parties[0].name"]').value === %s`, quote(plaintiffName)), 10*time.Second)
}

// upload adds one item of evidence by the resumable upload.
func (s *story) upload(name, path string, meanwhile func()) {
	v := s.plaintiff
	v.open(s.kase + "/edit")
	s.chooseFile(name, path)
	meanwhile()
	v.until("the item "+name, fmt.Sprintf(`[...document.querySelectorAll('[data-evidence-list] a')].some(a => a.textContent === %s)`, quote(name)), 3*time.Minute)
}

func (s *story) chooseFile(name, path string) {
	v := s.plaintiff
	v.until("the upload script", `!!document.querySelector('[data-tus]:not([hidden])')`, 10*time.Second)
	v.fill(map[string]string{"evidence.name": name, "evidence.source": "原告保存", "evidence.purpose": "证明买卖和欠款"})
	v.do("choose a file", chromedp.SetUploadFiles(`input[name="evidence.file"]`, []string{path}))
	evaluate[any](v, `document.querySelector('[data-upload-start]').click()`)
}

// interruptUpload pauses and resumes, then kills the server in mid-air; the upload goes on by itself after the restart.
func (s *story) interruptUpload() {
	v := s.plaintiff
	v.until("progress", `(document.querySelector('.upload progress')?.value ?? 0) > 8e6`, time.Minute)
	v.press("暂停")
	v.until("the pause", `document.querySelector('.upload').dataset.phase === 'paused'`, 10*time.Second)
	v.shot("upload-paused")
	at := evaluate[float64](v, `document.querySelector('.upload progress').value`)
	v.press("继续")
	v.until("further progress", fmt.Sprintf(`(document.querySelector('.upload progress')?.value ?? 1e12) > %f + 16e6`, at), time.Minute)
	s.p.kill()
	s.p.start()
}

// review: the filing clerk accepts; the number follows and three notices appear.
func (s *story) review() {
	v := s.enter("zhaomin")
	v.open(s.kase + "/review")
	v.sees("自动核对")
	v.shotAll("review")
	v.axe("review")
	v.fill(map[string]string{"procedure": "simple"})
	v.selectText("judge", "林静")
	v.selectText("clerk", "王磊")
	v.submitForm(s.kase + "/accept")
	s.plaintiff.waitReload(s.kase, "举证通知书", 30*time.Second)
	notices := []string{"案件受理通知书", "交纳诉讼费用通知书", "举证通知书"}
	for _, title := range notices {
		s.plaintiff.sees(title)
	}
	s.number = regexp.MustCompile(`（\d{4}）京0491民初\d+号`).FindString(evaluate[string](s.plaintiff, `document.body.innerText`))
	if s.number == "" {
		s.t.Fatalf("no case number\n%s", s.plaintiff.glimpse())
	}
	s.plaintiff.shotAll("case-accepted")
	s.plaintiff.axe("case page")
	s.plaintiff.open("/mailbox") // consent was asked before the filing, so that the notices are served at once
	for _, title := range notices {
		s.plaintiff.sees(title)
	}
}

// invite: a one-time code, given by letter; the defendant registers, links the case and consents.
func (s *story) invite() {
	s.clerk = s.enter("wanglei")
	s.clerk.open(s.kase)
	link := evaluate[string](s.clerk, `document.querySelector('a[href$="/invite"]').getAttribute('href')`)
	s.clerk.open(link)
	s.clerk.submitForm(link)
	code := evaluate[string](s.clerk, `document.querySelector('.code-once').textContent.trim()`)
	s.clerk.shotAll("invitation")
	v := s.visit("defendant")
	s.defendant = v
	s.register(v, defendantName, resident("11010819880808004"), "zhaoxw", "13933334444", defendantMail)
	v.open("/link")
	v.fill(map[string]string{"code": code})
	v.submitForm("/link")
	s.consent(v, defendantMail)
	s.consent(s.plaintiff, "wang@example.test")
	v.open("/link") // the code works once
	v.fill(map[string]string{"code": code})
	v.submitForm("/link")
	v.until("the refusal of a used code", fmt.Sprintf(`document.body.innerText.includes(%s)`, quote(v.word("邀请码"))), 10*time.Second)
}

func (s *story) consent(v *visitor, mail string) {
	v.open(s.kase + "/consent")
	evaluate[any](v, `document.querySelectorAll('[name=stage]').forEach(e => { if (!e.checked) e.click() })`)
	v.fill(map[string]string{"e_service": "yes", "in_app": "yes", "email": mail})
	v.shotAll("consent-" + v.name)
	v.submitForm(s.kase + "/consent")
	v.sees("已记录您的选择")
}

// run runs a program and returns what it printed; its failure is the test's.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
