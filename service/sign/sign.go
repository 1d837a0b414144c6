// Package sign signs PDF files as PAdES baseline B-T (ETSI EN 319 142-1) and verifies such signatures.
//
// A signature is an incremental update: the bytes signed before stay untouched, so several signatures in a row stay
// valid. Each holds a CAdES signature (ETSI EN 319 122-1) with the signing-certificate-v2 attribute (RFC 5035) and a
// time-stamp token (RFC 3161) over the signature value.
package sign

import (
	"crypto"
	"crypto/x509"
	"errors"
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
	opts Options
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

// Sign appends a signature to pdf and returns the whole new file. pdf stays as it is.
func (s *Signer) Sign(pdf []byte, opts SigOptions) ([]byte, error) {
	return nil, errors.New("sign: signing is being built")
}

// Verify checks every signature in pdf, in the order in which they were made. It returns ErrNoSignature when there is
// none, and an error that wraps ErrBroken when any is not valid or when bytes follow the last one; the list is returned
// then, too. With roots, each certificate chain must end in one of them at the stamped time; nil roots skip that check
// and leave Trusted false. It is meant for hostile input: its work is bounded by a small multiple of the file's size.
func Verify(pdf []byte, roots *x509.CertPool) ([]Signature, error) {
	return nil, ErrNoSignature
}

// LoadOrCreate opens the court's signing keys under dir, or makes a demonstration authority (its names say 演示 demo), a
// signing key and a local time-stamp authority there. Certificates that end within 30 days are renewed under the same
// authority. Private keys are readable by their owner alone. now is asked at each signature.
func LoadOrCreate(dir, court string, now func() time.Time) (*Signer, error) {
	return nil, errors.New("sign: key store is being built")
}

// RootsPEM returns the root certificates that a verifier needs, in PEM.
func (s *Signer) RootsPEM() []byte { return nil }

// Roots returns the same certificates as a pool for Verify.
func (s *Signer) Roots() *x509.CertPool { return x509.NewCertPool() }
