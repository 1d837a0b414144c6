package sign

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"yunting/service/pdf"
)

var march = time.Date(2026, 3, 23, 2, 0, 0, 0, time.UTC)

func fixed(at time.Time) func() time.Time { return func() time.Time { return at } }

// court is one key store for all tests that only sign: making keys takes a second.
var court = sync.OnceValues(func() (*Signer, error) {
	dir, err := os.MkdirTemp("", "yunting-sign-")
	if err != nil {
		return nil, err
	}
	s, err := LoadOrCreate(dir, "北京云庭法院", fixed(march))
	return s, errors.Join(err, os.RemoveAll(dir))
})

func courtSigner(t testing.TB) *Signer {
	t.Helper()
	s, err := court()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func document(t testing.TB) []byte {
	t.Helper()
	data, err := pdf.Render(pdf.Document{
		Court: "北京云庭法院", Title: "民事判决书", Number: "（2026）京0491民初123号", Created: march,
		Body: []pdf.Block{pdf.Paragraph{Text: "判决如下：驳回原告的诉讼请求。"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func signed(t testing.TB, times int) []byte {
	t.Helper()
	data := document(t)
	for i := range times {
		var err error
		data, err = courtSigner(t).Sign(data, SigOptions{
			Name: "北京云庭法院", Reason: fmt.Sprintf("签发 %d", i+1), Location: "北京", Time: march,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// tool runs an outside program on data; %s among args stands for its file.
func tool(t *testing.T, data []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signed.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%s", path)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Logf("%s: %v", name, err)
	}
	return string(out)
}

func TestSignaturesInARowStayValid(t *testing.T) {
	data := signed(t, 3)
	if !bytes.HasPrefix(data, document(t)) {
		t.Error("signing changed the bytes before it")
	}
	list, err := Verify(data, courtSigner(t).Roots())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 {
		t.Fatalf("want 3 signatures, got %d", len(list))
	}
	for i, s := range list {
		if s.Err != nil || !s.Trusted || !s.StampedAt.Equal(march) || !s.ClaimedAt.Equal(march) || s.Name != "北京云庭法院" ||
			s.Reason != fmt.Sprintf("签发 %d", i+1) || s.Location != "北京" || s.WholeFile != (i == 2) {
			t.Errorf("signature %d: %+v", i+1, s)
		}
		if !strings.Contains(s.Certificate.Subject.CommonName, "演示 demo") || s.StampedBy == nil {
			t.Errorf("signature %d: certificates %v, %v", i+1, s.Certificate.Subject, s.StampedBy)
		}
	}
	out := tool(t, data, "pdfsig", "-nocert", "%s")
	if strings.Count(out, "Signature is Valid.") != 3 || strings.Count(out, "ETSI.CAdES.detached") != 3 {
		t.Errorf("pdfsig: %s", out)
	}
	if out := tool(t, data, "qpdf", "--check", "%s"); !strings.Contains(out, "No syntax or stream encoding errors") {
		t.Errorf("qpdf: %s", out)
	}
	if out := tool(t, data, "pdftotext", "%s", "-"); !strings.Contains(out, "驳回原告的诉讼请求") {
		t.Errorf("pdftotext: %s", out)
	}
}

func TestAnyChangedByteBreaks(t *testing.T) {
	data := signed(t, 2)
	roots := courtSigner(t).Roots()
	for at := 0; at < len(data); at += 1 + len(data)/1997 {
		changed := bytes.Clone(data)
		changed[at] ^= 1
		if _, err := Verify(changed, roots); err == nil {
			t.Fatalf("byte %d of %d was changed and nothing was found: %q", at, len(data), data[max(0, at-20):at+20])
		}
	}
	changed := bytes.Replace(data, []byte("/Type /Page\n"), []byte("/Type /Pagf\n"), 1)
	if out := tool(t, changed, "pdfsig", "-nocert", "%s"); strings.Contains(out, "Signature is Valid.") {
		t.Errorf("pdfsig accepts a changed file: %s", out)
	}
}

func TestAppendedBytesAreFound(t *testing.T) {
	data := signed(t, 1)
	for name, tail := range map[string]string{"a blank": "\n", "a revision": "9 0 obj\n<<>>\nendobj\n%%EOF\n"} {
		if _, err := Verify(append(bytes.Clone(data), tail...), courtSigner(t).Roots()); err == nil {
			t.Errorf("%s after the signature was accepted", name)
		}
	}
}

func TestForeignRootsAreNotTrusted(t *testing.T) {
	data := signed(t, 1)
	if list, err := Verify(data, x509.NewCertPool()); !errors.Is(err, ErrBroken) || list[0].Trusted {
		t.Errorf("an unknown root was accepted: %v", err)
	}
	list, err := Verify(data, nil)
	if err != nil || list[0].Trusted {
		t.Errorf("without roots: %v, trusted %v", err, list[0].Trusted)
	}
}

func TestUnsignedAndForeignFiles(t *testing.T) {
	if _, err := Verify(document(t), nil); !errors.Is(err, ErrNoSignature) {
		t.Errorf("unsigned: %v", err)
	}
	for name, data := range map[string]string{"empty": "", "text": "hello", "cut": "%PDF-1.7\nstartxref\n99\n%%EOF"} {
		if _, err := Verify([]byte(data), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := courtSigner(t).Sign([]byte(data), SigOptions{}); err == nil {
			t.Errorf("sign %s: no error", name)
		}
	}
}

func TestKeysAreKeptAndRenewed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	now := march
	clock := func() time.Time { return now }
	first, err := LoadOrCreate(dir, "北京云庭法院", clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{authorityFile, signerFile, stamperFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	again, err := LoadOrCreate(dir, "北京云庭法院", clock)
	if err != nil || !again.opts.Chain[0].Equal(first.opts.Chain[0]) {
		t.Fatalf("the second start made other keys: %v", err)
	}
	old, err := first.Sign(document(t), SigOptions{Time: now})
	if err != nil {
		t.Fatal(err)
	}

	now = first.opts.Chain[0].NotAfter.Add(-24 * time.Hour)
	young, err := first.Sign(old, SigOptions{Time: now}) // renews while it runs
	if err != nil {
		t.Fatal(err)
	}
	list, err := Verify(young, first.Roots())
	if err != nil || list[0].Certificate.Equal(list[1].Certificate) || !list[1].Trusted {
		t.Fatalf("after renewal: %v", err)
	}

	now = first.opts.Chain[1].NotAfter.Add(-24 * time.Hour) // the authority itself is due
	third, err := LoadOrCreate(dir, "北京云庭法院", clock)
	if err != nil {
		t.Fatal(err)
	}
	if list, err = Verify(young, third.Roots()); err != nil || !list[0].Trusted {
		t.Errorf("signatures under the old root are lost: %v", err)
	}
	if got := strings.Count(string(third.RootsPEM()), "BEGIN CERTIFICATE"); got != 2 {
		t.Errorf("want both roots, got %d", got)
	}
}

// Two first starts on one directory at once: what either signs, the other's roots vouch for.
func TestStartsAtOnceMakeOneAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	var both [2]*Signer
	var starts sync.WaitGroup
	for i := range both {
		starts.Go(func() {
			var err error
			if both[i], err = LoadOrCreate(dir, "法院", fixed(march)); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	if t.Failed() {
		return
	}
	for i, certificate := range both[0].opts.Chain {
		if !certificate.Equal(both[1].opts.Chain[i]) {
			t.Errorf("the starts use two certificates %q", certificate.Subject.CommonName)
		}
	}
	if n := strings.Count(string(both[1].RootsPEM()), "BEGIN CERTIFICATE"); n != 1 {
		t.Errorf("%d roots, want 1", n)
	}
}

func TestCarelessOrDamagedKeysAreRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadOrCreate(dir, "法院", fixed(march)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, signerFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(dir, "法院", fixed(march)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("rubbish"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(dir, "法院", fixed(march)); err == nil || !strings.Contains(err.Error(), signerFile) {
		t.Errorf("a damaged key: %v", err)
	}
}

// Keys of one's own, with a time-stamp authority over HTTP that one can turn wrong.
func TestOwnKeysAndHTTPTimeStamps(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadOrCreate(dir, "法院", fixed(march)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, stamperFile))
	if err != nil {
		t.Fatal(err)
	}
	stamper, err := parsePair(data)
	if err != nil {
		t.Fatal(err)
	}
	fault := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		ask, err := timestamp.ParseRequest(body.Bytes())
		if err != nil {
			t.Error(err)
			return
		}
		stamp := timestamp.Timestamp{HashAlgorithm: ask.HashAlgorithm, HashedMessage: bytes.Clone(ask.HashedMessage), Nonce: ask.Nonce,
			Time: march, Policy: demoPolicy, AddTSACertificate: true}
		switch fault {
		case "digest":
			stamp.HashedMessage[0] ^= 1
		case "nonce":
			stamp.Nonce.Add(stamp.Nonce, stamp.Nonce)
		case "status":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case "rubbish":
			fmt.Fprint(w, "hello")
			return
		}
		answer, err := stamp.CreateResponseWithOpts(stamper.cert, stamper.key, ask.HashAlgorithm)
		if err != nil {
			t.Error(err)
		}
		if _, err := w.Write(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	own, err := Load(Files{Key: filepath.Join(dir, signerFile), Roots: filepath.Join(dir, rootsFile), StampURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	out, err := own.Sign(document(t), SigOptions{Time: march})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := Verify(out, own.Roots()); err != nil || !list[0].Trusted {
		t.Fatalf("own keys: %v", err)
	}
	for _, fault = range []string{"digest", "nonce", "status", "rubbish"} {
		if _, err := own.Sign(document(t), SigOptions{}); err == nil {
			t.Errorf("a time-stamp authority with a wrong %s was believed", fault)
		}
	}
}

// A certificate that is not made for time-stamping may not stamp.
func TestStampNeedsItsPurpose(t *testing.T) {
	s := courtSigner(t)
	wrong, err := New(Options{Chain: s.opts.Chain, Key: s.opts.Key, Stamp: LocalStamper(s.opts.Chain[0], s.opts.Key, fixed(march))})
	if err != nil {
		t.Fatal(err)
	}
	data, err := wrong.Sign(document(t), SigOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(data, s.Roots()); !errors.Is(err, ErrBroken) {
		t.Errorf("want ErrBroken, got %v", err)
	}
}

func TestOpenSSLAcceptsTheSignature(t *testing.T) {
	data := signed(t, 1)
	f, err := openFile(data)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := f.fields()
	if err != nil {
		t.Fatal(err)
	}
	value, err := f.signatureValue(fields[0].get("V"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cms := write("cms.pem", pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: value.cms}))
	content := write("content", append(bytes.Clone(data[:value.gapStart]), data[value.gapEnd:]...))
	roots := write("roots.pem", courtSigner(t).RootsPEM())
	out, err := exec.Command("openssl", "cms", "-verify", "-cades", "-inform", "PEM", "-in", cms, "-binary", "-content", content,
		"-CAfile", roots, "-purpose", "any", "-attime", fmt.Sprint(march.Unix()), "-out", os.DevNull).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

func FuzzVerify(f *testing.F) {
	s := courtSigner(f)
	data := []byte("%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n" +
		"3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>\nendobj\n")
	table := "xref\n0 4\n0000000000 65535 f \n"
	for n := 1; n <= 3; n++ {
		table += fmt.Sprintf("%010d 00000 n \n", bytes.Index(data, fmt.Appendf(nil, "%d 0 obj", n)))
	}
	start := len(data)
	data = append(data, fmt.Sprintf("%strailer\n<</Size 4 /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", table, start)...)
	f.Add(data)
	one, err := s.Sign(data, SigOptions{Name: "court", Reason: "(a\\)b", Time: march})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add([]byte("%PDF-1.7\nxref\n0 0\ntrailer\n<</Size 1/Prev 9/Root 1 0 R>>\nstartxref\n9\n%%EOF"))
	f.Add([]byte("%PDF-1.7\nxref\ntrailer\n" + strings.Repeat("<</A [", 60) + "\nstartxref\n9\n%%EOF"))
	roots := s.Roots()
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Verify(data, roots)
		if err == nil && !bytes.Equal(data, one) && (len(list) == 0 || !list[0].Trusted) {
			t.Error("accepted without a trusted signature")
		}
		for _, one := range list {
			if one.Err == nil && (one.Certificate == nil || one.StampedAt.IsZero()) {
				t.Error("a valid signature lacks certificate or time")
			}
		}
	})
}
