package secrets

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestLoadKeepsOneSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	got := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			secret, err := Load(dir, "identity", 32)
			if err != nil {
				t.Error(err)
			}
			got[i] = secret
		})
	}
	wg.Wait()
	for _, secret := range got {
		if len(secret) != 32 || !bytes.Equal(secret, got[0]) || bytes.Equal(secret, make([]byte, 32)) {
			t.Fatalf("secrets differ or are empty: %x and %x", secret, got[0])
		}
	}
	other, err := Load(dir, "ledger", 32)
	if err != nil || bytes.Equal(other, got[0]) {
		t.Fatalf("another name gives %x, %v", other, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("directory holds %v, %v; want the two secrets alone", entries, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		content []byte
		mode    os.FileMode
	}{
		"short":    {make([]byte, 31), 0o600},
		"long":     {make([]byte, 33), 0o600},
		"empty":    {nil, 0o600},
		"readable": {make([]byte, 32), 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, test.content, test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if secret, err := Load(dir, name, 32); err == nil {
			t.Errorf("%s: got a secret of %d bytes, want an error", name, len(secret))
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, test.content) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
}
