package mail

import (
	"bytes"
	"errors"
	"fmt"

	gomail "github.com/wneessen/go-mail"
)

// DefaultFrom is the sender of a mailer that was given none.
const DefaultFrom = "court@yunting.localhost"

// build turns a message into the library's form (RFC 5322, RFC 2045).
func build(m Message, from string) (*gomail.Msg, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.From != "" {
		from = m.From
	}
	msg := gomail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	if err := msg.To(m.To); err != nil {
		return nil, &Rejected{Address: m.To, Reason: "the address is not well formed", Err: err}
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(m.Date)
	// Vacation replies must not answer a court's machine (RFC 3834 section 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	for _, a := range m.Attachments {
		msg.AttachReadSeeker(a.Name, bytes.NewReader(a.Data), gomail.WithFileContentType(gomail.ContentType(a.MediaType)))
	}
	return msg, nil
}

// classify turns the library's error into *Rejected when the reply was permanent.
func classify(m Message, err error) error {
	var failed *gomail.SendError
	if !errors.As(err, &failed) {
		return fmt.Errorf("mail: send: %w", err)
	}
	code := failed.ErrorCode()
	if code >= 500 && code < 600 && !failed.IsTemp() && refusesMessage(failed.Reason) {
		return &Rejected{Address: m.To, Reason: fmt.Sprintf("SMTP %d %s", code, failed.EnhancedStatusCode()), Err: err}
	}
	return fmt.Errorf("mail: send: %w", err)
}

// refusesMessage tells a refusal of this recipient or message from one of the court itself (a wrong
// sender or login), which the operator mends and which must not count against the recipient.
func refusesMessage(r gomail.SendErrReason) bool {
	switch r {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return true
	}
	return false
}
