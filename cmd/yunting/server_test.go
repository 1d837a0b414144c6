package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"yunting/cmd/yunting/demo"
	"yunting/docket"
	"yunting/docket/complaint"
)

// binary builds the program once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yunting-bin-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "yunting")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	closeBrowser()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a running court: the real program with its own PostgreSQL, on ports and in a directory of its own.
type process struct {
	t    testing.TB
	dir  string
	url  string
	args []string
	env  []string // beside the test's own
	cmd  *exec.Cmd
	log  *syncBuffer

	ended <-chan error // what the program that start started ended with
}

// startDemo starts `yunting demo` in a fresh directory and waits until it is ready. It is stopped with the test.
func startDemo(t testing.TB, args ...string) *process {
	t.Helper()
	return startDemoOn(t, "127.0.0.1", args...)
}

// startDemoOn listens on host, which 127.0.0.1 belongs to.
func startDemoOn(t testing.TB, host string, args ...string) *process {
	t.Helper()
	p := newDemo(t, host, args...)
	p.start()
	return p
}

// newDemo is a demo that has not been started yet.
func newDemo(t testing.TB, host string, args ...string) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "yunting-demo-*")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's own user walks through it
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	web, media := freePort(t, "tcp"), freePort(t, "udp")
	listen := fmt.Sprintf("%s:%d", host, web)
	p := &process{t: t, dir: dir, url: fmt.Sprintf("http://127.0.0.1:%d", web), log: &syncBuffer{},
		args: append([]string{"demo", "--listen", listen, "--data-dir", dir, "--media-port", fmt.Sprint(media)}, args...)}
	t.Cleanup(p.stop)
	return p
}

// start starts the program, again when it was killed, and waits for /readyz.
func (p *process) start() {
	p.t.Helper()
	if err := p.await(p.begin()); err != nil {
		p.t.Fatalf("the court did not start: %v\n%s", err, p.log)
	}
}

// begin starts the program and gives what it will end with.
func (p *process) begin() <-chan error {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(path, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	cmd := p.cmd
	go func() { ended <- cmd.Wait() }()
	p.ended = ended
	return ended
}

func (p *process) await(ended <-chan error) error {
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended: %w", err)
		case <-deadline.C:
			return context.DeadlineExceeded
		case <-tick.C:
			if res, err := http.Get(p.url + "/readyz"); err == nil {
				res.Body.Close()
				if _, err := os.Stat(filepath.Join(p.dir, "demo.json")); res.StatusCode == http.StatusOK && err == nil {
					return nil
				}
			}
		}
	}
}

// until polls for what the running court brings about.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	p.within(what, time.Minute, done)
}

func (p *process) within(what string, limit time.Duration, done func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited %v for %s\n%s", limit, what, p.log)
		}
		<-tick.C
	}
}

// kill is a power cut for the program: SIGKILL, no time to say anything.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatalf("kill: %v", err)
	}
	p.waitGone()
}

// stop asks the program to end, as Ctrl-C does.
func (p *process) stop() {
	if p.cmd == nil || p.cmd.Process.Signal(syscall.SIGINT) != nil {
		return
	}
	p.waitGone()
}

func (p *process) waitGone() {
	deadline := time.Now().Add(60 * time.Second)
	for p.cmd.Process.Signal(syscall.Signal(0)) == nil {
		if time.Now().After(deadline) {
			p.t.Errorf("the court did not end within a minute\n%s", p.log)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

// file reads demo.json.
func (p *process) file() demo.File {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "demo.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	var f demo.File
	if err := json.Unmarshal(data, &f); err != nil {
		p.t.Fatal(err)
	}
	return f
}

// call does one request of the JSON API and decodes the reply into out, unless out is nil. It fails the test on any
// status but want.
func (p *process) call(token, method, path string, in, out any, want int) {
	p.t.Helper()
	status, reply, err := p.try(token, method, path, in)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	if status != want {
		p.t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, reply)
	}
	if out != nil {
		if err := json.Unmarshal(reply, out); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, reply)
		}
	}
}

func (p *process) try(token, method, path string, in any) (int, []byte, error) {
	var content io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, p.url+path, content)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(res.Body)
	return res.StatusCode, reply, err
}

func freePort(t testing.TB, network string) int {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// syncBuffer is a buffer that a process and a test use at the same time.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// decode gives a function that reads JSON into *v, which it replaces whole.
func decode[T any](v *T) func([]byte) error {
	return func(data []byte) error {
		var fresh T
		if err := json.Unmarshal(data, &fresh); err != nil {
			return err
		}
		*v = fresh
		return nil
	}
}

// inputOf turns a party as it stands into what a form would send.
func inputOf(p docket.Party) complaint.PartyInput {
	return complaint.PartyInput{Standing: string(p.Standing), Kind: p.Kind, Name: p.Name, IDKind: p.IDKind, IDNumber: p.IDNumber, Gender: p.Gender,
		Birth: p.Birth, Ethnicity: p.Ethnicity, Occupation: p.Occupation, Phone: p.Phone, Email: p.Email, Address: p.Address,
		Representative: p.Representative, RepresentativeTitle: p.RepresentativeTitle}
}
