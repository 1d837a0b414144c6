package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// openTLS prepares what web server and TURN server speak TLS with: the court's own certificate files, or ACME
// (RFC 8555, answering tls-alpn-01 on the web server's own port). Without either, secure stays nil.
func (c *court) openTLS() error {
	switch o := c.options; {
	case o.TLSCert != "":
		files, err := openCertificate(o.TLSCert, o.TLSKey, c.log)
		if err != nil {
			return err
		}
		c.secure = &tls.Config{GetCertificate: files.get, MinVersion: tls.VersionTLS12}
	case len(o.ACMEDomain) > 0:
		manager := &autocert.Manager{Prompt: autocert.AcceptTOS, Email: o.ACMEEmail, Client: &acme.Client{DirectoryURL: o.ACMEURL, UserAgent: "yunting"},
			HostPolicy: autocert.HostWhitelist(o.ACMEDomain...), Cache: autocert.DirCache(filepath.Join(o.DataDir, "keys", "acme"))}
		c.secure = manager.TLSConfig()
		c.secure.MinVersion = tls.VersionTLS12
	}
	return nil
}

// certificateFiles is a certificate and its key in files. Whoever renews the certificate replaces the files; the next
// handshake has the new one. Safe for concurrent use.
type certificateFiles struct {
	certFile, keyFile string
	log               *slog.Logger

	mu    sync.Mutex // guards what follows
	pair  *tls.Certificate
	tried fileStamps // of the files as they were last read, whether they made a pair or not
}

// fileStamps tell whether one of the two files was replaced.
type fileStamps [2]struct {
	modified time.Time
	size     int64
}

// openCertificate reads the pair, so that files that cannot be used are told of before anything runs.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificateFiles, error) {
	f := &certificateFiles{certFile: certFile, keyFile: keyFile, log: log}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.readLocked(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return f, nil
}

// get is tls.Config.GetCertificate. Files that cannot be read, or do not belong together because only one was replaced
// yet, leave the certificate before them in use.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now, err := f.stamps(); err != nil || now == f.tried {
		return f.pair, nil // a file that is away for a moment comes back with another stamp
	}
	if err := f.readLocked(); err != nil {
		f.log.Warn("the new certificate cannot be used; the one before it stays", "error", err)
	} else {
		f.log.Info("new certificate", "until", f.pair.Leaf.NotAfter)
	}
	return f.pair, nil
}

func (f *certificateFiles) readLocked() error {
	stamps, err := f.stamps()
	if err != nil {
		return err
	}
	f.tried = stamps
	pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return err
	}
	f.pair = &pair
	return nil
}

func (f *certificateFiles) stamps() (stamps fileStamps, err error) {
	for i, name := range []string{f.certFile, f.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i].modified, stamps[i].size = info.ModTime(), info.Size()
	}
	return stamps, nil
}
