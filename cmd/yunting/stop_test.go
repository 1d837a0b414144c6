package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/gorilla/websocket"

	"yunting/docket"
	"yunting/internal/postgres"
	"yunting/internal/postgres/pgtest"
	"yunting/signaling"
)

// heldMails is how many mails the slow post office holds in its hands: the first until it is told to go on, the other for ever.
const heldMails = 2

// slowPostOffice is an SMTP server that takes its time over the first mails and counts what it took, by Message-ID.
type slowPostOffice struct {
	url    string
	held   chan string   // Message-IDs of the mails that it holds
	goOn   chan struct{} // closed to let the first one pass
	closed chan struct{} // closed with the test

	mu    sync.Mutex // guards what follows
	seen  int
	taken map[string]int
}

func openPostOffice(t *testing.T) *slowPostOffice {
	t.Helper()
	o := &slowPostOffice{held: make(chan string, heldMails), goOn: make(chan struct{}), closed: make(chan struct{}), taken: map[string]int{}}
	server := smtp.NewServer(o)
	server.Domain, server.ErrorLog = "test", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		close(o.closed)
		if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		<-done
	})
	o.url = fmt.Sprintf("smtp+plain://%s", listener.Addr())
	return o
}

// NewSession implements smtp.Backend.
func (o *slowPostOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &counterClerk{o}, nil }

type counterClerk struct{ office *slowPostOffice }

func (*counterClerk) Reset()                               {}
func (*counterClerk) Logout() error                        { return nil }
func (*counterClerk) Mail(string, *smtp.MailOptions) error { return nil }
func (*counterClerk) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (c *counterClerk) Data(r io.Reader) error {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return err
	}
	id, o := m.Header.Get("Message-Id"), c.office
	o.mu.Lock()
	o.seen++
	nth := o.seen
	o.mu.Unlock()
	if nth <= heldMails {
		o.held <- id
		pass := o.goOn
		if nth > 1 {
			pass = nil
		}
		select {
		case <-pass:
		case <-o.closed:
			return errors.New("the post office closed")
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken[id]++
	return nil
}

func (o *slowPostOffice) count(id string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.taken[id]
}

// TestStopLosesNothing stops a court with SIGTERM while a hearing runs and two mails are on their way: the room is told,
// the recording is finished, the mail that ends in time ends, the other goes out after the next start, each once.
func TestStopLosesNothing(t *testing.T) {
	office := openPostOffice(t)
	p := startDemo(t, "--smtp-url", office.url)
	var ids []string
	for range heldMails {
		select {
		case id := <-office.held:
			ids = append(ids, id)
		case <-time.After(time.Minute):
			t.Fatalf("no mail is on its way\n%s", p.log)
		}
	}
	hearing, judge := p.file().Hearing.String(), ""
	for _, person := range p.file().People {
		if person.Login == "linjing" {
			judge = person.Token
		}
	}
	socket, res, err := websocket.DefaultDialer.Dial(fmt.Sprintf("ws%s/hearings/%s/socket", strings.TrimPrefix(p.url, "http"), hearing),
		http.Header{"Authorization": {"Bearer " + judge}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	defer res.Body.Close()
	if err := socket.WriteJSON(map[string]any{"type": "hello", "version": signaling.Version}); err != nil {
		t.Fatal(err)
	}
	sessions := filepath.Join(p.dir, "recordings", "*", "*") // of each hearing, until they are finished and stored
	p.until("what is said in the recording", func() bool { return holdsMedia(filepath.Join(sessions, "*", "*.seg")) })

	asked := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expectDrain(t, socket)
	p.until("the word that it closes", func() bool { return strings.Contains(p.log.String(), "the court is closing") })
	close(office.goOn)
	select {
	case err := <-p.ended:
		if err != nil {
			t.Fatalf("stopped with %v\n%s", err, p.log)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("the court does not end\n%s", p.log)
	}
	t.Logf("stopped within %v", time.Since(asked).Round(100*time.Millisecond))
	if left, err := filepath.Glob(sessions); err != nil || len(left) != 0 {
		t.Errorf("recordings that are not finished: %v, %v\n%s", left, err, p.log)
	}
	if office.count(ids[0]) != 1 || office.count(ids[1]) != 0 {
		t.Errorf("before the next start the mails went out %d and %d times", office.count(ids[0]), office.count(ids[1]))
	}

	p.start()
	p.until("the mail that was put back", func() bool { return office.count(ids[1]) > 0 })
	var kept []docket.Recording
	p.call(judge, "GET", "/api/v1/hearings/"+hearing+"/recordings", nil, &kept, http.StatusOK)
	if len(kept) == 0 {
		t.Error("the hearing has no recording")
	}
	office.mu.Lock()
	defer office.mu.Unlock()
	for id, n := range office.taken {
		if n != 1 {
			t.Errorf("mail %s went out %d times", id, n)
		}
	}
}

// holdsMedia: a segment has more in it than its first words and its tracks.
func holdsMedia(segments string) bool {
	begun, err := filepath.Glob(segments)
	return err == nil && slices.ContainsFunc(begun, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 8<<10
	})
}

// expectDrain: the room says when to come back, and ends the socket with the code for a restart.
func expectDrain(t *testing.T, socket *websocket.Conn) {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	told := false
	for {
		var m struct {
			Type       string
			RetryAfter int64
		}
		err := socket.ReadJSON(&m)
		if err != nil {
			if !told || !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
				t.Errorf("told %v, then %v", told, err)
			}
			return
		}
		told = told || m.Type == "drain" && m.RetryAfter > 0
	}
}

// TestCannotStart: a court that cannot have its ports says which and why, ends what it had started, and exits with 2.
func TestCannotStart(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(taken.LocalAddr().(*net.UDPAddr).Port)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp")), "--database-url", pgtest.Database(t),
		"--data-dir", t.TempDir(), "--media-port", port)
	out, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 2 || !strings.Contains(string(out), "UDP port "+port) || strings.Contains(string(out), "goroutine ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSecondServerOnADatabase: a server whose database another one works on says so and how to mend it, and exits with 2.
func TestSecondServerOnADatabase(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dsn := pgtest.Database(t)
	pool, err := postgres.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	first, err := postgres.TakeClaim(t.Context(), pool, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp")), "--database-url", dsn,
		"--data-dir", t.TempDir(), "--media-port", fmt.Sprint(freePort(t, "udp"))).CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 2 || !strings.Contains(string(out), postgres.ErrClaimed.Error()) || strings.Contains(string(out), "goroutine ") {
		t.Errorf("%v\n%s", err, out)
	}
}
