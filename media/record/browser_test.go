package record_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yunting/media"
	"yunting/media/record"
)

// page is a client of two peers in one browser tab: each publishes the
// browser's fake camera and microphone and receives the other.
const page = `<!doctype html><title>wait</title><script>
const post = (path, body) => fetch(path, {method: 'POST', body}).then(r => r.ok ? r.text() : Promise.reject(path + ' ' + r.status));
const nack = sdp => sdp.replace(/(a=rtpmap:(\d+) opus\/48000.*\r\n)/g, '$1a=rtcp-fb:$2 nack\r\n');
async function peer(id) {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 240, frameRate: 20}});
  const pub = new RTCPeerConnection(), sub = new RTCPeerConnection();
  stream.getTracks().forEach(t => pub.addTrack(t, stream));
  await pub.setLocalDescription();
  const offer = nack(pub.localDescription.sdp);
  await pub.setRemoteDescription({type: 'answer', sdp: await post('/publish?id=' + id, offer)});
  sub.ontrack = e => { const v = document.createElement('video'); v.muted = true; v.autoplay = true; v.srcObject = e.streams[0]; document.body.append(v); };
  (async () => { for (;;) {
    const o = await post('/offer?id=' + id, '');
    if (!o) continue;
    await sub.setRemoteDescription({type: 'offer', sdp: o});
    await sub.setLocalDescription();
    await post('/answer?id=' + id, nack(sub.localDescription.sdp));
  } })().catch(e => post('/result', JSON.stringify({error: String(e)})));
  return {pub, sub, stream};
}
async function figures(p) {
  const out = {video: 0, audio: 0, lost: 0, nacks: 0};
  for (const s of (await p.sub.getStats()).values()) if (s.type == 'inbound-rtp') {
    if (s.kind == 'video') out.video += s.framesDecoded || 0; else out.audio += s.packetsReceived;
    out.lost += s.packetsLost;
  }
  for (const s of (await p.sub.getStats()).values()) if (s.type == 'transport') out.cipher = s.srtpCipher;
  out.nack = /a=rtcp-fb:\d+ nack\r\n/.test(p.pub.remoteDescription.sdp.split("m=").find(m => m.startsWith("audio")));
  return out;
}
(async () => {
  const a = await peer('a'), b = await peer('b');
  const began = performance.now();
  for (;;) {
    await new Promise(r => setTimeout(r, 200));
    const f = [await figures(a), await figures(b)];
    if (f.every(x => x.video > 100 && x.audio > 200)) { await post('/result', JSON.stringify({peers: f})); return; }
    if (performance.now() - began > 40000) { await post('/result', JSON.stringify({error: 'too late', peers: f})); return; }
  }
})().catch(e => post('/result', JSON.stringify({error: String(e.stack || e)})));
</script>`

// hall is the test's signaling: HTTP posts in place of a socket.
type hall struct {
	room   *media.Room
	result chan string

	mu     sync.Mutex // guards peers
	peers  map[string]*media.Peer
	offers map[string]chan string
}

func (h *hall) peer(id string) (*media.Peer, chan string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil {
		return p, h.offers[id], nil
	}
	offers := make(chan string, 16)
	p, err := h.room.Join(id, media.JoinOptions{
		Permissions: media.Permissions{PublishAudio: true, PublishVideo: true, PublishScreen: true, Subscribe: true},
		Events:      media.Events{Offer: func(sdp string) { offers <- sdp }},
	})
	h.peers[id], h.offers[id] = p, offers
	return p, offers, err
}

func (h *hall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	if r.URL.Path == "/result" {
		h.result <- string(b)
		return
	}
	id := r.URL.Query().Get("id")
	if id == "" {
		http.NotFound(w, r)
		return
	}
	p, offers, err := h.peer(id)
	var answer string
	switch {
	case err != nil:
	case r.URL.Path == "/publish":
		answer, err = p.Publish(string(b))
	case r.URL.Path == "/answer":
		err = p.AnswerSubscribe(string(b))
	case r.URL.Path == "/offer":
		select {
		case answer = <-offers:
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// browser runs Chromium on a URL until the test ends. Only one runs on the
// machine at a time.
func browser(t *testing.T, url string) {
	t.Helper()
	lock, err := os.OpenFile(os.TempDir()+"/chromium.lock", os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
		"--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		_ = lock.Close()
	})
}

func TestChromiumRecorded(t *testing.T) {
	s, err := media.New(media.Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := &hall{room: s.Room("court"), result: make(chan string, 8), peers: map[string]*media.Peer{}, offers: map[string]chan string{}}
	var finished []record.Finished
	rec, err := record.New(record.Options{Dir: t.TempDir(), OnFinished: func(f record.Finished) { finished = append(finished, f) },
		OnError: func(_ string, err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	stop := h.room.Record(rec.NewSink)
	web := httptest.NewServer(h)
	defer web.Close()
	browser(t, web.URL+"/")
	var result string
	select {
	case result = <-h.result:
	case <-time.After(60 * time.Second):
		t.Fatal("the browser says nothing")
	}
	t.Log(result)
	var r struct{ Error string }
	if err := json.Unmarshal([]byte(result), &r); err != nil || r.Error != "" {
		t.Fatalf("browser: %s %v", r.Error, err)
	}
	if !strings.Contains(result, `"cipher":"SRTP_AEAD_AES_128_GCM"`) || strings.Contains(result, `"nack":false`) {
		t.Errorf("want AES-GCM and NACK for Opus: %s", result)
	}
	stop()
	if err := rec.Finish(); err != nil {
		t.Fatal(err)
	}
	if len(finished) != 2 {
		t.Fatalf("%d files, want 2", len(finished))
	}
	for _, f := range finished {
		checkBrowserFile(t, f)
	}
}

func checkBrowserFile(t *testing.T, f record.Finished) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "warning", "-i", f.Path, "-fps_mode", "vfr", "-enc_time_base", "1:1000", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("decode: %v\n%s", err, out)
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,start_time:format=duration", "-of", "compact", f.Path).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\n%s gaps %v", f.Path, out, f.Gaps)
	if !strings.Contains(string(out), "codec_name=opus") || strings.Count(string(out), "codec_name=") != 2 {
		t.Errorf("streams: %s", out)
	}
	var duration float64
	if i := strings.LastIndex(string(out), "duration="); i < 0 {
		t.Error("no duration")
	} else if _, err := fmt.Sscan(string(out[i+9:]), &duration); err != nil || duration < 4 {
		t.Errorf("duration %v %v", duration, err)
	}
}
