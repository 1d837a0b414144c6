package service_test

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"yunting/docket"
	"yunting/docket/complaint"
	spool "yunting/service/mail"
)

// TestLinksInMails: every link in every mail that the court sends, and in the documents that are attached, leads to the
// public URL, whatever address the court listens on.
func TestLinksInMails(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	cs := c.accept(c.file(complaint.Service{Agreed: true, Email: "zhang@example.org"}))
	c.settle() // the notices of acceptance are mailed
	invitation, err := c.docket.Invite(ctx, c.clerk, cs.ID, cs.Parties[1].ID)
	must(t, err)
	c.settle()
	_, err = c.docket.Link(ctx, c.li, invitation.Code)
	must(t, err)
	c.consent(c.li, cs.ID, false, "li@example.org")
	_, err = c.docket.ScheduleHearing(ctx, c.clerk, cs.ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(t, err)
	c.settle() // the summonses are mailed

	led := map[string]int{} // how often a link led to /PATH
	documents := 0
	mails, err := spool.List(c.spool)
	must(t, err)
	for _, m := range mails {
		texts, pdfs := c.parts(filepath.Join(c.spool, m.File))
		here := 0
		for _, text := range texts {
			here += c.links(m.Subject, text, led)
		}
		if here != 1 {
			t.Errorf("%s: %d links in %d texts", m.Subject, here, len(texts))
		}
		for _, path := range pdfs {
			documents++
			c.links(m.Subject+": attached", c.text(path), led)
		}
	}
	// Three notices and two summonses, which name the hearing too; an invitation, by mail and in its letter.
	if len(mails) != 6 || led["deliveries"] != 5 || led["link"] != 2 || led["hearings"] != 2 || len(led) != 3 || documents != 6 {
		t.Errorf("%d mails with %d documents lead to %v", len(mails), documents, led)
	}
}

var anyLink = regexp.MustCompile(`(?i)\b(https?://|www\.)[!-~]*`)

// links counts the links of a text, in led by the first part of their path.
func (c *court) links(where, text string, led map[string]int) int {
	c.t.Helper()
	found := anyLink.FindAllString(text, -1)
	for _, link := range found {
		path, ours := strings.CutPrefix(link, publicURL+"/")
		if !ours {
			c.t.Errorf("%s leads to %s", where, link)
		}
		first, _, _ := strings.Cut(path, "/")
		led[first]++
	}
	return len(found)
}

// parts reads a mail: its texts, and the files that its PDFs were written to.
func (c *court) parts(path string) (texts, pdfs []string) {
	c.t.Helper()
	file, err := os.Open(path)
	must(c.t, err)
	defer file.Close()
	m, err := mail.ReadMessage(file)
	must(c.t, err)
	kind, with, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(c.t, err)
	if !strings.HasPrefix(kind, "multipart/") {
		c.t.Fatalf("a mail of %s, want one with attachments", kind)
	}
	for reader := multipart.NewReader(m.Body, with["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return texts, pdfs
		}
		must(c.t, err)
		var body io.Reader = part
		switch part.Header.Get("Content-Transfer-Encoding") {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, part)
		case "quoted-printable":
			body = quotedprintable.NewReader(part)
		}
		data, err := io.ReadAll(body)
		must(c.t, err)
		if !strings.HasPrefix(part.Header.Get("Content-Type"), "application/pdf") {
			texts = append(texts, string(data))
			continue
		}
		written := filepath.Join(c.t.TempDir(), "attached.pdf")
		must(c.t, os.WriteFile(written, data, 0o600))
		pdfs = append(pdfs, written)
	}
}
