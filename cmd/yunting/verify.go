package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"yunting/internal/ledger/bundle"
	"yunting/service/sign"
	"yunting/web"
)

type verifyCommand struct {
	Files []string `arg:"" name:"file" help:"Exported cases (.zip) and signed documents (.pdf)."`
	Key   string   `help:"The court's ledger key (as /ledger shows it). Without it, the key inside the export is used and named."`
	Roots string   `help:"PEM file of the certificate authorities that signed documents and time-stamps must lead to. Without it, the chain is named but not trusted." type:"existingfile"`
	Lang  string   `enum:"zh-CN,en" default:"zh-CN" help:"Language of the report: zh-CN or en."`
}

const maxPDF = 256 << 20 // bytes of one signed document

// Run checks each file and says what was checked. It exits with 0 when everything holds and with 1 when anything does not.
func (v *verifyCommand) Run() error {
	broken := false
	for _, name := range v.Files {
		if err := v.check(os.Stdout, name); err != nil {
			broken = true
			fmt.Fprintf(os.Stdout, "✗ %s: %v\n", name, err)
		}
	}
	if broken {
		return exitError(1)
	}
	return nil
}

func (v *verifyCommand) check(out io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 5)
	if _, err := io.ReadFull(f, head); err != nil {
		return fmt.Errorf("neither an exported case nor a PDF: %w", err)
	}
	if bytes.Equal(head, []byte("%PDF-")) {
		return v.checkPDF(out, f, name)
	}
	if !likeZip(head) {
		return errors.New("neither an exported case nor a PDF")
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	report, err := bundle.Verify(f, info.Size(), v.Key)
	if err != nil {
		return nameSegment(f, info.Size(), report, err)
	}
	roots, err := v.roots()
	if err != nil {
		return err
	}
	var recordings bytes.Buffer
	if err := checkRecords(&recordings, f, info.Size(), report, roots, v.Lang); err != nil {
		return err
	}
	kinds, err := web.EntryNames(v.Lang)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "✓ %s\n%s%s", name, report.Text(v.Lang, kinds), recordings.String())
	return nil
}

// likeZip tells a zip (APPNOTE 4.3.7), also one with a damaged byte: that is for bundle to find and to name.
func likeZip(head []byte) bool {
	same := 0
	for i, b := range []byte("PK\x03\x04") {
		if head[i] == b {
			same++
		}
	}
	return same >= 3
}

func (v *verifyCommand) checkPDF(out io.Writer, f *os.File, name string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	pdf, err := io.ReadAll(io.LimitReader(f, maxPDF+1))
	if err != nil {
		return err
	}
	if len(pdf) > maxPDF {
		return fmt.Errorf("larger than %d bytes", maxPDF)
	}
	roots, err := v.roots()
	if err != nil {
		return err
	}
	signatures, err := sign.Verify(pdf, roots)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "✓ %s\n", name)
	for _, s := range signatures {
		fmt.Fprintf(out, "  %s: %s, %s, %s\n", s.Field, s.Name, moment(s.StampedAt), trust(s.Trusted, v.Lang))
	}
	return nil
}

func (v *verifyCommand) roots() (*x509.CertPool, error) {
	if v.Roots == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(v.Roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("--roots holds no PEM certificate")
	}
	return pool, nil
}
