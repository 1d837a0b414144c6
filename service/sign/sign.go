// Package sign signs PDF files as PAdES baseline B-T (ETSI EN 319 142-1) and verifies such signatures.
//
// A signature is an incremental update: the bytes signed before stay untouched, so several signatures in a row stay
// valid. Each holds a CAdES signature (ETSI EN 319 122-1) with the signing-certificate-v2 attribute (RFC 5035) and a
// time-stamp token (RFC 3161) over the signature value.
package sign

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options configure a Signer made from one's own keys.
type Options struct {
	Chain []*x509.Certificate // the signing certificate first, then its issuers; the root may be left out
	Key   crypto.Signer       // the private key of Chain[0]: RSA of 2048 bits or more, or ECDSA on P-256 or P-384
	Stamp Stamper             // source of time-stamp tokens; must not be nil
	Roots []*x509.Certificate // what RootsPEM gives out for verification: roots of the chain and of the time-stamp authority
}

// Stamper gives an RFC 3161 time-stamp token (a DER ContentInfo) over the SHA-256 digest of a message.
type Stamper func(digest [32]byte) ([]byte, error)

// Signer signs PDF files. It is safe for concurrent use.
type Signer struct {
	keys *store // renews opts when it is due; nil with keys of one's own

	mu   sync.Mutex // guards opts
	opts Options
}

// New makes a Signer from one's own keys.
func New(opts Options) (*Signer, error) {
	if len(opts.Chain) == 0 || opts.Key == nil || opts.Stamp == nil {
		return nil, errors.New("sign: a certificate, its key and a source of time-stamps are needed")
	}
	if _, err := signatureAlgorithm(opts.Chain[0], crypto.SHA256); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := belongs(opts.Key, opts.Chain[0]); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return &Signer{opts: opts}, nil
}

// Files names keys of one's own, all in PEM.
type Files struct {
	Key      string // file with the private key (PKCS #8) and then the certificate chain, signing certificate first
	Roots    string // file with the root certificates that verifiers need
	StampURL string // time-stamp authority, RFC 3161 over HTTP
}

// Load makes a Signer from key files of one's own.
func Load(files Files) (*Signer, error) {
	data, err := os.ReadFile(files.Key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	own, err := parsePair(data)
	if err != nil {
		return nil, fmt.Errorf("sign: read %s: %w", files.Key, err)
	}
	_, rest := pem.Decode(data)
	chain, err := parseCertificates(rest)
	if err != nil {
		return nil, fmt.Errorf("sign: read %s: %w", files.Key, err)
	}
	data, err = os.ReadFile(files.Roots)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	roots, err := parseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("sign: read %s: %w", files.Roots, err)
	}
	return New(Options{Chain: chain, Key: own.key, Roots: roots, Stamp: HTTPStamper(files.StampURL, http.DefaultClient)})
}

// LoadOrCreate opens the court's signing keys under dir, or makes a demonstration authority (its names say 演示 demo), a
// signing key and a local time-stamp authority there. Certificates that end within 30 days are renewed, here and at each
// signature. Private keys are readable by their owner alone. court is the name in the certificates.
func LoadOrCreate(dir, court string, now func() time.Time) (*Signer, error) {
	keys := &store{dir: dir, court: court, now: now}
	opts, err := keys.options()
	if err != nil {
		return nil, fmt.Errorf("sign: open keys: %w", err)
	}
	s, err := New(opts)
	if err != nil {
		return nil, err
	}
	s.keys = keys
	return s, nil
}

// current returns the keys to use now.
func (s *Signer) current() (Options, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys != nil && s.keys.now().Add(renewBefore).After(s.opts.Chain[0].NotAfter) {
		opts, err := s.keys.options()
		if err != nil {
			return Options{}, fmt.Errorf("sign: renew keys: %w", err)
		}
		s.opts = opts
	}
	return s.opts, nil
}

// SigOptions describe one signature. They are written into the signature dictionary and are covered by it.
type SigOptions struct {
	Reason   string
	Location string
	Name     string    // who signs: the court or the person
	Time     time.Time // claimed time of signing (/M); the proven time is the token's
}

// Signature is what Verify found about one signature.
type Signature struct {
	Field       string    // name of the signature field
	Name        string    // /Name, else the certificate's common name
	Reason      string    // /Reason
	Location    string    // /Location
	ClaimedAt   time.Time // /M; the zero time when absent
	StampedAt   time.Time // time of the RFC 3161 token; the zero time when there is none
	Certificate *x509.Certificate
	StampedBy   *x509.Certificate // the time-stamp authority's certificate
	Trusted     bool              // both chains end in one of the given roots
	WholeFile   bool              // it covers the file to its last byte, apart from its own value
	Err         error             // why it is not valid; nil when it is
}

// ErrNoSignature says that a PDF file holds no signature.
var ErrNoSignature = errors.New("the PDF holds no signature")

// ErrBroken is wrapped by every error that says a signature is not valid.
var ErrBroken = errors.New("the signature is not valid")

// Sign appends a signature to pdf and returns the whole new file. pdf stays as it is. It takes one round trip when the
// time-stamp authority is reached over HTTP, bounded to 20 s.
func (s *Signer) Sign(pdf []byte, opts SigOptions) ([]byte, error) {
	keys, err := s.current()
	if err != nil {
		return nil, err
	}
	inc, err := prepare(pdf, opts)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	cms, err := buildCMS(inc.digest(), keys.Chain, keys.Key, keys.Stamp)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := inc.fill(cms); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return inc.data, nil
}

// RootsPEM returns the root certificates that a verifier needs, in PEM.
func (s *Signer) RootsPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return encodeCertificates(s.opts.Roots)
}

// Roots returns the same certificates as a pool for Verify.
func (s *Signer) Roots() *x509.CertPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := x509.NewCertPool()
	for _, root := range s.opts.Roots {
		pool.AddCert(root)
	}
	return pool
}
