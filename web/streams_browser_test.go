package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// clientsPage serves the page of testdata/clients, bundled with the npm packages that it tries, from an origin that is not the court's.
func clientsPage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "tool", "esbuild", "web/testdata/clients/main.js", "--bundle", "--format=iife", "--target=es2020",
		"--outfile="+filepath.Join(dir, "main.js"), "--log-level=warning")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	mux := http.NewServeMux()
	mux.Handle("/main.js", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><script src="/main.js" defer></script>`)
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return strings.Replace(site.URL, "127.0.0.1", "localhost", 1) // another site than the court, and one that may use the camera
}

// startChromium starts the one Chromium that may run on the machine at a time.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "yunting-chromium.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	apiCheck(t, err)
	apiCheck(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.NoSandbox, chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("allow-loopback-in-peer-connection", true), chromedp.Flag("mute-audio", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		stop()
		_ = lock.Close() // which lets the lock go
	})
	return browser
}

// TestChromiumClientsOfOthers: on a page of another site @eyevinn/whip-web-client publishes and @eyevinn/webrtc-player plays
// it, by a token and without cookies; the page reads what it may, and nothing of the rest of the court.
func TestChromiumClientsOfOthers(t *testing.T) {
	w := newHearing(t)
	site := clientsPage(t)
	browser, cancel := context.WithTimeout(startChromium(t), 150*time.Second)
	defer cancel()
	apiCheck(t, chromedp.Do(browser, chromedp.Navigate(site+"/")))
	how, err := json.Marshal(map[string]string{"court": w.url, "hearing": w.hearing.ID.String(), "token": w.tokens["clerk"]})
	apiCheck(t, err)
	said, err := chromedp.Run(browser, chromedp.Evaluate[string](`run(`+string(how)+`).then(JSON.stringify, e => JSON.stringify({error: String(e)}))`, chromedp.EvalAwaitPromise))
	apiCheck(t, err)
	t.Log(said)
	var got struct {
		Error                                             string
		Audio, Video                                      int // packets and decoded pictures
		Named, Unnamed, Anonymous, WithCookies, Elsewhere any // statuses
	}
	apiCheck(t, json.Unmarshal([]byte(said), &got))
	if got.Error != "" || got.Audio == 0 || got.Video == 0 {
		t.Fatalf("%s: %d packets of sound and %d pictures", got.Error, got.Audio, got.Video)
	}
	for what, status := range map[string][2]any{
		"a PATCH that names its ICE session":  {got.Named, float64(http.StatusNoContent)},
		"a PATCH that names none":             {got.Unnamed, float64(http.StatusPreconditionRequired)},
		"a request without a token":           {got.Anonymous, float64(http.StatusUnauthorized)},
		"a request with cookies":              {got.WithCookies, "blocked"},
		"the API, which is for its own pages": {got.Elsewhere, "blocked"},
	} {
		if status[0] != status[1] {
			t.Errorf("%s: %v, want %v", what, status[0], status[1])
		}
	}
	room := w.server.SFU.Room(w.hearing.ID.String())
	w.until("the clients end their sessions", func() bool { return room.Peer(streamPrefix+"document-camera") == nil && len(room.Tracks()) == 0 })
}
