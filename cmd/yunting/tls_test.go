package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"yunting/internal/postgres/pgtest"
)

// ownCertificate writes a key and a certificate for 127.0.0.1 and court.example, and returns their files and what trusts them.
func ownCertificate(t *testing.T, dir string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "court"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"court.example"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, data := range map[string][]byte{certFile: certificate, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return certFile, keyFile, pool
}

// serving is `yunting serve` at base, on a database and in a directory of the test's own, that can be stopped and started again.
type serving struct {
	t      *testing.T
	base   string
	client *http.Client // trusts base's certificate and follows no redirect
	args   []string
	env    []string // beside the test's own

	log   *syncBuffer
	cmd   *exec.Cmd
	ended chan error
}

func newServing(t *testing.T, base string, roots *x509.CertPool, args ...string) *serving {
	t.Helper()
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	local := func(ctx context.Context, network, _ string) (net.Conn, error) { // names of the tests stand in no DNS
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", address.Port()))
	}
	s := &serving{t: t, base: base, log: &syncBuffer{}, args: append([]string{"serve", "--database-url", pgtest.Database(t), "--data-dir", t.TempDir(),
		"--media-port", fmt.Sprint(freePort(t, "udp"))}, args...)}
	s.client = &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// A connection for each request: each one sees the certificate of its moment.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: local, DisableKeepAlives: true}}
	t.Cleanup(s.stop)
	return s
}

// start waits until the court answers /readyz.
func (s *serving) start() {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.ended = exec.Command(path, s.args...), make(chan error, 1)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(s.cmd, s.ended)
	s.until("the court is ready", func() bool {
		res, err := s.client.Get(s.base + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// until polls; the court must not end meanwhile.
func (s *serving) until(what string, done func() bool) {
	s.t.Helper()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case err := <-s.ended:
			s.t.Fatalf("the court ended: %v\n%s", err, s.log)
		case <-limit.C:
			s.t.Fatalf("waited a minute: %s\n%s", what, s.log)
		case <-tick.C:
		}
	}
}

// stop asks the court to end, which it must do cleanly.
func (s *serving) stop() {
	if s.cmd == nil || s.cmd.Process.Signal(os.Interrupt) != nil {
		return // never started, or it ended by itself, which the test has told
	}
	if err := <-s.ended; err != nil {
		s.t.Errorf("the court did not end cleanly: %v\n%s", err, s.log)
	}
}

// certificate is what the court shows a browser now.
func (s *serving) certificate() *x509.Certificate {
	s.t.Helper()
	res, err := s.client.Get(s.base + "/login")
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.t.Errorf("log-in page: %s", res.Status)
	}
	return res.TLS.PeerCertificates[0]
}

// turnCertificate is what the court's TURN server shows somebody who connects by TLS now, and the open connection.
func turnCertificate(t *testing.T, port int, roots *x509.CertPool) (*x509.Certificate, *tls.Conn) {
	t.Helper()
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 20 * time.Second}, Config: &tls.Config{RootCAs: roots, ServerName: "court.example"}}
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("TURN over TLS: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	secure := conn.(*tls.Conn)
	expectBinding(t, secure)
	return secure.ConnectionState().PeerCertificates[0], secure
}

// expectBinding asks over an open connection which address it comes from (STUN Binding, RFC 8489 section 3).
func expectBinding(t *testing.T, conn *tls.Conn) {
	t.Helper()
	request := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := request.WriteTo(conn); err != nil {
		t.Fatal(err)
	}
	answer := stun.New()
	if _, err := answer.ReadFrom(conn); err != nil {
		t.Fatalf("no answer to a Binding request: %v", err)
	}
	if answer.Type != stun.BindingSuccess || answer.TransactionID != request.TransactionID {
		t.Errorf("a Binding request is answered by %s", answer)
	}
}

// TestOwnCertificate: with certificate files the court speaks HTTPS, marks its cookies Secure and asks browsers to
// come by HTTPS alone; whoever speaks plain HTTP there gets nothing.
func TestOwnCertificate(t *testing.T) {
	certFile, keyFile, pool := ownCertificate(t, t.TempDir())
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	base := "https://" + listen
	s := newServing(t, base, pool, "--listen", listen, "--tls-cert", certFile, "--tls-key", keyFile)
	s.start()
	client := s.client

	page, err := client.Get(base + "/login")
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	if page.StatusCode != http.StatusOK || page.TLS == nil || page.TLS.Version < tls.VersionTLS12 {
		t.Errorf("log-in page: %s, TLS %+v", page.Status, page.TLS)
	}
	if hsts := page.Header.Get("Strict-Transport-Security"); !strings.Contains(hsts, "max-age=") {
		t.Errorf("Strict-Transport-Security: %q", hsts)
	}
	chosen, err := client.Post(base+"/language", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"lang": {"en"}, "back": {"/"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	chosen.Body.Close()
	if len(chosen.Cookies()) == 0 {
		t.Fatalf("no cookie: %s", chosen.Status)
	}
	for _, cookie := range append(chosen.Cookies(), signedIn(t, client, base)...) {
		if !cookie.Secure || !cookie.HttpOnly {
			t.Errorf("cookie %s: Secure %v, HttpOnly %v", cookie.Name, cookie.Secure, cookie.HttpOnly)
		}
	}
	if plain, err := http.Get("http://" + listen + "/login"); err == nil {
		defer plain.Body.Close()
		if body, err := io.ReadAll(plain.Body); plain.StatusCode != http.StatusBadRequest || bytes.Contains(body, []byte("<html")) {
			t.Errorf("plain HTTP: %s, %v", plain.Status, err)
		}
	}
}

// signedIn registers somebody, signs in by the page and returns the cookies.
func signedIn(t *testing.T, client *http.Client, base string) []*http.Cookie {
	t.Helper()
	account := `{"login":"sunqiang","password":"correct horse 马","name":"孙强","id_kind":"resident_id","id_number":"11010519491231002X","phone":"13800138000","email":"s@example.org"}`
	made, err := client.Post(base+"/api/v1/accounts", "application/json", strings.NewReader(account))
	if err != nil {
		t.Fatal(err)
	}
	made.Body.Close()
	in, err := client.Post(base+"/login", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"login": {"sunqiang"}, "password": {"correct horse 马"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	in.Body.Close()
	for _, cookie := range in.Cookies() {
		if cookie.Name == "yunting_session" {
			return in.Cookies()
		}
	}
	t.Fatalf("registered with %s, signed in with %s, no session cookie", made.Status, in.Status)
	return nil
}

// TestRenewedCertificate: whoever renews the certificate replaces its files; the running court shows the new one, to
// browsers and to TURN clients, whose open connections go on. While only one of the two is replaced the old pair stays
// in use.
func TestRenewedCertificate(t *testing.T) {
	certFile, keyFile, pool := ownCertificate(t, t.TempDir())
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	turns := freePort(t, "tcp")
	s := newServing(t, "https://"+listen, pool, "--listen", listen, "--tls-cert", certFile, "--tls-key", keyFile,
		"--turn-port", fmt.Sprint(freePort(t, "udp")), "--turn-tls-port", fmt.Sprint(turns))
	s.start()
	before := s.certificate()
	relayed, call := turnCertificate(t, turns, pool)
	if !relayed.Equal(before) {
		t.Error("TURN has another certificate than the web server")
	}
	newCert, newKey, _ := ownCertificate(t, t.TempDir())
	renewed, err := os.ReadFile(newCert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(renewed)

	if err := os.Rename(newCert, certFile); err != nil {
		t.Fatal(err)
	}
	if half := s.certificate(); !half.Equal(before) {
		t.Error("a certificate is shown before its key is there")
	}
	s.until("the log tells of it", func() bool { return strings.Contains(s.log.String(), "the one before it stays") })
	if err := os.Rename(newKey, keyFile); err != nil {
		t.Fatal(err)
	}
	if after := s.certificate(); after.Equal(before) {
		t.Errorf("the old certificate is still shown\n%s", s.log)
	}
	if after, _ := turnCertificate(t, turns, pool); after.Equal(before) {
		t.Errorf("TURN still shows the old certificate\n%s", s.log)
	}
	expectBinding(t, call)
}

// TestUnusableCertificate: files that are no pair are told of before anything starts.
func TestUnusableCertificate(t *testing.T) {
	certFile, _, _ := ownCertificate(t, t.TempDir())
	_, otherKey, _ := ownCertificate(t, t.TempDir())
	if _, err := openCertificate(certFile, otherKey, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--tls-key") {
		t.Errorf("another's key: %v", err)
	}
	if _, err := openCertificate(certFile, filepath.Join(t.TempDir(), "key.pem"), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no key: %v", err)
	}
}
