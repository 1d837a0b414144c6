package service_test

import (
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"yunting/service"
	"yunting/service/mail"
)

// postOffice is an SMTP server that first is busy a few times and refuses unknown addresses for good.
type postOffice struct {
	busy  atomic.Int64 // how many more times it answers 451
	taken atomic.Int64
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{p}, nil }

type counter struct{ *postOffice }

func (c *counter) Reset()                               {}
func (c *counter) Logout() error                        { return nil }
func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	if c.busy.Add(-1) >= 0 {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	}
	return nil
}

func (c *counter) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	c.taken.Add(1)
	return nil
}

func (p *postOffice) mailer(t *testing.T) mail.Mailer {
	t.Helper()
	server := smtp.NewServer(p)
	server.Domain, server.ErrorLog = "test", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		<-done
	})
	mailer, err := mail.NewSMTP(mail.SMTPConfig{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: mail.Plain})
	must(t, err)
	return mailer
}

// TestRejectedMail serves by mail alone: a refusal fails the channel, serving again
// after the address was mended sends a new one, and a busy server is tried until it takes the mail, once.
func TestRejectedMail(t *testing.T) {
	office := new(postOffice)
	c := newCourt(t, office.mailer(t))
	ctx := t.Context()
	cs := c.linked()
	notice := c.only(cs.ID, service.KindEvidenceNotice)
	c.consent(c.zhang, cs.ID, false, "nobody@example.org")
	zhang := []uuid.UUID{cs.Parties[0].ID}
	serve := func() service.Delivery {
		t.Helper()
		list, err := c.Serve(ctx, c.clerk, cs.ID, []uuid.UUID{notice.ID}, zhang)
		must(t, err)
		c.settle()
		d, err := c.Delivery(ctx, list[0].ID)
		must(t, err)
		return d
	}
	// The mailbox copy stays: its address is the party's own, but for mail only did it consent.
	refused := serve()
	if refused.State != "awaiting" || refused.Channels[1].FailedAt == nil || refused.Effect.Rejected[0] != "email" {
		t.Fatalf("refused mail: %s %+v", refused.State, refused.Effect)
	}
	c.consent(c.zhang, cs.ID, false, "zhang@example.org")
	before := office.taken.Load()
	office.busy.Store(2)
	mended := serve()
	if mended.ID == refused.ID || mended.State != "effective" || mended.Effect.Channel != "email" {
		t.Fatalf("served again: %s by %s", mended.State, mended.Effect.Channel)
	}
	if n := office.taken.Load() - before; n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	retries := 0
	for _, e := range mended.Events {
		if e.Kind == service.EventRetry {
			retries++
		}
	}
	if retries != 2 {
		t.Errorf("%d retries in the chain, want 2", retries)
	}
	old, err := c.Delivery(ctx, refused.ID)
	must(t, err)
	if last := old.Events[len(old.Events)-1]; last.Kind != service.EventReplaced {
		t.Errorf("the failed delivery ends with %s", last.Kind)
	}
}
