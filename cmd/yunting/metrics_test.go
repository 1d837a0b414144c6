package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"testing"
)

// TestEveryMetricIsExplained compares what a running court shows with docs/howto/metrics.md: each of our metrics stands
// there with its type, and nothing stands there that is not shown.
func TestEveryMetricIsExplained(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	s := newServing(t, "http://"+listen, nil, "--listen", listen, "--turn-port", fmt.Sprint(freePort(t, "udp")))
	s.start()
	res, err := s.client.Get(s.base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("%s, %q, %v", res.Status, res.Header.Get("Content-Type"), err)
	}
	page, err := os.ReadFile("../../docs/howto/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := func(text []byte, line string) map[string]string {
		out := map[string]string{}
		for _, m := range regexp.MustCompile(line).FindAllSubmatch(text, -1) {
			out[string(m[1])] = string(m[2])
		}
		return out
	}
	shown := kinds(body, `(?m)^# TYPE (\S+) (\S+)$`)
	explained := kinds(page, "(?m)^\\| `(\\w+)`(?:, `\\w+`)? \\| (\\w+)")
	for name, kind := range explained {
		if shown[name] != kind {
			t.Errorf("%s is explained as a %s, /metrics shows %q", name, kind, shown[name])
		}
	}
	ours := 0
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (yunting_\S+) `).FindAllSubmatch(body, -1) {
		ours++
		if name := string(m[1]); explained[name] == "" {
			t.Errorf("docs/howto/metrics.md does not explain %s", name)
		}
	}
	if ours < 40 {
		t.Errorf("only %d metrics of ours are shown:\n%s", ours, body)
	}
}
