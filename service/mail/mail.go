// Package mail sends the court's mail: into a spool directory (the default, which the demo
// shows) or through an SMTP server (RFC 5321). It knows no case and no person; the caller correlates
// by MessageID (RFC 5322 section 3.6.4).
package mail

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Mailer hands a message over. A nil error means that the message is durable in the spool or that
// the SMTP server accepted responsibility for every recipient (RFC 5321 section 4.2.5). A
// *Rejected error is final: sending the same again cannot help. Any other error may pass. Send may
// be called from several goroutines. Sending the same MessageID twice must be harmless: the
// spool keeps one file, a receiving server may drop the copy.
type Mailer interface {
	Send(ctx context.Context, m Message) error
}

// Message is one mail to one person.
type Message struct {
	ID          string // local part and domain without angle brackets, unique for ever, e.g. "uuid@court"
	From        string // address, may have a display name; empty takes the mailer's own
	To          string // address, may have a display name
	Subject     string
	Text        string // plain text in UTF-8
	HTML        string // optional alternative
	Date        time.Time
	Attachments []Attachment
}

// Attachment is a file within a message.
type Attachment struct {
	Name      string
	MediaType string
	Data      []byte
}

// Rejected says that the receiving side refused a message for good: a 5xx reply (RFC 5321
// section 4.2.1) or an address that cannot exist.
type Rejected struct {
	Address string
	Reason  string // the server's reply, without personal data beyond the address
	Err     error
}

// Error names the reason; the address stays out of it so that logs hold no personal data.
func (r *Rejected) Error() string { return "mail: rejected for good: " + r.Reason }

// Unwrap returns the cause.
func (r *Rejected) Unwrap() error { return r.Err }

// ErrMessage says that a message lacks what every mail needs.
var ErrMessage = errors.New("mail: incomplete message")

// check demands what Send relies on.
func (m Message) check() error {
	switch {
	case m.ID == "":
		return fmt.Errorf("%w: no id", ErrMessage)
	case m.To == "":
		return fmt.Errorf("%w: no recipient", ErrMessage)
	case m.Subject == "":
		return fmt.Errorf("%w: no subject", ErrMessage)
	case m.Text == "":
		return fmt.Errorf("%w: no text", ErrMessage)
	case m.Date.IsZero():
		return fmt.Errorf("%w: no date", ErrMessage)
	}
	return nil
}
