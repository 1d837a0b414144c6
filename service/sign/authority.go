package sign

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	authorityYears = 10
	leafYears      = 2
	renewBefore    = 30 * 24 * time.Hour
	backdate       = time.Hour // so that a verifier whose clock is a little behind accepts a new certificate
	authorityBits  = 3072
	leafBits       = 2048
)

var (
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidTimeStamping  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidDocumentSigns = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36} // id-kp-documentSigning, RFC 9336
)

// Files of the key store. Each pair holds a key and its certificate, so that a crash cannot part them. roots.pem keeps
// every root that ever was: old signatures are checked against the root of their time.
const (
	authorityFile = "authority.pem"
	signerFile    = "signer.pem"
	stamperFile   = "timestamp.pem"
	rootsFile     = "roots.pem"
	lockFile      = "lock"
)

// pair is a private key with its certificate.
type pair struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// store makes, loads and renews a court's demonstration keys in one directory.
type store struct {
	dir, court string
	now        func() time.Time
}

// options loads the keys, making or renewing what is missing or due.
func (s store) options() (Options, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Options{}, err
	}
	unlock, err := s.lock()
	if err != nil {
		return Options{}, err
	}
	defer unlock()
	authority, err := s.pair(authorityFile, func() (pair, error) { return s.issue(pair{}, authorityTemplate(s.court)) })
	if err != nil {
		return Options{}, err
	}
	roots, err := s.roots(authority.cert)
	if err != nil {
		return Options{}, err
	}
	signer, err := s.leaf(signerFile, authority, signerTemplate(s.court))
	if err != nil {
		return Options{}, err
	}
	stamper, err := s.leaf(stamperFile, authority, stamperTemplate(s.court))
	if err != nil {
		return Options{}, err
	}
	return Options{
		Chain: []*x509.Certificate{signer.cert, authority.cert}, Key: signer.key,
		Stamp: LocalStamper(stamper.cert, stamper.key, s.now), Roots: roots,
	}, nil
}

// lock waits until no other start makes or renews keys in the directory: of two first starts at once, both use one authority.
// The kernel takes the lock from a process that dies.
func (s store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = f.Close() } // nothing was written to it
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		unlock()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return unlock, nil
}

// leaf loads a certificate that authority issued; one of an earlier authority is replaced.
func (s store) leaf(name string, authority pair, template *x509.Certificate) (pair, error) {
	issue := func() (pair, error) { return s.issue(authority, template) }
	p, err := s.pair(name, issue)
	if err != nil || p.cert.CheckSignatureFrom(authority.cert) == nil {
		return p, err
	}
	return s.replace(name, issue)
}

// pair loads a key with its certificate. A missing one is made, one that ends soon is replaced; a damaged one is an
// error, as replacing it in silence would hide the loss of a key.
func (s store) pair(name string, issue func() (pair, error)) (pair, error) {
	path := filepath.Join(s.dir, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s.replace(name, issue)
	}
	if err != nil {
		return pair{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return pair{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return pair{}, fmt.Errorf("%s holds a private key that others may read; run: chmod 600 %s", path, path)
	}
	p, err := parsePair(data)
	if err != nil {
		return pair{}, fmt.Errorf("read %s: %w", path, err)
	}
	if s.now().Add(renewBefore).After(p.cert.NotAfter) {
		return s.replace(name, issue)
	}
	return p, nil
}

func (s store) replace(name string, issue func() (pair, error)) (pair, error) {
	p, err := issue()
	if err != nil {
		return pair{}, fmt.Errorf("make %s: %w", name, err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return pair{}, err
	}
	var out bytes.Buffer
	out.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
	return p, writeDurably(filepath.Join(s.dir, name), out.Bytes())
}

// roots adds root to the file of roots when it is new, and returns them all.
func (s store) roots(root *x509.Certificate) ([]*x509.Certificate, error) {
	path := filepath.Join(s.dir, rootsFile)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	all, err := parseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, known := range all {
		if known.Equal(root) {
			return all, nil
		}
	}
	all = append(all, root)
	return all, writeDurably(path, encodeCertificates(all))
}

// issue makes a key and has authority sign its certificate; an authority without key signs itself.
func (s store) issue(authority pair, template *x509.Certificate) (pair, error) {
	bits := leafBits
	if template.IsCA {
		bits = authorityBits
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return pair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return pair{}, err
	}
	now := s.now().UTC().Truncate(time.Second)
	template.SerialNumber, template.NotBefore = serial, now.Add(-backdate)
	parent, signer := authority.cert, authority.key
	if template.IsCA {
		template.NotAfter = now.AddDate(authorityYears, 0, 0)
		parent, signer = template, key
	} else {
		template.NotAfter = now.AddDate(leafYears, 0, 0)
		if template.NotAfter.After(parent.NotAfter) {
			template.NotAfter = parent.NotAfter
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return pair{key, cert}, err
}

// subject names a demonstration certificate so that nobody takes it for a court's.
func subject(court, role string) pkix.Name {
	return pkix.Name{Country: []string{"CN"}, Organization: []string{court + "（演示 demo）"}, CommonName: court + " " + role + "（演示 demo）"}
}

func authorityTemplate(court string) *x509.Certificate {
	return &x509.Certificate{
		Subject: subject(court, "根证书 Root CA"), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func signerTemplate(court string) *x509.Certificate {
	return &x509.Certificate{
		Subject: subject(court, "电子签章 Signature"), BasicConstraintsValid: true,
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidDocumentSigns}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
}

func stamperTemplate(court string) *x509.Certificate {
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{oidTimeStamping})
	if err != nil {
		panic(err) // a constant
	}
	return &x509.Certificate{
		Subject: subject(court, "时间戳 Time-stamp"), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: usage}},
	}
}
