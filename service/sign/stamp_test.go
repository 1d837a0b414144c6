package sign

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCheckStamp(t *testing.T) {
	s := courtSigner(t)
	digest := sha256.Sum256([]byte("integrity.json"))
	token, stamped, err := s.Stamp(digest)
	if err != nil {
		t.Fatal(err)
	}
	if !stamped.At.Equal(march) || !stamped.Trusted || !strings.Contains(stamped.By.Subject.CommonName, "Time-stamp") {
		t.Errorf("stamped %+v by %v", stamped, stamped.By.Subject)
	}
	if again, err := CheckStamp(token, digest, nil); err != nil || again.Trusted || !again.At.Equal(march) {
		t.Errorf("without roots: %+v, %v", again, err)
	}
	if _, err := CheckStamp(token, sha256.Sum256([]byte("another")), s.Roots()); err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("for another digest: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if _, err := CheckStamp(token, digest, x509.NewCertPool()); !errors.As(err, &unknown) {
		t.Errorf("under no root of its own: %v", err)
	}
}

// TestCheckStampFindsAChangedByte changes every byte of a token. A change may stay unseen only where RFC 5652 leaves a
// certificate or an identifier unsigned; then what the token proves must be unchanged.
func TestCheckStampFindsAChangedByte(t *testing.T) {
	s := courtSigner(t)
	digest := sha256.Sum256([]byte("integrity.json"))
	token, stamped, err := s.Stamp(digest)
	if err != nil {
		t.Fatal(err)
	}
	unseen := 0
	for at := range token {
		changed := bytes.Clone(token)
		changed[at] ^= 1
		if got, err := CheckStamp(changed, digest, s.Roots()); err == nil {
			unseen++
			if !got.At.Equal(stamped.At) || !got.By.Equal(stamped.By) {
				t.Errorf("byte %d of %d changed: %+v", at, len(token), got)
			}
		}
	}
	if unseen > len(token)/50 {
		t.Errorf("%d of %d changed bytes were not seen", unseen, len(token))
	}
	for n := 0; n < len(token); n += 7 {
		if _, err := CheckStamp(token[:n], digest, s.Roots()); err == nil {
			t.Errorf("cut at %d of %d", n, len(token))
		}
	}
}

// TestStampSaysWhy: an authority that fails is named as such, and one whose clock stands outside its certificate is not
// believed.
func TestStampSaysWhy(t *testing.T) {
	s := courtSigner(t)
	down, err := New(Options{Chain: s.opts.Chain, Key: s.opts.Key, Roots: s.opts.Roots, Stamp: func([32]byte) ([]byte, error) { return nil, errors.New("no answer") }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := down.Stamp([32]byte{}); err == nil || !strings.Contains(err.Error(), "time-stamp: no answer") {
		t.Errorf("an authority that is down: %v", err)
	}
	dir := t.TempDir()
	late, err := LoadOrCreate(dir, "法院", fixed(march))
	if err != nil {
		t.Fatal(err)
	}
	stamper := store{dir: dir, court: "法院", now: fixed(march)}
	p, err := stamper.pair(stamperFile, func() (pair, error) { return pair{}, errors.New("not there") })
	if err != nil {
		t.Fatal(err)
	}
	token, err := LocalStamper(p.cert, p.key, fixed(march.AddDate(leafYears+1, 0, 0)))([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	for _, roots := range []*x509.CertPool{nil, late.Roots()} {
		if got, err := CheckStamp(token, [32]byte{1}, roots); err == nil {
			t.Errorf("a time after the certificate's end: %+v", got.At.Format(time.DateOnly))
		}
	}
}

func FuzzCheckStamp(f *testing.F) {
	s := courtSigner(f)
	digest := sha256.Sum256([]byte("integrity.json"))
	token, _, err := s.Stamp(digest)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add([]byte{0x30, 0x80})
	roots := s.Roots()
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := CheckStamp(data, digest, roots)
		if err == nil && (!got.Trusted || !got.At.Equal(march)) {
			t.Errorf("accepted %+v", got)
		}
	})
}
