package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"yunting/docket"
	"yunting/internal/blob/s3test"
	"yunting/media/record"
	"yunting/signaling"
)

// TestAnotherMachineFinishesTheRecording loses the machine in mid-hearing with a tail that the file store did not have:
// what it had becomes the recording, the rest is a gap with its cause, and the exported case verifies.
func TestAnotherMachineFinishesTheRecording(t *testing.T) {
	store := s3test.Start(t)
	p := startDemo(t, "--blob-url", store.Address, "--log-level", "warn")
	hearing, judge := p.file().Hearing.String(), p.token("linjing")
	bench := p.sit(judge, hearing)
	p.until("segments in the file store", func() bool { return p.metric("yunting_recording_segments_uploaded_total") >= 6 })
	store.Stop(t)
	had := p.metric("yunting_recording_segments_uploaded_total")
	p.until("segments that wait", func() bool { return p.metric("yunting_recording_segments_waiting") >= 4 })
	p.kill()
	if err := bench.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "recordings")); err != nil {
		t.Fatal(err)
	}
	store.Run(t)
	p.start()

	var kept []docket.Recording
	path := "/api/v1/hearings/" + hearing
	p.call(judge, "GET", path+"/recordings", nil, &kept, http.StatusOK)
	lost := checkKept(t, kept)
	var at docket.Hearing
	p.call(judge, "GET", path, nil, &at, http.StatusOK)
	if !p.entered(judge, at.Case, "hearing."+docket.EventRecordingGap) {
		t.Error("the docket has no entry of the gap")
	}
	t.Logf("%d participants, the store had %v segments, %d are lost", len(kept), had, lost)

	bench = p.sit(judge, hearing)
	defer bench.Close()
	p.move(bench, "recess")
	p.move(bench, "closed")
	p.until("the integrity value", func() bool { return p.entered(judge, at.Case, docket.EntryIntegrity) })
	said := p.verifyCase(judge, at.Case)
	for _, want := range []string{"the machine was lost before", fmt.Sprintf("%d more segments went with their machine", lost)} {
		if !strings.Contains(said, want) {
			t.Errorf("verify does not say %q:\n%s", want, said)
		}
	}
}

// checkKept: every participant has a file, none without segments, and one whose tail is lost lists that as a gap.
func checkKept(t *testing.T, kept []docket.Recording) (lost int) {
	t.Helper()
	if len(kept) == 0 {
		t.Fatal("nothing is left of the recording")
	}
	for _, r := range kept {
		lost += len(r.Lost)
		var gaps []record.Gap
		if err := json.Unmarshal(r.Gaps, &gaps); err != nil {
			t.Fatal(err)
		}
		listed := false
		for _, g := range gaps {
			listed = listed || g.Cause == record.CauseLost
		}
		if listed != (len(r.Lost) > 0) {
			t.Errorf("%s: segments %v are lost, gaps %+v", r.Name, r.Lost, gaps)
		}
		if r.Ended.Sub(r.Started) < 3*time.Second {
			t.Errorf("%s has %v of record", r.Name, r.Ended.Sub(r.Started))
		}
	}
	if lost == 0 {
		t.Error("what the store did not have is not said to be lost")
	}
	return lost
}

// entered reports whether the case has an entry of the kind.
func (p *process) entered(token string, kase uuid.UUID, kind string) bool {
	p.t.Helper()
	var entries []docket.Entry
	p.call(token, "GET", "/api/v1/cases/"+kase.String()+"/entries", nil, &entries, http.StatusOK)
	return slices.ContainsFunc(entries, func(e docket.Entry) bool { return e.Kind == kind })
}

// token is a synthetic person's API token.
func (p *process) token(login string) string {
	p.t.Helper()
	for _, person := range p.file().People {
		if person.Login == login {
			return person.Token
		}
	}
	p.t.Fatalf("the demonstration has no %s", login)
	return ""
}

// sit has a person enter the hearing's room: a judge or clerk is in at once.
func (p *process) sit(token, hearing string) *websocket.Conn {
	p.t.Helper()
	socket, res, err := websocket.DefaultDialer.Dial(fmt.Sprintf("ws%s/hearings/%s/socket", strings.TrimPrefix(p.url, "http"), hearing),
		http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		p.t.Fatal(err)
	}
	if err := socket.WriteJSON(map[string]any{"type": "hello", "version": signaling.Version}); err != nil {
		p.t.Fatal(err)
	}
	p.request(socket, map[string]any{"type": "declare", "discipline": true, "noRecording": true})
	return socket
}

func (p *process) move(socket *websocket.Conn, to string) {
	p.t.Helper()
	p.request(socket, map[string]any{"type": "phase", "to": to})
}

// request waits until the room has granted a request.
func (p *process) request(socket *websocket.Conn, message map[string]any) {
	p.t.Helper()
	ref := fmt.Sprint(message["type"], message["to"])
	message["ref"] = ref
	if err := socket.WriteJSON(message); err != nil {
		p.t.Fatal(err)
	}
	if err := socket.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	for {
		var m struct{ Type, Ref, Code string }
		if err := socket.ReadJSON(&m); err != nil {
			p.t.Fatalf("%s: %v", ref, err)
		}
		if m.Ref == ref {
			if m.Code != "" {
				p.t.Fatalf("%s is refused: %s", ref, m.Code)
			}
			return
		}
	}
}

// metric reads a counter or gauge without labels.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	res, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return n
		}
	}
	p.t.Fatalf("no metric %s: %v", name, lines.Err())
	return 0
}

// verifyCase exports a case and gives what the program says of it offline.
func (p *process) verifyCase(token string, kase uuid.UUID) string {
	p.t.Helper()
	status, zip, err := p.try(token, "POST", "/api/v1/cases/"+kase.String()+"/export", nil)
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("export: status %d, %v: %.200s", status, err, zip)
	}
	path := written(p.t.(*testing.T), p.t.TempDir(), "case.zip", zip)
	out, err := exec.Command(p.cmd.Path, "verify", "--lang", "en", path).CombinedOutput()
	if err != nil {
		p.t.Fatalf("verify: %v\n%s", err, out)
	}
	return string(out)
}
