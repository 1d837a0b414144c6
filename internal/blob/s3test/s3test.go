// Package s3test gives tests a true S3 server: Versity's gateway over a
// directory, built from the module proxy as versitygw/go.mod pins it.
package s3test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	readyTimeout = 60 * time.Second
	readyPoll    = 20 * time.Millisecond
)

// Server is a running S3 server.
type Server struct {
	// Address is what blob.Open takes; the bucket is made by the first who opens it.
	Address string

	program string
	listen  string
	dir     string
	process *exec.Cmd
}

// Start starts a server that ends with the test. The first start on a machine
// builds it, which takes a minute or two; later ones find it in Go's cache.
func Start(t testing.TB) *Server {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("s3test: where am I?")
	}
	build := exec.Command("go", "tool", "-n", "versitygw")
	build.Dir = filepath.Join(filepath.Dir(here), "versitygw")
	build.Stderr = os.Stderr
	path, err := build.Output()
	if err != nil {
		t.Fatalf("s3test: build the S3 server: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{program: strings.TrimSpace(string(path)), listen: l.Addr().String(), dir: t.TempDir()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"objects", "attributes"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Address = "s3://key:secretsecret@" + s.listen + "/court/blobs?insecure=true&create=true&region=us-east-1"
	s.Run(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// Run starts a stopped server again with what it held.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	s.process = exec.Command(s.program, "--quiet", "--port", s.listen, "--access", "key", "--secret", "secretsecret",
		"posix", "--sidecar", filepath.Join(s.dir, "attributes"), filepath.Join(s.dir, "objects"))
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	for deadline := time.Now().Add(readyTimeout); ; {
		answer, err := http.Get("http://" + s.listen + "/")
		if err == nil {
			if err := answer.Body.Close(); err != nil {
				t.Fatal(err)
			}
			http.DefaultClient.CloseIdleConnections()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("s3test: the S3 server does not answer: %v", err)
		}
		<-time.After(readyPoll)
	}
}

// Stop ends the server at once; a stopped one stays stopped.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	err := s.process.Process.Kill()
	var exit *exec.ExitError
	if waited := s.process.Wait(); !errors.As(waited, &exit) {
		err = errors.Join(err, fmt.Errorf("the server ended by itself: %w", waited))
	}
	s.process = nil
	if err != nil {
		t.Errorf("s3test: stop: %v", err)
	}
}

// Object is the file that holds the blob with this hash, as the server keeps it.
func (s *Server) Object(hash string) string {
	return filepath.Join(s.dir, "objects", "court", "blobs", hash[:2], hash)
}
