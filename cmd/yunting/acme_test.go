package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authority is Pebble, the test authority of Let's Encrypt: the real exchange of RFC 8555 on loopback.
type authority struct {
	directory string         // URL
	trust     string         // file with the certificate of the directory's own server
	roots     *x509.CertPool // of what it issues
	orders    atomic.Int32   // that were made; now and then Pebble refuses a nonce, and the order is sent again
}

// newAuthority validates tls-alpn-01 at validationPort; every name of its DNS is this machine. What it issues is valid
// for validSeconds.
func newAuthority(t *testing.T, validationPort int, validSeconds uint64) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: validSeconds}})
	front := wfe.New(quiet, store, va.New(quiet, 0, validationPort, true, startDNS(t), store), issuer, []string{"court.example"}, true, false, 1, 1)
	a, handler := &authority{roots: x509.NewCertPool()}, front.Handler()
	a.roots.AddCert(issuer.GetRootCert(0).Cert)

	certFile, keyFile, _ := ownCertificate(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := &replyStatus{ResponseWriter: w}
		handler.ServeHTTP(reply, r)
		if r.URL.Path == "/order-plz" && reply.status == http.StatusCreated {
			a.orders.Add(1)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	a.directory, a.trust = server.URL+wfe.DirectoryPath, certFile
	return a
}

// replyStatus remembers the status of a reply.
type replyStatus struct {
	http.ResponseWriter
	status int
}

func (r *replyStatus) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// startDNS answers that every name is 127.0.0.1, and returns its address.
func startDNS(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		reply := new(dns.Msg).SetReply(asked)
		if q := asked.Question[0]; q.Qtype == dns.TypeA {
			reply.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		if err := w.WriteMsg(reply); err != nil {
			t.Errorf("DNS: %v", err)
		}
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Errorf("DNS: %v", err)
		}
		<-done
	})
	return listener.Addr().String()
}

// acmeServing is a court that has its certificates from a.
func acmeServing(t *testing.T, a *authority, port int) *serving {
	t.Helper()
	base := fmt.Sprintf("https://court.example:%d", port)
	s := newServing(t, base, a.roots, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--acme-domain", "court.example", "--acme-directory", a.directory,
		"--acme-email", "it@court.example", "--public-url", base)
	s.env = []string{"SSL_CERT_FILE=" + a.trust}
	return s
}

// TestCertificateByACME: the court gets its certificate from the authority at the first visit and shows its pages with
// it; the next start shows the same one without another order. Names that are not the court's get none.
func TestCertificateByACME(t *testing.T) {
	port := freePort(t, "tcp")
	a := newAuthority(t, port, 7776000)
	s := acmeServing(t, a, port)
	s.start()
	first := s.certificate()
	if first.VerifyHostname("court.example") != nil || !strings.Contains(first.Issuer.CommonName, "Pebble") {
		t.Errorf("certificate for %v by %s", first.DNSNames, first.Issuer)
	}
	if n := a.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
	t.Run("public URL", func(t *testing.T) { expectPublicURL(t, s) })
	other := &tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: "other.example"}}
	if conn, err := other.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		conn.Close()
		t.Error("a certificate for another's name")
	}
	for i, arg := range s.args {
		if arg != "--data-dir" {
			continue
		}
		kept := filepath.Join(s.args[i+1], "keys", "acme")
		if info, err := os.Stat(filepath.Join(kept, "court.example")); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("the key in %s: %v, %v", kept, info, err)
		}
	}

	s.stop()
	s.start()
	if again := s.certificate(); !again.Equal(first) || a.orders.Load() != 1 {
		t.Errorf("after a restart: the same certificate %v, %d orders", again.Equal(first), a.orders.Load())
	}
}

// TestRenewalByACME: a certificate that is about to end is replaced while the court runs, for TURN clients too.
func TestRenewalByACME(t *testing.T) {
	port := freePort(t, "tcp")
	a := newAuthority(t, port, 12)
	s := acmeServing(t, a, port)
	turns := freePort(t, "tcp")
	s.args = append(s.args, "--turn-port", fmt.Sprint(freePort(t, "udp")), "--turn-tls-port", fmt.Sprint(turns))
	s.start()
	first := s.certificate()
	s.until("another certificate", func() bool {
		res, err := s.client.Get(s.base + "/login")
		if err != nil {
			return false // a slow machine's second order may come after the first certificate's end
		}
		res.Body.Close()
		return !res.TLS.PeerCertificates[0].Equal(first)
	})
	if n := a.orders.Load(); n < 2 {
		t.Errorf("another certificate after %d orders", n)
	}
	turn := &tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: "court.example"}}
	s.until("another certificate for TURN", func() bool {
		conn, err := turn.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", turns))
		if err != nil {
			return false // it may just have ended
		}
		defer conn.Close()
		return !conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Equal(first)
	})
}

// expectPublicURL: --public-url decides which host is served, which origin may post, that cookies are Secure, and where
// links lead.
func expectPublicURL(t *testing.T, s *serving) {
	send := func(host, origin string) *http.Response {
		t.Helper()
		form := url.Values{"lang": {"en"}, "back": {"/"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/language", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin)
		req.Host = host
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	host := strings.TrimPrefix(s.base, "https://")
	own := send(host, s.base)
	if own.StatusCode != http.StatusSeeOther || own.Header.Get("Location") != "/" {
		t.Errorf("a form of the court: %s to %q", own.Status, own.Header.Get("Location"))
	}
	session := signedIn(t, s.client, s.base)
	for _, cookie := range append(own.Cookies(), session...) {
		if !cookie.Secure || !cookie.HttpOnly {
			t.Errorf("cookie %s: Secure %v, HttpOnly %v", cookie.Name, cookie.Secure, cookie.HttpOnly)
		}
	}
	if policy := own.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "wss://"+host) {
		t.Errorf("sockets elsewhere than at %s: %s", host, policy)
	}
	if foreign := send(host, "https://evil.example"); foreign.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s", foreign.Status)
	}
	if stranger := send("evil.example", s.base); stranger.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host's name: %s", stranger.Status)
	}
	if to := uploadLink(t, s, session); !strings.HasPrefix(to, s.base+"/uploads/") {
		t.Errorf("an upload goes on at %q", to)
	}
}

// uploadLink begins a case and an upload, as the person with the cookies, and returns where the upload goes on.
func uploadLink(t *testing.T, s *serving, cookies []*http.Cookie) string {
	t.Helper()
	send := func(path string, headers map[string]string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range headers {
			req.Header.Set(name, value)
		}
		for _, cookie := range cookies {
			req.AddCookie(cookie)
		}
		req.Header.Set("Origin", s.base)
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	kase := send("/cases", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}).Header.Get("Location")
	id := strings.TrimSuffix(strings.TrimPrefix(kase, "/cases/"), "/edit")
	res := send("/uploads/", map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "case " + b64(id) + ",filename " + b64("a.txt")})
	if res.StatusCode != http.StatusCreated {
		t.Errorf("upload for case %q: %s", id, res.Status)
	}
	return res.Header.Get("Location")
}

// TestBehindAProxyThatEndsTLS: all that --public-url decides holds when the court itself speaks plain HTTP.
func TestBehindAProxyThatEndsTLS(t *testing.T) {
	certFile, keyFile, roots := ownCertificate(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: listen})
		r.Out.Host = r.In.Host
	}, ErrorLog: log.New(io.Discard, "", 0)})
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	base := strings.Replace(proxy.URL, "127.0.0.1", "court.example", 1)
	s := newServing(t, base, roots, "--listen", listen, "--public-url", base)
	s.start()
	expectPublicURL(t, s)
}
