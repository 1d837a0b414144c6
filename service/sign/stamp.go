package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"
)

// demoPolicy names the local authority's policy: an identifier from the arc for examples (2.999), as it promises nothing.
var demoPolicy = asn1.ObjectIdentifier{2, 999, 1}

// LocalStamper stamps with a key of one's own. cert must carry the critical extended key usage timeStamping (RFC 3161, 2.3).
func LocalStamper(cert *x509.Certificate, key crypto.Signer, now func() time.Time) Stamper {
	return func(digest [32]byte) ([]byte, error) {
		stamp := timestamp.Timestamp{
			HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Time: now().UTC(), Accuracy: time.Second,
			Policy: demoPolicy, AddTSACertificate: true,
		}
		response, err := stamp.CreateResponseWithOpts(cert, key, crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return tokenOf(response)
	}
}

const (
	stampTimeout     = 20 * time.Second
	maxStampResponse = 64 << 10
)

// HTTPStamper asks a time-stamp authority over HTTP (RFC 3161, 3.4).
func HTTPStamper(url string, client *http.Client) Stamper {
	return func(digest [32]byte) ([]byte, error) {
		nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
		if err != nil {
			return nil, err
		}
		ask := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}
		body, err := ask.Marshal()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), stampTimeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/timestamp-query")
		reply, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(io.LimitReader(reply.Body, maxStampResponse+1))
		if err := errors.Join(err, reply.Body.Close()); err != nil {
			return nil, err
		}
		if reply.StatusCode != http.StatusOK || len(answer) > maxStampResponse {
			return nil, fmt.Errorf("the time-stamp authority answered %s", reply.Status)
		}
		return checkedToken(answer, digest, nonce)
	}
}

// checkedToken takes the token out of a response and refuses one that is not for this digest and nonce.
func checkedToken(response []byte, digest [32]byte, nonce *big.Int) ([]byte, error) {
	token, err := tokenOf(response)
	if err != nil {
		return nil, err
	}
	stamp, err := readToken(token, digest)
	if err != nil {
		return nil, err
	}
	if stamp.nonce == nil || stamp.nonce.Cmp(nonce) != 0 {
		return nil, errors.New("the time-stamp answers another request")
	}
	return token, nil
}

// tokenOf reads a TimeStampResp: status, then the token.
func tokenOf(response []byte) ([]byte, error) {
	var parsed struct {
		Status struct {
			Status int
			Text   asn1.RawValue `asn1:"optional"`
			Fail   asn1.RawValue `asn1:"optional"`
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(response, &parsed); err != nil {
		return nil, fmt.Errorf("time-stamp response: %w", err)
	}
	if parsed.Status.Status > 1 || len(parsed.Token.FullBytes) == 0 { // 0 granted, 1 granted with modifications
		return nil, fmt.Errorf("the time-stamp authority refused with status %d", parsed.Status.Status)
	}
	return parsed.Token.FullBytes, nil
}

// Stamped is what a time-stamp token proves of a message: that it was there at that time.
type Stamped struct {
	At      time.Time
	By      *x509.Certificate // the authority's
	Trusted bool              // its chain ends in one of the given roots
}

// Stamp asks for a time-stamp token over the SHA-256 digest of a message, and checks it. It is bounded to 20 s when the
// authority is reached over HTTP.
func (s *Signer) Stamp(digest [32]byte) ([]byte, Stamped, error) {
	keys, err := s.current()
	if err != nil {
		return nil, Stamped{}, err
	}
	token, err := keys.Stamp(digest)
	if err != nil {
		return nil, Stamped{}, fmt.Errorf("sign: time-stamp: %w", err)
	}
	stamped, err := CheckStamp(token, digest, s.Roots())
	if err != nil {
		return nil, Stamped{}, fmt.Errorf("sign: time-stamp: %w", err)
	}
	return token, stamped, nil
}

// CheckStamp checks a time-stamp token (RFC 3161) over the SHA-256 digest of a message. With roots its chain must end
// in one of them at the stamped time; nil roots skip that and leave Trusted false.
func CheckStamp(token []byte, digest [32]byte, roots *x509.CertPool) (Stamped, error) {
	t, err := readToken(token, digest)
	if err != nil {
		return Stamped{}, err
	}
	if roots == nil {
		return Stamped{At: t.at, By: t.signer}, validAt(t.signer, t.at)
	}
	if err := chainsTo(roots, t.signer, t.others, t.at, x509.ExtKeyUsageTimeStamping); err != nil {
		return Stamped{}, fmt.Errorf("time-stamp's certificate: %w", err)
	}
	return Stamped{At: t.at, By: t.signer, Trusted: true}, nil
}

// accuracy is RFC 3161's Accuracy.
type accuracy struct {
	Seconds int `asn1:"optional"`
	Millis  int `asn1:"optional,tag:0"`
	Micros  int `asn1:"optional,tag:1"`
}

// token is a checked time-stamp token.
type token struct {
	at     time.Time
	nonce  *big.Int
	signer *x509.Certificate
	others []*x509.Certificate
}

// readToken checks a token's own signature and that it stamps digest. Its certificate must be made for time-stamping alone.
func readToken(der []byte, digest [32]byte) (*token, error) {
	cms, err := checkCMS(der, oidTSTInfo, func(hash crypto.Hash, content []byte) ([]byte, error) {
		h := hash.New()
		h.Write(content)
		return h.Sum(nil), nil
	})
	if err != nil {
		return nil, fmt.Errorf("time-stamp token: %w", err)
	}
	var info struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint struct {
			Algorithm struct {
				Algorithm  asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			}
			Message []byte
		}
		Serial     *big.Int
		At         time.Time     `asn1:"generalized"`
		Accuracy   accuracy      `asn1:"optional"`
		Ordering   bool          `asn1:"optional"`
		Nonce      *big.Int      `asn1:"optional"`
		Authority  asn1.RawValue `asn1:"optional,tag:0"`
		Extensions asn1.RawValue `asn1:"optional,tag:1"`
	}
	if _, err := asn1.Unmarshal(cms.content, &info); err != nil {
		return nil, fmt.Errorf("time-stamp token: %w", err)
	}
	if !info.Imprint.Algorithm.Algorithm.Equal(oidSHA256) || !bytes.Equal(info.Imprint.Message, digest[:]) {
		return nil, errors.New("the time-stamp is for other bytes")
	}
	if !stampsTime(cms.signer) {
		return nil, errors.New("the time-stamp's certificate is not made for time-stamping")
	}
	return &token{at: info.At.UTC(), nonce: info.Nonce, signer: cms.signer, others: cms.others}, nil
}

// stampsTime says whether a certificate's critical extended key usage is timeStamping alone (RFC 3161, 2.3).
func stampsTime(cert *x509.Certificate) bool {
	for _, extension := range cert.Extensions {
		if extension.Id.Equal(oidExtKeyUsage) {
			return extension.Critical && len(cert.UnknownExtKeyUsage) == 0 &&
				len(cert.ExtKeyUsage) == 1 && cert.ExtKeyUsage[0] == x509.ExtKeyUsageTimeStamping
		}
	}
	return false
}
