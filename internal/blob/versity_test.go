package blob_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/internal/blob"
	"yunting/internal/blob/s3test"
)

// TestS3Server keeps blobs on a true S3 server: one of several parts, ranges of it, a hash that says what came back,
// a key that is refused, a server that goes away and comes back.
func TestS3Server(t *testing.T) {
	server := s3test.Start(t)
	if _, err := blob.Open(strings.Replace(server.Address, "secretsecret", "wrong", 1)); err == nil {
		t.Error("a wrong secret was taken")
	}
	if _, err := blob.Open(strings.Replace(server.Address, "create=true", "create=false", 1)); err == nil || !strings.Contains(err.Error(), "create=true") {
		t.Errorf("a missing bucket: %v", err)
	}
	store, err := blob.Open(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	blob.TestStore(t, store)
	abc := sha256.Sum256([]byte("abc"))
	if got, err := os.ReadFile(server.Object(hex.EncodeToString(abc[:]))); err != nil || string(got) != "abc" {
		t.Errorf("the object of abc holds %q, %v", got, err)
	}

	content := make([]byte, 40<<20) // three parts of a multipart upload
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	hash := blob.Hash(sha256.Sum256(content))
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if ref, err := store.PutFile(t.Context(), path, hash); err != nil || ref != (blob.Ref{Hash: hash, Size: int64(len(content))}) {
		t.Fatalf("PutFile: %v, %v", ref, err)
	}
	checkRanges(t, store, hash, content)

	server.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := store.Put(ctx, strings.NewReader("nobody there")); err == nil {
		t.Error("a Put without a server succeeded")
	}
	if _, err := store.Stat(ctx, hash); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("without a server a blob is said to be absent: %v", err)
	}
	server.Run(t)
	checkRanges(t, store, hash, content)
	if _, err := store.Put(t.Context(), strings.NewReader("nobody there")); err != nil {
		t.Errorf("after the server came back: %v", err)
	}
}

// checkRanges reads a blob whole and from the middle, each compared with what was stored.
func checkRanges(t *testing.T, store blob.Store, hash blob.Hash, content []byte) {
	t.Helper()
	r, err := store.Open(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil || blob.Hash(sum.Sum(nil)) != hash {
		t.Errorf("read whole: %x, %v", sum.Sum(nil), err)
	}
	for _, from := range []int64{30 << 20, 17<<20 + 3, 0} {
		part := make([]byte, 1<<20)
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, content[from:from+int64(len(part))]) {
			t.Errorf("bytes from %d: %v", from, err)
		}
	}
}
