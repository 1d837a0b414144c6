package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// sendTimeout bounds one connection to the SMTP server, attachments included.
const sendTimeout = 60 * time.Second

// Security is how a connection is kept secret.
type Security string

// The ways to keep a connection secret.
const (
	StartTLS Security = "starttls" // refuse to send without it (RFC 3207)
	Implicit Security = "tls"      // TLS from the first byte (RFC 8314)
	Plain    Security = "none"     // for a relay on the same machine only
)

// SMTPConfig is where and how SMTP sends.
type SMTPConfig struct {
	Host     string
	Port     int
	Security Security
	User     string // no authentication when empty
	Password string
	From     string // DefaultFrom when empty
	HELO     string // the name that the court gives itself; the machine's when empty
}

// ErrURL says that an SMTP address cannot be read.
var ErrURL = errors.New("mail: expected smtp://user:password@host:587, smtps://host:465 or smtp+plain://localhost:25")

// ParseURL reads smtp:// (STARTTLS, port 587), smtps:// (TLS, port 465) and smtp+plain:// (neither, port 25).
// The query may name from=address. Errors never repeat the password.
func ParseURL(address string) (SMTPConfig, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return SMTPConfig{}, ErrURL
	}
	c := SMTPConfig{Host: u.Hostname(), From: u.Query().Get("from")}
	switch u.Scheme {
	case "smtp":
		c.Security, c.Port = StartTLS, 587
	case "smtps":
		c.Security, c.Port = Implicit, 465
	case "smtp+plain":
		c.Security, c.Port = Plain, 25
	default:
		return SMTPConfig{}, ErrURL
	}
	if p := u.Port(); p != "" {
		if c.Port, err = strconv.Atoi(p); err != nil || c.Port < 1 || c.Port > 65535 {
			return SMTPConfig{}, ErrURL
		}
	}
	if u.User != nil {
		c.User = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	return c, nil
}

// SMTP sends through a mail server, one connection a message.
type SMTP struct {
	config SMTPConfig
}

// NewSMTP checks the configuration; it does not connect.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	if c.From == "" {
		c.From = DefaultFrom
	}
	s := &SMTP{config: c}
	if _, err := s.client(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *SMTP) client() (*gomail.Client, error) {
	c := s.config
	options := []gomail.Option{gomail.WithPort(c.Port), gomail.WithTimeout(sendTimeout), gomail.WithoutNoop()}
	switch c.Security {
	case Implicit:
		options = append(options, gomail.WithSSL())
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("mail: unknown security %q", c.Security)
	}
	if c.HELO != "" {
		options = append(options, gomail.WithHELO(c.HELO))
	}
	if c.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	client, err := gomail.NewClient(c.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: %s: %w", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), err)
	}
	return client, nil
}

// Send implements Mailer.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := build(m, s.config.From)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: connect: %w", err)
	}
	cut := context.AfterFunc(ctx, func() { _ = conversation.Text.Close() }) // the command that waits returns an error
	defer cut()
	// The server took or refused the message by its reply to DATA; what QUIT says after that
	// changes nothing, and an error there must not make the mail go out twice.
	err = client.SendWithSMTPClient(conversation, msg)
	if closing := client.CloseWithSMTPClient(conversation); closing != nil && err != nil {
		err = errors.Join(err, closing)
	}
	if err != nil {
		return classify(m, err)
	}
	return nil
}
