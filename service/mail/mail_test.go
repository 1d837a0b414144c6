package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	stdmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a mail server's backend that keeps what it takes.
type box struct {
	mu    sync.Mutex
	mails [][]byte
}

func (b *box) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }

type session struct{ box *box }

func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt refuses nobody@ for good and busy@ for now.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "nobody@"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	case strings.HasPrefix(to, "busy@"):
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later"}
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if bytes.Contains(data, []byte("X-Refuse")) || bytes.Contains(data, []byte("refuse me")) {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "content refused"}
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, data)
	return nil
}

// listen starts a real SMTP server and gives a mailer that sends to it.
func listen(t *testing.T) (*box, *SMTP) {
	t.Helper()
	b := new(box)
	server := smtp.NewServer(b)
	server.Domain = "test"
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: Plain, From: "court@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

func message(to string) Message {
	return Message{ID: "0193@court.test", To: to, Subject: "【北京云庭法院】送达：民事判决书", Text: "文书见附件。\n", Date: time.Date(2026, 4, 6, 2, 0, 0, 0, time.UTC),
		Attachments: []Attachment{{Name: "民事判决书.pdf", MediaType: "application/pdf", Data: []byte("%PDF-1.7 …")}}}
}

func TestSMTP(t *testing.T) {
	b, s := listen(t)
	if err := s.Send(t.Context(), message("li@example.org")); err != nil {
		t.Fatal(err)
	}
	if len(b.mails) != 1 {
		t.Fatalf("%d mails", len(b.mails))
	}
	parsed, err := stdmail.ReadMessage(bytes.NewReader(b.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header.Get("Message-Id") != "<0193@court.test>" || parsed.Header.Get("Auto-Submitted") != "auto-generated" ||
		!bytes.Contains(b.mails[0], []byte("application/pdf")) {
		t.Errorf("mail: %s", b.mails[0])
	}
}

func TestSMTPFailures(t *testing.T) {
	_, s := listen(t)
	refused := message("li@example.org")
	refused.Text = "refuse me"
	for _, tc := range []struct {
		name    string
		m       Message
		forGood bool
	}{
		{"unknown recipient", message("nobody@example.org"), true},
		{"busy server", message("busy@example.org"), false},
		{"content refused", refused, true},
		{"malformed address", message("no address"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := s.Send(t.Context(), tc.m)
			var rejected *Rejected
			if err == nil || errors.As(err, &rejected) != tc.forGood {
				t.Errorf("error %v, for good wanted %v", err, tc.forGood)
			}
		})
	}
	gone, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: 1, Security: Plain})
	if err != nil {
		t.Fatal(err)
	}
	var rejected *Rejected
	if err := gone.Send(t.Context(), message("li@example.org")); err == nil || errors.As(err, &rejected) {
		t.Errorf("no server: %v", err)
	}
}

func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s, err := NewSpool(dir, "registry@court.example")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a retried job sends again
		if err := s.Send(context.Background(), message("李娜 <li@example.org>")); err != nil {
			t.Fatal(err)
		}
	}
	written, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil || len(written) != 1 {
		t.Fatalf("written %v: %v", written, err)
	}
	if data, err := os.ReadFile(written[0]); err != nil || !strings.Contains(string(data), "From: <registry@court.example>") {
		t.Errorf("not from the configured sender (%v):\n%.300s", err, data)
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].ID != "0193@court.test" || !strings.Contains(list[0].Subject, "民事判决书") || !strings.Contains(list[0].To, "li@example.org") ||
		!list[0].Date.Equal(message("").Date) {
		t.Fatalf("listed %+v", list)
	}
	file, err := Open(dir, list[0].File)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "..", "secret.eml"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret.eml", "secret", "", ".new-1.eml"} {
		if _, err := Open(dir, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("opened %q: %v", name, err)
		}
	}
	if err := s.Send(context.Background(), Message{To: "a@b.c"}); !errors.Is(err, ErrMessage) {
		t.Errorf("an empty message: %v", err)
	}
}

func TestParseURL(t *testing.T) {
	for address, want := range map[string]SMTPConfig{
		"smtp://u:p%40ss@mail.example.org":      {Host: "mail.example.org", Port: 587, Security: StartTLS, User: "u", Password: "p@ss"},
		"smtps://mail.example.org?from=c@e.org": {Host: "mail.example.org", Port: 465, Security: Implicit, From: "c@e.org"},
		"smtp+plain://localhost:2525":           {Host: "localhost", Port: 2525, Security: Plain},
	} {
		if got, err := ParseURL(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "http://x", "smtp://", "smtp://h:0", "smtp://u:secret@h:notaport"} {
		if _, err := ParseURL(address); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
