package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sort"
)

// Object identifiers of RFC 5652, RFC 5035, RFC 3161 and RFC 5754.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidStampToken    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

// Signature algorithms by digest.
var (
	rsaWith = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA256: {1, 2, 840, 113549, 1, 1, 11}, crypto.SHA384: {1, 2, 840, 113549, 1, 1, 12}, crypto.SHA512: {1, 2, 840, 113549, 1, 1, 13},
	}
	ecdsaWith = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA256: {1, 2, 840, 10045, 4, 3, 2}, crypto.SHA384: {1, 2, 840, 10045, 4, 3, 3}, crypto.SHA512: {1, 2, 840, 10045, 4, 3, 4},
	}
)

type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

type encapsulated struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Encapsulated     encapsulated
	Certificates     asn1.RawValue `asn1:"optional,tag:0"`
	CRLs             asn1.RawValue `asn1:"optional,tag:1"`
	Signers          []signerInfo  `asn1:"set"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type signerInfo struct {
	Version            int
	SID                issuerAndSerial
	DigestAlgorithm    pkix.AlgorithmIdentifier
	SignedAttrs        asn1.RawValue `asn1:"optional,tag:0"`
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
	UnsignedAttrs      asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue // SET OF
}

// signingCertificateV2 is RFC 5035, section 3; the hash algorithm's default is SHA-256.
type signingCertificateV2 struct {
	Certs    []essCertIDv2
	Policies asn1.RawValue `asn1:"optional"`
}

type essCertIDv2 struct {
	HashAlgorithm pkix.AlgorithmIdentifier `asn1:"optional"`
	CertHash      []byte
	IssuerSerial  asn1.RawValue `asn1:"optional"`
}

// newAttribute makes an attribute of one value.
func newAttribute(kind asn1.ObjectIdentifier, value any) ([]byte, error) {
	der, err := asn1.Marshal(value)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(attribute{Type: kind, Values: asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: der}})
}

// setOf writes encoded elements as DER wants a SET OF: sorted.
func setOf(class, tag int, elements ...[]byte) asn1.RawValue {
	sort.Slice(elements, func(i, j int) bool { return bytes.Compare(elements[i], elements[j]) < 0 })
	return asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: bytes.Join(elements, nil)}
}

// buildCMS makes a detached CAdES B-T signature over digest. It holds no signingTime: PAdES forbids it beside /M
// (ETSI EN 319 142-1, 6.3), and the token tells the proven time.
func buildCMS(digest [32]byte, chain []*x509.Certificate, key crypto.Signer, stamp Stamper) ([]byte, error) {
	attrs, err := signedAttributes(digest, chain[0])
	if err != nil {
		return nil, fmt.Errorf("signed attributes: %w", err)
	}
	set, err := asn1.Marshal(setOf(asn1.ClassUniversal, asn1.TagSet, attrs...))
	if err != nil {
		return nil, err
	}
	toSign := sha256.Sum256(set)
	value, err := key.Sign(rand.Reader, toSign[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	algorithm := pkix.AlgorithmIdentifier{Algorithm: rsaWith[crypto.SHA256], Parameters: asn1.NullRawValue}
	if _, ok := key.Public().(*ecdsa.PublicKey); ok {
		algorithm = pkix.AlgorithmIdentifier{Algorithm: ecdsaWith[crypto.SHA256]}
	}
	token, err := stamp(sha256.Sum256(value))
	if err != nil {
		return nil, fmt.Errorf("time-stamp: %w", err)
	}
	stamped, err := newAttribute(oidStampToken, asn1.RawValue{FullBytes: token})
	if err != nil {
		return nil, err
	}
	sha := pkix.AlgorithmIdentifier{Algorithm: oidSHA256}
	var certificates []byte
	for _, c := range chain {
		certificates = append(certificates, c.Raw...)
	}
	return marshalSigned(signedData{
		Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{sha}, Encapsulated: encapsulated{ContentType: oidData},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: certificates},
		Signers: []signerInfo{{
			Version: 1, SID: issuerAndSerial{asn1.RawValue{FullBytes: chain[0].RawIssuer}, chain[0].SerialNumber},
			DigestAlgorithm: sha, SignedAttrs: setOf(asn1.ClassContextSpecific, 0, attrs...), SignatureAlgorithm: algorithm,
			Signature: value, UnsignedAttrs: setOf(asn1.ClassContextSpecific, 1, stamped),
		}},
	})
}

func marshalSigned(sd signedData) ([]byte, error) {
	inner, err := asn1.Marshal(sd)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{
		ContentType: oidSignedData,
		Content:     asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner},
	})
}

func signedAttributes(digest [32]byte, cert *x509.Certificate) ([][]byte, error) {
	kind, err := newAttribute(oidContentType, oidData)
	if err != nil {
		return nil, err
	}
	message, err := newAttribute(oidMessageDigest, digest[:])
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(cert.Raw)
	signer, err := newAttribute(oidSigningCertV2, signingCertificateV2{Certs: []essCertIDv2{{CertHash: hash[:]}}})
	if err != nil {
		return nil, err
	}
	return [][]byte{kind, message, signer}, nil
}
