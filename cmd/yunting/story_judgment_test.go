package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// decide: the judge fills the prefilled draft, previews and signs; the PDF is valid and its text comes back.
func (s *story) decide() {
	v := s.judge
	v.open(s.kase + "/judgment")
	v.sees("判决书草稿")
	v.shotAll("judgment")
	v.axe("judgment form")
	v.submitButton("保存并前往签署") // with blanks it can be saved, but not signed: each missing part is named
	v.submitForm(s.kase + "/judgment/sign")
	v.sees("不完整")
	v.shotAll("judgment-incomplete")
	v.open(s.kase + "/judgment")
	evaluate[any](v, `document.querySelectorAll('textarea').forEach(e => { if (e.value.includes('〔待填〕')) e.value = e.value.replaceAll('〔待填〕', '') })`)
	v.fill(map[string]string{
		"findings.0": "双方签订买卖合同，原告已经交付货物，被告签收后没有付款。", "reasoning": "被告应当按照约定支付价款，原告的请求本院予以支持。",
		"law":     "依照《中华人民共和国民法典》第六百二十六条、《中华人民共和国民事诉讼法》第一百五十五条规定，判决如下：",
		"costs":   "案件受理费由被告" + defendantName + "负担。",
		"items.0": "被告" + defendantName + "于本判决生效之日起十日内支付原告" + plaintiffName + "货款100000元；",
	})
	evaluate[any](v, `document.querySelectorAll('textarea[name^="findings."]').forEach((e, i) => { if (i > 0) e.value = '上述事实有证据予以证实。' })`)
	v.submitButton("保存并前往签署")
	if !strings.HasSuffix(v.at(), "/sign") {
		s.t.Fatalf("not led to the signature\n%s", v.glimpse())
	}
	v.shotAll("sign")
	v.axe("signature")
	v.submitForm(s.kase + "/judgment/sign")
	path := s.fetchDocument(v, "民事判决书")
	if out := run(s.t, "pdfsig", "-nocert", path); !strings.Contains(out, "Signature is Valid") {
		s.t.Errorf("pdfsig: %s", out)
	}
	text := strings.Join(strings.Fields(run(s.t, "pdftotext", path, "-")), "")
	for _, want := range []string{plaintiffName, defendantName, s.number, "本院认为", "判决如下"} {
		if !strings.Contains(text, want) {
			s.t.Errorf("the judgment's text lacks %q", want)
		}
	}
}

// fetchDocument saves the newest document of that title that the case page lists.
func (s *story) fetchDocument(v *visitor, title string) string {
	v.waitReload(s.kase, title, 30*time.Second)
	href := evaluate[string](v, fmt.Sprintf(`[...document.querySelectorAll('a[href^="/documents/"]')].filter(a => a.textContent.includes(%s)).pop().getAttribute('href')`, quote(v.word(title))))
	v.open(href)
	v.shotAll("document-" + title)
	path := filepath.Join(s.t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, v.get(href+"/file"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// serve: the clerk serves both; opening is no receipt, "received" is; effect, reason and proof follow.
func (s *story) serve() {
	c := s.clerk
	c.open(s.kase + "/serve")
	evaluate[any](c, fmt.Sprintf(`[...document.querySelectorAll('[name=document]')].forEach(e => { const j = e.closest('.check').innerText.includes(%s); if (e.checked !== j) e.click() })`, quote(c.word("民事判决书"))))
	evaluate[any](c, `document.querySelectorAll('[name=party]').forEach(e => { if (!e.checked) e.click() })`)
	c.shotAll("serve")
	c.axe("serve")
	c.submitForm(s.kase + "/serve")
	made := "电子送达凭证"
	if s.english {
		made = "Proof of service made"
	}
	for _, v := range []*visitor{s.plaintiff, s.defendant} {
		v.open("/mailbox")
		v.axe("mailbox")
		v.shotAll("mailbox-" + v.name)
		delivery := evaluate[string](v, fmt.Sprintf(`[...document.querySelectorAll('a[href^="/deliveries/"]')].find(a => (a.closest('li') ?? a).innerText.includes(%s)).getAttribute('href')`, quote(v.word("民事判决书"))))
		v.open(delivery)
		v.until("no receipt by looking", fmt.Sprintf(`!document.body.innerText.includes(%s)`, quote(v.word("确认签收"))), 5*time.Second)
		v.submit("已收到")
		v.sees(s.date(time.Now()))
		v.waitReload(delivery, made, 30*time.Second)
		v.shotAll("delivery-" + v.name)
		v.axe("delivery")
	}
	proof := s.fetchDocument(c, "电子送达凭证")
	if out := run(s.t, "pdfsig", "-nocert", proof); !strings.Contains(out, "Signature is Valid") {
		s.t.Errorf("pdfsig of the proof: %s", out)
	}
	s.spooled()
}

// date is a day in the court's zone as the pages write it.
func (s *story) date(at time.Time) string {
	day := at.In(time.FixedZone("UTC+08", 8*3600))
	if s.english {
		return day.Format("2 January 2006")
	}
	return fmt.Sprintf("%d年%d月%d日", day.Year(), day.Month(), day.Day())
}

// spooled: the mail went out, to the address that was given for service.
func (s *story) spooled() {
	files, err := filepath.Glob(filepath.Join(s.p.dir, "mail", "*.eml"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(string(data), defendantMail) {
			return
		}
	}
	s.t.Errorf("no mail to the defendant among %d", len(files))
}

// record: every entry has its proof; the export verifies; any changed byte is named.
func (s *story) record() {
	v := s.plaintiff
	v.open(s.kase)
	if n := evaluate[int](v, `document.querySelectorAll('#record .timeline li').length`); n < 20 {
		s.t.Errorf("only %d entries", n)
	}
	v.shotAll("case-served")
	v.axe("case page at the end")
	v.open(s.kase + "/entries/1")
	v.shotAll("entry")
	v.axe("entry")
	path := s.export()
	binary := s.p.cmd.Path
	said := run(s.t, binary, "verify", path)
	s.t.Log(said)
	if !strings.Contains(said, "完整性校验值") {
		s.t.Error("verify does not tell of the hearing's recording")
	}
	if !strings.Contains(said, "音视频收发清单") {
		s.t.Error("verify does not tell who received whom")
	}
	s.segmentIsNamed(binary, path)
	archive, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	edits := 5
	if s.english {
		edits = 1
	}
	for range edits {
		at := rand.IntN(len(archive))
		archive[at] ^= 1 << rand.IntN(8)
		broken := filepath.Join(s.t.TempDir(), "broken.zip")
		if err := os.WriteFile(broken, archive, 0o600); err != nil {
			s.t.Fatal(err)
		}
		out, err := exec.Command(binary, "verify", broken).CombinedOutput()
		if status, ok := err.(*exec.ExitError); !ok || status.ExitCode() != 1 {
			s.t.Errorf("changed byte %d: %v\n%s", at, err, out)
		}
		if name := memberAt(path, int64(at)); name != "" && !strings.Contains(string(out), name) {
			s.t.Errorf("changed byte %d lies in %s, verify says\n%s", at, name, out)
		}
		clean, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		archive[at] = clean[at]
	}
}

// segmentIsNamed changes a byte within each original of the export: verify names the segment.
func (s *story) segmentIsNamed(binary, path string) {
	whole, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		s.t.Fatal(err)
	}
	originals := 0
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".segments") {
			continue
		}
		originals++
		at, err := f.DataOffset()
		if err != nil {
			s.t.Fatal(err)
		}
		changed := bytes.Clone(whole)
		changed[at+int64(f.CompressedSize64)/2] ^= 1
		broken := filepath.Join(s.t.TempDir(), "segment.zip")
		if err := os.WriteFile(broken, changed, 0o600); err != nil {
			s.t.Fatal(err)
		}
		out, err := exec.Command(binary, "verify", broken).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "record: segment ") {
			s.t.Errorf("a changed segment of %s: %s", f.Name, out)
		}
	}
	if originals == 0 {
		s.t.Error("the export holds no original")
	}
}

// export fetches the case's zip with the plaintiff's session, outside the browser because it is large.
func (s *story) export() string {
	token := struct{ Token string }{}
	s.p.call("", "POST", "/api/v1/sessions", map[string]string{"login": "wangwu", "password": "correct horse battery"}, &token, 201)
	status, data, err := s.p.try(token.Token, "POST", "/api/v1"+s.kase+"/export", nil)
	if err != nil || status != 200 {
		s.t.Fatalf("export: status %d, %v: %.300s", status, err, data)
	}
	path := filepath.Join(s.t.TempDir(), "case.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// memberAt names the zip member whose content holds that byte; "" when it is none's.
func memberAt(path string, at int64) string {
	r, err := zip.OpenReader(path)
	if err != nil {
		return ""
	}
	defer r.Close()
	for _, f := range r.File {
		if start, err := f.DataOffset(); err == nil && at >= start && at < start+int64(f.CompressedSize64) {
			return f.Name
		}
	}
	return ""
}
