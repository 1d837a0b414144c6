package sign

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// Verify checks every signature in pdf, in the order in which they were made. It returns ErrNoSignature when there is
// none, and an error that wraps ErrBroken when any is not valid or when bytes follow the last one; the list is returned
// then, too. With roots, each certificate chain must end in one of them at the stamped time; nil roots skip that check
// and leave Trusted false. It is meant for hostile input: its work is bounded by a small multiple of the file's size.
func Verify(pdf []byte, roots *x509.CertPool) ([]Signature, error) {
	f, err := openFile(pdf)
	if err != nil {
		return nil, err
	}
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, ErrNoSignature
	}
	type located struct {
		Signature
		end int
	}
	found := make([]located, len(fields))
	for i, field := range fields {
		found[i].Signature, found[i].end = f.verifyField(field, roots)
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].end < found[j].end })
	list := make([]Signature, len(found))
	var broken []error
	for i, one := range found {
		list[i] = one.Signature
		if i > 0 && one.end == found[i-1].end && one.Err == nil {
			list[i].Err = fmt.Errorf("%w: it covers the same bytes as another one", ErrBroken)
		}
		if list[i].Err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", one.Field, list[i].Err))
		}
	}
	if last := found[len(found)-1]; last.Err == nil && last.end != len(pdf) {
		broken = append(broken, fmt.Errorf("%w: %d bytes were added after the last signature", ErrBroken, len(pdf)-last.end))
	}
	return list, errors.Join(broken...)
}

// verifyField checks one signature; end is where the bytes that it covers end.
func (f *file) verifyField(field dict, roots *x509.CertPool) (s Signature, end int) {
	s.Field = readText(field.get("T"))
	value, err := f.signatureValue(field.get("V"))
	if err == nil {
		d := value.dict
		s.Name, s.Reason, s.Location = readText(d.get("Name")), readText(d.get("Reason")), readText(d.get("Location"))
		s.ClaimedAt = readDate(d.get("M"))
		s.WholeFile = value.end == len(f.data)
		err = value.check(f.data, roots, &s)
	}
	if err != nil {
		s.Err = fmt.Errorf("%w: %w", ErrBroken, err)
		s.Trusted = false
	}
	return s, value.end
}

// signatureValue is a signature dictionary with the place of its value.
type signatureValue struct {
	dict
	gapStart, gapEnd, end int
	cms                   []byte
}

// signatureValue reads a signature dictionary. It must be an object of its own, and the byte range must leave out exactly
// its /Contents: a wider gap would hide changes.
func (f *file) signatureValue(raw []byte) (v signatureValue, err error) {
	number, ok := parseRef(raw)
	if !ok {
		return v, fmt.Errorf("signature value: %w", errSyntax)
	}
	if v.dict, err = f.dictObject(number); err != nil {
		return v, err
	}
	if sub := string(v.get("SubFilter")); sub != "/ETSI.CAdES.detached" {
		return v, fmt.Errorf("signature format %q is not checked here", sub)
	}
	parts, err := f.arrayValue(v.get("ByteRange"))
	if err != nil || len(parts) != 4 {
		return v, fmt.Errorf("byte range: %w", errSyntax)
	}
	var at [4]int
	for i, part := range parts {
		if at[i], err = parseInt(part); err != nil {
			return v, err
		}
	}
	v.gapStart, v.gapEnd, v.end = at[1], at[2], at[2]+at[3]
	if at[0] != 0 || v.gapStart >= v.gapEnd || v.end > len(f.data) || v.end < v.gapEnd {
		v.end = 0
		return v, fmt.Errorf("byte range: %w", errSyntax)
	}
	exact := false
	for _, e := range v.entries {
		exact = exact || e.key == "Contents" && e.start == v.gapStart && e.end == v.gapEnd
	}
	gap := f.data[v.gapStart:v.gapEnd]
	if !exact || gap[0] != '<' || gap[len(gap)-1] != '>' || len(gap)%2 == 1 {
		return v, errors.New("the byte range leaves out more than the signature")
	}
	if bytes.ContainsAny(gap, "abcdef") && bytes.ContainsAny(gap, "ABCDEF") {
		return v, errors.New("the signature's digits are of mixed case")
	}
	v.cms = make([]byte, len(gap)/2-1)
	if _, err = hex.Decode(v.cms, gap[1:len(gap)-1]); err != nil {
		return v, fmt.Errorf("signature value: %w", err)
	}
	return v, v.checkEnd(f.data)
}

// checkEnd wants the covered bytes to be a whole revision of the file.
func (v signatureValue) checkEnd(data []byte) error {
	if !bytes.HasSuffix(bytes.TrimRight(data[:v.end], "\r\n"), []byte("%%EOF")) {
		return errors.New("the covered bytes are not a whole revision of the file")
	}
	return nil
}

// check verifies the CMS signature and its time-stamp and fills s.
func (v signatureValue) check(data []byte, roots *x509.CertPool, s *Signature) error {
	cms, err := checkCMS(v.cms, oidData, func(hash crypto.Hash, content []byte) ([]byte, error) {
		if content != nil {
			return nil, errors.New("the signature is not detached")
		}
		h := hash.New()
		h.Write(data[:v.gapStart])
		h.Write(data[v.gapEnd:v.end])
		return h.Sum(nil), nil
	})
	if err != nil {
		return err
	}
	s.Certificate = cms.signer
	if s.Name == "" {
		s.Name = cms.signer.Subject.CommonName
	}
	if _, ok := cms.signed[oidSigningCertV2.String()]; !ok {
		return errors.New("the signature does not name its certificate")
	}
	raw, ok := cms.unsigned[oidStampToken.String()]
	if !ok {
		return errors.New("the signature has no time-stamp")
	}
	stamp, err := readToken(raw.FullBytes, sha256.Sum256(cms.signature))
	if err != nil {
		return err
	}
	s.StampedAt, s.StampedBy = stamp.at, stamp.signer
	if roots == nil {
		return validAt(cms.signer, stamp.at)
	}
	if err := chainsTo(roots, cms.signer, cms.others, stamp.at, x509.ExtKeyUsageAny); err != nil {
		return fmt.Errorf("signer's certificate: %w", err)
	}
	if err := chainsTo(roots, stamp.signer, stamp.others, stamp.at, x509.ExtKeyUsageTimeStamping); err != nil {
		return fmt.Errorf("time-stamp's certificate: %w", err)
	}
	s.Trusted = true
	return nil
}

func validAt(cert *x509.Certificate, at time.Time) error {
	if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
		return errors.New("the certificate was not valid at the stamped time")
	}
	return nil
}

// chainsTo wants cert to lead to a root, and every certificate that came along to stand on a way there.
func chainsTo(roots *x509.CertPool, cert *x509.Certificate, others []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) error {
	between := x509.NewCertPool()
	for _, other := range others {
		between.AddCert(other)
	}
	chains, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return err
	}
	onTheWay := slices.Concat(chains...)
	for _, other := range others {
		if !slices.ContainsFunc(onTheWay, other.Equal) {
			return errors.New("a certificate came along that is not part of the chain")
		}
	}
	return nil
}
