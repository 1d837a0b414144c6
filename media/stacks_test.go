package media

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// other is a program on another WebRTC stack that publishes by WHIP and watches by WHEP.
type other struct {
	name   string
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
	cmd    *exec.Cmd
}

// startOther runs a program of testdata/stacks, which publishes at once as name.
func startOther(t *testing.T, name, watches, base string, command ...string) *other {
	t.Helper()
	o := &other{name: name, cmd: exec.CommandContext(t.Context(), command[0], append(command[1:], base, name, watches)...)}
	modules, err := filepath.Abs("../web/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	o.cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	o.cmd.Stderr = &o.stderr
	if o.stdin, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.stdout = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// watch has the program watch and tells how many frames it decoded.
func (o *other) watch(t *testing.T) (audio, video int) {
	t.Helper()
	if _, err := io.WriteString(o.stdin, "watch\n"); err != nil {
		t.Fatal(err)
	}
	line, err := o.stdout.ReadBytes('\n')
	if err != nil {
		_ = o.cmd.Wait() // only to have all that it said
		t.Fatalf("%s: %v\n%s", o.name, err, &o.stderr)
	}
	var got struct{ Audio, Video int }
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%s: %v: %s", o.name, err, line)
	}
	return got.Audio, got.Video
}

// leave has the program end its sessions and itself.
func (o *other) leave(t *testing.T) {
	t.Helper()
	if err := o.stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := o.cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", o.name, err, &o.stderr)
	}
}

// TestStacksThatAreNoBrowser: aiortc (Python) and libwebrtc in Node each publish sound and picture by WHIP, and each decodes by
// WHEP what the other sent, while a pion client receives both.
func TestStacksThatAreNoBrowser(t *testing.T) {
	s, err := New(Config{}) // every address: libwebrtc prefers others to loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	auth := func(r *http.Request, _, stream string, publish bool) (Grant, error) {
		switch {
		case r.Header.Get("Authorization") != "Bearer good":
			return Grant{}, ErrUnauthorized
		case publish:
			return Grant{Peer: stream}, nil
		}
		return Grant{Peer: "watches-" + stream}, nil
	}
	mux := http.NewServeMux()
	mux.Handle("/whip/", s.WHIP("/whip/", auth))
	mux.Handle("/whep/", s.WHEP("/whep/", auth))
	web := httptest.NewServer(mux)
	defer web.Close()

	room := s.Room("r")
	c := join(t, room, "pion", Permissions{Subscribe: true})
	python := startOther(t, "aiortc", "wrtc", web.URL, "/usr/bin/python3", "testdata/stacks/aiortc_client.py")
	node := startOther(t, "wrtc", "aiortc", web.URL, "node", "testdata/stacks/wrtc_client.cjs")
	within(t, 40*time.Second, "both publish sound and picture", func() bool { return len(room.Tracks()) == 4 })
	for _, o := range []*other{python, node} {
		audio, video := o.watch(t)
		t.Logf("%s decoded %d frames of sound and %d pictures", o.name, audio, video)
		if audio < 50 || video < 10 {
			t.Errorf("%s decoded too little", o.name)
		}
	}
	for _, ti := range room.Tracks() {
		within(t, 20*time.Second, ti.ID+" at the pion client", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.received[ti.ID]) >= 50
		})
	}
	python.leave(t)
	node.leave(t)
	eventually(t, "nothing is left", func() bool { return len(room.Tracks()) == 0 })
}
