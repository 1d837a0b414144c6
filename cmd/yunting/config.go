package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// options are what `serve` and `demo` have in common. Every field is a flag and an environment variable:
// --public-url is YUNTING_PUBLIC_URL.
type options struct {
	Listen       string   `default:"127.0.0.1:8080" help:"Address and port of the web server."`
	DataDir      string   `default:"./data" help:"Directory of everything that is kept: database, files, keys, recordings."`
	PublicURL    string   `name:"public-url" help:"The URL that people type; decides links, cookies and allowed origins. Default: http://LISTEN."`
	DatabaseURL  string   `name:"database-url" help:"A PostgreSQL server of your own. Default: a private one under DATA-DIR."`
	BlobURL      string   `name:"blob-url" help:"Where files are kept: a directory or s3://KEY:SECRET@HOST/BUCKET. Default: DATA-DIR/blobs."`
	ReserveMiB   int64    `name:"reserve-mib" default:"256" help:"Disk space in MiB that is kept for the docket: recording stops when less than as much again is free."`
	MediaPort    int      `default:"7881" help:"The one UDP port of all audio and video."`
	MediaTCP     int      `name:"media-tcp" default:"0" help:"TCP port of media for networks without UDP. 0: the number of --media-port, where it is free. -1: none."`
	TURNPort     int      `name:"turn-port" default:"0" help:"UDP and TCP port of the built-in TURN server. 0: none."`
	TURNTLSPort  int      `name:"turn-tls-port" default:"0" help:"Port of TURN over TLS; needs --turn-port and a certificate. 0: none."`
	TURNPorts    string   `name:"turn-relay-ports" default:"49160-49959" help:"UDP ports of relayed addresses, FIRST-LAST."`
	TURNPeers    string   `name:"turn-peers" enum:"sfu,public" default:"sfu" help:"What the TURN server may reach: the court's media alone, or public addresses too."`
	ICEServer    []string `name:"ice-server" help:"Other STUN and TURN servers that clients are told of, such as turn:turn.example:3478?transport=udp."`
	ICESecret    string   `name:"ice-secret" help:"Secret shared with the TURN servers of --ice-server (coturn: static-auth-secret)."`
	MediaAddress []string `help:"Public IP addresses that are announced for media, when they differ from this machine's own, or stun:HOST:PORT to ask a STUN server for them at the start."`
	Voices       int      `default:"5" help:"How many microphones of a hearing are forwarded at once, the loudest; the judge's is always. Recordings get every one."`
	TLSCert      string   `name:"tls-cert" help:"Certificate file (PEM, with its chain) for HTTPS."`
	TLSKey       string   `name:"tls-key" help:"Key file (PEM) for HTTPS."`
	ACMEDomain   []string `name:"acme-domain" help:"Obtain certificates for these domains by ACME (listen on :443)."`
	ACMEURL      string   `name:"acme-directory" default:"https://acme-v02.api.letsencrypt.org/directory" help:"Directory URL of the certificate authority, such as one of the court network's own."`
	ACMEEmail    string   `name:"acme-email" help:"Contact address given to the certificate authority."`
	SMTPURL      string   `name:"smtp-url" help:"Mail server: smtp://USER:PASSWORD@HOST:587 or smtps://…:465. Default: a spool directory under DATA-DIR."`
	MailFrom     string   `default:"court@yunting.localhost" help:"Sender address of the court's mail."`
	SigningKey   string   `help:"File (PEM) with the court's private signing key and its certificate chain. Default: a demonstration key made under DATA-DIR/keys."`
	SigningRoots string   `help:"File (PEM) with the root certificates that verify --signing-key's signatures and --tsa-url's time-stamps."`
	TSAURL       string   `name:"tsa-url" help:"RFC 3161 time-stamping authority; needed with --signing-key, and only then. Default: the built-in one."`
	LogFormat    string   `enum:"text,json" default:"text" help:"Form of the log: text or json."`
	LogLevel     string   `enum:"debug,info,warn,error" default:"info" help:"Least level that is logged."`
}

// complete fills what follows from other fields and rejects what cannot work, in words that say how to mend it.
func (o *options) complete() error {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("--listen %q: want HOST:PORT, such as 127.0.0.1:8080", o.Listen)
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return fmt.Errorf("--tls-cert and --tls-key go together")
	}
	if o.TLSCert != "" && len(o.ACMEDomain) > 0 {
		return fmt.Errorf("choose either --tls-cert and --tls-key, or --acme-domain")
	}
	if own := o.SigningKey != ""; own != (o.SigningRoots != "") || own != (o.TSAURL != "") {
		return fmt.Errorf("--signing-key, --signing-roots and --tsa-url go together: a key of your own needs a time-stamp that others trust, and the roots of both")
	}
	if o.MediaPort < 1 || o.MediaPort > 65535 {
		return fmt.Errorf("--media-port %d: want a port from 1 to 65535", o.MediaPort)
	}
	if o.Voices < 1 {
		return fmt.Errorf("--voices %d: want at least 1", o.Voices)
	}
	if o.ReserveMiB < 1 {
		return fmt.Errorf("--reserve-mib %d: want 1 or more", o.ReserveMiB)
	}
	if err := o.completeWays(); err != nil {
		return err
	}
	if o.PublicURL == "" {
		o.PublicURL = o.defaultURL(host, port)
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") || strings.Trim(public.Path, "/") != "" {
		return fmt.Errorf("--public-url %q: want http(s)://HOST with no path", o.PublicURL)
	}
	o.PublicURL = public.Scheme + "://" + public.Host
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	if o.BlobURL == "" {
		o.BlobURL = filepath.Join(o.DataDir, "blobs")
	}
	return nil
}

func (o *options) defaultURL(host, port string) string {
	if len(o.ACMEDomain) > 0 {
		return "https://" + o.ACMEDomain[0]
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	scheme := "http"
	if o.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (o *options) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	settings := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, settings))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, settings))
}

// localURL is where this machine itself reaches the web server.
func (o *options) localURL() string {
	if o.TLSCert != "" || len(o.ACMEDomain) > 0 {
		return o.PublicURL // the certificate is for that name
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if ip := net.ParseIP(host); err != nil || host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
