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

	"yunting/internal/postgres/pgtest"
)

// ownCertificate writes a key and a certificate for 127.0.0.1 and returns their files and what trusts them.
func ownCertificate(t *testing.T, dir string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "court"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
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

// startServe starts `yunting serve` on a database of the test's own and waits until get answers /readyz.
func startServe(t *testing.T, base string, client *http.Client, args ...string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	log := &syncBuffer{}
	cmd := exec.Command(path, append([]string{"serve", "--database-url", pgtest.Database(t), "--data-dir", t.TempDir(),
		"--media-port", fmt.Sprint(freePort(t, "udp"))}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return // it ended by itself, which the test has told
		}
		if err := <-ended; err != nil {
			t.Errorf("the court did not end cleanly: %v\n%s", err, log)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			t.Fatalf("the court ended: %v\n%s", err, log)
		case <-ctx.Done():
			t.Fatalf("the court is not ready\n%s", log)
		case <-tick.C:
		}
		if res, err := client.Get(base + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

// TestOwnCertificate: with certificate files the court speaks HTTPS, marks its cookies Secure and asks browsers to
// come by HTTPS alone; whoever speaks plain HTTP there gets nothing.
func TestOwnCertificate(t *testing.T) {
	certFile, keyFile, pool := ownCertificate(t, t.TempDir())
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	base := "https://" + listen
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	startServe(t, base, client, "--listen", listen, "--tls-cert", certFile, "--tls-key", keyFile)

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
