package identity

import (
	"bytes"
	"errors"
	"testing"
)

func TestSealer(t *testing.T) {
	sealer, err := NewSealer(bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	const number = "11010519491231002X"
	row := []byte("row 1")
	sealed := sealer.Seal(number, row)
	if bytes.Contains(sealed, []byte(number[:6])) {
		t.Fatal("the number stands in the sealed text")
	}
	if bytes.Equal(sealed, sealer.Seal(number, row)) {
		t.Fatal("sealing twice gives the same text")
	}
	if plain, err := sealer.Open(sealed, row); err != nil || plain != number {
		t.Fatalf("Open: %q, %v", plain, err)
	}
	if _, err := sealer.Open(sealed, []byte("row 2")); !errors.Is(err, ErrSealed) {
		t.Errorf("opened in another row: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := sealer.Open(changed, row); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := sealer.Open(sealed[:i], row); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	other, err := NewSealer(bytes.Repeat([]byte{8}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, row); !errors.Is(err, ErrSealed) {
		t.Errorf("opened with another key: %v", err)
	}
	if !bytes.Equal(sealer.Lookup("passport", number), sealer.Lookup("passport", number)) ||
		bytes.Equal(sealer.Lookup("passport", number), sealer.Lookup("uscc", number)) ||
		bytes.Equal(sealer.Lookup("passport", number), other.Lookup("passport", number)) {
		t.Error("lookup hashes: the same key, domain and text must agree, and nothing else")
	}
	if _, err := NewSealer(make([]byte, 16)); err == nil {
		t.Error("a short key is accepted")
	}
}
