package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 for tokens of outside authorities
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// checkedCMS is a SignedData whose one signature has been checked against its own certificate, but not yet against
// roots.
type checkedCMS struct {
	signer    *x509.Certificate
	others    []*x509.Certificate
	content   []byte // the encapsulated content; nil when it is detached
	signature []byte
	signed    map[string]asn1.RawValue // attributes by identifier; each has one value
	unsigned  map[string]asn1.RawValue
}

// maxCertificates bounds the certificates that one signature may bring.
const maxCertificates = 16

// checkCMS parses a SignedData with one signer and checks its signature. digest is what the message digest must be when
// the content is detached.
func checkCMS(der []byte, contentType asn1.ObjectIdentifier, digest func(crypto.Hash, []byte) ([]byte, error)) (*checkedCMS, error) {
	sd, err := parseSigned(der)
	if err != nil {
		return nil, err
	}
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("%d signers in place of one", len(sd.Signers))
	}
	info := sd.Signers[0]
	c := &checkedCMS{signature: info.Signature}
	if err := c.readCertificates(sd.Certificates.Bytes, info.SID); err != nil {
		return nil, err
	}
	if c.signed, err = readAttributes(info.SignedAttrs.Bytes); err != nil {
		return nil, fmt.Errorf("signed attributes: %w", err)
	}
	if c.unsigned, err = readAttributes(info.UnsignedAttrs.Bytes); err != nil {
		return nil, fmt.Errorf("unsigned attributes: %w", err)
	}
	if len(sd.Encapsulated.Content.Bytes) > 0 {
		if _, err := asn1.Unmarshal(sd.Encapsulated.Content.Bytes, &c.content); err != nil {
			return nil, fmt.Errorf("content: %w", err)
		}
	}
	if !sd.Encapsulated.ContentType.Equal(contentType) {
		return nil, fmt.Errorf("content type %v in place of %v", sd.Encapsulated.ContentType, contentType)
	}
	hash, err := hashOf(info.DigestAlgorithm.Algorithm)
	if err != nil {
		return nil, err
	}
	if err := checkFrame(sd, info, hash, c.signer.PublicKey); err != nil {
		return nil, err
	}
	if err := c.checkOthers(); err != nil {
		return nil, err
	}
	return c, c.check(info, hash, contentType, digest)
}

func parseSigned(der []byte) (signedData, error) {
	var outer contentInfo
	var sd signedData
	padding, err := asn1.Unmarshal(der, &outer)
	if err != nil {
		return sd, fmt.Errorf("CMS: %w", err)
	}
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return sd, errors.New("CMS: something stands after the signature")
	}
	if !outer.ContentType.Equal(oidSignedData) {
		return sd, errors.New("CMS: not signed data")
	}
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &sd); err != nil || len(rest) > 0 {
		return sd, fmt.Errorf("CMS: signed data is malformed: %w", errors.Join(err, errSyntax))
	}
	again, err := marshalSigned(sd)
	if err != nil || !bytes.Equal(again, der[:len(der)-len(padding)]) {
		return sd, errors.New("CMS: not in the distinguished encoding")
	}
	return sd, nil
}

// checkFrame checks what no signature covers and no reader needs: versions and algorithm identifiers.
func checkFrame(sd signedData, info signerInfo, hash crypto.Hash, key any) error {
	version := 3 // RFC 5652, 5.1: 1 for plain data, 3 for content of another type
	if sd.Encapsulated.ContentType.Equal(oidData) {
		version = 1
	}
	if sd.Version != version || info.Version != 1 {
		return errors.New("CMS: unknown version")
	}
	if len(sd.DigestAlgorithms) != 1 || !sd.DigestAlgorithms[0].Algorithm.Equal(info.DigestAlgorithm.Algorithm) {
		return errors.New("CMS: the digest algorithms do not agree")
	}
	accepted := []asn1.ObjectIdentifier{oidRSA, rsaWith[hash]}
	if _, ok := key.(*ecdsa.PublicKey); ok {
		accepted = []asn1.ObjectIdentifier{ecdsaWith[hash]}
	}
	if !slices.ContainsFunc(accepted, info.SignatureAlgorithm.Algorithm.Equal) {
		return fmt.Errorf("CMS: signature algorithm %v does not fit the key", info.SignatureAlgorithm.Algorithm)
	}
	for _, algorithm := range []pkix.AlgorithmIdentifier{sd.DigestAlgorithms[0], info.DigestAlgorithm, info.SignatureAlgorithm} {
		if p := algorithm.Parameters.FullBytes; len(p) > 0 && !bytes.Equal(p, asn1.NullBytes) {
			return errors.New("CMS: unexpected algorithm parameters")
		}
	}
	return nil
}

// checkOthers wants every certificate that came along to be an issuer of the signer's, directly or in turn, and sound:
// what nothing vouches for does not belong into a signature.
func (c *checkedCMS) checkOthers() error {
	left := slices.Clone(c.others)
	for cert := c.signer; len(left) > 0; {
		i := slices.IndexFunc(left, func(issuer *x509.Certificate) bool {
			return bytes.Equal(cert.RawIssuer, issuer.RawSubject) && cert.CheckSignatureFrom(issuer) == nil
		})
		if i < 0 {
			return errors.New("a certificate came along that is not part of the chain")
		}
		cert = left[i]
		left = slices.Delete(left, i, i+1)
		if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			if err := cert.CheckSignatureFrom(cert); err != nil {
				return fmt.Errorf("root certificate: %w", err)
			}
		}
	}
	return nil
}

// readCertificates finds the signer's certificate among those that came along.
func (c *checkedCMS) readCertificates(raw []byte, sid issuerAndSerial) error {
	for count := 0; len(raw) > 0; count++ {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(raw, &one)
		if err != nil || count == maxCertificates {
			return fmt.Errorf("certificates: %w", errors.Join(err, errSyntax))
		}
		raw = rest
		cert, err := x509.ParseCertificate(one.FullBytes)
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		if sid.Serial != nil && cert.SerialNumber.Cmp(sid.Serial) == 0 && bytes.Equal(cert.RawIssuer, sid.Issuer.FullBytes) {
			c.signer = cert
		} else {
			c.others = append(c.others, cert)
		}
	}
	if c.signer == nil {
		return errors.New("the signer's certificate is not included")
	}
	return nil
}

func readAttributes(raw []byte) (map[string]asn1.RawValue, error) {
	found := map[string]asn1.RawValue{}
	for len(raw) > 0 {
		var a attribute
		rest, err := asn1.Unmarshal(raw, &a)
		if err != nil {
			return nil, err
		}
		raw = rest
		if a.Values.Class != asn1.ClassUniversal || a.Values.Tag != asn1.TagSet || !a.Values.IsCompound {
			return nil, fmt.Errorf("attribute %v: %w", a.Type, errSyntax)
		}
		var value asn1.RawValue
		if rest, err := asn1.Unmarshal(a.Values.Bytes, &value); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("attribute %v must have one value: %w", a.Type, errors.Join(err, errSyntax))
		}
		if _, twice := found[a.Type.String()]; twice {
			return nil, fmt.Errorf("attribute %v stands twice", a.Type)
		}
		found[a.Type.String()] = value
	}
	return found, nil
}

func hashOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	switch {
	case oid.Equal(oidSHA256):
		return crypto.SHA256, nil
	case oid.Equal(oidSHA384):
		return crypto.SHA384, nil
	case oid.Equal(oidSHA512):
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("digest algorithm %v is not accepted", oid)
}

// check verifies content type, message digest, the signing certificate's hash and the signature itself (RFC 5652, 5.4).
func (c *checkedCMS) check(info signerInfo, hash crypto.Hash, contentType asn1.ObjectIdentifier, digest func(crypto.Hash, []byte) ([]byte, error)) error {
	var kind asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(c.signed[oidContentType.String()].FullBytes, &kind); err != nil || !kind.Equal(contentType) {
		return errors.New("the content type is not signed")
	}
	want, err := digest(hash, c.content)
	if err != nil {
		return err
	}
	var got []byte
	if _, err := asn1.Unmarshal(c.signed[oidMessageDigest.String()].FullBytes, &got); err != nil || !bytes.Equal(got, want) {
		return errors.New("the content was changed after signing")
	}
	if err := c.checkSigningCertificate(); err != nil {
		return err
	}
	set, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: info.SignedAttrs.Bytes})
	if err != nil {
		return err
	}
	algorithm, err := signatureAlgorithm(c.signer, hash)
	if err != nil {
		return err
	}
	if err := c.signer.CheckSignature(algorithm, set, info.Signature); err != nil {
		return fmt.Errorf("signature value: %w", err)
	}
	return nil
}

// checkSigningCertificate compares the certificate with the hash under the signature, when that is the version 2
// attribute. Time-stamp authorities may still use version 1; Verify demands version 2 of document signatures.
func (c *checkedCMS) checkSigningCertificate() error {
	value, ok := c.signed[oidSigningCertV2.String()]
	if !ok {
		return nil
	}
	var attr signingCertificateV2
	if _, err := asn1.Unmarshal(value.FullBytes, &attr); err != nil || len(attr.Certs) == 0 {
		return fmt.Errorf("signing certificate attribute: %w", errors.Join(err, errSyntax))
	}
	hash := crypto.SHA256
	if oid := attr.Certs[0].HashAlgorithm.Algorithm; len(oid) > 0 {
		var err error
		if hash, err = hashOf(oid); err != nil {
			return err
		}
	}
	h := hash.New()
	h.Write(c.signer.Raw)
	if !bytes.Equal(h.Sum(nil), attr.Certs[0].CertHash) {
		return errors.New("the certificate is not the one that was signed for")
	}
	return nil
}

func signatureAlgorithm(cert *x509.Certificate, hash crypto.Hash) (x509.SignatureAlgorithm, error) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 || key.N.BitLen() > 8192 {
			return 0, fmt.Errorf("RSA key of %d bits", key.N.BitLen())
		}
		return map[crypto.Hash]x509.SignatureAlgorithm{crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA}[hash], nil
	case *ecdsa.PublicKey:
		return map[crypto.Hash]x509.SignatureAlgorithm{crypto.SHA256: x509.ECDSAWithSHA256, crypto.SHA384: x509.ECDSAWithSHA384, crypto.SHA512: x509.ECDSAWithSHA512}[hash], nil
	}
	return 0, fmt.Errorf("key of kind %T", cert.PublicKey)
}
