package blob

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// bucketServer loses bytes on the way, which no true server does (those are in
// versity_test.go): one bucket, whole objects, every signature.
type bucketServer struct {
	bucket string

	mu      sync.Mutex // guards what follows
	made    bool
	objects map[string][]byte
	cut     int // bytes that the next upload loses on the way
}

func (b *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, name, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	object, found := b.objects[name]
	switch {
	case bucket != b.bucket:
		s3Error(w, http.StatusNotFound, "NoSuchBucket")
	case name == "" && r.Method == http.MethodPut:
		b.made = true
	case !b.made:
		s3Error(w, http.StatusNotFound, "NoSuchBucket")
	case name == "":
	case r.Method == http.MethodPut:
		body, err := uploadBody(r)
		if err != nil {
			s3Error(w, http.StatusBadRequest, "IncompleteBody")
			return
		}
		body = body[:max(0, len(body)-b.cut)]
		b.objects[name] = body
		w.Header().Set("ETag", etag(body))
	case !found:
		s3Error(w, http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("ETag", etag(object))
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(object))
	}
}

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

// uploadBody reads an upload, also one in the chunks of
// STREAMING-AWS4-HMAC-SHA256-PAYLOAD: "hex-size;chunk-signature=…\r\n bytes \r\n"
// until a chunk of size 0.
func uploadBody(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	in := bufio.NewReader(r.Body)
	var body []byte
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseInt(digits, 16, 32)
		if err != nil || size == 0 {
			return body, err
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		body = append(body, chunk[:size]...)
	}
}

func s3Address(t *testing.T, server *bucketServer, options string) string {
	t.Helper()
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return "s3://key:secret@" + strings.TrimPrefix(web.URL, "http://") + "/court/blobs?insecure=true&region=us-east-1" + options
}

// TestS3NoticesLoss: an upload that did not arrive whole is no success.
func TestS3NoticesLoss(t *testing.T) {
	server := &bucketServer{bucket: "court", made: true, objects: map[string][]byte{}, cut: 1}
	store, err := Open(s3Address(t, server, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), strings.NewReader("abc")); !errors.Is(err, ErrMismatch) {
		t.Errorf("an upload that lost a byte: %v", err)
	}
	path := t.TempDir() + "/upload"
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutFile(t.Context(), path, Hash{1}); !errors.Is(err, ErrMismatch) {
		t.Errorf("PutFile under a wrong hash: %v", err)
	}
}
