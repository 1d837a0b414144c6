package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/service/pdf"
	"yunting/service/sign"
)

// signedFile writes a document that the signer signed, and its roots.
func signedFile(t *testing.T, dir string) (document, roots string) {
	t.Helper()
	signer, err := sign.LoadOrCreate(filepath.Join(dir, "keys"), "北京云庭法院", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := pdf.Render(pdf.Document{Court: "北京云庭法院", Title: "民事判决书", Body: []pdf.Block{pdf.Paragraph{Text: "判决如下。"}}})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(plain, sign.SigOptions{Name: "北京云庭法院", Reason: "判决", Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, dir, "judgment.pdf", signed), written(t, dir, "roots.pem", signer.RootsPEM())
}

func written(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// verified runs the check of one file as the command does: what it says, and whether the program would exit with 1.
func verified(t *testing.T, v verifyCommand, file string) (said string, failed bool) {
	t.Helper()
	v.Files = []string{file}
	if v.Lang == "" {
		v.Lang = "en"
	}
	var out bytes.Buffer
	err := v.check(&out, file)
	if err != nil {
		out.WriteString(err.Error())
	}
	var exit exitError
	if run := v.Run(); (run != nil) != (err != nil) || run != nil && (!errors.As(run, &exit) || exit != 1) {
		t.Errorf("%s: check says %v, the command ends with %v", file, err, run)
	}
	return out.String(), err != nil
}

func TestVerifyTellsASignedDocument(t *testing.T) {
	dir := t.TempDir()
	document, roots := signedFile(t, dir)
	if said, failed := verified(t, verifyCommand{}, document); failed || !strings.Contains(said, "北京云庭法院") || !strings.Contains(said, "no --roots") {
		t.Errorf("without roots: %s", said)
	}
	if said, failed := verified(t, verifyCommand{Lang: "zh-CN", Roots: roots}, document); failed || !strings.Contains(said, "证书链可信") {
		t.Errorf("with its roots: %s", said)
	}
	_, foreign := signedFile(t, t.TempDir())
	if said, failed := verified(t, verifyCommand{Roots: foreign}, document); !failed {
		t.Errorf("with another court's roots: %s", said)
	}
	if said, failed := verified(t, verifyCommand{Roots: written(t, dir, "empty.pem", []byte("no certificate"))}, document); !failed || !strings.Contains(said, "--roots") {
		t.Errorf("with a file that holds no roots: %s", said)
	}
}

// TestVerifyFindsAChangedByte changes one byte at a time, from the header to the end of the file.
func TestVerifyFindsAChangedByte(t *testing.T) {
	dir := t.TempDir()
	document, _ := signedFile(t, dir)
	whole, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for part := range 16 {
		at := len(whole) * part / 16
		changed := bytes.Clone(whole)
		changed[at] ^= 0x01
		if said, failed := verified(t, verifyCommand{}, written(t, dir, "changed.pdf", changed)); !failed {
			t.Errorf("byte %d of %d changed: %s", at, len(whole), said)
		}
	}
	if said, failed := verified(t, verifyCommand{}, written(t, dir, "short.pdf", whole[:len(whole)-1])); !failed {
		t.Errorf("cut: %s", said)
	}
	if said, failed := verified(t, verifyCommand{}, written(t, dir, "long.pdf", append(bytes.Clone(whole), '\n'))); !failed {
		t.Errorf("lengthened: %s", said)
	}
}

func TestVerifyRefusesNonsense(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, content, says string }{
		{"empty", "", "neither an exported case nor a PDF"},
		{"short", "PK", "neither an exported case nor a PDF"},
		{"letter.txt", "Dear court, this is a letter.", "neither an exported case nor a PDF"},
		{"unsigned.pdf", "%PDF-1.7\n%%EOF\n", "PDF's syntax"},
		{"broken.zip", "PK\x03\x04 and nothing of a case", "manifest.json"},
		{"damaged.zip", "QK\x03\x04 and nothing of a case", "manifest.json"},
	} {
		said, failed := verified(t, verifyCommand{}, written(t, dir, c.name, []byte(c.content)))
		if !failed || said == "" || !strings.Contains(said, c.says) {
			t.Errorf("%s: %s", c.name, said)
		}
	}
	if said, failed := verified(t, verifyCommand{}, filepath.Join(dir, "missing.zip")); !failed || !strings.Contains(said, "missing.zip") {
		t.Errorf("a file that is not there: %s", said)
	}
}
