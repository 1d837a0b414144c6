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

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/internal/identity"
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

	mails, documents, led := c.mailed("")
	// Three notices and two summonses, which name the hearing too; an invitation, by mail and in its letter.
	if len(mails) != 6 || led["deliveries"] != 5 || led["link"] != 2 || led["hearings"] != 2 || len(led) != 3 || documents != 6 {
		t.Errorf("%d mails with %d documents lead to %v", len(mails), documents, led)
	}
}

// TestLinksInMailsOfAJudgment: a judgment is attached; one too large for mail is told of, and read after logging in.
func TestLinksInMailsOfAJudgment(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	cs, doc := c.judged()
	for _, p := range []identity.Actor{c.zhang, c.li} {
		c.consent(p, cs.ID, false, "party@example.org")
	}
	for i, round := range []struct {
		bytes     int64
		documents int // attached
		says      string
	}{
		{doc.Blob.Size, 1, "文书见附件"},
		{7<<20 + 1, 0, "The documents are too large for mail; read them after logging in."},
	} {
		// No judgment here grows so large: what is noted of its size says so.
		_, err := c.pool.Exec(ctx, `UPDATE service_documents SET size = $2 WHERE id = $1`, doc.ID, round.bytes)
		must(t, err)
		deliveries, err := c.Serve(ctx, c.clerk, cs.ID, []uuid.UUID{doc.ID}, []uuid.UUID{cs.Parties[i].ID})
		must(t, err)
		c.settle()
		mails, documents, led := c.mailed(deliveries[0].ID.String())
		if len(deliveries) != 1 || len(mails) != 1 || led["deliveries"] != 1 || documents != round.documents {
			t.Errorf("%d bytes: %d deliveries, %d mails with %d documents lead to %v", round.bytes, len(deliveries), len(mails), documents, led)
			continue
		}
		if texts, _ := c.parts(filepath.Join(c.spool, mails[0].File)); !strings.Contains(texts[0], round.says) {
			t.Errorf("%d bytes: the mail says %s", round.bytes, texts[0])
		}
	}
}

// mailed reads the mails whose Message-ID begins so: each leads to one place, and what is attached leads to ours alone.
func (c *court) mailed(id string) (mails []spool.Spooled, documents int, led map[string]int) {
	c.t.Helper()
	led = map[string]int{} // how often a link led to /PATH
	all, err := spool.List(c.spool)
	must(c.t, err)
	for _, m := range all {
		if !strings.HasPrefix(m.ID, id) {
			continue
		}
		mails = append(mails, m)
		texts, pdfs := c.parts(filepath.Join(c.spool, m.File))
		here := 0
		for _, text := range texts {
			here += c.links(m.Subject, text, led)
		}
		if here != 1 {
			c.t.Errorf("%s: %d links in %d texts", m.Subject, here, len(texts))
		}
		for _, path := range pdfs {
			documents++
			c.links(m.Subject+": attached", c.text(path), led)
		}
	}
	return mails, documents, led
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
		return []string{string(c.decoded(m.Header.Get("Content-Transfer-Encoding"), m.Body))}, nil
	}
	for reader := multipart.NewReader(m.Body, with["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return texts, pdfs
		}
		must(c.t, err)
		data := c.decoded(part.Header.Get("Content-Transfer-Encoding"), part)
		if !strings.HasPrefix(part.Header.Get("Content-Type"), "application/pdf") {
			texts = append(texts, string(data))
			continue
		}
		written := filepath.Join(c.t.TempDir(), "attached.pdf")
		must(c.t, os.WriteFile(written, data, 0o600))
		pdfs = append(pdfs, written)
	}
}

// decoded reads a body that was encoded for the way (RFC 2045, 6).
func (c *court) decoded(encoding string, body io.Reader) []byte {
	c.t.Helper()
	switch encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	must(c.t, err)
	return data
}
