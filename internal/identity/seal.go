package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length of the key that a Sealer is made from, in bytes.
const KeySize = 32

// sealVersion is the first byte of every sealed text: AES-256-GCM with a
// random 96-bit nonce, which follows it.
const sealVersion = 1

// ErrSealed says that a sealed text was changed, belongs to something else, or
// was sealed with another key.
var ErrSealed = errors.New("identity: sealed text cannot be opened; was the key file replaced?")

// Sealer encrypts what must not be read in the database (个人信息保护法 art. 51)
// and makes keyed hashes by which it can still be looked up. Both keys are
// derived from one. It is safe for concurrent use.
type Sealer struct {
	aead   cipher.AEAD
	lookup []byte
}

// NewSealer derives the keys from key, which is KeySize bytes long.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("identity: the key is %d bytes long, not %d", len(key), KeySize)
	}
	seal, err := hkdf.Key(sha256.New, key, nil, "yunting identity seal v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("identity: derive a key: %w", err)
	}
	lookup, err := hkdf.Key(sha256.New, key, nil, "yunting identity lookup v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("identity: derive a key: %w", err)
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, fmt.Errorf("identity: cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("identity: cipher: %w", err)
	}
	return &Sealer{aead: aead, lookup: lookup}, nil
}

// Seal encrypts plain. context says what it belongs to (a row's id); opening
// it in another context fails, so sealed texts cannot be swapped between rows.
func (s *Sealer) Seal(plain string, context []byte) []byte {
	sealed := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	sealed[0] = sealVersion
	rand.Read(sealed[1:]) // never fails
	return s.aead.Seal(sealed, sealed[1:], []byte(plain), context)
}

// Open decrypts what Seal made in the same context. ErrSealed.
func (s *Sealer) Open(sealed, context []byte) (string, error) {
	head := 1 + s.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealVersion {
		return "", ErrSealed
	}
	plain, err := s.aead.Open(nil, sealed[1:head], sealed[head:], context)
	if err != nil {
		return "", ErrSealed
	}
	return string(plain), nil
}

// Lookup is a keyed hash of text within one domain, the same every time: 32
// bytes that find a row without telling the text.
func (s *Sealer) Lookup(domain, text string) []byte {
	mac := hmac.New(sha256.New, s.lookup)
	fmt.Fprintf(mac, "%s\x00%s", domain, text)
	return mac.Sum(nil)
}
