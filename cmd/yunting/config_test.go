package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// parsed is what the command line makes of arguments to serve, before complete.
func parsed(t *testing.T, args ...string) *options {
	t.Helper()
	var line commands
	parser, err := kong.New(&line, kong.Name("yunting"), kong.DefaultEnvars("YUNTING"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	return &line.Serve.options
}

func TestOptionsThatWork(t *testing.T) {
	for _, c := range []struct {
		args              []string
		public, localhost string
	}{
		{nil, "http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{[]string{"--listen", ":9000"}, "http://localhost:9000", "http://127.0.0.1:9000"},
		{[]string{"--listen", "0.0.0.0:9000"}, "http://localhost:9000", "http://127.0.0.1:9000"},
		{[]string{"--listen", "[::]:9000"}, "http://localhost:9000", "http://127.0.0.1:9000"},
		{[]string{"--listen", "[::1]:9000"}, "http://[::1]:9000", "http://[::1]:9000"},
		{[]string{"--public-url", "https://court.example/"}, "https://court.example", "http://127.0.0.1:8080"},
		{[]string{"--tls-cert", "c.pem", "--tls-key", "k.pem", "--listen", "court.example:443"}, "https://court.example:443", "https://court.example:443"},
		{[]string{"--acme-domain", "court.example", "--acme-domain", "www.court.example", "--listen", ":443"}, "https://court.example", "https://court.example"},
		{[]string{"--acme-domain", "court.example", "--public-url", "https://www.court.example"}, "https://www.court.example", "https://www.court.example"},
		{[]string{"--signing-key", "k", "--signing-roots", "r", "--tsa-url", "http://tsa.example"}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"},
	} {
		o := parsed(t, c.args...)
		if err := o.complete(); err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		if o.PublicURL != c.public || o.localURL() != c.localhost {
			t.Errorf("%v: public %s, local %s", c.args, o.PublicURL, o.localURL())
		}
		if !filepath.IsAbs(o.DataDir) || o.BlobURL != filepath.Join(o.DataDir, "blobs") {
			t.Errorf("%v: data in %s, files in %s", c.args, o.DataDir, o.BlobURL)
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string // the flag to mend
	}{
		{[]string{"--listen", "8080"}, "--listen"},
		{[]string{"--listen", "a:b:c"}, "--listen"},
		{[]string{"--tls-cert", "c.pem"}, "--tls-key"},
		{[]string{"--tls-key", "k.pem"}, "--tls-cert"},
		{[]string{"--tls-cert", "c.pem", "--tls-key", "k.pem", "--acme-domain", "court.example"}, "--acme-domain"},
		{[]string{"--media-port", "0"}, "--media-port"},
		{[]string{"--media-port", "65536"}, "--media-port"},
		{[]string{"--public-url", "court.example"}, "--public-url"},
		{[]string{"--public-url", "ftp://court.example"}, "--public-url"},
		{[]string{"--public-url", "https://court.example/court"}, "--public-url"},
		{[]string{"--public-url", "https://%"}, "--public-url"},
		{[]string{"--signing-key", "k.pem"}, "--tsa-url"},
		{[]string{"--tsa-url", "http://tsa.example"}, "--signing-key"},
		{[]string{"--signing-key", "k.pem", "--tsa-url", "http://tsa.example"}, "--signing-roots"},
	} {
		if err := parsed(t, c.args...).complete(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v; want words about %s", c.args, err, c.says)
		}
	}
}

func TestOptionsComeFromTheEnvironmentToo(t *testing.T) {
	t.Setenv("YUNTING_PUBLIC_URL", "https://court.example")
	t.Setenv("YUNTING_MEDIA_PORT", "7999")
	o := parsed(t)
	if err := o.complete(); err != nil || o.PublicURL != "https://court.example" || o.MediaPort != 7999 {
		t.Errorf("%s, %d, %v", o.PublicURL, o.MediaPort, err)
	}
}

// TestOwnSigningKey: the configured key signs, and a file that holds none keeps the court from starting.
func TestOwnSigningKey(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := ownCertificate(t, dir)
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	o := parsed(t, "--signing-key", written(t, dir, "signing.pem", append(key, chain...)), "--signing-roots", certFile, "--tsa-url", "http://127.0.0.1:1/tsa")
	signer, err := o.signer(filepath.Join(dir, "unused"), "court")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(signer.RootsPEM(), chain) {
		t.Error("the roots are not those that were configured")
	}
	if _, err := os.Stat(filepath.Join(dir, "unused")); err == nil {
		t.Error("a demonstration key was made beside the court's own")
	}
	o.SigningKey = certFile
	if _, err := o.signer(dir, "court"); err == nil {
		t.Error("a file without a key is taken for one")
	}
}
