package sign

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// parsePair reads a private key and the certificates after it; the first must belong to the key.
func parsePair(data []byte) (pair, error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return pair{}, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return pair{}, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return pair{}, fmt.Errorf("a key of kind %T cannot sign", parsed)
	}
	certs, err := parseCertificates(rest)
	if err != nil {
		return pair{}, err
	}
	if len(certs) == 0 {
		return pair{}, errors.New("no certificate after the key")
	}
	return pair{key, certs[0]}, belongs(key, certs[0])
}

// belongs checks that a certificate is for a key.
func belongs(key crypto.Signer, cert *x509.Certificate) error {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(cert.PublicKey) {
		return errors.New("the certificate belongs to another key")
	}
	return nil
}

func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all, nil
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, cert)
	}
}

func encodeCertificates(certs []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return out.Bytes()
}

// writeDurably replaces a file, readable by its owner alone; after a crash either the old or the new one is there, whole.
func writeDurably(path string, data []byte) error {
	dir := filepath.Dir(path)
	temporary, err := os.CreateTemp(dir, ".new-*") // CreateTemp makes it with mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	handle, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(handle.Sync(), handle.Close())
}
